"""Edge. The two streams: data to stdout, everything else to stderr."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping

from exporter.cli.ending import PROGRAM, Ending, Failure
from exporter.words import visible


def data(text: str) -> None:
    """Write data to stdout; raises BrokenPipeError when nobody reads it any more, or when it is closed."""
    if sys.stdout is None:
        raise BrokenPipeError(errno.EPIPE, "stdout is closed")
    _write(text)


def lines(texts: Iterable[str]) -> None:
    """Write lines of data to stdout."""
    data("".join(f"{text}\n" for text in texts))


def document(tree: Mapping[str, object]) -> None:
    """Write one JSON document to stdout, in ASCII: an id may hold characters that no stream can carry."""
    data(json.dumps(tree, indent=2) + "\n")


def note(text: str) -> None:
    """Tell a person something on stderr; never fails."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{PROGRAM}: {visible(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def notes(texts: Iterable[str]) -> None:
    """Tell a person several things on stderr."""
    for text in texts:
        note(text)


def flush() -> None:
    """Make sure everything written arrived; raises as `data` does."""
    if sys.stdout is not None:
        _guarded(sys.stdout.flush)


def forgive() -> None:
    """Point stdout at nothing, so that the interpreter's last flush cannot fail."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (OSError, ValueError, AttributeError):
        pass


def is_fancy() -> bool:
    """True when stdout is a terminal that wants more than plain text."""
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """Return how wide the terminal is."""
    return shutil.get_terminal_size((78, 24)).columns


def speaks_unicode() -> bool:
    """True when stdout can carry the marks we use beside colour."""
    return sys.stdout is not None and (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    _guarded(lambda: sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding)))


def _guarded(step: Callable[[], object]) -> None:
    try:
        step()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(Ending.INTERNAL, f"cannot write to stdout: {error.strerror}") from None
