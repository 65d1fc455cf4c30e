"""Edge. What lies around the stores of one gateway, pass after pass: locks, open permissions, pins of sessions."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from exporter.model import Family, GatewayConfig
from exporter.reading import lock_files
from exporter.reading.agents import AUTH_PROFILES, AgentPlan
from exporter.reading.discovery import Home
from exporter.reading.documents import AgentPlaces
from exporter.reading.open_places import open_places
from exporter.reading.session_files import SessionFiles, place_of
from exporter.reading.shelf import Desk
from exporter.stores.auth_db import StateDb
from exporter.traces import Lock, Traces


class TraceReader:
    """Looks around one gateway."""

    def __init__(self, desk: Desk) -> None:
        """Share the clock of `desk`."""
        self._sessions = SessionFiles(desk.clock)

    def read(
        self, home: Home, places: Iterable[tuple[AgentPlan, AgentPlaces]], state: StateDb | None, config: GatewayConfig | None
    ) -> Traces:
        """Look at everything once; opens locks and session stores only."""
        listed = tuple(places)
        store = config.session_store if config is not None else ""
        sessions = (self._sessions.pins(place_of(home, plan, store), own.database.value) for plan, own in listed)
        return Traces(
            locks=tuple(_locks(home, tuple(plan for plan, _ in listed), state)),
            open_places=open_places(home, tuple(plan for plan, _ in listed)),
            sessions=tuple(found for found in sessions if found is not None),
        )


def _locks(home: Home, plans: tuple[AgentPlan, ...], state: StateDb | None) -> Iterable[Lock]:
    if home.family is Family.REMOTECLAW:
        stores = [("", home.state_dir / AUTH_PROFILES)]
    else:
        stores = [(plan.id, plan.directory / AUTH_PROFILES) for plan in plans]
    held = (lock for agent, store in stores for lock in lock_files.store_lock(store, agent))
    return chain(held, lock_files.refresh_locks(home.state_dir), lock_files.with_owners(state.leases if state else ()))
