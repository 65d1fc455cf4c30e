"""Edge. Crashes at every boundary between deciding and recording: nothing is lost, and what comes twice says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exporter.alerting.notice import Notice, NoticeKind
from tests.alarm.scenes import CHANNELS, World, incident
from tests.running import environment

KILLS = 500


def judge(got: Sequence[Notice]) -> Counter[str]:
    """Check one incident: every channel heard of both its ends once, and what came again was marked. Returns what happened."""
    seen: Counter[str] = Counter()
    for channel in CHANNELS:
        for kind in (NoticeKind.FIRING, NoticeKind.RESOLVED):
            heard = [notice for notice in got if notice.channel == channel and notice.kind is kind]
            assert heard, f"lost: {kind} to {channel}"
            assert len({notice.id for notice in heard}) == 1, f"told twice: {kind} to {channel}"
            assert all(notice.possible_repeat for notice in heard[1:]), f"an unmarked repeat: {kind} to {channel}"
            seen["repeats"] += len(heard) - 1
            seen["marked first"] += heard[0].possible_repeat
        order = [notice.kind for notice in got if notice.channel == channel]
        assert order == sorted(order, key=[NoticeKind.FIRING, NoticeKind.RESOLVED].index), f"out of order: {channel}"
    return seen


def _place(tmp_path: Path) -> Path:
    """Prefer memory: what is tested is the death of a process, not of the machine."""
    memory = Path("/dev/shm")
    return memory / f"model-auth-exporter-{os.getpid()}-{tmp_path.name}" if os.access(memory, os.W_OK) else tmp_path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    directory = _place(tmp_path)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def _run(place: Path, runs: int) -> Counter[str]:
    boundaries, _ = incident(place, 0, 0, World())
    total: Counter[str] = Counter()
    for number in range(1, runs + 1):
        world = World()
        incident(place, number, 1 + number % boundaries, world)
        total += judge(world.got)
    total["boundaries"] = boundaries
    return total


def test_a_crash_at_any_boundary_loses_nothing_and_repeats_only_what_it_marks(place: Path) -> None:
    total = _run(place, 1500)
    assert total["boundaries"] > 50
    assert total["repeats"] > 0


@pytest.mark.soak
def test_ten_thousand_crashes_lose_nothing(place: Path) -> None:
    total = _run(place, 10_000)
    print(f"10 000 incidents, {total['boundaries']} boundaries each: 0 lost, {total['repeats']} repeats, all marked")


def test_processes_that_are_killed_lose_nothing(place: Path) -> None:
    place.mkdir(exist_ok=True)
    sent = place / "sent"
    child = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("nursery.py")), str(place), str(KILLS)],
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    kills, incidents = map(int, child.stdout.split())
    assert kills >= KILLS
    heard: dict[tuple[str, str, str], list[tuple[str, bool]]] = {}
    for line in sent.read_text().splitlines():
        profile, channel, kind, identity, repeat = line.split("\t")
        heard.setdefault((profile, channel, kind), []).append((identity, repeat == "True"))
    expected = {(str(number), channel, kind) for number in range(incidents) for channel in CHANNELS for kind in ("firing", "resolved")}
    assert set(heard) == expected
    for told in heard.values():
        assert len({identity for identity, _ in told}) == 1
        assert all(repeat for _, repeat in told[1:])
