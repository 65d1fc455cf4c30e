"""Pure. What a probe found, in few words, for tables."""

from __future__ import annotations

from datetime import datetime

from exporter.dossier import outcome_words
from exporter.outcome import Outcome
from exporter.words import duration, relative


def probe_words(outcome: Outcome, now: datetime) -> str:
    """Say one outcome: `auth (revoked), 3m ago`, and that a refusal was seen only once."""
    said = outcome_words(outcome)
    return f"{said}, {relative(outcome.at, now)}" if outcome.at is not None else said


def took(outcome: Outcome) -> str:
    """Say how long one request took: `240 ms`, `3.1 s`."""
    total = outcome.phases.get("total")
    if total is None:
        return ""
    return f"{total * 1000:.0f} ms" if total < 1 else f"{total:.1f} s"


def waits(outcome: Outcome, now: datetime) -> str:
    """Say how long a provider wants to be left alone."""
    return f"wait {duration(outcome.retry_at - now)}" if outcome.retry_at is not None and outcome.retry_at > now else ""
