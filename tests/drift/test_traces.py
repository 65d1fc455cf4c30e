"""What lies around the stores, read from real files: locks, leases, pins, open places, the release beside the process."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.host import port
from exporter.host.package import version
from exporter.host.processes import GatewayProcess
from exporter.model import Family, StoreKind, StoreRef
from exporter.reading import lock_files
from exporter.reading.reader import Reader
from exporter.reading.session_files import EVERY, Place, SessionFiles
from exporter.settings import Settings
from exporter.stores import auth_db
from exporter.stores.session_pins import parse
from exporter.traces import Guarded, Lock, LockKind, SessionPins, Traces
from tests.reading.quiet_host import QuietHost

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def agent_dir(tmp_path: Path) -> Path:
    directory = tmp_path / ".openclaw/agents/main/agent"
    directory.mkdir(parents=True)
    (directory / "auth-profiles.json").write_text(json.dumps({"version": 1, "profiles": {}}))
    for path in (tmp_path / ".openclaw", *(tmp_path / ".openclaw").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return directory


def traces(home: Path) -> Traces:
    return Reader(Settings(), {}, home, host=QuietHost()).read(NOW).gateways[0].traces


def gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


HOLDERS = [
    ("nobody", "", None),
    ("not JSON", "{", None),
    ("a list", "[1]", None),
    ("no number", '{"pid": "1"}', None),
    ("a truth", '{"pid": true}', None),
    ("a huge number", '{"pid": 99999999999999999999}', None),
    ("ourselves", json.dumps({"pid": os.getpid(), "createdAt": "2026-01-01T00:00:00Z"}), True),
    ("our pid, begun at another time", json.dumps({"pid": os.getpid(), "starttime": 1}), False),
]


@pytest.mark.parametrize(("content", "alive"), [row[1:] for row in HOLDERS], ids=[row[0] for row in HOLDERS])
def test_who_holds_a_lock_file(tmp_path: Path, content: str, alive: bool | None) -> None:
    (tmp_path / "auth-profiles.json.lock").write_text(content)
    (lock,) = lock_files.store_lock(tmp_path / "auth-profiles.json", "main")
    assert (lock.alive, lock.pid is not None) == (alive, alive is not None)


def test_a_process_that_ended_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "auth-profiles.json.lock").write_text(json.dumps({"pid": gone()}))
    assert [lock.alive for lock in lock_files.store_lock(tmp_path / "auth-profiles.json", "main")] == [False]


def test_locks_are_directories_or_files_of_stores_and_renewals(tmp_path: Path, agent_dir: Path) -> None:
    assert traces(tmp_path).locks == ()
    (agent_dir / "auth-profiles.json.lock").mkdir()
    (tmp_path / ".openclaw/locks/oauth-refresh").mkdir(parents=True)
    (tmp_path / ".openclaw/locks/oauth-refresh/lock-0123").write_text("{}")
    (tmp_path / ".openclaw/locks/oauth-refresh/other").write_text("{}")
    assert [(lock.kind, lock.agent, Path(lock.place).name, lock.alive) for lock in traces(tmp_path).locks] == [
        (LockKind.STORE, "main", "auth-profiles.json.lock", None),
        (LockKind.REFRESH, "", "lock-0123", None),
    ]


def test_a_lock_beside_the_file_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/store.json").write_text("{}")
    (tmp_path / "store.json").symlink_to(tmp_path / "real/store.json")
    (tmp_path / "real/store.json.lock").mkdir()
    assert [lock.place for lock in lock_files.store_lock(tmp_path / "store.json", "")] == [str(tmp_path / "real/store.json.lock")]


def image(path: Path, *statements: str) -> bytes:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path.read_bytes()


LEASES = (
    "CREATE TABLE config_machine_state (state_key TEXT PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL)",
    "CREATE TABLE state_leases (scope TEXT NOT NULL, lease_key TEXT NOT NULL, owner TEXT NOT NULL, expires_at INTEGER,"
    " heartbeat_at INTEGER, payload_json TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)",
    "INSERT INTO state_leases VALUES ('core:plugin-lifecycle', 'k', 'uuid', 2000, 1000, NULL, 500, 1000)",
    "INSERT INTO state_leases VALUES ('core:other', 'k', 'uuid', NULL, NULL, '{\"pid\": 42}', 500, 1000)",
    "INSERT INTO state_leases VALUES ('core:broken', 'k', 'uuid', 'x', 'y', '{', 'z', 1000)",
)


def second(number: float) -> datetime:
    return datetime.fromtimestamp(number, UTC)


def test_leases_of_the_gateways_database(tmp_path: Path) -> None:
    parsed = auth_db.parse_state_db(image(tmp_path / "x", *LEASES), StoreRef("g", "", StoreKind.STATE_DB, "/x"))
    assert parsed.value is not None
    assert parsed.value.leases == (
        Lock(LockKind.LEASE, "core:plugin-lifecycle", since=second(1), ends_at=second(2)),
        Lock(LockKind.LEASE, "core:other", since=second(0.5), pid=42),
    )


USER = {"authProfileOverride": "anthropic:work", "authProfileOverrideSource": "user"}
AUTO = {"authProfileOverride": "anthropic:auto", "authProfileOverrideSource": "auto"}
SESSIONS = [
    ("none pinned", {"agent:main:main": {"sessionId": "1"}}, ()),
    ("a person's", {"a": USER, "b": USER, "c": {"authProfileOverride": " anthropic:old "}}, (("anthropic:old", 1), ("anthropic:work", 2))),
    ("the gateway's own choice", {"a": AUTO}, ()),
    ("odd values", {"a": {"authProfileOverride": 7}, "b": None, "c": {"authProfileOverride": "x" * 999}}, ()),
    ("another document", [USER], None),
]


@pytest.mark.parametrize(("tree", "pins"), [row[1:] for row in SESSIONS], ids=[row[0] for row in SESSIONS])
def test_pins_of_a_session_file(tree: object, pins: object) -> None:
    assert parse(json.dumps(tree).encode()) == pins


def test_a_torn_session_file_is_unknown_and_not_empty(tmp_path: Path, agent_dir: Path) -> None:
    sessions = agent_dir.parent / "sessions"
    sessions.mkdir()
    (sessions / "sessions.json").write_text(json.dumps({"a": USER})[:-3])
    assert traces(tmp_path).sessions == (SessionPins("main", (), known=False),)
    (sessions / "sessions.json").write_text(json.dumps({"a": USER}))
    assert traces(tmp_path).sessions == (SessionPins("main", (("anthropic:work", 1),)),)


MOVED = [
    ("one file for all agents", "~/all.json", "all.json", (("main", ("anthropic:old",)), ("work", ("anthropic:work",)))),
    ("a file for each", "{home}/elsewhere/{agentId}.json", "elsewhere/work.json", (("work", ("anthropic:old", "anthropic:work")),)),
    ("relative to where the gateway was started", "all.json", "all.json", (("main", None), ("work", None))),
]


@pytest.mark.parametrize(("store", "file", "wanted"), [row[1:] for row in MOVED], ids=[row[0] for row in MOVED])
def test_sessions_are_where_the_configuration_puts_them(tmp_path: Path, agent_dir: Path, store: str, file: str, wanted: object) -> None:
    agents = {"list": [{"id": "main"}, {"id": "work", "agentDir": str(tmp_path / "moved/agent")}]}
    config = {"agents": agents, "session": {"store": store.replace("{home}", str(tmp_path))}}
    (tmp_path / ".openclaw/openclaw.json").write_text(json.dumps(config))
    old = {"authProfileOverride": "anthropic:old"}
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"agent:work:main": USER, "global": old, "agent:main:main": AUTO}))
    found = traces(tmp_path).sessions
    assert tuple((one.agent, tuple(pin for pin, _ in one.pins) if one.known else None) for one in found) == wanted


def test_sessions_stay_below_the_state_directory_when_an_agents_folder_is_elsewhere(tmp_path: Path, agent_dir: Path) -> None:
    config = {"agents": {"list": [{"id": "main", "agentDir": str(tmp_path / "moved/agent")}]}}
    (tmp_path / ".openclaw/openclaw.json").write_text(json.dumps(config))
    sessions = tmp_path / ".openclaw/agents/main/sessions"
    sessions.mkdir()
    (sessions / "sessions.json").write_text(json.dumps({"a": USER}))
    assert traces(tmp_path).sessions == (SessionPins("main", (("anthropic:work", 1),)),)


@pytest.mark.parametrize("table", ["session_nodes", "session_entries"])
def test_pins_in_an_agents_database(tmp_path: Path, table: str) -> None:
    create = f"CREATE TABLE {table} (session_key TEXT NOT NULL PRIMARY KEY, entry_json TEXT NOT NULL, updated_at INTEGER)"
    rows = [
        f"INSERT INTO {table} VALUES ('{number}', '{text}', 1)" for number, text in enumerate((json.dumps(USER), json.dumps(AUTO), "{"))
    ]
    parsed = auth_db.parse_agent_db(image(tmp_path / "x", create, *rows), StoreRef("g", "main", StoreKind.AGENT_DB, "/x"))
    assert parsed.value is not None
    assert parsed.value.pins == (("anthropic:work", 1),)
    empty = auth_db.parse_agent_db(image(tmp_path / "y", create), StoreRef("g", "main", StoreKind.AGENT_DB, "/x"))
    assert empty.value is not None
    assert empty.value.pins is None  # that release keeps them elsewhere


def test_a_session_file_that_goes_on_changing_is_read_seldom(agent_dir: Path) -> None:
    clock = [0.0]
    files, path = SessionFiles(lambda: clock[0]), agent_dir.parent / "sessions/sessions.json"
    place = Place("main", path)
    path.parent.mkdir()

    def pins() -> object:
        found = files.pins(place, None)
        return found.pins if found is not None else None

    assert pins() is None
    path.write_text(json.dumps({"a": USER}))
    assert pins() == (("anthropic:work", 1),)
    path.write_text(json.dumps({"a": USER, "b": USER}))
    assert pins() == (("anthropic:work", 1),)
    clock[0] = EVERY
    assert pins() == (("anthropic:work", 2),)
    path.unlink()
    assert pins() is None


def test_open_places_are_the_audits_targets(tmp_path: Path, agent_dir: Path) -> None:
    state = tmp_path / ".openclaw"
    assert traces(tmp_path).open_places == ()
    (state / "openclaw.json").write_text("{}")
    opened = {
        state / "openclaw.json": Guarded.CONFIG,
        state / "openclaw.json.bak": Guarded.BACKUP,
        state / ".env": Guarded.ENVIRONMENT,
        agent_dir / "auth-profiles.json": Guarded.AUTH_STORE,
        agent_dir / "auth-profiles.json.migrated-2026-11-20T10-54-28.852Z-8bd0": Guarded.BACKUP,
        agent_dir / "openclaw-agent.sqlite-wal": Guarded.AUTH_STORE,
        agent_dir / "openclaw-agent.sqlite-shm": Guarded.AUTH_STORE,
    }
    for path in opened:
        path.write_text("{}")
        path.chmod(0o644)
    (agent_dir / "notes.txt").write_text("anybody may read this")
    (state / "credentials").mkdir()
    (state / "credentials").chmod(0o755)
    found = {place.path: (place.what, place.mode, place.exposed, place.writable) for place in traces(tmp_path).open_places}
    expected = {str(path): (what, 0o644, True, False) for path, what in opened.items()}
    assert found == expected | {str(state / "credentials"): (Guarded.CREDENTIALS_DIR, 0o755, True, False)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_side_file_of_another_user_is_told(tmp_path: Path, agent_dir: Path) -> None:
    side = agent_dir / "openclaw-agent.sqlite-shm"
    side.write_bytes(b"")
    side.chmod(0o600)
    os.chown(side, 12345, 12345)
    assert [(place.path, place.foreign, place.exposed) for place in traces(tmp_path).open_places] == [(str(side), True, False)]


def process(root: Path, *argv: str) -> GatewayProcess:
    return GatewayProcess(1, "1", os.geteuid(), Family.OPENCLAW, argv, {}, root)


PACKAGES = [
    ("ours", {"name": "openclaw", "version": "2026.9.6"}, "2026.9.6"),
    ("scoped", {"name": "@someone/openclaw", "version": "2026.1.0-3"}, "2026.1.0-3"),
    ("another's", {"name": "express", "version": "5.0.0"}, None),
    ("no version", {"name": "openclaw"}, None),
    ("a strange version", {"name": "openclaw", "version": "sk secret\n"}, None),
    ("a list", ["openclaw"], None),
]


@pytest.mark.parametrize(("tree", "release"), [row[1:] for row in PACKAGES], ids=[row[0] for row in PACKAGES])
def test_the_release_beside_the_process(tmp_path: Path, tree: object, release: str | None) -> None:
    package = tmp_path / "lib/node_modules/openclaw"
    (package / "dist").mkdir(parents=True)
    (package / "dist/index.js").write_text("")
    (package / "package.json").write_text(json.dumps(tree))
    assert version(process(Path("/"), "node", str(package / "dist/index.js"), "gateway")) == release
    assert version(process(tmp_path, "node", "/lib/node_modules/openclaw/dist/index.js", "gateway")) == release


def test_a_link_on_the_path_leads_to_the_package(tmp_path: Path) -> None:
    package = tmp_path / "lib/openclaw"
    package.mkdir(parents=True)
    (package / "cli.mjs").write_text("")
    (package / "package.json").write_text(json.dumps({"name": "openclaw", "version": "2026.8.2"}))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/openclaw").symlink_to(package / "cli.mjs")
    assert version(process(Path("/"), "node", str(tmp_path / "bin/openclaw"), "gateway")) == "2026.8.2"


def test_a_port_that_answers_and_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        assert port.answers(number)
    assert not port.answers(number)
    assert not port.answers(1 << 20)
