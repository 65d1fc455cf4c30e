"""Edge. Alerting as one thing, for the daemon and one-shot runs alike: decide → record the intent → deliver → record the result."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from exporter.alerting.alert import AlertState, Book, Silence
from exporter.alerting.life import Step, canary, policy_of, step
from exporter.checking import Scope
from exporter.delivery.alertmanager import ONE_SHOT_VALID_FOR, VALID_FOR
from exporter.delivery.channels import Channels
from exporter.finding import Found
from exporter.findings.catalogue import find, thresholds
from exporter.findings.context import Context, Fault, Ourselves
from exporter.journal.ledger import Ledger
from exporter.journal.records import Depth
from exporter.journal.speaking import Instance, Kind, Speaker, instance
from exporter.judging.history import History
from exporter.logs import event
from exporter.settings import Settings
from exporter.verdict import Snapshot

_UNDELIVERABLE_AFTER: Final = timedelta(minutes=10)
_BUDGET: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pass knows besides its snapshot. `ourselves` None: not looked at, as in a one-shot run."""

    history: History = field(default_factory=History)
    ourselves: Ourselves | None = None
    drift_known: bool = True
    scope: Scope = field(default_factory=Scope)


NOTHING_KNOWN: Final = Facts()


class Alarm:
    """Findings, alerts and their delivery. `pass_done` decides and records, `deliver` sends; each may have a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        now: Callable[[], datetime],
        directory: Path | None,
        *,
        kind: Kind = Kind.SERVE,
        listen: str = "",
    ) -> None:
        """Open the book; decides and sends nothing yet. `directory` is our state directory."""
        self.ledger = Ledger(directory)
        self.me = instance(kind, listen)
        self.found = Found()
        self.depth = Depth()
        self._environ, self._now, self._one_shot = environ, now, kind is Kind.CHECK
        self._speaker = Speaker(directory, self.me) if directory is not None else None
        self._leading = threading.Lock()
        self._started_at = None if self._one_shot else now()
        self._fault_since: datetime | None = None
        self._told_fault, self._told_other = "", ""
        self._channels: Channels | None = None
        self.adopt(settings)

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings; what waits in the outbox stays there."""
        if self._channels is not None:
            self._channels.close()
        self._settings = settings
        self._channels = Channels(
            settings.channels,
            self.ledger,
            self._environ,
            claimant=self.me.id,
            now=self._now,
            valid_for=ONE_SHOT_VALID_FOR if self._one_shot else VALID_FOR,
        )
        zone = ZoneInfo(settings.timezone) if settings.timezone else None
        policy = policy_of(settings, self._channels.routes, settings.host or os.uname().nodename, zone)
        # Nobody knows when a one-shot run has a successor: what is news now is told now.
        self.policy = replace(policy, group_wait=timedelta(0), group_interval=timedelta(0)) if self._one_shot else policy
        self._disabled = frozenset(settings.alerts.disable)

    @property
    def channels(self) -> Channels:
        """Return the channels."""
        assert self._channels is not None
        return self._channels

    def lead(self) -> Instance | None:
        """Try to be the one who speaks; returns who does instead. Without working locks this process speaks, and says so."""
        if self._speaker is None:
            return None
        try:
            with self._leading:  # deciding and delivering have threads of their own
                other = None if self._speaker.speaks else self._taken(self._speaker)
        except OSError as error:
            if self._told_other != str(error):
                event(logging.WARNING, "alerting_lock_failed", why=error.strerror)
            self._told_other = str(error)
            return None
        if other is not None and self._told_other != other.id:
            event(logging.WARNING, "alerting_left_to_another", kind=other.kind, pid=other.pid)
        self._told_other = other.id if other is not None else ""
        return other

    def pass_begun(self) -> None:
        """Note that a pass begins."""
        self.channels.beats.begun(self._now())

    def pass_done(self, snapshot: Snapshot, now: datetime, facts: Facts = NOTHING_KNOWN) -> datetime | None:
        """Decide what a pass means and record it; returns when to decide again at the latest, None: with the next pass."""
        self.found = find(snapshot, self._context(facts, now), facts.scope)
        return self.decide(self.found, now)

    def pass_failed(self, words: str) -> None:
        """Tell the dead man's switches that there is no verdict."""
        self.channels.beats.done(self._now(), words)

    def decide(self, found: Found, now: datetime) -> datetime | None:
        """Take one step with these findings and record it, with its notices, in one transaction."""
        if self.lead() is not None:
            return None

        def think(book: Book, silences: tuple[Silence, ...]) -> Step:
            known = _still_there(book, frozenset(self.channels.names))
            return step(known, found, now, self.policy, silences=silences, started_at=self._started_at)

        taken = self.ledger.decide(think, now)
        for notice in taken.notices:
            event(logging.INFO, "notice_written", channel=notice.channel, notice=notice.id, kind=notice.kind, severity=notice.severity)
        self._canaries(now)
        self.channels.note(taken.book, self.policy, now)
        self.channels.beats.done(now, self._wrong(now))
        self._tell_fault(now)
        self.depth = self.ledger.depth()
        return taken.due

    def deliver(self, budget: timedelta = _BUDGET) -> Depth:
        """Send what is due, if it is ours to send; returns what still waits."""
        if self.lead() is None:
            self.channels.round(budget)
            self.depth = self.ledger.depth()
        return self.depth

    def findings(self) -> Mapping[tuple[str, ...], int]:
        """Count what is wrong now by name and severity."""
        return Counter((finding.name, finding.severity.value) for finding in self.found.findings)

    def close(self) -> None:
        """Stop sending, give the right to speak to others, close the book."""
        self.channels.close()
        if self._speaker is not None:
            self._speaker.leave()
        self.ledger.close()

    def failing_channels(self, now: datetime) -> tuple[Fault, ...]:
        """Return the channels that nothing could be delivered to for long."""
        standings = [standing for name, standing in self.ledger.standings().items() if name in self.channels.names]
        faults = {s.channel: Fault(s.channel, s.failing_since, s.reason) for s in standings if s.failing_since is not None}
        for channel, since, reason in self.ledger.stuck():
            if channel in self.channels.names:
                faults.setdefault(channel, Fault(channel, since, reason))
        return tuple(fault for fault in faults.values() if now - fault.since >= _UNDELIVERABLE_AFTER)

    def _taken(self, speaker: Speaker) -> Instance | None:
        other = speaker.take()
        if other is None:
            self.ledger.release()
        return other

    def _context(self, facts: Facts, now: datetime) -> Context:
        channels = self.failing_channels(now)
        ourselves = facts.ourselves
        if ourselves is not None:
            jobs = (*ourselves.jobs, *self._own_fault(now))
            ourselves = replace(ourselves, channels=channels, jobs=jobs)
        elif channels or self._told_of_delivery():
            ourselves = Ourselves(channels=channels)
        return Context(
            thresholds=thresholds(self._settings),
            ourselves=ourselves,
            drift_known=facts.drift_known,
            history=facts.history,
            disabled=self._disabled,
            host=self.policy.host,
        )

    def _own_fault(self, now: datetime) -> tuple[Fault, ...]:
        if not self.ledger.fault:
            self._fault_since = None
            return ()
        self._fault_since = self._fault_since or now
        return (Fault("alert book", self._fault_since, f"it is kept in memory only: {self.ledger.fault}"),)

    def _told_of_delivery(self) -> bool:
        book, _ = self.ledger.book()
        return any(alert.finding.name == "DeliveryFailing" for alert in book.alerts.values())

    def _wrong(self, now: datetime) -> str:
        """Say what keeps people from being told, "" when nothing does."""
        beaten = {channel.name for channel in self._settings.channels if channel.heartbeat is not None}
        failing = [fault.name for fault in self.failing_channels(now) if fault.name not in beaten]
        return f"cannot deliver to {', '.join(failing)}" if failing else ""

    def _canaries(self, now: datetime) -> None:
        every = self._settings.alerts.canary_every
        if every is not None:
            self.ledger.post_every(
                "canary_ms", every, tuple(canary(now, self.policy, route.channel) for route in self.channels.routes), now
            )

    def _tell_fault(self, now: datetime) -> None:
        if self.ledger.fault != self._told_fault:
            self._told_fault = self.ledger.fault
            level, name = (logging.WARNING, "alert_book_in_memory_only") if self._told_fault else (logging.INFO, "alert_book_kept")
            event(level, name, why=self._told_fault or None)


def _still_there(book: Book, channels: frozenset[str]) -> Book:
    """Return the book without what waits to be told as over to channels that the settings no longer have."""
    stranded = {
        identity: replace(alert, told={name: told for name, told in alert.told.items() if name in channels})
        for identity, alert in book.alerts.items()
        if alert.state is AlertState.RESOLVED and not channels.issuperset(alert.told)
    }
    return replace(book, alerts={**book.alerts, **stranded}) if stranded else book


def utc_now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)
