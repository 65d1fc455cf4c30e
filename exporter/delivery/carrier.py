"""Pure. What a channel's carrier is, and the one exception that says why a delivery failed."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from exporter.alerting.notice import Notice
from exporter.model import Secret
from exporter.providers.redact import redact


class Outcome(StrEnum):
    """What became of one try; the value is the `outcome` label."""

    DELIVERED = "delivered"
    FAILED = "failed"
    TIMEOUT = "timeout"


class DeliveryError(Exception):
    """One try failed. The words are for people and hold no secret.

    `maybe` says that it may have arrived all the same, `retry_after` what the other side asked for,
    `retry` that another try can help without somebody changing something.
    """

    def __init__(
        self,
        words: str,
        outcome: Outcome = Outcome.FAILED,
        *,
        maybe: bool = False,
        retry: bool = True,
        retry_after: timedelta | None = None,
    ) -> None:
        """Take the words."""
        super().__init__(words)
        self.words, self.outcome, self.maybe, self.retry, self.retry_after = words, outcome, maybe, retry, retry_after


class Carrier(Protocol):
    """Takes one notice to one channel; raises DeliveryError, and never takes much longer than `seconds`."""

    def deliver(self, notice: Notice, seconds: float) -> None:
        """Deliver, or raise."""
        ...


def timed_out(seconds: float, what: str = "no answer") -> DeliveryError:
    """Say that a try took too long: nobody knows whether it arrived."""
    return DeliveryError(f"{what} within {seconds:g} s", Outcome.TIMEOUT, maybe=True)


def shown(words: str, secret: Secret | None = None) -> str:
    """Make what the other side said safe to show: neither its own secrets nor ours."""
    return redact(words, () if secret is None else (secret,)) or "no reason given"
