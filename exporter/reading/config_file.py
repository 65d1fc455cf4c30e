"""Edge. A gateway's configuration file with everything it includes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import GatewayConfig, Parsed, Problem, ProblemReason, Secret, StoreRef
from exporter.reading.families import expand
from exporter.reading.files import FileBytes, read_file, stamp
from exporter.reading.shelf import Desk, Loaded, Stamps, load_file
from exporter.stores import config, json_text

LARGEST_INCLUDE: Final = 2 << 20
INCLUDE_ROOTS: Final = "OPENCLAW_INCLUDE_ROOTS"
_TEMPLATE: Final = b"${"


class Variables:
    """The gateway's variables, looked up only when a configuration needs them."""

    def __init__(self, look_up: Callable[[], Mapping[str, Secret]]) -> None:
        """Take the function that looks them up."""
        self._look_up = look_up
        self.used: Mapping[str, Secret] | None = None

    def get(self) -> Mapping[str, Secret]:
        """Return them, looked up once."""
        if self.used is None:
            self.used = self._look_up()
        return self.used


def load_config(desk: Desk, ref: StoreRef, variables: Variables, home: Path) -> Loaded[GatewayConfig]:
    """Read, compose and parse one configuration; `home` is what `~` means to its gateway."""
    found = load_file(desk, ref, lambda file: _tree(file, ref))
    if found.parsed.value is None:
        return Loaded(Parsed(None, found.parsed.problems), found.stamps)
    includes = _Includes(desk, ref, variables, home)
    composed = config.compose(found.parsed.value.tree, ref, includes.load)
    problems = found.parsed.problems + composed.problems
    stamps = found.stamps + includes.stamps()
    if composed.value is None and composed.problems:
        return Loaded(Parsed(None, problems), stamps)
    needed = variables.get() if found.parsed.value.templates or includes.templates else {}
    parsed = config.parse(composed.value, ref, {name: secret.reveal() for name, secret in needed.items()})
    return Loaded(Parsed(parsed.value, problems + parsed.problems), stamps)


@dataclass(frozen=True, slots=True)
class _Tree:
    """A parsed document (which may be `null`), and whether it holds templates."""

    tree: object
    templates: bool


def _tree(file: FileBytes, ref: StoreRef) -> Parsed[_Tree]:
    loaded = json_text.load(file.raw, ref, json5=True)
    fatal = loaded.value is None and bool(loaded.problems)
    return Parsed(None if fatal else _Tree(loaded.value, _TEMPLATE in file.raw), loaded.problems)


class _Includes:
    """Reads included files, and remembers which."""

    def __init__(self, desk: Desk, ref: StoreRef, variables: Variables, home: Path) -> None:
        self._desk = desk
        self._ref = ref
        self._variables = variables
        self._home = home
        self._base = Path(ref.path).parent
        self._seen: dict[Path, None] = {}
        self.templates = False

    def load(self, name: str) -> Parsed[object]:
        path = self._base / name
        ref = StoreRef(self._ref.gateway, "", self._ref.store, str(path))
        try:
            real = os.path.realpath(path)
            allowed = _inside(real, os.path.realpath(self._base)) or any(_inside(real, root) for root in self._roots())
        except (OSError, ValueError):
            return Parsed(None, (Problem.at(ref, ProblemReason.INCLUDE_FAILED, "not a path", fatal=True),))
        if not allowed:
            return Parsed(None, (Problem.at(ref, ProblemReason.INCLUDE_FAILED, "outside the allowed directories", fatal=True),))
        self._seen[path] = None
        found = read_file(Path(real), ref, LARGEST_INCLUDE, self._desk.pause)
        if found.value is None:
            missing = (Problem.at(ref, ProblemReason.INCLUDE_FAILED, "no such file", fatal=True),)
            return Parsed(None, found.problems or missing)
        self.templates |= _TEMPLATE in found.value.raw
        return json_text.load(found.value.raw, ref, json5=True)

    def stamps(self) -> Stamps:
        return tuple((path, stamp(path)) for path in self._seen)

    def _roots(self) -> list[str]:
        named = self._variables.get().get(INCLUDE_ROOTS)
        parts = named.reveal().split(os.pathsep) if named else []
        return [os.path.realpath(expand(part.strip(), self._home)) for part in parts if part.strip()]


def _inside(path: str, directory: str) -> bool:
    return os.path.commonpath([path, directory]) == directory
