"""Edge. What holds for every script of `deploy/` that a shell runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.stands import DEPLOY

OURS = ("compat", "termux", "openrc")
SCRIPTS = [
    path for name in OURS for path in sorted((DEPLOY / name).rglob("*")) if path.suffix in {".sh", ".confd"} or path.parent.name == "openrc"
]


@pytest.mark.real
def test_shellcheck_has_nothing_to_say(program: Callable[..., str]) -> None:
    shellcheck = program("shellcheck")
    for directory in sorted({path.parent for path in SCRIPTS}):
        names = [path.name for path in SCRIPTS if path.parent == directory]
        ran = subprocess.run([shellcheck, "-x", *names], cwd=directory, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_what_is_run_may_be_run_and_what_is_sourced_says_so(path: Path) -> None:
    first = path.read_text().split("\n", 1)[0]
    runs = first.startswith("#!")
    assert bool(path.stat().st_mode & 0o111) is runs
    assert runs or first.startswith("# shellcheck shell=sh")
