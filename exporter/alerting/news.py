"""Pure. What is news to whom: the whole reminder policy, and the grouping of news into notices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from exporter.alerting.alert import Alert, AlertState, Group, Policy, Route, Told
from exporter.alerting.muting import DOWN
from exporter.alerting.notice import Notice, NoticeKind
from exporter.alerting.notice_words import CONSEQUENCE, Matter, entry, write
from exporter.finding import Severity

_NO_GROUP = Group()
_DELIVERY = "DeliveryFailing"


class Why(StrEnum):
    """Why a channel is told of an alert."""

    NEW = "new"
    CHANGED = "changed"  # another severity, or a further stage
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class News:
    """One alert that one channel is to hear of; `ready_at` is when, at the earliest."""

    alert: Alert
    why: Why
    ready_at: datetime


def why(alert: Alert, route: Route, now: datetime, policy: Policy) -> News | None:
    """Say whether and when one channel hears of one alert, leaving muting and grouping aside."""
    told = alert.told.get(route.channel)
    if alert.state is AlertState.RESOLVED:
        return News(alert, Why.RESOLVED, (alert.resolved_at or now) + policy.group_wait) if told else None
    if alert.state is AlertState.PENDING or not takes(route, alert):
        return None
    fired_at = alert.fired_at or now
    if told is None:
        if not route.escalation:
            return News(alert, Why.NEW, fired_at + policy.group_wait)
        began = min((entry.first_at or entry.at for entry in alert.told.values()), default=fired_at)
        waits = alert.acked_at is not None or alert.finding.severity is not Severity.CRITICAL
        return None if waits else News(alert, Why.ESCALATION, began + policy.escalate_after)
    if alert.finding.severity is not told.severity or alert.finding.urgency > told.urgency:
        return News(alert, Why.CHANGED, now)
    repeat = policy.repeat(alert.finding.severity)
    return None if repeat is None or alert.acked_at is not None else News(alert, Why.REMINDER, told.at + repeat)


@dataclass(frozen=True, slots=True)
class Telling:
    """The outcome of one round: what was said, who now knows what, and when there is more to say at the latest."""

    alerts: Mapping[str, Alert]
    groups: Mapping[str, Group]
    notices: tuple[Notice, ...]
    due: datetime | None


def tell(alerts: Mapping[str, Alert], groups: Mapping[str, Group], now: datetime, policy: Policy) -> Telling:
    """Write every notice that is due now and note what it told."""
    after, after_groups = dict(alerts), dict(groups)
    firing = _firing(alerts.values())
    notices: list[Notice] = []
    dues: list[datetime] = []
    for route in policy.routes:
        for cause, news in _by_cause(alerts.values(), route, now, policy).items():
            mentioned: set[str] = set()
            for kind, batch in _batches(news):
                group = after_groups.get(cause, _NO_GROUP)
                waiting = [item for item in batch if item.alert.identity not in mentioned]
                if not waiting:
                    continue
                ready_at = _ready_at(kind, waiting, group, route.channel, policy)
                if ready_at > now:
                    dues.append(ready_at)
                    continue
                together = kind in (NoticeKind.FIRING, NoticeKind.RESOLVED)  # who comes a little later comes along
                matter = _matter(kind, [item for item in waiting if together or item.ready_at <= now], firing.get(cause, ()), route)
                notices.append(_notice(matter, route.channel, cause, now, policy))
                mentioned |= _note(after, matter, route.channel, now)
                after_groups[cause] = _noted(group, route.channel, kind, matter, now)
    return Telling(after, after_groups, tuple(notices), min(dues, default=None))


def _firing(alerts: Iterable[Alert]) -> dict[str, list[Alert]]:
    grouped: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.state is AlertState.FIRING:
            grouped.setdefault(alert.finding.cause, []).append(alert)
    return grouped


def _by_cause(alerts: Iterable[Alert], route: Route, now: datetime, policy: Policy) -> dict[str, list[News]]:
    grouped: dict[str, list[News]] = {}
    for alert in alerts:
        if not alert.muted_by:
            item = why(alert, route, now, policy)
            if item is not None:
                grouped.setdefault(alert.finding.cause, []).append(item)
    return grouped


def _batches(news: Sequence[News]) -> Iterator[tuple[NoticeKind, list[News]]]:
    """Yield what makes one notice each: what is over, then news, else escalations, else reminders."""
    kinds = (
        (NoticeKind.RESOLVED, (Why.RESOLVED,)),
        (NoticeKind.FIRING, (Why.NEW, Why.CHANGED)),
        (NoticeKind.ESCALATION, (Why.ESCALATION,)),
        (NoticeKind.REMINDER, (Why.REMINDER,)),
    )
    for kind, reasons in kinds:
        batch = [item for item in news if item.why in reasons]
        if batch:
            yield kind, batch


def _ready_at(kind: NoticeKind, batch: Sequence[News], group: Group, channel: str, policy: Policy) -> datetime:
    """Return when a batch may go: the group's wait after its first member, and not too soon after the last notice unless it is worse."""
    first = min(item.ready_at for item in batch)
    last = group.told.get(_slot(channel, kind))
    if last is None or kind is NoticeKind.ESCALATION:
        return first
    worst = max(item.alert.finding.severity.rank for item in batch)
    return first if kind is NoticeKind.FIRING and worst > last.severity.rank else max(first, last.at + policy.group_interval)


def _matter(kind: NoticeKind, batch: Sequence[News], firing: Sequence[Alert], route: Route) -> Matter:
    news = sorted((item.alert for item in batch), key=_weight)
    if kind is NoticeKind.RESOLVED:
        return Matter(kind, news)
    mine = {alert.identity for alert in news}
    others = [a for a in firing if a.identity not in mine]
    down = {(a.finding.gateway, a.finding.provider) for a in news if a.finding.name == DOWN}
    covered = [
        a for a in others if a.muted_by == DOWN and a.finding.name != CONSEQUENCE and (a.finding.gateway, a.finding.provider) in down
    ]
    still = [a for a in others if not a.muted_by and route.channel in a.told]
    return Matter(kind, news, sorted(covered, key=_weight), sorted(still, key=_weight))


def _weight(alert: Alert) -> tuple[int, int, str, str]:
    """Order by severity, outages first, mere consequences last, then by name."""
    name = alert.finding.name
    return -alert.finding.severity.rank, 0 if name == DOWN else 2 if name == CONSEQUENCE else 1, name, alert.identity


def _note(alerts: dict[str, Alert], matter: Matter, channel: str, now: datetime) -> set[str]:
    """Write down what a channel now knows; return whom that covers. Beside news at least as severe, an open alert counts as reminded."""
    for alert in matter.news:
        current = alerts[alert.identity]
        if matter.kind is NoticeKind.RESOLVED:
            left = {name: told for name, told in current.told.items() if name != channel}
            alerts[alert.identity] = replace(current, told=MappingProxyType(left))
        else:
            alerts[alert.identity] = _knowing(current, channel, now)
    worst = max(alert.finding.severity.rank for alert in matter.news)
    reminded = [alert for alert in matter.open if alert.finding.severity.rank <= worst]
    for alert in reminded:
        current = alerts[alert.identity]
        told = replace(current.told[channel], at=now)
        alerts[alert.identity] = replace(current, told=MappingProxyType({**current.told, channel: told}))
    return {alert.identity for alert in (*matter.news, *reminded)}


def _knowing(alert: Alert, channel: str, now: datetime) -> Alert:
    """Return the alert as the channel now knows it; whatever grew worse is nobody's any more."""
    finding = alert.finding
    before = alert.told.get(channel)
    told = Told(now, finding.severity, finding.urgency, finding.name, (before.first_at if before else None) or now)
    worse = before is not None and (finding.severity.rank > before.severity.rank or finding.urgency > before.urgency)
    known = replace(alert, told=MappingProxyType({**alert.told, channel: told}))
    return replace(known, acked_at=None, acked_by="", ack_comment="") if worse else known


def _noted(group: Group, channel: str, kind: NoticeKind, matter: Matter, now: datetime) -> Group:
    worst = max((alert.finding.severity for alert in matter.news), key=lambda severity: severity.rank)
    return Group(MappingProxyType({**group.told, _slot(channel, kind): Told(now, worst)}))


def _slot(channel: str, kind: NoticeKind) -> str:
    return f"{channel}/resolved" if kind is NoticeKind.RESOLVED else channel


def takes(route: Route, alert: Alert) -> bool:
    """Tell whether a channel wants an alert; none is told that it fails itself."""
    finding = alert.finding
    if finding.name == _DELIVERY and finding.detail == route.channel:
        return False
    return finding.severity in route.severities and (not route.tags or not route.tags.isdisjoint(tags(alert)))


def tags(alert: Alert) -> tuple[str, ...]:
    """Return the words by which an alert can be routed."""
    finding = alert.finding
    words = (finding.severity.value, finding.gateway, finding.provider, *finding.agents, finding.name)
    return tuple(dict.fromkeys(word for word in words if word))


def _notice(matter: Matter, channel: str, cause: str, now: datetime, policy: Policy) -> Notice:
    entries = tuple(entry(alert, now, policy) for alert in matter.news)
    words = write(matter, entries, now, policy)
    key = "\0".join((channel, matter.kind, cause, *(alert.identity for alert in matter.news)))
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:10]
    return Notice(
        id=f"{round(now.timestamp() * 1000):x}-{digest}",
        channel=channel,
        kind=matter.kind,
        severity=max((_severity(alert, channel) for alert in matter.news), key=lambda severity: severity.rank),
        at=now,
        title=words.title,
        plain=words.plain,
        markdown=words.markdown,
        cause=cause,
        entries=entries,
        covered=tuple(entry(alert, now, policy) for alert in matter.covered),
        open=tuple(entry(alert, now, policy) for alert in matter.open),
        tags=tuple(dict.fromkeys(word for alert in matter.news for word in tags(alert))),
    )


def _severity(alert: Alert, channel: str) -> Severity:
    """Return the severity a channel knows an alert by once it is over, else its own."""
    told = alert.told.get(channel)
    return told.severity if told is not None and alert.state is AlertState.RESOLVED else alert.finding.severity


def prune(groups: Mapping[str, Group], now: datetime, keep: timedelta) -> Mapping[str, Group]:
    """Forget groups that were told nothing for so long that it no longer matters."""
    return {cause: group for cause, group in groups.items() if any(now - told.at < keep for told in group.told.values())}
