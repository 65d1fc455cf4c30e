"""Pure. What is kept of probes between passes and over restarts: the last answer, back-off, suspicions, counts, per account.

An account is one credential at one host, however many profiles and agents share it. `claim` is recorded before a request is sent, so that
a crash or a restart loop never multiplies requests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from exporter.outcome import Outcome, ProbeStatus
from exporter.providers.row import Purpose

CONFIRM_LEAST, CONFIRM_MOST = timedelta(seconds=30), timedelta(seconds=60)
DEAD = frozenset({"invalid", "expired", "revoked", "disabled"})
TRANSIENT = frozenset({ProbeStatus.NETWORK, ProbeStatus.TIMEOUT, ProbeStatus.OVERLOADED})
NOT_SENT = frozenset({ProbeStatus.SKIPPED, ProbeStatus.NO_MODEL})
_SILENT = TRANSIENT | {ProbeStatus.UNKNOWN, ProbeStatus.RATE_LIMIT}  # these neither confirm nor clear a suspicion
_HOST_KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Target:
    """One account at one host. `key` names it without a secret; `at_least` is the endpoint's minimum interval, never undercut."""

    key: str
    provider: str
    host: str
    fingerprint: str
    every: timedelta
    at_least: timedelta
    purpose: Purpose = Purpose.LIGHT
    subscription: bool = False
    parked_until: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is kept of one account between passes. `suspected_at`: when an unconfirmed or confirmed refusal began."""

    fingerprint: str
    claimed_at: datetime
    outcome: ProbeStatus | None = None
    detail: str = ""
    answered_at: datetime | None = None
    retry_at: datetime | None = None
    failures: int = 0
    suspected_at: datetime | None = None
    suspicion: ProbeStatus | None = None
    confirmed: bool = False
    last_success_at: datetime | None = None

    @property
    def awaits_confirmation(self) -> bool:
        """True after a refusal that was the last word and was seen only once."""
        return self.suspected_at is not None and not self.confirmed and self.outcome is self.suspicion


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything the scheduler remembers. `since` spreads the first round; `spent` counts requests per (day, provider, purpose)."""

    since: datetime
    targets: Mapping[str, Remembered] = field(default_factory=lambda: MappingProxyType({}))
    hosts: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    spent: Mapping[tuple[str, str, Purpose], int] = field(default_factory=lambda: MappingProxyType({}))


def claim(memory: Memory, target: Target, now: datetime) -> Memory:
    """Record that a request is about to be sent; to be kept before sending."""
    known = memory.targets.get(target.key)
    same = known is not None and known.fingerprint == target.fingerprint
    claimed = replace(known, claimed_at=now) if known is not None and same else Remembered(target.fingerprint, now)
    key = account(target, now)
    return replace(
        memory,
        targets=MappingProxyType({**memory.targets, target.key: claimed}),
        hosts=MappingProxyType({**memory.hosts, target.host: now}),
        spent=MappingProxyType({**memory.spent, key: memory.spent.get(key, 0) + 1}),
    )


def claim_all(memory: Memory, targets: Collection[Target], now: datetime) -> Memory:
    """Record that a whole pass is about to be sent: one write before the first request."""
    kept, hosts, spent = dict(memory.targets), dict(memory.hosts), dict(memory.spent)
    for target in targets:
        known, key = kept.get(target.key), account(target, now)
        same = known is not None and known.fingerprint == target.fingerprint
        kept[target.key] = replace(known, claimed_at=now) if known is not None and same else Remembered(target.fingerprint, now)
        hosts[target.host] = now
        spent[key] = spent.get(key, 0) + 1
    return replace(memory, targets=MappingProxyType(kept), hosts=MappingProxyType(hosts), spent=MappingProxyType(spent))


def merge(memory: Memory, targets: Mapping[str, Remembered], hosts: Mapping[str, datetime]) -> Memory:
    """Take in what a pass learned of accounts, and when it asked which host."""
    return replace(memory, targets=MappingProxyType({**memory.targets, **targets}), hosts=MappingProxyType({**memory.hosts, **hosts}))


def release(memory: Memory, before: Memory, targets: Collection[Target], claimed_at: datetime) -> Memory:
    """Take back the claims of requests that were not sent after all: they are due as they were."""
    kept, spent = dict(memory.targets), dict(memory.spent)
    for target in targets:
        known, key = before.targets.get(target.key), account(target, claimed_at)
        if known is None:
            kept.pop(target.key, None)
        else:
            kept[target.key] = known
        spent[key] = max(0, spent.get(key, 0) - 1)
    return replace(memory, targets=MappingProxyType(kept), spent=MappingProxyType(spent))


def settle(memory: Memory, target: Target, outcome: Outcome, now: datetime) -> tuple[Memory, Outcome]:
    """Record an answer; the outcome comes back as `answered` fills it in, and one that was never sent leaves the memory as it is."""
    kept, told = answered(memory.targets.get(target.key), target, outcome, now)
    return (memory if kept is None else replace(memory, targets=MappingProxyType({**memory.targets, target.key: kept}))), told


def answered(known: Remembered | None, target: Target, outcome: Outcome, now: datetime) -> tuple[Remembered | None, Outcome]:
    """What to remember of an account after an answer, None when it was never sent; `known` is what was.

    The outcome comes back with `confirmed`, `fingerprint` and `last_success_at` filled in. A refusal is confirmed when it was seen
    before, at least 30 seconds ago, for the same credential.
    """
    if known is None or known.fingerprint != target.fingerprint:
        known = Remembered(target.fingerprint, now)
    if outcome.outcome in NOT_SENT:
        return None, replace(outcome, fingerprint=target.fingerprint, last_success_at=known.last_success_at)
    success = now if outcome.outcome is ProbeStatus.OK else known.last_success_at
    suspected_at, suspicion = known.suspected_at, known.suspicion
    confirmed = False
    if _refusal(outcome):
        confirmed = suspicion is outcome.outcome and suspected_at is not None and now - suspected_at >= CONFIRM_LEAST
        if suspicion is not outcome.outcome or suspected_at is None:
            suspected_at, suspicion = now, outcome.outcome
    elif outcome.outcome not in _SILENT:
        suspected_at, suspicion = None, None
    failing = outcome.outcome in TRANSIENT or outcome.outcome is ProbeStatus.RATE_LIMIT
    same = (known.outcome is ProbeStatus.RATE_LIMIT) == (outcome.outcome is ProbeStatus.RATE_LIMIT)
    kept = Remembered(
        target.fingerprint, known.claimed_at, outcome.outcome, outcome.detail, now, outcome.retry_at,
        min(known.failures + 1 if same else 1, 20) if failing else 0, suspected_at, suspicion, confirmed, success,
    )  # fmt: skip
    return kept, replace(outcome, confirmed=confirmed, fingerprint=target.fingerprint, last_success_at=success)


def forget(memory: Memory, keys: Collection[str], now: datetime) -> Memory:
    """Drop accounts that exist no more, counts of past days, and hosts not asked for an hour: memory does not grow."""
    today = day(now)
    return replace(
        memory,
        targets=MappingProxyType({key: kept for key, kept in memory.targets.items() if key in keys}),
        hosts=MappingProxyType({host: at for host, at in memory.hosts.items() if now - at < _HOST_KEPT}),
        spent=MappingProxyType({key: count for key, count in memory.spent.items() if key[0] >= today}),
    )


def account(target: Target, now: datetime) -> tuple[str, str, Purpose]:
    """The key under which a request of today is counted."""
    return day(now), target.provider, target.purpose


def day(now: datetime) -> str:
    """The UTC day of an instant."""
    return now.astimezone(UTC).date().isoformat()


def _refusal(outcome: Outcome) -> bool:
    return outcome.outcome is ProbeStatus.BILLING or (outcome.outcome is ProbeStatus.AUTH and outcome.detail in DEAD)
