"""Edge. Takes a credential from a person: from the terminal without showing it, or from a pipe. Never from the command line."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from exporter.model import Secret
from exporter.repair.arguments import Refusal, cleaned

_LARGEST: Final = 1 << 20
_WRAPPED_SECONDS: Final = 0.2  # what a paste with line breaks needs to arrive whole
_ERASE: Final = (0x7F, 0x08)
_KILL: Final = 0x15
_END: Final = 0x04
_PASTE_MARKS: Final = (b"\x1b[200~", b"\x1b[201~")


def take(prompt: str) -> Secret:
    """Ask for a credential on the terminal, or read a pipe to its end.

    Shape:  may be empty: whoever knows what is asked for refuses that.
    Errors: raises Refusal for too much, or bytes that are no text; EOFError when the person gives up.
    """
    if sys.stdin is None:
        raise Refusal("Required")
    raw = _typed(prompt) if sys.stdin.isatty() else _piped()
    try:
        return Secret(cleaned(raw.decode("utf-8")))
    except UnicodeDecodeError:
        raise Refusal("What was pasted is no text") from None


def interactive() -> bool:
    """Say whether a person sits at a terminal: questions can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def confirmed(question: str) -> bool:
    """Ask a yes-or-no question; anything but yes is no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _piped() -> bytes:
    raw = sys.stdin.buffer.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise Refusal("More than 1 MiB on standard input is no credential")
    return raw


def _typed(prompt: str) -> bytes:
    fd = sys.stdin.fileno()
    with _silent(fd):
        sys.stderr.write(f"{prompt} (not shown): ")
        sys.stderr.flush()
        raw = _line(fd)
    count = len(raw.strip())
    sys.stderr.write(f"{count} characters\n")
    sys.stderr.flush()
    return raw


def _line(fd: int) -> bytes:
    """Collect keys to the end of the line; a paste that arrives with line breaks, as narrow terminals wrap them, is one line."""
    taken = bytearray()
    while len(taken) <= _LARGEST:
        chunk = os.read(fd, 4096)
        if not chunk or (chunk[0] == _END and not taken):
            raise EOFError
        for byte in chunk:
            if byte in _ERASE:
                del taken[-1:]
            elif byte == _KILL:
                taken.clear()
            elif byte != _END:
                taken.append(byte)
        if taken.endswith((b"\r", b"\n")) and not select.select([fd], [], [], _WRAPPED_SECONDS)[0]:
            for mark in _PASTE_MARKS:
                taken = taken.replace(mark, b"")
            return bytes(taken)
    raise Refusal("More than 1 MiB is no credential")


@contextmanager
def _silent(fd: int) -> Iterator[None]:
    """Turn off the echo and the line limit of a terminal; refuses where that cannot be done."""
    try:
        before = termios.tcgetattr(fd)
        after = termios.tcgetattr(fd)
        after[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON)
        termios.tcsetattr(fd, termios.TCSADRAIN, after)
    except termios.error:
        raise Refusal("this terminal cannot hide what is typed: use standard input") from None
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
