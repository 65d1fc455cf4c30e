"""Environment files and service definitions: limits, and the corners a folder of cases does not show."""

from __future__ import annotations

import plistlib
from collections.abc import Callable, Mapping

import pytest

from exporter.model import Parsed, ProblemReason, Secret, StoreKind, StoreRef
from exporter.stores import dotenv, unit_file
from exporter.stores.env_text import MAX_BYTES

REF = StoreRef("openclaw", "", StoreKind.DOTENV, "@")
Parse = Callable[[bytes, StoreRef], Parsed[Mapping[str, Secret]]]


def plain(parsed: Parsed[Mapping[str, Secret]]) -> dict[str, str]:
    assert parsed.value is not None
    return {name: secret.reveal() for name, secret in parsed.value.items()}


@pytest.mark.parametrize("parse", [dotenv.parse, dotenv.parse_systemd], ids=["dotenv", "systemd"])
def test_a_file_the_gateways_ignore_for_its_size_is_refused(parse: Parse) -> None:
    parsed = parse(b"A=1\n" + b"#" * MAX_BYTES, REF)
    assert parsed.value is None
    assert [(p.reason, p.fatal) for p in parsed.problems] == [(ProblemReason.TOO_LARGE, True)]


@pytest.mark.parametrize("parse", [dotenv.parse, dotenv.parse_systemd], ids=["dotenv", "systemd"])
def test_an_empty_file_holds_no_variables(parse: Parse) -> None:
    assert parse(b"", REF) == Parsed({})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(r"A='C:\dir\'", "C:\\dir\\", id="a backslash before the last quote"),
        pytest.param(r'A="\"x\""', '\\"x\\"', id="protected quotes stay as written"),
        pytest.param("A=\"x\" 'y'", "\"x\" 'y'", id="something after the quote"),
        pytest.param('A="x # y', '"x', id="open quote and comment"),
        pytest.param("A='x\\ny'", "x\\ny", id="no escapes in single quotes"),
        pytest.param("A=x=y==", "x=y==", id="equals signs"),
        pytest.param("A = 'x' # c", "x", id="comment after quotes"),
        pytest.param("A=`a\nb`", "a\nb", id="lines in backticks"),
    ],
)
def test_dotenv_values(text: str, value: str) -> None:
    assert plain(dotenv.parse(text.encode(), REF)) == {"A": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("A='x' \"y\" z", "xyz", id="pieces are joined"),
        pytest.param('A="x\\\ny"', "xy", id="line joined inside quotes"),
        pytest.param("A=x\\\\", "x\\", id="escaped backslash at the end"),
        pytest.param("A=x\\", "x", id="backslash at the end of the file"),
        pytest.param("A=x \\  ", "x  ", id="protected blank stays"),
        pytest.param("A=x'y'", "x'y'", id="quotes inside a word are characters"),
        pytest.param("A='open", "open", id="open quote"),
        pytest.param('A="open\\', "open", id="open quote and backslash"),
    ],
)
def test_systemd_values(text: str, value: str) -> None:
    assert plain(dotenv.parse_systemd(text.encode(), REF)) == {"A": value}


def test_a_line_without_an_assignment_has_a_place_and_shows_nothing() -> None:
    parsed = dotenv.parse_systemd(b"A='x\ny'\nhunter2hunter2\nB=1", REF)
    assert plain(parsed) == {"A": "x\ny", "B": "1"}
    assert [(p.reason, p.place) for p in parsed.problems] == [(ProblemReason.BAD_ENTRY, "@: line 3")]


def test_an_oversized_drop_in_leaves_the_unit() -> None:
    parsed = unit_file.parse([b"[Service]\nEnvironment=A=1\n", b"#" * (MAX_BYTES + 1)], REF, {})
    assert parsed.value is not None
    assert list(parsed.value.environment) == ["A"]
    assert [p.reason for p in parsed.problems] == [ProblemReason.TOO_LARGE]


def test_a_unit_shows_neither_values_nor_command_line() -> None:
    unit = unit_file.parse([b"[Service]\nEnvironment=A=hunter2\nUnsetEnvironment=B=hunter2\nExecStart=/x --token hunter2\n"], REF, {}).value
    assert "hunter2" not in repr(unit)


@pytest.mark.parametrize("format", [plistlib.FMT_XML, plistlib.FMT_BINARY], ids=["xml", "binary"])
def test_both_forms_of_property_lists_are_read(format: plistlib.PlistFormat) -> None:
    raw = plistlib.dumps({"EnvironmentVariables": {"A": "1"}}, fmt=format)
    assert plain(unit_file.parse_launchd(raw, REF)) == {"A": "1"}


def test_a_property_list_of_something_else_is_refused() -> None:
    assert unit_file.parse_launchd(plistlib.dumps(["A"]), REF).problems[0].reason is ProblemReason.WRONG_SHAPE
    assert unit_file.parse_launchd(plistlib.dumps({"EnvironmentVariables": "A"}), REF).problems[0].reason is ProblemReason.WRONG_SHAPE
    assert unit_file.parse_launchd(b"", REF).problems[0].reason is ProblemReason.EMPTY
