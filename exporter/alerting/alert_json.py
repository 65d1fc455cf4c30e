"""Pure. Alerts, groups, silences and notices as JSON documents for the book and the outbox on disk, and back.

Shape:  keys are the attribute names, those at their defaults left out; instants are Unix milliseconds, spans milliseconds, `None` null.
Errors: `alert_from_json` and its siblings return None for a document that is not one of ours; they never raise.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from exporter.alerting.alert import Alert, Group, Silence
from exporter.alerting.notice import Notice

T = TypeVar("T")


def to_json(noun: Alert | Group | Silence | Notice) -> dict[str, object]:
    """Write one noun; `json.dumps` takes the result."""
    written = _written(noun)
    assert isinstance(written, dict)
    return written


def alert_from_json(document: object) -> Alert | None:
    """Read what `to_json` wrote of an alert."""
    return _guarded(Alert, document)


def group_from_json(document: object) -> Group | None:
    """Read what `to_json` wrote of a group."""
    return _guarded(Group, document)


def silence_from_json(document: object) -> Silence | None:
    """Read what `to_json` wrote of a silence."""
    return _guarded(Silence, document)


def notice_from_json(document: object) -> Notice | None:
    """Read what `to_json` wrote of a notice."""
    return _guarded(Notice, document)


def _guarded(kind: type[T], document: object) -> T | None:
    try:
        found = _read(kind, document)
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError):
        return None
    return found if isinstance(found, kind) else None


def _written(value: object) -> object:
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, StrEnum):
        return value.value
    return _noun(value) if is_dataclass(value) else value


def _noun(value: object) -> dict[str, object]:
    """Write what differs from the defaults: half of most nouns, and a thousand of them may be written in one pass."""
    written: dict[str, object] = {}
    kind: Any = type(value)  # a cache's key
    for name, default in _parts(kind):
        part = getattr(value, name)
        if part is not default:
            written[name] = part if type(part) is str and part.isascii() else _written(part)  # most of a document is plain text
    return written


def _mapping(value: Mapping[object, object]) -> dict[str, object]:
    return {str(key): _written(entry) for key, entry in value.items()}


_WRITERS: Mapping[type, Callable[[Any], object]] = {
    str: lambda text: text if text.isascii() else text.encode(errors="backslashreplace").decode(),
    datetime: lambda at: {"ms": round(at.timestamp() * 1000)},
    timedelta: lambda span: {"span_ms": round(span.total_seconds() * 1000)},
    tuple: lambda entries: [_written(entry) for entry in entries],
    dict: _mapping,
    MappingProxyType: _mapping,
}


def _read(kind: Any, value: Any) -> Any:
    """Build a `kind` from its document; keys we do not know are left out, absent ones take their defaults."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if isinstance(value, dict) and "ms" in value and datetime in get_args(kind):
            return _read(datetime, value)
        options = [option for option in get_args(kind) if (option is type(None)) == (value is None) and option is not datetime]
        return None if value is None else _read(options[0], value)
    if kind is datetime:
        return datetime.fromtimestamp(value["ms"] / 1000, UTC)
    if kind is timedelta:
        return timedelta(milliseconds=value["span_ms"])
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], entry) for entry in value)
    if origin is not None and issubclass(origin, Mapping):
        return MappingProxyType({key: _read(get_args(kind)[1], entry) for key, entry in value.items()})
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _read(hints[name], entry) for name, entry in value.items() if name in hints})
    if issubclass(kind, StrEnum):
        return kind(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{kind.__name__} expected")
    return value


@lru_cache(maxsize=32)
def _parts(kind: Any) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


@lru_cache(maxsize=32)
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
