"""Edge. One connection: how long it may take over a request, how many there may be, and which client certificate it showed.

A connection has `_HEAD_SECONDS` to say what it wants and `_TOTAL_SECONDS` to take its answer. When all places are taken, the one that
has waited longest without a request makes room.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Mapping
from typing import Any, Final

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from exporter.web.guard import CERTIFICATE

_HEAD_SECONDS: Final = 10.0
_TOTAL_SECONDS: Final = 30.0
_MOST: Final = 1000
_SPARE_FILES: Final = 128  # descriptors for everything else


def most_connections() -> int:
    """Tell how many connections may be open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else max(16, min(_MOST, soft - _SPARE_FILES))


class Connection(H11Protocol):
    """The library's protocol with an end to patience. `allowed_sans` limits which certificates are welcome (empty: all verified ones)."""

    allowed_sans: tuple[str, ...] = ()
    most: int = _MOST

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take what the library gives."""
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        """Begin: check the certificate, make room, start the clock."""
        super().connection_made(transport)
        _speak_at_once(transport)
        certificate = _certificate(transport)
        if self.allowed_sans and not set(self.allowed_sans) & _sans(certificate):
            self._refused = True
            transport.abort()
            return
        if certificate:
            self.app = _naming(self.app, _name(certificate))
        self._patience(_HEAD_SECONDS)
        if len(self.connections) > self.most:
            idle = [other for other in self.connections if isinstance(other, Connection) and not other.busy]
            min(idle, key=lambda other: other._since, default=self).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._unset_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes: a first one of a request starts its time."""
        if self._refused:
            return
        if self._deadline is None:
            self._patience(_HEAD_SECONDS)
        asked = self.cycle
        super().data_received(data)
        if self.cycle is not asked and self.busy:
            self._patience(_TOTAL_SECONDS)

    def on_response_complete(self) -> None:
        """Wait for the next request, which the library does by itself; but first the answer has to be taken."""
        super().on_response_complete()
        if self.busy:
            self._patience(_TOTAL_SECONDS)  # the next one, sent along with this one
        elif self.transport.is_closing() or self.conn.trailing_data[0] or self.flow.write_paused:
            self._patience(_HEAD_SECONDS)
        else:
            self._unset_deadline()
            self._since = self.loop.time()

    @property
    def busy(self) -> bool:
        """True while a request is being answered."""
        cycle: Any = self.cycle  # None until the first request
        return cycle is not None and not cycle.response_complete

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; a connection that is past answering just ends."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def _patience(self, seconds: float) -> None:
        self._unset_deadline()
        self._since = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _naming(app: Any, name: str) -> ASGIApp:
    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        scope[CERTIFICATE] = name
        await app(scope, receive, send)

    return named


def _speak_at_once(transport: asyncio.BaseTransport) -> None:
    """Send the body without waiting for the head's receipt, 40 ms on a kept connection; asyncio does so only for sockets it made."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _certificate(transport: asyncio.BaseTransport) -> Mapping[str, Any]:
    """Return the verified client certificate; empty when there is none."""
    found = transport.get_extra_info("peercert")
    return found or {}


def _name(certificate: Mapping[str, Any]) -> str:
    names = {key: value for group in certificate.get("subject", ()) for key, value in group}
    return str(names.get("commonName") or next(iter(sorted(_sans(certificate))), "") or "certificate")


def _sans(certificate: Mapping[str, Any]) -> set[str]:
    return {str(value) for _, value in certificate.get("subjectAltName", ())}
