"""Edge. What became of the runs of each task: the counters of `service`, raised by its jobs, read by scrapes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from exporter.metrics.view import Task

OUTCOMES: Final = ("ok", "error", "missed", "skipped")


class TaskBook:
    """Counts by task and outcome; every pair is there at 0 before it happens."""

    def __init__(self, names: tuple[str, ...], monotonic: Callable[[], float], pulse: tuple[str, ...] = ()) -> None:
        """Begin at zero; `monotonic` is the clock that ages are measured with, `pulse` the tasks that show we live (empty: all)."""
        self._monotonic = monotonic
        self._pulse = frozenset(pulse or names)
        self._lock = threading.Lock()
        self._tasks = {name: Task(name, dict.fromkeys(OUTCOMES, 0)) for name in names}
        self._failing: dict[str, datetime] = {}
        self._begun: dict[str, float] = {}
        self._ended = monotonic()

    def begin(self, name: str) -> None:
        """Note that a run begins; `count` with its duration ends it."""
        with self._lock:
            self._begun[name] = self._monotonic()

    def count(self, name: str, outcome: str, at: datetime | None = None, seconds: float | None = None) -> None:
        """Count one run; `at` (its end) and `seconds` for those that took place."""
        with self._lock:
            before = self._tasks[name]
            runs = {**before.runs, outcome: before.runs[outcome] + 1}
            succeeded = at if outcome == "ok" else before.last_success_at
            self._tasks[name] = Task(name, runs, succeeded, before.seconds if seconds is None else seconds)
            if seconds is not None:
                self._begun.pop(name, None)
                if name in self._pulse:
                    self._ended = self._monotonic()
            if outcome == "ok":
                self._failing.pop(name, None)
            elif outcome == "error" and at is not None:
                self._failing.setdefault(name, at)

    def failing(self) -> tuple[tuple[str, datetime], ...]:
        """Return the tasks whose every run failed since an instant."""
        with self._lock:
            return tuple(self._failing.items())

    def tasks(self) -> tuple[Task, ...]:
        """Return every task as it stands."""
        with self._lock:
            return tuple(self._tasks.values())

    def running_seconds(self, name: str) -> float:
        """Tell how long the run of a task that is under way has lasted; 0 when none is."""
        with self._lock:
            begun = self._begun.get(name)
            return 0.0 if begun is None else self._monotonic() - begun

    def idle_seconds(self) -> float:
        """Tell how long ago the last run of a task of the pulse ended."""
        with self._lock:
            return self._monotonic() - self._ended
