"""Edge. `check --notify`: one pass of alerting without a daemon, on the same book."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from exporter import clock
from exporter.alarm import Alarm, Facts, utc_now
from exporter.checking import Scope
from exporter.cli.ending import Ending, Failure
from exporter.cli.loading import home, now
from exporter.cli.looking import probed
from exporter.host.reader_here import reader_here
from exporter.journal import Journal, state_directory
from exporter.journal.file import NO_PLACE
from exporter.journal.speaking import Instance, Kind
from exporter.judging.health import Rules
from exporter.judging.history import observe
from exporter.logs import configure
from exporter.settings import Settings
from exporter.snapshot import judge, sightings, unknown_subjects
from exporter.verdict import Snapshot

_WAIT_SECONDS = 30.0  # for another one-shot run
_AGAIN_SECONDS = 7.0  # a channel that failed is tried once more after its first pause
_BUDGET = timedelta(seconds=30)


class Notifier:
    """One run. `failed` says that something of it could not be recorded."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], directory: Path) -> None:
        """Open the book, and find out who speaks."""
        self.failed = False
        self._settings, self._environ, self._directory = settings, environ, directory
        self._alarm = Alarm(settings, environ, utc_now, directory, kind=Kind.CHECK)
        self._other = _waited(self._alarm) if not self._alarm.ledger.fault else None
        if self.speaks:
            self._alarm.pass_begun()

    @property
    def able(self) -> bool:
        """Tell whether the book can be kept at all."""
        return not self._alarm.ledger.fault

    @property
    def speaks(self) -> bool:
        """Tell whether this run does the alerting."""
        return self._other is None and not self._alarm.ledger.fault

    def look(self) -> tuple[Snapshot, Facts]:
        """Read and judge everything, and remember what was seen, so that the next run knows since when."""
        journal = Journal(self._directory)
        try:
            here = now()
            reader = reader_here(self._settings, self._environ, home(self._environ))
            reading = reader.read(here)
            if reader.configuration_errors:
                raise Failure(Ending.CONFIG, "; ".join(reader.configuration_errors))
            rules = Rules(warn=self._settings.expiry.warn, renewal_grace=self._settings.expiry.renewal_grace)
            held = clock.held(here, journal.written_at, self._settings.thresholds.clock_skew)
            snapshot = judge(reading, here, rules, history=journal.history, clock_held=held)
            outcomes = probed(self._settings, self._environ, reading, snapshot, journal.history.salt)
            if outcomes:
                snapshot = judge(reading, here, rules, history=journal.history, outcomes=outcomes, clock_held=held)
            if not held and self.speaks:
                learned = observe(journal.history, sightings(snapshot), here, unknown_subjects(snapshot, journal.history))
                if learned is not journal.history:
                    snapshot = judge(reading, here, rules, history=learned, outcomes=outcomes)
                journal.save(learned, here)
            return snapshot, Facts(journal.history)
        finally:
            journal.close()

    def tell(self, snapshot: Snapshot, facts: Facts, scope: Scope) -> Iterator[str]:
        """Decide, record and deliver; yields what a person should know."""
        if fault := self._fault():
            self.failed = True
            yield f"nothing can be notified: {fault}"
            return
        if self._other is not None:
            who = "the running exporter" if self._other.kind is Kind.SERVE else "another check --notify"
            yield f"{who} (process {self._other.pid}) does the alerting"
            return
        if not self._settings.channels:
            yield "no channels are set: alerts are kept, nobody is told"
        self._alarm.pass_done(snapshot, snapshot.at, replace(facts, scope=scope))
        if self._alarm.deliver(_BUDGET).notices and self._fails():
            time.sleep(_AGAIN_SECONDS)
            self._alarm.deliver(_BUDGET)
        if fault := self._fault():
            self.failed = True
            yield f"what was sent could not be recorded: {fault}"
        if self._alarm.depth.notices:
            yield f"{self._alarm.depth.notices} in the outbox wait for the next run"
        for name, standing in self._alarm.ledger.standings().items():
            if standing.failures and name in self._alarm.channels.names:
                yield f"cannot deliver to {name}: {standing.reason}"

    def close(self) -> None:
        """End the run."""
        self._alarm.close()

    def _fault(self) -> str:
        return self._alarm.ledger.fault

    def _fails(self) -> bool:
        return any(0 < standing.failures < 3 for standing in self._alarm.ledger.standings().values())


@contextmanager
def notifier(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Notifier]:
    """Open a run; ends the command with 70 where there is no place to record anything."""
    directory = state_directory(settings.state_dir, environ)
    if directory is None:
        raise Failure(Ending.INTERNAL, f"--notify: {NO_PLACE}")
    configure("error", settings.log.format)  # a command speaks for itself
    run = Notifier(settings, environ, directory)
    try:
        yield run
    finally:
        run.close()


def _waited(alarm: Alarm) -> Instance | None:
    """Return who else speaks; another one-shot run is waited for."""
    ends_at = time.monotonic() + _WAIT_SECONDS
    while (other := alarm.lead()) is not None and other.kind is Kind.CHECK and time.monotonic() < ends_at:
        time.sleep(0.2)
    return other
