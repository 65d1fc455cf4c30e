"""Edge. The settings file as plain values, each with the line it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from exporter.settings_file.text import SettingsError

_DEEPEST: Final = 12
_MOST_NODES: Final = 50_000  # aliases of aliases grow without bound


@dataclass(frozen=True, slots=True)
class Document:
    """Values, and the line of each path of keys and indices."""

    values: Mapping[str, Any]
    lines: Mapping[tuple[str | int, ...], int]


def parse(file: Path, text: str) -> Document:
    """Read YAML; raises SettingsError for bad syntax, duplicate keys, and anything but a mapping at the top."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise SettingsError(
            str(file), mark.line + 1 if mark else None, "", "not valid YAML", "check indentation and quotes near here"
        ) from None
    if node is None:
        return Document(MappingProxyType({}), MappingProxyType({}))
    walk = _Walk(file)
    values = walk.value(node, ())
    if not isinstance(values, dict):
        raise SettingsError(str(file), 1, "", "not a mapping of settings", "write `key: value` lines; see `config init`")
    return Document(values, walk.lines)


class _Walk:
    def __init__(self, file: Path) -> None:
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._file = file
        self._met = 0

    def value(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        line = node.start_mark.line + 1
        self._met += 1
        if len(path) > _DEEPEST or self._met > _MOST_NODES:
            raise SettingsError(str(self._file), line, "", "nested too deeply or too large", "this is not the file that was meant")
        self.lines.setdefault(path, line)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.value(item, (*path, place)) for place, item in enumerate(node.value)]
            case _:
                return self._scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise SettingsError(str(self._file), line, "", "a key that is not text", "write `key: value`")
            key = key_node.value
            if key in values:
                raise SettingsError(str(self._file), line, ".".join(map(str, (*path, key))), "set twice", "keep one")
            self.lines[(*path, key)] = line
            values[key] = self.value(value_node, (*path, key))
        return values

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError):
            raise SettingsError(str(self._file), line, "", "not a plain value", "quote it") from None
