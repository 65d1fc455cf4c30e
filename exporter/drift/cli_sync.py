"""Pure. Logins of command line programs against the gateway's copies of them: which is newer, and whether it was synced.

Source: spec/gateways.md, 9 (which release writes which copy, every 15 minutes at most).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from exporter.drift.scene import Scene
from exporter.judging.history import fingerprint
from exporter.judging.selection import normalise
from exporter.model import AuthDocument, CredentialKind, Profile
from exporter.verdict import DriftFact
from exporter.words import instant

KIND, NAME = "cli", "CliSyncStale"
SYNC_EVERY: Final = timedelta(minutes=15)
_LOGINS = frozenset({CredentialKind.OAUTH, CredentialKind.TOKEN})
_ACCOUNTS = ("accountId", "projectId")


@dataclass(frozen=True, slots=True)
class Program:
    """Where a gateway keeps its copy: `synced` ids are written from the program's login, others may be logins of their own."""

    name: str
    providers: frozenset[str]
    synced: frozenset[str]
    adopted: frozenset[str] = frozenset()


PROGRAMS: Final[Mapping[str, Program]] = MappingProxyType(
    {
        "cli:claude-code": Program("Claude Code", frozenset({"anthropic", "claude-cli"}), frozenset({"anthropic:claude-cli"})),
        "cli:codex": Program(
            "Codex",
            frozenset({"openai-codex", "openai"}),
            frozenset({"openai-codex:codex-cli", "openai:codex-cli"}),
            frozenset({"openai-codex:default", "openai:default"}),
        ),
        "cli:gemini-cli": Program("Gemini CLI", frozenset({"google-gemini-cli"}), frozenset({"google-gemini-cli:gemini-cli"})),
        "cli:qwen": Program("Qwen", frozenset({"qwen-portal"}), frozenset({"qwen-portal:qwen-cli"})),
        "cli:minimax": Program("MiniMax", frozenset({"minimax-portal"}), frozenset({"minimax-portal:minimax-cli"})),
    }
)


def find(scene: Scene) -> Iterator[DriftFact]:
    """Compare every login with every copy of it."""
    for login in scene.reading.cli_logins:
        row = PROGRAMS.get(login.id)
        if row is None:
            continue
        for agent, document in scene.stores():
            for copy in document.profiles.values():
                fact = _compare(scene, login, row, agent, document, copy)
                if fact is not None:
                    yield fact


def _compare(scene: Scene, login: Profile, row: Program, agent: str, document: AuthDocument, copy: Profile) -> DriftFact | None:
    if copy.credential.kind not in _LOGINS or normalise(copy.provider) not in row.providers or copy.credential.fence is not None:
        return None
    synced = copy.id in row.synced or copy.credential.attributes.get("authFlow") == "external-cli"
    if not synced and not (_same_account(login, copy, row) and _lapsed(copy, scene.now) and not _lapsed(login, scene.now)):
        return None
    ours, theirs = fingerprint(copy.credential, scene.salt), fingerprint(login.credential, scene.salt)
    if not theirs or ours == theirs or not _newer(login, copy, document.updated_at):
        return None
    since = login.modified_at
    if since is not None and not scene.is_past(since + SYNC_EVERY):
        return None
    when = f" since {instant(since)}" if since else ""
    why = f"{row.name} has a newer login{when}, the gateway still has the old one"
    return scene.fact(KIND, NAME, why, agent=agent, provider=normalise(copy.provider), profile=copy.id, since=since)


def _newer(login: Profile, copy: Profile, stored_at: datetime | None) -> bool:
    """Say whether the program's login is the later one: by its end, else by when it was written."""
    theirs, ours = login.credential.expiry.ms, copy.credential.expiry.ms
    if theirs is not None and ours is not None:
        return theirs > ours
    return login.modified_at is not None and (stored_at is None or login.modified_at > stored_at)


def _lapsed(profile: Profile, now: datetime) -> bool:
    ms = profile.credential.expiry.ms
    return ms is not None and ms <= now.timestamp() * 1000


def _same_account(login: Profile, copy: Profile, row: Program) -> bool:
    if copy.id in row.adopted:
        return True
    if login.email is not None and login.email == copy.email:
        return True
    pairs = ((login.credential.attributes.get(name), copy.credential.attributes.get(name)) for name in _ACCOUNTS)
    return any(one is not None and one == other for one, other in pairs)
