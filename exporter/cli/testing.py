"""Edge. `alerts test`: one message per channel, at once, past the outbox; what happened is written into the log."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporter.alarm import Alarm, utc_now
from exporter.alerting.life import canary
from exporter.delivery.carrier import DeliveryError, Outcome
from exporter.journal.file import state_directory
from exporter.journal.speaking import Kind
from exporter.logs import configure
from exporter.settings import Settings


@dataclass(frozen=True, slots=True)
class Result:
    """What happened on one channel."""

    channel: str
    outcome: Outcome
    why: str
    seconds: float

    @property
    def fine(self) -> bool:
        """Tell whether it arrived."""
        return self.outcome is Outcome.DELIVERED


def results(settings: Settings, names: Sequence[str]) -> Iterator[Result]:
    """Send a test to each channel at the same time; yields what happened, in the order of the names."""
    configure("error", settings.log.format)
    alarm = Alarm(settings, os.environ, utc_now, state_directory(settings.state_dir, os.environ), kind=Kind.CHECK)
    found: dict[str, Result] = {}
    try:
        threads = [threading.Thread(target=lambda name=name: found.update({name: _result(alarm, name)}), daemon=True) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield from (found[name] for name in dict.fromkeys(names))
    finally:
        alarm.close()


def _result(alarm: Alarm, name: str) -> Result:
    began, now = time.monotonic(), utc_now()
    notice = canary(now, alarm.policy, name)
    try:
        alarm.channels.test(notice, alarm.policy, now)
        result = Result(name, Outcome.DELIVERED, "", time.monotonic() - began)
    except DeliveryError as error:
        result = Result(name, error.outcome, error.words, time.monotonic() - began)
    alarm.ledger.log_test(notice, utc_now(), result.outcome.value, result.why)
    return result
