"""Edge. The systemd units: true of our command line, at one with each other, and what systemd's own tools say of them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from exporter.cli.ending import Ending
from exporter.cli.main import cli
from exporter.host.units import UnitIndex
from exporter.reading.families import FAMILIES
from exporter.reading.logins import PLACES
from tests.deploy.unit_files import ALL, SERVICES, SYSTEM, UNITS, USER, Unit

HOME = "/home/openclaw"
VERDICTS = f"{int(Ending.LAPSED)} {int(Ending.EXPIRING)}"
HOPELESS = f"{int(Ending.USAGE)} {int(Ending.CONFIG)}"


def named(units: list[Unit]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("unit", [pytest.param(unit, id=unit.id) for unit in units])


@named(SERVICES)
def test_the_program_takes_the_command_line(unit: Unit) -> None:
    line = unit.one("ExecStart")
    assert line is not None
    program, *arguments = shlex.split(line)
    assert program == ("/opt/model-auth-exporter/bin/model-auth-exporter" if unit in SYSTEM else "%h/.local/bin/model-auth-exporter")
    found: click.Command = cli
    context = click.Context(found, info_name="model-auth-exporter")
    while isinstance(found, click.Group):
        name, inner, arguments = found.resolve_command(context, arguments)
        assert inner is not None, name
        found = inner
    found.make_context(found.name, arguments)


@named(SERVICES)
def test_exit_codes_mean_what_the_program_means(unit: Unit) -> None:
    line = unit.one("ExecStart") or ""
    assert unit.one("SuccessExitStatus") == (VERDICTS if " check " in line else None)
    assert unit.one("RestartPreventExitStatus") == (HOPELESS if line.endswith(" serve") else None)
    assert unit.one("Type") == ("notify" if line.endswith(" serve") else "oneshot")


@named(SERVICES)
def test_a_failure_is_told_but_not_that_of_the_teller(unit: Unit) -> None:
    teller = "model-auth-exporter-failure.service"
    assert unit.one("OnFailure") == (None if unit.path.name == teller else teller)
    assert (UNITS / unit.path.parent.name / teller).exists()


@named([unit for unit in SERVICES if unit.one("Type") == "notify"])
def test_the_watchdog_outlasts_what_feeds_it(unit: Unit) -> None:
    assert (unit.one("WatchdogSec"), unit.one("NotifyAccess")) == ("1min", "main")
    assert "kill -HUP $MAINPID" in (unit.one("ExecReload") or "")


@named(SYSTEM)
def test_directories_are_bound_and_none_has_to_be_there(unit: Unit) -> None:
    bound = unit.all("BindReadOnlyPaths")
    files = {f"{HOME}/{place}" for place in PLACES.values()}
    assert all(path.startswith(f"-{HOME}/") for path in bound)
    assert not files & {path.removeprefix("-") for path in bound}
    assert not unit.all("BindPaths")
    assert not [path for path in bound if Path(path).suffix in {".json", ".sqlite", ".env", ".yaml"}]


@named(SYSTEM)
def test_everything_the_program_reads_in_a_home_is_bound(unit: Unit) -> None:
    bound = {Path(path.removeprefix("-")) for path in unit.all("BindReadOnlyPaths")}
    wanted = {Path(HOME, name) for family in FAMILIES for name in family.directories}
    wanted |= {Path(HOME, place).parent for place in PLACES.values()}
    index = UnitIndex(Path("/nowhere"))
    list(index.find(Path(HOME), 1000))
    index.manager_environment(Path(HOME))
    # The manager's own directories; a launch agent is of another system.
    wanted |= {path for path, _ in index.watched() if path.is_relative_to(HOME) and "Library" not in path.parts}
    wanted |= {Path(HOME, ".config/openclaw"), Path(HOME, ".config/model-auth-exporter")}
    assert {path for path in wanted if not any(path.is_relative_to(each) for each in bound)} == set()


@pytest.mark.parametrize("units", [SYSTEM, USER], ids=["system", "user"])
def test_the_services_of_one_manager_have_one_sandbox(units: list[Unit]) -> None:
    assert len(units) == 3
    assert all(unit.sandbox() == units[0].sandbox() for unit in units)


def test_both_timers_are_the_same_and_name_a_service_that_is_there() -> None:
    one, other = [unit for unit in ALL if unit.path.suffix == ".timer"]
    assert one.settings == other.settings
    assert (one.one("Persistent"), one.one("OnBootSec"), one.one("OnCalendar")) == ("true", "5min", "*:00/30")
    assert one.path.with_suffix(".service").exists()


@named([unit for unit in SYSTEM if unit.one("Type") == "notify"])
def test_what_is_left_open_has_its_reason(unit: Unit) -> None:
    text = unit.path.read_text(encoding="utf-8")
    given = set(re.findall(r"^# ([A-Z]\w+)", text[text.index("# --- relaxations") :], re.MULTILINE))
    assert given == {"PrivateUsers", "ProcSubset", "PrivateNetwork", "IPAddressDeny", "RootDirectory", "AF_UNIX"}


@pytest.mark.real
@named(SYSTEM)
def test_systemd_finds_little_exposed(unit: Unit, program: Callable[..., str]) -> None:
    said = _run(program("systemd-analyze"), "security", "--offline=true", "--no-pager", str(unit.path))
    score = re.search(r"exposure level for \S+: ([\d.]+)", said.stdout)
    assert score, said.stdout + said.stderr
    assert float(score[1]) <= 1.5


@pytest.mark.real
@pytest.mark.parametrize("manager", ["system", "user"])
def test_systemd_has_nothing_to_complain_of(manager: str, program: Callable[..., str], tmp_path: Path) -> None:
    """Only the program's place is this test's: systemd looks whether it is there."""
    executable = tmp_path / "model-auth-exporter"
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    files = []
    for path in sorted((UNITS / manager).iterdir()):
        files.append(tmp_path / path.name)
        text = path.read_text(encoding="utf-8")
        files[-1].write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={executable}", text, flags=re.MULTILINE))
    verify = (program("systemd-analyze"), "verify", f"--{manager}", "--man=no")
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    said = _run(*verify, *map(str, files), XDG_RUNTIME_DIR=str(runtime))
    assert (said.returncode, _complaints(said.stderr)) == (0, []), said.stderr
    files[0].write_text(files[0].read_text() + "NoSuchSetting=1\n")
    assert _complaints(_run(*verify, *map(str, files), XDG_RUNTIME_DIR=str(runtime)).stderr) != []


def _complaints(said: str) -> list[str]:
    """Keep what speaks of our units; the machine's own may have faults of theirs."""
    return [line for line in said.splitlines() if "model-auth-exporter" in line]


def _run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, env={**os.environ, **environ}, text=True, capture_output=True, check=False, timeout=60)
