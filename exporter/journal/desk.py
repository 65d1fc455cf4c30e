"""Edge. What people do with the book: acknowledge, silence, take a silence back. Any process may, whoever speaks."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from exporter.alerting import life as alerting
from exporter.alerting.alert import Alert, Book, Matcher, Silence
from exporter.alerting.life import Step
from exporter.journal.ledger import Ledger


def acknowledge(ledger: Ledger, alert_id: str, author: str, comment: str, now: datetime) -> Alert | None:
    """Note that somebody takes care of a firing alert; returns it, None when there is none of this id."""

    def think(book: Book, _: tuple[Silence, ...]) -> Step:
        return Step(alerting.acknowledge(book, alert_id, author, comment, now))

    book = ledger.decide(think, now).book
    return next((alert for alert in book.alerts.values() if alert_id in (alert.id, alert.identity) and alert.acked_at is not None), None)


def silence(ledger: Ledger, matchers: Sequence[Matcher], author: str, comment: str, span: timedelta, now: datetime) -> Silence:
    """Mute what meets all matchers, from now on for a while; returns the silence."""
    made = Silence(secrets.token_hex(4), tuple(matchers), author, comment, now, now + span)
    ledger.silence(made, now)
    return made


def unsilence(ledger: Ledger, silence_id: str, now: datetime) -> Silence | None:
    """End a silence now; returns it, None when no running one has this id."""
    _, silences = ledger.book()
    found = next((entry for entry in silences if entry.id == silence_id and entry.ends_at > now), None)
    if found is None:
        return None
    ended = replace(found, ends_at=max(now, found.starts_at))
    ledger.silence(ended, now)
    return ended
