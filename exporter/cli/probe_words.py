"""Pure. What a probe found, in words: one phrase for a table, every fact for `explain`, one row per profile for `probe`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from exporter.judging.second_opinion import opinion
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import ProfileVerdict
from exporter.words import duration, relative, when

_REFUSALS = frozenset({ProbeStatus.AUTH, ProbeStatus.BILLING})


def probe_words(outcome: Outcome, now: datetime) -> str:
    """Say one outcome: `auth (revoked), 3m ago`, and that a refusal was seen only once."""
    said = outcome.outcome.value + (f" ({outcome.detail})" if outcome.detail else "")
    if outcome.outcome in _REFUSALS and not outcome.confirmed:
        said += ", not confirmed"
    return f"{said}, {relative(outcome.at, now)}" if outcome.at is not None else said


def probe_facts(profile: ProfileVerdict, now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    """Say everything a probe found, and beside it what the gateway has stored."""
    outcome = profile.probe
    if outcome is None:
        return
    if outcome.fingerprint and outcome.fingerprint != profile.fingerprint:
        yield "of", "an earlier credential of this profile; it says nothing about the one stored now"
    yield "outcome", probe_words(outcome, now)
    if outcome.words:
        yield "its words", outcome.words
    if outcome.status is not None:
        yield "status", f"HTTP {outcome.status}"
    if "total" in outcome.phases:
        yield "took", ", ".join(f"{phase} {seconds * 1000:.0f} ms" for phase, seconds in outcome.phases.items())
    for name, at in (("last success", outcome.last_success_at), ("asked to wait", outcome.retry_at), ("key ends", outcome.expires_at)):
        if at is not None:
            yield name, when(at, now, zone)
    yield from _limits(outcome, now)
    seen = opinion(profile, now)
    if seen.would_store or seen.stored:
        yield "gateway stored", ", ".join(seen.stored) or "nothing"
        yield "would store", seen.would_store or "nothing"
    if seen.against:
        yield "contradiction", seen.against


def _limits(outcome: Outcome, now: datetime) -> Iterator[tuple[str, str]]:
    for quota in outcome.quotas:
        resets = f", resets {relative(quota.reset_at, now)}" if quota.reset_at else ""
        if quota.used is not None:
            yield "quota", f"{quota.window}: {quota.used * 100:.0f} % used{resets}"
    for limit in outcome.rate_limits:
        if limit.limit is not None and limit.remaining is not None:
            window = f" per {limit.window}" if limit.window else ""
            yield "rate limit", f"{limit.resource}{window}: {limit.remaining:g} of {limit.limit:g} left"
    for balance in outcome.balances:
        yield "balance", f"{balance.amount:g} {balance.currency}"
    offset = outcome.clock_offset_seconds
    if offset is not None and abs(offset) >= 5:
        yield "clock", f"this machine is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the provider"


def took(outcome: Outcome) -> str:
    """Say how long one request took: `240 ms`, `3.1 s`."""
    total = outcome.phases.get("total")
    if total is None:
        return ""
    return f"{total * 1000:.0f} ms" if total < 1 else f"{total:.1f} s"


def waits(outcome: Outcome, now: datetime) -> str:
    """Say how long a provider wants to be left alone."""
    return f"wait {duration(outcome.retry_at - now)}" if outcome.retry_at is not None and outcome.retry_at > now else ""
