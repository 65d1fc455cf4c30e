"""Edge. What starts us, as files of a machine: units, stamps, crontabs, launch agents; and whether the clock is kept right."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.cli.schedule_here import others, synchronised, units
from tests.running import ROOT

MINUTES = timedelta(minutes=1)


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_units_that_come_with_us_are_known(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "root"
    shutil.copytree(ROOT / "deploy/systemd/user", home / ".config/systemd/user")
    shutil.copytree(ROOT / "deploy/systemd/system", root / "etc/systemd/system")
    wants = home / ".config/systemd/user/timers.target.wants"
    wants.mkdir()
    (wants / "model-auth-exporter-check.timer").symlink_to("../model-auth-exporter-check.timer")
    stamp = write(home / ".local/share/systemd/timers/stamp-model-auth-exporter-check.timer")
    os.utime(stamp, (1_700_000_000, 1_700_000_000))
    found = {(unit.name, unit.system): unit for unit in units(home, root)}
    names = {"model-auth-exporter.service", "model-auth-exporter-check.service", "model-auth-exporter-check.timer"}
    assert {name for name, _ in found} >= names
    timer = found["model-auth-exporter-check.timer", False]
    assert (timer.enabled, timer.every, timer.fired_at) == (True, 30 * MINUTES, datetime.fromtimestamp(1_700_000_000, UTC))
    assert not found["model-auth-exporter.service", False].enabled
    assert found["model-auth-exporter-check.timer", True].system


@pytest.mark.parametrize(
    ("line", "every"),
    [
        ("OnUnitActiveSec=30min", 30 * MINUTES),
        ("OnUnitActiveSec=2h", 120 * MINUTES),
        ("OnCalendar=hourly", 60 * MINUTES),
        ("OnCalendar=daily", 1440 * MINUTES),
        ("OnCalendar=Mon *-*-* 04:00", None),
    ],
)
def test_how_often_a_timer_fires(tmp_path: Path, line: str, every: timedelta | None) -> None:
    write(tmp_path / "etc/systemd/user/model-auth-exporter-check.timer", f"[Timer]\n{line}\n")
    assert [unit.every for unit in units(tmp_path, tmp_path)] == [every]


def test_other_schedules_are_found(tmp_path: Path) -> None:
    cron = write(tmp_path / "etc/cron.d/model-auth-exporter")
    agent = write(tmp_path / "Library/LaunchAgents/model-auth-exporter.check.plist")
    table = write(tmp_path / "var/spool/cron/crontabs/ann", "7 * * * * model-auth-exporter check --notify\n")
    write(tmp_path / "var/spool/cron/crontabs/bob", "# model-auth-exporter\n7 * * * * true\n")
    assert others(tmp_path, tmp_path) == (str(cron), str(agent), str(table))
    assert others(tmp_path / "none", tmp_path / "none") == ()


def test_whether_the_clock_is_kept_right(tmp_path: Path) -> None:
    assert synchronised(tmp_path) is None
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    assert synchronised(tmp_path) is False
    write(tmp_path / "run/systemd/timesync/synchronized")
    assert synchronised(tmp_path) is True
    elsewhere = tmp_path / "chrony"
    (elsewhere / "run/chrony").mkdir(parents=True)
    assert isinstance(synchronised(elsewhere), bool)  # whatever this machine's kernel says
