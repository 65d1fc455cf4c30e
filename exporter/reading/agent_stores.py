"""Edge. The places of one agent, read in the order in which a gateway believes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from exporter.model import AuthDocument, Family, StoreKind, StoreRef
from exporter.reading.agents import AGENT_DATABASE, AUTH_JSON, AUTH_PROFILES, AUTH_STATE, MAIN, MODELS_JSON, AgentPlan
from exporter.reading.documents import AgentPlaces, database_rules, databases_rule
from exporter.reading.held import Held
from exporter.reading.shelves import Shelves
from exporter.stores.auth_db import AgentDb, StateDb


@dataclass(frozen=True, slots=True)
class GatewayPlaces:
    """What must be known of a gateway to read one of its agents."""

    gateway: str
    family: Family
    state: StateDb | None  # its own database
    oauth_json: Path
    oauth_owner: str  # the agent that gets what `oauth.json` holds


def read_agent(shelves: Shelves, gateway: GatewayPlaces, plan: AgentPlan, now: datetime) -> AgentPlaces:
    """Read an agent's places: a database with logins beats files, files count while no database rules."""

    def ref(store: StoreKind, name: str) -> StoreRef:
        return StoreRef(gateway.gateway, plan.id, store, str(plan.directory / name))

    models = shelves.models(ref(StoreKind.MODELS_JSON, MODELS_JSON), now)
    if gateway.family is Family.REMOTECLAW:  # one store for all agents, whatever older programs left here
        return AgentPlaces(models=models, database_rules=True)
    database = shelves.agent_db(ref(StoreKind.AGENT_DB, AGENT_DATABASE), now)
    files = ref(StoreKind.AUTH_PROFILES, AUTH_PROFILES)
    if not databases_rule(gateway.state) and not database_rules(database):
        profiles = shelves.profiles(files, now, gateway.family)
        return AgentPlaces(
            database=database,
            profiles=profiles,
            state=shelves.state(ref(StoreKind.AUTH_STATE, AUTH_STATE), now),
            auth_json=shelves.auth_json(ref(StoreKind.AUTH_JSON, AUTH_JSON), now) if profiles.source is None else Held(),
            oauth_json=_oauth_json(shelves, gateway, now) if plan.id == gateway.oauth_owner else Held(),
            models=models,
        )
    if database.unknown or _has_logins(database, gateway, plan):
        leftover = shelves.notice(files, now).source
        return AgentPlaces(database, models=models, leftover=leftover, database_rules=True)
    profiles = shelves.profiles(files, now, gateway.family)
    stranded = profiles.value is not None and bool(profiles.value.profiles)
    return AgentPlaces(database, profiles, models=models, database_rules=True, migration_required=stranded)


def _oauth_json(shelves: Shelves, gateway: GatewayPlaces, now: datetime) -> Held[AuthDocument]:
    return shelves.oauth_json(StoreRef(gateway.gateway, "", StoreKind.OAUTH_JSON, str(gateway.oauth_json)), now)


def _has_logins(database: Held[AgentDb], gateway: GatewayPlaces, plan: AgentPlan) -> bool:
    own = database.value.document if database.value else None
    shared = gateway.state.document if gateway.state and plan.id == MAIN else None
    return any(document is not None and document.profiles for document in (own, shared))
