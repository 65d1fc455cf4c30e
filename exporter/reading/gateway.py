"""Edge. One gateway read as a whole, pass after pass: what did not change is the very object of the pass before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from exporter.model import (
    AgentReading,
    AuthDocument,
    Era,
    Family,
    GatewayConfig,
    GatewayReading,
    Problem,
    ProblemReason,
    ProviderConfig,
    SecretRef,
    SourceState,
    StoreKind,
    StoreRef,
)
from exporter.reading import agents as agents_of
from exporter.reading import documents
from exporter.reading.agent_stores import GatewayPlaces, read_agent
from exporter.reading.agents import AUTH_JSON, AUTH_PROFILES, MAIN, AgentPlan
from exporter.reading.candidates import SHARED_DATABASE
from exporter.reading.discovery import Home
from exporter.reading.documents import AgentPlaces
from exporter.reading.files import FileStamp
from exporter.reading.held import Held, one_per_store
from exporter.reading.logins import Logins
from exporter.reading.shelves import Shelves
from exporter.reading.surroundings import Around, Surroundings
from exporter.stores.auth_db import StateDb
from exporter.traces import Traces

if TYPE_CHECKING:
    from exporter.reading.trace_reader import TraceReader

T = TypeVar("T")

_NO_PROVIDERS: Mapping[str, ProviderConfig] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all agents read through, and where else they may find logins."""

    state: Held[StateDb]
    everybody: Held[AuthDocument]  # RemoteClaw's only store

    def era(self, agents: Iterable[AgentPlaces]) -> Era:
        owns = self.state.unknown or documents.shared_owner(self.state.value)
        return documents.era(agents, shared=owns, global_json=self.everybody.source is not None)

    @property
    def document(self) -> AuthDocument | None:
        if self.everybody.source is not None:
            return self.everybody.value
        return self.state.value.document if self.state.value and self.state.value.shared else None

    @property
    def held(self) -> Held[StateDb] | Held[AuthDocument]:
        return self.everybody if self.everybody.source is not None else self.state


class GatewayReader:
    """Reads one gateway again and again."""

    def __init__(self, shelves: Shelves, surroundings: Surroundings, *, look_around: bool = True) -> None:
        """Take what remembers, and what looks up configuration, variables and references."""
        self._shelves = shelves
        self._surroundings = surroundings
        self._traces = _traces(shelves) if look_around else None
        self._found: tuple[tuple[str, Path], ...] = ()
        self._last: GatewayReading | None = None
        self.looked: tuple[tuple[Path, FileStamp | None], ...] = ()  # what decided which agents there are
        self.counted: tuple[Problem, ...] = ()  # problems of the last pass that no shelf of ours counted

    def read(self, home: Home, logins: Logins, now: datetime) -> GatewayReading:
        """Read everything; what cannot be read becomes a problem, and its last known values stay."""
        around = self._surroundings.read(home, now)
        self.counted = around.counted
        shared = self._shared(home, now)
        plans, listing = self._plans(home, around, shared)
        gateway = GatewayPlaces(home.gateway, home.family, shared.state.value, _oauth_json(home), _oauth_owner(plans))
        places = [(plan, read_agent(self._shelves, gateway, plan, now)) for plan in plans]
        readings = tuple(self._agent(plan, own, now) for plan, own in places)
        everything = [own for _, own in places]
        # When every agent lives on what was known before, nothing that can be read tells the generation.
        blind = self._last if all(agent.stale_since for agent in readings) else None
        refs = _references(around.config, readings, shared.document)
        profiles, login_sources, login_problems = logins
        sources = [*around.sources, *_sources(shared.state, shared.everybody), *_of_agents(everything), *login_sources]
        problems = (*around.problems, *shared.state.problems, *shared.everybody.problems, *listing, *_troubles(everything))
        secrets = shared.state.value.secrets if shared.state.value else {}
        new = GatewayReading(
            gateway=home.gateway,
            family=home.family,
            state_dir=str(home.state_dir),
            era=blind.era if blind else shared.era(everything),
            config=around.config,
            environment=around.environment,
            agents=readings,
            shared=shared.document,
            shared_down=blind.shared_down if blind else shared.held.unknown,
            shared_stale_since=shared.held.stale_since if shared.document is not None else None,
            config_path=str(home.config_path),
            user=home.user,
            cli_logins=profiles,
            resolutions=self._surroundings.resolve(home, refs, around, secrets),
            sources=one_per_store(sources),
            problems=(*problems, *login_problems),
            host=around.host,
            traces=self._traces.read(home, places, shared.state.value, around.config) if self._traces else Traces(),
        )
        self._last = reuse(self._last, new)
        return self._last

    def _shared(self, home: Home, now: datetime) -> _Shared:
        if home.family is Family.REMOTECLAW:
            place = str(home.state_dir / AUTH_PROFILES)
            ref = StoreRef(home.gateway, "", StoreKind.AUTH_PROFILES, place)
            return _Shared(Held(), self._shelves.profiles(ref, now, home.family))
        ref = StoreRef(home.gateway, "", StoreKind.STATE_DB, str(home.state_dir / SHARED_DATABASE))
        return _Shared(self._shelves.state_db(ref, now), Held())

    def _plans(self, home: Home, around: Around, shared: _Shared) -> tuple[tuple[AgentPlan, ...], tuple[Problem, ...]]:
        """List the agents; those known before stay while their directory cannot be listed."""
        if home.family is Family.REMOTECLAW:
            return agents_of.plan(around.config or GatewayConfig(), home.state_dir, home.home, (), around.agent_dir), ()
        databases = documents.databases_rule(shared.state.value)
        # In the releases with databases a file of this name is a by-product of an embedded runtime.
        stores = tuple(name for name in agents_of.STORES if not databases or name != AUTH_JSON)
        found = agents_of.find(home.gateway, home.state_dir, stores)
        self.looked = found.looked
        if found.agents is not None:
            registered = shared.state.value.agents if shared.state.value else ()
            self._found = agents_of.with_registered(found.agents, registered, home.state_dir)
        return agents_of.plan(around.config, home.state_dir, home.home, self._found, around.agent_dir), found.problems

    def _agent(self, plan: AgentPlan, places: AgentPlaces, now: datetime) -> AgentReading:
        last = next((agent for agent in self._last.agents if agent.agent == plan.id), None) if self._last else None
        local, stale_since = documents.own_store(places), places.stale_since
        if local is None and last is not None and last.local is not None:
            # A place that was not there before can no longer be looked at: what was known before still is what is known.
            local, stale_since = last.local, last.stale_since or now
        new = AgentReading(
            agent=plan.id,
            configured=plan.configured,
            default=plan.default,
            agent_dir=str(plan.directory),
            local=local,
            providers=places.models.value or _NO_PROVIDERS,
            stale_since=stale_since,
        )
        return reuse(last, new)


def _traces(shelves: Shelves) -> TraceReader:
    from exporter.reading.trace_reader import TraceReader  # a bare check does without

    return TraceReader(shelves.desk)


def reuse(old: T | None, new: T) -> T:
    """Return the old object when nothing changed: whoever keeps conclusions about it sees that by identity."""
    return old if old is not None and old == new else new


def unreadable(home: Home, error: Exception) -> Problem:
    """Say that a gateway could not be read at all."""
    place = f"{home.state_dir}: {error.strerror if isinstance(error, OSError) else type(error).__name__}"
    return Problem(home.gateway, "", None, ProblemReason.UNREADABLE, place, fatal=True)


def _oauth_json(home: Home) -> Path:
    return (home.oauth_dir or home.state_dir / "credentials") / "oauth.json"


def _oauth_owner(plans: Iterable[AgentPlan]) -> str:
    """Choose the agent that gets the logins of `oauth.json`: `main`, from whom the others inherit, else the default one."""
    listed = list(plans)
    if any(plan.id == MAIN for plan in listed):
        return MAIN
    return next((plan.id for plan in listed if plan.default), MAIN)


def _references(config: GatewayConfig | None, agents: Iterable[AgentReading], shared: AuthDocument | None) -> tuple[SecretRef, ...]:
    found: dict[SecretRef, None] = {}
    stores = [shared, *(agent.local for agent in agents)]
    catalogues = [config.providers if config else _NO_PROVIDERS, *(agent.providers for agent in agents)]
    for document in stores:
        for profile in document.profiles.values() if document else ():
            if profile.credential.secret_ref is not None:
                found[profile.credential.secret_ref] = None
    for catalogue in catalogues:
        found |= dict.fromkeys(provider.secret_ref for provider in catalogue.values() if provider.secret_ref is not None)
    return tuple(found)


def _sources(*held: Held[StateDb] | Held[AuthDocument]) -> list[SourceState]:
    return [one.source for one in held if one.source is not None]


def _of_agents(places: Iterable[AgentPlaces]) -> list[SourceState]:
    return [source for own in places for source in (own.oauth_json.source, *own.sources) if source is not None]


def _troubles(places: Iterable[AgentPlaces]) -> tuple[Problem, ...]:
    return tuple(problem for own in places for problem in (*own.oauth_json.problems, *own.problems))
