"""Edge. The one book that the daemon and one-shot runs share: alerts, silences, outbox, log; one transaction per decision.

While the file cannot be used, everything goes on in memory and `fault` says why; what happened meanwhile is carried over once it can.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from exporter.alerting.alert import Book, Silence
from exporter.alerting.life import Step
from exporter.alerting.notice import Notice
from exporter.journal import book as rows
from exporter.journal import forwarding, outbox
from exporter.journal.carrying import Carried, carry_back, take_over
from exporter.journal.file import FAULTS, FILE_NAME, NO_PLACE, check, in_memory, opened, reason, transaction
from exporter.journal.records import Claim, Depth, Forwarded, Line, Standing

T = TypeVar("T")

_RETURN_EVERY: Final = timedelta(minutes=1)
_TOUCH_EVERY: Final = timedelta(minutes=5)


class Ledger:
    """Book and outbox. Every method is one transaction; several threads and processes may use it at once."""

    def __init__(self, directory: Path | None) -> None:
        """Open or create the file; never raises for what is wrong with it."""
        self.fault = ""
        self._directory = directory
        self._lock = threading.RLock()
        self._book: Book | None = None
        self._silences: tuple[Silence, ...] = ()
        self._revision = -1
        self._carried = Carried()
        self._returned_at: datetime | None = None
        try:
            self._file = self._opened()
        except FAULTS as error:
            self._file = in_memory()
            self.fault = NO_PLACE if directory is None else f"{directory / FILE_NAME}: {reason(error)}"

    def decide(self, think: Callable[[Book, tuple[Silence, ...]], Step], now: datetime) -> Step:
        """Let `think` take one step, and record the new book and its notices together. It may be called twice."""
        step = self._within(lambda file: self._decided(file, think, now), now)
        self._book = step.book
        return step

    def post(self, notices: tuple[Notice, ...], now: datetime) -> None:
        """Write notices into the outbox that no step made."""
        self._within(lambda file: outbox.put(file, notices, now), now)

    def post_every(self, name: str, every: timedelta, notices: tuple[Notice, ...], now: datetime) -> None:
        """Write notices into the outbox unless that was done under this name less than `every` ago."""

        def work(file: sqlite3.Connection) -> None:
            if rows.due(file, name, every, now):
                outbox.put(file, notices, now)

        self._within(work, now)

    def book(self) -> tuple[Book, tuple[Silence, ...]]:
        """Return the book and the silences as they stand."""
        return self._within(self._current)

    def silence(self, silence: Silence, now: datetime) -> None:
        """Add a silence, or change the one of this id."""
        self._within(lambda file: rows.save_silence(file, silence, now), now)

    def claim(self, channel: str, claimant: str, now: datetime, lease: timedelta) -> Claim | None:
        """Take the next notice that is due on a channel."""
        return self._within(lambda file: outbox.claim(file, channel, claimant, now, lease), now)

    def delivered(self, taken: Claim, standing: Standing, now: datetime) -> None:
        """Record that a notice arrived."""

        def work(file: sqlite3.Connection) -> None:
            outbox.delivered(file, taken, now)
            rows.save_standing(file, standing)

        self._within(work, now)

    def failed(self, taken: Claim, standing: Standing, now: datetime, outcome: str, *, next_at: datetime, maybe: bool) -> None:
        """Record that a try failed, and when the next one is due."""

        def work(file: sqlite3.Connection) -> None:
            outbox.failed(file, taken, now, outcome, standing.reason, next_at=next_at, maybe=maybe)
            rows.save_standing(file, standing)

        self._within(work, now)

    def release(self) -> None:
        """End every lease; only for who speaks alone."""
        self._within(outbox.release)

    def standings(self) -> Mapping[str, Standing]:
        """Return how every channel fares."""
        return self._within(rows.standings)

    def stand(self, standing: Standing) -> None:
        """Record how a channel fares that has no outbox."""
        self._within(lambda file: rows.save_standing(file, standing))

    def forward(self, channel: str, firing: Mapping[str, Mapping[str, Any]], now: datetime) -> bool:
        """Note what another alert manager shall know; True when that changed."""
        return self._within(lambda file: forwarding.update(file, channel, firing, now), now)

    def forwarded(self, channel: str) -> tuple[Forwarded, ...]:
        """Return what another alert manager shall know."""
        return self._within(lambda file: forwarding.entries(file, channel))

    def confirm(self, channel: str, told: tuple[Forwarded, ...], now: datetime) -> None:
        """Record that another alert manager took it."""
        self._within(lambda file: forwarding.confirm(file, channel, told, now), now)

    def depth(self) -> Depth:
        """Tell how much waits in the outbox, and since when."""
        return self._within(outbox.depth)

    def stuck(self) -> tuple[tuple[str, datetime, str], ...]:
        """Return the channels with a notice that failed and waits, since when, and why."""
        return self._within(outbox.stuck)

    def waiting(self) -> tuple[Notice, ...]:
        """Return every notice that has not left."""
        return self._within(outbox.waiting)

    def lines(self, most: int = 100) -> tuple[Line, ...]:
        """Return the newest lines of the log, newest first."""
        return self._within(lambda file: outbox.lines(file, most))

    def log_test(self, notice: Notice, now: datetime, outcome: str, why: str) -> None:
        """Record what became of a notice that was sent without the outbox."""
        self._within(lambda file: outbox.log_test(file, notice, now, outcome, why), now)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _decided(self, file: sqlite3.Connection, think: Callable[[Book, tuple[Silence, ...]], Step], now: datetime) -> Step:
        before, silences = self._current(file)
        step = think(before, silences)
        touched = before.at is not None and timedelta(0) <= now - before.at < _TOUCH_EVERY
        if step.book is before and not step.notices and touched:
            return step
        if step.book is before:
            step = replace(step, book=replace(before, at=now))
        rows.save(file, before, step.book)
        outbox.put(file, step.notices, now)
        self._revision = rows.revision(file)
        return step

    def _current(self, file: sqlite3.Connection) -> tuple[Book, tuple[Silence, ...]]:
        """Return the book as it stands; read again only when somebody else changed it."""
        revision = rows.revision(file)
        if self._book is None or revision != self._revision:
            self._book, self._silences, self._revision = rows.load(file), rows.load_silences(file), revision
        return self._book, self._silences

    def _within(self, work: Callable[[sqlite3.Connection], T], now: datetime | None = None) -> T:
        """Do one piece of work in one transaction: in the file, else in memory."""
        with self._lock:
            if self.fault and now is not None:
                self._return(now)
            try:
                with transaction(self._file) as file:
                    return work(file)
            except sqlite3.Error as error:
                if self.fault:
                    raise
                self._leave(error)
            with transaction(self._file) as file:
                return work(file)

    def _opened(self) -> sqlite3.Connection:
        if self._directory is None:
            raise OSError(NO_PLACE)
        file = opened(self._directory)
        try:
            check(file)
        except BaseException:
            file.close()
            raise
        return file

    def _leave(self, error: sqlite3.Error) -> None:
        """Go on in memory with all that is known."""
        self.fault = f"{FILE_NAME}: {reason(error)}"
        memory = in_memory()
        self._carried = take_over(self._file, memory, self._book, self._silences)
        self._file.close()
        self._file, self._book, self._revision = memory, None, -1

    def _return(self, now: datetime) -> None:
        """Go back to the file if it can be used again, at most once a minute."""
        if self._directory is None or (self._returned_at is not None and timedelta(0) <= now - self._returned_at < _RETURN_EVERY):
            return
        self._returned_at = now
        try:
            file = self._opened()
        except FAULTS as error:
            self.fault = f"{self._directory / FILE_NAME}: {reason(error)}"
            return
        try:
            with transaction(file):
                carry_back(self._file, file, self._carried)
        except sqlite3.Error as error:
            self.fault = f"{self._directory / FILE_NAME}: {reason(error)}"
            file.close()
            return
        self._file.close()
        self._file, self._book, self._revision, self.fault, self._returned_at = file, None, -1, "", None
