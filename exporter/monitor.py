"""Edge. Holds the only three things that change: the latest Reading, the latest Outcomes and the latest Snapshot.

Each is replaced whole, so that a scrape sees one or the other; `service` decides when, this says how.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from exporter import clock, export, shipped
from exporter.alarm import Alarm, Facts
from exporter.findings.context import Fault, Ourselves
from exporter.host.reader_here import reader_here
from exporter.journal import Journal, state_directory
from exporter.journal.chronicles import ChronicleBook
from exporter.journal.probes import ProbeBook
from exporter.judging.health import Rules
from exporter.judging.history import Subject, observe
from exporter.logs import event
from exporter.metrics import families as metrics
from exporter.metrics.view import Build, Counters, Policy
from exporter.model import Problem, Reading
from exporter.outcome import Outcome
from exporter.probing.one_pass import Hooks
from exporter.probing.rounds import Prober, Seen
from exporter.settings import Settings
from exporter.settings_file.text import parse_address
from exporter.snapshot import NO_OUTCOMES, Previous, judge, sightings, unknown_subjects
from exporter.task_book import TaskBook
from exporter.verdict import Snapshot
from exporter.web.look import Look

TASKS: Final = ("sweep", "pass", "probe", "alert", "deliver", "export")
PULSE: Final = ("sweep", "pass")
_LONGEST: Final = {"alert": 300.0, "deliver": 600.0}  # seconds; each ends within about a minute while nothing hangs
_MISSED_INTERVALS: Final = 3
_SILENT_AFTER: Final = timedelta(minutes=30)  # without any answer, before probes are called stale
_FAILING_AFTER: Final = timedelta(minutes=5)  # of a job, before people are told


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks, so that tests can turn them."""

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic


class Monitor:
    """Reads, judges and remembers; one pass at a time."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], home: Path, clocks: Clocks, *, loopback_only: bool = False) -> None:
        """Open the journal; reads nothing yet. `loopback_only` keeps every probe on this machine."""
        self.settings = settings
        self.reload_successful, self.reload_success_at = True, clocks.now()
        self.book = TaskBook(TASKS, clocks.monotonic, PULSE)
        self._environ, self._home, self._clocks = environ, home, clocks
        self._build = Build(revision=shipped.revision())
        self._reader = reader_here(settings, environ, home, ask_port=True)
        self._passing = threading.Lock()
        directory = state_directory(settings.state_dir, environ)
        self._journal = Journal(directory)
        self._chronicles = ChronicleBook(directory)
        host, port = parse_address(settings.listen)
        self.alarm = Alarm(settings, environ, clocks.now, directory, listen=f"{host or '127.0.0.1'}:{port}")
        self.prober = Prober(settings.probes, ProbeBook(directory, clocks.now()), clocks.now, loopback_only=loopback_only)
        self._marks: frozenset[str] = frozenset()
        self._new_credentials = False
        self._told_fault = ""
        self._told_problems: frozenset[Problem] | None = None
        self._reading: Reading | None = None
        self._outcomes: Mapping[Subject, Outcome] = NO_OUTCOMES
        self._snapshot = Snapshot(clocks.now())
        self._rules = _rules(settings)
        self._tell_journal_fault()

    def sweep(self) -> bool:
        """Look for changed files; True when a pass followed."""
        if not self._reader.changed():
            return False
        self.full_pass()
        return True

    def full_pass(self) -> Snapshot:
        """Read and judge everything, and remember what was seen."""
        self.alarm.pass_begun()
        try:
            return self._pass()
        except BaseException:
            self.alarm.pass_failed("a pass failed")
            raise

    def alert(self) -> datetime | None:
        """Decide what the latest snapshot means for people; returns when to decide again although nothing was read anew."""
        now = self._clocks.now()
        jobs = tuple(Fault(name, since) for name, since in self.book.failing() if now - since >= _FAILING_AFTER)
        silent, down = self.prober.unanswered_since, self.prober.network_down_since
        stale = silent if silent is not None and now - silent >= _SILENT_AFTER else None
        ourselves = Ourselves(probes_stale_since=stale, network_down_since=down, jobs=jobs)
        return self.alarm.pass_done(self._snapshot, now, Facts(self._journal.history, ourselves))

    def probe(self, stop: threading.Event, published: Callable[[Snapshot], None]) -> datetime | None:
        """Send what is due and take the answers in; returns when to look again. `published` is told of each snapshot made of them."""
        seen = self._seen()
        if seen is None or seen.snapshot.clock_held:
            return self._clocks.now() + self.settings.read.interval
        self._new_credentials = False

        def take() -> None:
            if self._take_outcomes():
                published(self._snapshot)

        next_at = self.prober.round(seen, Hooks(stop=stop, published=take), reread=self._read_again).next_at
        take()
        return self._clocks.now() if self._new_credentials else next_at

    def has_new_credentials(self) -> bool:
        """Tell whether credentials appeared that no round of probes has looked at."""
        return self._new_credentials and self.prober.wanted

    def recent_probes(self) -> tuple[Mapping[str, object], ...]:
        """The last answers of providers, newest first, without secrets."""
        return self.prober.recent()

    def _seen(self) -> Seen | None:
        with self._passing:
            return Seen(self._reading, self._snapshot, self._journal.history.salt) if self._reading is not None else None

    def _read_again(self) -> Seen:
        self.sweep()
        seen = self._seen()
        assert seen is not None
        return seen

    def _take_outcomes(self) -> bool:
        """Judge anew with what the probes found; True when that changed anything."""
        seen = self._seen()
        if seen is None:
            return False
        outcomes = self.prober.outcomes(self.prober.aims(seen))
        if outcomes is self._outcomes:
            return False
        self._pass(outcomes)
        return True

    def _pass(self, outcomes: Mapping[Subject, Outcome] | None = None) -> Snapshot:
        """Judge what is read now; with `outcomes` what was read last, in the light of these."""
        with self._passing:
            now = self._clocks.now()
            reading = self._reading if outcomes is not None and self._reading is not None else self._reader.read(now)
            held = clock.held(now, self._journal.written_at, self.settings.thresholds.clock_skew)
            history, rules = self._journal.history, _rules(self.settings)
            before = None
            if self._reading is not None:
                before = Previous(self._reading, self._snapshot, self._outcomes, history, self._rules)
            found = self._outcomes if outcomes is None else outcomes
            snapshot = judge(reading, now, rules, outcomes=found, history=history, previous=before, clock_held=held)
            if not held:
                unchanged = before is not None and snapshot.gateways is before.snapshot.gateways
                learned = history if unchanged else observe(history, sightings(snapshot), now, unknown_subjects(snapshot, history))
                if learned is not history:
                    just_now = Previous(reading, snapshot, found, history, rules)
                    snapshot = judge(reading, now, rules, outcomes=found, history=learned, previous=just_now)
                self._journal.save(learned, now)
            first = self._reading is None
            if outcomes is not None:
                self.prober.still(self._snapshot, snapshot)
            elif snapshot.gateways is not self._snapshot.gateways:
                self._note_credentials(snapshot)
            self._chronicles.note(None if first else self._snapshot, snapshot)
            self._reading, self._rules, self._outcomes, self._snapshot = reading, rules, found, snapshot
        self._tell(snapshot, first)
        return snapshot

    def export(self) -> None:
        """Write the textfile and push, where the settings ask for it; raises ExportError."""
        wanted = self.settings.metrics
        content = metrics.render(self._snapshot, self._clocks.now(), self._counters(), for_file=True, policy=self._policy())
        if wanted.textfile is not None:
            export.write_textfile(wanted.textfile, content)
        if wanted.push is not None:
            export.push(wanted.push.reveal(), content, self.settings.host or os.uname().nodename)

    def look(self) -> Look:
        """Return what there is to show now."""
        return Look(
            snapshot=self._snapshot,
            now=self._clocks.now(),
            counters=self._counters(),
            policy=self._policy(),
            ready=self._reading is not None,
            fault=self._fault(),
            chronicle=self._chronicles.chronicle,
        )

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings; what was read so far stays until the next pass."""
        with self._passing:
            self.settings = settings
            self.alarm.adopt(settings)
            self.prober.adopt(settings.probes)
            self._reader = reader_here(settings, self._environ, self._home, ask_port=True)
            self.reload_successful, self.reload_success_at = True, self._clocks.now()

    def configuration_errors(self) -> tuple[str, ...]:
        """Return the faults of the settings that only reading shows."""
        return self._reader.configuration_errors

    def close(self) -> None:
        """Close journal, probe memory and alert book."""
        self._journal.close()
        self._chronicles.close()
        self.prober.book.close()
        self.alarm.close()

    def _fault(self) -> str:
        limit = _MISSED_INTERVALS * max(self.settings.read.interval, self.settings.read.poll).total_seconds()
        idle = self.book.idle_seconds()
        if idle > limit:
            return f"no task has ended for {idle:.0f} s"
        running = {task: self.book.running_seconds(task) for task in _LONGEST}
        return next((f"{task} has been under way for {running[task]:.0f} s" for task in _LONGEST if running[task] > _LONGEST[task]), "")

    def _policy(self) -> Policy:
        return Policy(self.settings.labels.emails == "mask", self.settings.metrics.max_profiles)

    def _counters(self) -> Counters:
        return Counters(
            source_errors=dict(self._reader.errors.items()),
            probe_attempts=dict(self.prober.attempts),
            tasks=self.book.tasks(),
            reload_successful=self.reload_successful,
            reload_success_at=self.reload_success_at,
            notifications=self.alarm.channels.counts(),
            findings=self.alarm.findings(),
            outbox_notices=self.alarm.depth.notices,
            outbox_oldest_at=self.alarm.depth.oldest_at,
            build=self._build,
        )

    def _tell(self, snapshot: Snapshot, first: bool) -> None:
        """Log what changed: problems that came and went, the clock, the journal, and at first what was found."""
        self._tell_journal_fault()
        if first:
            event(logging.INFO, "first_pass", gateways=len(snapshot.gateways), profiles=len(snapshot.all_profiles()))
        if first and not any(gateway.agents for gateway in snapshot.gateways):
            event(logging.WARNING, "no_gateway_found", searched=", ".join(snapshot.searched), try_this="make demo")
        problems = frozenset(snapshot.all_problems())
        for problem in sorted(problems - (self._told_problems or frozenset()), key=str):
            fields = {"gateway": problem.gateway, "agent": problem.agent or None, "store": problem.store, "reason": problem.reason}
            event(logging.WARNING, "problem", **fields, place=problem.place)
        if self._told_problems and not problems:
            event(logging.INFO, "no_more_problems")
        self._told_problems = problems

    def _note_credentials(self, snapshot: Snapshot) -> None:
        """Remember whether there are credentials now that were not there before."""
        marks = frozenset(profile.fingerprint for profile in snapshot.all_profiles())
        self._new_credentials = self._new_credentials or not marks <= self._marks
        self._marks = marks

    def _tell_journal_fault(self) -> None:
        if self._journal.fault != self._told_fault:
            self._told_fault = self._journal.fault
            level, name = (logging.WARNING, "journal_in_memory_only") if self._told_fault else (logging.INFO, "journal_kept")
            event(level, name, why=self._told_fault or None)


def _rules(settings: Settings) -> Rules:
    return Rules(warn=settings.expiry.warn, renewal_grace=settings.expiry.renewal_grace)
