"""Which agents a gateway has, and how their ids are spelled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import AgentConfig, GatewayConfig
from exporter.reading.agents import AgentPlan, find, leftover, normalize_agent_id, plan, with_registered
from tests.homes import FIXTURES

VECTORS = json.loads((FIXTURES / "vectors" / "vectors-2026.9.6.json").read_text())["normalizeAgentId"]
PLAIN = [(case["in"], case["out"]) for case in VECTORS if case["out"] != "len64"]
STATE = Path("/state")
HOME = Path("/home/u")


@pytest.mark.parametrize(("text", "expected"), [*PLAIN, ("  Work ", "work"), ("\u212a", "k"), ("a" * 64, "a" * 64), ("-", "main")])
def test_ids_are_spelled_as_the_gateways_spell_them(text: str, expected: str) -> None:
    assert normalize_agent_id(text) == expected


def test_a_long_id_is_cut() -> None:
    assert normalize_agent_id("a" * 70) == "a" * 64


@given(st.text())
def test_an_id_is_never_empty_long_or_unstable(text: str) -> None:
    once = normalize_agent_id(text)
    assert 1 <= len(once) <= 64
    assert normalize_agent_id(once) == once or once.startswith(("-", "_"))


def config(*agents: AgentConfig) -> GatewayConfig:
    return GatewayConfig(present=True, agents=agents)


def planned(one: GatewayConfig | None, *found: str, moved: Path | None = None) -> list[AgentPlan]:
    return list(plan(one, STATE, HOME, [(name, STATE / "agents" / name / "agent") for name in found], moved))


def shown(plans: list[AgentPlan]) -> list[tuple[str, bool, bool]]:
    return [(one.id, one.configured, one.default) for one in plans]


def test_without_any_configured_agent_there_is_main() -> None:
    assert shown(planned(config())) == [("main", True, True)]
    assert planned(config())[0].directory == STATE / "agents" / "main" / "agent"


def test_what_nobody_configured_is_an_orphan() -> None:
    assert shown(planned(config(), "main", "old")) == [("main", True, True), ("old", False, False)]
    assert shown(planned(config(AgentConfig("work")), "main")) == [("work", True, True), ("main", False, False)]


def test_an_unknown_configuration_makes_no_orphans() -> None:
    assert shown(planned(None, "old", "work")) == [("old", True, False), ("work", True, False)]
    assert shown(planned(None)) == [("main", True, True)]


@pytest.mark.parametrize(
    ("agents", "default"),
    [
        ((AgentConfig("a"), AgentConfig("b")), "a"),
        ((AgentConfig("a"), AgentConfig("b", default=True), AgentConfig("c", default=True)), "b"),
    ],
    ids=["first", "first that says so"],
)
def test_the_default_agent(agents: tuple[AgentConfig, ...], default: str) -> None:
    assert [one.id for one in planned(config(*agents)) if one.default] == [default]


def test_configured_ids_are_normalised_and_count_once() -> None:
    assert [one.id for one in planned(config(AgentConfig("My Agent"), AgentConfig("my-agent")), "my-agent")] == ["my-agent"]


@pytest.mark.parametrize(
    ("agent_dir", "expected"),
    [("~/x", HOME / "x"), ("/abs/x", Path("/abs/x")), ("  ", STATE / "agents/a/agent"), (None, STATE / "agents/a/agent")],
)
def test_a_configured_directory(agent_dir: str | None, expected: Path) -> None:
    assert planned(config(AgentConfig("a", agent_dir=agent_dir)))[0].directory == expected


def test_a_moved_default_agent() -> None:
    plans = planned(config(AgentConfig("a"), AgentConfig("b")), moved=Path("/moved"))
    assert [one.directory for one in plans] == [Path("/moved"), STATE / "agents/b/agent"]


def test_only_directories_with_a_store_are_agents(tmp_path: Path) -> None:
    for name, file in (
        ("a", "auth-profiles.json"),
        ("b", "openclaw-agent.sqlite"),
        ("c", "auth.json"),
        ("d", "models.json"),
        ("e", "x.bak"),
    ):
        (tmp_path / "agents" / name / "agent").mkdir(parents=True)
        (tmp_path / "agents" / name / "agent" / file).write_text("")
    (tmp_path / "agents" / "file").write_text("")
    assert [name for name, _ in find("g", tmp_path).agents or ()] == ["a", "b", "c"]


def test_a_spelled_out_directory_beats_a_sloppy_one(tmp_path: Path) -> None:
    for name in ("My Agent", "my-agent"):
        (tmp_path / "agents" / name / "agent").mkdir(parents=True)
        (tmp_path / "agents" / name / "agent" / "auth-profiles.json").write_text("")
    assert find("g", tmp_path).agents == (("my-agent", tmp_path / "agents" / "my-agent" / "agent"),)


def test_no_directory_means_no_agents(tmp_path: Path) -> None:
    assert find("g", tmp_path).agents == ()
    (tmp_path / "agents").write_text("")
    assert find("g", tmp_path).agents == ()


def test_a_directory_that_cannot_be_listed_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "agents").symlink_to("agents")
    found = find("g", tmp_path)
    assert found.agents is None
    assert [(problem.gateway, problem.fatal) for problem in found.problems] == [("g", True)]


def test_registered_agents_need_their_database(tmp_path: Path) -> None:
    (tmp_path / "there.sqlite").write_text("")
    registered = [("There", "there.sqlite"), ("gone", "gone.sqlite"), ("known", "there.sqlite")]
    assert with_registered([("known", Path("/k"))], registered, tmp_path) == (("known", Path("/k")), ("there", tmp_path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("auth-profiles.json", False),
        ("auth-state.json", False),
        ("openclaw-agent.sqlite", False),
        ("openclaw-agent.sqlite-wal", False),
        ("openclaw-agent.sqlite-shm", False),
        ("auth-profiles.json.lock", False),
        ("sessions.json", False),
        ("auth-profiles.json.migrated-2026-11-20T10-54-28.852Z-8bd05a9c-6dd3-4438-8643-bc4700447349", True),
        ("auth-profiles.json.bak", True),
        ("auth-profiles.json.legacy-flat.1795170000000.bak", True),
        ("auth-profiles.json.sqlite-import.1795170000000.bak", True),
        ("openclaw-agent.sqlite.bak.1", True),
        ("auth-profiles.json~", True),
        ("oauth.json.migrated-1", True),
    ],
)
def test_backups_are_recognised_by_name(name: str, expected: bool) -> None:
    assert leftover(name) is expected
