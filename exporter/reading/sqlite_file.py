"""Edge. A SQLite database of a running gateway, read as bytes: SQLite never opens it, so nothing is locked, created or waited for.

Why an image pieced together while the gateway writes is one committed state:

* With commits in the log. The log's header is read first, then the database, then the log with its header again.
  Equal headers mean equal salts: the log was not restarted meanwhile, so it was only appended to, and whatever a
  concurrent checkpoint wrote into the database (even half of it, even a truncation) it copied from committed frames
  of this very log. The log was read after the database, so it holds all those frames, and replaying them puts every
  page a checkpoint may have touched right. Pages outside the log nobody writes.
* Without. While the log is absent or holds no commit and no rollback journal is hot, the database file is complete.
  That is seen between two readings of the file; when both are equal, the file was just that at that moment.

Timestamps prove neither: a kernel's clock tick is longer than a whole transaction.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import Parsed, Problem, ProblemReason, StoreRef
from exporter.reading.files import FileStamp, OpenFile, open_file, read_all, stamp
from exporter.stores import sqlite_image
from exporter.stores.sqlite_image import LIMIT, WAL_HEADER_SIZE, ImageFault

_PAUSES: Final = tuple(min(0.001 * 2**n, 0.05) for n in range(30))  # seconds between tries, 1.3 in all
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class DatabaseBytes:
    """One committed state of a database, in rollback-journal form, and the stamps its files had before they were read."""

    image: bytes
    stamp: FileStamp
    wal_stamp: FileStamp | None


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one try, held open so that their inodes cannot be given to others."""

    path: Path
    database: OpenFile
    wal: OpenFile | None


class _Fault(Exception):
    """Ends one try; never leaves this file."""

    def __init__(self, reason: ProblemReason, place: str = "") -> None:
        super().__init__(reason, place)
        self.reason = reason
        self.place = place


def database_stamp(path: Path) -> tuple[FileStamp | None, FileStamp | None]:
    """Stat a database and its log."""
    path = _resolved(path)
    return stamp(path), stamp(_beside(path, "-wal"))


def read_database(path: Path, ref: StoreRef, pause: Callable[[float], None] = time.sleep) -> Parsed[DatabaseBytes]:
    """Read a database with its log as of one commit.

    Shape:  value None without problems: nothing is there. At most 256 MiB.
    Errors: never raises for what is on disk; every problem is fatal. A log or journal that exists and cannot be read is
            one too: the database alone would be stale, and nobody would notice. CHANGING: it moved under every try.
    """
    for delay in _PAUSES:
        result = _try(path, ref)
        if not any(problem.reason is ProblemReason.CHANGING for problem in result.problems):
            return result
        pause(delay)
    return _try(path, ref)


def _try(path: Path, ref: StoreRef) -> Parsed[DatabaseBytes]:
    # open_file judges the link itself; the log lies beside its target, because SQLite resolves the name first.
    real = _resolved(path)
    with ExitStack() as closing:
        database = _open(path, ref, closing)
        if not isinstance(database, OpenFile):
            return Parsed(None, (database,) if database else ())
        wal = _open(_beside(real, "-wal"), ref, closing, "-wal file")
        if isinstance(wal, Problem):
            return Parsed(None, (wal,))
        try:
            image = _image(_Files(real, database, wal), ref)
        except _Fault as fault:
            return Parsed(None, (Problem.at(ref, fault.reason, fault.place, fatal=True),))
        except OSError as error:
            return Parsed(None, (Problem.at(ref, ProblemReason.UNREADABLE, os.strerror(error.errno or 0), fatal=True),))
    return Parsed(DatabaseBytes(image, FileStamp.of(database.info), FileStamp.of(wal.info) if wal else None))


def _image(files: _Files, ref: StoreRef) -> bytes:
    header = _wal_header(files)
    database = _whole(files.database)
    wal = _whole(files.wal) if files.wal else b""
    # One header thrice: before the database was read, in the log as read, and after.
    if not (header == wal[:WAL_HEADER_SIZE] == _wal_header(files)) or not _in_place(files):
        raise _Fault(ProblemReason.CHANGING)
    if _journal_is_hot(files.path, ref):
        raise _Fault(ProblemReason.CHANGING, "its -journal file holds an unfinished transaction")
    log = sqlite_image.scan(wal)
    if isinstance(log, ImageFault):
        raise _Fault(log.reason, log.place)
    if not log.page_count and not _holds(files.database.fd, database):
        raise _Fault(ProblemReason.CHANGING)
    image = sqlite_image.apply(database, wal, log)
    if isinstance(image, ImageFault):
        raise _Fault(image.reason, image.place)
    return image


def _open(path: Path, ref: StoreRef, closing: ExitStack, place: str = "") -> OpenFile | Problem | None:
    opened = open_file(path, ref, place)
    if isinstance(opened, OpenFile):
        closing.callback(os.close, opened.fd)
    return opened


def _wal_header(files: _Files) -> bytes:
    return os.pread(files.wal.fd, WAL_HEADER_SIZE, 0) if files.wal else b""


def _whole(file: OpenFile) -> bytes:
    raw = b"" if file.info.st_size > LIMIT else read_all(file, LIMIT)
    if file.info.st_size > LIMIT or len(raw) > LIMIT:
        raise _Fault(ProblemReason.TOO_LARGE, f"more than {LIMIT >> 20} MiB")
    return raw


def _in_place(files: _Files) -> bool:
    """Say whether the names still lead to the files we hold (a last gateway process that ends removes the log)."""
    return _leads_to(files.path, files.database) and _leads_to(_beside(files.path, "-wal"), files.wal)


def _leads_to(path: Path, file: OpenFile | None) -> bool:
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return file is None
    return file is not None and os.path.samestat(info, file.info)


def _journal_is_hot(path: Path, ref: StoreRef) -> bool:
    """Say whether a rollback journal holds pages: the file may then be in the middle of a transaction."""
    with ExitStack() as closing:
        journal = _open(_beside(path, "-journal"), ref, closing, "-journal file")
        match journal:
            case None:
                return False
            case Problem():
                raise _Fault(journal.reason, "-journal file")
            case OpenFile():
                return os.pread(journal.fd, 1, 0) not in (b"", b"\0")  # SQLite's own test


def _holds(fd: int, raw: bytes) -> bool:
    """Say whether the file is, still, exactly `raw`."""
    view = memoryview(raw)
    position = 0
    while chunk := os.pread(fd, _CHUNK, position):
        if view[position : position + len(chunk)] != chunk:
            return False
        position += len(chunk)
    return position == len(raw)


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path)) if os.path.islink(path) else path


def _beside(path: Path, suffix: str) -> Path:
    return Path(f"{path}{suffix}")
