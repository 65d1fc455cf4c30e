"""Edge. The code for the phone: what stands on the screen is the address, module by module."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import segno

from exporter.repair import qr
from tests.repair.terminal import ROOT, Terminal
from tests.repair.test_terminal import json_home

PAGE = "https://platform.openai.com/api-keys"
_MODULES = {"█": "00", "▀": "01", "▄": "10", " ": "11"}  # 1 is dark: the blocks draw what is light
_KEYLESS = {"openai:default": {"type": "api_key", "provider": "openai"}}


def modules(drawn: list[str]) -> list[str]:
    """Read half blocks back into rows of modules."""
    pairs = [[_MODULES[mark] for mark in line] for line in drawn]
    return ["".join(pair[half] for pair in line) for line in pairs for half in (0, 1)]


def wanted(address: str) -> list[str]:
    """Return what the library makes of an address, with two light modules around it."""
    matrix = segno.make(address, error="l", micro=False).matrix_iter(border=2)
    return ["".join("1" if module else "0" for module in row) for row in matrix]


def on_screen(screen: Terminal) -> list[str]:
    return [line for line in screen.lines if line and set(line) <= set(_MODULES) and set(line) != {" "}]


def ask(home: Path, **more: str) -> Terminal:
    json_home(home, _KEYLESS)
    screen = Terminal(home, "reauth", "openai:default", environ=more)
    screen.until("Paste API key for openai (not shown): ")
    screen.type("\x04")
    screen.end()
    return screen


def test_a_terminal_shows_the_address_and_its_code(tmp_path: Path) -> None:
    screen = ask(tmp_path)
    assert PAGE in screen.lines
    drawn = on_screen(screen)
    assert max(map(len, drawn)) <= 40
    read = modules(drawn)
    assert read[: len(wanted(PAGE))] == wanted(PAGE)
    assert all(set(row) == {"0"} for row in read[len(wanted(PAGE)) :])  # an odd count of rows ends with a light one


def test_without_the_library_the_address_stands_there_alone(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "segno.py").write_text("raise ImportError('not installed')\n")
    screen = ask(tmp_path / "home", PYTHONPATH=f"{hidden}:{ROOT}")
    assert PAGE in screen.lines
    assert on_screen(screen) == []


def test_without_the_library_there_is_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    assert qr.code("https://example.com", 200) == []


@pytest.mark.parametrize(
    ("address", "columns", "fits"), [(PAGE, 40, True), (PAGE, 20, False), (f"https://auth.example.com/{'x' * 400}", 40, False)]
)
def test_a_code_fits_its_terminal_or_is_left_out(address: str, columns: int, fits: bool) -> None:
    assert bool(qr.code(address, columns)) is fits


def test_more_than_a_code_can_hold_is_no_code() -> None:
    assert qr.code(f"https://auth.example.com/{'x' * 5000}", 1000) == []
