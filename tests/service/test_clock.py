"""Pure. When the clock cannot be right, and when it jumped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from exporter.built import BUILT_AT
from exporter.clock import held, jumped

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SLACK = timedelta(seconds=60)


@pytest.mark.parametrize(
    ("now", "written_at", "words"),
    [
        pytest.param(NOW, None, "", id="nothing speaks against it"),
        pytest.param(NOW, NOW - SLACK, "", id="after the last write"),
        pytest.param(NOW, NOW + SLACK, "", id="a small step back"),
        pytest.param(NOW, NOW + 2 * SLACK, "our own last write", id="before the last write"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), None, "built", id="a machine without a clock battery"),
    ],
)
def test_held(now: datetime, written_at: datetime | None, words: str) -> None:
    assert words in held(now, written_at, SLACK)
    assert bool(held(now, written_at, SLACK)) == bool(words)


def test_this_machine_is_later_than_the_build() -> None:
    assert datetime.now(UTC) > BUILT_AT


@pytest.mark.parametrize(
    ("wall", "monotonic", "jump"),
    [(1, 1, False), (1.5, 1, False), (3600, 1, True), (-3600, 1, True), (1, 3600, True)],
    ids=["steady", "a little off", "forward or asleep", "back", "the other clock ran on"],
)
def test_jumped(wall: float, monotonic: float, jump: bool) -> None:
    assert jumped(timedelta(seconds=wall), timedelta(seconds=monotonic)) is jump
