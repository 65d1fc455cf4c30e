"""Edge. The alert book, the silences and the standing of each channel as rows of our file.

Every function works inside a transaction of its caller.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from exporter.alerting.alert import Alert, Book, Group, Silence
from exporter.alerting.alert_json import alert_from_json, group_from_json, silence_from_json, to_json
from exporter.journal.file import storable, to_instant, to_ms
from exporter.journal.records import Standing

_KEPT_SILENCES_MS: Final = 5 * 24 * 3_600_000


def revision(file: sqlite3.Connection) -> int:
    """Return a number that grows with every change of book or silences, whoever makes it."""
    row = file.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()
    return int(row[0]) if row else 0


def load(file: sqlite3.Connection) -> Book:
    """Read the book; a row of a release that wrote it otherwise is left out."""
    alerts: dict[str, Alert] = {}
    for _, document in file.execute("SELECT identity, document FROM alerts"):
        if (alert := alert_from_json(json.loads(document))) is not None:
            alerts[alert.identity] = alert
    groups: dict[str, Group] = {}
    for cause, document in file.execute("SELECT cause, document FROM alert_groups"):
        if (group := group_from_json(json.loads(document))) is not None:
            groups[cause] = group
    stepped = file.execute("SELECT value FROM meta WHERE key = 'stepped_ms'").fetchone()
    return Book(MappingProxyType(alerts), MappingProxyType(groups), to_instant(stepped[0]) if stepped else None)


def save(file: sqlite3.Connection, before: Book, book: Book) -> None:
    """Write what differs between two books."""
    _differences(file, "alerts", "identity", before.alerts, book.alerts)
    _differences(file, "alert_groups", "cause", before.groups, book.groups)
    if book.at is not None:
        file.execute("REPLACE INTO meta VALUES ('stepped_ms', ?)", (to_ms(book.at),))
    _revise(file)


def load_silences(file: sqlite3.Connection) -> tuple[Silence, ...]:
    """Read every silence that is kept, the ended ones of the last days too."""
    rows = file.execute("SELECT document FROM silences ORDER BY id").fetchall()
    return tuple(silence for (document,) in rows if (silence := silence_from_json(json.loads(document))) is not None)


def save_silence(file: sqlite3.Connection, silence: Silence, now: datetime) -> None:
    """Write one silence, and forget those that ended long ago."""
    file.execute("REPLACE INTO silences VALUES (?, ?)", (silence.id, json.dumps(to_json(silence))))
    for old in load_silences(file):
        if (to_ms(old.ends_at) or 0) < (to_ms(now) or 0) - _KEPT_SILENCES_MS:
            file.execute("DELETE FROM silences WHERE id = ?", (old.id,))
    _revise(file)


def standings(file: sqlite3.Connection) -> Mapping[str, Standing]:
    """Read how every channel fares."""
    rows = file.execute("SELECT channel, failures, failing_since_ms, next_try_ms, reason, delivered_ms FROM channels").fetchall()
    return {row[0]: Standing(row[0], row[1], to_instant(row[2]), to_instant(row[3]), row[4], to_instant(row[5])) for row in rows}


def save_standing(file: sqlite3.Connection, standing: Standing) -> None:
    """Write how one channel fares."""
    times = (to_ms(standing.failing_since), to_ms(standing.next_try_at))
    row = (storable(standing.channel), standing.failures, *times, storable(standing.reason), to_ms(standing.delivered_at))
    file.execute("REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?)", row)


def due(file: sqlite3.Connection, name: str, every: timedelta, now: datetime) -> bool:
    """Tell whether something is due again, and note that it is done now."""
    row = file.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
    last = to_instant(row[0]) if row else None
    if last is not None and timedelta(0) <= now - last < every:
        return False
    file.execute("REPLACE INTO meta VALUES (?, ?)", (name, to_ms(now)))
    return True


def _differences(
    file: sqlite3.Connection, table: str, key: str, before: Mapping[str, Alert | Group], after: Mapping[str, Alert | Group]
) -> None:
    gone = [(storable(name),) for name in before if name not in after]
    changed = ((storable(name), json.dumps(to_json(noun))) for name, noun in after.items() if before.get(name) is not noun)
    file.executemany(f"DELETE FROM {table} WHERE {key} = ?", gone)
    file.executemany(f"REPLACE INTO {table} VALUES (?, ?)", changed)


def _revise(file: sqlite3.Connection) -> None:
    file.execute("REPLACE INTO meta VALUES ('revision', ?)", (revision(file) + 1,))
