"""Edge. One virtual incident on a real database file: it fires, is delivered, ends, is delivered. Crashes happen where the test wants them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from exporter.alerting.alert import Book, Policy, Route, Silence
from exporter.alerting.life import Step, step
from exporter.alerting.notice import Notice
from exporter.delivery.sender import Lane, Sender
from exporter.finding import Found
from exporter.journal.ledger import Ledger
from tests.alarm.matters import NOW, SECOND, finding, found

T = TypeVar("T")

CHANNELS = ("ops", "phone")
POLICY = Policy(
    routes=tuple(Route(name) for name in CHANNELS),
    group_wait=timedelta(0),
    group_interval=timedelta(0),
    startup_grace=timedelta(0),
    host="box",
)


class Crash(BaseException):
    """The process is gone: nothing that stood in memory survives."""


@dataclass
class Fate:
    """Counts the boundaries that are passed, and crashes at one of them; 0 is never."""

    at: int = 0
    passed: int = 0

    def boundary(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise Crash


class Mortal(Ledger):
    """A ledger whose process may die before, inside and after each transaction."""

    def __init__(self, directory: Path, fate: Fate) -> None:
        super().__init__(directory)
        self._fate = fate

    def _within(self, work: Callable[[sqlite3.Connection], T], now: datetime | None = None) -> T:
        def dying(file: sqlite3.Connection) -> T:
            done = work(file)
            self._fate.boundary()
            return done

        self._fate.boundary()
        done = super()._within(dying, now)
        self._fate.boundary()
        return done


@dataclass
class World:
    """What people got: the only thing that survives beside the file."""

    got: list[Notice] = field(default_factory=list)


@dataclass
class Witness:
    """A channel: the process may die just before and just after people get it."""

    world: World
    fate: Fate

    def deliver(self, notice: Notice, seconds: float) -> None:
        self.fate.boundary()
        self.world.got.append(notice)
        self.fate.boundary()


@dataclass
class Life:
    """One process: it opens the file, decides and delivers until it dies."""

    directory: Path
    world: World
    fate: Fate
    now: datetime

    def __post_init__(self) -> None:
        self.ledger = Mortal(self.directory, self.fate)
        lanes = [Lane(name, Witness(self.world, self.fate), 30 * SECOND) for name in CHANNELS]
        self.sender = Sender(self.ledger, lanes, f"life-{id(self)}", lambda: self.now, lambda: 0.5)

    def live(self, seen: Found) -> None:
        """Do what one pass does."""
        self.ledger.release()

        def think(book: Book, silences: tuple[Silence, ...]) -> Step:
            return step(book, seen, self.now, POLICY, silences=silences)

        self.ledger.decide(think, self.now)
        for lane in self.sender._lanes:
            self.sender._serve(lane, self.now + SECOND * 3600)  # in this thread: a crash is one of the whole process


def incident(directory: Path, number: int, crash_at: int, world: World) -> tuple[int, datetime]:
    """Run one incident with one crash at the given boundary; returns how many boundaries there were."""
    fate = Fate(crash_at)
    now = NOW + number * SECOND * 10_000
    life: Life | None = None
    for seen in (found(finding(profile=f"anthropic:{number}")), found()):
        while True:
            now += SECOND * 60
            try:
                if life is None:
                    life = Life(directory, world, fate, now)
                life.now = now
                life.live(seen)
            except Crash:
                assert life is not None
                life.ledger._file.close()  # what the kernel does
                life = None
                continue
            break
    assert life is not None
    assert life.ledger.fault == ""
    life.ledger.close()
    return fate.passed, now
