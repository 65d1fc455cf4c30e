"""Edge. One HTTP request with a limit on the whole of it: a server that trickles cannot hold us."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from exporter import __version__
from exporter.delivery.carrier import DeliveryError, timed_out

_ANSWER_BYTES: Final = 4096
_LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request. A user and password in `url` become basic authentication; a redirect is an answer, nobody follows it."""

    url: str
    method: str = "GET"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def send(call: Call, seconds: float) -> Answer:
    """Send one request; raises DeliveryError when there is no answer in time. Its words hold no part of the address but the host."""
    parts = _split(call.url)
    connection = _connection(parts, seconds)
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        if connection.sock is not None:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    sent = False
    watch = threading.Timer(seconds, cut)
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        sent = True
        connection.request(call.method, _target(parts), call.body or None, _headers(parts, call.headers))
        answer = connection.getresponse()
        body = answer.read(_ANSWER_BYTES).decode("utf-8", "replace")
        if expired.is_set():
            raise timed_out(seconds)
        return Answer(answer.status, body, _pause(answer.getheader("Retry-After")))
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        if expired.is_set() or isinstance(error, TimeoutError):
            raise timed_out(seconds) from None
        raise DeliveryError(f"{parts.hostname}: {_words(error)}", maybe=sent) from None
    finally:
        watch.cancel()
        connection.close()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise DeliveryError("its address is not a URL", retry=False)


def _connection(parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, parts.port, timeout=seconds)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult, given: Mapping[str, str]) -> dict[str, str]:
    headers = {"User-Agent": f"model-auth-exporter/{__version__}", "Connection": "close", **given}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return headers


def _pause(text: str | None) -> timedelta | None:
    """Read `Retry-After` in seconds; a date is left to our own back-off."""
    return min(timedelta(seconds=int(text)), _LONGEST_PAUSE) if text and text.strip().isdecimal() and len(text) < 9 else None


def _words(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"TLS certificate refused: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or 'handshake'}"
        case socket.gaierror():
            return "no such host"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return "not an HTTP answer"
