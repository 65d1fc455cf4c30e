"""Pure. What changed in the verdicts on each profile since we started, as people read it: newest last, and only so much of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from exporter.judging.history import Subject
from exporter.verdict import AgentVerdict, ProfileVerdict, Snapshot

_KEPT: Final = 40


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that became another. `why` says what decided."""

    at: datetime
    what: str  # health, reason, usable, probe, credential, cooldown
    before: str
    after: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Chronicle:
    """Every change by profile. `since` is when we began to watch."""

    since: datetime | None = None
    changes: Mapping[Subject, tuple[Change, ...]] = field(default_factory=lambda: MappingProxyType({}))


def record(chronicle: Chronicle, before: Snapshot | None, after: Snapshot) -> Chronicle:
    """Add what differs between two snapshots; the same object when nothing does. Agents that are the same object cost nothing."""
    if before is None or chronicle.since is None:
        return Chronicle(after.at, chronicle.changes)
    known = {(agent.gateway, agent.agent): agent for gateway in before.gateways for agent in gateway.agents}
    found: dict[Subject, tuple[Change, ...]] = {}
    for gateway in after.gateways:
        for agent in gateway.agents:
            old = known.get((agent.gateway, agent.agent))
            if old is not None and old is not agent:
                found.update(_agent(chronicle, old, agent, after.at))
    return Chronicle(chronicle.since, MappingProxyType({**chronicle.changes, **found})) if found else chronicle


def _agent(chronicle: Chronicle, old: AgentVerdict, new: AgentVerdict, at: datetime) -> Iterator[tuple[Subject, tuple[Change, ...]]]:
    profiles = {(profile.provider, profile.profile): profile for profile in old.profiles}
    for profile in new.profiles:
        before = profiles.pop((profile.provider, profile.profile), None)
        if before is profile:
            continue
        changes = tuple(_changes(before, profile, at)) if before else (Change(at, "profile", "absent", "present"),)
        if changes:
            yield _noted(chronicle, profile, changes)
    for gone in profiles.values():
        yield _noted(chronicle, gone, (Change(at, "profile", "present", "absent"),))


def _noted(chronicle: Chronicle, profile: ProfileVerdict, changes: tuple[Change, ...]) -> tuple[Subject, tuple[Change, ...]]:
    subject = Subject(profile.gateway, profile.agent, profile.provider, profile.profile)
    return subject, (*chronicle.changes.get(subject, ()), *changes)[-_KEPT:]


def _changes(before: ProfileVerdict, after: ProfileVerdict, at: datetime) -> Iterator[Change]:
    if before.health is not after.health:
        yield Change(at, "health", before.health, after.health, after.health_rule.why)
    if before.reason is not after.reason:
        yield Change(at, "reason", before.reason, after.reason, after.reason_rule.why)
    if before.usable is not after.usable:
        yield Change(at, "usable", "yes" if before.usable else "no", "yes" if after.usable else "no", after.usable_rule.why)
    if before.refresh_state is not after.refresh_state:
        yield Change(at, "refresh", before.refresh_state, after.refresh_state)
    if _parked(before) != _parked(after):
        yield Change(at, "cooldown", _parked(before), _parked(after))
    if before.fingerprint and after.fingerprint and before.fingerprint != after.fingerprint:
        yield Change(after.changed_at or at, "credential", "one", "another", "the stored credential was replaced")
    if _probed(before) != _probed(after):
        probe = after.probe
        yield Change((probe.at if probe else None) or at, "probe", _probed(before), _probed(after), probe.words if probe else "")


def _parked(profile: ProfileVerdict) -> str:
    return ", ".join(sorted({f"{window.kind} {window.reason}".strip() for window in profile.cooldowns})) or "none"


def _probed(profile: ProfileVerdict) -> str:
    probe = profile.probe
    return "none" if probe is None else f"{probe.outcome} {probe.detail}".strip()
