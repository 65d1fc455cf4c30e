"""Pure. JSON and JSON5 text to plain values: strict about damage, exact about its place, bounded in depth and cost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from exporter.model import Parsed, Problem, ProblemReason, StoreRef

MAX_DEPTH = 64  # gateways nest about eight levels
MAX_JSON5_CHARS = 1 << 18  # the JSON5 library reads about 200 000 characters a second
MAX_PROBLEMS = 200  # of one file; the first ones tell the story

_SHOWN_KEY_CHARS = 100
_DUPLICATES_TOLD = 20
_LONE_SURROGATE_POSSIBLE = re.compile(rb"\\u[dD][89a-fA-F]")
_JSON5_FAULT = re.compile(r":(\d+) .*? at column (\d+)", re.DOTALL)
_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'  # an unterminated one runs to the end: linear, and then no JSON
_COMMENT_OR_STRING = re.compile(_STRING + r"|'(?:[^'\\]++|\\.)*+(?:'|\\?\Z)|//[^\n\r\u2028\u2029]*+|/\*.*?(?:\*/|\Z)", re.DOTALL)
_RELAXED = re.compile(_STRING + r"|,(?=\s*+[}\]])|(?<![\w$])[A-Za-z_$][\w$]*+(?=\s*+:)", re.DOTALL)

_Pair = tuple[str, object]
_Hook = Callable[[Iterable[_Pair]], object]


@dataclass(frozen=True, slots=True)
class _Fault:
    reason: ProblemReason
    place: str = ""


class Notes:
    """The problems met during one parse, each once, in order, at most MAX_PROBLEMS."""

    __slots__ = ("_problems", "_ref")

    def __init__(self, ref: StoreRef) -> None:
        self._ref = ref
        self._problems: dict[Problem, None] = {}

    def add(self, reason: ProblemReason, place: str = "") -> None:
        """Note one problem that leaves the rest of the document usable."""
        if len(self._problems) < MAX_PROBLEMS:
            self._problems[Problem.at(self._ref, reason, place)] = None

    def all(self) -> tuple[Problem, ...]:
        """Return what was noted so far."""
        return tuple(self._problems)


def load(raw: bytes, ref: StoreRef, *, json5: bool = False) -> Parsed[object]:
    """Read one JSON (or JSON5) document.

    Shape:  UTF-8, with or without byte order mark; of duplicate keys the last wins and each is a problem. NaN, infinities and
            numbers of any size pass through as numbers. Unpaired surrogates become "?", so that every text can be shown.
    Errors: never raises; EMPTY, INVALID_UTF8 ("byte N"), INVALID_SYNTAX ("line L column C") and TOO_DEEP are fatal.
    """
    if not raw.strip(b" \t\r\n\xef\xbb\xbf"):
        return Parsed(None, refusal(ref, ProblemReason.EMPTY))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        return Parsed(None, refusal(ref, ProblemReason.INVALID_UTF8, f"byte {fault.start}"))
    watch = _DuplicateWatch()
    tree, decode = _decode(text, watch.pairs, json5=json5)
    if isinstance(tree, _Fault):
        return Parsed(None, refusal(ref, tree.reason, tree.place))
    if _deeper_than(tree, MAX_DEPTH):
        return Parsed(None, refusal(ref, ProblemReason.TOO_DEEP))
    notes = Notes(ref)
    if watch.met:
        for place in _duplicates(decode(_PairList)):
            notes.add(ProblemReason.DUPLICATE_KEY, place)
    if _LONE_SURROGATE_POSSIBLE.search(raw):
        tree = _without_surrogates(tree, "", notes)
    return Parsed(tree, notes.all())


def refusal(ref: StoreRef, reason: ProblemReason, place: str = "") -> tuple[Problem, ...]:
    """Return the one problem that leaves nothing of a source known."""
    return (Problem.at(ref, reason, place, fatal=True),)


def pointer(parent: str, key: object) -> str:
    """Extend a JSON pointer by one key, which is cut and freed of unprintable characters: it is shown to people."""
    shown = str(key)[:_SHOWN_KEY_CHARS].replace("~", "~0").replace("/", "~1")
    return f"{parent}/{shown if shown.isprintable() else ''.join(c if c.isprintable() else '?' for c in shown)}"


class _DuplicateWatch:
    __slots__ = ("met",)

    def __init__(self) -> None:
        self.met = False

    def pairs(self, pairs: Iterable[_Pair]) -> object:
        listed = list(pairs)
        found = dict(listed)
        if len(found) != len(listed):
            self.met = True
        return found


class _PairList(list[_Pair]):
    """An object kept as its pairs, to find the place of a duplicate key."""


def _decode(text: str, hook: _Hook, *, json5: bool) -> tuple[object, Callable[[_Hook], object]]:
    tree = _strict(text, hook)
    if not isinstance(tree, _Fault) or not json5:
        return tree, lambda again: _strict(text, again)
    relaxed = _relax(text)
    by_rules = _strict(relaxed, hook)
    if not isinstance(by_rules, _Fault):
        return by_rules, lambda again: _strict(relaxed, again)
    if len(text) > MAX_JSON5_CHARS or tree.reason is ProblemReason.TOO_DEEP:
        return by_rules, lambda again: by_rules
    return _by_library(text, hook), lambda again: _by_library(text, again)


def _strict(text: str, hook: _Hook) -> object:
    try:
        try:
            return json.loads(text, object_pairs_hook=hook)
        except json.JSONDecodeError as fault:
            return _Fault(ProblemReason.INVALID_SYNTAX, f"line {fault.lineno} column {fault.colno}")
        except ValueError:  # an integer of more digits than Python converts
            return json.loads(text, object_pairs_hook=hook, parse_int=float)
    except RecursionError:
        return _Fault(ProblemReason.TOO_DEEP)


def _relax(text: str) -> str:
    """Turn the JSON5 people write (comments, trailing commas, bare keys, single quotes) into JSON, line for line."""
    return _RELAXED.sub(_plain_token, _COMMENT_OR_STRING.sub(_plain_string, text))


def _plain_string(found: re.Match[str]) -> str:
    token = found[0]
    if token.startswith("/"):
        return "\n" * token.count("\n") or " "
    if token.startswith("'") and len(token) > 1 and token.endswith("'") and not any(c in token for c in '\\"\n'):
        return f'"{token[1:-1]}"'
    return token


def _plain_token(found: re.Match[str]) -> str:
    token = found[0]
    if token == ",":
        return " "
    return token if token.startswith('"') else f'"{token}"'


def _by_library(text: str, hook: _Hook) -> object:
    import json5

    try:
        tree: object = json5.loads(text, object_pairs_hook=hook)
    except RecursionError:
        return _Fault(ProblemReason.TOO_DEEP)
    except ValueError as fault:
        at = _JSON5_FAULT.search(str(fault))
        return _Fault(ProblemReason.INVALID_SYNTAX, f"line {at[1]} column {at[2]}" if at else "")
    return tree


def _deeper_than(tree: object, limit: int) -> bool:
    level = [tree]
    for _ in range(limit + 1):
        level = [child for node in level for child in _children(node) if type(child) is dict or type(child) is list]
        if not level:
            return False
    return True


def _children(node: object) -> Iterator[object]:
    match node:
        case dict():
            return iter(node.values())
        case list():
            return iter(node)
        case _:
            return iter(())


def _duplicates(tree: object) -> Iterator[str]:
    pending, told = [(tree, "")], 0
    while pending and told < _DUPLICATES_TOLD:
        node, place = pending.pop()
        if isinstance(node, _PairList):
            seen: set[str] = set()
            for key, value in node:
                if key in seen:
                    told += 1
                    yield pointer(place, key)
                seen.add(key)
                pending.append((value, pointer(place, key)))
        elif isinstance(node, list):
            pending.extend((value, pointer(place, index)) for index, value in enumerate(node))


def _without_surrogates(node: object, place: str, notes: Notes) -> object:
    match node:
        case str():
            clean = _encodable(node)
            if clean != node:
                notes.add(ProblemReason.BAD_VALUE, place)
            return clean
        case dict():
            return {_encodable(key): _without_surrogates(value, pointer(place, _encodable(key)), notes) for key, value in node.items()}
        case list():
            return [_without_surrogates(value, pointer(place, index), notes) for index, value in enumerate(node)]
        case _:
            return node


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
