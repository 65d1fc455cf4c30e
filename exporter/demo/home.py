"""Edge. Writes the demo's home: a gateway of the newest era (shared SQLite), an older one (JSON), and a CLI login."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from exporter.demo import documents
from exporter.demo.documents import milliseconds
from exporter.demo.street import nobody

_SHARED = """
CREATE TABLE config_machine_state (state_key TEXT NOT NULL PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE agent_databases (agent_id TEXT NOT NULL, path TEXT NOT NULL, schema_version INTEGER, last_seen_at INTEGER,
  size_bytes INTEGER) STRICT;
PRAGMA user_version=18;
"""
_AGENT = """
CREATE TABLE auth_profile_store (store_key TEXT NOT NULL PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL) STRICT;
CREATE TABLE auth_profile_state (state_key TEXT NOT NULL PRIMARY KEY, state_json TEXT NOT NULL, updated_at INTEGER NOT NULL) STRICT;
PRAGMA user_version=23;
"""


def write(home: Path, now: datetime, addresses: Mapping[str, str] | None = None) -> None:
    """Write everything below `home`, which is made when it is missing; raises FileExistsError for one that is in use.

    `addresses` are those of the providers; without them nothing listens where the keys would go.
    """
    places = addresses or nobody()
    newest, older = home / ".openclaw", home / ".openclaw-older"
    for directory in (newest, older, home / ".claude"):
        _directory(directory, fresh=True)
    _write_newest(newest, now, places)
    _write_older(older, now, places)
    _json(home / ".claude" / ".credentials.json", documents.claude_login(now))


def _write_newest(state: Path, now: datetime, addresses: Mapping[str, str]) -> None:
    _json(state / "openclaw.json", documents.configuration(addresses))
    _text(state / ".env", documents.environment_file())
    stamp = milliseconds(now)
    rows = (
        ("auth.sharedStore", json.dumps({"location": "state-db"}), stamp),
        ("authProfiles.store", json.dumps({"version": 1, "profiles": documents.shared_profiles(now)}), stamp),
        ("authProfiles.state", json.dumps(documents.shared_state(now)), stamp),
    )
    with closing(_database(state / "state" / "openclaw.sqlite", _SHARED)) as database, database:
        database.executemany("INSERT INTO config_machine_state VALUES (?, ?, ?)", rows)
        agents = [(name, f"agents/{name}/agent/openclaw-agent.sqlite", 23, stamp, 0) for name in ("main", "work")]
        database.executemany("INSERT INTO agent_databases VALUES (?, ?, ?, ?, ?)", agents)
    _agent(state, "main", documents.pending_profiles(), now)
    _agent(state, "work", documents.work_profiles(), now - timedelta(minutes=25))


def _agent(state: Path, name: str, profiles: Mapping[str, object], at: datetime) -> None:
    with closing(_database(state / "agents" / name / "agent" / "openclaw-agent.sqlite", _AGENT)) as database, database:
        blob = json.dumps({"version": 1, "profiles": profiles})
        database.execute("INSERT INTO auth_profile_store VALUES ('primary', ?, ?)", (blob, milliseconds(at)))


def _write_older(state: Path, now: datetime, addresses: Mapping[str, str]) -> None:
    _text(state / "openclaw.json", documents.older_configuration(addresses))
    _json(state / "agents" / "main" / "agent" / "auth-profiles.json", documents.older_store(now))


def _database(path: Path, schema: str) -> sqlite3.Connection:
    _directory(path.parent)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.executescript(schema)
    return database


def _json(path: Path, tree: Mapping[str, object]) -> None:
    _text(path, json.dumps(tree, indent=2) + "\n")


def _text(path: Path, text: str) -> None:
    _directory(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _directory(path: Path, *, fresh: bool = False) -> None:
    if not path.parent.exists():
        _directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=not fresh)
