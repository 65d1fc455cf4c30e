"""Edge. The gateways that run on this host, as `/proc` shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from exporter.host.recognition import WORDS, running_gateway
from exporter.model import Family, Secret

_LIMIT = 4 << 20  # more than any kernel allows for arguments and environment
_WORDS = tuple(word.encode() for word in WORDS)


@dataclass(frozen=True, slots=True)
class GatewayProcess:
    """One running gateway. `environ` is None when we may not see it; `root` leads to the files it sees."""

    pid: int
    started: str  # in clock ticks after boot: with the pid it names one process for good
    uid: int
    family: Family
    argv: tuple[str, ...]
    environ: Mapping[str, Secret] | None
    root: Path


def gateways(proc_root: Path = Path("/proc")) -> tuple[GatewayProcess, ...]:
    """List the gateways that run, the last started first. A process that ends while we look is not there."""
    found = []
    for pid in _pids(proc_root):
        raw = _read(proc_root / str(pid) / "cmdline")
        if not raw or not any(word in raw for word in _WORDS):
            continue
        argv = tuple(word.decode(errors="replace") for word in raw.rstrip(b"\0").split(b"\0"))
        family = running_gateway(argv)
        process = _process(proc_root / str(pid), pid, family, argv) if family else None
        if process is not None:
            found.append(process)
    return tuple(sorted(found, key=lambda process: (process.started.zfill(20), process.pid), reverse=True))


def alive(process: GatewayProcess, proc_root: Path = Path("/proc")) -> bool:
    """Say whether this very process still runs."""
    return _started(proc_root / str(process.pid)) == process.started


def started_at(process: GatewayProcess, proc_root: Path = Path("/proc")) -> datetime | None:
    """Return when a process began: its ticks after the boot that `/proc/stat` dates."""
    for line in (_read(proc_root / "stat") or b"").splitlines():
        if line.startswith(b"btime "):
            try:
                return datetime.fromtimestamp(int(line.split()[1]) + int(process.started) / os.sysconf("SC_CLK_TCK"), UTC)
            except (ValueError, IndexError, OverflowError, OSError):
                return None
    return None


def _pids(proc_root: Path) -> Iterator[int]:
    try:
        with os.scandir(proc_root) as entries:
            names = [entry.name for entry in entries]
    except OSError:  # no such file system here
        return
    own = os.getpid()
    yield from (int(name) for name in names if name.isascii() and name.isdigit() and int(name) != own)


def _process(path: Path, pid: int, family: Family, argv: tuple[str, ...]) -> GatewayProcess | None:
    started = _started(path)
    if started is None:
        return None
    try:
        uid = os.stat(path).st_uid
    except OSError:
        return None
    raw = _read(path / "environ")
    environ = None if not raw else _environ(raw)
    return GatewayProcess(pid, started, uid, family, argv, environ, path / "root")


def _environ(raw: bytes) -> Mapping[str, Secret]:
    pairs = (entry.decode(errors="replace").partition("=") for entry in raw.split(b"\0"))
    found: dict[str, Secret] = {}
    for name, equals, value in pairs:
        if equals and name:
            found.setdefault(name, Secret(value))
    return found


def _started(path: Path) -> str | None:
    raw = _read(path / "stat")
    fields = (raw or b"").rpartition(b")")[2].split()
    if len(fields) < 20 or fields[0] in (b"Z", b"X"):
        return None
    return fields[19].decode(errors="replace")


def _read(path: Path) -> bytes | None:
    """Read a file of `/proc`: its size says nothing, and its process may end at any time."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        chunks = []
        have = 0
        while have < _LIMIT and (chunk := os.read(fd, 1 << 16)):
            chunks.append(chunk)
            have += len(chunk)
        return b"".join(chunks)
    except OSError:
        return None
    finally:
        os.close(fd)
