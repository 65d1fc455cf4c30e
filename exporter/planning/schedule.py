"""Pure. Which probes are due: intervals, jitter, back-off, Retry-After, spacing per host, daily budgets, confirmations.

State goes in as frozen values (`probe_memory`), and what is due comes out; nothing here waits or sends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.probe_memory import CONFIRM_LEAST, CONFIRM_MOST, DEAD, NOT_SENT, TRANSIENT, Memory, Remembered, Target, account, day
from exporter.providers.row import Call, Purpose

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
RARE = _HOUR  # endpoints with such a minimum are never called without a probe memory that survives
_LADDER = tuple(_MINUTE * steps for steps in (1, 2, 5, 10, 15))  # overloaded, timeout, network
_LIMITED_FIRST, _LIMITED_MOST = 5 * _MINUTE, 6 * _HOUR
_WAIT_LEAST, _WAIT_MOST = _MINUTE, _DAY
_RARE_GAP = 15 * _MINUTE  # between two rare requests to one host: a handful at once has blocked whole hosts
_DEAD_EVERY = 6 * _HOUR
_UNPAID_EVERY = 45 * _MINUTE


class Hold(StrEnum):
    """Why a target is not asked now."""

    EARLY = "early"
    RETRY_AFTER = "retry_after"
    BUDGET = "budget"
    NO_MEMORY = "no_memory"


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's choices. `memory_survives` is false without a writable state directory."""

    jitter: float = 0.2
    per_host_gap: timedelta = timedelta(seconds=2)
    daily_budget: int = 500  # requests per UTC day, over all providers
    provider_budgets: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # the same for one provider
    deep_budget: int = 24  # completions per provider and UTC day, inside the others
    memory_survives: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """One request to send, not before an instant. `confirming`: read the store again first; a changed credential needs no confirmation."""

    target: Target
    not_before: datetime
    confirming: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send now, what not and why, and when to look again (None: nothing is known)."""

    due: tuple[Due, ...] = ()
    held: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))
    next_at: datetime | None = None


def effective_interval(call: Call, wanted: timedelta, *, own_server: bool = False) -> tuple[timedelta, timedelta]:
    """How often an endpoint is asked, and its minimum, for the operator's interval.

    Rare endpoints keep their own interval; the user's own servers may be asked every ten seconds; nothing else goes below its minimum.
    """
    at_least = min(call.at_least, timedelta(seconds=10)) if own_server else call.at_least
    if call.every >= RARE and not own_server:
        return call.every, at_least
    if call.every < 5 * _MINUTE:
        return max(at_least, min(call.every, wanted)), at_least
    return max(at_least, wanted), at_least


def merge(targets: Iterable[Target]) -> tuple[Target, ...]:
    """One target per account: asked as often as its most impatient holder may, parked only if it is parked for all of them."""
    found: dict[str, Target] = {}
    for target in targets:
        known = found.get(target.key)
        if known is None:
            found[target.key] = target
            continue
        parked = None if known.parked_until is None or target.parked_until is None else min(known.parked_until, target.parked_until)
        changed = max((at for at in (known.changed_at, target.changed_at) if at is not None), default=None)
        found[target.key] = replace(
            known,
            every=min(known.every, target.every),
            at_least=max(known.at_least, target.at_least),
            parked_until=parked,
            changed_at=changed,
        )
    return tuple(found.values())


def plan(
    targets: Iterable[Target],
    memory: Memory,
    now: datetime,
    rules: Rules,
    *,
    by_hand: bool = False,
    minimum_from: timedelta = RARE,
    most: int | None = None,
) -> Plan:
    """Which accounts to ask now: refusals to confirm first, then credentials never asked before, at most `most`.

    By hand, intervals do not count, but minimums of `minimum_from` or more, Retry-After and spacing do.
    """
    ready: list[tuple[int, datetime, Target]] = []
    held: dict[str, Hold] = {}
    later: list[datetime] = []
    wanted = merge(targets)
    rare = {} if by_hand else _last_rare(wanted, memory)
    for target in wanted:
        at, hold = _by_hand(target, memory, now, minimum_from) if by_hand else _when(target, memory, now, rules)
        seldom = target.at_least >= RARE and target.purpose is not Purpose.DEEP
        if seldom and target.host in rare:
            at = max(at, rare[target.host] + _RARE_GAP)
        if at > now:
            later.append(at)
            held[target.key] = hold
        elif target.at_least >= RARE and not rules.memory_survives:
            held[target.key] = Hold.NO_MEMORY
        else:
            ready.append((0 if _confirming(target, memory) else 1 + (target.key in memory.targets), at, target))
            rare |= {target.host: now} if seldom and not by_hand else {}
    due = _lined_up(ready, memory, now, rules, most, held, later)
    return Plan(due, MappingProxyType(held), min(later, default=None))


def _lined_up(
    ready: list[tuple[int, datetime, Target]],
    memory: Memory,
    now: datetime,
    rules: Rules,
    most: int | None,
    held: dict[str, Hold],
    later: list[datetime],
) -> tuple[Due, ...]:
    """Give each its instant: budgets first, then one request at a time per host; what has to wait goes into `held` and `later`."""
    due: list[Due] = []
    spent = dict(memory.spent)
    free: dict[str, datetime] = {}
    for rank, _, target in sorted(ready, key=lambda entry: (entry[0], entry[1], entry[2].key)):
        if most is not None and len(due) >= most:
            later.append(now)
            continue
        if not _affordable(target, spent, now, rules):
            held[target.key] = Hold.BUDGET
            later.append(_tomorrow(now))
            continue
        key = account(target, now)
        spent[key] = spent.get(key, 0) + 1
        last = memory.hosts.get(target.host)
        start = free.get(target.host) or max(now, last + rules.per_host_gap if last is not None else now)
        free[target.host] = start + rules.per_host_gap
        due.append(Due(target, start, confirming=rank == 0))
    return tuple(due)


def due_at(target: Target, memory: Memory, rules: Rules) -> datetime:
    """When an account is asked next, by interval, back-off and what the provider said."""
    known = memory.targets.get(target.key)
    if known is None:
        if target.changed_at is not None and target.changed_at > memory.since:
            return target.changed_at
        return memory.since + min(target.every, _HOUR) * _chance(target.key, memory.since)
    if known.fingerprint != target.fingerprint:
        return known.claimed_at
    asked_at = max(known.claimed_at, known.answered_at or known.claimed_at)
    if known.awaits_confirmation and (target.at_least < RARE or target.purpose is Purpose.DEEP):
        return asked_at + CONFIRM_LEAST + (CONFIRM_MOST - CONFIRM_LEAST) * _chance(target.key, asked_at)
    wait = max(target.at_least, target.every * (1 + rules.jitter * (2 * _chance(target.key, asked_at) - 1)))
    wait = _backed_off(target, known, asked_at, wait)
    if target.parked_until is not None:
        wait = max(wait, 4 * target.every, 5 * _MINUTE)
    return asked_at + wait


def hold_apart(outcomes: Mapping[str, Outcome], hosts: Mapping[str, str]) -> Mapping[str, Outcome]:
    """Outcomes of one pass; when nothing at all answered, our own network is the suspect and no provider is blamed.

    One silent host alone proves that only when its name could not be found or no route led to it.
    """
    sent = {key: outcome for key, outcome in outcomes.items() if outcome.outcome not in NOT_SENT}
    silent = [key for key, outcome in sent.items() if outcome.status is None and outcome.outcome in TRANSIENT]
    if not sent or len(silent) < len(sent):
        return outcomes
    alone = len({hosts.get(key, key) for key in sent}) == 1
    if alone and not all(sent[key].detail in ("dns", "unreachable") for key in silent):
        return outcomes
    ours = {key: replace(sent[key], outcome=ProbeStatus.NETWORK, detail="own_network", words=_own(sent[key])) for key in silent}
    return {**outcomes, **ours}


def _own(outcome: Outcome) -> str:
    return f"nothing at all answered, so our own network is the suspect{f' ({outcome.words})' if outcome.words else ''}"


def _when(target: Target, memory: Memory, now: datetime, rules: Rules) -> tuple[datetime, Hold]:
    known = memory.targets.get(target.key)
    told = known is not None and known.retry_at is not None and known.retry_at > now
    return due_at(target, memory, rules), Hold.RETRY_AFTER if told else Hold.EARLY


def _by_hand(target: Target, memory: Memory, now: datetime, minimum_from: timedelta) -> tuple[datetime, Hold]:
    known = memory.targets.get(target.key)
    if known is None or known.fingerprint != target.fingerprint:
        return now, Hold.EARLY
    if known.retry_at is not None and known.outcome in (ProbeStatus.RATE_LIMIT, ProbeStatus.OVERLOADED) and known.retry_at > now:
        return min(known.retry_at, now + _WAIT_MOST), Hold.RETRY_AFTER
    if known.awaits_confirmation and known.answered_at is not None and target.at_least < RARE:
        return known.answered_at + (CONFIRM_LEAST if target.at_least >= minimum_from else timedelta(0)), Hold.EARLY
    return (known.claimed_at + target.at_least if target.at_least >= minimum_from else now), Hold.EARLY


def _last_rare(targets: Iterable[Target], memory: Memory) -> dict[str, datetime]:
    """When each host was last asked something rare."""
    found: dict[str, datetime] = {}
    for target in targets:
        known = memory.targets.get(target.key)
        if known is not None and target.at_least >= RARE and target.purpose is not Purpose.DEEP:
            found[target.host] = max(known.claimed_at, found.get(target.host, known.claimed_at))
    return found


def _backed_off(target: Target, known: Remembered, asked_at: datetime, wait: timedelta) -> timedelta:
    """The wait after a failure: the provider's own word, a ladder, or the slow rhythm of what does not heal by itself."""
    told = min(max(known.retry_at - asked_at, _WAIT_LEAST), _WAIT_MOST) if known.retry_at is not None else timedelta(0)
    match known.outcome:
        case ProbeStatus.RATE_LIMIT:
            most = _DAY if target.subscription else _LIMITED_MOST
            return max(wait, told, min(_LIMITED_FIRST * (1 << max(0, known.failures - 1)), most))
        case ProbeStatus.OVERLOADED | ProbeStatus.TIMEOUT | ProbeStatus.NETWORK:
            step = _LADDER[min(max(known.failures, 1), len(_LADDER)) - 1]
            least = timedelta(0) if known.outcome is ProbeStatus.NETWORK and target.at_least < RARE else target.at_least
            return max(step, told, least)
        case ProbeStatus.BILLING if known.confirmed:
            return max(target.at_least, _UNPAID_EVERY, told if told < _WAIT_MOST else timedelta(0))
        case ProbeStatus.AUTH if known.confirmed and known.detail in DEAD:
            return max(wait, _DEAD_EVERY)
        case _:
            return max(wait, told)


def _confirming(target: Target, memory: Memory) -> bool:
    known = memory.targets.get(target.key)
    return known is not None and known.fingerprint == target.fingerprint and known.awaits_confirmation


def _affordable(target: Target, spent: Mapping[tuple[str, str, Purpose], int], now: datetime, rules: Rules) -> bool:
    if target.purpose is Purpose.DEEP and spent.get(account(target, now), 0) >= rules.deep_budget:
        return False
    today = day(now)
    mine = sum(spent.get((today, target.provider, purpose), 0) for purpose in Purpose)
    total = sum(count for (when, _, _), count in spent.items() if when == today)
    return total < rules.daily_budget and mine < rules.provider_budgets.get(target.provider, rules.daily_budget)


def _tomorrow(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY


def _chance(key: str, at: datetime) -> float:
    """A number in [0, 1) that is the same for the same account and instant: jitter without a random source."""
    digest = hashlib.blake2b(f"{key}|{at.timestamp():.3f}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / (1 << 56)
