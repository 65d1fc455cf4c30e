"""Edge. The manual page is that of the commands as they are, and a page that man can show."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from deploy.man.generate import PAGE, page
from exporter import __version__
from exporter.cli.ending import Ending
from exporter.cli.main import COMMANDS


def test_the_manual_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make generate"


def test_the_manual_page_names_every_command_and_exit_code_and_the_version() -> None:
    text = page()
    assert not [name for name in COMMANDS if f'.SS "{name}"\n' not in text]
    assert not [code for code in Ending if f".B {int(code)}\n" not in text]
    assert f"model-auth-exporter {__version__}" in text


@pytest.mark.real
def test_the_manual_page_is_well_formed(program: Callable[..., str]) -> None:
    linted = subprocess.run([program("mandoc"), "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True, check=False)
    complaints = [line for line in (linted.stdout + linted.stderr).splitlines() if "missing date" not in line]  # the same page every day
    assert complaints == []
    shown = subprocess.run([program("mandoc"), "-T", "utf8", PAGE], capture_output=True, text=True, check=True).stdout
    assert "Exit code" in shown
