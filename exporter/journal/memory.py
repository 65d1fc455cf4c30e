"""Edge. What earlier runs learned of each subject, kept in our file. It holds no secrets.

Whatever is wrong with the file (newer, damaged, locked, not writable), it is left as it is and the memory lasts as long as the process.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from exporter.journal.file import FAULTS, FILE_NAME, NO_PLACE, SALT_BYTES, Refused, opened, reason, storable, to_instant, to_ms, transaction
from exporter.judging.history import History, Remembered, Subject

_TOUCH_EVERY: Final = timedelta(minutes=5)


class Journal:
    """The memory. `fault` says why it lasts only as long as this process, "" when it is kept on disk."""

    def __init__(self, directory: Path | None) -> None:
        """Open or create the file; never raises for what is wrong with it."""
        self.fault = ""
        self.history = History(secrets.token_bytes(SALT_BYTES))
        self.written_at: datetime | None = None
        self._on_disk = self.history
        self._file: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        if directory is None:
            self.fault = NO_PLACE
            return
        try:
            self._file = opened(directory)
            self._load(self._file)
        except FAULTS as error:
            self._give_up(f"{directory / FILE_NAME}: {reason(error)}")

    def save(self, history: History, now: datetime) -> None:
        """Keep `history`; writes only what differs from the last one, and the time every few minutes."""
        with self._lock:
            self.history = history
            if self._file is None:
                return
            touched = self.written_at is not None and timedelta(0) <= now - self.written_at < _TOUCH_EVERY
            if history is self._on_disk and touched:
                return
            try:
                self._write(self._file, self._on_disk, history, now)
            except sqlite3.Error as error:
                self.fault = f"cannot be written: {reason(error)}"
                return
            self._on_disk, self.written_at, self.fault = history, now, ""

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _give_up(self, fault: str) -> None:
        self.fault = fault
        if self._file is not None:
            self._file.close()
            self._file = None

    def _load(self, file: sqlite3.Connection) -> None:
        salt = file.execute("SELECT value FROM meta WHERE key = 'salt'").fetchone()
        written = file.execute("SELECT value FROM meta WHERE key = 'written_ms'").fetchone()
        rows = file.execute(
            "SELECT gateway, agent, provider, profile, first_seen_ms, fingerprint, changed_ms, auth_failing_since_ms, fence_seen_ms,"
            " dark_since_ms FROM subjects"
        )
        subjects = {}
        for gateway, agent, provider, profile, first, fingerprint, changed, failing, fence, dark in rows:
            first_seen_at = to_instant(first) or datetime.fromtimestamp(0, UTC)
            instants = [to_instant(ms) for ms in (changed, failing, fence, dark)]
            remembered = Remembered(first_seen_at, fingerprint, *instants)
            subjects[Subject(gateway, agent, provider, profile)] = remembered
        if salt is None or len(salt[0]) != SALT_BYTES:
            raise Refused("it has no salt")
        self.history = self._on_disk = History(bytes(salt[0]), MappingProxyType(subjects))
        self.written_at = to_instant(written[0]) if written else None

    def _write(self, file: sqlite3.Connection, before: History, history: History, now: datetime) -> None:
        changed = [(s, r) for s, r in history.subjects.items() if before.subjects.get(s) is not r]
        gone = [subject for subject in before.subjects if subject not in history.subjects]
        with transaction(file):
            file.executemany("DELETE FROM subjects WHERE gateway = ? AND agent = ? AND provider = ? AND profile = ?", map(_storable, gone))
            file.executemany("REPLACE INTO subjects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (_row(s, r) for s, r in changed))
            file.execute("REPLACE INTO meta VALUES ('written_ms', ?)", (to_ms(now),))


def _row(subject: Subject, r: Remembered) -> tuple[object, ...]:
    times = (to_ms(r.changed_at), to_ms(r.auth_failing_since), to_ms(r.fence_seen_at), to_ms(r.dark_since))
    return (*_storable(subject), to_ms(r.first_seen_at), r.fingerprint, *times)


def _storable(subject: Subject) -> tuple[str, ...]:
    return tuple(storable(part) for part in subject)
