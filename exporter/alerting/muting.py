"""Pure. What is not told now although it is true: silenced, inhibited, or waiting for the morning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from exporter.alerting.alert import Alert, AlertState, Policy, Silence
from exporter.finding import Evidence, Finding, FindingScope, Severity

DOWN = "ProviderDown"
QUIET = "quiet hours"
NETWORK = "network"
_OVER_THE_NETWORK = frozenset({"ProbesStale", "DeliveryFailing"})


def muted(
    alerts: Mapping[str, Alert], silences: Sequence[Silence], now: datetime, policy: Policy, *, network_down: bool
) -> dict[str, Alert]:
    """Return the alerts with `muted_by` set as of now."""
    down = outages(alerts.values())
    live = [silence for silence in silences if silence.starts_at <= now < silence.ends_at]
    quiet = policy.quiet_hours is not None and policy.quiet_hours.cover(now)
    after = {}
    for identity, alert in alerts.items():
        why = _why(alert, live, down, now, quiet=quiet, network_down=network_down)
        after[identity] = alert if why == alert.muted_by else replace(alert, muted_by=why)
    return after


def outages(alerts: Iterable[Alert]) -> Mapping[tuple[str, str], Alert]:
    """Return the firing outages by gateway and provider."""
    return {
        (alert.finding.gateway, alert.finding.provider): alert
        for alert in alerts
        if alert.state is AlertState.FIRING and alert.finding.name == DOWN
    }


def _why(
    alert: Alert, silences: Sequence[Silence], down: Mapping[tuple[str, str], Alert], now: datetime, *, quiet: bool, network_down: bool
) -> str:
    finding = alert.finding
    if alert.state is AlertState.PENDING:
        return ""
    for silence in silences:
        if silence.covers(finding, now):
            return f"silence {silence.id}"
    if alert.state is AlertState.FIRING:
        if network_down and (finding.evidence is Evidence.PROBE or finding.name in _OVER_THE_NETWORK):
            return NETWORK
        outage = down.get((finding.gateway, finding.provider))
        if outage is not None and _belongs(finding, outage.finding):
            return DOWN
    severity = max((told.severity for told in alert.told.values()), key=lambda s: s.rank, default=finding.severity)
    worst = finding.severity if alert.state is AlertState.FIRING else severity
    return QUIET if quiet and worst is not Severity.CRITICAL else ""


def _belongs(finding: Finding, outage: Finding) -> bool:
    """Tell whether an outage says it all: its agents' profiles; before the fact only the expiry that will cause it."""
    if finding.name == DOWN or not set(finding.agents) <= set(outage.agents):
        return False
    if outage.severity is not Severity.CRITICAL:
        return finding.name == "Expiring" and finding.when == outage.when
    return finding.scope is FindingScope.PROFILE or finding.name == "RedundancyLost"
