"""Edge. What holds for every script of `deploy/` that a shell runs."""

from __future__ import annotations

import re
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


def test_the_overview_names_every_directory_and_every_variable_of_the_drop_ins() -> None:
    said = (DEPLOY / "README.md").read_text()
    for directory in (path for path in DEPLOY.iterdir() if path.is_dir() and path.name not in {"man", "__pycache__"}):
        assert f"({directory.name}/" in said, directory.name
    for script in (DEPLOY / "compat").glob("*.sh"):
        for name in set(re.findall(r"\$\{([A-Z_]{4,})[:}]", script.read_text())) - {"EXPORTER", "PYTHON"}:
            assert f"`{name}" in said, name


@pytest.mark.parametrize("page", [DEPLOY / "README.md", DEPLOY / "termux/README.md"], ids=lambda page: str(page.relative_to(DEPLOY)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_phones_page_names_every_file_beside_it() -> None:
    said = (DEPLOY / "termux/README.md").read_text()
    for path in (DEPLOY / "termux").rglob("*"):
        if path.is_file() and path.name not in {"README.md", "reach.sh"}:
            assert path.name in said, path.name
