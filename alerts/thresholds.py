"""Pure. Every figure of the rules and dashboards, taken from the settings of the exporter: one place, no second copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from exporter.settings import Settings

_SCRAPE = timedelta(minutes=1)  # the slowest scrape we support; what is older than five minutes is gone for Prometheus
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a series becomes an alert. Durations that follow from a probe's or a pass's period say so in their names."""

    stages: tuple[timedelta, ...]  # longest first
    warn: timedelta
    unproven_after: timedelta
    quota: float
    credit: Mapping[str, float]
    cooldown_long: timedelta
    unknown_expiry_age: timedelta
    clock_skew: timedelta
    two_scrapes: timedelta
    probe_settled: timedelta  # two scrapes and one probe period: a verdict that rests on probes holds that long
    probes_stale: timedelta  # three probe periods
    pass_stale: timedelta  # twenty passes, at least five minutes

    recovers_soon: timedelta = timedelta(minutes=5)
    undelivered: timedelta = timedelta(minutes=15)
    run_stale: timedelta = timedelta(hours=2)  # of a textfile or push: two hourly runs
    vanished_since: timedelta = timedelta(days=1)

    burn_fast: tuple[timedelta, timedelta] = (_HOUR, 36 * _MINUTE)  # long and short window
    burn_slow: tuple[timedelta, timedelta] = (6 * _HOUR, 90 * _MINUTE)
    burn_fast_horizon: timedelta = timedelta(hours=2)
    burn_fast_floor: float = 0.5  # below this used share a forecast is noise
    burn_slow_floor: float = 0.3


def of(settings: Settings) -> Thresholds:
    """Derive the figures from one exporter's settings."""
    probe_period = settings.probes.interval * (1 + settings.probes.jitter)
    short = max(timedelta(minutes=5), _whole_minutes(2 * probe_period))
    return Thresholds(
        stages=tuple(sorted(settings.expiry.stages, reverse=True)),
        warn=settings.expiry.warn,
        unproven_after=settings.expiry.unproven_after,
        quota=settings.thresholds.quota,
        credit=settings.thresholds.credit,
        cooldown_long=settings.thresholds.cooldown_long,
        unknown_expiry_age=settings.thresholds.unknown_expiry_age,
        clock_skew=settings.thresholds.clock_skew,
        two_scrapes=2 * _SCRAPE,
        probe_settled=_whole_minutes(2 * _SCRAPE + probe_period),
        probes_stale=_whole_minutes(3 * probe_period),
        pass_stale=max(timedelta(minutes=5), 20 * settings.read.interval),
        burn_fast=(max(_HOUR, 2 * short), short),
        burn_slow=(max(6 * _HOUR, 5 * short), max(90 * _MINUTE, 2 * short)),
    )


def _whole_minutes(span: timedelta) -> timedelta:
    return timedelta(minutes=-(-span // _MINUTE))
