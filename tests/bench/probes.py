"""Edge. What probing costs: a thousand accounts under spacing, and beside Debian's blackbox exporter on the same local target."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.journal.probes import ProbeBook
from exporter.model import CredentialKind, Secret
from exporter.outcome import ProbeStatus
from exporter.planning.probe_memory import Target
from exporter.probing.one_pass import Hooks, Pass
from exporter.probing.probe import Job, Limits
from exporter.providers.request import Access, Request, light
from tests.bench.measures import Figure
from tests.running import ROOT, fetch, free_port, started

_TARGETS, _HOSTS, _WORKERS, _ANSWER, _GAP = 1000, 200, 32, 0.3, 2.0
_BESIDE = 300  # probes of one local target
_MINUTE = timedelta(minutes=1)


def probing(folder: Path) -> Iterator[Figure]:
    """Measure a pass over a thousand accounts on two hundred hosts: memory written, spacing on."""
    with _street(_HOSTS, _ANSWER) as ports:
        wall, cpu = _pass(folder / "probes", ports, _TARGETS, Limits(concurrency=_WORKERS, per_host_gap=timedelta(seconds=_GAP)))
    per_host = _TARGETS // _HOSTS
    ideal = max(_TARGETS * _ANSWER / _WORKERS, (per_host - 1) * _GAP + _ANSWER)
    words = f"{wall / ideal:.2f} × ({wall:.1f} s against {ideal:.1f} s)"
    yield Figure(f"probes, {_TARGETS} targets on {_HOSTS} hosts: wall", "≤ 1.15 × the ideal", words, wall <= 1.15 * ideal)
    yield Figure("probes: CPU of each", "≤ 2 ms", f"{cpu / _TARGETS * 1000:.2f} ms", cpu / _TARGETS <= 0.002)


def beside_blackbox(folder: Path) -> Iterator[Figure]:
    """Measure one local target asked by us and by the blackbox exporter, in one run."""
    program = shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")
    with _street(1, 0.0) as ports:
        wall, cpu = _pass(folder / "beside", ports, _BESIDE, Limits(concurrency=1, per_host_gap=timedelta(0)))
        ours = f"{cpu / _BESIDE * 1000:.2f} ms CPU, {wall / _BESIDE * 1000:.2f} ms wall"
        if program is None:
            yield Figure("one local probe, beside blackbox exporter", "reported", f"{ours}; blackbox exporter is not installed", True)
            return
        their_wall, their_cpu = _blackbox(program, folder, f"http://127.0.0.1:{ports[0]}/v1/models")
    theirs = f"{their_cpu / _BESIDE * 1000:.2f} ms CPU, {their_wall * 1000:.2f} ms wall"
    yield Figure("one local probe, beside blackbox exporter", "reported", f"{ours} against {theirs}", True)


def _pass(folder: Path, ports: Sequence[int], count: int, limits: Limits) -> tuple[float, float]:
    jobs, targets = [], {}
    for number in range(count):
        request = light(
            Access("openai", CredentialKind.API_KEY, Secret(f"sk-fake-{number:08}"), f"http://127.0.0.1:{ports[number % len(ports)]}/v1"),
            _now(),
        )
        assert isinstance(request, Request)
        jobs.append(Job(f"k{number}", request))
        targets[f"k{number}"] = Target(f"k{number}", "openai", request.host, "", _MINUTE, _MINUTE)
    book = ProbeBook(folder, _now())
    sending = Pass(book, limits, Hooks(), {}, _now)
    begun, spent = time.perf_counter(), time.process_time()
    found = sending.send(jobs, targets)
    wall, cpu = time.perf_counter() - begun, time.process_time() - spent
    book.close()
    assert {outcome.outcome for outcome in found.values()} == {ProbeStatus.OK}
    assert len(found) == count
    return wall, cpu


def _blackbox(program: str, folder: Path, target: str) -> tuple[float, float]:
    """Seconds of one probe as the exporter itself measures them (median), and its processor time for all of them."""
    config = folder / "blackbox.yml"
    config.write_text("modules: {http_2xx: {prober: http, http: {preferred_ip_protocol: ip4}}}\n", encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [program, f"--config.file={config}", f"--web.listen-address={address}"]
    with started(command, f"http://{address}", "/-/healthy", folder / "blackbox.log") as server:
        before, walls = _cpu(server.process.pid), []
        for _ in range(_BESIDE):
            _, page = fetch(f"http://{address}/probe?module=http_2xx&target={target}")
            assert "probe_success 1" in page
            walls += [float(line.split()[1]) for line in page.splitlines() if line.startswith("probe_duration_seconds ")]
        return statistics.median(walls), _cpu(server.process.pid) - before


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _street(hosts: int, seconds: float) -> Iterator[list[int]]:
    command = [sys.executable, "-m", "tests.bench.street", str(hosts), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(20)
