"""Edge. From the file into memory when the file fails, and back when it can be used again. Nothing in the file is overwritten blindly."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from exporter.alerting.alert import Book, Silence
from exporter.journal import book as rows

_KEYED: Final = {
    "alerts": ("identity",),
    "alert_groups": ("cause",),
    "silences": ("id",),
    "channels": ("channel",),
    "forwarded": ("channel", "key"),
}
_OWN_FROM: Final = 1 << 40  # sequences of notices that memory wrote itself


@dataclass(frozen=True, slots=True)
class Carried:
    """What memory took over from the file: of this only, absence later means that it is over."""

    keys: frozenset[tuple[str, ...]] = frozenset()  # table and key
    notices: frozenset[int] = frozenset()


def take_over(file: sqlite3.Connection, memory: sqlite3.Connection, book: Book | None, silences: tuple[Silence, ...]) -> Carried:
    """Copy what can still be read; else what this process knows. Never raises."""
    try:
        carried = _copied(file, memory)
    except sqlite3.Error:
        if memory.in_transaction:
            memory.execute("ROLLBACK")
        if book is not None:
            rows.save(memory, Book(), book)
            for silence in silences:
                rows.save_silence(memory, silence, silence.starts_at)
        carried = Carried(frozenset(_keys(memory)))
    memory.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    memory.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", (_OWN_FROM,))
    return carried


def carry_back(memory: sqlite3.Connection, file: sqlite3.Connection, carried: Carried) -> None:
    """Bring what happened in memory into the file, inside a transaction of the caller."""
    present = frozenset(_keys(memory))
    for table, *key in carried.keys - present:
        condition = " AND ".join(f"{column} = ?" for column in _KEYED[table])
        file.execute(f"DELETE FROM {table} WHERE {condition}", key)
    for table in _KEYED:
        _rows(memory, file, table, "REPLACE")
    kept = {sequence for (sequence,) in memory.execute("SELECT sequence FROM outbox")}
    file.executemany("DELETE FROM outbox WHERE sequence = ?", [(sequence,) for sequence in carried.notices - kept])
    _rows(memory, file, "outbox", "REPLACE", f"WHERE sequence <= {_OWN_FROM}")
    for table, condition in (("outbox", f"WHERE sequence > {_OWN_FROM}"), ("notice_log", "")):
        columns = ", ".join(_columns(memory, table)[1:])  # without the sequence, which the file gives anew
        marks = ", ".join("?" * (len(_columns(memory, table)) - 1))
        found = memory.execute(f"SELECT {columns} FROM {table} {condition} ORDER BY sequence").fetchall()
        file.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", found)
    file.execute("REPLACE INTO meta SELECT 'revision', coalesce((SELECT value FROM meta WHERE key = 'revision'), 0) + 1")


def _copied(file: sqlite3.Connection, memory: sqlite3.Connection) -> Carried:
    file.execute("BEGIN")
    try:
        memory.execute("BEGIN")
        for table in (*_KEYED, "outbox"):
            _rows(file, memory, table, "REPLACE")
        stepped = file.execute("SELECT key, value FROM meta WHERE key = 'stepped_ms'").fetchall()
        memory.executemany("REPLACE INTO meta VALUES (?, ?)", stepped)
        memory.execute("COMMIT")
    finally:
        if file.in_transaction:
            file.execute("ROLLBACK")
    notices = frozenset(sequence for (sequence,) in memory.execute("SELECT sequence FROM outbox"))
    return Carried(frozenset(_keys(memory)), notices)


def _rows(source: sqlite3.Connection, target: sqlite3.Connection, table: str, verb: str, condition: str = "") -> None:
    marks = ", ".join("?" * len(_columns(source, table)))
    target.executemany(f"{verb} INTO {table} VALUES ({marks})", source.execute(f"SELECT * FROM {table} {condition}").fetchall())


def _keys(memory: sqlite3.Connection) -> list[tuple[str, ...]]:
    return [(table, *row) for table, key in _KEYED.items() for row in memory.execute(f"SELECT {', '.join(key)} FROM {table}")]


def _columns(file: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
