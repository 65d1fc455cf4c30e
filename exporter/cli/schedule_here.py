"""Edge. What starts us on this machine, and whether its clock is kept right; files only, no service manager is asked."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from exporter.doctor.report import OwnUnit
from exporter.words import parse_duration

_NAME: Final = "model-auth-exporter"
_USER_UNITS: Final = ("etc/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user")
_SYSTEM_UNITS: Final = ("etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_EVERY_FEW_MINUTES: Final = re.compile(r"OnCalendar=\*:\d+/(\d+)")
_AFTER: Final = re.compile(r"OnUnitActiveSec=(\d+ ?(?:s|m|min|h|d))\b")
_NAMED: Final = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(days=7)}
_TIME_DAEMONS: Final = ("run/chrony", "run/chronyd.pid", "run/ntpd.pid", "run/ntpd", "run/systemd/system")
_TIMEX_BYTES, _STATUS_AT, _UNSYNCHRONISED = 256, 40, 0x40  # struct timex of Linux, 64 bit


def units(home: Path, root: Path = Path("/")) -> Iterator[OwnUnit]:
    """List our systemd units, those of the user first."""
    users = [home / ".config/systemd/user", *(root / place for place in _USER_UNITS)]
    systems = [root / place for place in _SYSTEM_UNITS]
    for directories, system in ((users, False), (systems, True)):
        seen: set[str] = set()
        for path in (directory / name for directory in directories for name in _listing(directory)):
            if path.name.startswith(_NAME) and path.suffix in (".service", ".timer") and path.name not in seen:
                seen.add(path.name)
                fired = _fired(path.name, home, root) if path.suffix == ".timer" else None
                yield OwnUnit(path.name, str(path), _enabled(path.name, directories), fired, system, _interval(path))


def others(home: Path, root: Path = Path("/")) -> tuple[str, ...]:
    """List what else starts us: cron, launchd, OpenRC, runit, Termux. A crontab that this user may not read is not seen."""
    agents = home / "Library/LaunchAgents"
    places = [root / "etc/cron.d" / _NAME, root / "etc/init.d" / _NAME, root / "var/service" / _NAME, home / ".termux/boot" / _NAME]
    places += [agents / name for name in _listing(agents) if name.startswith(_NAME)]
    found = [str(place) for place in places if place.exists()]
    spools = [root / "var/spool/cron/crontabs", root / "var/spool/cron", root / "var/spool/cron/tabs"]
    tables = (spool / name for spool in spools for name in _listing(spool))
    return (*found, *(str(table) for table in tables if _mentions(table)))


def synchronised(root: Path = Path("/")) -> bool | None:
    """Say whether something keeps the clock right; None where that cannot be told."""
    timesync = root / "run/systemd/timesync"
    if timesync.is_dir():
        return (timesync / "synchronized").exists()
    if not any((root / place).exists() for place in _TIME_DAEMONS):
        return None  # a phone may end whoever asks its kernel
    return _kernel_says()


def _kernel_says() -> bool | None:
    """Ask the kernel, which every time service tells; changes nothing."""
    if sys.platform != "linux" or ctypes.sizeof(ctypes.c_long) != 8:
        return None
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        failed = ctypes.CDLL(None).adjtimex(timex) < 0
    except (OSError, AttributeError):
        return None
    return None if failed else not int.from_bytes(timex.raw[_STATUS_AT : _STATUS_AT + 4], sys.byteorder) & _UNSYNCHRONISED


def modified(path: Path) -> datetime | None:
    """Return when a file was written last; None when it is not there."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return None


def _enabled(name: str, directories: list[Path]) -> bool:
    targets = (directory / entry for directory in directories for entry in _listing(directory) if entry.endswith(".wants"))
    return any(os.path.lexists(target / name) for target in targets)


def _fired(name: str, home: Path, root: Path) -> datetime | None:
    """Return when a persistent timer last ran, by the stamp that systemd keeps."""
    stamps = (home / ".local/share/systemd/timers" / f"stamp-{name}", root / "var/lib/systemd/timers" / f"stamp-{name}")
    return next((at for at in map(modified, stamps) if at is not None), None)


def _interval(path: Path) -> timedelta | None:
    """Return how often a timer fires, where it says so in one of the usual ways."""
    text = _text(path) if path.suffix == ".timer" else ""
    if few := _EVERY_FEW_MINUTES.search(text):
        return timedelta(minutes=int(few[1]))
    if after := _AFTER.search(text):
        return parse_duration(after[1].replace(" ", "").replace("min", "m"))
    return next((every for name, every in _NAMED.items() if f"OnCalendar={name}" in text), None)


def _mentions(table: Path) -> bool:
    lines = (line.strip() for line in _text(table).splitlines())
    return any(_NAME in line and not line.startswith("#") for line in lines)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:65536] if path.is_file() else ""
    except OSError:
        return ""


def _listing(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []
