"""Edge. Lets a person talk to the gateway's own program through a terminal of ours, which hides what looks like a credential.

For logins that ask questions. Keys pass as they are, Ctrl-C too: what is stopped there is stopped by the person.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable
from typing import Final

from exporter.repair.own_cli import ANSI, URL, Command, environment

_SHAPES: Final = re.compile(r"\b(?:sk-|gsk_|xai-|ya29\.|1//0|rt_|eyJ|gh[pousr]_|GOCSPX-)[\w./+=~-]{4,}")
_MAYBE: Final = re.compile(r"(?:sk-|gsk_|xai-|ya29|1//0|rt_|eyJ|gh[pousr]_|GOCSPX-)[\w./+=~-]*\Z")
_LOGIN: Final = re.compile(r"auth|login|device|activate|verif", re.IGNORECASE)
_LOCAL: Final = re.compile(r"https?://(?:localhost|127\.|\[::1\])", re.IGNORECASE)


class Screen:
    """What the program prints, filtered as it comes; `on_address` gets the first address a person must open."""

    def __init__(self, write: Callable[[str], None], on_address: Callable[[str], None]) -> None:
        """Print through `write`."""
        self._write = write
        self._on_address = on_address
        self._held = ""
        self._line = ""
        self._told = False

    def feed(self, text: str) -> None:
        """Take what the program printed next."""
        text = self._held + text
        start = _MAYBE.search(text)
        self._held = text[start.start() :] if start else ""
        self._show(text[: len(text) - len(self._held)])

    def close(self) -> None:
        """Print what was held back for what might have followed."""
        self._show(self._held)
        self._held = ""

    def _show(self, text: str) -> None:
        self._write(_SHAPES.sub("***", text))
        *lines, self._line = re.split(r"[\r\n]", self._line + text)
        self._line = self._line[-4000:]
        for line in lines:
            found = URL.search(ANSI.sub("", line))
            if found and not self._told and _LOGIN.search(found[0]) and not _LOCAL.match(found[0]):
                self._told = True
                self._on_address(found[0])


def talk(call: Command, on_address: Callable[[str], None]) -> int:
    """Run a call at the person's terminal and return its exit code; stdin must be a terminal."""
    child, ours = pty.fork()
    if child == 0:  # pragma: no cover  # another program from here on
        try:
            os.execve(call.program, [call.program, *call.arguments], environment(call))
        finally:
            os._exit(127)
    keys = sys.stdin.fileno()
    _same_size(keys, ours)
    before = termios.tcgetattr(keys)
    screen = Screen(_print, on_address)
    try:
        tty.setraw(keys)
        _pass_on(keys, ours, screen)
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
        screen.close()
        os.close(ours)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _pass_on(keys: int, ours: int, screen: Screen) -> None:
    previous = signal.signal(signal.SIGWINCH, lambda *_: _same_size(keys, ours))
    try:
        watched = [keys, ours]
        while True:
            ready, _, _ = select.select(watched, [], [])
            if ours in ready:
                try:
                    chunk = os.read(ours, 65536)
                except OSError:  # it ended
                    return
                if not chunk:
                    return
                screen.feed(chunk.decode("utf-8", "replace"))
            if keys in ready:
                typed = os.read(keys, 4096)
                if typed:
                    os.write(ours, typed)
                else:
                    watched.remove(keys)
    finally:
        signal.signal(signal.SIGWINCH, previous)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _same_size(keys: int, ours: int) -> None:
    try:
        lines, columns = termios.tcgetwinsize(keys)
        termios.tcsetwinsize(ours, (lines or 24, columns or 80))  # a serial line may not know its size
    except (OSError, termios.error):
        pass
