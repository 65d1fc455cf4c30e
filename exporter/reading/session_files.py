"""Edge. The session stores of agents, read seldom: they change with every message, and only their pins matter here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import StoreKind, StoreRef
from exporter.reading.agents import AgentPlan
from exporter.reading.discovery import Home
from exporter.reading.families import expand
from exporter.reading.files import FileStamp, read_file, stamp
from exporter.stores.auth_db import AgentDb
from exporter.stores.session_pins import owner, parse
from exporter.traces import SessionPins

EVERY: Final = 300.0  # seconds between two looks at one file that goes on changing


@dataclass(frozen=True, slots=True)
class Place:
    """Where one agent's sessions are kept. `path` None: somewhere that only the gateway knows; `shared`: with those of other agents."""

    agent: str
    path: Path | None
    shared: bool = False
    default: bool = False  # sessions of nobody's are its own


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
        self._looks: dict[Place, _Look] = {}

    def pins(self, place: Place, database: AgentDb | None) -> SessionPins | None:
        """Return the pins of one agent; its database counts where it holds sessions. None: there are no sessions."""
        if database is not None and database.pins is not None:
            return SessionPins(place.agent, database.pins)
        if place.path is None:
            return SessionPins(place.agent, known=False)
        now, seen, last = self._clock(), stamp(place.path), self._looks.get(place)
        if last is not None and (last.stamp == seen or 0 <= now - last.at < EVERY):
            return last.pins if seen is not None else None
        if seen is None:
            return None
        self._looks[place] = _Look(now, seen, _read(place, place.path))
        return self._looks[place].pins


def place_of(home: Home, plan: AgentPlan, store: str) -> Place:
    """Tell where an agent's sessions are: below the state directory, or where `session.store` of the configuration says."""
    if not store:
        return Place(plan.id, home.state_dir / "agents" / plan.id / "sessions" / "sessions.json")
    path = store.replace("{agentId}", plan.id)
    known = expand(path, home.home) if path.startswith(("/", "~")) else None  # else relative to wherever the gateway was started
    return Place(plan.id, known, "{agentId}" not in store, plan.default)


def _read(place: Place, path: Path) -> SessionPins:
    file = read_file(path, StoreRef("", place.agent, StoreKind.AUTH_STATE, str(path))).value
    names = (place.agent, "") if place.default else (place.agent,)
    counted = parse(file.raw, lambda key: not place.shared or owner(key) in names) if file is not None else None
    return SessionPins(place.agent, counted or (), counted is not None)
