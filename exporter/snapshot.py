"""Pure. Joins a reading, the probes' outcomes and the history into one immutable Snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from exporter.judging import carry_over
from exporter.judging.agent_verdict import judge_agent
from exporter.judging.carry_over import Previous
from exporter.judging.health import Rules
from exporter.judging.history import History, Sighting, Subject
from exporter.model import GatewayReading, Problem, ProblemReason, Reading
from exporter.outcome import Outcome
from exporter.verdict import AgentVerdict, GatewayVerdict, Snapshot

__all__ = ["NO_OUTCOMES", "Previous", "judge", "sightings", "unknown_subjects"]

NO_OUTCOMES: Mapping[Subject, Outcome] = MappingProxyType({})
_NO_HISTORY = History()


def judge(
    reading: Reading,
    now: datetime,
    rules: Rules,
    *,
    outcomes: Mapping[Subject, Outcome] = NO_OUTCOMES,
    history: History = _NO_HISTORY,
    previous: Previous | None = None,
    clock_held: str = "",
    drift: bool = True,
) -> Snapshot:
    """Judge everything that was read, at `now`.

    `clock_held` says why this machine's clock cannot be right; then the verdicts of `previous` stand, unless there are none.
    `drift`: also compare the places that should say the same.
    """
    if clock_held and previous:
        return replace(previous.snapshot, at=now, clock_held=clock_held)
    last = previous if previous and previous.stands(now, rules) else None
    standing = {id(old): verdict for old, verdict in carry_over.gateways(last, now, outcomes, history)} if last else {}
    gateways = tuple(
        standing.get(id(gateway))
        or _judge_gateway(gateway, now, rules, history, outcomes, carry_over.agents(last, gateway, now, outcomes, history) if last else {})
        for gateway in reading.gateways
    )
    if drift:
        known = set(map(id, standing.values()))
        pairs = zip(reading.gateways, gateways, strict=True)
        gateways = tuple(verdict if id(verdict) in known else _compared(read, verdict, now, history.salt) for read, verdict in pairs)
    changes = [at for gateway in gateways for at in carry_over.changes(gateway)]
    if previous and len(gateways) == len(previous.snapshot.gateways) and all(map(_same, gateways, previous.snapshot.gateways)):
        gateways = previous.snapshot.gateways
    facts = tuple(fact for gateway in gateways for fact in gateway.drift)
    return Snapshot(now, gateways, reading.searched, reading.problems, min(changes, default=None), facts, clock_held)


def sightings(snapshot: Snapshot) -> Mapping[Subject, Sighting]:
    """Return what this snapshot adds to the history."""
    seen: dict[Subject, Sighting] = {}
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            for p in agent.profiles:
                subject = Subject(p.gateway, p.agent, p.provider, p.profile)
                seen[subject] = Sighting(p.fingerprint, p.auth_failing_since, p.fenced)
            for provider in agent.providers:
                dark = provider.dark_at if provider.usable == 0 else None
                seen[Subject(provider.gateway, provider.agent, provider.provider, "")] = Sighting(dark_since=dark)
    return seen


def unknown_subjects(snapshot: Snapshot, history: History) -> tuple[Subject, ...]:
    """Return the remembered subjects of agents whose stores cannot be read: their absence proves nothing."""
    down = {(agent.gateway, agent.agent) for gateway in snapshot.gateways for agent in gateway.agents if not agent.known}
    return tuple(subject for subject in history.subjects if (subject.gateway, subject.agent) in down)


def _same(a: GatewayVerdict, b: GatewayVerdict) -> bool:
    return a is b


def _judge_gateway(
    gateway: GatewayReading,
    now: datetime,
    rules: Rules,
    history: History,
    outcomes: Mapping[Subject, Outcome],
    standing: Mapping[str, AgentVerdict],
) -> GatewayVerdict:
    agents: tuple[AgentVerdict, ...] = tuple(
        standing.get(agent.agent) or judge_agent(gateway, agent, now, rules, history, outcomes) for agent in gateway.agents
    )
    return GatewayVerdict(
        gateway=gateway.gateway,
        family=gateway.family,
        state_dir=gateway.state_dir,
        era=gateway.era,
        environment_seen=gateway.environment.seen,
        environment_why=gateway.environment.why,
        config_known=gateway.config is not None,
        agents=agents,
        sources=gateway.sources,
        problems=gateway.problems + _unseen(gateway, agents),
        version=gateway.config.version if gateway.config else None,
        host=gateway.host,
        traces=gateway.traces,
    )


def _compared(gateway: GatewayReading, verdict: GatewayVerdict, now: datetime, salt: bytes) -> GatewayVerdict:
    """Add what the comparisons of one gateway say."""
    from exporter.drift.compare import compare  # a bare check stays small without them

    found = compare(gateway, verdict.agents, now, salt)
    return replace(verdict, keys=found.keys, drift=found.facts, drift_until=found.until)


def _unseen(gateway: GatewayReading, agents: tuple[AgentVerdict, ...]) -> tuple[Problem, ...]:
    """Return the problem of an unseen environment, where it leaves a provider in use without a verdict."""
    if gateway.environment.seen:
        return ()
    providers = {p.provider for agent in agents for p in agent.providers if p.in_use and p.usable is None}
    if not providers:
        return ()
    place = f"{gateway.environment.why}; no visible credential for {', '.join(sorted(providers))}"
    return (Problem(gateway.gateway, "", None, ProblemReason.ENVIRONMENT_UNSEEN, place),)
