"""Edge. Runs our commands in this process on a home of a test, with something on standard input."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.cli.main import main

TOKEN = "sk-ant-oat01-" + "CANARYtoken" * 7


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class Driver:
    """Runs commands with one home."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._patch = patch
        self._capture = capture
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_STATE_HOME", str(home / "our-state"))
        patch.setenv("PATH", str(home / "bin"))

    def run(self, *arguments: str, piped: str | bytes = "") -> Ran:
        raw = piped.encode() if isinstance(piped, str) else piped
        self._patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        code = main(list(arguments))
        captured = self._capture.readouterr()
        return Ran(int(code), captured.out, captured.err)


def everything(directory: Path) -> dict[str, tuple[str, bytes]]:
    """Return every file below a directory with its permissions and content."""
    found = {}
    for path in sorted(directory.rglob("*")):
        info = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(info.st_mode) else os.readlink(path).encode() if path.is_symlink() else b""
        found[str(path.relative_to(directory))] = (oct(info.st_mode), content)
    return found
