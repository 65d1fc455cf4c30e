"""The gateways' databases: rows decide, and what is damaged is said, never guessed."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from exporter.model import Parsed, ProblemReason, Secret, StoreKind, StoreRef
from exporter.stores import sqlite_tables
from exporter.stores.auth_db import AgentDb, StateDb, parse_agent_db, parse_state_db
from exporter.stores.sqlite_image import replay

FIXTURES = Path(__file__).parents[1] / "fixtures"
AGENT = StoreRef("work", "main", StoreKind.AGENT_DB, "/home/me/.openclaw/agents/main/agent/openclaw-agent.sqlite")
STATE = StoreRef("work", "", StoreKind.STATE_DB, "/home/me/.openclaw/state/openclaw.sqlite")

STRICT = " STRICT" if sqlite3.sqlite_version_info >= (3, 37, 0) else ""
AGENT_SCHEMA = f"""
CREATE TABLE auth_profile_store (store_key TEXT NOT NULL PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL){STRICT};
CREATE TABLE auth_profile_state (state_key TEXT NOT NULL PRIMARY KEY, state_json TEXT NOT NULL, updated_at INTEGER NOT NULL){STRICT};
CREATE TABLE schema_meta (meta_key TEXT NOT NULL PRIMARY KEY, role TEXT, schema_version INTEGER, agent_id TEXT, app_version TEXT){STRICT};
INSERT INTO schema_meta VALUES ('primary', 'agent', 23, 'main', '2026.9.6'), ('other', 'agent', 3, NULL, 'something\nelse');
"""
STATE_SCHEMA = f"""
CREATE TABLE config_machine_state (state_key TEXT NOT NULL PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL){STRICT};
CREATE TABLE schema_meta (meta_key TEXT NOT NULL PRIMARY KEY, app_version TEXT){STRICT};
INSERT INTO schema_meta VALUES ('primary', '2026.9.6');
"""
STORE = json.dumps({"version": 1, "profiles": {"openai:default": {"type": "api_key", "provider": "openai", "key": "sk-fake"}}})
ORDER = json.dumps({"version": 1, "order": {"openai": ["openai:default"]}, "lastGood": {"openai": "openai:default"}})
SHARED = '{"location":"state-db"}'
MS = 1795171899594
AT = datetime.fromtimestamp(MS / 1000, UTC)


def image(script: str, *statements: tuple[str, tuple[object, ...]]) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(script)
        for statement, values in statements:
            connection.execute(statement, values)
        return connection.serialize()


def agent(*rows: tuple[str, str, object, object], schema: str = AGENT_SCHEMA) -> Parsed[AgentDb]:
    """Read an agent database with these rows: table, key, document, time."""
    return parse_agent_db(image(schema, *((f"INSERT INTO {row[0]} VALUES (?, ?, ?)", row[1:]) for row in rows)), AGENT)


def state(*rows: tuple[str, object, object], extra: str = "") -> Parsed[StateDb]:
    inserts = (("INSERT INTO config_machine_state VALUES (?, ?, ?)", row) for row in rows)
    return parse_state_db(image(STATE_SCHEMA + extra, *inserts), STATE)


def reasons(parsed: Parsed[AgentDb] | Parsed[StateDb]) -> list[tuple[ProblemReason, bool]]:
    return [(problem.reason, problem.fatal) for problem in parsed.problems]


# An agent's database ------------------------------------------------


def test_profiles_and_state_of_an_agent() -> None:
    parsed = agent(("auth_profile_store", "primary", STORE, MS), ("auth_profile_state", "primary", ORDER, MS + 1000))

    assert not parsed.problems
    assert parsed.value is not None
    document = parsed.value.document
    assert document is not None
    assert document.profiles["openai:default"].credential.secret == Secret("sk-fake")
    assert document.profiles["openai:default"].store is StoreKind.AGENT_DB
    assert document.state.order == {"openai": ("openai:default",)}
    assert document.updated_at == AT
    assert parsed.value.version == "2026.9.6"
    assert parsed.value.has_state
    assert parsed.value.updated_at == datetime.fromtimestamp((MS + 1000) / 1000, UTC)


def test_tables_without_rows_hold_nothing() -> None:
    parsed = agent()

    assert parsed == Parsed(AgentDb(None, False, "2026.9.6", None))


def test_rows_of_other_keys_are_not_read() -> None:
    parsed = agent(("auth_profile_store", "backup", STORE, MS))

    assert parsed.value is not None
    assert parsed.value.document is None


def test_a_database_without_these_tables_holds_nothing() -> None:
    assert parse_agent_db(image("CREATE TABLE sessions (id)"), AGENT) == Parsed(AgentDb(None, False, None, None))


def test_a_state_row_alone_is_kept() -> None:
    parsed = agent(("auth_profile_state", "primary", ORDER, MS))

    assert parsed.value is not None
    assert parsed.value.document is None
    assert parsed.value.has_state
    assert parsed.value.state is not None
    assert parsed.value.state.last_good == {"openai": "openai:default"}
    assert parsed.value.updated_at == AT


LOOSE = AGENT_SCHEMA.replace(" STRICT", "").replace(" NOT NULL", "")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param("", ProblemReason.EMPTY, id="empty"),
        pytest.param(STORE[:-9], ProblemReason.INVALID_SYNTAX, id="truncated"),
        pytest.param(b'{"version":1,"profiles":{"\xff":1}}', ProblemReason.INVALID_UTF8, id="not UTF-8"),
        pytest.param("[]", ProblemReason.WRONG_SHAPE, id="a list"),
        pytest.param(None, ProblemReason.WRONG_SHAPE, id="null"),
        pytest.param(7, ProblemReason.WRONG_SHAPE, id="an integer"),
        pytest.param(1.5, ProblemReason.WRONG_SHAPE, id="a real"),
        pytest.param("x" * ((16 << 20) + 1), ProblemReason.TOO_LARGE, id="a huge text"),
        pytest.param(b"x" * ((16 << 20) + 1), ProblemReason.TOO_LARGE, id="a huge blob"),
    ],
)
def test_a_profile_row_that_cannot_be_read_is_fatal(document: object, reason: ProblemReason) -> None:
    parsed = agent(("auth_profile_store", "primary", document, MS), ("auth_profile_state", "primary", ORDER, MS), schema=LOOSE)

    assert parsed.value is None
    assert (reason, True) in reasons(parsed)


@pytest.mark.parametrize(
    "document", ["", ORDER[:-3], "[]", None, 7, "x" * ((16 << 20) + 1)], ids=["empty", "cut", "list", "null", "number", "huge"]
)
def test_a_state_row_that_cannot_be_read_leaves_the_profiles(document: object) -> None:
    parsed = agent(("auth_profile_store", "primary", STORE, MS), ("auth_profile_state", "primary", document, MS), schema=LOOSE)

    assert parsed.value is not None
    assert parsed.value.document is not None
    assert set(parsed.value.document.profiles) == {"openai:default"}
    assert parsed.problems
    assert not any(problem.fatal for problem in parsed.problems)


def test_a_document_kept_as_a_blob_is_read() -> None:
    parsed = agent(("auth_profile_store", "primary", STORE.encode(), MS), schema=LOOSE)

    assert parsed.value is not None
    assert parsed.value.document is not None


@pytest.mark.parametrize("when", [None, "soon", b"\x00", 0, -5, 10**18, 1e300, "1795171899594x"])
def test_a_time_that_is_none_is_said_and_left_out(when: object) -> None:
    parsed = agent(("auth_profile_store", "primary", STORE, when), schema=LOOSE)

    assert parsed.value is not None
    assert parsed.value.document is not None
    assert parsed.value.document.updated_at is None
    assert reasons(parsed) == [(ProblemReason.BAD_VALUE, False)]


def test_embedded_order_counts_until_a_state_row_has_one() -> None:
    embedded = json.dumps({**json.loads(STORE), "order": {"openai": ["old"]}, "lastGood": {"openai": "old"}})
    only_order = json.dumps({"version": 1, "order": {"openai": ["new"]}})

    parsed = agent(("auth_profile_store", "primary", embedded, MS), ("auth_profile_state", "primary", only_order, MS))

    assert parsed.value is not None
    assert parsed.value.document is not None
    assert parsed.value.document.state.order == {"openai": ("new",)}
    assert parsed.value.document.state.last_good == {"openai": "old"}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param("CREATE TABLE auth_profile_store (id INTEGER, body TEXT)", id="other columns"),
        pytest.param("CREATE TABLE auth_profile_store (store_key TEXT)", id="no document"),
    ],
)
def test_a_table_of_another_shape_is_fatal(schema: str) -> None:
    assert reasons(parse_agent_db(image(schema), AGENT)) == [(ProblemReason.WRONG_SHAPE, True)]


@pytest.mark.parametrize("version", [None, "", "2026.9.6\n3\nabc", "x" * 65, "sk fake"])
def test_only_a_version_is_a_version(version: str | None) -> None:
    parsed = parse_agent_db(image(AGENT_SCHEMA, ("UPDATE schema_meta SET app_version = ?", (version,))), AGENT)

    assert parsed.value is not None
    assert parsed.value.version is None


# A gateway's own database ------------------------------------------------


def test_the_shared_store() -> None:
    parsed = state(("auth.sharedStore", SHARED, 1), ("authProfiles.store", STORE, MS), ("authProfiles.state", ORDER, MS + 1))

    assert not parsed.problems
    assert parsed.value is not None
    assert parsed.value.shared
    assert parsed.value.version == "2026.9.6"
    document = parsed.value.document
    assert document is not None
    assert document.profiles["openai:default"].store is StoreKind.STATE_DB
    assert document.state.order == {"openai": ("openai:default",)}
    assert document.updated_at == AT


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param((), id="no row says so"),
        pytest.param((("auth.sharedStore", '{"location":"legacy-main"}', 1),), id="a row says otherwise"),
    ],
)
def test_a_store_nobody_shares_is_not_read(rows: tuple[tuple[str, object, object], ...]) -> None:
    parsed = state(*rows, ("authProfiles.store", STORE, MS))

    assert parsed.value is not None
    assert not parsed.value.shared
    assert parsed.value.document is None


def test_a_shared_store_without_a_row_is_empty() -> None:
    parsed = state(("auth.sharedStore", SHARED, 1), ("authProfiles.state", ORDER, MS))

    assert not parsed.problems
    assert parsed.value is not None
    assert parsed.value.document is not None
    assert not parsed.value.document.profiles
    assert parsed.value.document.state.order == {"openai": ("openai:default",)}


@pytest.mark.parametrize("owner", ["", "{", "[]", "{}", "null", '{"location":null}', '{"location":7}', "[" * 100_000])
def test_an_owner_that_cannot_be_read_is_fatal(owner: str) -> None:
    parsed = state(("auth.sharedStore", owner, 1), ("authProfiles.store", STORE, MS))

    assert parsed.value is None
    assert reasons(parsed) == [(ProblemReason.WRONG_SHAPE, True)]


def test_a_shared_store_that_cannot_be_read_is_fatal() -> None:
    parsed = state(("auth.sharedStore", SHARED, 1), ("authProfiles.store", STORE[:-5], MS))

    assert parsed.value is None
    assert any(problem.fatal for problem in parsed.problems)


def test_empty_tables_of_an_older_release_hold_nothing() -> None:
    schema = """CREATE TABLE auth_profile_stores (store_key TEXT PRIMARY KEY, store_json TEXT, updated_at INTEGER);
                CREATE TABLE auth_profile_state (store_key TEXT PRIMARY KEY, state_json TEXT, updated_at INTEGER);"""

    assert parse_state_db(image(schema), STATE) == Parsed(StateDb(False, None))


def test_known_agents_are_listed() -> None:
    extra = """CREATE TABLE agent_databases (agent_id TEXT, path TEXT, schema_version INTEGER, PRIMARY KEY (agent_id, path));
               INSERT INTO agent_databases VALUES ('work', 'agents/work/agent/openclaw-agent.sqlite', 23), ('main', '/srv/main.sqlite', 23),
               (NULL, 'x', 1), ('odd', NULL, 1), ('', 'y', 1), (7, 'z', 1);"""
    parsed = state(extra=extra)

    assert parsed.value is not None
    assert parsed.value.agents[0] == ("7", "z")  # a number in a text column is text
    assert parsed.value.agents[1:] == (("main", "/srv/main.sqlite"), ("work", "agents/work/agent/openclaw-agent.sqlite"))


SECRETS = """CREATE TABLE secret_store_entries (scope_kind TEXT, scope_id TEXT, name TEXT, value TEXT, deleted_at_ms INTEGER);
INSERT INTO secret_store_entries VALUES ('team', '', 'KEPT', 'sk-team', NULL), ('identity', 'me', 'MINE', 'sk-mine', NULL),
('team', '', 'DELETED', 'sk-gone', 5), ('team', 'other', 'ODD', 'sk-odd', NULL), ('team', '', 'EMPTY', '', NULL), ('team', '', 'NOTHING', NULL, NULL),
('team', '', 'LARGEST', hex(zeroblob(32768)), NULL), ('team', '', 'LARGER', hex(zeroblob(32768)) || 'x', NULL), ('team', '', 'BYTES', x'ff', NULL);"""


def test_only_living_secrets_of_the_team_are_read() -> None:
    parsed = state(extra=SECRETS)

    assert parsed.value is not None
    assert dict(parsed.value.secrets) == {"KEPT": Secret("sk-team"), "LARGEST": Secret("0" * 65536)}
    assert "sk-" not in repr(parsed)


def test_a_secret_table_of_fewer_columns_is_read() -> None:
    extra = "CREATE TABLE secret_store_entries (scope_kind TEXT, name TEXT, value TEXT); INSERT INTO secret_store_entries VALUES ('team', 'A', 'b');"
    parsed = state(extra=extra)

    assert parsed.value is not None
    assert dict(parsed.value.secrets) == {"A": Secret("b")}


# Damage ------------------------------------------------


def pages_of(raw: bytes, table: str) -> int:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(raw)
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return int(root)


def overwritten(raw: bytes, page: int, content: bytes, size: int = 4096) -> bytes:
    return raw[: (page - 1) * size] + content.ljust(size, b"\0") + raw[page * size :]


EMPTY_LEAF = b"\x0d\0\0\0\0\x10\0\0"
FILLED = image(
    AGENT_SCHEMA,
    ("INSERT INTO auth_profile_store VALUES ('primary', ?, ?)", (STORE, MS)),
    ("INSERT INTO auth_profile_state VALUES ('primary', ?, ?)", (ORDER, MS)),
)


@pytest.mark.parametrize("content", [b"", b"\xff" * 4096, EMPTY_LEAF], ids=["zeros", "ones", "looks like an empty table"])
def test_a_damaged_profile_table_is_fatal_never_empty(content: bytes) -> None:
    parsed = parse_agent_db(overwritten(FILLED, pages_of(FILLED, "auth_profile_store"), content), AGENT)

    assert parsed.value is None
    assert (ProblemReason.CORRUPT, True) in reasons(parsed)


@pytest.mark.parametrize("content", [b"", b"\xff" * 4096, EMPTY_LEAF], ids=["zeros", "ones", "looks like an empty table"])
def test_a_damaged_state_table_leaves_the_profiles(content: bytes) -> None:
    parsed = parse_agent_db(overwritten(FILLED, pages_of(FILLED, "auth_profile_state"), content), AGENT)

    assert parsed.value is not None
    assert parsed.value.document is not None
    assert (ProblemReason.CORRUPT, False) in reasons(parsed)


def test_a_damaged_index_does_not_hide_the_profiles() -> None:
    parsed = parse_agent_db(overwritten(FILLED, pages_of(FILLED, "sqlite_autoindex_auth_profile_store_1"), b"\x0a\0\0\0\0\x10\0\0"), AGENT)

    assert parsed.value is not None
    assert parsed.value.document is not None
    assert reasons(parsed) == [(ProblemReason.CORRUPT, False)]


def test_a_damaged_unrelated_table_does_not_matter() -> None:
    raw = image(AGENT_SCHEMA + "CREATE TABLE sessions (x); INSERT INTO sessions VALUES (1)")

    assert parse_agent_db(overwritten(raw, pages_of(raw, "sessions"), b"\xff"), AGENT).problems == ()


def test_a_cut_image_is_fatal() -> None:
    assert [problem.fatal for problem in parse_agent_db(FILLED[:8192], AGENT).problems][-1]


def test_an_image_of_something_else_is_fatal() -> None:
    assert reasons(parse_agent_db(b"not a database at all" * 500, AGENT)) == [(ProblemReason.CORRUPT, True)]


def test_a_view_in_place_of_a_table_is_not_run() -> None:
    endless = (
        "CREATE VIEW auth_profile_store AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS store_key FROM n"
    )

    assert parse_agent_db(image(endless), AGENT) == Parsed(AgentDb(None, False, None, None))


def test_problems_name_the_place_and_quote_nothing() -> None:
    raw = image(AGENT_SCHEMA, ("INSERT INTO auth_profile_store VALUES ('primary', ?, ?)", ('{"profiles": {"a": {"key": "sk-secret"', MS)))
    (problem, *_) = parse_agent_db(raw, AGENT).problems

    assert problem.place.startswith(AGENT.path)
    assert "sk-secret" not in repr(problem)


# What this Python can do ------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "version", "reason"),
    [
        pytest.param(
            'malformed database schema (x) - near "STRICT": syntax error', 11, (3, 31, 1), ProblemReason.UNSUPPORTED, id="STRICT, too old"
        ),
        pytest.param("malformed database schema (x)", 11, (3, 45, 0), ProblemReason.CORRUPT, id="a broken schema"),
        pytest.param("unsupported file format", 1, (3, 45, 0), ProblemReason.UNSUPPORTED, id="a newer format"),
        pytest.param("database disk image is malformed", 11, (3, 45, 0), ProblemReason.CORRUPT, id="a broken page"),
        pytest.param("string or blob too big", 18, (3, 45, 0), ProblemReason.TOO_LARGE, id="too big"),
        pytest.param("interrupted", 9, (3, 45, 0), ProblemReason.CORRUPT, id="no end"),
        pytest.param("no such column: x", 1, (3, 45, 0), ProblemReason.WRONG_SHAPE, id="another schema"),
        pytest.param("file is not a database", 26, (3, 45, 0), ProblemReason.CORRUPT, id="something else"),
    ],
)
def test_what_sqlite_says_gets_a_reason(message: str, code: int, version: tuple[int, ...], reason: ProblemReason) -> None:
    found, place = sqlite_tables._meaning(message, code, version)

    assert found is reason
    assert message not in place


def test_a_python_without_sqlite_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)

    assert reasons(parse_agent_db(FILLED, AGENT)) == [(ProblemReason.UNSUPPORTED, True)]


def test_a_sqlite_that_cannot_read_from_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", SimpleNamespace(Connection=object))

    assert reasons(parse_agent_db(FILLED, AGENT)) == [(ProblemReason.UNSUPPORTED, True)]


# Real ones ------------------------------------------------


def real() -> Iterator[object]:
    for path in sorted(FIXTURES.rglob("*.sqlite")):
        parse: Callable[[bytes, StoreRef], Parsed[AgentDb] | Parsed[StateDb]]
        ref, parse = (AGENT, parse_agent_db) if path.name == "openclaw-agent.sqlite" else (STATE, parse_state_db)
        yield pytest.param(path, ref, parse, id=str(path.relative_to(FIXTURES)))


@pytest.mark.parametrize(("path", "ref", "parse"), list(real()))
def test_databases_of_real_gateways(
    path: Path, ref: StoreRef, parse: Callable[[bytes, StoreRef], Parsed[AgentDb] | Parsed[StateDb]]
) -> None:
    raw = replay(path.read_bytes(), None)
    assert isinstance(raw, bytes)
    parsed = parse(raw, ref)

    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(raw)
        dump = "\n".join(connection.iterdump())
    assert parsed.value is not None
    assert not any(problem.fatal or problem.reason is ProblemReason.CORRUPT for problem in parsed.problems)
    document = parsed.value.document
    assert (document is not None) == (
        "'primary','{" in dump.replace('INSERT INTO "auth_profile_state"', "") or "authProfiles.store" in dump
    )
    for id in document.profiles if document else ():
        assert f'"{id}"' in dump
