"""Pure. Makes every check and orders what they found."""

from __future__ import annotations

from typing import Final

from exporter.doctor import around, credentials, gateways, ourselves
from exporter.doctor.report import Check, Group, Installation, Level, Patient, Report, Result, Trouble
from exporter.verdict import Snapshot

CHECKS: Final[tuple[Check, ...]] = (*ourselves.CHECKS, *gateways.CHECKS, *credentials.CHECKS, *around.CHECKS)
NOTHING_THERE: Final = "no gateway to look at"
_OURS: Final = frozenset({Group.INSTALLATION, Group.SCHEDULE, Group.CLOCK})
_LEVELS: Final = tuple(Level)
_GROUPS: Final = tuple(Group)


def examine(snapshot: Snapshot, installation: Installation) -> Report:
    """Check everything; a check without trouble gives one line that says so."""
    patient = Patient(snapshot, installation)
    results = [Result(check, trouble) for check in CHECKS for trouble in _looked(check, patient)]
    ordered = sorted(results, key=lambda result: (_LEVELS.index(result.level), _GROUPS.index(result.check.group)))
    return Report(snapshot.at, tuple(ordered))


def _looked(check: Check, patient: Patient) -> list[Trouble]:
    found = list(check.look(patient))
    if not found and check.group not in _OURS and not patient.snapshot.gateways:
        return [Trouble(Level.UNKNOWN, NOTHING_THERE)]
    return found or [Trouble(Level.OK, check.fine)]
