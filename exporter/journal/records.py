"""Pure. The nouns of what is written down about deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exporter.alerting.notice import Notice


@dataclass(frozen=True, slots=True)
class Claim:
    """One notice that this process may deliver now. The notice is marked when it may have been delivered before."""

    sequence: int
    notice: Notice
    attempts: int  # tries that are over


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log: what became of one try."""

    at: datetime
    id: str
    channel: str
    kind: str
    severity: str
    title: str
    outcome: str  # delivered, failed, timeout, superseded
    attempt: int
    reason: str
    possible_repeat: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits in the outbox."""

    notices: int = 0
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How deliveries on one channel go."""

    channel: str
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    next_try_at: datetime | None = None
    reason: str = ""
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One alert as another manager knows it; `ends_at` is set when it is over."""

    key: str
    document: Mapping[str, Any]
    ends_at: datetime | None = None
    confirmed_at: datetime | None = None  # when somebody last took it
