"""Pure. What the gateways keep beside credentials: order, last good profile, usage statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeVar

from exporter.model import AuthState, ProblemReason, Usage
from exporter.stores.json_text import Notes, pointer
from exporter.stores.tree import finite

_LAST_INSTANT_MS = 253_402_300_799_000
T = TypeVar("T")
_Entry = dict[str, object]


def read(tree: _Entry, notes: Notes) -> AuthState:
    """Read `order`, `lastGood` and `usageStats` of one document; what the newest release ignores is ignored, and noted.

    An empty order is none. Numbers that are not above zero say nothing. Words of reasons are an open set.
    """
    order = _section(tree, "order", _order, notes)
    last_good = _section(tree, "lastGood", _word, notes)
    usage = _section(tree, "usageStats", _usage, notes)
    return AuthState(order, last_good, MappingProxyType({key: stats for id, stats in usage.items() if (key := id.strip())}))


def instant(ms: float) -> datetime:
    """Return the instant of Unix milliseconds above zero, cut to the last second a datetime can hold."""
    return datetime.fromtimestamp(min(ms, _LAST_INSTANT_MS) / 1000, UTC)


def _section(tree: _Entry, name: str, read_entry: Callable[[object, str, Notes], T | None], notes: Notes) -> Mapping[str, T]:
    section = tree.get(name)
    if not isinstance(section, dict):
        if section is not None:
            notes.add(ProblemReason.BAD_VALUE, f"/{name}")
        return MappingProxyType({})
    places = f"/{name}"
    found = {key: read_entry(value, pointer(places, key), notes) for key, value in section.items()}
    return MappingProxyType({key: value for key, value in found.items() if value is not None})


def _order(value: object, place: str, notes: Notes) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        notes.add(ProblemReason.BAD_VALUE, place)
        return None
    if not all(isinstance(id, str) for id in value):
        notes.add(ProblemReason.BAD_VALUE, place)
    return tuple(id.strip() for id in value if isinstance(id, str) and id.strip()) or None


def _word(value: object, place: str, notes: Notes) -> str | None:
    if isinstance(value, str):
        return value.strip() or None
    if value is not None:
        notes.add(ProblemReason.BAD_VALUE, place)
    return None


def _usage(value: object, place: str, notes: Notes) -> Usage | None:
    if not isinstance(value, dict):
        notes.add(ProblemReason.BAD_VALUE, place)
        return None

    def at(name: str) -> datetime | None:
        number = _number(value, name, place, notes)
        return instant(number) if number else None

    def word(name: str) -> str | None:
        return _word(value[name], f"{place}/{name}", notes) if name in value else None

    errors = _number(value, "errorCount", place, notes)
    return Usage(
        last_used_at=at("lastUsed"),
        last_failure_at=at("lastFailureAt"),
        last_probe_at=at("lastProbeAt"),
        error_count=None if errors is None else int(errors),
        failure_counts=_failure_counts(value.get("failureCounts"), f"{place}/failureCounts", notes),
        cooldown_until=at("cooldownUntil"),
        cooldown_reason=word("cooldownReason"),
        cooldown_model=word("cooldownModel"),
        cooldown_classification=word("cooldownClassification"),
        disabled_until=at("disabledUntil"),
        disabled_reason=word("disabledReason"),
        blocked_until=at("blockedUntil"),
        blocked_reason=word("blockedReason"),
        blocked_source=word("blockedSource"),
        blocked_model=word("blockedModel"),
    )


def _number(entry: _Entry, name: str, place: str, notes: Notes) -> float | None:
    """Read a number that is not negative; the gateways ignore everything that is no finite number."""
    value = entry.get(name)
    if value is None:
        return None
    number = finite(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None or number < 0:
        notes.add(ProblemReason.BAD_VALUE, f"{place}/{name}")
        return None
    return number


def _failure_counts(value: object, place: str, notes: Notes) -> Mapping[str, int]:
    if value is None:
        return MappingProxyType({})
    if not isinstance(value, dict):
        notes.add(ProblemReason.BAD_VALUE, place)
        return MappingProxyType({})
    found = {reason: _number(value, reason, place, notes) for reason in value}
    return MappingProxyType({reason: int(count) for reason, count in found.items() if count is not None and count >= 1})
