"""Edge. What is remembered of probes, in our file: accounts, hosts, counts of the day, the last outcomes, the last answers.

A one-shot run and a daemon may share the file: it is read anew before a pass, and only what changed is written.
Whatever is wrong with the file, the memory then lasts as long as the process, and says so.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from exporter.journal.file import FAULTS, FILE_NAME, NO_PLACE, opened, reason, storable, to_instant, to_ms, transaction
from exporter.outcome import Outcome
from exporter.planning import probe_json
from exporter.planning.probe_memory import Memory, Remembered
from exporter.providers.row import Purpose

RECENT: Final = 200  # answers kept
_SINCE: Final = "probes_since_ms"

Entry = Mapping[str, object]


class ProbeBook:
    """The memory of probes. `fault` says why it lasts only as long as this process, "" when it is kept on disk."""

    def __init__(self, directory: Path | None, now: datetime) -> None:
        """Open the file and load it; never raises for what is wrong with it."""
        self.fault = ""
        self.memory = Memory(now)
        self.outcomes: Mapping[str, Outcome] = MappingProxyType({})
        self._on_disk: tuple[Memory, Mapping[str, Outcome]] = (self.memory, self.outcomes)
        self._recent: deque[Entry] = deque(maxlen=RECENT)
        self._lock = threading.Lock()
        self._file: sqlite3.Connection | None = None
        if directory is None:
            self.fault = NO_PLACE
            return
        try:
            self._file = opened(directory)
            self._load(self._file, now)
        except FAULTS as error:
            self._give_up(f"{directory / FILE_NAME}: {reason(error)}")

    @property
    def survives(self) -> bool:
        """True when what is remembered will still be there after a restart."""
        return self._file is not None and not self.fault

    def reload(self, now: datetime) -> None:
        """Take in what another process wrote meanwhile."""
        with self._lock:
            if self._file is None:
                return
            try:
                self._load(self._file, now)
                self.fault = ""
            except FAULTS as error:
                self.fault = f"cannot be read: {reason(error)}"

    def keep(self, memory: Memory, outcomes: Mapping[str, Outcome], answers: Sequence[Entry], now: datetime) -> None:
        """Replace what is remembered and write what differs; `answers` are added to the last ones."""
        with self._lock:
            before, known = self._on_disk
            self.memory, self.outcomes = memory, outcomes
            self._recent.extend(answers)
            if self._file is None:
                return
            try:
                with transaction(self._file) as file:
                    _write_accounts(file, before, memory, known, outcomes)
                    _write_counts(file, before, memory)
                    _write_answers(file, answers, now)
                self._on_disk, self.fault = (memory, outcomes), ""
            except FAULTS as error:
                self.fault = f"cannot be written: {reason(error)}"

    def recent(self) -> tuple[Entry, ...]:
        """The last answers, newest first."""
        with self._lock:
            return tuple(reversed(self._recent))

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

    def _load(self, file: sqlite3.Connection, now: datetime) -> None:
        since = file.execute("SELECT value FROM meta WHERE key = ?", (_SINCE,)).fetchone()
        if since is None:
            with transaction(file):
                file.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_SINCE, to_ms(now)))
        targets: dict[str, Remembered] = {}
        outcomes: dict[str, Outcome] = {}
        for key, remembered, outcome in file.execute("SELECT key, remembered, outcome FROM probe_accounts"):
            if (read := probe_json.remembered(remembered)) is not None:
                targets[key] = read
            if outcome and (said := probe_json.outcome(outcome)) is not None:
                outcomes[key] = said
        hosts = {host: to_instant(ms) or now for host, ms in file.execute("SELECT host, asked_ms FROM probe_hosts")}
        rows = file.execute("SELECT day, provider, purpose, count FROM probe_counts").fetchall()
        spent = {(day, provider, Purpose(purpose)): count for day, provider, purpose, count in rows}
        self.memory = Memory(
            (to_instant(since[0]) if since else None) or now, MappingProxyType(targets), MappingProxyType(hosts), MappingProxyType(spent)
        )
        self.outcomes = MappingProxyType({key: self._same(key, outcome) for key, outcome in outcomes.items()})
        self._on_disk = (self.memory, self.outcomes)
        answers = file.execute("SELECT document FROM probe_answers ORDER BY sequence DESC LIMIT ?", (RECENT,)).fetchall()
        self._recent = deque((json.loads(document) for (document,) in reversed(answers)), maxlen=RECENT)

    def _same(self, key: str, outcome: Outcome) -> Outcome:
        """The object that is known already, where nothing changed: verdicts of unchanged outcomes stand."""
        known = self.outcomes.get(key)
        return known if known is not None and probe_json.dump(known) == probe_json.dump(outcome) else outcome


def _write_accounts(
    file: sqlite3.Connection, before: Memory, after: Memory, known: Mapping[str, Outcome], outcomes: Mapping[str, Outcome]
) -> None:
    gone = [(storable(key),) for key in before.targets if key not in after.targets]
    file.executemany("DELETE FROM probe_accounts WHERE key = ?", gone)
    changed = [
        (storable(key), probe_json.dump(kept), probe_json.dump(outcomes[key]) if key in outcomes else "")
        for key, kept in after.targets.items()
        if before.targets.get(key) is not kept or outcomes.get(key) is not known.get(key)
    ]
    file.executemany("REPLACE INTO probe_accounts VALUES (?, ?, ?)", changed)


def _write_counts(file: sqlite3.Connection, before: Memory, after: Memory) -> None:
    """Write when hosts were asked, and add to the counts: another process may have added to them too."""
    hosts = [(storable(host), to_ms(at)) for host, at in after.hosts.items() if before.hosts.get(host) != at]
    file.executemany("REPLACE INTO probe_hosts VALUES (?, ?)", hosts)
    file.executemany("DELETE FROM probe_hosts WHERE host = ?", [(storable(host),) for host in before.hosts if host not in after.hosts])
    more = [(*map(storable, key), count - before.spent.get(key, 0)) for key, count in after.spent.items()]
    file.executemany(
        "INSERT INTO probe_counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = max(0, count + excluded.count)",
        [row for row in more if row[3]],
    )
    file.executemany(
        "DELETE FROM probe_counts WHERE day = ? AND provider = ? AND purpose = ?",
        [tuple(map(storable, key)) for key in before.spent if key not in after.spent],
    )


def _write_answers(file: sqlite3.Connection, answers: Sequence[Entry], now: datetime) -> None:
    if not answers:
        return
    rows = [(to_ms(now), json.dumps(answer, separators=(",", ":"))) for answer in answers]
    file.executemany("INSERT INTO probe_answers (at_ms, document) VALUES (?, ?)", rows)
    file.execute("DELETE FROM probe_answers WHERE sequence <= (SELECT max(sequence) FROM probe_answers) - ?", (RECENT,))
