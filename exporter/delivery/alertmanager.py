"""Edge. Alertmanager as a channel: what fires now is told again and again to every peer, what is over is told with its end.

Shape:  POST /api/v2/alerts, a list of {labels, annotations, startsAt, endsAt, generatorURL}.
Source: Alertmanager API v2; Prometheus' notifier resends each minute, ends what it does not resend after four of these,
        and tells of resolved alerts for 15 minutes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from exporter.delivery.carrier import DeliveryError, shown
from exporter.delivery.http import Answer, Call, send
from exporter.journal.records import Forwarded
from exporter.model import Secret

RESEND_EVERY: Final = timedelta(minutes=1)
VALID_FOR: Final = 4 * RESEND_EVERY
ONE_SHOT_VALID_FOR: Final = timedelta(hours=25)  # nobody resends between two runs of a daily timer
_AT_ONCE: Final = 500


class AlertmanagerCarrier:
    """All peers of one Alertmanager cluster. They do not share alerts, so each is told; it is delivered when one took it."""

    def __init__(self, peers: Sequence[Secret]) -> None:
        """Take the peers' base addresses."""
        self._peers = tuple(peers)

    def tell(self, alerts: Sequence[Mapping[str, Any]], seconds: float) -> tuple[str, ...]:
        """Post alerts to every peer at the same time; returns what failed, raises DeliveryError when all did."""
        failures: list[DeliveryError] = []
        threads = [threading.Thread(target=self._tell_one, args=(peer, alerts, seconds, failures), daemon=True) for peer in self._peers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(failures) == len(self._peers):
            worst = failures[0]
            words = "; ".join(dict.fromkeys(failure.words for failure in failures))
            raise DeliveryError(words, worst.outcome, maybe=worst.maybe, retry_after=worst.retry_after)
        return tuple(failure.words for failure in failures)

    def _tell_one(self, peer: Secret, alerts: Sequence[Mapping[str, Any]], seconds: float, failures: list[DeliveryError]) -> None:
        url = f"{peer.reveal().rstrip('/')}/api/v2/alerts"
        try:
            for start in range(0, len(alerts), _AT_ONCE):
                body = json.dumps(alerts[start : start + _AT_ONCE]).encode()
                _judge(send(Call(url, "POST", body, {"Content-Type": "application/json"}), seconds), peer)
        except DeliveryError as error:
            failures.append(error)


def payload(entries: Iterable[Forwarded], now: datetime, valid_for: timedelta) -> list[dict[str, Any]]:
    """Write alerts as the API wants them: what fires ends by itself unless it is told again in time."""
    return [{**entry.document, "endsAt": _instant(entry.ends_at or now + valid_for)} for entry in entries]


def document(
    labels: Mapping[str, str], annotations: Mapping[str, str], started_at: datetime, generator_url: str
) -> tuple[str, dict[str, Any]]:
    """Write one alert without its end, and the key that its labels are: the same on every replica."""
    found: dict[str, Any] = {
        "labels": dict(labels),
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": _instant(started_at),
    }
    if generator_url:
        found["generatorURL"] = generator_url
    return json.dumps(sorted(labels.items())), found


def _judge(answer: Answer, peer: Secret) -> None:
    if not 200 <= answer.status < 300:
        said = f": {shown(answer.body, peer)}" if answer.body.strip() else ""
        raise DeliveryError(f"it answered {answer.status}{said}", retry_after=answer.retry_after)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
