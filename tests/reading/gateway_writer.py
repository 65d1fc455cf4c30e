"""Edge. A program that treats a database as a busy gateway does: python gateway_writer.py DATABASE PROGRESS SECONDS JOURNAL STEP USER

It commits one counter to two rows whose sizes keep changing, checkpoints by itself after every few pages, sometimes
truncates the log, vacuums, or closes and opens again. After each commit it tells the counter in PROGRESS (8 bytes).
USER is a user id, or -1; it changes to it late, because a Python of root's may be out of that user's reach.
"""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import sys
import time

BULK = 300  # pages of the database that hardly change: it is as big as those of real gateways


def payload(counter: int, size: int) -> str:
    """Make a text that proves by itself whether it is whole."""
    filling = random.Random(counter).randbytes(size // 2).hex()
    return f"{counter}:{hashlib.sha256(filling.encode()).hexdigest()}:{filling}"


def connect(path: str, journal: str) -> sqlite3.Connection:
    """Open as the gateways do, with a log that is checkpointed much more often."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA wal_autocheckpoint = 8")
    connection.execute("CREATE TABLE IF NOT EXISTS first (key TEXT PRIMARY KEY, value TEXT)")
    connection.execute("CREATE TABLE IF NOT EXISTS ballast (value BLOB)")
    connection.execute("CREATE TABLE IF NOT EXISTS bulk (id INTEGER PRIMARY KEY, counter INTEGER, value BLOB)")
    if not connection.execute("SELECT count(*) FROM bulk").fetchone()[0]:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO bulk (counter, value) VALUES (0, randomblob(3500))", [()] * BULK)
        connection.execute("COMMIT")
    connection.execute("CREATE TABLE IF NOT EXISTS second (key TEXT PRIMARY KEY, value TEXT)")
    return connection


def commit(connection: sqlite3.Connection, counter: int, chance: random.Random) -> None:
    """Write the counter to both rows, and other things around it, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT OR REPLACE INTO first VALUES ('primary', ?)", (payload(counter, chance.randrange(10, 20_000)),))
    connection.execute("INSERT INTO ballast VALUES (randomblob(?))", (chance.randrange(1, 30_000),))
    connection.execute("DELETE FROM ballast WHERE rowid <= ?", (counter - chance.randrange(1, 20),))
    connection.execute("UPDATE bulk SET counter = ? WHERE id = ?", (counter, chance.randint(1, BULK)))
    connection.execute("INSERT OR REPLACE INTO second VALUES ('primary', ?)", (payload(counter, chance.randrange(10, 20_000)),))
    connection.execute("PRAGMA incremental_vacuum(3)")
    connection.execute("COMMIT")


def main(path: str, progress: str, seconds: float, journal: str, step: float) -> None:
    """Write until the time is over."""
    chance = random.Random(1)
    shown = os.open(progress, os.O_WRONLY | os.O_CREAT, 0o644)
    connection = connect(path, journal)
    counter = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        counter += 1
        commit(connection, counter, chance)
        os.pwrite(shown, counter.to_bytes(8, "big"), 0)
        match chance.randrange(30):
            case 0:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            case 1:
                connection.close()  # the last one to close removes the log
                connection = connect(path, journal)
            case 2:
                connection.execute("VACUUM")
            case 3:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("UPDATE first SET value = 'never committed' || hex(randomblob(30000))")
                connection.execute("ROLLBACK")
            case _:
                pass
        time.sleep(chance.random() * step)
    connection.close()


if __name__ == "__main__":
    if (user := int(sys.argv[6])) >= 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4], float(sys.argv[5]))
