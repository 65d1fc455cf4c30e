"""Edge. A program that reads what gateway_writer writes: python gateway_watcher.py DATABASE PROGRESS SECONDS USER

It prints what it found as JSON: how many reads, how many different states, and everything wrong with any of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from exporter.model import StoreKind, StoreRef
from exporter.reading.sqlite_file import read_database


def whole(text: str) -> int:
    """Return the counter of a payload, -1 when it is not whole."""
    counter, digest, filling = text.split(":")
    return int(counter) if hashlib.sha256(filling.encode()).hexdigest() == digest else -1


def look(image: bytes) -> list[int]:
    """Return the counters of an image; a sound one has the same one three times."""
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(image)
            if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return [-2]
            values = [whole(value) for table in ("first", "second") for (value,) in connection.execute(f"SELECT value FROM {table}")]
            return [*values, *connection.execute("SELECT max(counter) FROM bulk").fetchone()]
    except sqlite3.Error:
        return [-3]


def main(path: Path, progress: Path, seconds: float) -> None:
    """Read until the time is over."""
    ref = StoreRef("work", "main", StoreKind.AGENT_DB, str(path))
    shown = os.open(progress, os.O_RDONLY)
    wrong: list[str] = []
    seen: set[int] = set()
    reads = newest = pauses = 0

    def pause(delay: float) -> None:
        nonlocal pauses
        pauses += 1
        time.sleep(delay)

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        least = max(newest, int.from_bytes(os.pread(shown, 8, 0), "big"))
        result = read_database(path, ref, pause)
        reads += 1
        if result.value is None:
            wrong.append(f"{[str(problem.reason) for problem in result.problems]} after {least}")
            continue
        counters = look(result.value.image)
        if len(counters) != 3 or len(set(counters)) != 1 or counters[0] < least:
            wrong.append(f"{counters} after {least}")
        newest = max(newest, *counters)
        seen.update(counters)
    print(
        json.dumps({"user": os.getuid(), "reads": reads, "states": len(seen), "pauses": pauses, "wrong": wrong[:20], "wrongs": len(wrong)})
    )


if __name__ == "__main__":
    if (user := int(sys.argv[4])) >= 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
