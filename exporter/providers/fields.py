"""Pure. Careful readings of JSON that vendors change without notice: a field of another kind is an absent one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_LAST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?([eE][+-]?\d{1,3})?\Z")
_GO_PART = re.compile(r"(\d{1,12}(?:\.\d{0,12})?)(ms|us|µs|ns|s|m|h|d)")
_GO_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ISO_FRACTION = re.compile(r"\.(\d+)")
_YEAR_SECONDS = 370 * 86400.0


def get(value: object, *path: str | int) -> object:
    """Follow keys and indexes; None as soon as one is missing."""
    for step in path:
        match value, step:
            case dict(), str():  # JSON has no other mapping, and this runs dozens of times for each answer
                value = value.get(step)
            case list(), int() if -len(value) <= step < len(value):
                value = value[step]
            case _:
                return None
    return value


def number(value: object) -> float | None:
    """A finite number, or a text that is one; booleans are not numbers."""
    match value:
        case bool() | None:
            return None
        case int() | float():
            try:
                found = float(value)
            except OverflowError:
                return None
        case str():
            stripped = value.strip()
            if not _NUMBER.match(stripped):
                return None
            found = float(stripped)
        case _:
            return None
    return found if math.isfinite(found) else None


def text(value: object) -> str:
    """A text, or a whole number as text; anything else is empty."""
    match value:
        case str():
            return value.strip()
        case bool():
            return ""
        case int() if abs(value) < 10**18:
            return str(value)
        case _:
            return ""


def items(value: object) -> Sequence[object]:
    """The elements of a list, at most a thousand; empty for everything else."""
    return value[:1000] if isinstance(value, list) else ()


def at_seconds(value: object) -> datetime | None:
    """An instant from Unix seconds."""
    seconds = number(value)
    if seconds is None or not 0 < seconds < _LAST:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def at_ms(value: object) -> datetime | None:
    """An instant from Unix milliseconds."""
    milliseconds = number(value)
    return None if milliseconds is None else at_seconds(milliseconds / 1000)


def at_iso(value: object) -> datetime | None:
    """An instant from RFC 3339 or ISO 8601; a date alone is its midnight, a time without a zone is UTC."""
    if not isinstance(value, str) or not 8 <= len(value.strip()) <= 64:
        return None
    cut = _ISO_FRACTION.sub(lambda found: "." + found.group(1)[:6].ljust(6, "0"), value.strip(), count=1)
    try:
        found = datetime.fromisoformat(cut)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def at_any(value: object) -> datetime | None:
    """An instant from ISO text, Unix milliseconds or Unix seconds, told apart by size."""
    found = at_iso(value)
    if found is not None:
        return found
    stamp = number(value)
    if stamp is None or stamp < 10**9:
        return None
    return at_ms(stamp) if stamp >= 10**11 else at_seconds(stamp)


def after(now: datetime, seconds: float | None) -> datetime | None:
    """The instant so many seconds from `now`; None for nonsense and for more than a year."""
    if seconds is None or not math.isfinite(seconds) or seconds > _YEAR_SECONDS:
        return None
    try:
        return now + timedelta(seconds=max(0.0, seconds))
    except OverflowError:
        return None


def duration(value: str) -> float | None:
    """Seconds from a Go or protobuf duration (`6m0s`, `120ms`, `53.4s`, `1h2m3s`) or from plain seconds."""
    stripped = value.strip().lower()
    plain = number(stripped)
    if plain is not None:
        return plain
    parts = _GO_PART.findall(stripped)
    if not parts or "".join(amount + unit for amount, unit in parts) != stripped:
        return None
    return sum(float(amount) * _GO_SECONDS[unit] for amount, unit in parts)


def ratio(percent: object) -> float | None:
    """A ratio 0–1 from a percentage; below 0 is 0, above 100 stays above 1."""
    found = number(percent)
    return None if found is None else max(0.0, found / 100)


def share(used: object, limit: object) -> float | None:
    """A ratio from an amount used and its limit; None without a positive limit."""
    part, whole = number(used), number(limit)
    return None if part is None or whole is None or whole <= 0 else max(0.0, part / whole)
