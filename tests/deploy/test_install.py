"""Edge. deploy/install.sh for a user of no power, in a home of its own; real virtual environments, a recorded crontab.

What it does as root is tried on whole machines: test_machine.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.scratch import INSTALL, install, lent, ordinary, tree, wheel
from tests.running import copy_home

_CRONTAB = """#!/bin/sh
# Keeps a crontab in a file, as crontab(1) does; says so when there is none.
case $1 in
  -l) cat "$TABLE" ;;
  -r) rm "$TABLE" ;;
  -) cat >"$TABLE" ;;
esac
"""


class Place:
    """One user's home, and install.sh run there."""

    def __init__(self, directory: Path, wheel: Path) -> None:
        self.under = ordinary()
        self.home = copy_home("openclaw-2026.4.20/two-agents", directory / "home")
        self.table = directory / "crontab"
        tools = directory / "tools"
        tools.mkdir()
        (tools / "crontab").write_text(_CRONTAB)
        (tools / "crontab").chmod(0o755)
        self.prefix = self.home / ".local/share/model-auth-exporter"
        self.program = self.home / ".local/bin/model-auth-exporter"
        self.units = self.home / ".config/systemd/user"
        self.config = self.home / ".config/model-auth-exporter/config.yaml"
        self.wheel = wheel
        self.env = {
            "HOME": str(self.home),
            "PATH": f"{tools}:/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHON": sys.executable,
            "LC_ALL": "C.UTF-8",
            "TABLE": str(self.table),
            "MODEL_AUTH_EXPORTER_PROBES__ENABLED": "false",
            **lent(),
        }

    def run(self, *arguments: str, typed: str | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return install("--from", str(self.wheel), *arguments, env={**self.env, **(env or {})}, under=self.under, typed=typed)

    def fine(self, *arguments: str, typed: str | None = None) -> str:
        ended = self.run(*arguments, typed=typed)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def seen(self) -> dict[str, str]:
        return tree(self.home, but=[self.prefix / name for name in ("bin", "lib", "lib64", "include", "pyvenv.cfg")])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def place(tmp_path: Path, made: Path) -> Place:
    return Place(tmp_path, made)


@pytest.mark.real
def test_the_script_has_nothing_to_complain_of(program: Callable[..., str]) -> None:
    checked = subprocess.run([program("shellcheck"), str(INSTALL)], capture_output=True, text=True, check=False)
    assert checked.stdout == ""


@pytest.mark.parametrize("arguments", [(), ("--mode", "timer", "--scheduler", "systemd"), ("--uninstall", "--purge")])
def test_a_dry_run_changes_nothing(place: Place, arguments: tuple[str, ...]) -> None:
    before = place.seen()
    place.fine("--dry-run", *arguments)
    assert place.seen() == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--mode", "both"), 64, "--mode is serve or timer"),
        (("--scheduler", "launchd"), 64, "--scheduler is"),
        (("--prefix",), 64, "--prefix needs a value"),
        (("--prefix", "relative"), 64, "cannot take as they are"),
        (("--prefix", "/tmp/two words"), 64, "cannot take as they are"),
        (("--listen", "here"), 64, "--listen is HOST:PORT"),
        (("--purge",), 64, "--purge goes with --uninstall"),
        (("--nonsense",), 64, "unknown option: --nonsense"),
        (("--user", "somebody"), 77, "needs root"),
        (("--prefix", "/usr"), 1, "not ours"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(place: Place, arguments: tuple[str, ...], code: int, says: str) -> None:
    before = place.seen()
    ended = place.run(*arguments)
    assert (ended.returncode, says in ended.stderr) == (code, True), ended.stderr
    assert place.seen() == before


def test_without_a_python_it_says_what_to_install(place: Place, tmp_path: Path) -> None:
    tools = tmp_path / "few"
    tools.mkdir()
    for name in ("bash", "dirname", "id", "ls", "getent", "cut", "awk", "sort", "uname"):
        found = next(path for path in (Path("/usr/bin", name), Path("/bin", name)) if path.exists())
        (tools / name).symlink_to(found)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")  # one that is too old
    (tools / "python3").chmod(0o755)
    ended = install("--dry-run", env={**place.env, "PYTHON": "python3"}, under=[*place.under, "env", f"PATH={tools}"])
    assert (ended.returncode, "no Python 3.11 or newer" in ended.stderr) == (69, True), ended.stderr


@pytest.mark.slow
def test_units_are_written_once_and_all_is_undone(place: Place) -> None:
    before = place.seen()
    said = place.fine("--scheduler", "systemd", "--listen", "127.0.0.1:10999")
    assert str(place.home / ".openclaw") in said
    assert "1 agent" in said or "main" in said  # what it sees, at the end
    unit = (place.units / "model-auth-exporter.service").read_text()
    assert f"ExecStart={place.prefix}/bin/model-auth-exporter serve" in unit
    assert 'listen: "127.0.0.1:10999"' in place.config.read_text()
    assert place.config.stat().st_mode & 0o077 == 0
    assert subprocess.run([place.program, "config", "check"], env=place.env, check=False, capture_output=True).returncode == 0

    once = place.seen()
    place.fine("--scheduler", "systemd")
    assert place.seen() == once

    place.fine("--scheduler", "systemd", "--mode", "timer")
    assert not (place.units / "model-auth-exporter.service").exists()
    assert (place.units / "model-auth-exporter-check.timer").exists()

    kept = place.fine("--uninstall")
    assert f"kept: {place.config}" in kept
    left = {Path(path) for path in set(place.seen()) - set(before)}
    assert left == {place.config, *(path for path in place.config.parents if path in left)}
    assert place.fine("--uninstall").startswith("nothing is installed")


@pytest.mark.slow
def test_what_was_there_before_or_changed_since_stays_also_when_cron_takes_over(place: Place) -> None:
    place.table.write_text("5 4 * * * tidy up\n")
    place.program.parent.mkdir(parents=True)
    place.program.write_text("#!/bin/sh\necho another installation\n")
    place.config.parent.mkdir(parents=True)
    place.config.write_text("probes: {enabled: false}\n")
    before = place.seen()

    said = place.fine("--scheduler", "systemd", typed="\n")
    assert "Go ahead?" in said
    assert "is not ours and stays" in said
    unit = place.units / "model-auth-exporter.service"
    unit.write_text(unit.read_text() + "# mine\n")
    assert "changed by hand and stays" in place.fine("--scheduler", "systemd")
    assert unit.read_text().endswith("# mine\n")
    unit.with_name(f"{unit.name}.new").unlink()

    place.fine("--scheduler", "cron")
    saved = unit.with_name(f"{unit.name}.saved")
    assert (unit.exists(), saved.read_text().endswith("# mine\n")) == (False, True)
    saved.unlink()
    command = f"{place.prefix}/bin/model-auth-exporter check --notify --quiet"
    assert place.table.read_text().splitlines() == [
        "5 4 * * * tidy up",
        "# model-auth-exporter begin",
        f"*/30 * * * * {command}",
        "# model-auth-exporter end",
    ]
    ran = subprocess.run(["sh", "-c", command], env=place.env, capture_output=True, text=True, check=False)
    assert (ran.returncode in {0, 1, 2}, ran.stdout) == (True, "")

    place.fine("--uninstall", "--purge")
    assert place.table.read_text() == "5 4 * * * tidy up\n"
    assert place.seen() == before


def test_on_a_terminal_it_asks_first(place: Place) -> None:
    before = place.seen()
    ended = place.run("--scheduler", "none", typed="n\n")
    assert ("Go ahead?" in ended.stdout, ended.returncode) == (True, 1), ended.stdout
    assert place.seen() == before
