"""Pure. The gateways' SQLite stores, queried in the memory image that `sqlite_image` makes.

Rows decide, not tables: some releases create tables that they never fill.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from exporter.model import AuthDocument, AuthState, Parsed, ProblemReason, Secret, StoreRef
from exporter.stores import auth_document, leases, session_pins
from exporter.stores.session_pins import Pins
from exporter.stores.sqlite_tables import Damage, DocumentTable, Row, Tables, query, text
from exporter.traces import Lock

_AGENT_STORE: Final = DocumentTable("auth_profile_store", ("store_key",), "store_json", "updated_at")
_AGENT_STATE: Final = DocumentTable("auth_profile_state", ("state_key", "store_key"), "state_json", "updated_at")
_MACHINE_STATE: Final = DocumentTable("config_machine_state", ("state_key",), "value_json", "updated_at_ms")
_PRIMARY: Final = "primary"
_OWNER: Final = "auth.sharedStore"
_OWNED_BY_ALL: Final = "state-db"
_LARGEST_SECRET: Final = 64 << 10  # bytes; the gateways refuse longer ones
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")
_NO_AGENTS: Final[tuple[tuple[str, str], ...]] = ()
_NO_LEASES: Final[tuple[Lock, ...]] = ()
_SESSIONS: Final = ("session_nodes", "session_entries")  # by release, the newest first; `entry_json` is the session
_NO_SECRETS: Final[Mapping[str, Secret]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AgentDb:
    """What an agent's database holds of logins; `updated_at` is the later time of its two rows."""

    document: AuthDocument | None  # None: no profile row
    has_state: bool
    version: str | None  # the release that made it
    updated_at: datetime | None
    state: AuthState | None = None  # of the state row, also without a profile row
    pins: Pins | None = None  # sessions tied to profiles; None: it holds no sessions


@dataclass(frozen=True, slots=True)
class StateDb:
    """What a gateway's own database holds of logins."""

    shared: bool  # it is the store that all agents read through
    document: AuthDocument | None  # None: not shared
    agents: tuple[tuple[str, str], ...] = ()  # agent id and path; relative ones start at the state directory
    secrets: Mapping[str, Secret] = field(default_factory=lambda: _NO_SECRETS)  # of the whole team, by name
    version: str | None = None
    leases: tuple[Lock, ...] = ()


def parse_agent_db(image: bytes, ref: StoreRef) -> Parsed[AgentDb]:
    """Read the logins of one agent from the image of its database.

    Shape:  auth_profile_store(store_key, store_json, updated_at) and auth_profile_state(state_key, state_json, updated_at),
            each with one row 'primary'; the documents are those of the JSON stores.
    Units:  `updated_at` is Unix time in milliseconds.
    Errors: never raises. Fatal when the profiles cannot be known; a damaged state row leaves the profiles standing.
    """
    return query(image, ref, _agent_db)


def parse_state_db(image: bytes, ref: StoreRef) -> Parsed[StateDb]:
    """Read the shared logins, the known agents and the stored secrets from the image of a gateway's own database.

    Shape:  config_machine_state(state_key, value_json, updated_at_ms) with rows 'auth.sharedStore' {"location"},
            'authProfiles.store' and 'authProfiles.state'; agent_databases(agent_id, path, …);
            secret_store_entries(scope_kind, scope_id, name, value, deleted_at_ms, …).
    Units:  Unix time in milliseconds.
    Errors: never raises. Fatal when the owner of the shared logins, or these themselves, cannot be known.
    """
    return query(image, ref, _state_db)


def _agent_db(tables: Tables) -> Parsed[AgentDb]:
    store = tables.document(_AGENT_STORE, _PRIMARY)
    state_row = tables.optional(lambda: tables.document(_AGENT_STATE, _PRIMARY), None)
    state = _state(tables, state_row)
    document = _document(tables, store, state) if store else None
    if store and document is None:
        return Parsed(None, tuple(tables.problems))
    times = [row.updated_at for row in (store, state_row) if row and row.updated_at]
    pins = tables.optional(lambda: _pins(tables), None)
    database = AgentDb(document, state_row is not None, _version(tables), max(times, default=None), state, pins)
    return Parsed(database, tuple(tables.problems))


def _state_db(tables: Tables) -> Parsed[StateDb]:
    shared = _owned_by_all(tables.document(_MACHINE_STATE, _OWNER))
    document = None
    if shared:
        store = tables.document(_MACHINE_STATE, "authProfiles.store")
        state = _state(tables, tables.optional(lambda: tables.document(_MACHINE_STATE, "authProfiles.state"), None))
        # A shared store nobody has written to yet is an empty one.
        document = _document(tables, store, state) if store else AuthDocument(state=state or AuthState())
        if document is None:
            return Parsed(None, tuple(tables.problems))
    agents = tables.optional(lambda: _agents(tables), _NO_AGENTS)
    secrets = tables.optional(lambda: _secrets(tables), _NO_SECRETS)
    held = tables.optional(lambda: leases.read(tables), _NO_LEASES)
    return Parsed(StateDb(shared, document, agents, secrets, _version(tables), held), tuple(tables.problems))


def _owned_by_all(row: Row | None) -> bool:
    if row is None:
        return False
    try:
        location = json.loads(row.raw)["location"]
    except (ValueError, TypeError, KeyError, RecursionError):
        location = None
    if not isinstance(location, str):
        # Which store is in force is then unknown, and with it every login in either.
        raise Damage(ProblemReason.WRONG_SHAPE, f"{_MACHINE_STATE.name}['{_OWNER}']")
    return location == _OWNED_BY_ALL


def _document(tables: Tables, store: Row, state: AuthState | None) -> AuthDocument | None:
    parsed = auth_document.parse(store.raw, tables.ref)
    tables.problems += parsed.problems
    if parsed.value is None:
        return None
    old = parsed.value.state  # what a JSON store of an older release had embedded
    if state:
        old = AuthState(state.order or old.order, state.last_good or old.last_good, state.usage or old.usage)
    return replace(parsed.value, state=old, updated_at=store.updated_at)


def _state(tables: Tables, row: Row | None) -> AuthState | None:
    if row is None:
        return None
    parsed = auth_document.parse_state(row.raw, tables.ref)
    tables.problems += (replace(problem, fatal=False) for problem in parsed.problems)
    return parsed.value


def _agents(tables: Tables) -> tuple[tuple[str, str], ...]:
    table = "agent_databases"
    if not {"agent_id", "path"} <= tables.columns(table):
        return ()
    rows = ((text(agent), text(path)) for agent, path in tables.rows(table, ("agent_id", "path"), "1"))
    return tuple(sorted((agent, path) for agent, path in rows if agent and path))


def _secrets(tables: Tables) -> Mapping[str, Secret]:
    """Read what refs of source `store` mean: to the gateways that is the team's entries, without the deleted ones."""
    table = "secret_store_entries"
    columns = tables.columns(table)
    if not {"scope_kind", "name", "value"} <= columns:
        return _NO_SECRETS
    conditions = ["scope_kind = 'team'", f"length(CAST(value AS BLOB)) BETWEEN 1 AND {_LARGEST_SECRET}"]
    if "scope_id" in columns:
        conditions.append("scope_id = ''")
    if "deleted_at_ms" in columns:
        conditions.append("deleted_at_ms IS NULL")
    rows = ((text(name), text(value)) for name, value in tables.rows(table, ("name", "value"), " AND ".join(conditions)))
    return MappingProxyType({name: Secret(value) for name, value in rows if name and value})


def _pins(tables: Tables) -> Pins | None:
    """Count the profiles that sessions are tied to; None in releases that keep sessions elsewhere."""
    table = next((name for name in _SESSIONS if "entry_json" in tables.columns(name)), None)
    if table is None:
        return None
    rows = tables.rows(table, ("entry_json",), f"instr(entry_json, '{session_pins.FIELD}') > 0")
    if not rows and not tables.rows(table, ("1",), "1 LIMIT 1"):
        return None
    return session_pins.parse_rows(row for (row,) in rows if isinstance(row, bytes))


def _version(tables: Tables) -> str | None:
    return tables.optional(lambda: _app_version(tables), None)


def _app_version(tables: Tables) -> str | None:
    if not {"meta_key", "app_version"} <= tables.columns("schema_meta"):
        return None
    rows = tables.rows("schema_meta", ("app_version",), "meta_key = ?", _PRIMARY)
    version = text(rows[0][0]) if rows else None
    return version if version and _VERSION.fullmatch(version) else None
