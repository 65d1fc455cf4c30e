"""Pure. The life of alerts: one step takes the book, the findings of a pass and the time, and returns the new book and what to tell whom.

The caller records the book and the notices together before it delivers anything: what is told here counts as told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, tzinfo
from types import MappingProxyType

from exporter.alerting.alert import Alert, AlertState, Book, Group, Policy, QuietHours, Route, Silence
from exporter.alerting.muting import muted
from exporter.alerting.news import prune, tell
from exporter.alerting.notice import Notice, NoticeKind
from exporter.alerting.states import advance, rebased
from exporter.finding import Found, Severity
from exporter.settings import Settings
from exporter.words import instant


@dataclass(frozen=True, slots=True)
class Step:
    """The new book (the same object when nothing changed but the time), the notices, and when to step again at the latest."""

    book: Book
    notices: tuple[Notice, ...] = ()
    due: datetime | None = None


def step(
    book: Book,
    found: Found,
    now: datetime,
    policy: Policy,
    *,
    silences: Sequence[Silence] = (),
    started_at: datetime | None = None,
) -> Step:
    """Take one step. `started_at` is when this process started (None: a one-shot run, without start-up grace)."""
    ready_at = started_at + policy.startup_grace if started_at else now
    waiting = started_at is not None and started_at <= now < ready_at
    before = rebased(book, now)
    alerts: Mapping[str, Alert] = advance(before.alerts, found, now, policy, waiting=waiting)
    alerts = muted(alerts, silences, now, policy, network_down=found.network_down)
    groups: Mapping[str, Group] = prune(before.groups, now, policy.group_interval)
    notices: tuple[Notice, ...] = ()
    dues = list(_dues(alerts, silences, now, policy))
    if waiting:
        dues = [ready_at]
    else:
        telling = tell(alerts, groups, now, policy)
        alerts, groups, notices = _settled(telling.alerts), telling.groups, telling.notices
        dues += [telling.due] if telling.due else []
    return Step(_book(book, alerts, groups, now), notices, min((at for at in dues if at > now), default=None))


def acknowledge(book: Book, alert_id: str, author: str, comment: str, now: datetime) -> Book:
    """Note that somebody takes care of an alert, by id or identity: no reminders, no escalation. An unknown one changes nothing."""
    for identity, alert in book.alerts.items():
        if alert_id in (identity, alert.id) and alert.state is AlertState.FIRING:
            acked = replace(alert, acked_at=now, acked_by=author, ack_comment=comment)
            return replace(book, alerts=MappingProxyType({**book.alerts, identity: acked}))
    return book


def canary(now: datetime, policy: Policy, channel: str) -> Notice:
    """Write the sign of life for one channel."""
    body = (
        f"This is a test by model-auth-exporter on {policy.host}, sent {instant(now, policy.zone)}. Nothing is wrong; nothing needs doing."
    )
    title = f"[TEST] {policy.host} · this channel works"
    return _alone("canary", NoticeKind.CANARY, Severity.INFO, now, channel, title, body)


def cry(now: datetime, policy: Policy, channel: str, words: str) -> Notice:
    """Write for one channel that the watch itself has failed; `words` say how."""
    body = (
        f"{words}\nSaid by model-auth-exporter on {policy.host}, {instant(now, policy.zone)}. "
        "Until it runs again, nobody watches the model logins of that host. `model-auth-exporter doctor` there says more."
    )
    title = f"[CRITICAL] {policy.host} · the watch over the model logins has failed"
    return _alone("cry", NoticeKind.FIRING, Severity.CRITICAL, now, channel, title, body)


def _alone(cause: str, kind: NoticeKind, severity: Severity, now: datetime, channel: str, title: str, body: str) -> Notice:
    """Write a notice that speaks of no alert of the book."""
    name = f"{round(now.timestamp() * 1000):x}-{cause}"
    return Notice(name, channel, kind, severity, now, title, body, body, cause=cause, tags=(cause,))


def policy_of(settings: Settings, routes: Sequence[Route], host: str, zone: tzinfo | None) -> Policy:
    """Take the figures from the settings; `host` and `zone` are already found out."""
    alerts = settings.alerts
    return Policy(
        routes=tuple(routes),
        group_wait=alerts.group_wait,
        group_interval=alerts.group_interval,
        repeat_critical=alerts.repeat.critical,
        repeat_warning=alerts.repeat.warning,
        escalate_after=alerts.escalate_after,
        quiet_hours=quiet_hours(alerts.quiet_hours, zone) if alerts.quiet_hours else None,
        startup_grace=alerts.startup_grace,
        host=host,
        zone=zone,
        mask_emails=settings.labels.emails == "mask",
        external_url=(settings.web.external_url or "").rstrip("/"),
        runbook_base_url=(settings.web.runbook_base_url or "").rstrip("/"),
    )


def quiet_hours(text: str, zone: tzinfo | None) -> QuietHours:
    """Read `22:00-07:00`; raises ValueError for anything else."""
    start, _, end = text.partition("-")
    return QuietHours(time.fromisoformat(start.strip()), time.fromisoformat(end.strip()), zone)


def _settled(alerts: Mapping[str, Alert]) -> dict[str, Alert]:
    """Drop what is over and told; lower what channels know to what is true, so that the next rise is news again."""
    return {identity: _level(alert) for identity, alert in alerts.items() if alert.told or alert.state is not AlertState.RESOLVED}


def _level(alert: Alert) -> Alert:
    urgency = alert.finding.urgency
    if all(told.urgency <= urgency for told in alert.told.values()):
        return alert
    lowered = {channel: replace(told, urgency=min(told.urgency, urgency)) for channel, told in alert.told.items()}
    return replace(alert, told=MappingProxyType(lowered))


def _book(before: Book, alerts: Mapping[str, Alert], groups: Mapping[str, Group], now: datetime) -> Book:
    same = _same(before.alerts, alerts) and _same(before.groups, groups)
    if same and before.at is not None and now >= before.at:
        return before
    return Book(MappingProxyType(dict(alerts)), MappingProxyType(dict(groups)), now)


def _same(a: Mapping[str, object], b: Mapping[str, object]) -> bool:
    return a.keys() == b.keys() and all(a[key] is entry for key, entry in b.items())


def _dues(alerts: Mapping[str, Alert], silences: Sequence[Silence], now: datetime, policy: Policy) -> Iterator[datetime]:
    """Yield when time alone may change something besides what the notices wait for."""
    for alert in alerts.values():
        if alert.state is AlertState.PENDING:
            yield alert.since + alert.finding.hold
        if alert.clear_since is not None and alert.state is AlertState.FIRING:
            yield alert.clear_since + alert.finding.resolve_hold
            yield alert.clear_since + alert.finding.lapse_hold
    for silence in silences:
        yield from (silence.starts_at, silence.ends_at)
