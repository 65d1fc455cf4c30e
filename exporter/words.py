"""Pure. Durations and instants as people say and type them; text of unknown origin made safe to show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

_STEPS = (("y", 365 * 86400, "d", 86400), ("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1))
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_LONGEST_MS = 100 * 365 * 86_400_000


def duration(span: timedelta) -> str:
    """Say a span by its two largest units: `3d 4h`, `2h 5m`, `45s`; the sign is dropped."""
    seconds = abs(int(span.total_seconds()))
    for name, size, below, smaller in _STEPS:
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size}{name} {rest}{below}" if rest and seconds < 10 * size else f"{seconds // size}{name}"
    return f"{seconds}s"


def relative(at: datetime, now: datetime) -> str:
    """Say an instant seen from `now`: `in 3d 4h`, `2h 5m ago`, `now`."""
    span = at - now
    if abs(span) < timedelta(seconds=1):
        return "now"
    return f"in {duration(span)}" if span > timedelta(0) else f"{duration(span)} ago"


def instant(at: datetime, zone: tzinfo | None = UTC) -> str:
    """Say an instant to the minute with its zone: `2026-11-20 10:48 UTC`; `zone` None is the machine's."""
    try:
        local = at.astimezone(zone)
    except OverflowError:  # year 1 or 9999 in a zone beyond the calendar
        local = at
    return f"{local:%Y-%m-%d %H:%M} {local.tzname() or ''}".rstrip()


def when(at: datetime, now: datetime, zone: tzinfo | None = UTC) -> str:
    """Say an instant both ways: `in 3d 4h (2026-11-20 10:48 UTC)`."""
    return f"{relative(at, now)} ({instant(at, zone)})"


def rfc3339(at: datetime) -> str:
    """Write an instant for machines, in UTC, with milliseconds only where there are some."""
    whole = at.astimezone(UTC)
    return whole.isoformat(timespec="milliseconds" if whole.microsecond else "seconds").replace("+00:00", "Z")


def parse_duration(text: str) -> timedelta:
    """Read `500ms`, `15s`, `72h`, `7d`, `1h30m` or a bare `0`; raises ValueError for anything else, without its text."""
    text = text.strip()
    if text == "0":
        return timedelta(0)
    if not _DURATION.fullmatch(text):
        raise ValueError("not a duration; write a number with a unit, such as 500ms, 15s, 30m, 24h, 7d or 1h30m")
    total = sum(float(number) * _UNIT_MS[unit] for number, unit in _PIECE.findall(text))
    if total > _LONGEST_MS:
        raise ValueError("too long; the longest duration is 100 years")
    return timedelta(milliseconds=round(total))


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 instant, a date, or `@` and Unix seconds; without a zone it is UTC. Raises ValueError."""
    try:
        if text.startswith("@"):
            return datetime.fromtimestamp(float(text[1:]), UTC)
        read = datetime.fromisoformat(text)
        return (read.replace(tzinfo=UTC) if read.tzinfo is None else read).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("not an instant; write 2026-11-20T10:48:00Z, a date, or @ and Unix seconds") from None


def visible(text: str) -> str:
    """Make text from a store safe for a terminal: control, bidirectional and surrogate characters become escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def listing(items: Iterable[str], last: str = "and") -> str:
    """Join words the way people do: `a, b and c`."""
    *head, tail = list(items) or [""]
    return f"{', '.join(head)} {last} {tail}" if head else tail


def counted(number: int, noun: str, plural: str = "") -> str:
    """Say a number with its noun: `1 agent`, `3 agents`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
