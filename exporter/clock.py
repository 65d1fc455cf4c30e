"""Pure. Can this machine's clock be right, and did it jump?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from exporter.built import BUILT_AT
from exporter.words import instant

_JUMP: Final = timedelta(seconds=2)


def held(now: datetime, written_at: datetime | None, slack: timedelta, built_at: datetime = BUILT_AT) -> str:
    """Say why `now` cannot be right; "" when it can. `written_at` is our journal's last write."""
    if now < built_at:
        return f"this machine's clock shows {instant(now)}, before this release was built ({instant(built_at)})"
    if written_at is not None and now < written_at - slack:
        return f"this machine's clock shows {instant(now)}, before our own last write ({instant(written_at)})"
    return ""


def jumped(wall: timedelta, monotonic: timedelta) -> bool:
    """Compare what two clocks measured of the same span: more than two seconds apart is a jump, or the machine slept."""
    return abs(wall - monotonic) > _JUMP
