"""Edge. After a repair: the alerts about it end in the one book, and whoever keeps it tells so."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from exporter.alerting.alert import AlertState
from exporter.checking import Scope
from exporter.cli.looking import is_own
from exporter.cli.notifying import notifier
from exporter.finding import Finding
from exporter.findings.catalogue import covers
from exporter.journal import FILE_NAME, state_directory
from exporter.journal.ledger import Ledger
from exporter.settings import Settings
from exporter.verdict import ProfileVerdict
from exporter.words import counted, listing


def settle(settings: Settings, repaired: ProfileVerdict) -> Iterator[str]:
    """Look again as `check --notify` does, at this provider only; yields what became of its alerts. Without one nothing is done."""
    directory = state_directory(settings.state_dir, os.environ)
    if directory is None or not is_own(directory / FILE_NAME):
        return
    before = _firing(directory, repaired)
    if not before:
        return
    with notifier(settings) as run:
        snapshot, facts = run.look()
        yield from (f"{words[0].upper()}{words[1:]}." for words in run.tell(snapshot, facts, _scope(repaired)))
        if not run.speaks:
            yield f"It looks again within seconds and resolves {counted(len(before), 'alert')}."
            return
    left = _firing(directory, repaired)
    over = sorted(finding.name for identity, finding in before.items() if identity not in left)
    if over:
        yield f"Resolved: {listing(over)}."
    if left:
        yield f"Still open: {listing(sorted(finding.name for finding in left.values()))}."


def _firing(directory: Path, repaired: ProfileVerdict) -> Mapping[str, Finding]:
    """Return what fires about a profile, or about its provider as a whole."""
    ledger = Ledger(directory)
    try:
        alerts = ledger.book()[0].alerts
    finally:
        ledger.close()
    found = {identity: alert.finding for identity, alert in alerts.items() if alert.state is AlertState.FIRING}
    scope = _scope(repaired)
    return {key: one for key, one in found.items() if covers(scope, one) and one.profile in ("", repaired.profile)}


def _scope(repaired: ProfileVerdict) -> Scope:
    return Scope(frozenset({repaired.gateway}), providers=frozenset({repaired.provider}))
