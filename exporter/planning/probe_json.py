"""Pure. An outcome as JSON and back: for our own file, and for whoever asks what was probed last. It holds no secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from exporter.outcome import Balance, Outcome, ProbeStatus, Quota, RateLimit
from exporter.planning.probe_memory import Remembered

_INSTANTS = frozenset({"at", "retry_at", "last_success_at", "expires_at", "reset_at", "claimed_at", "answered_at", "suspected_at"})
_PARTS = {"rate_limits": RateLimit, "quotas": Quota, "balances": Balance}
_STATUSES = frozenset({"outcome", "suspicion"})


def dump(value: Outcome | Remembered) -> str:
    """Write a noun as one line of JSON; what is at its default is left out."""
    return json.dumps(_plain(value), separators=(",", ":"))


def outcome(document: str) -> Outcome | None:
    """Read an outcome back; None for what is not one (another release wrote it)."""
    found = _read(document, Outcome)
    return Outcome(**found) if found is not None and "outcome" in found else None


def remembered(document: str) -> Remembered | None:
    """Read what was remembered of an account; None for what is not that."""
    found = _read(document, Remembered)
    return Remembered(**found) if found is not None and {"fingerprint", "claimed_at"} <= found.keys() else None


def _plain(value: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for entry in fields(value):  # type: ignore[arg-type]  # only the two nouns and their parts come here
        item = getattr(value, entry.name)
        if item is None or (_blank(item) and entry.default is not MISSING):
            continue
        match item:
            case datetime():
                found[entry.name] = item.timestamp()
            case tuple():
                found[entry.name] = [_plain(part) for part in item]
            case Mapping():
                found[entry.name] = dict(item)
            case _:
                found[entry.name] = item
    return found


def _blank(item: object) -> bool:
    return item is False or (isinstance(item, str | tuple | Mapping) and not item)


def _read(document: str, kind: type) -> dict[str, Any] | None:
    try:
        tree = json.loads(document)
        return _nouns(tree, {entry.name for entry in fields(kind)}) if isinstance(tree, dict) else None
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _nouns(tree: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        if name not in tree:
            continue
        value = tree[name]
        if name in _INSTANTS:
            found[name] = datetime.fromtimestamp(value, UTC)
        elif name in _STATUSES:
            found[name] = ProbeStatus(value)
        elif name in _PARTS:
            part = _PARTS[name]
            found[name] = tuple(part(**_nouns(item, {entry.name for entry in fields(part)})) for item in value)
        else:
            found[name] = MappingProxyType(value) if isinstance(value, dict) else value
    return found
