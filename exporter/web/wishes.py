"""Pure. What somebody wants to change: a silence, an acknowledgement. Read from JSON and from forms alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from exporter.alerting.alert import LABELS, Matcher, Op, Silence, parse_matcher
from exporter.words import parse_duration, parse_instant, visible

_LONGEST_TEXT: Final = 500
_LONGEST_VALUE: Final = 200
_MOST_MATCHERS: Final = 20
_LONGEST: Final = timedelta(days=365)
_KEYS: Final = frozenset({"matchers", "comment", "author", "duration", "starts_at", "ends_at"})
_ACK_KEYS: Final = frozenset({"comment", "author"})

Given = Mapping[str, object]


class Unclear(ValueError):
    """What was sent cannot be understood; the text says what to write, and repeats nothing."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody takes care of it."""

    author: str
    comment: str


def from_json(body: bytes) -> Given:
    """Read a JSON object."""
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Unclear("the body is not JSON") from None
    if not isinstance(found, dict):
        raise Unclear("the body is not an object")
    return found


def from_form(body: bytes) -> Given:
    """Read a form; the fields `matcher` may come several times, or hold several lines, and empty fields are left out."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=False, max_num_fields=100, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise Unclear("the body is not a form") from None
    fields: dict[str, object] = {name: value for name, value in pairs if name != "matcher"}
    matchers = [line.strip() for name, value in pairs if name == "matcher" for line in value.splitlines() if line.strip()]
    return {**fields, "matchers": matchers} if matchers else fields


def silence(given: Given, identity: str, author: str, now: datetime) -> Silence:
    """Read a silence: `matchers`, `comment`, and `duration` or `ends_at`; raises Unclear."""
    unknown = given.keys() - _KEYS
    if unknown:
        raise Unclear(f"no such key; write {', '.join(sorted(_KEYS))}")
    starts_at = _instant(given, "starts_at") or now
    ends_at = _end(given, starts_at)
    if ends_at <= max(starts_at, now):
        raise Unclear("ends_at: lies before its beginning, or in the past")
    if ends_at - now > _LONGEST or starts_at < now - timedelta(minutes=5):
        raise Unclear("a silence begins now or later, and lasts a year at most")
    return Silence(identity, _matchers(given), _text(given, "author") or author, _text(given, "comment"), starts_at, ends_at)


def acknowledgement(given: Given, author: str) -> Acknowledgement:
    """Read an acknowledgement; raises Unclear."""
    if given.keys() - _ACK_KEYS:
        raise Unclear(f"no such key; write {', '.join(sorted(_ACK_KEYS))}")
    return Acknowledgement(_text(given, "author") or author, _text(given, "comment"))


def _matchers(given: Given) -> tuple[Matcher, ...]:
    listed = given.get("matchers")
    if not isinstance(listed, list) or not listed or len(listed) > _MOST_MATCHERS:
        raise Unclear(f'matchers: write a list of 1 to {_MOST_MATCHERS}, such as ["provider=anthropic"]')
    return tuple(_matcher(item) for item in listed)


def _matcher(item: object) -> Matcher:
    if isinstance(item, dict):
        return _dictated(item)
    if not isinstance(item, str) or len(item) > _LONGEST_TEXT:
        raise Unclear("matchers: each is a text such as provider=anthropic")
    try:
        return parse_matcher(item)
    except (ValueError, RecursionError, OverflowError) as error:
        raise Unclear(f"matchers: {error}") from None


def _dictated(item: Mapping[str, object]) -> Matcher:
    """Read {label, op, value}; patterns are written as texts."""
    label, op, value = item.get("label"), item.get("op", "="), item.get("value")
    known = item.keys() <= {"label", "op", "value"} and label in LABELS and op in ("=", "!=")
    if not known or not isinstance(label, str) or not isinstance(value, str) or len(value) > _LONGEST_VALUE:
        raise Unclear(f"matchers: an object has label ({', '.join(LABELS)}), op (= or !=) and value")
    return Matcher(label, value, Op(str(op)))


def _end(given: Given, starts_at: datetime) -> datetime:
    duration, ends_at = given.get("duration"), _instant(given, "ends_at")
    if ("duration" in given) == ("ends_at" in given):
        raise Unclear("write exactly one of duration and ends_at")
    if ends_at is not None:
        return ends_at
    if not isinstance(duration, str):
        raise Unclear("duration: write one such as 2h or 1d")
    try:
        return starts_at + parse_duration(duration)
    except (ValueError, OverflowError):
        raise Unclear("duration: write one such as 2h or 1d") from None


def _instant(given: Given, key: str) -> datetime | None:
    if key not in given:
        return None
    value = given[key]
    if not isinstance(value, str):
        raise Unclear(f"{key}: write an instant such as 2026-11-20T10:48:00Z")
    try:
        return parse_instant(value)
    except ValueError:
        raise Unclear(f"{key}: write an instant such as 2026-11-20T10:48:00Z") from None


def _text(given: Given, key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise Unclear(f"{key}: write a text of at most {_LONGEST_TEXT} characters")
    return visible(" ".join(value.split()))
