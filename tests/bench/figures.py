"""Edge. The figures to reach, each measured against its target in one run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from exporter.host.reader_here import reader_here
from exporter.judging.health import Rules
from exporter.metrics.families import render
from exporter.monitor import Clocks, Monitor
from exporter.reading.reader import Reader
from exporter.settings import Settings
from exporter.snapshot import judge
from exporter.verdict import Snapshot
from tests.bench.alerting import queueing, telling
from tests.bench.footprint import check, daemon, start
from tests.bench.homes import fill, write_store
from tests.bench.measures import Figure
from tests.bench.probes import beside_blackbox, probing
from tests.bench.scraping import scraping
from tests.running import environment, serving, until


def median(times: int, take: Callable[[], float]) -> float:
    """Return the median of several takes."""
    return statistics.median(take() for _ in range(times))


def worked(call: Callable[[], object]) -> float:
    """Return the processor seconds one call takes, whatever else runs on the machine."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def clocked(call: Callable[[], object]) -> float:
    """Return the seconds one call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _snapshot(home: Path) -> Snapshot:
    now = datetime.now(UTC)
    return judge(reader_here(Settings(), environment(home), home).read(now), now, Rules())


def _fresh(snapshot: Snapshot) -> Snapshot:
    """Return an equal snapshot that no cache knows."""
    return replace(snapshot, gateways=(*snapshot.gateways,))


def rendering(folder: Path) -> Iterator[Figure]:
    """Measure the page for 100, 1 000 and 10 000 profiles, with verdicts that changed since the last one each time."""
    for count, limit in ((100, 0.005), (1000, 0.05)):
        takes = sorted(_pages(folder / f"render{count}", count, 100)[1])
        yield Figure(f"/metrics, {count} profiles: p99", f"≤ {limit * 1000:g} ms", f"{takes[98] * 1000:.1f} ms", takes[98] <= limit)
    page, takes = _pages(folder / "render10000", 10_000, 9)
    ours, theirs = statistics.median(takes), _stock_seconds(page)
    series = page.count("\n") - page.count("\n#")
    words = f"{theirs / ours:.1f} × ({ours * 1000:.0f} ms against {theirs * 1000:.0f} ms, {series} series)"
    yield Figure("/metrics, 10 000 profiles: against the stock renderer", "≥ 5 × faster", words, theirs / ours >= 5)


def _pages(home: Path, count: int, times: int) -> tuple[str, list[float]]:
    fill(home, count)
    snapshot = _snapshot(home)
    takes = [clocked(lambda: render(_fresh(snapshot), datetime.now(UTC))) for _ in range(times)]
    return render(snapshot, datetime.now(UTC)).decode(), takes


def _stock_seconds(page: str) -> float:
    stock = _stock(page)
    return median(3, lambda: clocked(lambda: generate_latest(stock)))


def _stock(page: str) -> CollectorRegistry:
    """Return a registry that hands the same series to the client library's renderer."""
    families: list[Metric] = []
    for family in text_string_to_metric_families(page):
        made = GaugeMetricFamily(family.name, family.documentation)
        made.samples = list(family.samples)
        families.append(made)

    class Same:
        def collect(self) -> list[Metric]:
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Same())
    return registry


def sweeping(folder: Path) -> Iterator[Figure]:
    """Measure the look for changed files over 50 stores."""
    home = folder / "fifty"
    fill(home, 500, per_agent=10)
    reader = reader_here(Settings(), environment(home), home)
    reader.read(datetime.now(UTC))
    until("the stores are no longer young", lambda: not _changes(reader, datetime.now(UTC)), 15, 0.5)
    wall = median(50, lambda: clocked(reader.changed))
    yield Figure("stat sweep, 50 unchanged stores", "≤ 5 ms", f"{wall * 1000:.2f} ms", wall <= 0.005)


def _changes(reader: Reader, now: datetime) -> bool:
    reader.read(now)
    return bool(reader.changed())


def passing(folder: Path) -> Iterator[Figure]:
    """Measure a pass (read, judge, remember) over 10 000 profiles: nothing changed, everything changed."""
    home = folder / "many"
    stores = fill(home, 10_000)
    monitor = Monitor(Settings(), environment(home), home, Clocks())
    try:
        monitor.full_pass()
        time.sleep(3.5)  # files younger than three seconds are read again
        monitor.full_pass()
        gc.collect()
        same = median(15, lambda: worked(monitor.full_pass))
        yield Figure("pass, 10 000 unchanged profiles: CPU", "≤ 50 ms", f"{same * 1000:.0f} ms", same <= 0.05)
        changed = []
        for round_ in range(3):
            for store in stores:
                write_store(store, 100, store.parts[-3], days=31 + round_)
            changed.append(worked(monitor.full_pass))
    finally:
        monitor.close()
    worst = statistics.median(changed)
    yield Figure("pass, 10 000 changed profiles: CPU", "≤ 1 s", f"{worst:.2f} s", worst <= 1)


def reacting(folder: Path) -> Iterator[Figure]:
    """Measure how long a change of a store takes to the page."""
    home = folder / "reacting"
    store = fill(home, 3)[0]
    waits = []
    with serving(home) as exporter:
        for round_ in range(6):
            name = f"round{round_}"
            time.sleep(0.7 * round_ % 3)
            write_store(store, 3, name)
            begun = time.perf_counter()
            until("the new profile", lambda name=name: f'profile="anthropic:{name}-0"' in exporter.metrics(), 15, 0.05)  # type: ignore[misc]
            waits.append(time.perf_counter() - begun)
    yield Figure("store change → /metrics, worst of 6", "≤ 5 s", f"{max(waits):.1f} s", max(waits) <= 5)


ALL: tuple[Callable[[Path], Iterator[Figure]], ...] = (
    check,
    start,
    rendering,
    scraping,
    sweeping,
    passing,
    probing,
    beside_blackbox,
    daemon,
    reacting,
    queueing,
    telling,
)
