"""Every folder `tests/stores/<format>/<case>/` is a case: its input, parsed, equals its `expected.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from exporter.model import Family, Parsed, Problem, Secret, StoreKind, StoreRef
from exporter.stores import auth_document, cli_logins, config, dotenv, json_text, legacy, models_json, unit_file

HERE = Path(__file__).parent
MODIFIED_AT = datetime(2026, 11, 1, tzinfo=UTC)
ENV = {"KNOWN": "known-value", "BLANK": ""}
SPECIFIERS = {"h": "/home/ada", "u": "ada", "i": "work"}
REF = StoreRef("openclaw", "main", StoreKind.AUTH_PROFILES, "@")

T = TypeVar("T")
Read = Callable[[Path], tuple[object, tuple[Problem, ...]]]


def of_bytes(parse: Callable[[bytes, StoreRef], Parsed[T]], case: Path) -> tuple[object, tuple[Problem, ...]]:
    parsed = parse((case / "input").read_bytes(), REF)
    return parsed.value, parsed.problems


def cli_login(name: str, case: Path) -> tuple[object, tuple[Problem, ...]]:
    parsed = cli_logins.parse(name, (case / "input").read_bytes(), REF, MODIFIED_AT)
    return parsed.value, parsed.problems


def remoteclaw(case: Path) -> tuple[object, tuple[Problem, ...]]:
    parsed = auth_document.parse((case / "input").read_bytes(), REF, Family.REMOTECLAW)
    return parsed.value, parsed.problems


def units(case: Path) -> tuple[object, tuple[Problem, ...]]:
    parsed = unit_file.parse([file.read_bytes() for file in sorted(case.glob("input*"))], REF, SPECIFIERS)
    return parsed.value, parsed.problems


def configuration(case: Path) -> tuple[object, tuple[Problem, ...]]:
    def load_include(path: str) -> Parsed[object]:
        file = case / path
        return json_text.load(file.read_bytes(), REF, json5=True) if file.is_file() else Parsed(None)

    loaded = json_text.load((case / "input").read_bytes(), REF, json5=True)
    if loaded.value is None:
        return None, loaded.problems
    composed = config.compose(loaded.value, REF, load_include)
    if composed.value is None:
        return None, composed.problems
    parsed = config.parse(composed.value, REF, ENV)
    return parsed.value, loaded.problems + composed.problems + parsed.problems


FORMATS: Mapping[str, Read] = {
    "auth-profiles": partial(of_bytes, auth_document.parse),
    "remoteclaw": remoteclaw,
    "auth-state": partial(of_bytes, auth_document.parse_state),
    "auth-json": partial(of_bytes, legacy.parse_auth_json),
    "oauth-json": partial(of_bytes, legacy.parse_oauth_json),
    "models-json": partial(of_bytes, models_json.parse),
    "dotenv": partial(of_bytes, dotenv.parse),
    "environment-file": partial(of_bytes, dotenv.parse_systemd),
    "launchd": partial(of_bytes, unit_file.parse_launchd),
    "unit": units,
    "config": configuration,
    **{f"cli-{name}": partial(cli_login, name) for name in ("claude-code", "codex", "gemini-cli", "qwen", "minimax")},
}

CASES = sorted(case for name in FORMATS for case in (HERE / name).iterdir())


def plain(value: object) -> object:
    """Say a noun in JSON: defaults left out, secrets revealed."""
    match value:
        case Secret():
            return f"secret {value.reveal()}"
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case tuple():
            return [plain(inner) for inner in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {f.name: plain(getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) != default(f)}
        case _:
            return value


def default(of: Field[object]) -> object:
    return of.default if of.default_factory is MISSING else of.default_factory()


def told(case: Path) -> object:
    """Say what reading a case gives, in the form of its `expected.json`."""
    value, problems = FORMATS[case.parent.name](case)
    lines = [" ".join((p.reason, p.place.removeprefix("@").removeprefix(": "), "fatal" if p.fatal else "")).strip() for p in problems]
    return json.loads(json.dumps({"value": plain(value), "problems": lines}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_input_reads_as_expected(case: Path) -> None:
    assert told(case) == json.loads((case / "expected.json").read_text())


def test_every_folder_here_is_a_known_format() -> None:
    folders = {folder.name for folder in HERE.iterdir() if folder.is_dir() and not folder.name.startswith("__")}
    assert folders - {"hostile"} - set(FORMATS) <= {"agent-db", "state-db", "sqlite"}
