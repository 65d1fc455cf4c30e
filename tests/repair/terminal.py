"""Edge. A person at a terminal of any width: what they see, what they type, how it ends."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The terminal becomes the child's own, so that Ctrl-C is one.
_AT_HOME = "import fcntl, runpy, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); runpy.run_module('exporter', run_name='__main__')"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """One command of ours at a pseudo-terminal of its own."""

    def __init__(self, home: Path, *arguments: str, columns: int = 40, environ: Mapping[str, str] | None = None) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        environment = {
            "HOME": str(home), "PATH": f"{home / 'bin'}:/usr/bin:/bin", "XDG_STATE_HOME": str(home / "our-state"), "TERM": "xterm", "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT), "TZ": "UTC", **(environ or {}),
        }  # fmt: skip
        self._child = subprocess.Popen(
            [sys.executable, "-c", _AT_HOME, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def until(self, words: str, seconds: float = 20) -> None:
        """Wait until the screen has shown these words."""
        end = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < end, f"never saw {words!r} in:\n{self.seen}"
            assert self._more(0.1) or self._child.poll() is None or words in self.seen, f"ended without {words!r}:\n{self.seen}"

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self, seconds: float = 20) -> int:
        """Read to the end and return the exit code."""
        end = time.monotonic() + seconds
        while self._child.poll() is None or self._more(0):
            if time.monotonic() > end:
                self._child.kill()
                raise AssertionError(f"it does not end:\n{self.seen}")
            self._more(0.1)
        os.close(self._ours)
        return self._child.wait()

    @property
    def lines(self) -> list[str]:
        return _ANSI.sub("", self.seen).replace("\r", "").split("\n")

    def _more(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self._ours, 65536)
        except OSError:
            return False
        self.seen += chunk.decode("utf-8", "replace")
        return bool(chunk)
