"""What holds of every life, whatever the world and the clock do."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.alerting.alert import AlertState, Route, Silence, parse_matcher
from exporter.alerting.notice import NoticeKind
from exporter.finding import Finding, Severity
from tests.alerting.builders import BLIND, HOUR, KNOWN, MINUTE, NOW, POLICY, Life, finding, outage

SECOND = timedelta(seconds=1)
FINDINGS: tuple[Finding, ...] = (
    finding(profile="anthropic:a"),
    finding(profile="anthropic:b", severity=Severity.CRITICAL),
    finding("RefreshOverdue", "openai:a", hold=3 * MINUTE),
    finding("CooldownLong", "openai:b", resolve_hold=2 * MINUTE, lapse_hold=10 * MINUTE),
    outage("openai", hold=5 * MINUTE),
)
ROUTES = (Route("pager"), Route("mail", frozenset({Severity.WARNING})), Route("boss", escalation=True))
Move = tuple[int, frozenset[int], bool, int]
# (how long it lasts, which findings are there, can the store be read, by how much the clock is set)
MOVES = st.lists(
    st.tuples(
        st.integers(1, 240),
        st.frozensets(st.integers(0, len(FINDINGS) - 1)),
        st.booleans(),
        st.sampled_from([0, 0, 0, 0, 3600, -3600, 365 * 86400, -365 * 86400]),
    ),
    max_size=12,
)


def _live(moves: list[Move], *, clock: bool) -> Life:
    """Play the moves, one step a minute. While the store cannot be read no alert may change its state."""
    life = Life(replace(POLICY, routes=ROUTES))
    for minutes, present, readable, jump in moves:
        life.now += timedelta(seconds=jump if clock else 0)
        for _ in range(minutes):
            before = _states(life)
            life.see(*([FINDINGS[n] for n in sorted(present)] if readable else []), but=KNOWN if readable else BLIND)
            assert readable or _states(life) == before
            life.now += MINUTE
    return life


def _states(life: Life) -> dict[str, AlertState]:
    return {identity: alert.state for identity, alert in life.book.alerts.items() if alert.state is not AlertState.RESOLVED}


@settings(deadline=None, max_examples=30)
@given(MOVES)
def test_reminders_keep_their_distance_and_each_firing_has_one_end(moves: list[Move]) -> None:
    life = _live(moves, clock=False)
    last: dict[tuple[str, str], object] = {}
    open_at: dict[str, set[str]] = defaultdict(set)
    for at, notice in life.told:
        for entry in notice.entries:
            key = (notice.channel, entry.id)
            if notice.kind is NoticeKind.RESOLVED:
                assert entry.id in open_at[notice.channel]
                open_at[notice.channel].remove(entry.id)
                last.pop(key)
                continue
            if notice.kind is NoticeKind.REMINDER:
                assert entry.id in open_at[notice.channel]
                repeat = HOUR if entry.severity is Severity.CRITICAL else 12 * HOUR
                before = last[key]
                assert isinstance(before, type(at))
                assert at - before >= repeat
            else:
                assert entry.id not in open_at[notice.channel]
                open_at[notice.channel].add(entry.id)
            last[key] = at


@settings(deadline=None, max_examples=30)
@given(MOVES)
def test_an_unreadable_store_resolves_nothing_and_fires_nothing(moves: list[Move]) -> None:
    _live([(minutes, present, n % 2 == 0, jump) for n, (minutes, present, _, jump) in enumerate(moves)], clock=True)


@settings(deadline=None, max_examples=30)
@given(MOVES)
def test_no_clock_makes_a_flood_or_loses_an_end(moves: list[Move]) -> None:
    life = _live(moves, clock=True)
    minutes = sum(move[0] for move in moves)
    jumps = sum(1 for move in moves if move[3])
    reminders = sum(1 for _, notice in life.told if notice.kind is NoticeKind.REMINDER)
    assert reminders <= (minutes // 60 + jumps + 1) * len(ROUTES) * 2
    for _ in range(60):
        life.see()
        life.now += MINUTE
    assert dict(life.book.alerts) == {}
    open_now: set[tuple[str, str]] = set()
    for _, notice in life.told:
        for entry in notice.entries:
            key = (notice.channel, entry.id)
            (open_now.discard if notice.kind is NoticeKind.RESOLVED else open_now.add)(key)
    assert open_now == set()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 300), st.integers(1, 300), st.integers(1, 600))
def test_a_silence_is_silent_and_ends(starts: int, lasts: int, open_for: int) -> None:
    silence = Silence("s", (parse_matcher("provider=anthropic"),), "me", "", NOW + starts * MINUTE, NOW + (starts + lasts) * MINUTE)
    life = Life(POLICY, silences=(silence,))
    life.over(open_for * MINUTE, [FINDINGS[0]])
    life.over((starts + lasts + 20) * MINUTE)
    assert not [at for at, _ in life.told if silence.starts_at <= at < silence.ends_at]
    kinds = [notice.kind for _, notice in life.told]
    assert kinds.count(NoticeKind.RESOLVED) == kinds.count(NoticeKind.FIRING)
