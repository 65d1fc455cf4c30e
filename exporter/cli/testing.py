"""Edge. `alerts test` and `alerts tell`: one message per channel, at once, past the outbox; what happened goes into the log."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporter.alarm import Alarm, utc_now
from exporter.alerting.life import canary, cry
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


def results(settings: Settings, names: Sequence[str], words: str = "") -> Iterator[Result]:
    """Send a test to each channel at the same time, or, with `words`, that the watch has failed; yields what happened, in order."""
    configure("error", settings.log.format)
    alarm = Alarm(settings, os.environ, utc_now, state_directory(settings.state_dir, os.environ), kind=Kind.CHECK)
    found: dict[str, Result] = {}
    try:
        threads = [
            threading.Thread(target=lambda name=name: found.update({name: _result(alarm, name, words)}), daemon=True) for name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield from (found[name] for name in dict.fromkeys(names))
    finally:
        alarm.close()


def _result(alarm: Alarm, name: str, words: str) -> Result:
    began, now = time.monotonic(), utc_now()
    notice = cry(now, alarm.policy, name, words) if words else canary(now, alarm.policy, name)
    try:
        alarm.channels.send_alone(notice, alarm.policy, now)
        result = Result(name, Outcome.DELIVERED, "", time.monotonic() - began)
    except DeliveryError as error:
        result = Result(name, error.outcome, error.words, time.monotonic() - began)
    alarm.ledger.log_test(notice, utc_now(), result.outcome.value, result.why)
    return result
