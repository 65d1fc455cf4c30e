"""Edge. Jobs on the real scheduler, with clocks that jump."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from exporter.monitor import TASKS, Clocks
from exporter.service import Timetable, _Every
from exporter.task_book import TaskBook

LONG = timedelta(hours=1)


@dataclass
class TurnedClock:
    """The machine's clock with an offset that a test may turn."""

    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass
class Bench:
    clock: TurnedClock = field(default_factory=TurnedClock)
    book: TaskBook = field(default_factory=lambda: TaskBook(TASKS, time.monotonic))

    def timetable(self) -> Timetable:
        return Timetable(self.book, Clocks(self.clock.now, time.monotonic))

    def runs(self, task: str, outcome: str) -> int:
        return next(one for one in self.book.tasks() if one.name == task).runs[outcome]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def timetable(bench: Bench) -> Iterator[Timetable]:
    made = bench.timetable()
    yield made
    made.stop()


def wait_for(look: Callable[[], bool], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def holding(gate: threading.Event) -> Callable[[], None]:
    def run() -> None:
        gate.wait(10)

    return run


def test_a_task_runs_at_once_and_again(bench: Bench, timetable: Timetable) -> None:
    timetable.every("pass", timedelta(seconds=0.1), lambda: None, at_once=True)
    wait_for(lambda: bench.runs("pass", "ok") >= 3)
    task = next(one for one in bench.book.tasks() if one.name == "pass")
    assert task.last_success_at is not None
    assert task.seconds is not None


def test_a_failing_task_is_counted_and_runs_again(bench: Bench, timetable: Timetable) -> None:
    def fail() -> None:
        raise RuntimeError("no matter")

    timetable.every("pass", timedelta(seconds=0.1), fail, at_once=True)
    wait_for(lambda: bench.runs("pass", "error") >= 2)
    assert bench.runs("pass", "ok") == 0


def test_runs_do_not_pile_up_behind_a_slow_one(bench: Bench, timetable: Timetable) -> None:
    gate = threading.Event()
    timetable.every("pass", timedelta(seconds=0.05), holding(gate), at_once=True)
    wait_for(lambda: bench.runs("pass", "skipped") >= 3)
    assert bench.runs("pass", "ok") == 0
    timetable.every("pass", LONG, lambda: None)
    gate.set()
    wait_for(lambda: bench.runs("pass", "ok") == 1)
    time.sleep(0.2)
    assert bench.runs("pass", "ok") == 1


def test_one_kind_of_work_does_not_hold_up_another(bench: Bench, timetable: Timetable) -> None:
    gate = threading.Event()
    timetable.every("export", LONG, holding(gate), worker="export", at_once=True)
    timetable.every("pass", LONG, lambda: None, at_once=True)
    wait_for(lambda: bench.runs("pass", "ok") == 1)
    gate.set()


def test_how_long_a_run_is_under_way_is_known_until_it_ends(bench: Bench, timetable: Timetable) -> None:
    gate = threading.Event()
    timetable.once("written", "deliver", holding(gate), bench.clock.now(), worker="deliver")
    wait_for(lambda: bench.book.running_seconds("deliver") > 0)
    gate.set()
    wait_for(lambda: bench.book.running_seconds("deliver") == 0)


@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(days=400)], ids=["set back", "set forward or asleep"])
def test_after_a_jump_every_task_runs_once_and_soon(bench: Bench, timetable: Timetable, jump: timedelta) -> None:
    timetable.every("pass", LONG, lambda: None)
    timetable.every("sweep", LONG, lambda: None)
    time.sleep(1.2)
    bench.clock.offset = jump
    wait_for(lambda: bench.runs("pass", "ok") == 1 and bench.runs("sweep", "ok") == 1)
    time.sleep(0.3)
    assert bench.runs("pass", "ok") == 1


def test_a_run_at_an_instant_counts_for_its_task(bench: Bench, timetable: Timetable) -> None:
    ran: list[datetime] = []
    due = datetime.now(UTC) + timedelta(seconds=0.6)
    timetable.once("due", "pass", lambda: ran.append(datetime.now(UTC)), due)
    wait_for(lambda: bool(ran))
    assert timedelta(0) <= ran[0] - due < timedelta(seconds=1)
    wait_for(lambda: bench.runs("pass", "ok") == 1)


def test_an_instant_long_past_does_not_spin(bench: Bench, timetable: Timetable) -> None:
    def again() -> None:
        timetable.once("due", "pass", again, datetime(2000, 1, 1, tzinfo=UTC))

    again()
    time.sleep(1)
    assert 1 <= bench.runs("pass", "ok") <= 5


@pytest.mark.parametrize("at", [None, datetime(9999, 12, 31, tzinfo=UTC)], ids=["never", "at the end of time"])
def test_an_instant_that_does_not_come_is_no_job(bench: Bench, timetable: Timetable, at: datetime | None) -> None:
    timetable.once("due", "pass", lambda: None, datetime.now(UTC) + timedelta(seconds=0.3))
    timetable.once("due", "pass", lambda: None, at)
    time.sleep(0.6)
    assert bench.runs("pass", "ok") == 0


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=100), timedelta(days=4000)])
def test_however_late_only_one_run_is_due(late: timedelta) -> None:
    trigger = _Every(timedelta(seconds=3))
    planned = datetime(2026, 11, 20, tzinfo=UTC)
    assert trigger.get_next_fire_time(planned, planned + late) > planned + late


def test_stopping_does_not_wait_for_a_run_under_way(bench: Bench) -> None:
    gate = threading.Event()
    timetable = bench.timetable()
    timetable.every("pass", LONG, holding(gate), at_once=True)
    time.sleep(0.2)
    began = time.monotonic()
    assert not timetable.stop()
    assert time.monotonic() - began < 4
    gate.set()


def test_stopping_lets_a_short_run_end(bench: Bench) -> None:
    timetable = bench.timetable()
    timetable.every("pass", LONG, lambda: time.sleep(0.5), at_once=True)
    time.sleep(0.2)
    assert timetable.stop()
    assert bench.runs("pass", "ok") == 1


def test_every_outcome_of_every_task_is_counted_from_the_start(bench: Bench) -> None:
    assert {(task.name, outcome) for task in bench.book.tasks() for outcome in task.runs} == {
        (name, outcome) for name in TASKS for outcome in ("ok", "error", "missed", "skipped")
    }
