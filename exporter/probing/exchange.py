"""Edge. One HTTP request and its answer: timed by phase, capped, without redirects; failures become outcomes in our own words."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit

import httpx

from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.targets import is_ours
from exporter.providers.answer import BODY_LIMIT
from exporter.providers.request import Request

_CONNECT_SECONDS = 5.0
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


@dataclass(slots=True)
class Flight:
    """A request under way; whoever keeps its deadline calls `expire`."""

    started: float
    deadline: float
    stream: object = None
    marks: dict[str, float] = field(default_factory=dict)
    expired: bool = False
    abandoned: bool = False

    @property
    def sent_at(self) -> float:
        """When the request left, as near as is known."""
        return next((at for name, at in self.marks.items() if name.endswith("send_request_headers.complete")), self.started)

    def expire(self) -> None:
        """The total limit is over: wake the thread that waits for this answer."""
        self.expired = True
        _close(self.stream)


class Ways:
    """How requests leave: through the proxy of the settings, but straight to a server on this machine.

    A transport alone, without a client around it: nothing there knows of redirects, cookies or logins.
    """

    def __init__(self, proxy: str | None, verify: ssl.SSLContext | bool, transport: httpx.BaseTransport | None) -> None:
        """Prepare; `transport` takes everything when it is given."""
        self._straight = transport or _transport(verify, None)
        self._proxied = _transport(verify, proxy) if proxy is not None and transport is None else None

    def to(self, host: str) -> httpx.BaseTransport:
        """The transport for a host."""
        return self._straight if self._proxied is None or is_ours(host) else self._proxied

    def __enter__(self) -> Self:
        """Begin a pass."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        self._straight.close()
        if self._proxied is not None:
            self._proxied.close()


def _transport(verify: ssl.SSLContext | bool, proxy: str | None) -> httpx.HTTPTransport:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.HTTPTransport(verify=verify, trust_env=False, limits=limits, proxy=httpx.Proxy(proxy) if proxy is not None else None)


def exchange(way: httpx.BaseTransport, request: Request, flight: Flight) -> tuple[int, Mapping[str, str], bytes]:
    """Send one request and read at most the cap of its answer.

    Errors: whatever httpx raises; `failure` reads it.
    """

    def trace(event: str, info: Mapping[str, object]) -> None:
        flight.marks[event] = time.monotonic()
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            flight.stream = info.get("return_value")
            if flight.expired:
                _close(flight.stream)

    limit = flight.deadline - flight.started
    timeouts = {"connect": min(_CONNECT_SECONDS, limit), "read": limit, "write": limit, "pool": limit}
    sent = httpx.Request(
        request.method,
        request.url,
        headers={**{name: value.reveal() for name, value in request.headers.items()}, "connection": "close"},
        content=request.body.reveal().encode() or None,
        extensions={"trace": trace, "timeout": timeouts},
    )
    answer = way.handle_request(sent)
    try:
        body = bytearray()
        for chunk in answer.iter_raw(16 * 1024):
            body += chunk
            if len(body) >= BODY_LIMIT or flight.expired:
                break
        if flight.expired:
            raise httpx.ReadTimeout("the total limit is over", request=sent)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status_code, headers, _plain(bytes(body[:BODY_LIMIT]), headers.get("content-encoding", ""))
    finally:
        answer.close()


def _plain(body: bytes, coding: str) -> bytes:
    """Undo a coding we did not ask for, never into more than the cap."""
    if coding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, BODY_LIMIT)
    except zlib.error:
        return b""


def guarded(request: Request, planned: str, now: datetime, *, loopback_only: bool = False) -> Outcome | None:
    """Refuse an address no provider can have: another scheme, user names, link-local and metadata hosts, another host than planned.

    `loopback_only` refuses every address but this machine's own, by number: a name could lead elsewhere.
    """
    parts = urlsplit(request.url)
    bad = parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or request.host != planned
    try:
        address = ipaddress.ip_address(parts.hostname or "")
        bad = bad or address.is_link_local or address.is_multicast or address.is_unspecified
        bad = bad or (loopback_only and not address.is_loopback)
    except ValueError:
        bad = bad or loopback_only or (parts.hostname or "").lower() in ("metadata.google.internal", "metadata")
    if not bad:
        return None
    return Outcome(ProbeStatus.SKIPPED, "address_refused", at=now, words="no key is ever sent to such an address")


def failure(fault: BaseException) -> Outcome:
    """What a transport failure means, in our own words: the exception's could carry an address with a secret in it."""
    causes = list(_causes(fault))
    match fault:
        case httpx.PoolTimeout():
            return Outcome(ProbeStatus.UNKNOWN, "pool", words="too many requests of our own were under way")
        case httpx.TimeoutException():
            return Outcome(ProbeStatus.TIMEOUT, "connect" if isinstance(fault, httpx.ConnectTimeout) else "", words="no answer in time")
        case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.TooManyRedirects() | httpx.DecodingError():
            return Outcome(ProbeStatus.FORMAT, "address", words="the configured address cannot be used")
        case httpx.ProxyError():
            return Outcome(ProbeStatus.NETWORK, "proxy", words="the proxy refused")
        case _ if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return Outcome(ProbeStatus.NETWORK, "tls", words="the server's certificate or TLS handshake was not accepted")
        case _ if any(isinstance(cause, socket.gaierror) for cause in causes):
            return Outcome(ProbeStatus.NETWORK, "dns", words="the host name could not be found")
        case _ if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            return Outcome(ProbeStatus.NETWORK, "refused", words="nothing listens there: connection refused")
        case _ if any(isinstance(cause, OSError) and cause.errno in _UNREACHABLE for cause in causes):
            return Outcome(ProbeStatus.NETWORK, "unreachable", words="no route to the host")
        case _:
            return Outcome(ProbeStatus.NETWORK, "broken", words="the connection broke before an answer was complete")


def _causes(fault: BaseException) -> Sequence[BaseException]:
    found: list[BaseException] = []
    todo: list[BaseException | None] = [fault]
    while todo and len(found) < 20:
        current = todo.pop()
        if current is not None and current not in found:
            found.append(current)
            todo += [current.__cause__, current.__context__, *(entry for entry in current.args if isinstance(entry, BaseException))]
    return found


def timed_out(flight: Flight, now: datetime) -> Outcome:
    """The outcome of a request that its total limit ended."""
    return Outcome(ProbeStatus.TIMEOUT, "total", at=now, words="no complete answer in time", phases=phases(flight, time.monotonic()))


def phases(flight: Flight, ended: float) -> Mapping[str, float]:
    """Seconds of each phase that was measured; `total` always is."""

    def mark(ending: str) -> float | None:
        return next((at for name, at in flight.marks.items() if name.endswith(ending)), None)

    spans = {
        "connect": (mark("connect_tcp.started"), mark("connect_tcp.complete")),
        "tls": (mark("start_tls.started"), mark("start_tls.complete")),
        "wait": (mark("send_request_body.complete"), mark("receive_response_headers.complete")),
        "transfer": (mark("receive_response_headers.complete"), ended),
        "total": (flight.started, ended),
    }
    return MappingProxyType({name: max(0.0, end - start) for name, (start, end) in spans.items() if start is not None and end is not None})


def _close(stream: object) -> None:
    """Wake the thread that reads from a stream; closing it is that thread's own business."""
    extra = getattr(stream, "get_extra_info", None)
    handle = extra("socket") if extra is not None else None
    if isinstance(handle, socket.socket):
        try:
            socket.socket.shutdown(handle, socket.SHUT_RDWR)
        except OSError:
            pass
