"""Edge. The heartbeat channels: which pings are due, and sending them. Nothing is kept: a sign of life that is late is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from exporter.delivery.backoff import open_at
from exporter.delivery.carrier import DeliveryError, Outcome
from exporter.delivery.heartbeat import Beat, ping
from exporter.delivery.sender import Tally, fallen, tell_failure
from exporter.journal.ledger import Ledger
from exporter.journal.records import Standing
from exporter.model import Secret

# Together at most four a minute: such services refuse more than five.
_SUCCESS_EVERY: Final = timedelta(seconds=19)
_START_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor elsewhere that waits for our pings."""

    channel: str
    url: Secret
    timeout: timedelta


class Beats:
    """Collects what passes did, and tells the monitors."""

    def __init__(self, monitors: Sequence[Monitor], ledger: Ledger, tally: Tally, now: Callable[[], datetime]) -> None:
        """Nothing is due yet."""
        self._monitors, self._ledger, self._tally, self._now = tuple(monitors), ledger, tally, now
        self._lock = threading.Lock()
        self._due: list[tuple[Beat, str]] = []
        self._started_at: datetime | None = None
        self._told: tuple[datetime, str] | None = None  # when the last result was told, and what was wrong

    def begun(self, now: datetime) -> None:
        """Note that a pass begins."""
        with self._lock:
            if self._monitors and _elapsed(self._started_at, now, _START_EVERY):
                self._started_at = now
                self._due.append((Beat.START, ""))

    def done(self, now: datetime, wrong: str = "") -> None:
        """Note that a pass ended; `wrong` says what keeps people from being told, "" when nothing does."""
        with self._lock:
            said = self._told[1] if self._told else None
            if self._monitors and (wrong != said or _elapsed(self._told[0] if self._told else None, now, _SUCCESS_EVERY)):
                self._told = (now, wrong)
                self._due.append((Beat.FAIL, wrong) if wrong else (Beat.SUCCESS, ""))

    @property
    def due(self) -> bool:
        """Tell whether a ping waits."""
        with self._lock:
            return bool(self._due)

    def send(self) -> None:
        """Send what is due to every monitor at the same time."""
        with self._lock:
            due, self._due = self._due, []
        if not due:
            return
        standings = self._ledger.standings()
        threads = [
            threading.Thread(target=self._tell, args=(monitor, due, standings.get(monitor.channel, Standing(monitor.channel))), daemon=True)
            for monitor in self._monitors
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _tell(self, monitor: Monitor, due: Sequence[tuple[Beat, str]], standing: Standing) -> None:
        for beat, words in due:
            if not open_at(standing.next_try_at, self._now()):
                return
            try:
                ping(monitor.url, beat, monitor.timeout.total_seconds(), words)
            except DeliveryError as error:
                tell_failure(standing, error)
                self._tally.count(monitor.channel, error.outcome)
                standing = fallen(standing, error, self._now(), 0.0)
                self._ledger.stand(standing)
                continue
            self._tally.count(monitor.channel, Outcome.DELIVERED)
            if beat is not Beat.START and (standing.failures or standing.delivered_at is None):
                standing = Standing(monitor.channel, delivered_at=self._now())
                self._ledger.stand(standing)


def _elapsed(since: datetime | None, now: datetime, span: timedelta) -> bool:
    return since is None or not timedelta(0) <= now - since < span
