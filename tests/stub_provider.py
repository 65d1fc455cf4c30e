"""A provider on the loopback interface: real HTTP, one host per port, playing recorded answers and misbehaving on request.

One thread serves any number of hosts. `Stub` logs every request it gets; `Street` gives every provider row a host of its own and a
transport that leads the vendors' names there, so that the real addresses of the table can be used without leaving the machine.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

RECORDED = Path(__file__).parent / "providers"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived. `port` tells the host."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    port: int
    at: float


@dataclass(frozen=True)
class Play:
    """What to answer. `after` waits before the first byte, `drip` between bytes of the body; `cut` closes early; `silent` never answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    drip: float = 0.0
    cut: bool = False
    silent: bool = False


def recorded(row: str, case: str = "ok") -> Play:
    """A recorded answer of `tests/providers/<row>/<case>.json`."""
    document: dict[str, Any] = json.loads((RECORDED / row / f"{case}.json").read_text("utf-8"))
    body = document["text"].encode() if "text" in document else json.dumps(document["body"]).encode()
    headers = {"content-type": "application/json", **document.get("headers", {})}
    return Play(document["status"], body, headers)


Script = Callable[[Seen], Play]


class Stub:
    """Hosts on loopback ports, all played by one script; `log` holds every request in order of arrival."""

    def __init__(self, script: Script | Play = Play(), hosts: int = 1) -> None:
        self._script: Script = (lambda seen: script) if isinstance(script, Play) else script
        self._hosts = hosts
        self.log: list[Seen] = []
        self.ports: list[int] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="stub-provider", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """The base URL of the first host."""
        return f"http://127.0.0.1:{self.ports[0]}"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._stopping = asyncio.Event()
        servers = [await asyncio.start_server(self._client, "127.0.0.1", 0) for _ in range(self._hosts)]
        self.ports = [server.sockets[0].getsockname()[1] for server in servers]
        self._ready.set()
        await self._stopping.wait()
        for server in servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            port = writer.get_extra_info("sockname")[1]
            seen = Seen(method, path, headers, body, port, self._loop.time())
            self.log.append(seen)
            await self._answer(writer, self._script(seen))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, play: Play) -> None:
        if play.silent:
            await self._stopping.wait()
            return
        if play.after:
            await asyncio.sleep(play.after)
        lines = [f"HTTP/1.1 {play.status} Played", *(f"{name}: {value}" for name, value in play.headers.items())]
        if "content-length" not in {name.lower() for name in play.headers}:
            lines.append(f"content-length: {len(play.body)}")
        writer.write(("\r\n".join([*lines, "connection: close"]) + "\r\n\r\n").encode("latin-1"))
        if play.cut:
            writer.write(play.body[: len(play.body) // 2])
        elif play.drip:
            for index in range(len(play.body)):
                writer.write(play.body[index : index + 1])
                await writer.drain()
                await asyncio.sleep(play.drip)
        else:
            writer.write(play.body)
        await writer.drain()


class Street(httpx.BaseTransport):
    """Leads each vendor's host name to a port of a stub, by first use; headers, method and body go through unchanged."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._inner = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)
        self.ports: dict[str, int] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the port that plays its host."""
        host = request.url.netloc.decode()
        with self._lock:
            port = self.ports.setdefault(host, self._stub.ports[len(self.ports) % len(self._stub.ports)])
        there = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
        moved = httpx.Request(request.method, there, headers=request.headers, stream=request.stream, extensions=request.extensions)
        return self._inner.handle_request(moved)

    def host_of(self, port: int) -> str:
        """The vendor host a port played."""
        return next((host for host, known in self.ports.items() if known == port), "")

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()
