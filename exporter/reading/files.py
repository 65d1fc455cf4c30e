"""Edge. One file's bytes, read so that nothing on disk can block us, lie to us or be changed by us."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import Parsed, Problem, ProblemReason, StoreRef

LIMIT: Final = 16 << 20
_CHUNK: Final = 1 << 20
_PAUSES: Final = (0.002, 0.01, 0.05)  # seconds between tries while somebody rewrites the file in place
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
# O_NONBLOCK: opening a FIFO that lost its writer, or a leased file, must not wait. O_NOCTTY: a terminal must not become ours.
_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells one version of a file from the next, without opening it. `mode` is the whole `st_mode`."""

    size: int
    mtime_ns: int
    inode: int
    device: int
    mode: int
    uid: int

    @classmethod
    def of(cls, info: os.stat_result) -> FileStamp:
        """Take the stamp of a stat result."""
        return cls(info.st_size, info.st_mtime_ns, info.st_ino, info.st_dev, info.st_mode, info.st_uid)


UNSEEN: Final = FileStamp(-1, 0, 0, 0, 0, -1)  # something may be there, but we may not look: neither absent nor any version


@dataclass(frozen=True, slots=True)
class FileBytes:
    """One version of a file: its bytes and the stamp it had when they were read."""

    raw: bytes
    stamp: FileStamp


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A regular file open for reading; whoever asked for it closes `fd`."""

    fd: int
    info: os.stat_result


def stamp(path: Path) -> FileStamp | None:
    """Stat `path` through links; None when nothing is there, `UNSEEN` when we may not know."""
    try:
        return FileStamp.of(os.stat(path))
    except OSError as error:
        return None if error.errno in _ABSENT else UNSEEN
    except ValueError:  # a NUL or a lone surrogate in a configured path
        return UNSEEN


def insecure(stamp: FileStamp, *, directory: bool = False) -> bool:
    """Say whether group or others have any right on it; the owner's own bits never matter.

    A directory where a file belongs (or the reverse) is another problem, not this one.
    """
    return stat.S_ISDIR(stamp.mode) == directory and bool(stamp.mode & 0o077)


def read_file(path: Path, ref: StoreRef, limit: int = LIMIT, pause: Callable[[float], None] = time.sleep) -> Parsed[FileBytes]:
    """Read a whole regular file of at most `limit` bytes.

    Shape:  value None without problems: nothing is there (also a dangling link).
    Errors: never raises for what is on disk; every problem is fatal. A file replaced by rename while we read it is
            returned as it was when opened; one rewritten in place is read again, and reported CHANGING if that never ends.
    """
    for delay in _PAUSES:
        result = _read_once(path, ref, limit)
        if not any(problem.reason is ProblemReason.CHANGING for problem in result.problems):
            return result
        pause(delay)
    return _read_once(path, ref, limit)


def open_file(path: Path, ref: StoreRef, place: str = "") -> OpenFile | Problem | None:
    """Open a regular file whose links we may follow; None: nothing is there.

    `place` names a file beside the one of `ref`. A link is followed when link and target have one owner: whoever can
    plant a link in a gateway's directory must not make a more powerful reader show somebody else's file.
    """
    try:
        link = os.lstat(path)
        # Looked at before it is opened: opening a device can itself do something.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return _problem(ref, ProblemReason.NOT_A_FILE, place)
        if _crosses_owners(path):
            return _problem(ref, ProblemReason.SYMLINK, place)
        linked = stat.S_ISLNK(link.st_mode)
        fd = os.open(path, _FLAGS if linked else _FLAGS | os.O_NOFOLLOW)
    except OSError as error:
        return None if error.errno in _ABSENT else _problem(ref, _reason(error), place, os.strerror(error.errno or 0))
    except ValueError:
        return _problem(ref, ProblemReason.UNREADABLE, place, "not a path")
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        reason = ProblemReason.NOT_A_FILE
    elif linked and info.st_uid != link.st_uid:
        reason = ProblemReason.SYMLINK
    else:
        return OpenFile(fd, info)
    os.close(fd)
    return _problem(ref, reason, place)


def read_all(file: OpenFile, limit: int) -> bytes:
    """Read from the start to the end, or to one byte past `limit`."""
    chunks = []
    have = 0
    wanted = file.info.st_size + 1  # in one piece: the shorter we take, the less can move meanwhile
    while chunk := os.pread(file.fd, min(max(wanted, _CHUNK), limit + 1 - have), have):
        chunks.append(chunk)
        have += len(chunk)
    return b"".join(chunks)


def _read_once(path: Path, ref: StoreRef, limit: int) -> Parsed[FileBytes]:
    opened = open_file(path, ref)
    if opened is None:
        return Parsed(None)
    if isinstance(opened, Problem):
        return Parsed(None, (opened,))
    try:
        return _read_open(opened, ref, limit)
    except OSError as error:
        return Parsed(None, (_problem(ref, _reason(error), os.strerror(error.errno or 0)),))
    finally:
        os.close(opened.fd)


def _read_open(opened: OpenFile, ref: StoreRef, limit: int) -> Parsed[FileBytes]:
    if opened.info.st_size > limit:
        return Parsed(None, (_problem(ref, ProblemReason.TOO_LARGE),))
    raw = read_all(opened, limit)
    after = os.fstat(opened.fd)
    if len(raw) > limit:
        return Parsed(None, (_problem(ref, ProblemReason.TOO_LARGE),))
    # Not the change time: being replaced by rename moves it, and what we hold is still a whole version.
    moved = (after.st_size, after.st_mtime_ns) != (opened.info.st_size, opened.info.st_mtime_ns)
    if moved or (after.st_size and len(raw) != after.st_size):  # files of /proc say 0 and hold more
        return Parsed(None, (_problem(ref, ProblemReason.CHANGING),))
    return Parsed(FileBytes(raw, FileStamp.of(after)))


def _crosses_owners(path: Path) -> bool:
    """Say whether a directory on the way is a user's link to somebody else's directory; root's own links are the system's."""
    for parent in path.parents:
        info = os.lstat(parent)
        if stat.S_ISLNK(info.st_mode) and info.st_uid not in (0, os.stat(parent).st_uid):
            return True
    return False


def _reason(error: OSError) -> ProblemReason:
    match error.errno:
        case errno.ELOOP:
            return ProblemReason.SYMLINK
        case errno.EWOULDBLOCK:  # a lease on the file: its holder is writing
            return ProblemReason.CHANGING
        case errno.ENXIO | errno.ENODEV | errno.EISDIR:
            return ProblemReason.NOT_A_FILE
        case _:
            return ProblemReason.UNREADABLE


def _problem(ref: StoreRef, reason: ProblemReason, *place: str) -> Problem:
    return Problem.at(ref, reason, ": ".join(part for part in place if part), fatal=True)
