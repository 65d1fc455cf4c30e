"""Edge. Rounds of delivery: channels that hang, refuse, fail and recover, each without harm to the others."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.alerting.life import canary
from exporter.alerting.notice import Notice
from exporter.delivery.backoff import MOST, open_at, pause
from exporter.delivery.carrier import DeliveryError, timed_out
from exporter.delivery.sender import Lane, Sender
from exporter.journal.ledger import Ledger
from tests.alarm.matters import NOW, SECOND
from tests.alarm.scenes import POLICY


@dataclass
class Fake:
    """A channel that does what the test says, in order; then all is well."""

    answers: list[DeliveryError] = field(default_factory=list)
    got: list[Notice] = field(default_factory=list)

    def deliver(self, notice: Notice, seconds: float) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.got.append(notice)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def post(ledger: Ledger, *channels: str, count: int = 1) -> None:
    for number in range(count):
        at = NOW + number * SECOND
        ledger.post(tuple(canary(at, POLICY, channel) for channel in channels), NOW)


def sender(ledger: Ledger, clock: Clock, **carriers: Fake) -> Sender:
    return Sender(ledger, [Lane(name, carrier, 5 * SECOND) for name, carrier in carriers.items()], "me", clock, lambda: 0.5)


def refused(words: str = "it answered 500", **more: object) -> DeliveryError:
    return DeliveryError(words, **more)  # type: ignore[arg-type]  # a test's own words


def test_everything_due_is_delivered_and_counted(tmp_path: Path) -> None:
    ledger, ops, phone = Ledger(tmp_path), Fake(), Fake()
    post(ledger, "ops", "phone", count=3)
    round_ = sender(ledger, Clock(), ops=ops, phone=phone)
    round_.round()
    assert (len(ops.got), len(phone.got), ledger.depth().notices) == (3, 3, 0)
    assert round_.tally.counts()[("ops", "delivered")] == 3
    ledger.close()


def test_a_channel_that_fails_pauses_longer_and_longer_and_recovers(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()
    ops = Fake([refused() for _ in range(4)])
    post(ledger, "ops")
    round_ = sender(ledger, clock, ops=ops)
    waits = []
    while not ops.got:
        round_.round()
        standing = ledger.standings()["ops"]
        if standing.next_try_at is not None:
            waits.append(round((standing.next_try_at - clock.now).total_seconds()))
            assert standing.failing_since == NOW
        clock.now += SECOND
    assert waits[0] == 5
    assert sorted({wait for wait in waits if wait in (5, 10, 20, 40)}) == [5, 10, 20, 40]
    assert ledger.standings()["ops"].failing_since is None
    assert round_.tally.counts()[("ops", "failed")] == 4
    ledger.close()


def test_what_the_other_side_asks_for_is_waited(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()
    post(ledger, "ops")
    ops = Fake([refused(retry_after=timedelta(minutes=10))])
    round_ = sender(ledger, clock, ops=ops)
    round_.round()
    clock.now += timedelta(minutes=9, seconds=59)
    round_.round()
    assert not ops.got
    clock.now += SECOND
    round_.round()
    assert len(ops.got) == 1
    ledger.close()


def test_a_late_success_is_marked_when_it_comes_again(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()
    post(ledger, "ops")
    ops = Fake([timed_out(5)])
    round_ = sender(ledger, clock, ops=ops)
    round_.round()
    clock.now += timedelta(minutes=1)
    round_.round()
    assert [notice.possible_repeat for notice in ops.got] == [True]
    assert round_.tally.counts()[("ops", "timeout")] == 1
    ledger.close()


def test_a_notice_that_is_refused_again_and_again_does_not_hold_up_the_others(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()

    @dataclass
    class Picky(Fake):
        def deliver(self, notice: Notice, seconds: float) -> None:
            if notice.at == NOW:
                raise refused("it does not like this one")
            super().deliver(notice, seconds)

    ops = Picky()
    at = [NOW + number * SECOND for number in range(4)]
    ledger.post(tuple(replace(canary(moment, POLICY, "ops"), cause=str(moment)) for moment in at), NOW)
    round_ = sender(ledger, clock, ops=ops)
    for _ in range(120):
        round_.round()
        clock.now += 5 * SECOND
    assert len(ops.got) == 3
    assert ledger.depth().notices == 1
    assert [(channel, why) for channel, _, why in ledger.stuck()] == [("ops", "it does not like this one")]
    ledger.close()


def test_one_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    post(ledger, "ops", "slow")
    released = threading.Event()

    class Hanging:
        def deliver(self, notice: Notice, seconds: float) -> None:
            released.wait(10)

    ops = Fake()
    round_ = Sender(ledger, [Lane("slow", Hanging(), SECOND), Lane("ops", ops, SECOND)], "me", Clock(), lambda: 0.5)
    thread = threading.Thread(target=round_.round)
    thread.start()
    deadline = time.monotonic() + 5
    while not ops.got and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(ops.got) == 1
    released.set()
    thread.join()
    ledger.close()


def test_a_bug_in_a_carrier_is_not_swallowed_and_the_notice_comes_again_marked(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()
    post(ledger, "ops")

    class Buggy:
        def deliver(self, notice: Notice, seconds: float) -> None:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        Sender(ledger, [Lane("ops", Buggy(), SECOND)], "me", clock, lambda: 0.5).round()
    clock.now += timedelta(minutes=5)
    ops = Fake()
    sender(ledger, clock, ops=ops).round()
    assert [notice.possible_repeat for notice in ops.got] == [True]
    ledger.close()


def test_a_gap_is_kept_between_two_deliveries(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    post(ledger, "ops", count=3)
    ops = Fake()
    began = time.monotonic()
    Sender(ledger, [Lane("ops", ops, SECOND, timedelta(milliseconds=100))], "me", Clock(), lambda: 0.5).round()
    assert time.monotonic() - began >= 0.2
    ledger.close()


def test_who_is_stopped_begins_nothing_more(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    post(ledger, "ops")
    ops = Fake()
    round_ = sender(ledger, Clock(), ops=ops)
    round_.stop()
    round_.round()
    assert not ops.got
    ledger.close()


@given(st.integers(0, 10_000), st.floats(0, 1), st.one_of(st.none(), st.integers(0, 3600)), st.booleans())
def test_a_pause_has_bounds_and_never_undercuts_what_was_asked(failures: int, chance: float, asked: int | None, hopeless: bool) -> None:
    span = timedelta(seconds=asked) if asked is not None else None
    found = pause(failures, chance, span, hopeless=hopeless)
    assert timedelta(seconds=4) <= found <= max(MOST * 1.2, span or timedelta(0))
    assert span is None or found >= span


@pytest.mark.parametrize(
    ("next_try", "open_"),
    [(None, True), (NOW, True), (NOW + SECOND, False), (NOW + timedelta(minutes=70), False), (NOW + timedelta(days=300), True)],
    ids=["never failed", "due", "not yet", "asked for an hour", "another clock"],
)
def test_a_channel_opens_again(next_try: datetime | None, open_: bool) -> None:
    assert open_at(next_try, NOW) is open_
