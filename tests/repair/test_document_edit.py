"""Pure. Changes to texts: what is meant changes, everything else stays."""

from __future__ import annotations

import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import CredentialKind, Secret
from exporter.repair.document_edit import Uneditable, at, put, put_first, remove, tree_of
from exporter.repair.spans import comments
from exporter.repair.store_edit import Pasted, with_credential, with_entry, with_order, without_order

HAND_WRITTEN = """\
// mine
{
  agents: { list: [{ id: 'main' }] }, /* one */
  'auth': {
    // why this order
    order: {
      anthropic: [
        "anthropic:work", // paid
        'anthropic:old',
      ],
    },
    profiles: {
      "anthropic:work": { provider: "anthropic", mode: "token" }, // last
    },
  },
  gateway: { port: +18789, big: 1e999, hex: 0xFF, },
}
"""


def test_a_hand_written_configuration_keeps_its_comments_and_gains_one_line() -> None:
    edited = with_entry(HAND_WRITTEN, "anthropic:manual", "anthropic", CredentialKind.TOKEN)
    assert comments(edited) == comments(HAND_WRITTEN)
    missing = [line for line in HAND_WRITTEN.splitlines() if line not in edited.splitlines()]
    assert missing == []
    tree = tree_of(edited)
    assert at(tree, ("auth", "order", "anthropic")) == ["anthropic:manual", "anthropic:work", "anthropic:old"]
    assert at(tree, ("auth", "profiles", "anthropic:manual")) == {"provider": "anthropic", "mode": "token"}


def test_an_entry_that_is_there_changes_nothing() -> None:
    text = '{"auth":{"profiles":{"a:b":{"provider":"a","mode":"token","email":"x"}},"order":{"a":["a:b","a:c"]}}}'
    assert with_entry(text, "a:b", "a", CredentialKind.TOKEN) == text
    changed = with_entry(text, "a:b", "a", CredentialKind.API_KEY)
    assert at(tree_of(changed), ("auth", "profiles", "a:b")) == {"provider": "a", "mode": "api_key", "email": "x"}


def test_moving_an_id_to_the_front_would_lose_a_comment_so_nothing_is_done() -> None:
    with pytest.raises(Uneditable, match="comment"):
        with_entry(HAND_WRITTEN, "anthropic:old", "anthropic", CredentialKind.TOKEN)


@pytest.mark.parametrize(
    "text",
    ['{"$include": "a.json5"}', '{"auth": {"$include": "a"}}', '{"auth": {"profiles": {"$include": ["a"]}}}', '{"auth": []}', '{"auth": {"profiles": null}}',
     '{"auth": {"order": {"anthropic": "x"}}}', "[]", "{", '{"a": 1} // x\n}'],
)  # fmt: skip
def test_what_cannot_be_told_for_certain_is_not_edited(text: str) -> None:
    with pytest.raises(Uneditable):
        with_entry(text, "anthropic:x", "anthropic", CredentialKind.TOKEN)


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("{}", '{\n  "a": {\n    "b": 1\n  }\n}'),
        ("{}\n", '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ('{"x":1}', '{"x":1, "a": {"b": 1}}'),
        ('{"a":{}}', '{"a":{\n  "b": 1\n}}'),
        ('{"a":{"b":2,"c":3}}', '{"a":{"b":1,"c":3}}'),
        ('{\r\n\t"x": 1\r\n}', '{\r\n\t"x": 1,\r\n\t"a": {\r\n\t\t"b": 1\r\n\t}\r\n}'),
        ('{\n    "a": {\n        "c": 3\n    }\n}', '{\n    "a": {\n        "c": 3,\n        "b": 1\n    }\n}'),
        ("{\n  x: 1, // one\n}", '{\n  x: 1, // one\n  "a": {\n    "b": 1\n  },\n}'),
        ("{\n  x: 1 // one\n}", '{\n  x: 1, // one\n  "a": {\n    "b": 1\n  }\n}'),
        ("{ /* empty */ }", '{ /* empty */\n  "a": {\n    "b": 1\n  }\n}'),
        ('{"a":{"b":0},"a":{"b":2}}', '{"a":{"b":0},"a":{"b":1}}'),
        (r'{"\u0061":{"b":2}}', r'{"\u0061":{"b":1}}'),
    ],
)
def test_a_value_is_put_as_the_text_around_it_is_written(text: str, edited: str) -> None:
    assert put(text, ("a", "b"), 1) == edited


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ('{"a":1}', "{}"),
        ('{"a":1,"b":2}', '{"b":2}'),
        ('{"b":2,"a":1}', '{"b":2}'),
        ('{\n  "b": 2,\n  "a": 1\n}\n', '{\n  "b": 2\n}\n'),
        ('{\n  "a": 1,\n  "b": 2\n}\n', '{\n  "b": 2\n}\n'),
        ('{\n  "b": 2,\n  "a": 1,\n}\n', '{\n  "b": 2,\n}\n'),
        ('{"b":2}', '{"b":2}'),
        ('{"a":1,"a":2}', "{}"),
    ],
)
def test_a_member_is_taken_away_with_its_comma(text: str, edited: str) -> None:
    assert remove(text, ("a",)) == edited


_KEYS = st.text(st.sampled_from('ab"\\/:é日 '), max_size=4)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_KEYS, _VALUES, max_size=4)


@given(_OBJECTS, st.lists(_KEYS, min_size=1, max_size=3), _VALUES, st.sampled_from([None, 2, "\t"]))
def test_what_is_put_is_there_and_what_is_removed_is_gone(
    tree: dict[str, object], path: list[str], value: object, indent: int | str | None
) -> None:
    text = json.dumps(tree, indent=indent)
    keys = tuple(path)
    try:
        edited = put(text, keys, value)
    except Uneditable:
        return  # a value that is no object stands in the way
    assert at(tree_of(edited), keys) == value
    gone = remove(edited, keys)
    assert at(tree_of(gone), keys) is None
    for key, kept in tree.items():
        if key != keys[0]:
            assert at(tree_of(gone), (key,)) == kept


@given(st.text(st.sampled_from("{}[],:\"'/*ab1 \n\\"), max_size=30))
def test_no_text_breaks_the_editor(text: str) -> None:
    for edited in (partial(put, value=1), remove, partial(put_first, item="x")):
        try:
            edited(text, ("a",))
        except Uneditable:
            pass


def test_a_credential_replaces_the_old_one_and_keeps_what_else_the_profile_says() -> None:
    old = {
        "type": "oauth",
        "provider": "Anthropic",
        "access": "A",
        "refresh": "R",
        "expires": 5,
        "copyToAgents": False,
        "future": {"x": 1e400},
    }
    store = json.dumps({"version": 7, "profiles": {"z:z": {"type": "new", "n": 1.10}, "a:b": old}, "later": [1]})
    edited = with_credential(store, Pasted("a:b", "anthropic", CredentialKind.TOKEN, Secret("T"), 99))
    assert json.loads(edited) == {
        "version": 7,
        "profiles": {
            "z:z": {"type": "new", "n": 1.1},
            "a:b": {
                "type": "token",
                "provider": "anthropic",
                "token": "T",
                "expires": 99,
                "copyToAgents": False,
                "future": {"x": float("inf")},
            },
        },
        "later": [1],
    }
    assert list(json.loads(edited)["profiles"]) == ["z:z", "a:b"]


def test_an_order_is_found_however_its_provider_is_spelled() -> None:
    state = '{"version":1,"order":{"Anthropic":["a:1"],"openai":["o:1"]},"future":1}'
    edited = with_order(state, "anthropic", ["a:2", "a:2", "a:1"])
    assert json.loads(edited)["order"] == {"Anthropic": ["a:2", "a:1"], "openai": ["o:1"]}
    assert json.loads(without_order(edited, "anthropic")) == {"version": 1, "order": {"openai": ["o:1"]}, "future": 1}
    assert json.loads(without_order('{"order":{"a":["x"]}}', "A")) == {}
