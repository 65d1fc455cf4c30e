"""Edge. What commands and the daemon take of a small machine: processor time and memory, each process measured by the kernel."""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.homes import fill, write_store
from tests.bench.measures import Figure
from tests.delivery.servers import web
from tests.running import COMMAND, ROOT, Serving, environment, fetch, serving, until, write_json

# `openclaw models status --check` with 20 profiles on the machine the targets were set on.
_REFERENCE_CPU_SECONDS, _REFERENCE_RSS_MIB = 2.1, 297.0
_BARE = "import time, prometheus_client, apscheduler.schedulers.background, pydantic_settings, httpx; print(flush=True); time.sleep(600)"
# A child's largest resident size begins with that of the process it came from, so something small has to start it.
_LAUNCHER = """
import json, os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, n, "/dev/null", os.O_WRONLY, 0) for n in (1, 2)])
usage = os.wait4(pid, 0)[2]
print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""
_DEAD = "http://127.0.0.1:9"  # a proxy where nobody listens: probing is on, and nothing leaves this machine


@dataclass(frozen=True)
class Cost:
    """What one run of a command cost."""

    wall: float
    cpu: float
    rss_mib: float


def spend(*arguments: str, home: Path) -> Cost:
    """Run one command of the exporter, whatever it says."""
    begun = time.perf_counter()
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *COMMAND, *arguments]
    done = subprocess.run(launch, env=environment(home), cwd=home.parent, stdout=subprocess.PIPE, check=True)
    cpu, kib = json.loads(done.stdout)
    return Cost(time.perf_counter() - begun, cpu, kib / 1024)


def _twenty(folder: Path) -> Path:
    """Make the home of 20 profiles; the package is compiled first, as an installation has it."""
    compileall.compile_dir(ROOT / "exporter", quiet=2)
    fill(folder / "twenty", 20)
    return folder / "twenty"


def check(folder: Path) -> Iterator[Figure]:
    """Measure one `check` over 20 profiles."""
    home = _twenty(folder)
    spend("check", home=home)
    costs = [spend("check", home=home) for _ in range(9)]
    cpu, rss = statistics.median(c.cpu for c in costs), statistics.median(c.rss_mib for c in costs)
    limit = _REFERENCE_CPU_SECONDS / 8
    words = f"{cpu * 1000:.0f} ms (1/{_REFERENCE_CPU_SECONDS / cpu:.0f})"
    yield Figure("check, 20 profiles: CPU", f"≤ {limit * 1000:.0f} ms (1/8 of the gateway's own)", words, cpu <= limit)
    yield Figure("check, 20 profiles: RSS", "≤ 40 MiB", f"{rss:.1f} MiB (1/{_REFERENCE_RSS_MIB / rss:.0f})", rss <= 40)


def start(folder: Path) -> Iterator[Figure]:
    """Measure how long the shortest commands take."""
    home = _twenty(folder)
    launching = statistics.median(_launching(home) for _ in range(11))
    for flag in ("--version", "--help"):
        wall = statistics.median(spend(flag, home=home).wall for _ in range(11)) - launching
        yield Figure(f"{flag}: wall", "≤ 100 ms", f"{wall * 1000:.0f} ms", wall <= 0.1)


def _launching(home: Path) -> float:
    """Return what the launcher alone takes."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", _LAUNCHER, "/bin/true"], env=environment(home), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def daemon(folder: Path) -> Iterator[Figure]:
    """Measure a daemon over 20 profiles with channels, after pages, scrapes and notices, beside a bare interpreter."""
    home = _twenty(folder)
    write_store(home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json", 20, "main", days=-1)
    with web() as receiver:
        settings = _settings(folder, receiver.address)
        with serving(home, "--config", str(settings), env={"MODEL_AUTH_EXPORTER_PROBES__ENABLED": "true"}) as exporter:
            pid = exporter.process.pid
            until("a notice over Apprise and one to Alertmanager", lambda: _notified(exporter), 90, 1)
            fill(home, 20)
            for _ in range(5):
                exporter.metrics()
                assert fetch(exporter.url)[0] == 200
            until("Apprise's process has ended", lambda: not _children(pid), 60, 1)
            time.sleep(15)
            before, begun = _cpu(pid), time.perf_counter()
            time.sleep(60)
            busy = (_cpu(pid) - before) / (time.perf_counter() - begun)
            ours = resident_mib(pid)
    theirs = _bare_mib(home)
    words = f"{ours / theirs:.2f} × ({ours:.1f} MiB against {theirs:.1f} MiB)"
    what = "daemon, 20 profiles, channels, after pages, scrapes and notices"
    yield Figure(f"{what}: RSS", "≤ 1.25 × a bare interpreter with the libraries", words, ours / theirs <= 1.25)
    yield Figure("daemon, 20 profiles, idle: CPU", "≤ 0.2 % of a core", f"{busy * 100:.2f} %", busy <= 0.002)


def _settings(folder: Path, receiver: str) -> Path:
    channels = [{"name": "ops", "url": f"json://{receiver}/notice"}, {"name": "fleet", "alertmanager": [f"http://{receiver}"]}]
    quick = {"group_wait": "0s", "startup_grace": "0s"}
    return write_json(folder / "config.yaml", {"channels": channels, "alerts": quick, "probes": {"proxy": _DEAD}})


def _notified(exporter: Serving) -> bool:
    return all(exporter.value("model_auth_notifications_total", channel=name, outcome="delivered") for name in ("ops", "fleet"))


def _children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii") + "".join(
        task.joinpath("children").read_text(encoding="ascii") for task in Path(f"/proc/{pid}/task").iterdir() if task.name != str(pid)
    )


def resident_mib(pid: int) -> float:
    """Return the resident size of a running process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel says no resident size")


def _bare_mib(home: Path) -> float:
    with subprocess.Popen([sys.executable, "-c", _BARE], env=environment(home), stdout=subprocess.PIPE) as bare:
        try:
            assert bare.stdout is not None
            bare.stdout.readline()
            return resident_mib(bare.pid)
        finally:
            bare.kill()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
