"""Edge. What every request passes before a route sees it: size, address, login; and the headers every answer carries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.answers import problem
from exporter.web.door import Gate
from exporter.web.logins import Proof
from exporter.web.origin import addressed_to_us
from exporter.web.rights import Caller, caller
from exporter.web.throttle import Throttle

OPEN_PATHS: Final = frozenset({"/-/healthy", "/-/ready"})  # say nothing a stranger may not know
CALLER: Final = "exporter.caller"
CERTIFICATE: Final = "exporter.certificate"  # the verified client certificate's name, put there by the protocol
MOST_HEAD: Final = 16 << 10  # bytes of a request's line and headers
_MOST_BODY: Final = 64 << 10
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # `no-referrer` would hide our own page's origin from us too
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class TooLarge(HTTPException):
    """A request's body is larger than anything we take; whoever reads it passes the answer on."""

    def __init__(self) -> None:
        """Answer 413."""
        super().__init__(413, "the request is too large", {"connection": "close"})


class Guard:
    """The application behind its door. `csp` is the Content-Security-Policy of every answer."""

    def __init__(self, inner: ASGIApp, gate: Callable[[], Gate], csp: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the application and how to find the gate in force."""
        self._inner, self._gate, self._monotonic = inner, gate, monotonic
        self._headers = {"content-security-policy": csp, **_HEADERS}
        self._rate: tuple[object, Throttle] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it here."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        gate = self._gate()
        sending = self._with_headers(send, gate.headers)
        refusal = self._before_login(scope, gate)
        if refusal is None and scope["path"] not in OPEN_PATHS:
            refusal = await self._login(scope, gate)
        if refusal is not None:
            refusal.headers["connection"] = "close"  # a body nobody reads must not be taken for the next request
            await refusal(scope, receive, sending)
            return
        await self._inner(scope, _limited(receive), sending)

    def _before_login(self, scope: Scope, gate: Gate) -> Response | None:
        if len(scope["path"]) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEAD:
            return _refusal(scope, 431, "the request's headers are too large")
        headers = Headers(scope=scope)
        server = scope.get("server") or (None,)
        if not addressed_to_us(headers.get("host"), server[0], gate.external_url):
            return _refusal(scope, 421, "this name is not ours: use an address or localhost, or set web.external_url")
        if (headers.get("content-length") or "0").isdecimal() and int(headers.get("content-length") or 0) > _MOST_BODY:
            return _refusal(scope, 413, "the request is too large")
        if gate.rate is not None:
            throttle = self._throttle(gate)
            wait = throttle.wait("", self._monotonic())
            if wait > 0:
                return _refusal(scope, 429, "too many requests", {"retry-after": str(int(wait) + 1)})
            throttle.spend("", self._monotonic())
        return None

    async def _login(self, scope: Scope, gate: Gate) -> Response | None:
        headers = Headers(scope=scope)
        address = (scope.get("client") or ("",))[0]
        proof = await gate.logins.prove(headers.get("authorization", ""), address)
        if proof.wait > 0:
            return _refusal(scope, 429, "too many failed logins", {"retry-after": str(int(proof.wait) + 1)})
        if proof.name is None and gate.certificates and CERTIFICATE in scope:
            proof = Proof(scope[CERTIFICATE])
        who = caller(proof.name, gate.rules, logins=gate.logins_exist)
        if (proof.tried and gate.logins.any and proof.name is None) or not who.rights:
            return unauthorised(scope, gate)
        scope[CALLER] = who
        return None

    def _throttle(self, gate: Gate) -> Throttle:
        if self._rate is None or self._rate[0] is not gate.rate:
            burst, pause = gate.rate or (0, None)
            self._rate = gate.rate, Throttle(burst, pause.total_seconds() if pause else 0.0)
        return self._rate[1]

    def _with_headers(self, send: Send, configured: Mapping[str, str]) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                for name, value in configured.items():
                    headers[name] = value
            await send(message)

        return sending


def caller_of(request: Request) -> Caller:
    """Return who asks."""
    who = request.scope[CALLER]
    assert isinstance(who, Caller)
    return who


def unauthorised(scope: Scope, gate: Gate) -> Response:
    """Ask for a login, in every way there is one."""
    refusal = _refusal(scope, 401, "a login is needed")
    for challenge in gate.logins.challenges():
        refusal.headers.append("www-authenticate", challenge)
    return refusal


def refusal(request: Request, status: int, words: str) -> Response:
    """Refuse a request in the form its path has."""
    return _refusal(request.scope, status, words)


def _refusal(scope: Scope, status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    if scope["path"].startswith("/api/"):
        return problem(status, words, headers)
    return PlainTextResponse(f"{words}\n", status, dict(headers or {}))


def _limited(receive: Receive) -> Receive:
    read = 0

    async def receiving() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > _MOST_BODY:
            raise TooLarge
        return message

    return receiving
