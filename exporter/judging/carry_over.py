"""Pure. Which verdicts of the last pass still stand: what they were made of is the same, and time has changed no word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from exporter.judging.health import Rules
from exporter.judging.history import History, Subject
from exporter.judging.inheritance import MAIN
from exporter.model import AgentReading, GatewayReading, Reading
from exporter.outcome import Outcome
from exporter.verdict import AgentVerdict, GatewayVerdict, Snapshot

_NOTHING: Mapping[str, AgentVerdict] = MappingProxyType({})
# Whatever a gateway's agents share; their own readings are compared one by one.
_SURROUNDINGS = (
    "family",
    "state_dir",
    "era",
    "config",
    "environment",
    "shared",
    "shared_down",
    "shared_stale_since",
    "cli_logins",
    "static_profiles",
    "resolutions",
)


@dataclass(frozen=True, slots=True)
class Previous:
    """The last judgement and what it was made of."""

    reading: Reading
    snapshot: Snapshot
    outcomes: Mapping[Subject, Outcome]
    history: History
    rules: Rules

    def stands(self, now: datetime, rules: Rules) -> bool:
        """False when nothing of it may be taken over: other rules, a clock set back, held verdicts."""
        return self.rules == rules and now >= self.snapshot.at and not self.snapshot.clock_held


def gateways(
    previous: Previous, now: datetime, outcomes: Mapping[Subject, Outcome], history: History
) -> Iterator[tuple[GatewayReading, GatewayVerdict]]:
    """Yield the readings whose whole verdict stands, as long as nothing at all around them is new."""
    if previous.outcomes is not outcomes or previous.history is not history:
        return
    for reading, verdict in zip(previous.reading.gateways, previous.snapshot.gateways, strict=False):
        if all(now < at for at in changes(verdict)):
            yield reading, verdict


def agents(
    previous: Previous, gateway: GatewayReading, now: datetime, outcomes: Mapping[Subject, Outcome], history: History
) -> Mapping[str, AgentVerdict]:
    """Return the agents of a changed gateway whose verdicts stand."""
    pairs = zip(previous.reading.gateways, previous.snapshot.gateways, strict=False)
    found = next((pair for pair in pairs if pair[0].gateway == gateway.gateway), None)
    if found is None or previous.history.salt != history.salt or not _same_surroundings(found[0], gateway):
        return _NOTHING
    before = {agent.agent: agent for agent in found[0].agents}
    after = {agent.agent: agent for agent in gateway.agents}
    if gateway.shared is None and before.get(MAIN) is not after.get(MAIN):
        return _NOTHING  # everybody inherits from main
    return {
        verdict.agent: verdict
        for verdict in found[1].agents
        if before.get(verdict.agent) is after.get(verdict.agent)
        and _in_time(verdict, now)
        and _same_memories(verdict, previous.history, history)
        and _same_outcomes(verdict, outcomes)
    }


def changes(verdict: GatewayVerdict) -> Iterator[datetime]:
    """Yield the instants at which time alone may change a word of a gateway's verdict."""
    yield from (agent.until for agent in verdict.agents if agent.until)
    if verdict.drift_until:
        yield verdict.drift_until


def _in_time(verdict: AgentVerdict, now: datetime) -> bool:
    return verdict.until is None or now < verdict.until


def _same_surroundings(before: GatewayReading, after: GatewayReading) -> bool:
    same = all(getattr(before, name) == getattr(after, name) for name in _SURROUNDINGS)
    return same and set(_held(before.agents)) == set(_held(after.agents))


def _held(readings: tuple[AgentReading, ...]) -> Iterator[str]:
    """Yield what decides whether a named profile is missing: every id that some agent holds, and stores that are down."""
    for reading in readings:
        yield from reading.local.profiles if reading.local is not None else (f"\0{reading.agent}",)


def _same_memories(verdict: AgentVerdict, before: History, after: History) -> bool:
    return before is after or all(before.subjects.get(subject) is after.subjects.get(subject) for subject in _subjects(verdict))


def _same_outcomes(verdict: AgentVerdict, outcomes: Mapping[Subject, Outcome]) -> bool:
    return all(outcomes.get(Subject(p.gateway, p.agent, p.provider, p.profile)) is p.probe for p in verdict.profiles)


def _subjects(verdict: AgentVerdict) -> Iterator[Subject]:
    for profile in verdict.profiles:
        yield Subject(profile.gateway, profile.agent, profile.provider, profile.profile)
    for provider in verdict.providers:
        yield Subject(provider.gateway, provider.agent, provider.provider, "")
