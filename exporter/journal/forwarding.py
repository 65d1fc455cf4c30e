"""Edge. What other alert managers were told is firing, so that a restart neither forgets to end it nor ends it early."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from exporter.journal.file import storable, to_instant, to_ms
from exporter.journal.records import Forwarded

_ENDED_KEPT: Final = timedelta(minutes=15)  # as long as Prometheus goes on telling of a resolved alert


def update(file: sqlite3.Connection, channel: str, firing: Mapping[str, Mapping[str, Any]], now: datetime) -> bool:
    """Note what is firing now; what was firing before ends. True when something changed."""
    known = {entry.key: entry for entry in entries(file, channel)}
    changed = False
    for key, document in firing.items():
        before = known.get(key)
        if before is None or before.ends_at is not None or before.document != document:
            file.execute("REPLACE INTO forwarded VALUES (?, ?, ?, NULL, NULL)", (storable(channel), key, json.dumps(document)))
            changed = True
    for key, before in known.items():
        if key not in firing and before.ends_at is None:
            row = (to_ms(now), storable(channel), key)
            file.execute("UPDATE forwarded SET ends_ms = ?, confirmed_ms = NULL WHERE channel = ? AND key = ?", row)
            changed = True
    return changed


def entries(file: sqlite3.Connection, channel: str) -> tuple[Forwarded, ...]:
    """Return everything that has to be told to one manager."""
    rows = file.execute("SELECT key, document, ends_ms, confirmed_ms FROM forwarded WHERE channel = ?", (storable(channel),)).fetchall()
    return tuple(Forwarded(key, json.loads(document), to_instant(ends), to_instant(confirmed)) for key, document, ends, confirmed in rows)


def confirm(file: sqlite3.Connection, channel: str, told: tuple[Forwarded, ...], now: datetime) -> None:
    """Note that they were taken; what is over and was told for long enough is forgotten."""
    for entry in told:
        row = (to_ms(now), storable(channel), entry.key, to_ms(entry.ends_at))
        file.execute("UPDATE forwarded SET confirmed_ms = ? WHERE channel = ? AND key = ? AND ends_ms IS ?", row)
    file.execute(
        "DELETE FROM forwarded WHERE channel = ? AND confirmed_ms IS NOT NULL AND ends_ms <= ?",
        (storable(channel), to_ms(now - _ENDED_KEPT)),
    )
