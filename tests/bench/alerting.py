"""Edge. Figures of alerting: grouping and queueing many findings, the way of an expiry to people, what Apprise costs in memory."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from exporter.alerting.alert import Book, Policy, Route, Silence
from exporter.alerting.life import Step, step
from exporter.finding import Finding, Found
from exporter.journal.ledger import Ledger
from tests.alarm.matters import NOW, finding
from tests.bench.homes import write_store
from tests.bench.measures import Figure
from tests.delivery.servers import Web, web
from tests.running import Serving, ms, serving, until, write_json

_FINDINGS = 1000
_POLICY = Policy(routes=(Route("ops"),), host="box")
_LIMIT_SECONDS = 0.2


def queueing(folder: Path) -> Iterator[Figure]:
    """Measure one decision over a thousand new findings: grouped, put into words, written into the book and the outbox on disk."""
    for causes in (1, 50, _FINDINGS):
        many = [finding(profile=f"p{n % causes}:{n}", cause=f"provider/p{n % causes}") for n in range(_FINDINGS)]
        takes = sorted(_decided(folder / f"book{causes}-{take}", many, causes) for take in range(7))
        took, busy = (statistics.median(column) for column in zip(*takes, strict=True))
        what = f"1 000 findings grouped and queued, {causes} group{'' if causes == 1 else 's'}"
        yield Figure(
            what, f"≤ {_LIMIT_SECONDS * 1000:.0f} ms", f"{took * 1000:.0f} ms ({busy * 1000:.0f} ms of processor)", took <= _LIMIT_SECONDS
        )


def _decided(directory: Path, many: list[Finding], notices: int) -> tuple[float, float]:
    """Return how long the decision takes that tells of all of them, by the clock and in processor time."""
    ledger = Ledger(directory)
    seen = Found(tuple(many), gateways=frozenset({"openclaw"}))

    def think(book: Book, silences: tuple[Silence, ...]) -> Step:
        return step(book, seen, NOW, replace(_POLICY, group_wait=NOW - NOW), silences=silences)

    try:
        begun, spent = time.perf_counter(), time.process_time()
        taken = ledger.decide(think, NOW)
        took = time.perf_counter() - begun, time.process_time() - spent
        assert len(taken.notices) == notices
        return took
    finally:
        ledger.close()


def telling(folder: Path) -> Iterator[Figure]:
    """Measure a real daemon with a web hook: from the instant a token ends to the hook, and what Apprise adds to memory meanwhile."""
    home = folder / "telling"
    write_json(home / ".openclaw" / "openclaw.json", {"agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}})
    store = home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json"
    late, before, after, child = [], 0.0, 0.0, 0.0
    with web() as hook, serving(home, "--config", str(_settings(folder, hook))) as exporter:
        for round_ in range(5):
            write_store(store, 1, "well", days=30)  # one API key: nothing is wrong
            time.sleep(7)
            before = before or _resident(exporter.process.pid)
            ends_at = time.time() + 8.3 + 0.37 * round_
            write_json(store, _token(ends_at))
            told, peak = _told(exporter, hook, ends_at)
            late.append(told - ends_at)
            child = max(child, peak)
        write_store(store, 1, "well", days=30)
        until("the child has ended", lambda: not _children(exporter.process.pid), 30, 0.5)
        after = _resident(exporter.process.pid)
    yield Figure("expiry instant → first send, worst of 5, no hold", "≤ 2 s", f"{max(late):.2f} s", max(late) <= 2)
    words = f"{after - before:+.1f} MiB in the daemon ({before:.1f} → {after:.1f}); {child:.1f} MiB in the child while it sends"
    yield Figure("memory of Apprise, after 9 notices", "≤ 2 MiB that stay", words, after - before <= 2)


def _settings(folder: Path, hook: Web) -> Path:
    """Write settings without any wait of our own, so that what is left is the way itself."""
    path = folder / "telling.yaml"
    lines = (
        "host: box",
        f"state_dir: {folder / 'telling-state'}",
        "alerts: {startup_grace: 0s, group_wait: 0s, group_interval: 0s}",
        f"channels: [{{name: ops, url: 'json://{hook.address}/', gap: 0s}}]",
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _token(ends_at: float) -> dict[str, object]:
    seconds = (datetime.fromtimestamp(ends_at, UTC) - datetime.now(UTC)).total_seconds()
    profile = {"type": "token", "provider": "anthropic", "token": f"fake-token-{ends_at:.0f}", "expires": ms(seconds)}
    return {"version": 1, "profiles": {"anthropic:manual": profile}}


def _told(exporter: Serving, hook: Web, ends_at: float) -> tuple[float, float]:
    """Wait for the page; return when it came, and the largest resident size of what sent it."""
    known, peak = len(hook.got), 0.0
    while time.time() < ends_at + 20:
        peak = max([peak, *map(_resident, _children(exporter.process.pid))])
        if any(json.loads(got.body)["title"].startswith("[CRITICAL]") for got in hook.got[known:]):
            return time.time(), peak
        time.sleep(0.02)
    raise AssertionError("nobody was told of the expiry")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text(encoding="ascii").split())
        except OSError:  # a thread that has just ended
            continue
    return found


def _resident(pid: int) -> float:
    """Return the resident size in MiB, 0 for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)
