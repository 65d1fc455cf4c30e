"""Pure. The nouns of an alert's life: the alert, the book that holds them all, silences, and the policy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from exporter.finding import Finding, Severity
from exporter.masking import mask_emails


class AlertState(StrEnum):
    """Where an alert stands; acknowledged, silenced and inhibited are told apart by `Alert.acked_at` and `Alert.muted_by`."""

    PENDING = "pending"  # seen, its hold has not passed
    FIRING = "firing"
    RESOLVED = "resolved"  # over, and kept until every channel that was told has been told so


@dataclass(frozen=True, slots=True)
class Told:
    """What one channel was last told of one alert."""

    at: datetime
    severity: Severity
    urgency: int = 0
    name: str = ""
    first_at: datetime | None = None  # when it first heard of it


@dataclass(frozen=True, slots=True)
class Alert:
    """The life of one finding. Its finding is the last one seen."""

    finding: Finding
    state: AlertState
    since: datetime  # the evidence's own instant, or when we first saw it
    seen_at: datetime  # when this life began for us
    fired_at: datetime | None = None
    clear_since: datetime | None = None  # not seen since; it resolves when the hold has passed
    resolved_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str = ""
    ack_comment: str = ""
    told: Mapping[str, Told] = field(default_factory=lambda: MappingProxyType({}))  # channel -> what it knows
    muted_by: str = ""  # why nothing is told now: "silence ID", "ProviderDown", "network", "quiet hours"; "" when told

    @property
    def identity(self) -> str:
        """Return the key in the book."""
        return self.finding.identity

    @property
    def id(self) -> str:
        """Return the short name people use."""
        return self.finding.id


@dataclass(frozen=True, slots=True)
class Group:
    """When each channel last got news of one cause, and how severe they were."""

    told: Mapping[str, Told] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Book:
    """Every alert by identity, and every group by cause. `at` is when it was last stepped. Unchanged entries keep their identity (`is`)."""

    alerts: Mapping[str, Alert] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, Group] = field(default_factory=lambda: MappingProxyType({}))
    at: datetime | None = None


class Op(StrEnum):
    """How a matcher compares; regular expressions match the whole value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCH = "=~"
    NOT_MATCH = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. Where a label has several values (agents; a profile's id as it is and as it is shown), one is enough."""

    label: str
    value: str
    op: Op = Op.EQUAL

    def matches(self, finding: Finding) -> bool:
        """Tell whether the finding meets it; an absent label is an empty one."""
        values = finding.agents or ("",) if self.label == "agent" else _forms(finding.labels().get(self.label, ""))
        match self.op:
            case Op.EQUAL:
                return self.value in values
            case Op.NOT_EQUAL:
                return self.value not in values
            case Op.MATCH:
                return any(re.fullmatch(self.value, value) for value in values)
            case Op.NOT_MATCH:
                return not any(re.fullmatch(self.value, value) for value in values)
            case _:
                assert_never(self.op)


def _forms(value: str) -> tuple[str, ...]:
    masked = mask_emails(value)
    return (value,) if masked == value else (value, masked)


LABELS = ("name", "severity", "scope", "gateway", "agent", "provider", "profile", "detail")
_MATCHER = re.compile(r"\s*([a-z_]+)\s*(=~|!~|!=|=)\s*(\"(?:[^\"\\]|\\.)*\"|.*?)\s*", re.DOTALL)


def parse_matcher(text: str) -> Matcher:
    """Read `provider=anthropic`, `profile=~"openai:.*"`, `name!=Expiring`; raises ValueError saying what to write."""
    found = _MATCHER.fullmatch(text)
    if found is None:
        raise ValueError('not a matcher; write label=value, label!=value, label=~"pattern" or label!~"pattern"')
    label, op, value = found[1], Op(found[2]), found[3]
    if label not in LABELS:
        raise ValueError(f"no such label; the labels are {', '.join(LABELS)}")
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        value = re.sub(r"\\(.)", r"\1", value[1:-1]) if op in (Op.EQUAL, Op.NOT_EQUAL) else value[1:-1]
    if op in (Op.MATCH, Op.NOT_MATCH):
        try:
            re.compile(value)
        except re.error:
            raise ValueError("its pattern is not a regular expression") from None
    return Matcher(label, value, op)


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is told of findings that meet all matchers, until it ends."""

    id: str
    matchers: tuple[Matcher, ...]
    author: str
    comment: str
    starts_at: datetime
    ends_at: datetime

    def covers(self, finding: Finding, now: datetime) -> bool:
        """Tell whether it mutes the finding now; one without matchers mutes nothing."""
        return bool(self.matchers) and self.starts_at <= now < self.ends_at and all(matcher.matches(finding) for matcher in self.matchers)


@dataclass(frozen=True, slots=True)
class Route:
    """Which findings one channel gets. `tags` (severity, gateway, agent, provider, name): empty is all, else one must fit."""

    channel: str
    severities: frozenset[Severity] = frozenset({Severity.CRITICAL, Severity.WARNING})
    tags: frozenset[str] = frozenset()
    escalation: bool = False  # gets only what nobody acknowledged in time


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A daily span in one zone (None: the machine's) in which warnings wait; it may pass midnight."""

    start: time
    end: time
    zone: tzinfo | None = None

    def cover(self, now: datetime) -> bool:
        """Tell whether `now` lies in it; equal ends are no span at all."""
        local = now.astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of an alert's life. `external_url` and `runbook_base_url` end without a slash."""

    routes: tuple[Route, ...] = ()
    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_critical: timedelta = timedelta(hours=1)
    repeat_warning: timedelta = timedelta(hours=12)
    escalate_after: timedelta = timedelta(minutes=30)
    quiet_hours: QuietHours | None = None
    startup_grace: timedelta = timedelta(minutes=1)
    forget_after: timedelta = timedelta(hours=24)  # a gateway that is gone altogether
    host: str = "localhost"
    zone: tzinfo | None = None  # of the words; None: the machine's
    mask_emails: bool = True
    external_url: str = ""
    runbook_base_url: str = ""

    def repeat(self, severity: Severity) -> timedelta | None:
        """Return how long until a reminder; None: never."""
        match severity:
            case Severity.CRITICAL:
                return self.repeat_critical
            case Severity.WARNING:
                return self.repeat_warning
            case Severity.INFO:
                return None
            case _:
                assert_never(severity)
