"""Pure. The alert book as the web shows it and changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exporter.alerting.alert import Alert, AlertState, Silence
from exporter.finding import Finding


@dataclass(frozen=True, slots=True)
class Notified:
    """One line of the log of notices: what became of one try."""

    at: datetime
    channel: str
    kind: str
    severity: str
    title: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BoardView:
    """The book at one instant. `findings` are wrong now, worst first; alerts have a life of their own: holds, silences, acknowledgement."""

    findings: tuple[Finding, ...] = ()
    alerts: tuple[Alert, ...] = ()
    silences: tuple[Silence, ...] = ()
    notices: tuple[Notified, ...] = ()  # newest first
    fault: str = ""  # why the book is kept in memory only

    def open_alerts(self) -> tuple[Alert, ...]:
        """Return what is pending or firing: firing and worse first, then the older."""
        alive = (alert for alert in self.alerts if alert.state is not AlertState.RESOLVED)
        return tuple(sorted(alive, key=lambda a: (a.state is not AlertState.FIRING, -a.finding.severity.rank, a.since, a.identity)))


class Board(Protocol):
    """What the web needs of a book."""

    def view(self) -> BoardView:
        """Return the book as it stands."""

    def silence(self, silence: Silence, now: datetime) -> None:
        """Add a silence, or change the one of this id."""

    def acknowledge(self, alert: str, author: str, comment: str, now: datetime) -> bool:
        """Note that somebody takes care of a firing alert, by id; False when there is none."""
