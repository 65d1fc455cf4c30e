"""Pure. When a channel may be tried again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

FIRST: Final = timedelta(seconds=5)
MOST: Final = timedelta(minutes=5)
_STRANGE: Final = timedelta(hours=2)  # a plan further ahead than any pause was made under another clock
_SPREAD: Final = 0.4


def pause(failures: int, chance: float, asked: timedelta | None = None, *, hopeless: bool = False) -> timedelta:
    """Return how long to wait after so many failures in a row: doubling, at most five minutes, spread by a fifth either way.

    `chance` lies in 0…1. What the other side `asked` for is never undercut. `hopeless`: only a person can help, so the longest at once.
    """
    doubled = MOST if hopeless or failures > 20 else min(MOST, FIRST * 2 ** max(failures - 1, 0))
    spread = doubled * (1 - _SPREAD / 2 + _SPREAD * chance)
    return max(spread, asked) if asked is not None else spread


def open_at(next_try_at: datetime | None, now: datetime) -> bool:
    """Tell whether a channel may be tried now."""
    return next_try_at is None or next_try_at <= now or next_try_at > now + _STRANGE
