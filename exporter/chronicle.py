"""Pure. What changed in the verdicts on each profile, as people read it: newest last, and only so much of it; and as JSON, to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from exporter.judging.history import Subject
from exporter.verdict import AgentVerdict, ProfileVerdict, Snapshot

_KEPT: Final = 40  # changes of one profile
_ABSENT: Final = 1000  # profiles remembered that are not there now

Standing = Mapping[str, str]  # what -> the word for it


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that became another. `why` says what decided."""

    at: datetime
    what: str  # health, reason, usable, refresh, cooldown, credential, probe, profile
    before: str
    after: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """How one profile stood when it was last seen, None when it was gone; and what changed so far."""

    standing: Standing | None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Chronicle:
    """Every profile's record. `since` is when we began to watch."""

    since: datetime | None = None
    records: Mapping[Subject, Record] = field(default_factory=lambda: MappingProxyType({}))

    def changes(self, subject: Subject) -> tuple[Change, ...]:
        """Return what changed of one profile, the newest last."""
        record = self.records.get(subject)
        return record.changes if record else ()


def note(chronicle: Chronicle, before: Snapshot | None, after: Snapshot) -> Chronicle:
    """Add what differs from how things stood last; the same object when nothing does.

    `before` is the snapshot noted last by this process, None at its first: agents that are the same object cost nothing. Where a store
    cannot be read, or the clock cannot be right, nothing is noted.
    """
    if after.clock_held:
        return chronicle
    known = {(agent.gateway, agent.agent): agent for agent in _agents(before)} if before else {}
    there = {} if before else _by_agent(chronicle)
    found: dict[Subject, Record] = {}
    for agent in _agents(after):
        key = (agent.gateway, agent.agent)
        old = known.get(key)
        if old is agent or not agent.known:
            continue
        stood = map(subject_of, old.profiles) if old else there.get(key, ())
        found.update(_agent(chronicle, stood, agent, after.at))
    if not found and chronicle.since is not None:
        return chronicle
    return Chronicle(chronicle.since or after.at, MappingProxyType(_bounded({**chronicle.records, **found}, after)))


def subject_of(profile: ProfileVerdict) -> Subject:
    """Return the labels a profile is remembered by."""
    return Subject(profile.gateway, profile.agent, profile.provider, profile.profile)


def to_json(record: Record) -> dict[str, object]:
    """Write a record."""
    changes = [[change.at.timestamp(), change.what, change.before, change.after, change.why] for change in record.changes]
    return {"standing": None if record.standing is None else dict(record.standing), "changes": changes}


def from_json(document: object) -> Record | None:
    """Read a record; None for what another release wrote otherwise."""
    if not isinstance(document, dict):
        return None
    standing, listed = document.get("standing"), document.get("changes")
    if not isinstance(listed, list) or not (standing is None or isinstance(standing, dict)):
        return None
    changes = tuple(change for entry in listed if (change := _change(entry)) is not None)
    return Record(None if standing is None else {str(what): str(word) for what, word in standing.items()}, changes)


def _change(entry: object) -> Change | None:
    match entry:
        case [int() | float() as at, str(what), str(before), str(after), str(why)]:
            return Change(datetime.fromtimestamp(at, UTC), what, before, after, why)
        case _:
            return None


def _agents(snapshot: Snapshot) -> Iterator[AgentVerdict]:
    return (agent for gateway in snapshot.gateways for agent in gateway.agents)


def _by_agent(chronicle: Chronicle) -> Mapping[tuple[str, str], list[Subject]]:
    found: dict[tuple[str, str], list[Subject]] = {}
    for subject in chronicle.records:
        found.setdefault((subject.gateway, subject.agent), []).append(subject)
    return found


def _agent(chronicle: Chronicle, stood: Iterable[Subject], agent: AgentVerdict, at: datetime) -> Iterator[tuple[Subject, Record]]:
    gone = set(stood)
    for profile in agent.profiles:
        subject = subject_of(profile)
        gone.discard(subject)
        record = chronicle.records.get(subject)
        after = _seen(chronicle, record, profile, at)
        if after is not record:
            yield subject, after
    for subject in gone:
        record = chronicle.records.get(subject)
        if record is not None and record.standing is not None:
            yield subject, _added(record, None, [Change(at, "profile", "present", "absent")])


def _seen(chronicle: Chronicle, record: Record | None, profile: ProfileVerdict, at: datetime) -> Record:
    standing = _standing(profile)
    if record is None or record.standing is None:
        new = [] if chronicle.since is None else [Change(at, "profile", "absent", "present")]
        return _added(record or Record(None), standing, new)
    if not profile.fingerprint:  # it cannot be told now; what was seen before still is the measure
        standing["credential"] = record.standing.get("credential", "")
    if standing == record.standing:
        return record
    return _added(record, standing, list(_changes(record.standing, standing, profile, at)))


def _added(record: Record, standing: Standing | None, changes: list[Change]) -> Record:
    return Record(standing, (*record.changes, *changes)[-_KEPT:])


def _standing(profile: ProfileVerdict) -> dict[str, str]:
    probe = profile.probe
    return {
        "health": profile.health.value,
        "reason": profile.reason.value,
        "usable": "yes" if profile.usable else "no",
        "refresh": profile.refresh_state.value,
        "cooldown": ", ".join(sorted({f"{window.kind} {window.reason}".strip() for window in profile.cooldowns})) or "none",
        "credential": profile.fingerprint,
        "probe": "none" if probe is None else f"{probe.outcome} {probe.detail}".strip(),
    }


def _changes(before: Standing, after: Standing, profile: ProfileVerdict, at: datetime) -> Iterator[Change]:
    probe = profile.probe
    whys = {
        "health": profile.health_rule.why,
        "reason": profile.reason_rule.why,
        "usable": profile.usable_rule.why,
        "probe": probe.words if probe else "",
    }
    for what, word in after.items():
        stood = before.get(what, word)
        if stood == word:
            continue
        if what == "credential":
            if stood:
                yield Change(profile.changed_at or at, what, "one", "another", "the stored credential was replaced")
        else:
            when = probe.at if what == "probe" and probe and probe.at else at
            yield Change(when, what, stood, word, whys.get(what, ""))


def _bounded(records: dict[Subject, Record], after: Snapshot) -> dict[Subject, Record]:
    """Forget those that are not there any more, longest without a change first, when they have become too many."""
    if len(records) - sum(len(agent.profiles) for agent in _agents(after)) <= _ABSENT:
        return records
    present = {subject_of(profile) for profile in after.all_profiles()}
    absent = sorted(records.keys() - present, key=lambda subject: _last_change(records[subject]), reverse=True)
    return {subject: record for subject, record in records.items() if subject in present} | {s: records[s] for s in absent[:_ABSENT]}


def _last_change(record: Record) -> float:
    return record.changes[-1].at.timestamp() if record.changes else 0.0
