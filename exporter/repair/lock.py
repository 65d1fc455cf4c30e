"""Edge. The lock of a JSON store, taken as the gateway's own release takes it: a directory or a file beside the real file.

Both forms exclude each other: whichever stands there, the other cannot be made.
Source: spec/gateways.md, 12.3.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from exporter.repair.arguments import Refusal

_STALE_SECONDS: Final = 30.0
_PROC: Final = Path("/proc")
_Identity = tuple[int, int, int]  # device, inode, modification time in ns


@dataclass(frozen=True, slots=True)
class Manner:
    """How to lock: the form, the age rule for live holders, and how long to wait. `owner` is (uid, gid) of the store."""

    directory: bool
    ages: bool = True  # false from 2026.5 on: a lock whose process lives is never too old
    patience: timedelta = timedelta(seconds=42)  # ten tries of the gateways: 100 ms doubled up to 10 s
    clock: Callable[[], float] = time.time


@contextmanager
def locked(store: Path, manner: Manner) -> Iterator[None]:
    """Hold the lock of a store; its directory must exist.

    Errors: raises Refusal when another keeps it longer than the gateways would wait, OSError when it cannot be made.
    """
    path = Path(f"{os.path.realpath(store)}.lock")
    mark = _take(path, manner)
    try:
        yield
    finally:
        _release(path, mark, manner)


def _take(path: Path, manner: Manner) -> tuple[int, int]:
    deadline = time.monotonic() + manner.patience.total_seconds()
    while True:
        mark = _make(path, manner)
        if mark is not None:
            return mark
        left = _left_behind(path, manner)
        if left is not None:
            _set_aside(path, left)
            continue
        if time.monotonic() >= deadline:
            raise Refusal(f"{path} is held by {_holder_words(path)}; nothing was changed")
        time.sleep(random.uniform(0.005, 0.03))  # spreads contenders, guards nothing


def _make(path: Path, manner: Manner) -> tuple[int, int] | None:
    try:
        if manner.directory:
            os.mkdir(path, 0o700)
        else:
            _make_file(path)
    except (FileExistsError, IsADirectoryError):
        return None
    made = _identity(path)
    return None if made is None else made[:2]


def _make_file(path: Path) -> None:
    # Whole from the first moment: a lock without content could look like one left behind.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    content = {"pid": os.getpid(), "createdAt": _now_text(), **_start_of(os.getpid())}
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "w") as file:
        file.write(json.dumps(content, indent=2))
    try:
        os.link(draft, path)
    except PermissionError:  # Android has no hard links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _release(path: Path, mark: tuple[int, int], manner: Manner) -> None:
    """Give back what we took; a lock somebody else took meanwhile is theirs."""
    try:
        info = os.lstat(path)
        if (info.st_dev, info.st_ino) == mark:
            os.rmdir(path) if manner.directory else os.unlink(path)
    except OSError:
        pass


def _left_behind(path: Path, manner: Manner) -> _Identity | None:
    """Return which lock it is when whoever held it is gone by the rules of the gateways; None while it counts."""
    seen = _identity(path)
    if seen is None:
        return None
    old = manner.clock() - seen[2] / 1e9 > _STALE_SECONDS
    if path.is_dir() and not path.is_symlink():
        return seen if old else None
    content = _content(path)
    pid = content.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return seen if old else None
    if not _alive(pid, content.get("starttime")):
        return seen
    created = _instant(content.get("createdAt"))
    aged = old or (created is not None and manner.clock() - created > _STALE_SECONDS)
    return seen if aged and manner.ages and "starttime" not in content else None


def _set_aside(path: Path, left: _Identity) -> None:
    """Remove a lock that was left behind; one that was taken anew between judging and removing is put back."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    try:
        os.rename(path, aside)
        if _identity(aside) != left:
            os.rename(aside, path) if aside.is_dir() else os.link(aside, path)
        os.rmdir(aside) if aside.is_dir() else os.unlink(aside)
    except OSError:
        pass


def _identity(path: Path) -> _Identity | None:
    try:
        info = os.lstat(path)
    except OSError:
        return None
    return info.st_dev, info.st_ino, info.st_mtime_ns


def _content(path: Path) -> dict[str, object]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as file:
            tree = json.loads(file.read(4096))
    except (OSError, ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _holder_words(path: Path) -> str:
    pid = _content(path).get("pid")
    return f"process {pid}" if isinstance(pid, int) else "the gateway"


def _alive(pid: int, started: object) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    known = _start_of(pid).get("starttime")
    return known is None or started is None or str(known) == str(started)


def _start_of(pid: int) -> dict[str, object]:
    """Return when a process began, in clock ticks since the machine did; empty where that cannot be seen."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return {"starttime": int(fields[19])}
    except (OSError, IndexError, ValueError):
        return {}


def _instant(text: object) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def _now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
