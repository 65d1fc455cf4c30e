"""Edge. Locks beside a gateway's JSON stores: directories or files, by release, and whether who holds them lives.

Source: spec/gateways.md, 12.3.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exporter.model import StoreKind, StoreRef
from exporter.reading.files import UNSEEN, read_file, stamp
from exporter.traces import Lock, LockKind

_REFRESH: Final = ("locks", "oauth-refresh")
_LARGEST: Final = 4096
_MOST: Final = 64
_PROC: Final = Path("/proc")


def store_lock(store: Path, agent: str) -> Iterator[Lock]:
    """Look at the lock of one JSON store; the gateways put it beside the file that a link leads to."""
    for path in dict.fromkeys((Path(f"{store}.lock"), Path(f"{os.path.realpath(store)}.lock"))):
        lock = _look(LockKind.STORE, path, agent)
        if lock is not None:
            yield lock


def refresh_locks(state_dir: Path) -> Iterator[Lock]:
    """Look at the locks of renewals."""
    directory = state_dir.joinpath(*_REFRESH)
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries)
    except (OSError, ValueError):
        return
    for name in names[:_MOST]:
        lock = _look(LockKind.REFRESH, directory / name, "") if name.startswith("lock-") else None
        if lock is not None:
            yield lock


def with_owners(leases: Iterable[Lock]) -> Iterator[Lock]:
    """Say of leases whether the process they name lives."""
    for lease in leases:
        yield lease if lease.pid is None else replace(lease, alive=_alive(lease.pid, None))


def _look(kind: LockKind, path: Path, agent: str) -> Lock | None:
    seen = stamp(path)
    if seen is None or seen is UNSEEN:
        return None
    since = datetime.fromtimestamp(max(seen.mtime_ns, 0) / 1e9, UTC)
    pid, started = _holder(path)
    return Lock(kind, str(path), agent, since, pid=pid, alive=None if pid is None else _alive(pid, started))


def _holder(path: Path) -> tuple[int | None, str | None]:
    """Read who holds a lock file, by pid and start; a directory names nobody, its holder touches it again and again."""
    file = read_file(path, StoreRef("", "", StoreKind.AUTH_PROFILES, str(path)), _LARGEST, pause=lambda _: None).value
    try:
        tree = json.loads(file.raw) if file is not None else None
    except (ValueError, RecursionError):
        return None, None
    pid, started = (tree.get("pid"), tree.get("starttime")) if isinstance(tree, dict) else (None, None)
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 1 << 31:
        return None, None
    return pid, str(started) if isinstance(started, (int, str)) else None


def _alive(pid: int, started: str | None) -> bool | None:
    """Say whether a process lives, and is the one that began then; None where processes cannot be seen."""
    if not (_PROC / "self").exists():
        return None
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        return False
    except OSError:
        return None
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return False
    return started is None or not started.isdigit() or fields[19].decode(errors="replace") == started
