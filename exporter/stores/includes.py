"""Pure. `$include` of a gateway's configuration."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import NoReturn

from exporter.model import Parsed, Problem, ProblemReason, StoreRef
from exporter.stores.json_text import MAX_DEPTH, pointer, refusal

KEY = "$include"
MAX_NESTING = 10  # of files in files, as in the gateways
MAX_FILES = 100  # in all: ten levels of lists could ask for any number


class _IncludeFailed(Exception):
    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__()
        self.problems = problems


def compose(tree: object, ref: StoreRef, load_include: Callable[[str], Parsed[object]]) -> Parsed[object]:
    """Replace every `{"$include": path or [paths]}` by what the files hold.

    Files of a list are merged in order, members beside `$include` last: objects member by member, lists end to end, else the later wins.
    `load_include` gets a path relative to the outermost file (or an absolute one); confining it is its task.
    Errors: never raises; a file that cannot be had, a cycle or a wrong `$include` is fatal, as half a configuration would be a wrong one.
    """
    composer = _Composer(ref, load_include)
    try:
        value = composer.resolve(tree, "", (), "", 0)
    except _IncludeFailed as failed:
        return Parsed(None, failed.problems)
    return Parsed(value, tuple(composer.problems))


class _Composer:
    def __init__(self, ref: StoreRef, load_include: Callable[[str], Parsed[object]]) -> None:
        self._ref = ref
        self._load = load_include
        self._files = 0
        self.problems: list[Problem] = []

    def resolve(self, node: object, place: str, chain: tuple[str, ...], base: str, depth: int) -> object:
        if depth > 2 * MAX_DEPTH:
            raise _IncludeFailed(refusal(self._ref, ProblemReason.TOO_DEEP, place[:200]))
        match node:
            case list():
                return [self.resolve(item, pointer(place, index), chain, base, depth + 1) for index, item in enumerate(node)]
            case dict():
                own = {k: self.resolve(v, pointer(place, k), chain, base, depth + 1) for k, v in node.items() if k != KEY}
                return own if KEY not in node else self._included(node[KEY], own, pointer(place, KEY), chain, base, depth)
            case _:
                return node

    def _included(self, wanted: object, own: dict[str, object], place: str, chain: tuple[str, ...], base: str, depth: int) -> object:
        merged: object = {}
        match wanted:
            case str():
                merged = self._file(wanted, place, chain, base, depth)
            case list():
                for path in wanted:
                    if not isinstance(path, str):
                        self._fail(place)
                    merged = _merge(merged, self._file(path, place, chain, base, depth))
            case _:
                self._fail(place)
        if own and not isinstance(merged, dict):
            self._fail(place)
        return _merge(merged, own) if own else merged

    def _file(self, path: str, place: str, chain: tuple[str, ...], base: str, depth: int) -> object:
        resolved = posixpath.normpath(posixpath.join(base, path)) if path else ""
        self._files += 1
        if not resolved or resolved in chain or len(chain) >= MAX_NESTING or self._files > MAX_FILES:
            self._fail(place)
        loaded = self._load(resolved)
        self.problems.extend(loaded.problems)
        if loaded.value is None:
            raise _IncludeFailed((*self.problems, *refusal(self._ref, ProblemReason.INCLUDE_FAILED, place)))
        return self.resolve(loaded.value, place, (*chain, resolved), posixpath.dirname(resolved), depth + 1)

    def _fail(self, place: str) -> NoReturn:
        raise _IncludeFailed((*self.problems, *refusal(self._ref, ProblemReason.INCLUDE_FAILED, place)))


def _merge(under: object, over: object) -> object:
    if isinstance(under, list) and isinstance(over, list):
        return [*under, *over]
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: _merge(under[key], value) if key in under else value for key, value in over.items()}}
    return over
