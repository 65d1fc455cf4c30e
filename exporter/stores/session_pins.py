"""Pure. Which profiles people tied sessions to (`/model …@profile`), and how many sessions each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

Pins = tuple[tuple[str, int], ...]

FIELD: Final = "authProfileOverride"
_SOURCE: Final = "authProfileOverrideSource"
_BY_THEMSELVES: Final = "auto"  # the gateway's own choice of the moment: it changes that again when it must
_LONGEST: Final = 256


def parse(raw: bytes, owned: Callable[[str], bool] = lambda key: True) -> Pins | None:
    """Count the pins of one `sessions.json`; None when it cannot be read. `owned` chooses among the sessions of several agents, by key.

    Shape:  {session key: {"authProfileOverride"?, "authProfileOverrideSource"?: "user" | "auto", …}}
    Source: docs/concepts/session.md and src/config/sessions/types.ts of openclaw.
    """
    if FIELD.encode() not in raw:
        return ()
    try:
        tree = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return count(entry for key, entry in tree.items() if owned(key)) if isinstance(tree, dict) else None


def owner(key: str) -> str:
    """Return the agent whose session this is: keys are `agent:<id>:…`; "" where the key does not say."""
    head, _, rest = key.partition(":")
    return rest.partition(":")[0] if head == "agent" else ""


def parse_rows(rows: Iterable[bytes]) -> Pins:
    """Count the pins of the rows of a database, one session each; rows that cannot be read say nothing."""
    return count(_decoded(rows))


def count(entries: Iterable[object]) -> Pins:
    """Count how many sessions people tied to each profile."""
    return tuple(sorted(Counter(pin for entry in entries if (pin := _pin(entry))).items()))


def _decoded(rows: Iterable[bytes]) -> Iterator[object]:
    for row in rows:
        try:
            yield json.loads(row)
        except (ValueError, RecursionError):
            continue


def _pin(entry: object) -> str:
    if not isinstance(entry, dict) or entry.get(_SOURCE) == _BY_THEMSELVES:
        return ""
    pinned = entry.get(FIELD)
    return pinned.strip() if isinstance(pinned, str) and len(pinned) <= _LONGEST else ""
