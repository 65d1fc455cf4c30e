"""Pure. The catalogue of everything that can be wrong, and one pass over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from exporter.checking import Scope
from exporter.finding import Evidence, Finding, Found
from exporter.findings import cooldowns, credentials, drift, limits, ourselves, providers, refresh, stores
from exporter.findings.condition import Condition
from exporter.findings.context import Context, Thresholds
from exporter.findings.view import UNTELLING, view
from exporter.outcome import ProbeStatus
from exporter.settings import Settings
from exporter.verdict import ProfileVerdict, Snapshot

CATALOGUE: tuple[Condition, ...] = (
    *providers.CONDITIONS,
    *credentials.CONDITIONS,
    *refresh.CONDITIONS,
    *limits.CONDITIONS,
    *cooldowns.CONDITIONS,
    *stores.CONDITIONS,
    *drift.CONDITIONS,
    *ourselves.CONDITIONS,
)
BY_NAME = {condition.name: condition for condition in CATALOGUE}
_EVERYTHING = Scope()
_CLOCK = "ClockSkew"


def find(snapshot: Snapshot, context: Context, scope: Scope = _EVERYTHING) -> Found:
    """Return what is wrong now, worst first, and what this pass could not tell.

    While the clock cannot be right, only that is found: every other verdict stands as it was.
    """
    seen = view(snapshot, context)
    held = bool(snapshot.clock_held)
    conditions = [
        c for c in CATALOGUE if c.name not in context.disabled and (not held or c.name == _CLOCK or c.evidence is Evidence.OURSELVES)
    ]
    findings = _merged(finding for condition in conditions for finding in condition.findings(seen))
    profiles = [p for gateway in snapshot.gateways for agent in gateway.agents if agent.configured for p in agent.profiles]
    return Found(
        findings=tuple(finding for finding in findings if covers(scope, finding)),
        nothing_known=held,
        gateways=frozenset(gateway.gateway for gateway in snapshot.gateways),
        blind_gateways=frozenset(gateway.gateway for gateway in snapshot.gateways if not gateway.config_known),
        blind_agents=frozenset(
            (agent.gateway, agent.agent)
            for gateway in snapshot.gateways
            for agent in gateway.agents
            if not agent.known or agent.stale_since is not None
        ),
        unprobed=frozenset((p.gateway, p.agent, p.profile, p.fingerprint) for p in profiles if _unprobed(p)),
        unproven=frozenset(_unproven(snapshot)),
        unexamined=_unexamined(context),
        network_down=context.ourselves is not None and context.ourselves.network_down_since is not None,
        scope_gateways=scope.gateways,
        scope_agents=scope.agents,
        scope_providers=scope.providers,
    )


def covers(scope: Scope, finding: Finding) -> bool:
    """Tell whether a finding lies in what is looked at; with any limit, those of ourselves do not."""
    if scope.gateways and finding.gateway not in scope.gateways:
        return False
    if scope.agents and not scope.agents.intersection(finding.agents):
        return False
    return not scope.providers or finding.provider in scope.providers


def thresholds(settings: Settings) -> Thresholds:
    """Take the figures from the settings."""
    return Thresholds(
        stages=settings.expiry.stages,
        warn=settings.expiry.warn,
        renewal_grace=settings.expiry.renewal_grace,
        unproven_after=settings.expiry.unproven_after,
        quota=settings.thresholds.quota,
        credit=settings.thresholds.credit,
        cooldown_long=settings.thresholds.cooldown_long,
        unknown_expiry_age=settings.thresholds.unknown_expiry_age,
        clock_skew=settings.thresholds.clock_skew,
    )


def _merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Make one finding of all with one identity: the worst one's words, every agent, the earliest instant."""
    merged: dict[str, Finding] = {}
    for finding in findings:
        other = merged.get(finding.identity)
        merged[finding.identity] = finding if other is None else _joined(other, finding)
    return tuple(sorted(merged.values(), key=lambda finding: -finding.severity.rank))


def _joined(a: Finding, b: Finding) -> Finding:
    worst = b if (b.severity.rank, b.urgency) > (a.severity.rank, a.urgency) else a
    since = min((at for at in (a.since, b.since) if at), default=None)
    agents = tuple(dict.fromkeys((*a.agents, *b.agents)))
    return replace(worst, agents=agents, rests_on=tuple(dict.fromkeys((*a.rests_on, *b.rests_on))), since=since)


def _unprobed(p: ProfileVerdict) -> bool:
    return p.probe is None or p.probe.outcome in UNTELLING or p.probe.fingerprint != p.fingerprint


def _unexamined(context: Context) -> frozenset[Evidence]:
    missing = set() if context.drift_known else {Evidence.DRIFT}
    return frozenset(missing if context.ourselves is not None else missing | {Evidence.OURSELVES})


def _unproven(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Yield usable profiles that neither worked nor were replaced since their last failure, and providers that have no better one."""
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            doubtful = [p for p in agent.profiles if p.last_failure_at is not None and p.usable and not _proven(p)]
            for p in doubtful:
                yield p.gateway, p.agent, p.profile
            for name in {p.provider for p in doubtful}:
                if not any(p.usable and p.provider == name and _proven(p) for p in agent.profiles):
                    yield agent.gateway, agent.agent, name


def _proven(p: ProfileVerdict) -> bool:
    failed = p.last_failure_at
    if failed is None:
        return True
    probe = p.probe if p.probe is not None and p.probe.outcome is ProbeStatus.OK and p.probe.fingerprint == p.fingerprint else None
    later = (p.last_used_at, p.changed_at, probe.at if probe else None)
    return any(at is not None and at - failed > timedelta(seconds=1) for at in later)
