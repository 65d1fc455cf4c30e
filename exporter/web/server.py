"""Edge. Binds the address and runs uvicorn in a thread; signals stay with whoever started it.

When the door's encryption changes, the listening socket is handed to a new listener: no connection is refused meanwhile, and those
that are open go on as they began.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import contextlib
import errno
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from exporter.logs import event
from exporter.web.door import Door
from exporter.web.guard import MOST_HEAD
from exporter.web.protocol import Connection, most_connections

_BACKLOG: Final = 1024
_IDLE_SECONDS: Final = 65  # longer than the usual scrape interval, so that a scraper's connection lives on
_HANDSHAKE_SECONDS: Final = 10.0
_DRAIN_SECONDS: Final = 2
_TICK_SECONDS: Final = 0.5
_STUCK_SECONDS: Final = 15.0
_START_SECONDS: Final = 10.0
_FIRST_INHERITED: Final = 3
_TLS_BUFFER: Final = 32 << 10


class CannotListen(Exception):
    """The address cannot be had; `taken` when only because somebody else has it."""

    def __init__(self, words: str, *, taken: bool) -> None:
        """Take the words for people."""
        super().__init__(words)
        self.taken = taken


def bind(host: str, port: int) -> socket.socket:
    """Bind and listen; an empty host is every address, of both families where there are two. Raises CannotListen."""
    shown = f"{host or '*'}:{port}"
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
        family, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), port), family=family, backlog=_BACKLOG)
    except (socket.gaierror, UnicodeError):
        raise CannotListen(f"listen: {shown} is not an address of this machine", taken=False) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(f"listen: {shown} is taken by another program; choose another port, or stop that one", taken=True) from None
        if error.errno == errno.EACCES:
            raise CannotListen(f"listen: {shown} is not allowed to this user; choose a port above 1023", taken=False) from None
        raise CannotListen(f"listen: {shown} is not an address of this machine", taken=False) from None


def inherited(environ: Mapping[str, str]) -> socket.socket | None:
    """Take the socket that the service manager listens on for us; None when there is none. Source: sd_listen_fds(3)."""
    if environ.get("LISTEN_PID") != str(os.getpid()) or environ.get("LISTEN_FDS") in (None, "0"):
        return None
    try:
        sock = socket.socket(fileno=_FIRST_INHERITED)
    except OSError:
        return None
    sock.set_inheritable(False)
    return sock


class Server:
    """One running web server."""

    def __init__(self, application: ASGIApp, sock: socket.socket, door: Door) -> None:
        """Take the application, a listening socket and the door in front of both."""
        # The library reserves 256 KiB for each encrypted connection, which hundreds of scrapers would feel.
        asyncio.sslproto.SSLProtocol.max_size = min(_TLS_BUFFER, asyncio.sslproto.SSLProtocol.max_size)
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # its warnings are what any stranger can cause
        config = uvicorn.Config(
            application,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=MOST_HEAD,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        self._server = _Quiet(config, sock, door)
        self._socket = sock
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    def start(self) -> None:
        """Serve from a thread; returns once requests are answered."""
        self._thread.start()
        self._server.up.wait(_START_SECONDS)

    def stop(self) -> None:
        """Stop serving; open answers get a moment to end."""
        self._server.should_exit = True
        self._thread.join(_DRAIN_SECONDS + 1)
        self._socket.close()

    @property
    def alive(self) -> bool:
        """True while the thread serves."""
        return self._thread.is_alive()

    @property
    def ticking(self) -> bool:
        """True while the thread really comes round: an event loop that hangs does not."""
        return self.alive and time.monotonic() - self._server.ticked_at < _STUCK_SECONDS


class _Quiet(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, sock: socket.socket, door: Door) -> None:
        super().__init__(config)
        self.up = threading.Event()
        self.ticked_at = time.monotonic()
        self._socket, self._door = sock, door
        self._context: ssl.SSLContext | None = None
        self._sans: tuple[str, ...] = ()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Look for the end twice a second; the library's ten times would be most of what an idle exporter costs."""
        ticks = 0
        while not await self.on_tick(0):
            await asyncio.sleep(_TICK_SECONDS)
            self.ticked_at, ticks = time.monotonic(), ticks + 1
            if ticks % 2 == 0:
                self._door.refresh()
            gate = self._door.gate
            if (gate.tls, gate.allowed_sans) != (self._context, self._sans):
                await self._listen()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        await self._listen()
        self.up.set()

    async def _listen(self) -> None:
        """Listen as the door says, on the same socket as before."""
        gate = self._door.gate
        most = most_connections()

        def connection() -> asyncio.Protocol:
            found = Connection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
            found.allowed_sans, found.most = gate.allowed_sans, most
            return found

        timeout = _HANDSHAKE_SECONDS if gate.tls else None
        fresh = await asyncio.get_running_loop().create_server(
            connection, sock=self._socket.dup(), ssl=gate.tls, backlog=_BACKLOG, ssl_handshake_timeout=timeout
        )
        for old in self.servers:
            old.close()
        self.servers = [fresh]
        if self.up.is_set():
            event(logging.INFO, "listening_anew", tls=gate.tls is not None)
        self._context, self._sans = gate.tls, gate.allowed_sans
