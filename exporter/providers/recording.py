"""Pure. The shape of an answer without its values: status, header names, JSON key paths. What users may send us about a provider."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from exporter.model import Secret
from exporter.providers.answer import normalise
from exporter.providers.redact import echoes, redact

_KEY = re.compile(r"[A-Za-z_@$][A-Za-z0-9_.@$ -]{0,60}")
_MOST = 500


def outline(status: int, headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret] = ()) -> Mapping[str, object]:
    """Status, content type, sorted header names and sorted key paths with their kinds. Keys that look like values are shown as `*`."""
    answer = normalise(status, headers, body)
    kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    return {
        "status": status,
        "content_type": kind if re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", kind) else "",
        "bytes": len(body),
        "headers": sorted(name for name in answer.headers if re.fullmatch(r"[a-z0-9-]{1,80}", name) and not echoes(name, secrets))[:_MOST],
        "paths": sorted(set(_paths(answer.document, "", 8, secrets)))[:_MOST],
    }


def _paths(value: object, path: str, depth: int, secrets: Sequence[Secret]) -> Iterator[str]:
    match value:
        case dict() if depth and value:
            for key, inner in list(value.items())[:200]:
                yield from _paths(inner, f"{path}.{_name(str(key), secrets)}".lstrip("."), depth - 1, secrets)
        case list() if depth and value:
            for inner in value[:20]:
                yield from _paths(inner, f"{path}[]", depth - 1, secrets)
        case _:
            yield f"{path or '.'}: {_kind(value)}"


def _name(key: str, secrets: Sequence[Secret]) -> str:
    digits = sum(letter.isdigit() for letter in key)
    return key if _KEY.fullmatch(key) and digits <= 4 and redact(key) == key and not echoes(key, secrets) else "*"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"
