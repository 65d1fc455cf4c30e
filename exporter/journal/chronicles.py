"""Edge. What changed of each profile, kept in our file, so that its page tells it after a restart too.

Whatever is wrong with the file, it is left as it is and the memory lasts as long as the process.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import MappingProxyType
from typing import Final

from exporter import chronicle as chronicles
from exporter.chronicle import Chronicle, Record
from exporter.journal.file import FAULTS, FILE_NAME, NO_PLACE, opened, reason, storable, to_instant, to_ms, transaction
from exporter.judging.history import Subject
from exporter.verdict import Snapshot

_SINCE: Final = "watched_since_ms"


class ChronicleBook:
    """The memory. `fault` says why it lasts only as long as this process, "" when it is kept on disk."""

    def __init__(self, directory: Path | None) -> None:
        """Open the file and load it; never raises for what is wrong with it."""
        self.fault = ""
        self.chronicle = self._on_disk = Chronicle()
        self._file: sqlite3.Connection | None = None
        if directory is None:
            self.fault = NO_PLACE
            return
        try:
            self._file = opened(directory)
            self._load(self._file)
        except FAULTS as error:
            self.fault = f"{directory / FILE_NAME}: {reason(error)}"
            self.close()

    def note(self, before: Snapshot | None, after: Snapshot) -> None:
        """Note what a pass changed, and write only that; what cannot be written now is tried again with the next change."""
        self.chronicle = chronicles.note(self.chronicle, before, after)
        if self._file is None or self.chronicle is self._on_disk:
            return
        try:
            self._write(self._file, self._on_disk, self.chronicle)
        except sqlite3.Error as error:
            self.fault = f"cannot be written: {reason(error)}"
            return
        self._on_disk, self.fault = self.chronicle, ""

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _load(self, file: sqlite3.Connection) -> None:
        records = {}
        for gateway, agent, provider, profile, document in file.execute(
            "SELECT gateway, agent, provider, profile, document FROM chronicle"
        ):
            record = chronicles.from_json(json.loads(document))
            if record is not None:
                records[Subject(gateway, agent, provider, profile)] = record
        since = file.execute("SELECT value FROM meta WHERE key = ?", (_SINCE,)).fetchone()
        self.chronicle = self._on_disk = Chronicle(to_instant(since[0]) if since else None, MappingProxyType(records))

    def _write(self, file: sqlite3.Connection, before: Chronicle, after: Chronicle) -> None:
        changed = ((s, r) for s, r in after.records.items() if before.records.get(s) is not r)
        gone = (map(storable, subject) for subject in before.records if subject not in after.records)
        with transaction(file):
            file.executemany(
                "DELETE FROM chronicle WHERE gateway = ? AND agent = ? AND provider = ? AND profile = ?", (tuple(key) for key in gone)
            )
            file.executemany("REPLACE INTO chronicle VALUES (?, ?, ?, ?, ?)", (_row(s, r) for s, r in changed))
            file.execute("REPLACE INTO meta VALUES (?, ?)", (_SINCE, to_ms(after.since)))


def _row(subject: Subject, record: Record) -> tuple[str, ...]:
    return (*map(storable, subject), json.dumps(chronicles.to_json(record), separators=(",", ":")))
