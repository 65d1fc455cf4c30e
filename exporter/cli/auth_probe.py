"""Edge. One free probe of one profile, after a repair."""

from __future__ import annotations

from exporter.cli.repairs import Bench, judged
from exporter.judging.history import Subject
from exporter.planning.targets import Wishes, aims
from exporter.probing.probe import Job, Limits, send_all

_SALT = b"one probe"  # accounts are compared within this one pass only


def tried(work: Bench, subject: Subject) -> str:
    """Ask the provider once, without cost, and say what it answered."""
    snapshot = judged(work.settings, work.reading, work.at)
    aim = next((one for one in aims(work.reading, snapshot, _SALT, work.at, Wishes()) if one.subject == subject), None)
    if aim is None or aim.request is None:
        return f"not sent ({aim.outcome.detail if aim and aim.outcome else 'nothing to ask'})"
    proxy = work.settings.probes.proxy
    limits = Limits(timeout=work.settings.probes.timeout, proxy=proxy.reveal() if proxy else None)
    outcome = send_all([Job(aim.account, aim.request)], limits).get(aim.account)
    if outcome is None:
        return "not sent"
    return f"{outcome.outcome}{f' ({outcome.detail})' if outcome.detail else ''}"
