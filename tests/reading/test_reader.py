"""Passes over homes that change, break and recover."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.model import AgentReading, AuthDocument, Era, Family, GatewayReading, ProblemReason, Reading, SourceState, StoreKind
from exporter.reading.reader import Reader
from exporter.reading.shelf import Desk
from exporter.settings import Gateway, Settings
from tests.reading.quiet_host import QuietHost

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
AGENT = ".openclaw/agents/main/agent"


def key(provider: str = "openai", secret: str = "sk-fake") -> dict[str, str]:
    return {"type": "api_key", "provider": provider, "key": secret}


def write(path: Path, content: object) -> Path:
    """Write a file as an old one: its stamp is final, as it is for nearly every file a reader meets."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(0o600)
    stamp = path.stat().st_mtime_ns - 60_000_000_000
    os.utime(path, ns=(stamp, stamp))
    return path


def age(path: Path, seconds: float) -> None:
    stamp = path.stat().st_mtime_ns - int(seconds * 1e9)
    os.utime(path, ns=(stamp, stamp))


def profiles(home: Path, *ids: str, agent: str = "main", **more: object) -> Path:
    document = {"version": 1, "profiles": {name: key(name.partition(":")[0]) for name in ids}, **more}
    return write(home / f".openclaw/agents/{agent}/agent/auth-profiles.json", document)


def agent_db(path: Path, document: object | None, state: object | None = None, version: str | None = "2026.7.1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE auth_profile_store (store_key TEXT PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL);"
            "CREATE TABLE auth_profile_state (state_key TEXT PRIMARY KEY, state_json TEXT NOT NULL, updated_at INTEGER NOT NULL);"
            "CREATE TABLE schema_meta (meta_key TEXT PRIMARY KEY, app_version TEXT);"
        )
        if document is not None:
            database.execute("INSERT INTO auth_profile_store VALUES ('primary', ?, 1)", (json.dumps(document),))
        if state is not None:
            database.execute("INSERT INTO auth_profile_state VALUES ('primary', ?, 1)", (json.dumps(state),))
        if version is not None:
            database.execute("INSERT INTO schema_meta VALUES ('primary', ?)", (version,))
    database.close()
    path.chmod(0o600)
    age(path, 60)
    return path


def reader(home: Path, settings: Settings | None = None, **options: object) -> Reader:
    options.setdefault("host", QuietHost())
    desk = Desk(options.pop("clock", time.time), options.pop("pause", lambda seconds: None))  # type: ignore[arg-type]
    return Reader(settings or Settings(), {"HOME": str(home)}, home, desk=desk, **options)  # type: ignore[arg-type]


def only(reading: Reading) -> GatewayReading:
    (gateway,) = reading.gateways
    return gateway


def agent_of(gateway: GatewayReading, agent: str = "main") -> AgentReading:
    return next(one for one in gateway.agents if one.agent == agent)


def local(gateway: GatewayReading, agent: str = "main") -> AuthDocument:
    store = agent_of(gateway, agent).local
    assert store is not None
    return store


def source(gateway: GatewayReading, store: StoreKind) -> SourceState:
    (found,) = [one for one in gateway.sources if one.ref.store is store]
    return found


class TestFiles:
    """The JSON generations."""

    def test_the_state_file_wins_over_embedded_state_key_by_key(self, tmp_path: Path) -> None:
        profiles(
            tmp_path, "openai:a", "openai:b", order={"openai": ["openai:a"], "groq": ["x"]}, usageStats={"openai:a": {"errorCount": 1}}
        )
        write(tmp_path / AGENT / "auth-state.json", {"order": {"openai": ["openai:b"]}, "usageStats": {"openai:b": {"errorCount": 2}}})
        gateway = only(reader(tmp_path).read(NOW))
        state = local(gateway).state
        assert gateway.era is Era.JSON_SPLIT
        assert state.order == {"openai": ("openai:b",), "groq": ("x",)}
        assert {name: usage.error_count for name, usage in state.usage.items()} == {"openai:a": 1, "openai:b": 2}

    def test_auth_json_is_read_where_nothing_newer_is(self, tmp_path: Path) -> None:
        write(tmp_path / AGENT / "auth.json", {"anthropic": {"type": "api_key", "key": "k"}})
        gateway = only(reader(tmp_path).read(NOW))
        assert gateway.era is Era.JSON
        assert set(local(gateway).profiles) == {"anthropic:default"}
        profiles(tmp_path, "openai:a")
        assert set(local(only(reader(tmp_path).read(NOW))).profiles) == {"openai:a"}

    def test_oauth_json_adds_ids_that_are_absent(self, tmp_path: Path) -> None:
        entry = {"access": "a", "refresh": "r", "expires": 1796083206684}
        write(tmp_path / ".openclaw/credentials/oauth.json", {"anthropic": entry, "openai": entry})
        profiles(tmp_path, "openai:default")
        gateway = only(reader(tmp_path).read(NOW))
        assert {name: profile.credential.kind.value for name, profile in local(gateway).profiles.items()} == {
            "anthropic:default": "oauth",
            "openai:default": "api_key",
        }
        assert source(gateway, StoreKind.OAUTH_JSON).ref.agent == ""

    def test_oauth_json_belongs_to_main_alone(self, tmp_path: Path) -> None:
        write(tmp_path / ".openclaw/credentials/oauth.json", {"anthropic": {"access": "a", "refresh": "r", "expires": 1796083206684}})
        write(tmp_path / ".openclaw/openclaw.json", {"agents": {"list": [{"id": "work"}, {"id": "main"}]}})
        gateway = only(reader(tmp_path).read(NOW))
        assert set(local(gateway).profiles) == {"anthropic:default"}
        assert local(gateway, "work") == AuthDocument()

    def test_a_moved_credentials_directory_is_followed(self, tmp_path: Path) -> None:
        profiles(tmp_path)
        write(tmp_path / "oauth/oauth.json", {"anthropic": {"access": "a", "refresh": "r", "expires": 1796083206684}})
        environ = {"OPENCLAW_OAUTH_DIR": str(tmp_path / "oauth")}
        gateway = only(Reader(Settings(), environ, tmp_path, host=QuietHost()).read(NOW))
        assert set(local(gateway).profiles) == {"anthropic:default"}

    @pytest.mark.parametrize(
        "name",
        ["auth-profiles.json.migrated-2026-11-20T10-54-28.852Z-8bd05a9c", "auth-profiles.json.bak", "auth-profiles.json.legacy-flat.1.bak",
         "auth-profiles.json.sqlite-import.1.bak", "auth-profiles.json.lock", "auth-profiles.json~"],
    )  # fmt: skip
    def test_backups_are_never_read(self, tmp_path: Path, name: str) -> None:
        write(tmp_path / AGENT / name, {"version": 1, "profiles": {"openai:old": key()}})
        gateway = only(reader(tmp_path).read(NOW))
        assert gateway.era is Era.NONE
        assert local(gateway) == AuthDocument()
        assert gateway.sources == ()

    def test_the_time_of_a_document_is_its_files(self, tmp_path: Path) -> None:
        path = profiles(tmp_path, "openai:a")
        updated = local(only(reader(tmp_path).read(NOW))).updated_at
        assert updated is not None
        assert abs(updated.timestamp() - path.stat().st_mtime) < 0.001


class TestDatabases:
    """The SQLite generations and what lies beside them."""

    def test_rows_make_a_database_the_store(self, tmp_path: Path) -> None:
        agent_db(tmp_path / AGENT / "openclaw-agent.sqlite", {"profiles": {"openai:new": key()}}, {"lastGood": {"openai": "openai:new"}})
        profiles(tmp_path, "openai:old")
        gateway = only(reader(tmp_path).read(NOW))
        assert gateway.era is Era.AGENT_DB
        assert gateway.shared is None
        assert set(local(gateway).profiles) == {"openai:new"}
        assert local(gateway).state.last_good == {"openai": "openai:new"}
        assert not gateway.problems
        assert source(gateway, StoreKind.AUTH_PROFILES).up

    def test_a_row_of_state_alone_counts(self, tmp_path: Path) -> None:
        agent_db(tmp_path / AGENT / "openclaw-agent.sqlite", None, {"order": {"openai": ["openai:a"]}})
        assert local(only(reader(tmp_path).read(NOW))).state.order == {"openai": ("openai:a",)}

    @pytest.mark.parametrize("document", [None, {"profiles": {}}], ids=["no row", "no profile"])
    def test_an_empty_database_beside_files_with_profiles_needs_a_migration(self, tmp_path: Path, document: object) -> None:
        agent_db(tmp_path / AGENT / "openclaw-agent.sqlite", document)
        profiles(tmp_path, "openai:old")
        gateway = only(reader(tmp_path).read(NOW))
        assert [(problem.agent, problem.store, problem.reason) for problem in gateway.problems] == [
            ("main", StoreKind.AUTH_PROFILES, ProblemReason.MIGRATION_REQUIRED)
        ]
        assert local(gateway).profiles == {}
        assert gateway.era is Era.AGENT_DB

    def test_an_empty_database_beside_empty_files_is_fine(self, tmp_path: Path) -> None:
        agent_db(tmp_path / AGENT / "openclaw-agent.sqlite", None)
        profiles(tmp_path)
        assert only(reader(tmp_path).read(NOW)).problems == ()

    def test_a_release_between_has_tables_and_still_reads_files(self, tmp_path: Path) -> None:
        """2026.6.1: the gateway's own database has empty tables for logins."""
        path = tmp_path / ".openclaw/state/openclaw.sqlite"
        path.parent.mkdir(parents=True)
        with sqlite3.connect(path) as database:
            database.executescript(
                "CREATE TABLE auth_profile_stores (store_key TEXT, store_json TEXT, updated_at INTEGER);"
                "CREATE TABLE schema_meta (meta_key TEXT, app_version TEXT); INSERT INTO schema_meta VALUES ('primary', '2026.6.1');"
            )
        database.close()
        profiles(tmp_path, "openai:a")
        gateway = only(reader(tmp_path).read(NOW))
        assert gateway.era is Era.JSON
        assert set(local(gateway).profiles) == {"openai:a"}
        assert gateway.problems == ()

    def test_an_unreadable_shared_database_hides_its_profiles(self, tmp_path: Path) -> None:
        write(tmp_path / ".openclaw/state/openclaw.sqlite", "no database")
        gateway = only(reader(tmp_path).read(NOW))
        assert gateway.shared_down
        assert gateway.shared is None
        assert not source(gateway, StoreKind.STATE_DB).up
        assert any(problem.fatal for problem in gateway.problems)

    def test_agents_the_database_lists_are_found(self, tmp_path: Path) -> None:
        path = tmp_path / ".openclaw/state/openclaw.sqlite"
        path.parent.mkdir(parents=True)
        with sqlite3.connect(path) as database:
            database.executescript(
                "CREATE TABLE config_machine_state (state_key TEXT, value_json TEXT, updated_at_ms INTEGER);"
                "INSERT INTO config_machine_state VALUES ('auth.sharedStore', '{\"location\":\"state-db\"}', 1);"
                "CREATE TABLE agent_databases (agent_id TEXT, path TEXT);"
                "INSERT INTO agent_databases VALUES ('far', 'elsewhere/far.sqlite'), ('gone', 'elsewhere/gone.sqlite');"
            )
        database.close()
        agent_db(tmp_path / ".openclaw/elsewhere/far.sqlite", {"profiles": {}})
        gateway = only(reader(tmp_path).read(NOW))
        assert [(agent.agent, agent.configured) for agent in gateway.agents] == [("main", True), ("far", False)]
        assert gateway.era is Era.SHARED_DB
        assert gateway.shared == AuthDocument()


class TestRemoteClaw:
    """One store for all agents."""

    def test_everybody_reads_the_one_store(self, tmp_path: Path) -> None:
        write(tmp_path / ".remoteclaw/auth-profiles.json", {"profiles": {"openai:a": key()}, "lastGood": {"openai": "openai:a"}})
        write(tmp_path / ".remoteclaw/remoteclaw.json", {"agents": {"list": [{"id": "one"}, {"id": "two"}]}})
        write(tmp_path / ".remoteclaw/agents/one/agent/auth-profiles.json", {"profiles": {"openai:old": key()}})
        gateway = only(reader(tmp_path).read(NOW))
        assert (gateway.family, gateway.era) == (Family.REMOTECLAW, Era.GLOBAL_JSON)
        assert gateway.shared is not None
        assert set(gateway.shared.profiles) == {"openai:a"}
        assert [agent.agent for agent in gateway.agents] == ["one", "two"]
        assert all(agent.local == AuthDocument() for agent in gateway.agents)
        assert source(gateway, StoreKind.AUTH_PROFILES).ref.agent == ""

    def test_a_broken_store_is_down_for_everybody(self, tmp_path: Path) -> None:
        write(tmp_path / ".remoteclaw/auth-profiles.json", "{")
        gateway = only(reader(tmp_path).read(NOW))
        assert gateway.shared_down
        assert gateway.era is Era.GLOBAL_JSON


def test_what_a_running_gateway_names_is_read(tmp_path: Path) -> None:
    profiles(tmp_path / "srv", "openai:default")
    host = QuietHost()
    host.told = ((Family.OPENCLAW, tmp_path / "srv" / ".openclaw"),)
    assert set(local(only(reader(tmp_path / "home", host=host).read(NOW))).profiles) == {"openai:default"}


class TestPasses:
    """What one pass remembers of another."""

    def test_nothing_changed_is_the_same_object(self, tmp_path: Path) -> None:
        profiles(tmp_path, "openai:a")
        profiles(tmp_path, "openai:b", agent="work", usageStats={"openai:b": {"errorCount": 1}})
        write(tmp_path / AGENT / "auth-state.json", {"lastGood": {"openai": "openai:a"}})
        write(tmp_path / ".openclaw/openclaw.json", {"agents": {"list": [{"id": "main"}, {"id": "work"}]}})
        one = reader(tmp_path)
        first = only(one.read(NOW))
        assert only(one.read(LATER)) is first

    def test_one_changed_agent_leaves_the_others_alone(self, tmp_path: Path) -> None:
        profiles(tmp_path, "openai:a")
        profiles(tmp_path, "openai:b", agent="work")
        one = reader(tmp_path)
        first = only(one.read(NOW))
        profiles(tmp_path, "openai:b", "openai:c", agent="work")
        second = only(one.read(LATER))
        assert second is not first
        assert agent_of(second) is agent_of(first)
        assert set(local(second, "work").profiles) == {"openai:b", "openai:c"}

    def test_an_unchanged_file_is_not_opened_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        profiles(tmp_path, "openai:a")
        agent_db(tmp_path / ".openclaw/agents/db/agent/openclaw-agent.sqlite", {"profiles": {"openai:b": key()}})
        write(tmp_path / ".openclaw/openclaw.json", {})
        one = reader(tmp_path)
        one.read(NOW)
        opened: list[object] = []
        real = os.open

        def watch(path: str | bytes | Path, *rest: object, **more: object) -> int:
            opened.append(path)
            return real(path, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "open", watch)
        one.read(LATER)
        assert opened == []

    def test_a_profile_that_left_is_gone_at_once(self, tmp_path: Path) -> None:
        profiles(tmp_path, "openai:a", "openai:b")
        one = reader(tmp_path)
        one.read(NOW)
        profiles(tmp_path, "openai:a")
        assert set(local(only(one.read(LATER))).profiles) == {"openai:a"}

    def test_a_store_that_left_is_absence_not_staleness(self, tmp_path: Path) -> None:
        path = profiles(tmp_path, "openai:a")
        one = reader(tmp_path)
        one.read(NOW)
        path.unlink()
        gateway = only(one.read(LATER))
        assert local(gateway) == AuthDocument()
        assert agent_of(gateway).stale_since is None
        assert gateway.sources == ()

    @pytest.mark.parametrize(
        ("content", "reason"),
        [("", ProblemReason.EMPTY), ('{"profiles": {', ProblemReason.INVALID_SYNTAX), ("[]", ProblemReason.WRONG_SHAPE)],
        ids=["empty", "truncated", "array"],
    )
    def test_a_broken_store_keeps_its_last_values(self, tmp_path: Path, content: str, reason: ProblemReason) -> None:
        path = profiles(tmp_path, "openai:a")
        one = reader(tmp_path)
        good = only(one.read(NOW))
        write(path, content)
        broken = only(one.read(LATER))
        assert local(broken) is local(good)
        assert agent_of(broken).stale_since == LATER
        assert [problem.reason for problem in broken.problems] == [reason]
        state = source(broken, StoreKind.AUTH_PROFILES)
        assert (state.up, state.read_at, state.stale_since) == (False, NOW, LATER)
        assert only(one.read(LATER + timedelta(minutes=1))) is broken
        assert one.errors["openclaw", "main", "auth-profiles", reason] == 1
        profiles(tmp_path, "openai:a", "openai:b")
        mended = only(one.read(LATER + timedelta(minutes=2)))
        assert agent_of(mended).stale_since is None
        assert set(local(mended).profiles) == {"openai:a", "openai:b"}
        assert mended.problems == ()

    def test_a_broken_store_that_was_never_read_is_unknown(self, tmp_path: Path) -> None:
        write(tmp_path / AGENT / "auth-profiles.json", "{")
        gateway = only(reader(tmp_path).read(NOW))
        assert agent_of(gateway).local is None
        assert agent_of(gateway).stale_since is None
        assert not source(gateway, StoreKind.AUTH_PROFILES).up

    def test_a_broken_database_keeps_its_last_values(self, tmp_path: Path) -> None:
        path = agent_db(tmp_path / AGENT / "openclaw-agent.sqlite", {"profiles": {"openai:a": key()}})
        one = reader(tmp_path)
        good = only(one.read(NOW))
        path.write_bytes(b"x" * 8192)
        age(path, 60)
        broken = only(one.read(LATER))
        assert local(broken) is local(good)
        assert agent_of(broken).stale_since == LATER

    def test_a_configuration_that_breaks_keeps_its_last_values(self, tmp_path: Path) -> None:
        path = write(tmp_path / ".openclaw/openclaw.json", {"agents": {"list": [{"id": "work", "agentDir": "~/far"}]}})
        write(tmp_path / "far/auth-profiles.json", {"profiles": {"openai:a": key()}})
        one = reader(tmp_path)
        good = only(one.read(NOW))
        write(path, "{ agents: ")
        broken = only(one.read(LATER))
        assert broken.config is good.config
        assert broken.agents == good.agents
        assert source(broken, StoreKind.CONFIG).stale_since == LATER
        assert any(problem.store is StoreKind.CONFIG and problem.fatal for problem in broken.problems)

    def test_a_configuration_that_was_never_read_is_unknown(self, tmp_path: Path) -> None:
        write(tmp_path / ".openclaw/openclaw.json", "{ agents: ")
        profiles(tmp_path, "openai:a", agent="work")
        gateway = only(reader(tmp_path).read(NOW))
        assert gateway.config is None
        assert [(agent.agent, agent.configured) for agent in gateway.agents] == [("work", True)]

    def test_a_home_that_can_no_longer_be_entered_keeps_its_last_values(self, tmp_path: Path) -> None:
        state = tmp_path / ".clawdbot"
        write(state / "clawdbot.json", {"agents": {"list": [{"id": "main"}, {"id": "work"}]}})
        for agent in ("main", "work", "orphan"):
            write(state / "agents" / agent / "agent" / "auth-profiles.json", {"profiles": {f"openai:{agent}": key()}})
        one = reader(tmp_path)
        good = only(one.read(NOW))
        state.rename(tmp_path / "away")
        state.symlink_to(state.name)
        lost = only(one.read(LATER))
        assert (lost.gateway, lost.family) == (good.gateway, good.family)
        assert lost.config is good.config
        assert {agent.agent: agent.local for agent in lost.agents} == {agent.agent: agent.local for agent in good.agents}
        assert {agent.stale_since for agent in lost.agents} == {LATER}
        assert all(not source.up for source in lost.sources)
        state.unlink()
        (tmp_path / "away").rename(state)
        assert {agent.stale_since for agent in only(one.read(LATER)).agents} == {None}

    def test_half_a_file_is_given_time_once(self, tmp_path: Path) -> None:
        path = tmp_path / AGENT / "auth-profiles.json"
        path.parent.mkdir(parents=True)
        path.write_text('{"profiles": {')

        def finish(seconds: float) -> None:
            assert 0 < seconds < 1
            path.write_text(json.dumps({"profiles": {"openai:a": key()}}))

        gateway = only(reader(tmp_path, pause=finish).read(NOW))
        assert set(local(gateway).profiles) == {"openai:a"}
        assert gateway.problems == ()

    def test_a_young_file_is_read_again_although_its_stamp_is_the_same(self, tmp_path: Path) -> None:
        path = profiles(tmp_path, "openai:a")
        clock = [path.stat().st_mtime + 1]
        one = reader(tmp_path, clock=lambda: clock[0])
        first = only(one.read(NOW))
        stamp = path.stat()
        path.write_text(path.read_text().replace("openai:a", "openai:z"))
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert set(local(first).profiles) == {"openai:a"}
        assert set(local(only(one.read(LATER))).profiles) == {"openai:z"}

    def test_reading_a_young_file_again_changes_no_object(self, tmp_path: Path) -> None:
        path = profiles(tmp_path, "openai:a")
        clock = [path.stat().st_mtime + 1]
        one = reader(tmp_path, clock=lambda: clock[0])
        assert only(one.read(NOW)) is only(one.read(LATER))


class TestSweep:
    """`changed`: stats alone."""

    CHANGES: tuple[tuple[str, Callable[[Path], object]], ...] = (
        ("a store", lambda home: profiles(home, "openai:a", "openai:b")),
        ("a new state file", lambda home: write(home / AGENT / "auth-state.json", {})),
        ("a removed store", lambda home: (home / AGENT / "auth-profiles.json").unlink()),
        ("a new agent", lambda home: profiles(home, "openai:b", agent="new")),
        (
            "a first store of a known directory",
            lambda home: write(home / ".openclaw/agents/empty/agent/auth-profiles.json", {"profiles": {}}),
        ),
        ("a new configuration", lambda home: write(home / ".openclaw/openclaw.json", {})),
        ("a new shared database", lambda home: write(home / ".openclaw/state/openclaw.sqlite", "")),
        ("a log beside a database", lambda home: write(home / ".openclaw/agents/db/agent/openclaw-agent.sqlite-wal", "x")),
        ("a login", lambda home: write(home / ".codex/auth.json", {})),
        ("permissions", lambda home: (home / AGENT / "auth-profiles.json").chmod(0o644)),
    )

    @pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
    def test_it_notices(self, tmp_path: Path, change: Callable[[Path], object]) -> None:
        profiles(tmp_path, "openai:a")
        agent_db(tmp_path / ".openclaw/agents/db/agent/openclaw-agent.sqlite", {"profiles": {}})
        (tmp_path / ".openclaw/agents/empty/agent").mkdir(parents=True)
        one = reader(tmp_path)
        assert one.changed()
        one.read(NOW)
        assert not one.changed()
        change(tmp_path)
        assert one.changed()
        one.read(LATER)
        assert not one.changed()

    def test_a_young_file_is_due_once_it_is_old_enough(self, tmp_path: Path) -> None:
        path = profiles(tmp_path, "openai:a")
        clock = [path.stat().st_mtime + 1]
        one = reader(tmp_path, clock=lambda: clock[0])
        one.read(NOW)
        assert not one.changed()
        clock[0] += 2.5
        assert one.changed()
        one.read(LATER)
        assert not one.changed()


def test_one_broken_gateway_does_not_hide_another(tmp_path: Path) -> None:
    profiles(tmp_path, "openai:a")
    (tmp_path / ".openclaw-bad").symlink_to(".openclaw-bad")
    write(tmp_path / ".clawdbot/agents", "a file")
    reading = reader(tmp_path).read(NOW)
    assert [gateway.gateway for gateway in reading.gateways] == ["openclaw", "openclaw-bad", "clawdbot"]
    assert set(local(reading.gateways[0]).profiles) == {"openai:a"}
    assert reading.gateways[0].problems == ()
    assert {problem.reason for problem in reading.gateways[1].problems} == {ProblemReason.SYMLINK, ProblemReason.UNREADABLE}


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.write_bytes(b"\xff\xfe{}"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_bytes(b"\0" * 4096),
    ],
    ids=["directory", "fifo", "link to itself", "device", "not UTF-8", "deep", "zeros"],
)
@pytest.mark.parametrize(
    "place",
    [
        f"{AGENT}/auth-profiles.json", f"{AGENT}/auth-state.json", f"{AGENT}/auth.json", f"{AGENT}/openclaw-agent.sqlite", f"{AGENT}/models.json",
        ".openclaw/openclaw.json", ".openclaw/credentials/oauth.json", ".openclaw/state/openclaw.sqlite", ".claude/.credentials.json",
        ".remoteclaw/auth-profiles.json",
    ],
)  # fmt: skip
def test_anything_in_any_place_is_a_problem_and_no_more(tmp_path: Path, place: str, make: Callable[[Path], object]) -> None:
    write(tmp_path / ".openclaw/agents/other/agent/auth-profiles.json", {"profiles": {"openai:a": key()}})
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    one = reader(tmp_path)
    reading = one.read(NOW)
    gateway = next(gateway for gateway in reading.gateways if gateway.gateway == "openclaw")
    assert set(local(gateway, "other").profiles) == {"openai:a"}
    problems = [problem for gateway in reading.gateways for problem in gateway.problems]
    assert problems
    assert all(problem.fatal for problem in problems)
    assert sum(one.errors.values()) >= len(problems)


def test_permissions_of_file_and_directory_are_told(tmp_path: Path) -> None:
    path = profiles(tmp_path, "openai:a")
    one = reader(tmp_path)
    assert not source(only(one.read(NOW)), StoreKind.AUTH_PROFILES).insecure
    path.parent.chmod(0o755)
    assert source(only(one.read(NOW)), StoreKind.AUTH_PROFILES).insecure
    path.parent.chmod(0o700)
    path.chmod(0o640)
    assert source(only(one.read(NOW)), StoreKind.AUTH_PROFILES).insecure
    path.chmod(0o600)
    assert not source(only(one.read(NOW)), StoreKind.AUTH_PROFILES).insecure


def test_a_missing_gateway_of_the_settings_is_a_problem(tmp_path: Path) -> None:
    settings = Settings(gateways=(Gateway(name="gone", state_dir=tmp_path / "gone"),))
    one = reader(tmp_path, settings)
    reading = one.read(NOW)
    one.read(LATER)
    assert reading.gateways == ()
    assert [problem.reason for problem in reading.problems] == [ProblemReason.NO_GATEWAY]
    assert one.errors["gone", "", "", "no_gateway"] == 1


def test_a_configuration_that_a_setting_names_must_be_there(tmp_path: Path) -> None:
    profiles(tmp_path, "openai:a")
    settings = Settings(gateways=(Gateway(state_dir=tmp_path / ".openclaw", config=tmp_path / "gone.json"),))
    gateway = only(reader(tmp_path, settings).read(NOW))
    assert gateway.config is None
    assert [problem.reason for problem in gateway.problems] == [ProblemReason.NO_GATEWAY]
    assert not source(gateway, StoreKind.CONFIG).up


def test_other_settings_forget_nothing_of_the_disk(tmp_path: Path) -> None:
    path = profiles(tmp_path, "openai:a")
    one = reader(tmp_path)
    good = only(one.read(NOW))
    write(path, "{")
    one.reconfigure(Settings(gateways=(Gateway(state_dir=tmp_path / ".openclaw"),)))
    assert one.changed()
    broken = only(one.read(LATER))
    assert local(broken) is local(good)
    assert agent_of(broken).stale_since == LATER


def test_one_name_twice_is_told(tmp_path: Path) -> None:
    settings = Settings(gateways=(Gateway(name="a", state_dir=tmp_path / "1"), Gateway(name="a", state_dir=tmp_path / "2")))
    one = reader(tmp_path, settings)
    one.read(NOW)
    assert len(one.configuration_errors) == 1
