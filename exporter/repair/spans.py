"""Pure. Where everything stands in a JSON or JSON5 text, so that one value can be changed and every other character stays.

Source: the JSON5 specification, sections 2 to 8.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

_DEEPEST: Final = 64
_BLANK: Final = re.compile(r"(?:[\s\ufeff]++|//[^\n\r\u2028\u2029]*+|/\*.*?\*/)*+", re.DOTALL)
_COMMENT_OR_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|' r"'(?:[^'\\]++|\\.)*+'" r"|(//[^\n\r\u2028\u2029]*+|/\*.*?\*/)", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|' r"'(?:[^'\\]++|\\.)*+'", re.DOTALL)
_NAME: Final = re.compile(r"[\w$]+")
_BARE: Final = re.compile(r"[^\s,:\[\]{}\"'/]+")


class Unreadable(Exception):
    """A text whose places cannot be told for certain."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object: where its key begins, and its value."""

    key: str
    start: int
    value: Span


@dataclass(frozen=True, slots=True)
class Span:
    """One value: `text[start:end]`. `members` is set for objects, `items` for lists; `commas` are where commas stand behind each."""

    start: int
    end: int
    members: tuple[Member, ...] | None = None
    items: tuple[Span, ...] | None = None
    commas: tuple[int, ...] = ()

    def member(self, key: str) -> Member | None:
        """Find a member; of several the last counts, as for every reader."""
        return next((one for one in reversed(self.members or ()) if one.key == key), None)


def spans(text: str) -> Span:
    """Locate everything in one document; raises Unreadable."""
    root, after = _value(text, _skip(text, 0), 0)
    if _skip(text, after) != len(text):
        raise Unreadable
    return root


def comments(text: str) -> list[str]:
    """List the comments of a document in order."""
    return [found[1] for found in _COMMENT_OR_STRING.finditer(text) if found[1]]


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None  # it can match nothing
    return found.end()


def _value(text: str, at: int, depth: int) -> tuple[Span, int]:
    if depth > _DEEPEST:
        raise Unreadable
    match text[at : at + 1]:
        case "{":
            return _object(text, at, depth)
        case "[":
            return _list(text, at, depth)
        case '"' | "'":
            found = _STRING.match(text, at)
        case _:
            found = _BARE.match(text, at)
    if found is None:
        raise Unreadable
    return Span(at, found.end()), found.end()


def _object(text: str, start: int, depth: int) -> tuple[Span, int]:
    members: list[Member] = []
    commas: list[int] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "}":
        key, after = _key(text, at)
        colon = _skip(text, after)
        if text[colon : colon + 1] != ":":
            raise Unreadable
        value, after = _value(text, _skip(text, colon + 1), depth + 1)
        members.append(Member(key, at, value))
        at = _comma(text, _skip(text, after), "}", commas)
    return Span(start, at + 1, members=tuple(members), commas=tuple(commas)), at + 1


def _list(text: str, start: int, depth: int) -> tuple[Span, int]:
    items: list[Span] = []
    commas: list[int] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != "]":
        value, after = _value(text, at, depth + 1)
        items.append(value)
        at = _comma(text, _skip(text, after), "]", commas)
    return Span(start, at + 1, items=tuple(items), commas=tuple(commas)), at + 1


def _comma(text: str, at: int, closing: str, commas: list[int]) -> int:
    """Step over the comma behind a member; without one the container must end."""
    if text[at : at + 1] == ",":
        commas.append(at)
        return _skip(text, at + 1)
    if text[at : at + 1] != closing:
        raise Unreadable
    return at


def _key(text: str, at: int) -> tuple[str, int]:
    quoted = _STRING.match(text, at)
    if quoted is None:
        bare = _NAME.match(text, at)
        if bare is None:
            raise Unreadable
        return bare[0], bare.end()
    inner = quoted[0][1:-1]
    if "\\" not in inner:
        return inner, quoted.end()
    try:
        key = json.loads(quoted[0])
    except ValueError:
        raise Unreadable from None
    return str(key), quoted.end()
