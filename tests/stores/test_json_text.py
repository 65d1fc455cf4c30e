"""JSON and JSON5 text: places of damage, duplicates, depth."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model import ProblemReason, StoreKind, StoreRef
from exporter.stores import json_text

REF = StoreRef("openclaw", "", StoreKind.CONFIG, "@")


@pytest.mark.parametrize(
    ("raw", "reason", "place"),
    [
        pytest.param(b'{"a": 1,\n "b" 2}', ProblemReason.INVALID_SYNTAX, "line 2 column 6", id="syntax"),
        pytest.param(b'{"a": "unterminated', ProblemReason.INVALID_SYNTAX, "line 1 column 7", id="open string"),
        pytest.param(b"ab\xff", ProblemReason.INVALID_UTF8, "byte 2", id="wrong byte"),
        pytest.param(b" \n ", ProblemReason.EMPTY, "", id="blank"),
        pytest.param(b"[" * 66 + b"]" * 66, ProblemReason.TOO_DEEP, "", id="deep"),
    ],
)
def test_damage_is_fatal_and_has_a_place(raw: bytes, reason: ProblemReason, place: str) -> None:
    loaded = json_text.load(raw, REF)
    assert loaded.value is None
    assert [(p.reason, p.place, p.fatal) for p in loaded.problems] == [(reason, f"@: {place}" if place else "@", True)]


def test_the_deepest_allowed_document_is_read() -> None:
    depth = json_text.MAX_DEPTH
    assert json_text.load(b"[" * depth + b"]" * depth, REF).problems == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("{a: 1, /* x */ 'b': [2,], // y\n}", {"a": 1, "b": [2]}, id="as people write it"),
        pytest.param('{"url": "http://x/*y*/", "b": "it\'s, ]"}', {"url": "http://x/*y*/", "b": "it's, ]"}, id="strings stay"),
        pytest.param("{a: 'it\\'s', b: .5, c: +1, d: 0x10}", {"a": "it's", "b": 0.5, "c": 1, "d": 16}, id="only the library knows"),
        pytest.param("{$in_clude9: null, a: {b: true}}", {"$in_clude9": None, "a": {"b": True}}, id="bare keys"),
        pytest.param("{a: 'say \"x\"'}", {"a": 'say "x"'}, id="quotes in quotes"),
    ],
)
def test_json5_is_read(text: str, value: object) -> None:
    loaded = json_text.load(text.encode(), REF, json5=True)
    assert (loaded.value, loaded.problems) == (value, ())


def test_json5_is_refused_where_json_is_wanted() -> None:
    assert json_text.load(b"{a: 1}", REF).problems[0].reason is ProblemReason.INVALID_SYNTAX


def test_broken_json5_names_the_line_of_the_fault() -> None:
    (problem,) = json_text.load(b"{\n a: 1,\n b c\n}", REF, json5=True).problems
    assert problem.place == "@: line 3 column 4"


def test_large_broken_json5_is_not_given_to_the_slow_library() -> None:
    raw = b"{a: '\\'', b: [" + b"1, " * json_text.MAX_JSON5_CHARS + b"]}"
    assert json_text.load(raw, REF, json5=True).problems[0].reason is ProblemReason.INVALID_SYNTAX


def test_the_last_of_duplicate_keys_wins_and_each_is_told() -> None:
    loaded = json_text.load(b'{"a": 1, "b": [{"c": 1, "c": 2}], "a": 3}', REF)
    assert loaded.value == {"a": 3, "b": [{"c": 2}]}
    assert sorted(problem.place for problem in loaded.problems) == ["@: /a", "@: /b/0/c"]


def test_duplicates_of_json5_have_places_too() -> None:
    loaded = json_text.load(b"{a: '\\'', b: {c: 1, c: 2}}", REF, json5=True)
    assert [problem.place for problem in loaded.problems] == ["@: /b/c"]


def test_plain_and_relaxed_text_never_load_the_library() -> None:
    code = (
        "import sys; from exporter.model import StoreKind, StoreRef; from exporter.stores import json_text;"
        "ref = StoreRef('g', '', StoreKind.CONFIG, '@');"
        "assert json_text.load(b'{\"a\": 1}', ref, json5=True).value == {'a': 1};"
        "assert json_text.load(b'{a: 1, /* c */}', ref, json5=True).value == {'a': 1};"
        "assert 'json5' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=15
    )
)
def test_relaxed_reading_of_json_is_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace").decode()
    assert json.loads(json_text._relax(text)) == json.loads(text)
