"""Pure. How alerts change state: holds before firing and before resolving; what was not looked at changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from exporter.alerting.alert import Alert, AlertState, Book, Group, Policy, Told
from exporter.finding import Evidence, Finding, FindingScope, Found

_GAP = timedelta(minutes=2)  # a pending finding may flicker for so long


def rebased(book: Book, now: datetime) -> Book:
    """Return the book as if its clock had always shown what `now` belongs to: a clock set back ages nothing and repeats nothing."""
    if book.at is None or now >= book.at:
        return book
    by = now - book.at
    alerts = {key: _shifted(alert, by) for key, alert in book.alerts.items()}
    groups = {key: Group({channel: _told(told, by) for channel, told in group.told.items()}) for key, group in book.groups.items()}
    return Book(alerts, groups, now)


def advance(alerts: Mapping[str, Alert], found: Found, now: datetime, policy: Policy, *, waiting: bool) -> dict[str, Alert]:
    """Fold the findings of one pass into the alerts. While `waiting` (start-up grace) nothing fires and nothing resolves."""
    present = {finding.identity: finding for finding in found.findings}
    after: dict[str, Alert] = {}
    for identity, alert in alerts.items():
        kept = _present(alert, present[identity], now) if identity in present else _absent(alert, found, now, policy, waiting=waiting)
        if kept is not None:
            after[identity] = kept
    for identity, finding in present.items():
        if identity not in after:
            after[identity] = Alert(finding, AlertState.PENDING, min(finding.since or now, now), now)
        alert = after[identity]
        if alert.state is AlertState.PENDING and not waiting and now - alert.since >= finding.hold:
            after[identity] = replace(alert, state=AlertState.FIRING, fired_at=now)
    return after


def knows(found: Found, finding: Finding) -> bool:
    """Tell whether this pass could have seen the finding: if not, its absence proves nothing."""
    if found.nothing_known or finding.evidence in found.unexamined or not _in_scope(found, finding):
        return False
    if finding.scope in (FindingScope.SOURCE, FindingScope.EXPORTER):
        return True
    if finding.gateway in found.blind_gateways or any((finding.gateway, agent) in found.blind_agents for agent in finding.agents):
        return False
    if found.network_down and (finding.rests_on or finding.evidence is Evidence.PROBE):
        return False
    return not any((finding.gateway, *probed) in found.unprobed for probed in finding.rests_on)


def _in_scope(found: Found, finding: Finding) -> bool:
    if found.scope_gateways and finding.gateway not in found.scope_gateways:
        return False
    if found.scope_agents and not found.scope_agents.issuperset(finding.agents or ("",)):
        return False
    return not found.scope_providers or finding.provider in found.scope_providers


def _present(alert: Alert, finding: Finding, now: datetime) -> Alert:
    since = alert.since
    if alert.state is AlertState.PENDING and alert.clear_since is not None and now - alert.clear_since > _GAP:
        since = min(finding.since or now, now)
    state = AlertState.FIRING if alert.state is AlertState.RESOLVED else alert.state
    if alert.finding == finding and alert.clear_since is None and state is alert.state and since == alert.since:
        return alert
    return replace(alert, finding=finding, state=state, since=since, clear_since=None, resolved_at=None)


def _absent(alert: Alert, found: Found, now: datetime, policy: Policy, *, waiting: bool) -> Alert | None:
    """Return what becomes of an alert that was not found; None: it is dropped."""
    if alert.state is AlertState.RESOLVED:
        return alert if alert.told else None
    if waiting or not knows(found, alert.finding):
        return alert
    began = alert.clear_since or now
    cleared = alert if alert.clear_since else replace(alert, clear_since=now)
    if alert.state is AlertState.PENDING:
        return cleared if now - began < min(alert.finding.hold, _GAP) else None
    if now - began < _resolve_hold(alert.finding, found, policy):
        return cleared
    return replace(cleared, state=AlertState.RESOLVED, resolved_at=now)


def _resolve_hold(finding: Finding, found: Found, policy: Policy) -> timedelta:
    """Return how long it must stay away: longer when nothing proves that it works again."""
    if finding.gateway and finding.gateway not in found.gateways:
        return policy.forget_after
    subject = finding.profile or finding.provider
    lapsed = any((finding.gateway, agent, subject) in found.unproven for agent in finding.agents)
    return max(finding.resolve_hold, finding.lapse_hold) if lapsed else finding.resolve_hold


def _shifted(alert: Alert, by: timedelta) -> Alert:
    return replace(
        alert,
        since=_moved(alert.since, by),
        seen_at=_moved(alert.seen_at, by),
        fired_at=_moved(alert.fired_at, by) if alert.fired_at else None,
        clear_since=_moved(alert.clear_since, by) if alert.clear_since else None,
        resolved_at=_moved(alert.resolved_at, by) if alert.resolved_at else None,
        told={channel: _told(told, by) for channel, told in alert.told.items()},
    )


def _told(told: Told, by: timedelta) -> Told:
    return replace(told, at=_moved(told.at, by), first_at=_moved(told.first_at, by) if told.first_at else None)


def _moved(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:  # a clock at the edge of the calendar
        return at
