"""Edge. A receiver of Alertmanager's webhooks that remembers what it was told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What arrived, by the path it was sent to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._told: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()

    def take(self, path: str, message: dict[str, Any]) -> None:
        """Remember one message."""
        with self._lock:
            self._told.extend((path, alert) for alert in message["alerts"])

    def told(self, path: str, status: str, **labels: str) -> list[dict[str, Any]]:
        """Return the alerts of this status and these labels that arrived there."""
        with self._lock:
            return [one for to, one in self._told if to == path and one["status"] == status and labels.items() <= one["labels"].items()]

    def names(self, path: str) -> set[str]:
        """Return the names of all alerts that arrived there."""
        with self._lock:
            return {one["labels"]["alertname"] for to, one in self._told if to == path}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on a free port of the loopback address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.take(self.path, json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
