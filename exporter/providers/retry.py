"""Pure. When a provider may be asked again: every form of Retry-After seen, the latest of all that are present."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from exporter.outcome import RateLimit
from exporter.providers.answer import Answer, http_date
from exporter.providers.fields import after, at_any, at_iso, at_ms, at_seconds, duration, get, items, number, text

_RETRY_TEXT = re.compile(
    r"(?:retry|try again) (?:in|after)\s+(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|sec(?:ond)?s?|m|min(?:ute)?s?|h|hours?|d|days?)\b",
    re.I,
)
_RESET_TEXT = re.compile(r"reset(?:s)? (?:at|on) (\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?)\s*(UTC|Z)?", re.IGNORECASE)
_REGAIN_TEXT = re.compile(r"regain access on (\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d))?", re.IGNORECASE)
_UNIT_SECONDS = {"ms": 1e-3, "mi": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ASIA = timedelta(hours=8)


def retry_at(answer: Answer, limits: tuple[RateLimit, ...], now: datetime) -> datetime | None:
    """The latest instant any form names; None when none does.

    Units:  seconds, milliseconds, HTTP dates, Go durations and Unix instants become one aware instant, never before `now`.
    Errors: nonsense and waits of more than a year are ignored.
    """
    found = [at for at in (*_headers(answer, now), *_bodies(answer, now), *_texts(answer.message, now)) if at is not None]
    found += [limit.reset_at for limit in limits if limit.reset_at is not None and not limit.remaining]
    latest = after(now, 366 * 86400.0) or now
    return max((max(at, now) for at in found if at <= latest), default=None)


def _headers(answer: Answer, now: datetime) -> Iterator[datetime | None]:
    headers = answer.headers
    milliseconds = number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        yield after(now, milliseconds / 1000)
    elif (value := headers.get("retry-after", "")).strip():
        yield _retry_after(value, headers.get("date", ""), now)
    yield at_seconds(headers.get("anthropic-ratelimit-unified-reset"))


def _retry_after(value: str, date: str, now: datetime) -> datetime | None:
    seconds = duration(value)
    if seconds is not None:
        return after(now, seconds)
    then = http_date(value)
    if then is None:
        return at_iso(value)
    return after(now, then - (http_date(date) or now.timestamp()))


def _bodies(answer: Answer, now: datetime) -> Iterator[datetime | None]:
    document = get(answer.document, 0) if isinstance(answer.document, list) else answer.document
    error = get(document, "error")
    for detail in items(get(error, "details"))[:20]:
        if "retryinfo" in text(get(detail, "@type")).lower():
            yield after(now, duration(text(get(detail, "retryDelay"))))
        yield at_iso(get(detail, "metadata", "quotaResetTimeStamp"))
    seconds = number(get(error, "resets_in_seconds"))
    yield after(now, seconds) if seconds is not None else at_any(get(error, "resets_at"))
    yield at_any(get(error, "metadata", "resets_at"))
    reset = get(error, "metadata", "headers", "X-RateLimit-Reset")
    yield at_ms(reset) if (number(reset) or 0) > 10**11 else None
    yield after(now, number(get(error, "retry_after")) or number(get(document, "retry_after")))


def _texts(message: str, now: datetime) -> Iterator[datetime | None]:
    for amount, unit in _RETRY_TEXT.findall(message)[:5]:
        lowered = unit.lower()
        short = "ms" if lowered == "ms" or lowered.startswith("milli") else "m" if lowered.startswith("m") else lowered[0]
        yield after(now, float(amount) * _UNIT_SECONDS[short])
    for day, zone in _RESET_TEXT.findall(message)[:5]:
        found = at_iso(day)
        if found is not None and not zone:  # a naive local time of a vendor in Asia; used only while it is still ahead
            found = found - _ASIA if found - _ASIA > now else found
        yield found if found is not None and found > now else None
    for day, clock in _REGAIN_TEXT.findall(message)[:5]:
        yield at_iso(f"{day}T{clock or '00:00'}:00+00:00")


def next_month(now: datetime) -> datetime:
    """00:00 UTC of the first day of the next month."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def next_day(now: datetime) -> datetime:
    """The next 00:00 UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
