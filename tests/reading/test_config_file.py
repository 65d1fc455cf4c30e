"""A configuration in several files, with variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.model import GatewayConfig, ProblemReason, Secret, StoreKind, StoreRef
from exporter.reading.config_file import LARGEST_INCLUDE, Variables, load_config
from exporter.reading.shelf import Desk, Loaded


def load(directory: Path, tree: object, variables: Mapping[str, str] | None = None) -> Loaded[GatewayConfig]:
    path = directory / "openclaw.json"
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    known = {name: Secret(value) for name, value in (variables or {}).items()}
    desk = Desk(pause=lambda seconds: None)
    return load_config(desk, StoreRef("g", "", StoreKind.CONFIG, str(path)), Variables(lambda: known), directory)


def config(directory: Path, tree: object, variables: Mapping[str, str] | None = None) -> GatewayConfig:
    found = load(directory, tree, variables).parsed
    assert found.problems == ()
    assert found.value is not None
    return found.value


AUTH = {"auth": {"order": {"openai": ["openai:a"]}}}


def test_comments_and_trailing_commas_are_fine(tmp_path: Path) -> None:
    found = config(tmp_path, "// mine\n{auth: {order: {openai: ['openai:a',],},},}")
    assert found.order == {"openai": ("openai:a",)}


def test_included_files_are_merged(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "auth.json5").write_text("{$include: './order.json'}")
    (tmp_path / "sub" / "order.json").write_text(json.dumps(AUTH))
    assert config(tmp_path, {"$include": "sub/auth.json5"}).order == {"openai": ("openai:a",)}


def test_every_included_file_is_watched(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(AUTH))
    watched = [path.name for path, _ in load(tmp_path, {"$include": ["one.json", "missing.json"]}).stamps]
    assert watched == ["openclaw.json", "one.json", "missing.json"]


@pytest.mark.parametrize("name", ["../outside.json", "link.json", "/etc/hostname", "sub/../../outside.json", "a\0b"])
def test_nothing_outside_the_directory_is_included(tmp_path: Path, name: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "outside.json").write_text(json.dumps(AUTH))
    (own / "link.json").symlink_to(tmp_path / "outside.json")
    found = load(own, {"$include": name})
    assert found.parsed.value is None
    assert ProblemReason.INCLUDE_FAILED in {problem.reason for problem in found.parsed.problems}
    assert "hostname" not in [path.name for path, _ in found.stamps]


@pytest.mark.parametrize("root", ["{tmp}/shared", "/nowhere:{tmp}/shared", "~/../shared"])
def test_other_directories_can_be_allowed(tmp_path: Path, root: str) -> None:
    own, shared = tmp_path / "own", tmp_path / "shared"
    own.mkdir()
    shared.mkdir()
    (shared / "auth.json").write_text(json.dumps(AUTH))
    variables = {"OPENCLAW_INCLUDE_ROOTS": root.format(tmp=tmp_path)}
    assert config(own, {"$include": str(shared / "auth.json")}, variables).order == {"openai": ("openai:a",)}


def test_a_huge_include_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.json").write_text(" " * (LARGEST_INCLUDE + 1))
    assert ProblemReason.TOO_LARGE in {problem.reason for problem in load(tmp_path, {"$include": "big.json"}).parsed.problems}


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"$include": "b.json"}')
    (tmp_path / "b.json").write_text('{"$include": "a.json"}')
    assert load(tmp_path, {"$include": "a.json"}).parsed.value is None


def test_variables_are_replaced(tmp_path: Path) -> None:
    tree = {"models": {"providers": {"p": {"baseUrl": "https://${HOST}/v1"}}}}
    assert config(tmp_path, tree, {"HOST": "example.test"}).providers["p"].base_url == "https://example.test/v1"


def test_variables_are_not_looked_up_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "openclaw.json"
    path.write_text("{}")

    def never() -> Mapping[str, Secret]:
        raise AssertionError("nothing needs a variable here")

    found = load_config(Desk(), StoreRef("g", "", StoreKind.CONFIG, str(path)), Variables(never), tmp_path)
    assert found.parsed.value == GatewayConfig(present=True)


@pytest.mark.parametrize("tree", ["null", "[]", '"text"', "1"])
def test_anything_but_an_object_is_unknown(tmp_path: Path, tree: str) -> None:
    found = load(tmp_path, tree).parsed
    assert found.value is None
    assert [problem.reason for problem in found.problems] == [ProblemReason.WRONG_SHAPE]
