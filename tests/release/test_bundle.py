"""Edge. `bundle` writes what came along, replaces nothing unasked, and knows from which revision it is."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from exporter import shipped
from tests.running import ROOT, run

RULES = Path("alerts") / "model-auth.rules.yml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def out(home: Path) -> Path:
    written = run("bundle", "export", "out", home=home)
    assert written.returncode == 0, written.stderr
    return home.parent / "out"


def test_list_prints_every_file_once(home: Path) -> None:
    listed = run("bundle", "list", home=home)
    assert listed.returncode == 0
    assert listed.stdout.splitlines() == [str(name) for name in shipped.files(ROOT)]
    assert len(set(listed.stdout.splitlines())) == len(listed.stdout.splitlines()) > 80


def test_export_writes_the_same_files_in_the_same_layout(out: Path) -> None:
    names = list(shipped.files(ROOT))
    assert all((out / name).read_bytes() == (ROOT / name).read_bytes() for name in names)
    assert sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file()) == sorted(names)


def test_export_keeps_what_can_be_run_runnable(out: Path) -> None:
    modes = {name: stat.S_IMODE((out / name).stat().st_mode) for name in shipped.files(ROOT)}
    runnable = {name for name in modes if os.access(ROOT / name, os.X_OK) and stat.S_IMODE((ROOT / name).stat().st_mode) & 0o100}
    assert {name for name, mode in modes.items() if mode & 0o100} == runnable
    assert set(modes.values()) <= {0o644, 0o755}


def test_a_second_export_has_nothing_to_do(home: Path, out: Path) -> None:
    before = (out / RULES).stat().st_mtime_ns
    again = run("bundle", "export", "out", home=home)
    assert (again.returncode, again.stdout) == (0, "")
    assert "has everything already" in again.stderr
    assert (out / RULES).stat().st_mtime_ns == before


def test_a_file_that_differs_stops_everything_until_forced(home: Path, out: Path) -> None:
    (out / RULES).write_text("mine\n", encoding="utf-8")
    (out / "dashboards" / "README.md").unlink()
    refused = run("bundle", "export", "out", home=home)
    assert (refused.returncode, refused.stdout) == (64, "")
    assert f"out/{RULES} would change" in refused.stderr
    assert not (out / "dashboards" / "README.md").exists()

    forced = run("bundle", "export", "out", "--force", home=home)
    assert forced.returncode == 0
    assert set(forced.stdout.splitlines()) == {f"out/{RULES}", "out/dashboards/README.md"}
    assert (out / RULES).read_bytes() == (ROOT / RULES).read_bytes()


def test_a_link_is_replaced_and_not_followed(home: Path, out: Path) -> None:
    elsewhere = home / "precious"
    elsewhere.write_text("mine\n", encoding="utf-8")
    (out / RULES).unlink()
    (out / RULES).symlink_to(elsewhere)
    assert run("bundle", "export", "out", home=home).returncode == 64
    assert run("bundle", "export", "out", "--force", home=home).returncode == 0
    assert (elsewhere.read_text(encoding="utf-8"), (out / RULES).is_symlink()) == ("mine\n", False)


def test_a_place_that_cannot_be_written_is_said(home: Path) -> None:
    (home.parent / "out").mkdir()
    (home.parent / "out" / "alerts").write_text("a file in the way\n", encoding="utf-8")
    refused = run("bundle", "export", "out", home=home)
    assert refused.returncode == 78
    assert "cannot write" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_a_checkout_knows_its_commit(tmp_path: Path, packed: bool) -> None:
    def git(*words: str) -> str:
        options = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *options, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "one")
    if packed:
        git("pack-refs", "--all")
    assert shipped.checked_out(tmp_path) == git("rev-parse", "HEAD")[:12]
    git("checkout", "--quiet", "--detach")
    assert shipped.checked_out(tmp_path) == git("rev-parse", "HEAD")[:12]


def test_a_place_that_is_no_checkout_has_no_revision(tmp_path: Path) -> None:
    assert shipped.checked_out(tmp_path) == ""
