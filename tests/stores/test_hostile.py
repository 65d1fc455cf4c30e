"""Damaged and hostile files: every parser survives every one of them, says what is wrong, and shows no secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model import Family, Parsed, Problem, ProblemReason, StoreKind, StoreRef
from exporter.stores import auth_document, cli_logins, config, dotenv, json_text, legacy, models_json, unit_file
from exporter.stores.json_text import MAX_PROBLEMS

HERE = Path(__file__).parent
CANARY = "CANARY-0123456789abcdef"
REF = StoreRef("openclaw", "main", StoreKind.AUTH_PROFILES, "@")
NOW = datetime(2026, 11, 1, tzinfo=UTC)

T = TypeVar("T")
Outcome = tuple[object, tuple[Problem, ...]]


def is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True


def configuration(raw: bytes) -> Outcome:
    loaded = json_text.load(raw, REF, json5=True)
    if loaded.value is None:
        return None, loaded.problems
    composed = config.compose(loaded.value, REF, lambda path: Parsed({"path": path}))
    parsed = config.parse(composed.value, REF, {"HOME": "/home/ada"})
    return parsed.value, loaded.problems + composed.problems + parsed.problems


def keep(parse: Callable[..., Parsed[T]], *after: object) -> Callable[[bytes], Outcome]:
    def read(raw: bytes) -> Outcome:
        parsed = parse(raw, REF, *after)
        return parsed.value, parsed.problems

    return read


def cli_login(name: str, raw: bytes) -> Outcome:
    parsed = cli_logins.parse(name, raw, REF, NOW)
    return parsed.value, parsed.problems


def unit(raw: bytes) -> Outcome:
    parsed = unit_file.parse([raw, b"[Service]\n" + raw], REF, {"h": "/home/ada"})
    return parsed.value, parsed.problems


JSON_PARSERS: dict[str, Callable[[bytes], Outcome]] = {
    "auth-profiles": keep(auth_document.parse),
    "remoteclaw": keep(auth_document.parse, Family.REMOTECLAW),
    "auth-state": keep(auth_document.parse_state),
    "auth-json": keep(legacy.parse_auth_json),
    "oauth-json": keep(legacy.parse_oauth_json),
    "models-json": keep(models_json.parse),
    "config": configuration,
    **{f"cli-{name}": partial(cli_login, name) for name in ("claude-code", "codex", "gemini-cli", "qwen", "minimax")},
}
TEXT_PARSERS: dict[str, Callable[[bytes], Outcome]] = {
    "dotenv": keep(dotenv.parse),
    "environment-file": keep(dotenv.parse_systemd),
    "unit": unit,
    "launchd": keep(unit_file.parse_launchd),
}
PARSERS = JSON_PARSERS | TEXT_PARSERS
CORPUS = sorted((HERE / "hostile").iterdir())
DOCUMENTS = {
    name: [json.loads((case / "input").read_bytes()) for case in sorted((HERE / name).iterdir()) if is_json(case / "input")]
    for name in JSON_PARSERS
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["${HOME}", "$X", "$include", "main"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.sampled_from(["$include", "id", "key"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_a_hostile_file_neither_raises_nor_shows_a_secret(file: Path, parser: str) -> None:
    value, problems = PARSERS[parser](file.read_bytes())
    assert CANARY not in repr((value, problems))
    assert len(problems) <= 2 * MAX_PROBLEMS
    assert all(len(problem.place) < 2_000 and problem.place.isprintable() for problem in problems)


FATAL = {
    "empty": ProblemReason.EMPTY,
    "blank": ProblemReason.EMPTY,
    "only-bom": ProblemReason.EMPTY,
    "zero-bytes": ProblemReason.INVALID_SYNTAX,
    "zero-bytes-after": ProblemReason.INVALID_SYNTAX,
    "truncated-mid-write": ProblemReason.INVALID_SYNTAX,
    "truncated-in-secret": ProblemReason.INVALID_SYNTAX,
    "truncated-last-byte": ProblemReason.INVALID_SYNTAX,
    "trailing-garbage": ProblemReason.INVALID_SYNTAX,
    "two-writers": ProblemReason.INVALID_SYNTAX,
    "html": ProblemReason.INVALID_SYNTAX,
    "invalid-utf8": ProblemReason.INVALID_UTF8,
    "latin1": ProblemReason.INVALID_UTF8,
    "utf16": ProblemReason.INVALID_UTF8,
    "deep-lists": ProblemReason.TOO_DEEP,
    "deep-objects": ProblemReason.TOO_DEEP,
    "deep-in-profile": ProblemReason.TOO_DEEP,
    "unclosed-lists": ProblemReason.TOO_DEEP,
    "top-list": ProblemReason.WRONG_SHAPE,
    "top-null": ProblemReason.WRONG_SHAPE,
    "top-text": ProblemReason.WRONG_SHAPE,
    "top-profiles-text": ProblemReason.WRONG_SHAPE,
}


@pytest.mark.parametrize("name", FATAL)
def test_damage_that_gateways_take_for_an_empty_store_is_fatal(name: str) -> None:
    parsed = auth_document.parse((HERE / "hostile" / name).read_bytes(), REF)
    assert parsed.value is None
    assert [(problem.reason, problem.fatal) for problem in parsed.problems] == [(FATAL[name], True)]


@pytest.mark.parametrize(
    "name", ["bom", "duplicate-keys", "long-integer", "float-overflow", "nan", "lone-surrogates", "control-characters"]
)
def test_good_entries_survive_strange_neighbours(name: str) -> None:
    parsed = auth_document.parse((HERE / "hostile" / name).read_bytes(), REF)
    assert parsed.value is not None
    assert len(parsed.value.profiles) == 2
    assert parsed.value.profiles["anthropic:b"].credential.secret is not None


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read_without_raising(raw: bytes) -> None:
    for parse in PARSERS.values():
        parse(raw)


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="\"'`\\\n =#;%[]AaServic/{}:,*$", max_size=60))
def test_any_text_of_telling_characters_is_read_without_raising(text: str) -> None:
    for parse in PARSERS.values():
        parse(text.encode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.parametrize("parser", JSON_PARSERS)
def test_any_value_in_any_place_leaves_the_rest_readable(parser: str, data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS[parser]))
    places = list(paths(document))
    changed = replaced(document, data.draw(st.sampled_from(places)), data.draw(json_values))
    _, problems = JSON_PARSERS[parser](json.dumps(changed).encode())
    assert all(problem.place.isprintable() for problem in problems)


@settings(max_examples=80, deadline=None)
@given(cut=st.integers(min_value=0, max_value=400), extra=st.binary(max_size=4))
def test_no_cut_of_a_store_shows_its_secrets(cut: int, extra: bytes) -> None:
    raw = (HERE / "hostile" / "bom").read_bytes()
    for parse in PARSERS.values():
        assert CANARY[:14] not in repr(parse(raw[: len(raw) - cut] + extra))


def paths(node: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    match node:
        case dict():
            for key, value in node.items():
                yield from paths(value, (*path, key))
        case list():
            for index, value in enumerate(node):
                yield from paths(value, (*path, index))


def replaced(node: object, path: tuple[str | int, ...], value: object) -> object:
    if not path:
        return value
    match node, path[0]:
        case dict(), key:
            return {**node, key: replaced(node[key], path[1:], value)}
        case list(), int(index):
            return [*node[:index], replaced(node[index], path[1:], value), *node[index + 1 :]]
        case _:
            raise AssertionError(path)
