"""Pure. What a pass knows besides its snapshot: the figures, and the state of ourselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from exporter.judging.history import History


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a fact becomes a finding."""

    stages: tuple[timedelta, ...] = tuple(timedelta(hours=hours) for hours in (28 * 24, 14 * 24, 7 * 24, 48, 24, 2))
    warn: timedelta = timedelta(hours=24)
    renewal_grace: timedelta = timedelta(minutes=30)
    unproven_after: timedelta = timedelta(days=7)
    quota: float = 0.8
    credit: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # provider -> least balance
    cooldown_long: timedelta = timedelta(hours=1)
    unknown_expiry_age: timedelta = timedelta(days=330)
    clock_skew: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something of our own that fails: a channel, a job. `why` is redacted and says no secret."""

    name: str
    since: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ourselves:
    """What is known of ourselves."""

    probes_stale_since: datetime | None = None
    network_down_since: datetime | None = None
    channels: tuple[Fault, ...] = ()  # undeliverable for long
    jobs: tuple[Fault, ...] = ()
    clock_offset_seconds: float | None = None  # ours minus the world's, when something better than the probes measured it


@dataclass(frozen=True, slots=True)
class Context:
    """What a pass knows besides its snapshot. `host` is how commands from elsewhere reach this machine."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    ourselves: Ourselves | None = field(default_factory=Ourselves)  # None: not looked at, as in a one-shot run
    drift_known: bool = True  # false: nobody compared places in this pass
    history: History = field(default_factory=History)
    disabled: frozenset[str] = frozenset()
    host: str = "localhost"
