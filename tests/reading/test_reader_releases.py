"""Real homes of eleven releases: gateway, generation, agents, profiles and bookkeeping, as the releases themselves listed them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.host.reader_here import reader_here
from exporter.model import Era, Family, GatewayReading, ProblemReason, StoreKind
from exporter.settings import Settings
from tests.homes import FIXTURES, unpack

NOW = datetime(2026, 11, 1, tzinfo=UTC)

ERAS = {
    "clawdbot-2026.1.24-3": Era.JSON,
    "openclaw-2026.1.30": Era.JSON,
    "openclaw-2026.2.9": Era.JSON,
    "openclaw-2026.2.26": Era.JSON,
    "openclaw-2026.3.13": Era.JSON,
    "openclaw-2026.4.20": Era.JSON_SPLIT,
    "openclaw-2026.5.28": Era.JSON_SPLIT,
    "openclaw-2026.6.11": Era.AGENT_DB,
    "openclaw-2026.7.1": Era.AGENT_DB,
    "openclaw-2026.8.2": Era.SHARED_DB,
    "openclaw-2026.9.6": Era.SHARED_DB,
}
# Entries that only newer releases read: their list is shorter than what the file holds.
ONLY_NEWER = {"anthropic:ref", "anthropic:ref-past", "legacy:mode", "legacy:apiKeyType", "openai:absent", "openai:envref",
              "openai:envref-missing", "openai:execref", "openai:fileref"}  # fmt: skip


def read(home: Path, **settings: object) -> GatewayReading:
    (gateway,) = reader_here(Settings(**settings), {"HOME": str(home)}, home).read(NOW).gateways  # type: ignore[arg-type]
    return gateway


def documents(gateway: GatewayReading) -> dict[str, object]:
    """Every profile the default agent can use."""
    (agent,) = [agent for agent in gateway.agents if agent.default]
    assert agent.local is not None
    return {**(gateway.shared.profiles if gateway.shared else {}), **agent.local.profiles}


def usage(gateway: GatewayReading) -> set[str]:
    stores = [gateway.shared, *(agent.local for agent in gateway.agents)]
    return {profile for store in stores if store for profile in store.state.usage}


@pytest.mark.parametrize("kind", ["matrix", "cli"])
@pytest.mark.parametrize("release", ERAS)
def test_a_release_is_read_as_what_it_is(release: str, kind: str, tmp_path: Path) -> None:
    home = unpack(FIXTURES / release / kind / "home", tmp_path / "home")
    status = json.loads((FIXTURES / release / kind / "status.json").read_text())
    gateway = read(home)
    family = release.partition("-")[0]
    assert gateway.gateway == family
    assert gateway.family is (Family.CLAWDBOT if family == "clawdbot" else Family.OPENCLAW)
    assert gateway.era is ERAS[release]
    assert gateway.config is not None
    assert gateway.config.present
    main = next(agent for agent in gateway.agents if agent.agent == "main")
    assert main.configured
    assert main.default
    assert (gateway.shared is not None) is (gateway.era is Era.SHARED_DB)
    listed = {profile["profileId"] for profile in status["auth"]["oauth"]["profiles"]}
    assert listed <= documents(gateway).keys()
    assert documents(gateway).keys() - listed <= ONLY_NEWER
    assert {profile["profileId"] for profile in status["auth"].get("unusableProfiles", [])} <= usage(gateway) | listed
    fatal = [problem for problem in gateway.problems if problem.fatal]
    assert fatal == []
    assert all(source.up for source in gateway.sources)
    assert not any(source.insecure for source in gateway.sources)


def test_an_agent_nobody_configured_is_an_orphan(tmp_path: Path) -> None:
    home = unpack(FIXTURES / "clawdbot-2026.1.24-3" / "cli" / "home", tmp_path / "home")
    agents = {agent.agent: agent.configured for agent in read(home).agents}
    assert agents == {"main": True, "nosuch": False}


@pytest.mark.parametrize(
    ("fixture", "era"),
    [("openclaw-2026.4.20/two-agents", Era.JSON), ("openclaw-2026.9.6-two-agents", Era.SHARED_DB)],
)
def test_two_agents_each_have_their_own_store(fixture: str, era: Era, tmp_path: Path) -> None:
    gateway = read(unpack(FIXTURES / fixture / "home", tmp_path / "home"))
    assert gateway.era is era
    by_id = {agent.agent: agent for agent in gateway.agents}
    assert set(by_id) == {"main", "work"}
    assert all(agent.configured for agent in gateway.agents)
    assert [agent.agent for agent in gateway.agents if agent.default] == ["main"]
    work = by_id["work"].local
    assert work is not None
    if era is Era.SHARED_DB:
        assert set(work.profiles) == {"anthropic:work"}
        assert work.state.order == {"anthropic": ("anthropic:manual", "anthropic:work")}
        assert gateway.shared is not None
        assert set(gateway.shared.profiles) == {"anthropic:manual"}
        assert by_id["main"].local is not None
        assert not by_id["main"].local.profiles
        kinds = {(source.ref.agent, source.ref.store) for source in gateway.sources}
        assert kinds == {("", StoreKind.CONFIG), ("", StoreKind.STATE_DB), ("work", StoreKind.AGENT_DB)}
    else:
        assert "anthropic:default" in work.profiles


def test_a_migration_leaves_backups_that_are_not_live(tmp_path: Path) -> None:
    before = read(unpack(FIXTURES / "openclaw-2026.9.6-doctor-migration" / "before", tmp_path / "before"))
    after = read(unpack(FIXTURES / "openclaw-2026.9.6-doctor-migration" / "after", tmp_path / "after"))
    assert (before.era, after.era) == (Era.JSON, Era.SHARED_DB)
    assert set(documents(before)) == set(documents(after))
    assert not any(source.ref.store is StoreKind.AUTH_PROFILES for source in after.sources)
    assert usage(before) == usage(after)


def test_what_only_the_log_of_a_database_holds_is_read(tmp_path: Path) -> None:
    home = unpack(FIXTURES / "openclaw-2026.9.6-two-agents" / "home", tmp_path / "home")
    state = home / ".openclaw" / "state"
    for suffix in ("", "-wal", "-shm"):
        shutil.copyfile(FIXTURES / "sqlite-live-wal" / f"openclaw.sqlite{suffix}", state / f"openclaw.sqlite{suffix}")
    expected = json.loads((FIXTURES / "sqlite-live-wal" / "expected.json").read_text())["current_through_wal"]
    shared = read(home).shared
    assert shared is not None
    assert {name: profile.credential.expiry.ms for name, profile in shared.profiles.items()} == expected


def test_a_json_store_beside_an_empty_database_waits_for_its_migration(tmp_path: Path) -> None:
    home = unpack(FIXTURES / "openclaw-2026.9.6-doctor-migration" / "after", tmp_path / "home")
    agent = home / ".openclaw" / "agents" / "main" / "agent"
    shutil.copyfile(
        FIXTURES / "openclaw-2026.9.6-doctor-migration" / "before" / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json",
        agent / "auth-profiles.json",
    )
    leftover = read(home)
    assert [problem for problem in leftover.problems if problem.fatal] == []
    assert leftover.shared is not None
    assert leftover.shared.profiles
    assert {source.ref.store for source in leftover.sources} >= {StoreKind.AUTH_PROFILES, StoreKind.STATE_DB}

    import sqlite3

    with sqlite3.connect(home / ".openclaw" / "state" / "openclaw.sqlite") as database:
        database.execute("DELETE FROM config_machine_state WHERE state_key LIKE 'authProfiles.%'")
    database.close()
    emptied = read(home)
    assert [problem.reason for problem in emptied.problems if problem.fatal] == [ProblemReason.MIGRATION_REQUIRED]
    assert documents(emptied) == {}
