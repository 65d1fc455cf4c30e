"""Edge. Scrapes over the wire: beside Debian's node exporter under the same load, and memory under many scrapers at once."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.bench.footprint import resident_mib
from tests.bench.homes import fill
from tests.bench.measures import Figure
from tests.running import free_port, serving, started

_PERCENTILE = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1000.0}
_SCRAPERS, _CONNECTIONS, _SECONDS = 500, 4, 15
_ASK = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"


def scraping(folder: Path) -> Iterator[Figure]:
    """Measure `/metrics` of 100 profiles under load, in one run with node exporter."""
    home = folder / "hundred"
    fill(home, 100)
    program = shutil.which("prometheus-node-exporter")
    if program is None or shutil.which("wrk") is None:
        yield Figure("/metrics beside node exporter", "p99 no worse", "prometheus-node-exporter or wrk is not here", False)
        return
    port = free_port()
    with serving(home) as exporter:
        ours = _p99(f"{exporter.url}/metrics")
        before = resident_mib(exporter.process.pid)
        during = _crowded(exporter.url, exporter.process.pid)
    beside = [program, f"--web.listen-address=127.0.0.1:{port}"]
    with started(beside, f"http://127.0.0.1:{port}", "/metrics", folder / "node-exporter.log") as node:
        theirs = _p99(f"{node.url}/metrics")
    words = f"{ours:.1f} ms against {theirs:.1f} ms"
    yield Figure(
        f"/metrics, 100 profiles, {_CONNECTIONS} scrapers without pause: p99", "≤ node exporter's in one run", words, ours <= theirs
    )
    growth = during - before
    yield Figure(f"{_SCRAPERS} scrapers at once: RSS", "≤ 32 MiB more", f"{growth:.1f} MiB more ({during:.1f} MiB)", growth <= 32)


def _p99(url: str) -> float:
    """Return the 99th percentile in milliseconds, after a warm-up."""
    load = ["wrk", "-t1", f"-c{_CONNECTIONS}", "--latency", url]
    subprocess.run([*load, "-d2s"], stdout=subprocess.DEVNULL, check=True)
    said = subprocess.run([*load, f"-d{_SECONDS}s"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = _PERCENTILE.search(said)
    assert found is not None, said
    return float(found[1]) * _UNITS[found[2]]


def _crowded(url: str, pid: int) -> float:
    """Return the resident size while every scraper has its connection and has asked."""
    host, _, port = url.removeprefix("http://").partition(":")
    with ExitStack() as crowd:
        sockets = []
        for _ in range(_SCRAPERS):
            sockets.append(crowd.enter_context(socket.create_connection((host, int(port)), timeout=60)))
            sockets[-1].sendall(_ASK)  # who connects and asks nothing is sent away
        for one in sockets:
            assert one.recv(1 << 20).startswith(b"HTTP/1.1 200")
        return resident_mib(pid)
