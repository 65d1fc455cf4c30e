"""Edge. What `status` prints for the demo's home, word for word. `PYTEST_UPDATE_GOLDEN=1 pytest tests/cli/test_golden.py` writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exporter.cli.main import main
from exporter.demo.home import write
from tests.builders import NOW

GOLDEN = Path(__file__).parents[1] / "golden"
AT = ("--at", "2026-11-01T00:00:00Z")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("status.txt", ["status", "--plain"]),
        ("status.json", ["status", "--json", "--gateway", "openclaw-older"]),
        ("check.txt", ["check", "--all"]),
        ("explain.txt", ["explain", "anthropic:overdue", "--agent", "main"]),
    ],
)
def test_the_output_is_the_recorded_one(
    name: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    write(home, NOW)
    monkeypatch.setenv("HOME", str(home))
    main([*arguments, *AT])
    printed = capsys.readouterr().out.replace(str(home), "/home/demo")
    if os.environ.get("PYTEST_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(printed, encoding="utf-8")
    assert printed == (GOLDEN / name).read_text(encoding="utf-8")
