"""Edge. The dead man's switch: a monitor elsewhere that misses our pings tells people. Start, success and fail as healthchecks.io has them.

Source: healthchecks.io, "Pinging API": URL, URL/start, URL/fail; a body is kept with the ping.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from exporter.delivery.carrier import DeliveryError
from exporter.delivery.http import Call, send
from exporter.model import Secret


class Beat(StrEnum):
    """The three pings; the value is what is put behind the path."""

    START = "/start"
    SUCCESS = ""
    FAIL = "/fail"


def ping(url: Secret, beat: Beat, seconds: float, words: str = "") -> None:
    """Send one ping; raises DeliveryError. A monitor that knows no start or fail (404) is content with successes, and their absence."""
    parts = urlsplit(url.reveal())
    address = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + beat.value if beat.value else parts.path, parts.query, ""))
    call = Call(address, "POST", words.encode(), {"Content-Type": "text/plain; charset=utf-8"}) if words else Call(address)
    answer = send(call, seconds)
    if 200 <= answer.status < 300 or (beat is not Beat.SUCCESS and answer.status in {404, 405}):
        return
    raise DeliveryError(f"it answered {answer.status}", retry_after=answer.retry_after)
