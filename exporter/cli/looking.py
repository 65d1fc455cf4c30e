"""Edge. One pass for one command: everything read once and judged. Writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from exporter import clock
from exporter.cli.ending import Ending, Failure
from exporter.cli.loading import home, now
from exporter.host.reader_here import reader_here
from exporter.journal import FILE_NAME, Journal, state_directory
from exporter.judging.health import Rules
from exporter.judging.history import History, Subject
from exporter.model import Reading
from exporter.outcome import Outcome
from exporter.settings import Settings
from exporter.snapshot import NO_OUTCOMES, judge
from exporter.verdict import Snapshot

_PROBED_WITHIN = timedelta(days=1)


def look(
    settings: Settings, at: datetime | None = None, environ: Mapping[str, str] = os.environ, *, drift: bool = True, probes: bool = False
) -> Snapshot:
    """Read every gateway once and judge it for `at`, else for now; ends the command with 78 when the settings name gateways twice.

    Without `drift` nothing is compared, and what lies around the stores is not looked at. `probes` takes in what was probed within
    the last day, by the daemon or by a command.
    """
    history, written_at = remembered(settings, environ)
    here = now()
    reader = reader_here(settings, environ, home(environ), look_around=drift)
    reading = reader.read(at or here)
    if reader.configuration_errors:
        raise Failure(Ending.CONFIG, "; ".join(reader.configuration_errors))
    rules = Rules(warn=settings.expiry.warn, renewal_grace=settings.expiry.renewal_grace)
    held = "" if at else clock.held(here, written_at, settings.thresholds.clock_skew)
    snapshot = judge(reading, at or here, rules, history=history, clock_held=held, drift=drift)
    outcomes = probed(settings, environ, reading, snapshot, history.salt) if probes and not at else NO_OUTCOMES
    if not outcomes:
        return snapshot
    return judge(reading, here, rules, history=history, outcomes=outcomes, clock_held=held, drift=drift)


def probed(settings: Settings, environ: Mapping[str, str], reading: Reading, snapshot: Snapshot, salt: bytes) -> Mapping[Subject, Outcome]:
    """Take what was probed within the last day; whatever was never asked is left out."""
    directory = state_directory(settings.state_dir, environ)
    if directory is None or not is_own(directory / FILE_NAME):
        return NO_OUTCOMES
    from exporter.journal.probes import ProbeBook  # and the provider table, which a plain check does not need
    from exporter.planning.targets import aims, spread
    from exporter.probing.policy import wishes

    book = ProbeBook(directory, snapshot.at)
    book.close()
    recent = {key: one for key, one in book.outcomes.items() if one.at is not None and snapshot.at - one.at <= _PROBED_WITHIN}
    found = spread(aims(reading, snapshot, salt, snapshot.at, wishes(settings.probes)), recent) if recent else NO_OUTCOMES
    return {subject: one for subject, one in found.items() if one.at is not None}


def remembered(settings: Settings, environ: Mapping[str, str]) -> tuple[History, datetime | None]:
    """Take what the daemon remembers, if one ever ran here; a check begins no memory of its own."""
    directory = state_directory(settings.state_dir, environ)
    if directory is None or not is_own(directory / FILE_NAME):
        return History(), None
    journal = Journal(directory)
    try:
        return journal.history, journal.written_at
    finally:
        journal.close()


def is_own(file: Path) -> bool:
    """Tell whether a file is ours: opening another user's journal could leave side files that its daemon cannot open."""
    try:
        return file.stat().st_uid == os.geteuid()
    except OSError:
        return False
