"""Pure. What an agent's own store is, put together from the places that can hold it, and which generation of stores that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from exporter.model import AuthDocument, AuthState, Era, Problem, ProblemReason, ProviderConfig, SourceState
from exporter.reading.held import Held
from exporter.stores.auth_db import AgentDb, StateDb

_SHARED_STORES_SINCE: Final = (2026, 8)  # releases that keep logins in the gateway's own database
_AGENT_STORES_SINCE: Final = (2026, 6, 5)  # releases that keep logins in agents' databases


@dataclass(frozen=True, slots=True)
class AgentPlaces:
    """What the places of one agent gave; those that nobody asked are empty."""

    database: Held[AgentDb] = field(default_factory=Held)
    profiles: Held[AuthDocument] = field(default_factory=Held)
    state: Held[AuthState] = field(default_factory=Held)
    auth_json: Held[AuthDocument] = field(default_factory=Held)
    oauth_json: Held[AuthDocument] = field(default_factory=Held)
    models: Held[Mapping[str, ProviderConfig]] = field(default_factory=Held)
    leftover: SourceState | None = None  # a JSON store beside a database that replaced it
    database_rules: bool = False  # the gateway takes this agent's logins from a database, whatever else lies there
    migration_required: bool = False

    @property
    def sources(self) -> tuple[SourceState, ...]:
        """The states of the places that exist and belong to the agent alone."""
        held = (self.database.source, self.profiles.source, self.state.source, self.auth_json.source, self.models.source, self.leftover)
        return tuple(source for source in held if source is not None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem of these places."""
        found = [*self.database.problems, *self.profiles.problems, *self.state.problems, *self.auth_json.problems, *self.models.problems]
        if self.migration_required and self.profiles.source is not None:
            found.append(Problem.at(self.profiles.source.ref, ProblemReason.MIGRATION_REQUIRED, fatal=True))
        return tuple(found)

    @property
    def stale_since(self) -> datetime | None:
        """Since when anything of the agent's store is older than the last try."""
        held = (self.database, self.profiles, self.state, self.auth_json, self.oauth_json)
        return min((at.stale_since for at in held if at.stale_since), default=None)


def own_store(places: AgentPlaces) -> AuthDocument | None:
    """Return the agent's own store; None when it is down and nothing older is known."""
    if places.database_rules:
        return None if places.database.unknown else _of_database(places.database.value)
    return _of_files(places)


def shared_owner(state: StateDb | None) -> bool:
    """Say whether the gateway's own database is the store that all agents read through."""
    return state is not None and state.shared


def databases_rule(state: StateDb | None) -> bool:
    """Say whether this gateway no longer reads JSON stores at all, which its release tells better than its tables."""
    return state is not None and (state.shared or at_least(state.version, _SHARED_STORES_SINCE))


def database_rules(database: Held[AgentDb]) -> bool:
    """Say whether an agent's database is its store: it has rows, or the release that made it reads no other."""
    if database.source is None:
        return False
    found = database.value
    return found is None or found.document is not None or found.version is None or at_least(found.version, _AGENT_STORES_SINCE)


def at_least(version: str | None, least: tuple[int, ...]) -> bool:
    """Compare a release such as `2026.9.6` or `2026.1.24-3`."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version or "")[: len(least)])
    return len(numbers) > 1 and numbers >= least[: len(numbers)]


def era(agents: Iterable[AgentPlaces], *, shared: bool, global_json: bool) -> Era:
    """Name the generation, the most specific sign first."""
    found = list(agents)
    if global_json:
        return Era.GLOBAL_JSON
    if shared:
        return Era.SHARED_DB
    if any(one.database_rules and (one.database.source is not None or one.migration_required) for one in found):
        return Era.AGENT_DB
    if any(one.state.source is not None for one in found):
        return Era.JSON_SPLIT
    files = (held.source for one in found for held in (one.profiles, one.auth_json, one.oauth_json))
    return Era.JSON if any(source is not None for source in files) else Era.NONE


def _of_database(found: AgentDb | None) -> AuthDocument:
    if found is None:
        return AuthDocument()
    return found.document or AuthDocument(state=found.state or AuthState(), updated_at=found.updated_at)


def _of_files(places: AgentPlaces) -> AuthDocument | None:
    """Merge the files: the state file wins over embedded state key by key, older files only add ids that are absent.

    Source: `auth.json` is read only where there is no `auth-profiles.json` (agents/auth-profiles/store.ts, January 2026);
            later an embedded runtime writes a file of that name that is no store.
    """
    if places.profiles.unknown or (places.profiles.source is None and places.auth_json.unknown):
        return None
    document = places.profiles.value or places.auth_json.value or AuthDocument()
    older = places.oauth_json.value
    if older is not None and older.profiles.keys() - document.profiles.keys():
        document = replace(document, profiles=MappingProxyType({**older.profiles, **document.profiles}))
    if places.state.value is not None:
        document = replace(document, state=_over(document.state, places.state.value))
    return document


def _over(under: AuthState, state: AuthState) -> AuthState:
    return AuthState(
        order=MappingProxyType({**under.order, **state.order}),
        last_good=MappingProxyType({**under.last_good, **state.last_good}),
        usage=MappingProxyType({**under.usage, **state.usage}),
    )
