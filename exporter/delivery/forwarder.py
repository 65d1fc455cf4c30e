"""Edge. Keeps Alertmanagers informed: notes what they shall know after each pass, and tells them in time.

No outbox here: what counts is what is true now. An alert that another manager was told of is told to be over, or it ends by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from exporter.alerting.alert import Alert, AlertState, Book, Policy, Route
from exporter.alerting.muting import QUIET
from exporter.alerting.news import takes
from exporter.alerting.notice import Entry
from exporter.alerting.notice_words import entry, subject
from exporter.delivery.alertmanager import RESEND_EVERY, AlertmanagerCarrier, document, payload
from exporter.delivery.backoff import open_at
from exporter.delivery.carrier import DeliveryError, Outcome
from exporter.delivery.sender import Tally, fallen, tell_failure
from exporter.finding import alert_name
from exporter.journal.ledger import Ledger
from exporter.journal.records import Standing
from exporter.logs import event
from exporter.masking import mask_emails
from exporter.words import instant

ORIGIN: Final = "sidecar"
_SILENCED: Final = "silence "


@dataclass(frozen=True, slots=True)
class Forwarding:
    """One Alertmanager channel."""

    route: Route
    carrier: AlertmanagerCarrier
    timeout: timedelta


class Forwarder:
    """The Alertmanager channels."""

    def __init__(
        self, ledger: Ledger, channels: Iterable[Forwarding], tally: Tally, now: Callable[[], datetime], valid_for: timedelta
    ) -> None:
        """Take what it works with; nothing is sent yet."""
        self._ledger, self._channels, self._tally, self._now, self._valid_for = ledger, tuple(channels), tally, now, valid_for
        self._told_at: dict[str, datetime] = {}

    def note(self, book: Book, policy: Policy, now: datetime) -> bool:
        """Note what fires now; True when there is something to tell at once."""
        changed = False
        for channel in self._channels:
            known = {entry.key for entry in self._ledger.forwarded(channel.route.channel) if entry.ends_at is None}
            firing = wanted(book, channel.route, known, now, policy)
            if self._ledger.forward(channel.route.channel, firing, now):
                self._told_at.pop(channel.route.channel, None)
                changed = True
        return changed

    def tell(self) -> None:
        """Tell every Alertmanager that has not heard for a minute, or does not know the latest."""
        standings = self._ledger.standings()
        for channel in self._channels:
            name, now = channel.route.channel, self._now()
            standing = standings.get(name, Standing(name))
            last = self._told_at.get(name)
            if open_at(standing.next_try_at, now) and (last is None or not timedelta(0) <= now - last < RESEND_EVERY):
                self._tell(channel, standing, now)

    def _tell(self, channel: Forwarding, standing: Standing, now: datetime) -> None:
        name = channel.route.channel
        told = self._ledger.forwarded(name)
        if not told:
            self._told_at[name] = now
            return
        try:
            left_out = channel.carrier.tell(payload(told, now, self._valid_for), channel.timeout.total_seconds())
        except DeliveryError as error:
            self._ledger.stand(fallen(standing, error, now, 0.5))
            self._tally.count(name, error.outcome)
            tell_failure(standing, error)
            return
        if left_out and standing.reason != "; ".join(left_out):
            event(logging.WARNING, "peer_not_told", channel=name, why="; ".join(left_out))
        self._told_at[name] = now
        self._ledger.confirm(name, told, now)
        self._ledger.stand(Standing(name, delivered_at=now, reason="; ".join(left_out)))
        self._tally.count(name, Outcome.DELIVERED)


def wanted(book: Book, route: Route, known: set[str], now: datetime, policy: Policy) -> Mapping[str, dict[str, Any]]:
    """Return what one Alertmanager shall know as firing: what it takes; muted ones only if it knows them already, silenced ones never."""
    found = {}
    for alert in book.alerts.values():
        if alert.state is not AlertState.FIRING or not takes(route, alert) or alert.muted_by.startswith(_SILENCED):
            continue
        key, written = written_alert(alert, entry(alert, now, policy), policy)
        if alert.muted_by in ("", QUIET) or key in known:
            found[key] = written
    return found


def written_alert(alert: Alert, words: Entry, policy: Policy) -> tuple[str, dict[str, Any]]:
    """Write one alert: labels as those of the metrics, the host, and where it comes from. Nothing in it changes with the clock."""
    labels = {name: value for name, value in words.labels.items() if name not in {"name", "scope"}}
    labels |= {"alertname": alert_name(words.name), "host": policy.host, "origin": ORIGIN}
    works = f"Still works: {words.what_works}" if words.what_works else ""
    fix = "\n".join(part for part in (words.advice, words.command) if part)
    annotations = {
        "summary": _summary(alert, policy),
        "description": "\n".join(part for part in (words.why, works) if part),
        "fix": fix,
        "runbook_url": words.runbook,
    }
    return document(labels, annotations, alert.fired_at or alert.since, f"{policy.external_url}/" if policy.external_url else "")


def _summary(alert: Alert, policy: Policy) -> str:
    finding = alert.finding
    at = f" {instant(finding.when, policy.zone)}" if finding.when else ""
    words = f"{subject(finding)} {finding.what.replace(': since', ' since') if at else finding.what.removesuffix(': since')}{at}"
    return mask_emails(words) if policy.mask_emails else words
