"""Pure. A bucket of tokens for everybody who may try: empty after a few tries, and filling up again with time."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_MOST: Final = 4096  # names remembered; the one not heard of for longest is forgotten first


class Throttle:
    """`burst` tries at once, then one every `seconds`. Times are of any clock that never runs back."""

    def __init__(self, burst: int, seconds: float) -> None:
        """Begin with full buckets."""
        self._burst, self._seconds = burst, seconds
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> tries spent, and when that was so

    def wait(self, name: str, now: float) -> float:
        """Return how many seconds until the next try; 0 when it may be now."""
        return max(0.0, (self._now_spent(name, now) + 1 - self._burst) * self._seconds)

    def spend(self, name: str, now: float) -> None:
        """Note one try."""
        self._spent[name] = (min(self._now_spent(name, now) + 1, self._burst), now)
        self._spent.move_to_end(name)
        while len(self._spent) > _MOST:
            self._spent.popitem(last=False)

    def _now_spent(self, name: str, now: float) -> float:
        spent, at = self._spent.get(name, (0.0, now))
        return max(0.0, spent - (now - at) / self._seconds)
