"""Pure. How a stored expiry stands at an instant, in the words all callers share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import assert_never

from exporter.model import Expiry, ExpiryKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class ExpiryState(StrEnum):
    """How an expiry stands."""

    MISSING = "missing"
    INVALID = "invalid"
    EXPIRED = "expired"
    EXPIRING = "expiring"
    VALID = "valid"


def unix_ms(instant: datetime) -> int:
    """Return Unix milliseconds, cut as the gateways' clock cuts them."""
    return (instant - _EPOCH) // _MILLISECOND


def state(expiry: Expiry, now: datetime, window: timedelta) -> ExpiryState:
    """Say how `expiry` stands at `now`; both boundaries (now, now + window) belong to the worse word."""
    match expiry.kind:
        case ExpiryKind.ABSENT:
            return ExpiryState.MISSING
        case ExpiryKind.INVALID:
            return ExpiryState.INVALID
        case ExpiryKind.DATED:
            remaining = (expiry.ms or 0) - unix_ms(now)
            if remaining <= 0:
                return ExpiryState.EXPIRED
            return ExpiryState.EXPIRING if remaining <= window / _MILLISECOND else ExpiryState.VALID
        case _:
            assert_never(expiry.kind)
