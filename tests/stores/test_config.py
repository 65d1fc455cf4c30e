"""The gateway's configuration: agent ids, variables, includes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.model import GatewayConfig, Parsed, ProblemReason, StoreKind, StoreRef
from exporter.stores import config, json_text
from exporter.stores.config_agents import agent_id
from exporter.stores.substitution import expand

FIXTURES = Path(__file__).parent.parent / "fixtures"
VECTORS = json.loads((FIXTURES / "vectors" / "vectors-2026.9.6.json").read_text())
REF = StoreRef("openclaw", "", StoreKind.CONFIG, "@")
CONFIGS = sorted(file for name in ("openclaw.json", "clawdbot.json") for file in FIXTURES.rglob(name))


@pytest.mark.parametrize("vector", VECTORS["normalizeAgentId"], ids=lambda vector: vector["in"])
def test_agent_ids_are_those_of_the_newest_release(vector: dict[str, str]) -> None:
    if "(70)" in vector["in"]:
        assert len(agent_id("a" * 70)) == 64
    else:
        assert agent_id(vector["in"]) == vector["out"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a ${A} b ${B}", ("a 1 b 2", True), id="replaced"),
        pytest.param("$${A}", ("${A}", True), id="escaped"),
        pytest.param("$$${A}", ("$${A}", True), id="escaped after a dollar"),
        pytest.param("${GONE} ${A}", ("${GONE} 1", False), id="unknown stays"),
        pytest.param("${EMPTY}", ("${EMPTY}", False), id="empty is unknown"),
        pytest.param("${lower} $A ${1} ${", ("${lower} $A ${1} ${", True), id="no variables"),
        pytest.param("${NESTED}", ("${A}", True), id="once only"),
    ],
)
def test_variables_are_replaced(text: str, expected: tuple[str, bool]) -> None:
    assert expand(text, {"A": "1", "B": "2", "EMPTY": "", "NESTED": "${A}"}) == expected


def test_a_key_that_is_a_template_is_a_reference_even_when_its_variable_is_known() -> None:
    tree = {"models": {"providers": {"p": {"apiKey": "${KEY}"}}}}
    parsed = config.parse(tree, REF, {"KEY": "value"})
    assert parsed.value is not None
    provider = parsed.value.providers["p"]
    assert (provider.api_key, provider.secret_ref and provider.secret_ref.id) == (None, "KEY")


def test_an_include_bomb_is_stopped() -> None:
    loads = []

    def load_include(path: str) -> Parsed[object]:
        loads.append(path)
        level = len(path)
        return Parsed({"x": [{"$include": "a" * (level + 1)}] * 50})

    parsed = config.compose({"$include": "a"}, REF, load_include)
    assert parsed.value is None
    assert [p.reason for p in parsed.problems if p.fatal] == [ProblemReason.INCLUDE_FAILED]
    assert len(loads) <= 100


def test_deep_files_in_deep_files_are_stopped() -> None:
    def load_include(path: str) -> Parsed[object]:
        tree: object = {"$include": path + "a"}
        for _ in range(60):
            tree = [tree]
        return Parsed(tree)

    parsed = config.compose({"$include": "a"}, REF, load_include)
    assert [p.reason for p in parsed.problems if p.fatal] == [ProblemReason.TOO_DEEP]


def test_paths_of_included_files_are_relative_to_the_outermost() -> None:
    asked = []

    def load_include(path: str) -> Parsed[object]:
        asked.append(path)
        return Parsed({"$include": "../c.json"} if path == "sub/dir/b.json" else {})

    config.compose({"$include": "sub/dir/b.json", "x": {"$include": "/abs/d.json"}}, REF, load_include)
    assert sorted(asked) == ["/abs/d.json", "sub/c.json", "sub/dir/b.json"]


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: "/".join(file.relative_to(FIXTURES).parts[:3]))
def test_every_release_s_configuration_is_read_without_a_problem(file: Path) -> None:
    loaded = json_text.load(file.read_bytes(), REF, json5=True)
    parsed = config.parse(loaded.value, REF, {})
    assert (loaded.problems, parsed.problems) == ((), ())
    assert isinstance(parsed.value, GatewayConfig)
    assert parsed.value.present
    written = json.loads(file.read_bytes())
    assert set(parsed.value.providers) == set(written.get("models", {}).get("providers", {}))
    assert set(parsed.value.profiles) == set(written.get("auth", {}).get("profiles", {}))
    assert parsed.value.secret_providers.keys() == written.get("secrets", {}).get("providers", {}).keys()


@pytest.mark.parametrize("value", [10**400, 1e999, float("nan"), True, "5", 1.5, 0, 65536], ids=str)
def test_a_port_that_is_none_is_left_out(value: object) -> None:
    parsed = config.parse({"gateway": {"port": value}}, REF, {})
    assert parsed.value is not None
    assert parsed.value.port is None
    assert [p.place for p in parsed.problems] == ["@: /gateway/port"]
