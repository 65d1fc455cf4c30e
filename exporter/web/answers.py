"""Edge. The forms an answer takes: small pieces for slow readers, gzip, entity tags, problem details; and answers many may share."""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from exporter.web.negotiation import accepts_gzip

_GZIP_FROM: Final = 1024  # bytes
_PIECE: Final = 64 << 10
_SHARED_FOR: Final = timedelta(milliseconds=500)
_SHARED_MOST: Final = 16
PROBLEM: Final = "application/problem+json"


class Pieces(Response):
    """An answer sent piece by piece: what a slow reader has not taken waits once here, not copied in a socket's buffer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = memoryview(self.body)
        for start in range(0, len(body) or 1, _PIECE):
            more = start + _PIECE < len(body)
            await send({"type": "http.response.body", "body": bytes(body[start : start + _PIECE]), "more_body": more})


def wants_gzip(request: Request) -> bool:
    """Tell whether the client would rather have gzip."""
    return accepts_gzip(",".join(request.headers.getlist("accept-encoding")))


def pack(body: bytes, *, gzip: bool) -> tuple[bytes, bool]:
    """Compress what is worth it; the second value tells whether it was."""
    if gzip and len(body) >= _GZIP_FROM:
        return zlib.compress(body, level=1, wbits=31), True
    return body, False


def packed(
    body: bytes, content_type: str, *, gzip: bool, vary: str = "Accept-Encoding", headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a body that `pack` made."""
    encoding = {"content-encoding": "gzip"} if gzip else {}
    return Pieces(body, headers={"content-type": content_type, "vary": vary, **encoding, **(headers or {})})


def tagged(request: Request, body: bytes, content_type: str) -> Response:
    """Answer with an entity tag; 304 without a body when the client has exactly this already. Source: RFC 9110 section 13.1.2."""
    content, gzip = pack(body, gzip=wants_gzip(request))
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}{"-gz" if gzip else ""}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    known = ",".join(request.headers.getlist("if-none-match"))
    if known.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in known.split(",")}:
        return Response(status_code=304, headers={**headers, "vary": "Accept-Encoding"})
    return packed(content, content_type, gzip=gzip, headers=headers)


def json_answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a JSON document."""
    return Pieces(encode(document), status, headers={"content-type": "application/json", **(headers or {})})


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with problem details. Source: RFC 9457."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(encode(document), status, headers={"content-type": PROBLEM, **(headers or {})})


def encode(document: object) -> bytes:
    """Write JSON; lone surrogates, which stores can hold, stay escapes."""
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class _Kept:
    made_at: datetime
    source: object
    content: tuple[bytes, bool]


class Shared:
    """Answers that many ask for at once: made once for each key, from one source, and good for half a second."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[Hashable, _Kept] = {}
        self._making = threading.Lock()

    def find(self, key: Hashable, source: object, now: datetime) -> tuple[bytes, bool] | None:
        """Return the answer, if a fresh one of the same source is there."""
        kept = self._kept.get(key)
        if kept is None or abs(now - kept.made_at) > _SHARED_FOR or kept.source != source:
            return None
        return kept.content

    def make(self, key: Hashable, source: object, now: datetime, render: Callable[[], tuple[bytes, bool]]) -> tuple[bytes, bool]:
        """Return the answer; of many who ask at once, one makes it."""
        with self._making:
            found = self.find(key, source, now)
            if found is None:
                found = render()
                if len(self._kept) >= _SHARED_MOST:
                    self._kept.clear()
                self._kept[key] = _Kept(now, source, found)
            return found
