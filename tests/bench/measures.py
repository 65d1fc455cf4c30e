"""Pure. What a benchmark yields."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table; `ours` and `target` carry their units, `reached` compares them."""

    what: str
    target: str
    ours: str
    reached: bool
