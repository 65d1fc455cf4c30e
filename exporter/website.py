"""Edge. The web side put together for `serve`: what it shows, the door in front of it, the alert book behind it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from starlette.types import ASGIApp

from exporter.alarm import Alarm
from exporter.alerting.alert import Silence
from exporter.journal import desk
from exporter.logs import event
from exporter.settings import Settings
from exporter.web.app import app
from exporter.web.board import BoardView, Notified
from exporter.web.door import Door
from exporter.web.instance import Named
from exporter.web.look import Look
from exporter.web.page_view import headline, summary
from exporter.web.site import Site

_NOTICES = 50


class Seen(Protocol):
    """What the web shows: the monitor, as far as it is needed here."""

    def look(self) -> Look:
        """Return what there is to show now."""

    def recent_probes(self) -> Sequence[Mapping[str, object]]:
        """Return the last answers of providers, newest first."""


class Website:
    """Changes with the settings; what it shows comes from the monitor's look and its alarm."""

    def __init__(self, settings: Settings, seen: Seen, alarm: Alarm, reload: Callable[[], str]) -> None:
        """Open the door; raises SettingsError for a bad web-config file. `reload` does what SIGHUP does; it says "" or why it failed."""
        self.door = Door(settings)
        self._settings, self._seen, self._board, self._reload = settings, seen, AlarmBoard(alarm), reload
        self._instance = alarm.me.id
        self._warn()

    def app(self) -> ASGIApp:
        """Return the application."""
        site = Site(self.look, self._board, self.door, self._reloading, self._seen.recent_probes)
        return Named(app(site), self._instance)

    def look(self) -> Look:
        """Return what there is to show now."""
        seen, settings, fault = self._seen.look(), self._settings, self.door.fault
        counters = replace(seen.counters, reload_successful=False) if fault else seen.counters
        return replace(
            seen,
            counters=counters,
            zone=ZoneInfo(settings.timezone) if settings.timezone else None,
            host=settings.host or os.uname().nodename,
            lowest=settings.thresholds.credit,
            runbooks=(settings.web.runbook_base_url or "").rstrip("/"),
            notes=tuple(self._notes(seen)),
        )

    def status(self) -> str:
        """Say in one line how things are."""
        seen = self.look()
        return f"{headline(seen, self._board.view()).word}; {summary(seen.snapshot)}"

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings; raises SettingsError, and changes nothing, for a bad web-config file."""
        self.door.adopt(settings)
        self._settings = settings
        self._warn()

    def _reloading(self) -> Callable[[], str] | None:
        return self._reload if self._settings.web.reload else None

    def _notes(self, seen: Look) -> list[str]:
        found = [seen.fault] if seen.fault else []
        if self.door.fault:
            found.append(f"the new web-config file is bad, the old one is in force: {self.door.fault}")
        if seen.counters.reload_successful is False:
            found.append("the last reload of the settings failed, the old ones are in force")
        if self.door.is_open:
            found.append("anybody who can reach this address may read this page: it needs no login")
        return found

    def _warn(self) -> None:
        if self.door.is_open:
            remedy = "set web.config, web.bearer_token or listen on 127.0.0.1"
            event(logging.WARNING, "open_to_the_network", listen=self._settings.listen, tls=self.door.gate.tls is not None, try_this=remedy)


class AlarmBoard:
    """The alert book on disk, as the web wants it."""

    def __init__(self, alarm: Alarm) -> None:
        """Take whoever keeps the book."""
        self._alarm = alarm

    def view(self) -> BoardView:
        """Return the book as it stands."""
        ledger = self._alarm.ledger
        book, silences = ledger.book()
        notices = tuple(Notified(n.at, n.channel, n.kind, n.severity, n.title, n.outcome, n.reason) for n in ledger.lines(_NOTICES))
        fault = f"kept in memory only: {ledger.fault}" if ledger.fault else ""
        return BoardView(self._alarm.found.findings, tuple(book.alerts.values()), silences, notices, fault)

    def silence(self, silence: Silence, now: datetime) -> None:
        """Add a silence, or change the one of this id."""
        self._alarm.ledger.silence(silence, now)

    def acknowledge(self, alert: str, author: str, comment: str, now: datetime) -> bool:
        """Note that somebody takes care of a firing alert, by id; False when there is none."""
        return desk.acknowledge(self._alarm.ledger, alert, author, comment, now) is not None
