"""Edge. All channels of the settings, ready to use: one round serves those that take notices, states and signs of life."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from exporter.alerting.alert import Book, Policy, Route
from exporter.alerting.notice import Notice
from exporter.delivery.alertmanager import RESEND_EVERY, AlertmanagerCarrier, document, payload
from exporter.delivery.apprise_host import AppriseCarrier, AppriseHost
from exporter.delivery.beats import Beats, Monitor
from exporter.delivery.carrier import Carrier
from exporter.delivery.command import CommandCarrier
from exporter.delivery.forwarder import ORIGIN, Forwarder, Forwarding
from exporter.delivery.heartbeat import Beat, ping
from exporter.delivery.router import for_alerts, for_beats, for_notices, route
from exporter.delivery.sender import Lane, Sender
from exporter.finding import Severity
from exporter.journal.ledger import Ledger
from exporter.journal.records import Forwarded
from exporter.settings import Channel

_BUDGET: Final = timedelta(minutes=1)
_FAILED_FOR: Final = timedelta(hours=1)  # nobody is left to end that alert


class Channels:
    """Every channel. Nothing is sent, and no child started, before a round finds something due."""

    def __init__(
        self,
        channels: Sequence[Channel],
        ledger: Ledger,
        environ: Mapping[str, str],
        *,
        claimant: str,
        now: Callable[[], datetime],
        valid_for: timedelta,
    ) -> None:
        """Make a carrier for each."""
        self.names = tuple(channel.name for channel in channels)
        self.routes: tuple[Route, ...] = tuple(route(channel) for channel in for_notices(channels))
        self._channels, self._ledger = tuple(channels), ledger
        self._host = AppriseHost(environ)
        self._carriers: dict[str, Carrier] = {channel.name: self._carrier(channel, environ) for channel in for_notices(channels)}
        self._peers = {channel.name: AlertmanagerCarrier(channel.alertmanager) for channel in for_alerts(channels)}
        lanes = [Lane(channel.name, self._carriers[channel.name], channel.timeout, channel.gap) for channel in for_notices(channels)]
        self._sender = Sender(ledger, lanes, claimant, now)
        for name in self.names:
            self._sender.tally.add(name)
        tally = self._sender.tally
        forwarded = [Forwarding(route(channel), self._peers[channel.name], channel.timeout) for channel in for_alerts(channels)]
        self._forwarder = Forwarder(ledger, forwarded, tally, now, valid_for)
        monitors = [Monitor(channel.name, channel.heartbeat, channel.timeout) for channel in for_beats(channels) if channel.heartbeat]
        self.beats = Beats(monitors, ledger, tally, now)

    def note(self, book: Book, policy: Policy, now: datetime) -> bool:
        """Note what fires for those that get the state of every alert; True when they have to hear of it now."""
        return self._forwarder.note(book, policy, now)

    def round(self, budget: timedelta = _BUDGET) -> None:
        """Send everything that is due; the Apprise child ends when the outbox is empty."""
        self.beats.send()
        self._forwarder.tell()
        if self._ledger.depth().notices:
            try:
                self._sender.round(budget)
            finally:
                if not self._ledger.depth().notices:
                    self._host.close()

    def send_alone(self, notice: Notice, policy: Policy, now: datetime) -> None:
        """Send one notice, or what the channel takes instead, at once and past the outbox; raises DeliveryError."""
        channel = next(channel for channel in self._channels if channel.name == notice.channel)
        seconds = channel.timeout.total_seconds()
        bad = notice.severity is Severity.CRITICAL
        if channel.alertmanager:
            name = "ModelAuthExporterDown" if bad else "ModelAuthCanary"
            labels = {"alertname": name, "severity": str(notice.severity), "host": policy.host, "origin": ORIGIN}
            key, found = document(labels, {"summary": notice.title, "description": notice.plain}, now, policy.external_url)
            self._peers[channel.name].tell(payload([Forwarded(key, found)], now, _FAILED_FOR if bad else RESEND_EVERY), seconds)
        elif channel.heartbeat is not None:
            ping(channel.heartbeat, Beat.FAIL if bad else Beat.SUCCESS, seconds, notice.plain if bad else "")
        else:
            self._carriers[channel.name].deliver(notice, seconds)

    def counts(self) -> Mapping[tuple[str, ...], int]:
        """Return the deliveries by channel and outcome."""
        return self._sender.tally.counts()

    def close(self) -> None:
        """Begin nothing more, and end the child."""
        self._sender.stop()
        self._host.close()

    def _carrier(self, channel: Channel, environ: Mapping[str, str]) -> Carrier:
        if channel.url is not None:
            return AppriseCarrier(self._host, channel.url)
        return CommandCarrier(channel.command, environ)
