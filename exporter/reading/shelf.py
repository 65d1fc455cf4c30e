"""Edge. Memory of what every place on disk last gave: unchanged places are not read again, broken ones keep their last good value."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from exporter.model import Parsed, Problem, ProblemReason, SourceState, StoreRef
from exporter.reading.files import UNSEEN, FileBytes, FileStamp, insecure, read_file, stamp
from exporter.reading.held import Held
from exporter.reading.sqlite_file import DatabaseBytes, database_stamp, read_database

T = TypeVar("T")

ErrorKey = tuple[str, str, str, str]  # gateway, agent, store, reason
Stamps = tuple[tuple[Path, FileStamp | None], ...]

_SETTLED_AFTER = 3.0  # seconds: a younger file may change again without its stamp telling
_RETRY_AFTER = 0.05  # seconds: releases up to 2026.4.1 write in place, and half a file is no file
_HALF_WRITTEN = frozenset({ProblemReason.EMPTY, ProblemReason.INVALID_SYNTAX, ProblemReason.INVALID_UTF8})
_DEFINITIONS = (".service", ".conf", ".plist")  # of services: anybody may read these
_PASSING = frozenset({ProblemReason.UNREADABLE, ProblemReason.CHANGING})  # may end without the file changing


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """One try to read a place: what was made of it, and the stamps of every file that it depends on, its own first."""

    parsed: Parsed[T]
    stamps: Stamps


@dataclass(frozen=True, slots=True)
class _Slot(Generic[T]):
    held: Held[T]
    stamps: Stamps
    salt: object
    settles_at: float | None  # set while the place must be read again although its stamps are the same
    passing: bool  # the last try failed in a way that can end by itself


@dataclass(slots=True)
class Desk:
    """What all shelves of one reader share: the clock of the file system, a pause, the error counter, directories seen."""

    clock: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    errors: Counter[ErrorKey] = field(default_factory=Counter)
    open_directories: dict[Path, bool] = field(default_factory=dict)  # of this pass: may others look in

    def count(self, problems: tuple[Problem, ...]) -> None:
        """Count every problem of one try."""
        for problem in problems:
            self.errors[problem.gateway, problem.agent, problem.store or "", problem.reason] += 1

    def directory_is_open(self, path: Path) -> bool:
        """Say whether others than the owner have a right on a directory."""
        if path not in self.open_directories:
            seen = stamp(path)
            self.open_directories[path] = seen is not None and insecure(seen, directory=True)
        return self.open_directories[path]


class Shelf(Generic[T]):
    """All places of one kind."""

    def __init__(self, desk: Desk, *, private_directory: bool = True) -> None:
        """Make an empty shelf; `private_directory`: the directory of such a place belongs to nobody else either."""
        self._desk = desk
        self._private_directory = private_directory
        self._slots: dict[StoreRef, _Slot[T]] = {}
        self._touched: set[StoreRef] = set()

    def fetch(self, ref: StoreRef, load: Callable[[], Loaded[T]], now: datetime, salt: object = None) -> Held[T]:
        """Return what `ref` gives; `load` is called when a file it depends on, or `salt`, changed since it was last called.

        An unchanged value, and an unchanged `Held`, is the very object of the last pass.
        """
        self._touched.add(ref)
        slot = self._slots.get(ref)
        if slot is None or not self._current(slot, salt):
            slot = self._try(ref, load, now, salt, slot)
        held = slot.held
        if held.source is not None:
            exposed = self._exposed(ref, slot.stamps)
            if exposed != held.source.insecure:
                held = replace(held, source=replace(held.source, insecure=exposed))
        self._slots[ref] = replace(slot, held=held) if held is not slot.held else slot
        return held

    def finish(self) -> None:
        """Forget the places nobody asked for since the last call."""
        self._slots = {ref: slot for ref, slot in self._slots.items() if ref in self._touched}
        self._touched.clear()

    def watched(self) -> Iterator[tuple[Path, FileStamp | None]]:
        """Yield every file the shelf depends on, with the stamp it had."""
        for slot in self._slots.values():
            yield from slot.stamps

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of every place."""
        for slot in self._slots.values():
            yield from slot.held.problems

    def settles_at(self) -> float | None:
        """Return when the first place that must be read again should be."""
        return min((slot.settles_at for slot in self._slots.values() if slot.settles_at is not None), default=None)

    def _current(self, slot: _Slot[T], salt: object) -> bool:
        if slot.passing or slot.settles_at is not None or slot.salt != salt:
            return False
        return all(stamp(path) == seen for path, seen in slot.stamps)

    def _try(self, ref: StoreRef, load: Callable[[], Loaded[T]], now: datetime, salt: object, before: _Slot[T] | None) -> _Slot[T]:
        loaded = load()
        self._desk.count(loaded.parsed.problems)
        held = _hold(ref, loaded, now, before.held if before else None)
        reasons = {problem.reason for problem in loaded.parsed.problems if problem.fatal}
        clock = self._desk.clock()
        young = [age for _, seen in loaded.stamps if seen and abs(age := clock - seen.mtime_ns / 1e9) < _SETTLED_AFTER]
        settles_at = clock + _SETTLED_AFTER - max(min(young), 0.0) if young else None
        return _Slot(held, loaded.stamps, salt, settles_at, bool(reasons & _PASSING))

    def _exposed(self, ref: StoreRef, stamps: Stamps) -> bool:
        if any(seen is not None and insecure(seen) and not path.name.endswith(_DEFINITIONS) for path, seen in stamps):
            return True
        return self._private_directory and self._desk.directory_is_open(Path(ref.path).parent)


def _hold(ref: StoreRef, loaded: Loaded[T], now: datetime, before: Held[T] | None) -> Held[T]:
    """Turn one try into what is held from now on."""
    value, problems = loaded.parsed.value, loaded.parsed.problems
    failed = value is None and bool(problems)
    if not failed and loaded.stamps[0][1] is None:
        return before if before is not None and before.source is None else Held()
    old, last = (before.value, before.source) if before else (None, None)
    modified = _modified(loaded.stamps)
    if failed:
        since = None if old is None else (last and last.stale_since) or now
        return Held(old, SourceState(ref, False, modified, last.read_at if last else None, since), problems)
    if before and last and last.up and old == value and before.problems == problems and last.modified_at == modified:
        return before
    return Held(old if old == value else value, SourceState(ref, True, modified, now), problems)


def _modified(stamps: Stamps) -> datetime | None:
    times = [seen.mtime_ns for _, seen in stamps if seen is not None and seen is not UNSEEN]
    try:
        return datetime.fromtimestamp(max(times) / 1e9, UTC) if times else None
    except (ValueError, OverflowError, OSError):
        return None


def load_file(desk: Desk, ref: StoreRef, parse: Callable[[FileBytes], Parsed[T]]) -> Loaded[T]:
    """Read and parse one file; one that ends in the middle is given the time its writer needs, once."""
    loaded = _load_file(desk, ref, parse)
    seen = loaded.stamps[0][1]
    half = loaded.parsed.value is None and any(problem.reason in _HALF_WRITTEN for problem in loaded.parsed.problems)
    if half and seen is not None and abs(desk.clock() - seen.mtime_ns / 1e9) < _SETTLED_AFTER:
        desk.pause(_RETRY_AFTER)
        return _load_file(desk, ref, parse)
    return loaded


def load_database(desk: Desk, ref: StoreRef, parse: Callable[[DatabaseBytes], Parsed[T]]) -> Loaded[T]:
    """Read and parse one database with its log."""
    path = Path(ref.path)
    log = Path(f"{os.path.realpath(path)}-wal")
    found = read_database(path, ref, desk.pause)
    if found.value is None:
        before = database_stamp(path)
        return Loaded(Parsed(None, found.problems), ((path, before[0]), (log, before[1])))
    return Loaded(parse(found.value), ((path, found.value.stamp), (log, found.value.wal_stamp)))


def _load_file(desk: Desk, ref: StoreRef, parse: Callable[[FileBytes], Parsed[T]]) -> Loaded[T]:
    path = Path(ref.path)
    found = read_file(path, ref, pause=desk.pause)
    if found.value is None:
        return Loaded(Parsed(None, found.problems), ((path, stamp(path)),))
    return Loaded(parse(found.value), ((path, found.value.stamp),))


def modified_at(seen: FileStamp) -> datetime:
    """Return when a file was last changed."""
    return _modified(((Path(), seen),)) or datetime.fromtimestamp(0, UTC)
