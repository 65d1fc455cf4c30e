"""Edge. Logs: one line per event, in two forms, and no text of exceptions."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from exporter.logs import configure, event, place_of

CANARY = "sk-canary-0123456789abcdef"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def lines(form: Literal["logfmt", "json"], level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure(level, form, stream)
    return stream


def test_logfmt_quotes_what_needs_it() -> None:
    stream = lines("logfmt")
    event(logging.WARNING, "problem", gateway="openclaw", place="/a b\nc", count=3, none=None, flag=True)
    line = stream.getvalue()
    assert line.endswith('level=warning event=problem gateway=openclaw place="/a b\\nc" count=3 flag=true\n')
    assert line.count("\n") == 1


def test_json_is_one_object_a_line() -> None:
    stream = lines("json")
    event(logging.INFO, "serving", listen="127.0.0.1:1")
    assert json.loads(stream.getvalue())["event"] == "serving"


def test_the_level_is_kept_to() -> None:
    stream = lines("logfmt", "warning")
    event(logging.INFO, "serving")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_an_exception_shows_place_and_type_but_never_its_text(form: Literal["logfmt", "json"]) -> None:
    stream = lines(form)
    try:
        raise ValueError(f"cannot use {CANARY}")
    except ValueError as error:
        logging.getLogger("library").exception("it failed\n%s", CANARY)
        event(logging.ERROR, "task_failed", error=type(error).__name__, trace=place_of(error))
    written = stream.getvalue()
    assert CANARY not in written
    assert written.count("ValueError") == 2
    assert "test_logs.py:" in written
