"""Edge. Every kind of place a gateway keeps something in: one shelf and one parser each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from exporter.model import AuthDocument, AuthState, Family, GatewayConfig, Parsed, Problem, Profile, ProviderConfig, StoreRef
from exporter.reading.files import UNSEEN, FileBytes, FileStamp, stamp
from exporter.reading.held import Held
from exporter.reading.shelf import Desk, Loaded, Shelf, load_database, load_file, modified_at
from exporter.stores import auth_db, auth_document, cli_logins, legacy, models_json
from exporter.stores.auth_db import AgentDb, StateDb


class Remembering(Protocol):
    """Any shelf, whatever stands on it."""

    def finish(self) -> None:
        """Forget what nobody asked for."""

    def watched(self) -> Iterator[tuple[Path, FileStamp | None]]:
        """Yield every file looked at."""

    def settles_at(self) -> float | None:
        """Return when a place must be read again."""

    def problems(self) -> Iterator[Problem]:
        """Yield every problem."""


class Shelves:
    """What one reader remembers of the disk."""

    def __init__(self, desk: Desk) -> None:
        """Start with nothing remembered."""
        self.desk = desk
        self.configs: Shelf[GatewayConfig] = Shelf(desk)
        self._documents: Shelf[AuthDocument] = Shelf(desk)
        self._states: Shelf[AuthState] = Shelf(desk)
        self._agent_dbs: Shelf[AgentDb] = Shelf(desk)
        self._state_dbs: Shelf[StateDb] = Shelf(desk)
        self._models: Shelf[Mapping[str, ProviderConfig]] = Shelf(desk)
        self._logins: Shelf[Profile] = Shelf(desk, private_directory=False)
        self._noticed: Shelf[bool] = Shelf(desk)

    def profiles(self, ref: StoreRef, now: datetime, family: Family) -> Held[AuthDocument]:
        """Read an `auth-profiles.json`."""

        def parse(file: FileBytes) -> Parsed[AuthDocument]:
            return _dated(auth_document.parse(file.raw, ref, family), file)

        return self._documents.fetch(ref, lambda: load_file(self.desk, ref, parse), now, family)

    def state(self, ref: StoreRef, now: datetime) -> Held[AuthState]:
        """Read an `auth-state.json`."""
        return self._states.fetch(ref, lambda: load_file(self.desk, ref, lambda file: auth_document.parse_state(file.raw, ref)), now)

    def auth_json(self, ref: StoreRef, now: datetime) -> Held[AuthDocument]:
        """Read an agent's `auth.json`."""

        def parse(file: FileBytes) -> Parsed[AuthDocument]:
            return _dated(legacy.parse_auth_json(file.raw, ref), file)

        return self._documents.fetch(ref, lambda: load_file(self.desk, ref, parse), now)

    def oauth_json(self, ref: StoreRef, now: datetime) -> Held[AuthDocument]:
        """Read a gateway's `oauth.json`."""

        def parse(file: FileBytes) -> Parsed[AuthDocument]:
            return _dated(legacy.parse_oauth_json(file.raw, ref), file)

        return self._documents.fetch(ref, lambda: load_file(self.desk, ref, parse), now)

    def agent_db(self, ref: StoreRef, now: datetime) -> Held[AgentDb]:
        """Read an agent's database."""
        return self._agent_dbs.fetch(
            ref, lambda: load_database(self.desk, ref, lambda found: auth_db.parse_agent_db(found.image, ref)), now
        )

    def state_db(self, ref: StoreRef, now: datetime) -> Held[StateDb]:
        """Read a gateway's own database."""
        return self._state_dbs.fetch(
            ref, lambda: load_database(self.desk, ref, lambda found: auth_db.parse_state_db(found.image, ref)), now
        )

    def models(self, ref: StoreRef, now: datetime) -> Held[Mapping[str, ProviderConfig]]:
        """Read an agent's `models.json`."""
        return self._models.fetch(ref, lambda: load_file(self.desk, ref, lambda file: models_json.parse(file.raw, ref)), now)

    def login(self, name: str, ref: StoreRef, now: datetime) -> Held[Profile]:
        """Read the login file of a command line program."""

        def parse(file: FileBytes) -> Parsed[Profile]:
            written = modified_at(file.stamp)
            parsed = cli_logins.parse(name, file.raw, ref, written)
            return replace(parsed, value=replace(parsed.value, modified_at=written)) if parsed.value else parsed

        return self._logins.fetch(ref, lambda: load_file(self.desk, ref, parse), now)

    def notice(self, ref: StoreRef, now: datetime) -> Held[bool]:
        """Look at a place that nobody reads: that it is there, when it changed, who may look in."""
        path = Path(ref.path)
        seen = stamp(path)
        stamps = ((path, None if seen is UNSEEN else seen),)
        return self._noticed.fetch(ref, lambda: Loaded(Parsed(True), stamps), now)

    def finish(self) -> None:
        """End a pass: forget what nobody asked for."""
        for shelf in self._all():
            shelf.finish()
        self.desk.open_directories.clear()

    def watched(self) -> Iterator[tuple[Path, FileStamp | None]]:
        """Yield every file looked at, with the stamp it had."""
        for shelf in self._all():
            yield from shelf.watched()

    def settles_at(self) -> float | None:
        """Return when the first place that changed just before it was read must be read again."""
        return min((at for shelf in self._all() if (at := shelf.settles_at()) is not None), default=None)

    def problems(self) -> frozenset[Problem]:
        """Return the problems of every place that was asked for."""
        return frozenset(problem for shelf in self._all() for problem in shelf.problems())

    def _all(self) -> tuple[Remembering, ...]:
        return (self.configs, self._documents, self._states, self._agent_dbs, self._state_dbs, self._models, self._logins, self._noticed)


def _dated(parsed: Parsed[AuthDocument], file: FileBytes) -> Parsed[AuthDocument]:
    if parsed.value is None:
        return parsed
    return Parsed(replace(parsed.value, updated_at=modified_at(file.stamp)), parsed.problems)
