"""Edge. The demo's providers: real HTTP on loopback, one port each, so that nothing of the demo leaves this machine."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from exporter.demo.answers import CLOSED, PROVIDERS, answer

_SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens


@contextmanager
def street() -> Iterator[Mapping[str, str]]:
    """Serve every provider while the block runs; yields the address of each."""
    ended = threading.Event()
    here, there = socket.socketpair()
    servers = {provider: _Server(("127.0.0.1", 0), _handler(provider, ended)) for provider in PROVIDERS}
    thread = threading.Thread(target=_attend, args=(tuple(servers.values()), there), name="demo-street", daemon=True)
    thread.start()
    try:
        yield {name: f"http://127.0.0.1:{server.server_address[1]}" for name, server in servers.items()} | dict.fromkeys(CLOSED, NOBODY)
    finally:
        ended.set()
        here.close()
        thread.join()
        there.close()
        for server in servers.values():
            server.server_close()


def nobody() -> Mapping[str, str]:
    """Addresses of a demo that is only written: nothing listens there."""
    return dict.fromkeys((*PROVIDERS, *CLOSED), NOBODY)


def _attend(servers: tuple[_Server, ...], end: socket.socket) -> None:
    """Hand each request to a thread of its own, until the other end is closed."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(end, selectors.EVENT_READ, None)
        for server in servers:
            waiting.register(server, selectors.EVENT_READ, server)
        while True:
            for key, _ in waiting.select():
                if key.data is None:
                    return
                key.data.handle_request()


class _Server(ThreadingHTTPServer):
    timeout = 0
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that went away is no news."""


def _handler(provider: str, ended: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        def do_GET(self) -> None:
            """Answer by the key that was sent."""
            secret = next((self.headers[name] for name in _SECRET_HEADERS if name in self.headers), "")
            said = answer(provider, secret, self.path, datetime.now(UTC))
            if said.silent:
                ended.wait(60)
                return
            self.send_response(said.status)
            for name, value in {"content-type": "application/json", **said.headers, "content-length": str(len(said.raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.raw)

        def do_POST(self) -> None:
            """Answer as to a GET, once the body was read."""
            self.rfile.read(int(self.headers.get("content-length", "0")))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def setup(self) -> None:
            """Never wait long for a client."""
            self.request.settimeout(30)
            super().setup()

    return Handler
