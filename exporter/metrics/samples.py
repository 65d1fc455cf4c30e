"""Pure. What each metric family says of one thing: its samples, as label values and a number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from exporter.drift.compare import KINDS
from exporter.metrics.exposition import Labels
from exporter.metrics.view import View
from exporter.model import Family as GatewayFamily
from exporter.model import ProblemReason
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import CooldownKind, ProfileVerdict

Samples = Iterator[tuple[Labels, float]]

_MOST_REASONS: Final = 20  # failure reasons of one profile: the gateway's words, so nothing else bounds them
_NOT_OF_SOURCES: Final = frozenset({ProblemReason.ENVIRONMENT_UNSEEN, ProblemReason.NO_GATEWAY})
_SOURCE_REASONS: Final = tuple(str(reason) for reason in ProblemReason if reason not in _NOT_OF_SOURCES)
_ATTEMPTED: Final = tuple(str(status) for status in ProbeStatus)


def seconds(at: datetime | None) -> float | None:
    """Turn an instant into Unix seconds."""
    return at.timestamp() if at is not None else None


def info(p: ProfileVerdict) -> Samples:
    """Tell what a credential is and where it was found."""
    yield (p.credential or "", p.source, p.store or "", p.inherited_from or ""), 1


def expiry(p: ProfileVerdict) -> Samples:
    """Tell when it expires."""
    if p.expires_at is not None:
        yield (), p.expires_at.timestamp()


def failures(p: ProfileVerdict) -> Samples:
    """Tell the gateway's failure counts."""
    for reason in sorted(p.failures)[:_MOST_REASONS]:
        yield (reason,), p.failures[reason]


def active(p: ProfileVerdict) -> Samples:
    """Tell of each kind of window whether it is active."""
    kinds = {window.kind for window in p.cooldowns}
    for kind in CooldownKind:
        yield (kind,), kind in kinds


def windows(p: ProfileVerdict) -> Samples:
    """Tell the active windows."""
    for window in p.cooldowns:
        yield (window.kind, window.scope, window.model, window.reason), 1


def window_ends(p: ProfileVerdict) -> Samples:
    """Tell the end of each kind of window; of several, the last."""
    for kind in CooldownKind:
        ends = [window.until for window in p.cooldowns if window.kind is kind]
        if ends:
            yield (kind,), max(ends).timestamp()


def success(o: Outcome) -> float | None:
    """Tell whether the provider accepted it; unknown when nothing was sent."""
    return None if o.outcome in (ProbeStatus.SKIPPED, ProbeStatus.NO_MODEL) else float(o.outcome is ProbeStatus.OK)


def detail(o: Outcome) -> Samples:
    """Tell the finer outcome."""
    if o.detail:
        yield (o.outcome, o.detail), 1


def phases(o: Outcome) -> Samples:
    """Tell how long each measured phase took."""
    yield from (((phase,), seconds) for phase, seconds in o.phases.items())


def limits(o: Outcome) -> Samples:
    """Tell the size of each rate-limit window."""
    yield from (((r.resource, r.window), r.limit) for r in o.rate_limits if r.limit is not None)


def limits_left(o: Outcome) -> Samples:
    """Tell what is left of each rate-limit window."""
    yield from (((r.resource, r.window), r.remaining) for r in o.rate_limits if r.remaining is not None)


def limit_resets(o: Outcome) -> Samples:
    """Tell when each rate-limit window resets."""
    yield from (((r.resource, r.window), r.reset_at.timestamp()) for r in o.rate_limits if r.reset_at)


def quotas(o: Outcome) -> Samples:
    """Tell the used share of each quota window."""
    yield from (((q.window,), q.used) for q in o.quotas if q.used is not None)


def quota_resets(o: Outcome) -> Samples:
    """Tell when each quota window resets."""
    yield from (((q.window,), q.reset_at.timestamp()) for q in o.quotas if q.reset_at)


def balances(o: Outcome) -> Samples:
    """Tell money and credits."""
    yield from (((balance.currency,), balance.amount) for balance in o.balances)


def clock_offsets(view: View) -> Samples:
    """Tell the offset by the latest answer of each provider."""
    latest: dict[str, tuple[float, float]] = {}
    for item in view.probed:
        probe, provider = item.thing, item.labels[2]
        if probe.at and probe.clock_offset_seconds is not None:
            found = (probe.at.timestamp(), probe.clock_offset_seconds)
            latest[provider] = max(found, latest.get(provider, found))
    for provider, (_, offset) in sorted(latest.items()):
        yield (provider,), offset


def drift(view: View) -> Samples:
    """Tell each pair of places that disagree; once where there are several of one kind, and 0 where a gateway has none of it."""
    found = dict.fromkeys((fact.gateway, fact.agent, fact.provider, fact.kind) for fact in view.drift)
    drifting = {(gateway, kind) for gateway, _, _, kind in found}
    for item in view.gateways:
        clean = (kind for kind in KINDS if (item.labels[0], kind) not in drifting and item.thing.family is not GatewayFamily.STATIC)
        yield from (((item.labels[0], "", "", kind), 0) for kind in clean)
    yield from ((labels, 1) for labels in found)


def attempts(view: View) -> Samples:
    """Tell every outcome of every provider that was probed, also those that never came."""
    counted = view.counters.probe_attempts
    for provider in sorted({provider for provider, _ in counted}):
        for outcome in _ATTEMPTED:
            yield (provider, outcome), counted.get((provider, outcome), 0)


def source_successes(view: View) -> Samples:
    """Tell when each source was last found readable: in the last pass, or before it went down."""
    for item in view.sources:
        at = view.read_at if item.thing.up else item.thing.read_at
        if at is not None:
            yield item.labels, at.timestamp()


def source_errors(view: View) -> Samples:
    """Tell every reason of every known source, before it happens, and whatever else was counted."""
    counted = dict(view.counters.source_errors)
    for item in view.sources:
        for reason in _SOURCE_REASONS:
            labels = (*item.labels, reason)
            yield labels, counted.pop(labels, 0)
    yield from counted.items()
