"""Edge. Small real servers on the loopback address: they keep what they get and answer as they are told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Got:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Web:
    """A web server. `answer` decides the status (and may sleep) for each request."""

    port: int
    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], int] = lambda got: 200
    headers: dict[str, str] = field(default_factory=dict)
    echoes: bool = False  # answer with everything it got, as careless servers do in their error pages

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def web(answer: Callable[[Got], int] = lambda got: 200) -> Iterator[Web]:
    """Run a web server."""

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            got = Got(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
            server.got.append(got)
            status = server.answer(got)
            try:
                self.send_response(status)
                for name, value in server.headers.items():
                    self.send_header(name, value)
                words = f"{got.path} {got.headers} {got.body!r}".encode() if server.echoes else b"{}"
                self.send_header("Content-Length", str(len(words)))
                self.end_headers()
                self.wfile.write(words)
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PUT = _take

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    listening = Server(("127.0.0.1", 0), Handler)
    server = Web(listening.server_address[1], answer=answer)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


@contextmanager
def raw(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that does with each connection what it is told; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                serve(connection)
            except OSError:
                pass

    threading.Thread(target=run, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def never_answers(connection: socket.socket) -> None:
    """Take everything and say nothing."""
    connection.settimeout(30)
    while connection.recv(65536):
        pass


def trickles(connection: socket.socket) -> None:
    """Answer one byte at a time, for ever: no single wait is long."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(600):
        connection.sendall(b"a")
        time.sleep(0.05)


@dataclass
class Mail:
    """What a mail server got."""

    port: int
    messages: list[Message] = field(default_factory=list)
