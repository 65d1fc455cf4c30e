"""Edge. Logins of model-provider command line programs in one home."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from exporter.model import Problem, Profile, SourceState, StoreKind, StoreRef
from exporter.reading.families import expand, value_of
from exporter.reading.shelves import Shelves

PLACES: Final[Mapping[str, str]] = {
    "claude-code": ".claude/.credentials.json",
    "codex": ".codex/auth.json",
    "gemini-cli": ".gemini/oauth_creds.json",
    "qwen": ".qwen/oauth_creds.json",
    "minimax": ".minimax/oauth_creds.json",
}

Logins = tuple[tuple[Profile, ...], tuple[SourceState, ...], tuple[Problem, ...]]


def read_logins(shelves: Shelves, gateway: str, home: Path, environ: Mapping[str, str], now: datetime) -> Logins:
    """Read every login file of `home`; `environ` is empty for other users' homes."""
    profiles: list[Profile] = []
    sources: list[SourceState] = []
    problems: list[Problem] = []
    for name, place in PLACES.items():
        held = shelves.login(name, StoreRef(gateway, "", StoreKind.CLI_LOGIN, str(_path(name, place, home, environ))), now)
        problems += held.problems
        if held.source is not None:
            sources.append(held.source)
        if held.value is not None:
            profiles.append(held.value)
    return tuple(profiles), tuple(sources), tuple(problems)


def _path(name: str, place: str, home: Path, environ: Mapping[str, str]) -> Path:
    moved = value_of(environ, "CODEX_HOME") if name == "codex" else ""
    return expand(moved, home) / "auth.json" if moved else home / place
