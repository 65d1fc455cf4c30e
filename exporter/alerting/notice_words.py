"""Pure. The words of a notice: what a person can act on at 3 a.m. on a phone.

The title says severity, host, provider, profile, what and when; the body why, what still works, the fix, and where to read more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import assert_never

from exporter.alerting.alert import Alert, Policy
from exporter.alerting.blocks import Block, markdown, plain
from exporter.alerting.notice import Entry, NoticeKind
from exporter.finding import Finding, FindingScope, runbook, said
from exporter.masking import mask_emails
from exporter.words import counted, duration, instant, listing, visible, when

CONSEQUENCE = "RedundancyLost"
_FULL = 3  # alerts said in full
_LISTED = 20  # alerts said in one line
_SINCE = ": since"
_MOMENT = timedelta(seconds=1)
_MASKED = "E-mail addresses are masked here; `model-auth-exporter alerts list` on the host shows the exact command."


@dataclass(frozen=True, slots=True)
class Words:
    """Title and body of a notice; the body twice."""

    title: str
    plain: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Matter:
    """What one notice speaks of: news, what belongs to them, and what is open as told before."""

    kind: NoticeKind
    news: Sequence[Alert]
    covered: Sequence[Alert] = ()
    open: Sequence[Alert] = ()


def entry(alert: Alert, now: datetime, policy: Policy) -> Entry:
    """Put one alert into words."""
    finding = alert.finding
    shown = mask_emails if policy.mask_emails else str
    return Entry(
        id=alert.id,
        name=finding.name,
        severity=finding.severity,
        summary=shown(_over(alert) if alert.resolved_at else line(alert, now, policy)),
        labels=MappingProxyType({name: shown(value) for name, value in finding.labels().items()}),
        why=shown(said(finding.why, policy.zone).strip()),
        what_works=shown(said(finding.what_works, policy.zone).strip()),
        advice=shown(finding.fix.advice),
        command=shown(_lines(finding.fix.command)),
        phone=shown(_lines(finding.fix.phone)),
        url=finding.fix.url,
        runbook=runbook(finding.name, policy.runbook_base_url),
        since=alert.since,
        fired_at=alert.fired_at,
        ended_at=alert.resolved_at,
    )


def line(alert: Alert, now: datetime, policy: Policy) -> str:
    """Say one alert in one line: whom it is about, what, and when; without an instant of its own, when we first saw it."""
    return short(alert, now, policy) + ("" if alert.finding.when else f", first seen {when(alert.since, now, policy.zone)}")


def short(alert: Alert, now: datetime, policy: Policy) -> str:
    """Say one alert among others in one line."""
    return f"{subject(alert.finding)} {headline(alert.finding, now, policy)}"


def headline(finding: Finding, now: datetime, policy: Policy) -> str:
    """Say what is wrong and when: `runs out in 2d (2026-11-03 01:00 CET)`, `is down for 5m, since …`."""
    if finding.when is None:
        return finding.what.removesuffix(_SINCE)
    if finding.what.endswith(_SINCE):
        span = f" for {duration(now - finding.when)}," if now - finding.when >= _MOMENT else ""
        return f"{finding.what.removesuffix(_SINCE)}{span} since {instant(finding.when, policy.zone)}"
    return f"{finding.what} {when(finding.when, now, policy.zone)}"


def subject(finding: Finding) -> str:
    """Say whom it is about: `anthropic · anthropic:work`, `anthropic`, `gateway openclaw`, `model-auth-exporter`."""
    match finding.scope:
        case FindingScope.EXPORTER:
            return "the clock" if finding.name == "ClockSkew" else "model-auth-exporter"
        case FindingScope.GATEWAY | FindingScope.SOURCE | FindingScope.AGENT:
            name = f"gateway {visible(finding.gateway)}"
            return f"{visible(finding.provider)} · {name}" if finding.provider else name
        case FindingScope.PROFILE | FindingScope.PROVIDER:
            return (
                " · ".join(visible(part) for part in (finding.provider, finding.profile) if part) or f"gateway {visible(finding.gateway)}"
            )
        case _:
            assert_never(finding.scope)


def write(matter: Matter, entries: Sequence[Entry], now: datetime, policy: Policy) -> Words:
    """Write a notice; `entries` are those of the news, in order."""
    blocks = list(_blocks(matter, entries, now, policy))
    shown = mask_emails if policy.mask_emails else str
    masked = policy.mask_emails and any(_changed(alert) for alert in matter.news[:_FULL])
    tail = [("", _MASKED)] if masked else []
    links = list(_links(entries[: _in_full(matter)], policy))
    whole = [block for block in [*blocks, tail, links] if block]
    title = f"[{_tag(matter)}] {policy.host} · {_gist(matter, entries, now, policy)}"
    return Words(shown(title), shown(plain(whole)), shown(markdown(whole)))


def _blocks(matter: Matter, entries: Sequence[Entry], now: datetime, policy: Policy) -> Iterator[Block]:
    """Yield paragraphs: the first alerts in full, the others by line."""
    over = matter.kind is NoticeKind.RESOLVED
    main, full = _main(matter.news), _in_full(matter)
    for place, (alert, words) in enumerate(zip(matter.news[:full], entries, strict=False), start=1):
        if len(main) > 1:
            yield [("", f"{place}. {words.summary}")]
        yield _told_over(alert, policy) if over else _told(alert, words)
    rest = [_over(alert) if over else short(alert, now, policy) for alert in matter.news[full:]]
    if rest:
        yield [("", "All of these:" if not full else "Also:"), *_items(rest)]
    if matter.covered:
        yield [("", "Part of it:"), *_items(short(a, now, policy) for a in matter.covered)]
    if matter.open:
        yield [("", "Still open:"), *_items(short(a, now, policy) for a in matter.open)]


def _in_full(matter: Matter) -> int:
    """Return how many alerts are said in full: of several that are over, none."""
    if matter.kind is NoticeKind.RESOLVED:
        return 1 if len(matter.news) == 1 else 0
    return min(len(_main(matter.news)), _FULL)


def _main(news: Sequence[Alert]) -> Sequence[Alert]:
    """Return what is said in full: not that redundancy is lost, where its cause stands beside it."""
    return [alert for alert in news if alert.finding.name != CONSEQUENCE] or news


def _told(alert: Alert, words: Entry) -> Block:
    block: Block = [("Where", _where(alert.finding)), ("Why", words.why), ("Still works", words.what_works), ("Fix", words.advice)]
    block += [("$", words.command)] if words.command else []
    block += [("From elsewhere", ""), ("$", words.phone)] if words.phone else []
    block += [("At the provider", words.url)] if words.url else []
    return [(label, text) for label, text in block if text or label == "From elsewhere"]


def _told_over(alert: Alert, policy: Policy) -> Block:
    was = alert.finding.what.removesuffix(_SINCE).partition(":")[0]
    began, ended = instant(alert.since, policy.zone), instant(alert.resolved_at or alert.since, policy.zone)
    block = [("Where", _where(alert.finding)), ("It was", was), ("Lasted", f"{_lasted(alert)}, {began} to {ended}")]
    return [(label, text) for label, text in block if text]


def _where(finding: Finding) -> str:
    gateway = f"gateway {visible(finding.gateway)}" if finding.gateway else ""
    plural = "" if len(finding.agents) == 1 else "s"
    agents = f"agent{plural} {_few(finding.agents)}" if finding.agents else ""
    return ", ".join(part for part in (gateway, agents) if part)


def _few(names: Sequence[str]) -> str:
    shown = [visible(name) for name in names]
    return listing(shown) if len(shown) <= 6 else f"{', '.join(shown[:5])} and {len(shown) - 5} others"


def _items(lines: Iterable[str]) -> Block:
    known = list(lines)
    more = [("-", f"and {len(known) - _LISTED} more")] if len(known) > _LISTED else []
    return [*(("-", line) for line in known[:_LISTED]), *more]


def _links(entries: Sequence[Entry], policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.external_url:
        yield "Page", f"{policy.external_url}/"
    for address in dict.fromkeys(words.runbook for words in entries if words.runbook):
        yield "Runbook", address


def _tag(matter: Matter) -> str:
    worst = max((alert.finding.severity for alert in matter.news), key=lambda severity: severity.rank)
    match matter.kind:
        case NoticeKind.FIRING:
            return worst.upper()
        case NoticeKind.REMINDER:
            return f"{worst.upper()}, still open"
        case NoticeKind.ESCALATION:
            return f"{worst.upper()}, nobody has acknowledged"
        case NoticeKind.RESOLVED:
            return "RESOLVED"
        case NoticeKind.CANARY:
            return "TEST"
        case _:
            assert_never(matter.kind)


def _gist(matter: Matter, entries: Sequence[Entry], now: datetime, policy: Policy) -> str:
    """Say the first alert, or many of one kind by their number and how long the first of them lasts already."""
    news = _main(matter.news)
    if len(news) == 1:
        return entries[0].summary
    names = Counter(alert.finding.name for alert in news)
    providers = {alert.finding.provider for alert in news}
    about = f"{visible(next(iter(providers)))} · " if len(providers) == 1 and next(iter(providers)) else ""
    first = news[0].finding
    if first.scope is FindingScope.PROVIDER or (len(names) > 1 and len(news) <= _FULL):
        return f"{entries[0].summary} (and {counted(len(news) - 1, 'more', 'more')})"
    kinds = ", ".join(f"{count} × {name}" if count > 1 else name for name, count in names.most_common())
    first_at = min(alert.since for alert in news)
    return f"{about}{kinds}" + ("" if matter.kind is NoticeKind.RESOLVED else f", the first {when(first_at, now, policy.zone)}")


def _over(alert: Alert) -> str:
    return f"{subject(alert.finding)}: {alert.finding.name} is over after {_lasted(alert)}"


def _lasted(alert: Alert) -> str:
    return duration((alert.resolved_at or alert.since) - alert.since)


def _changed(alert: Alert) -> bool:
    commands = alert.finding.fix.command + alert.finding.fix.phone
    return mask_emails(commands) != commands


def _lines(commands: str) -> str:
    return "\n".join(visible(line) for line in commands.split("\n"))
