"""Edge. A driver of our commands on a throw-away home."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repair.driving import Driver


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Driver:
    return Driver(tmp_path, monkeypatch, capsys)
