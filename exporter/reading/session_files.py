"""Edge. The session stores of agents, read seldom: they change with every message, and only their pins matter here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import StoreKind, StoreRef
from exporter.reading.files import FileStamp, read_file, stamp
from exporter.stores.auth_db import AgentDb
from exporter.stores.session_pins import parse
from exporter.traces import SessionPins

EVERY: Final = 300.0  # seconds between two looks at one file that goes on changing


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    stamp: FileStamp | None
    pins: SessionPins


class SessionFiles:
    """What was counted last in each file."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a clock in seconds."""
        self._clock = clock
        self._looks: dict[Path, _Look] = {}

    def pins(self, agent: str, directory: Path, database: AgentDb | None) -> SessionPins | None:
        """Return the pins of one agent; its database counts where it holds sessions. None: there are no sessions."""
        if database is not None and database.pins is not None:
            return SessionPins(agent, database.pins)
        path = directory.parent / "sessions" / "sessions.json"
        now, seen, last = self._clock(), stamp(path), self._looks.get(path)
        if last is not None and (last.stamp == seen or 0 <= now - last.at < EVERY):
            return last.pins if seen is not None else None
        if seen is None:
            return None
        self._looks[path] = _Look(now, seen, _read(agent, path))
        return self._looks[path].pins


def _read(agent: str, path: Path) -> SessionPins:
    file = read_file(path, StoreRef("", agent, StoreKind.AUTH_STATE, str(path))).value
    counted = parse(file.raw) if file is not None else None
    return SessionPins(agent, counted or (), counted is not None)
