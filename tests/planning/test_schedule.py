"""When accounts are asked: intervals, back-off, Retry-After, budgets, confirmations; and a simulated week."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.probe_memory import Memory, Target, claim, forget, settle
from exporter.planning.schedule import Due, Hold, Rules, due_at, effective_interval, hold_apart, merge, plan
from exporter.providers.row import Call, Purpose
from exporter.providers.table import PROVIDERS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULES = Rules()
P = ProbeStatus


def target(key: str = "k", **more: object) -> Target:
    made = Target(key, "openai", "api.openai.com", "fp1", 15 * MINUTE, 5 * MINUTE)
    return replace(made, **more)  # type: ignore[arg-type]


def after(outcome: Outcome, times: int = 1, made: Target | None = None, gap: timedelta = HOUR) -> tuple[Memory, Outcome, datetime]:
    """The memory after so many equal answers, an hour apart; the last was at the returned instant."""
    memory, at, found = Memory(NOW), NOW, outcome
    for _ in range(times):
        at += gap
        memory, found = settle(claim(memory, made or target(), at), made or target(), outcome, at)
    return memory, found, at


def wait(outcome: Outcome, times: int = 1, made: Target | None = None, rules: Rules = RULES) -> timedelta:
    memory, _, at = after(outcome, times, made)
    return due_at(made or target(), memory, rules) - at


def test_first_round_is_spread_over_the_interval() -> None:
    offsets = [due_at(target(f"k{number}"), Memory(NOW), RULES) - NOW for number in range(200)]
    assert min(offsets) < MINUTE
    assert max(offsets) > 14 * MINUTE
    assert len({offset // MINUTE for offset in offsets}) == 15


def test_a_restart_does_not_multiply_requests() -> None:
    memory, _, at = after(Outcome(P.OK))
    restarted = replace(memory, since=at + MINUTE)
    assert due_at(target(), restarted, RULES) == due_at(target(), memory, RULES)


def test_a_crash_after_the_claim_counts_as_asked() -> None:
    memory = claim(Memory(NOW), target(), NOW)
    assert plan([target()], memory, NOW + MINUTE, RULES).due == ()


def test_jitter_keeps_within_its_bounds_and_above_the_minimum() -> None:
    waits = [wait(Outcome(P.OK), made=target(f"k{number}")) for number in range(100)]
    assert min(waits) >= 12 * MINUTE
    assert max(waits) <= 18 * MINUTE
    assert len(set(waits)) > 90
    assert wait(Outcome(P.OK), made=target(every=5 * MINUTE)) >= 5 * MINUTE


def test_a_changed_credential_is_asked_at_once() -> None:
    memory, _, at = after(Outcome(P.AUTH, "revoked"), times=3)
    fresh = target(fingerprint="fp2")
    assert [due.target for due in plan([fresh], memory, at + MINUTE, RULES).due] == [fresh]
    new = target("new", changed_at=NOW + 2 * HOUR)
    assert plan([new], Memory(NOW), NOW + 2 * HOUR, RULES).due


@pytest.mark.parametrize(
    ("outcome", "times", "least", "most"),
    [
        (Outcome(P.RATE_LIMIT), 1, 5, 18),
        (Outcome(P.RATE_LIMIT), 4, 40, 40),
        (Outcome(P.RATE_LIMIT), 12, 360, 360),
        (Outcome(P.OVERLOADED), 1, 5, 5),
        (Outcome(P.NETWORK), 1, 1, 1),
        (Outcome(P.NETWORK), 2, 2, 2),
        (Outcome(P.NETWORK), 3, 5, 5),
        (Outcome(P.NETWORK), 9, 15, 15),
        (Outcome(P.TIMEOUT), 4, 10, 10),
        (Outcome(P.AUTH, "revoked"), 2, 360, 360),
        (Outcome(P.AUTH, "scope"), 2, 12, 18),
        (Outcome(P.BILLING), 2, 45, 45),
        (Outcome(P.FORMAT), 3, 12, 18),
    ],
    ids=lambda value: f"{value.outcome}-{value.detail}" if isinstance(value, Outcome) else str(value),
)
def test_back_off_by_class(outcome: Outcome, times: int, least: int, most: int) -> None:
    assert least * MINUTE <= wait(outcome, times) <= most * MINUTE


def test_retry_after_is_obeyed_up_to_a_day() -> None:
    memory, _, at = after(Outcome(P.RATE_LIMIT, retry_at=NOW + 9 * HOUR))
    assert due_at(target(), memory, RULES) == NOW + 9 * HOUR
    memory, _, at = after(Outcome(P.RATE_LIMIT, retry_at=NOW + 20 * DAY))
    assert due_at(target(), memory, RULES) == at + DAY
    memory, _, at = after(Outcome(P.OVERLOADED, retry_at=NOW + 3 * HOUR))
    assert due_at(target(), memory, RULES) == NOW + 3 * HOUR


def test_a_retry_after_of_zero_still_waits() -> None:
    rare = target(every=30 * MINUTE, at_least=10 * MINUTE, subscription=True)
    memory, _, at = after(Outcome(P.RATE_LIMIT, "endpoint", retry_at=NOW), made=rare)
    assert due_at(rare, memory, RULES) - at >= 10 * MINUTE


def test_a_refusal_is_confirmed_once_after_half_a_minute() -> None:
    memory, first, at = after(Outcome(P.AUTH, "invalid"))
    assert not first.confirmed
    again = due_at(target(), memory, RULES)
    assert timedelta(seconds=30) <= again - at <= timedelta(seconds=60)
    due = plan([target()], memory, again, RULES).due[0]
    assert due.confirming
    memory, second = settle(claim(memory, target(), again), target(), Outcome(P.AUTH, "revoked"), again)
    assert second.confirmed
    assert second.refused


def test_a_refusal_seen_again_too_soon_is_not_confirmed() -> None:
    memory, _, at = after(Outcome(P.BILLING))
    _, second = settle(memory, target(), Outcome(P.BILLING), at + timedelta(seconds=5))
    assert not second.confirmed


def test_an_answer_between_clears_the_suspicion_and_silence_does_not() -> None:
    memory, _, at = after(Outcome(P.AUTH, "invalid"))
    silent, _ = settle(memory, target(), Outcome(P.TIMEOUT), at + MINUTE)
    _, confirmed = settle(silent, target(), Outcome(P.AUTH, "invalid"), at + 2 * MINUTE)
    assert confirmed.confirmed
    fine, _ = settle(memory, target(), Outcome(P.OK), at + MINUTE)
    _, fresh = settle(fine, target(), Outcome(P.AUTH, "invalid"), at + 2 * MINUTE)
    assert not fresh.confirmed


def test_a_suspicion_belongs_to_its_credential() -> None:
    memory, _, at = after(Outcome(P.AUTH, "invalid"))
    _, other = settle(memory, target(fingerprint="fp2"), Outcome(P.AUTH, "invalid"), at + HOUR)
    assert not other.confirmed


@pytest.mark.parametrize("outcome", [P.SKIPPED, P.NO_MODEL])
def test_what_was_not_sent_replaces_nothing(outcome: ProbeStatus) -> None:
    memory, _, at = after(Outcome(P.AUTH, "invalid"), times=2)
    same, _ = settle(memory, target(), Outcome(outcome), at + MINUTE)
    assert same == memory


def test_rare_endpoints_need_a_memory_that_survives() -> None:
    rare = target(every=12 * HOUR, at_least=6 * HOUR)
    late = NOW + 2 * HOUR
    assert plan([rare], Memory(NOW), late, RULES).due
    held = plan([rare], Memory(NOW), late, Rules(memory_survives=False))
    assert held.due == ()
    assert held.held == {"k": Hold.NO_MEMORY}


def test_rare_endpoints_are_not_asked_again_to_confirm() -> None:
    rare = target(every=12 * HOUR, at_least=6 * HOUR)
    memory, _, at = after(Outcome(P.AUTH, "invalid"), made=rare)
    assert due_at(rare, memory, RULES) - at >= 6 * HOUR


def test_by_hand_intervals_do_not_count_but_the_providers_word_does() -> None:
    memory, _, at = after(Outcome(P.OK))
    assert plan([target()], memory, at + MINUTE, RULES, by_hand=True).due
    limited, _, at = after(Outcome(P.RATE_LIMIT, retry_at=NOW + 5 * HOUR))
    assert plan([target()], limited, at + MINUTE, RULES, by_hand=True).held == {"k": Hold.RETRY_AFTER}
    rare = target(every=12 * HOUR, at_least=6 * HOUR)
    once, _, at = after(Outcome(P.OK), made=rare)
    assert plan([rare], once, at + HOUR, RULES, by_hand=True).due == ()


def test_parked_profiles_are_asked_rarely() -> None:
    parked = target(parked_until=NOW + DAY)
    assert wait(Outcome(P.OK), made=parked) >= HOUR


def test_one_account_is_asked_once_for_all_its_holders() -> None:
    held = [target(parked_until=NOW + HOUR), target(), target(every=HOUR)]
    joined = merge(held)
    assert len(joined) == 1
    assert joined[0].parked_until is None
    assert joined[0].every == 15 * MINUTE
    assert len(plan(held, Memory(NOW), NOW + HOUR, RULES).due) == 1


def test_one_host_is_spaced_and_confirmations_go_first() -> None:
    many = [target(f"k{number}") for number in range(4)]
    memory, _, at = after(Outcome(P.AUTH, "invalid"), made=many[3])
    due = plan(many, memory, at + MINUTE, RULES).due
    assert due[0].target == many[3]
    starts = [entry.not_before for entry in due]
    assert all(later - earlier == RULES.per_host_gap for earlier, later in itertools.pairwise(starts))


def test_daily_budgets_end_at_midnight() -> None:
    rules = Rules(daily_budget=3, provider_budgets={"openai": 2})
    many = [target(f"k{number}") for number in range(5)] + [target("other", provider="groq", host="api.groq.com")]
    found = plan(many, Memory(NOW), NOW + HOUR, rules)
    assert Counter(due.target.provider for due in found.due) == {"openai": 2, "groq": 1}
    assert set(found.held.values()) == {Hold.BUDGET}
    assert found.next_at == NOW + DAY
    memory = Memory(NOW)
    for due in found.due:
        memory = claim(memory, due.target, NOW + HOUR)
    assert plan(many, memory, NOW + 2 * HOUR, rules).due == ()
    assert plan(many, memory, NOW + DAY + HOUR, rules).due


def test_completions_have_a_budget_of_their_own() -> None:
    deep = [target(f"d{number}", purpose=Purpose.DEEP) for number in range(5)]
    assert len(plan(deep, Memory(NOW), NOW + HOUR, Rules(deep_budget=2)).due) == 2


@pytest.mark.parametrize("row", [row for row in PROVIDERS if row.light is not None], ids=lambda row: row.id)
def test_no_setting_undercuts_an_endpoints_minimum(row: object) -> None:
    call = getattr(row, "light")  # noqa: B009
    assert isinstance(call, Call)
    for wanted in (timedelta(seconds=1), MINUTE, 15 * MINUTE, 3 * HOUR):
        every, at_least = effective_interval(call, wanted)
        assert every >= at_least == call.at_least
    assert effective_interval(call, timedelta(seconds=1), own_server=True)[1] <= timedelta(seconds=10)


def test_own_network_is_suspected_when_nothing_answers() -> None:
    down = Outcome(P.NETWORK, "dns")
    assert {o.detail for o in hold_apart({"a": down, "b": Outcome(P.TIMEOUT)}, {"a": "x", "b": "y"}).values()} == {"own_network"}
    assert hold_apart({"a": down, "b": Outcome(P.OK, status=200)}, {"a": "x", "b": "y"})["a"].detail == "dns"
    assert hold_apart({"a": Outcome(P.NETWORK, "refused")}, {"a": "x"})["a"].detail == "refused"
    assert hold_apart({"a": Outcome(P.OVERLOADED, status=503)}, {"a": "x"})["a"].outcome is P.OVERLOADED
    assert hold_apart({}, {}) == {}


@pytest.mark.slow
def test_a_simulated_week_keeps_every_promise_and_does_not_grow() -> None:
    """200 accounts on 20 hosts failing in every way, minute by minute."""
    answers = [
        Outcome(P.OK),
        Outcome(P.AUTH, "invalid"),
        Outcome(P.BILLING),
        Outcome(P.RATE_LIMIT),
        Outcome(P.OVERLOADED),
        Outcome(P.TIMEOUT),
        Outcome(P.NETWORK),
        Outcome(P.UNKNOWN),
        Outcome(P.AUTH, "scope"),
        Outcome(P.FORMAT),
    ]
    many = [
        target(
            f"k{n}",
            provider=f"p{n % 20}",
            host=f"h{n % 20}",
            every=(12 * HOUR if n % 10 == 0 else 15 * MINUTE),
            at_least=(6 * HOUR if n % 10 == 0 else 5 * MINUTE),
        )
        for n in range(200)
    ]
    rules = Rules(daily_budget=100_000)
    memory, now, sizes = Memory(NOW), NOW, []
    asked: defaultdict[str, list[datetime]] = defaultdict(list)
    told: dict[str, datetime] = {}
    unreached: dict[str, bool] = {}
    while now < NOW + 7 * DAY:
        found = plan(many, memory, now, rules)
        for due in found.due:
            number = int(due.target.key[1:])
            early = asked[due.target.key] and now - asked[due.target.key][-1] < due.target.at_least
            assert not early or due.confirming or unreached.get(due.target.key), "below the endpoint's minimum"
            asked[due.target.key].append(now)
            assert now >= told.get(due.target.key, now)
            memory = claim(memory, due.target, now)
            answer = answers[(number + len(asked[due.target.key]) // 5) % len(answers)]
            unreached[due.target.key] = answer.outcome is P.NETWORK
            if answer.outcome is P.RATE_LIMIT:
                told[due.target.key] = now + 50 * MINUTE
                answer = replace(answer, retry_at=told[due.target.key])
            memory, _ = settle(memory, due.target, answer, now)
        memory = forget(memory, {entry.key for entry in many}, now)
        if now.hour == 12 and now.minute < 10:
            sizes.append(len(memory.targets) + len(memory.spent) + len(memory.hosts))
        now = max(now + MINUTE, min(found.next_at or now, now + 10 * MINUTE))
    assert set(asked) == {entry.key for entry in many}
    for entry in many:
        gaps = [later - earlier for earlier, later in zip(asked[entry.key], asked[entry.key][1:], strict=False)]
        if entry.at_least >= HOUR:
            assert min(gaps) >= entry.at_least
            assert len(gaps) <= 28
        else:
            assert len(gaps) <= 7 * 24 * 60 / 5
            assert min(gaps) >= MINUTE / 2
    assert max(sizes) <= 200 + 40 + 20


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(P), st.sampled_from(["", "invalid", "scope", "balance"]), st.integers(0, 7200)), max_size=30))
def test_no_history_breaks_the_scheduler(history: list[tuple[ProbeStatus, str, int]]) -> None:
    memory, now = Memory(NOW), NOW
    for outcome, detail, seconds in history:
        now += timedelta(seconds=seconds)
        memory, found = settle(claim(memory, target(), now), target(), Outcome(outcome, detail), now)
        again = due_at(target(), memory, RULES)
        assert now + timedelta(seconds=30) <= again <= now + DAY
        assert not found.confirmed or found.outcome in (P.AUTH, P.BILLING)
    assert isinstance(plan([target()], memory, now + DAY, RULES).due[0], Due)
