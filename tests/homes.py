"""Edge. Gateway homes for tests: recorded ones unpacked, and new ones in the format of any release."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"
_AGENT = "agents/main/agent"


def unpack(source: Path, target: Path) -> Path:
    """Copy a recorded home; fill its placeholder, build databases kept only as dumps, and close its permissions."""
    shutil.copytree(source, target, symlinks=True)
    for path in sorted(target.rglob("*")):
        if path.suffix == ".json":
            path.write_text(path.read_text().replace("@HOME@", str(target)))
        elif path.name.endswith(".sqlite.sql"):
            database = path.with_suffix("")
            if not database.exists():
                with sqlite3.connect(database) as connection:
                    connection.executescript(path.read_text())
                connection.close()
            path.unlink()
    for path in target.rglob("*"):
        path.chmod(0o700 if path.is_dir() or path.suffix == ".sh" else 0o600)
    return target


def scenario_home(release: str, scenario: Mapping[str, Any], config: Mapping[str, Any], target: Path) -> Path:
    """Write a home with `profiles`, `order` and `usageStats` as the given release keeps them."""
    family, _, version = release.partition("-")
    state = target / f".{family}"
    number = tuple(int(part) for part in version.partition("-")[0].split("."))
    profiles = {"version": 1, "profiles": scenario["profiles"]}
    book = {"version": 1, **{key: scenario[key] for key in ("order", "usageStats") if scenario[key]}}
    agent = state / _AGENT
    agent.mkdir(parents=True, mode=0o700)
    (state / f"{family}.json").write_text(json.dumps(config))
    if number >= (2026, 8):
        rows = {"auth.sharedStore": {"location": "state-db"}, "authProfiles.store": profiles, "authProfiles.state": book}
        _shared_database(state / "state/openclaw.sqlite", rows)
    elif number >= (2026, 6, 5):
        _agent_database(agent / "openclaw-agent.sqlite", profiles, book)
    elif number >= (2026, 4, 9):
        (agent / "auth-profiles.json").write_text(json.dumps(profiles))
        (agent / "auth-state.json").write_text(json.dumps(book))
    else:
        (agent / "auth-profiles.json").write_text(json.dumps({**book, **profiles}))
    for path in target.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target


def _shared_database(path: Path, rows: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE config_machine_state (state_key TEXT NOT NULL PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL) STRICT"
    )
    connection.executemany(
        "INSERT INTO config_machine_state VALUES (?, ?, 1793480000000)", [(key, json.dumps(value)) for key, value in rows.items()]
    )
    connection.commit()
    connection.close()


def _agent_database(path: Path, profiles: object, book: object) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE auth_profile_store (store_key TEXT NOT NULL PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL);"
        "CREATE TABLE auth_profile_state (state_key TEXT NOT NULL PRIMARY KEY, state_json TEXT NOT NULL, updated_at INTEGER NOT NULL);"
    )
    connection.execute("INSERT INTO auth_profile_store VALUES ('primary', ?, 1793480000000)", (json.dumps(profiles),))
    connection.execute("INSERT INTO auth_profile_state VALUES ('primary', ?, 1793480000000)", (json.dumps(book),))
    connection.commit()
    connection.close()
