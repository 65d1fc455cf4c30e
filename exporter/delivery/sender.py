"""Edge. One round of delivery: every channel in a thread of its own, so that one that hangs holds up no other.

Order per notice: claim (written down), deliver, record. A crash in between leaves the claim, and the next try is marked a possible repeat.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from exporter.delivery.backoff import open_at, pause
from exporter.delivery.carrier import Carrier, DeliveryError, Outcome
from exporter.journal.ledger import Ledger
from exporter.journal.records import Claim, Standing
from exporter.logs import event

_LEASE: Final = timedelta(minutes=2)  # beyond the time a delivery may take


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel as the sender sees it."""

    name: str
    carrier: Carrier
    timeout: timedelta
    gap: timedelta = timedelta(0)  # between two deliveries


class Tally:
    """Counts deliveries by channel and outcome; every pair is there at 0 before it happens."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, channel: str) -> None:
        """Begin to count one more channel."""
        with self._lock:
            for outcome in Outcome:
                self._counts.setdefault((channel, outcome.value), 0)

    def count(self, channel: str, outcome: Outcome) -> None:
        """Count one try."""
        with self._lock:
            self._counts[(channel, outcome.value)] = self._counts.get((channel, outcome.value), 0) + 1

    def counts(self) -> Mapping[tuple[str, ...], int]:
        """Return all counts."""
        with self._lock:
            return dict(self._counts)


class Sender:
    """Empties the outbox as far as the channels let it."""

    def __init__(
        self, ledger: Ledger, lanes: Sequence[Lane], claimant: str, now: Callable[[], datetime], chance: Callable[[], float] = random.random
    ) -> None:
        """Take what it works with; nothing is sent yet."""
        self.tally = Tally()
        self._ledger, self._lanes, self._claimant, self._now, self._chance = ledger, tuple(lanes), claimant, now, chance
        self._stopping = threading.Event()

    def round(self, budget: timedelta = timedelta(minutes=1)) -> None:
        """Deliver what is due; a channel that fails is left to a later round, as is what does not fit into `budget`."""
        ends_at = self._now() + budget
        bugs: list[Exception] = []
        threads = [
            threading.Thread(target=self._guarded, args=(lane, ends_at, bugs), name=f"to-{lane.name}", daemon=True) for lane in self._lanes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if bugs:
            raise bugs[0]

    def stop(self) -> None:
        """Begin no further delivery."""
        self._stopping.set()

    def _guarded(self, lane: Lane, ends_at: datetime, bugs: list[Exception]) -> None:
        try:
            self._serve(lane, ends_at)
        except Exception as error:  # handed to the caller, whose job it is
            bugs.append(error)

    def _serve(self, lane: Lane, ends_at: datetime) -> None:
        standing = self._ledger.standings().get(lane.name, Standing(lane.name))
        while not self._stopping.is_set() and self._now() < ends_at and open_at(standing.next_try_at, self._now()):
            taken = self._ledger.claim(lane.name, self._claimant, self._now(), lane.timeout + _LEASE)
            if taken is None:
                return
            standing = self._try(lane, taken, standing)
            if lane.gap and standing.failures == 0:
                self._stopping.wait(lane.gap.total_seconds())

    def _try(self, lane: Lane, taken: Claim, standing: Standing) -> Standing:
        try:
            lane.carrier.deliver(taken.notice, lane.timeout.total_seconds())
        except DeliveryError as error:
            return self._failed(taken, standing, error)
        now = self._now()
        if standing.failures:
            event(logging.INFO, "channel_recovered", channel=lane.name)
        standing = Standing(lane.name, delivered_at=now)
        self._ledger.delivered(taken, standing, now)
        self.tally.count(lane.name, Outcome.DELIVERED)
        event(logging.INFO, "notice_delivered", channel=lane.name, notice=taken.notice.id, kind=taken.notice.kind)
        return standing

    def _failed(self, taken: Claim, standing: Standing, error: DeliveryError) -> Standing:
        now = self._now()
        after = fallen(standing, error, now, self._chance())
        next_at = now + pause(taken.attempts + 1, self._chance(), error.retry_after, hopeless=not error.retry)
        self._ledger.failed(taken, after, now, error.outcome.value, next_at=next_at, maybe=error.maybe)
        self.tally.count(standing.channel, error.outcome)
        tell_failure(standing, error)
        return after


def fallen(standing: Standing, error: DeliveryError, now: datetime, chance: float) -> Standing:
    """Return how a channel stands after one more failure."""
    failures = standing.failures + 1
    wait = pause(failures, chance, error.retry_after, hopeless=not error.retry)
    since = standing.failing_since or now
    return replace(standing, failures=failures, failing_since=since, next_try_at=now + wait, reason=error.words)


def tell_failure(before: Standing, error: DeliveryError) -> None:
    """Log a failure: a warning when it is new or differs, else for debugging."""
    level = logging.DEBUG if before.failures and before.reason == error.words else logging.WARNING
    event(level, "delivery_failed", channel=before.channel, outcome=error.outcome, why=error.words)
