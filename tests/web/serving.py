"""Edge. The whole web side over one look that a test may change, on a free port of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from exporter.alerting.alert import Book, Silence
from exporter.alerting.alert import Policy as AlertPolicy
from exporter.alerting.life import acknowledge, step
from exporter.finding import Finding, Found
from exporter.findings.catalogue import find
from exporter.findings.context import Context
from exporter.metrics.view import Policy
from exporter.settings import Settings, Web
from exporter.web.app import app
from exporter.web.board import BoardView
from exporter.web.door import Door
from exporter.web.look import Look
from exporter.web.server import Server, bind
from exporter.web.site import Site
from tests.metrics.shown import COUNTERS, NOW, everything

ANSWERS = (
    {
        "at": NOW.timestamp(), "provider": "anthropic", "host": "api.anthropic.com", "purpose": "light", "model": None,
        "profiles": ["anthropic:parked"], "outcome": "rate_limit", "detail": "requests", "confirmed": False, "status": 429,
        "words": "slow down", "seconds": 0.25, "retry_at": None,
    },
)  # fmt: skip
LOOK = Look(everything(), NOW, COUNTERS, Policy(), True, "", host="testhost")


class MemoryBoard:
    """A book that lasts as long as the process and tells nobody."""

    def __init__(self, policy: AlertPolicy = AlertPolicy()) -> None:
        """Begin with an empty book."""
        self._policy = policy
        self._lock = threading.Lock()
        self._book, self._findings = Book(), tuple[Finding, ...]()
        self._silences: dict[str, Silence] = {}

    def update(self, found: Found, now: datetime) -> None:
        """Take the findings of one pass."""
        with self._lock:
            self._findings = found.findings
            self._book = step(self._book, found, now, self._policy, silences=tuple(self._silences.values())).book

    def view(self) -> BoardView:
        """Return the book as it stands."""
        with self._lock:
            return BoardView(self._findings, tuple(self._book.alerts.values()), tuple(self._silences.values()), fault="nobody is notified")

    def silence(self, silence: Silence, now: datetime) -> None:
        """Add a silence, or change the one of this id."""
        with self._lock:
            self._silences[silence.id] = silence

    def acknowledge(self, alert: str, author: str, comment: str, now: datetime) -> bool:
        """Note that somebody takes care of a firing alert, by id; False when there is none."""
        with self._lock:
            before, self._book = self._book, acknowledge(self._book, alert, author, comment, now)
            return self._book is not before


@dataclass
class Place:
    """A running server. `reloads` is what POST /-/reload answers, None while it is off."""

    door: Door
    look: Look = LOOK
    board: MemoryBoard = field(default_factory=MemoryBoard)
    reloads: str | None = None
    url: str = ""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    def adopt(self, **web: Any) -> None:
        """Go on with other settings of the section `web`."""
        self.door.adopt(Settings(web=Web(**web)))

    def find(self) -> Found:
        """Put what is wrong with the look into the board."""
        found = find(self.look.snapshot, Context())
        self.board.update(found, self.look.now)
        return found

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask, without compression unless it is asked for."""
        return self.client.get(self.url + path, headers={"accept-encoding": "identity", **headers})

    def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Send JSON."""
        return self.client.post(self.url + path, json=body, headers=headers)

    def site(self) -> Site:
        """Return what the routes stand on."""
        return Site(
            lambda: self.look, self.board, self.door, lambda: None if self.reloads is None else lambda: self.reloads or "", lambda: ANSWERS
        )


@contextmanager
def serving(settings: Settings = Settings(), *, scheme: str = "http", host: str = "127.0.0.1") -> Iterator[Place]:
    """Serve until the end of the block."""
    place = Place(Door(settings))
    sock = bind(host, 0)
    place.url = f"{scheme}://127.0.0.1:{sock.getsockname()[1]}"
    server = Server(app(place.site()), sock, place.door)
    server.start()
    try:
        yield place
    finally:
        place.client.close()
        server.stop()
        assert not server.alive
