"""Pure. SecretRefs: recognising one in a stored value, and whether it is well-formed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.model import EMPTY, RefSource, SecretRef

DEFAULT_PROVIDER = "default"
SINGLE_VALUE_ID = "value"

_SOURCES = frozenset(RefSource)
_KEYS = frozenset({"source", "provider", "id"})
_TEMPLATE = re.compile(r"\$(?:\{([A-Z][A-Z0-9_]{0,127})\}|([A-Z][A-Z0-9_]{0,127}))")
_PROVIDER = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+", re.DOTALL)
_EXEC_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,255}")


def coerce(value: object, defaults: Mapping[str, str] = EMPTY) -> SecretRef | None:
    """Read `value` as a SecretRef; None when it is something else.

    Shape:  `{"source", "provider"?, "id"}` and nothing beside it, or a template string such as `${NAME}`.
    `defaults` maps a source to the provider alias of references that name none. Recognition is lenient, as the
    gateways' is: what is recognised here may still fail `valid`.
    """
    match value:
        case str():
            return coerce_text(value, defaults)
        case dict():
            return _coerce_object(value, defaults)
        case _:
            return None


def coerce_text(text: str, defaults: Mapping[str, str] = EMPTY) -> SecretRef | None:
    """Read a whole string `${NAME}` or `$NAME` as a reference to an environment variable."""
    found = _TEMPLATE.fullmatch(text.strip())
    if found is None:
        return None
    return SecretRef(RefSource.ENV, _default_provider(RefSource.ENV, defaults), found[1] or found[2])


def valid(ref: SecretRef) -> bool:
    """Say whether provider alias and id have the form that resolution demands."""
    return _PROVIDER.fullmatch(ref.provider) is not None and _valid_id(ref)


def pointer_tokens(pointer: str) -> tuple[str, ...] | None:
    """Split an absolute JSON pointer into its unescaped tokens; None when it is not one."""
    if _POINTER.fullmatch(pointer) is None:
        return None
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))


def _coerce_object(value: Mapping[object, object], defaults: Mapping[str, str]) -> SecretRef | None:
    source, name = value.get("source"), value.get("id")
    if not value.keys() <= _KEYS or not isinstance(source, str) or source not in _SOURCES:
        return None
    if not isinstance(name, str) or not name.strip():
        return None
    origin = RefSource(source)
    provider = value["provider"] if "provider" in value else _default_provider(origin, defaults)
    if not isinstance(provider, str) or not provider.strip():
        return None
    return SecretRef(origin, provider, name)


def _default_provider(source: RefSource, defaults: Mapping[str, str]) -> str:
    return defaults.get(source) or DEFAULT_PROVIDER


def _valid_id(ref: SecretRef) -> bool:
    match ref.source:
        case RefSource.ENV | RefSource.STORE:
            return _NAME.fullmatch(ref.id) is not None
        case RefSource.FILE:
            return ref.id == SINGLE_VALUE_ID or _POINTER.fullmatch(ref.id) is not None
        case RefSource.EXEC:
            return _EXEC_ID.fullmatch(ref.id) is not None and not {".", ".."} & set(ref.id.split("/"))
