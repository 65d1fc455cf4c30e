"""Edge. A QR code for the phone, where the terminal can show one and the library for it is installed."""

from __future__ import annotations

import importlib
import io
from typing import Any, Final

_QUIET: Final = 2  # modules of margin a phone needs at least


def code(address: str, columns: int) -> list[str]:
    """Draw an address in half blocks; empty when it would not fit or the library is missing."""
    try:
        segno: Any = importlib.import_module("segno")
    except ImportError:
        return []
    try:
        drawing = segno.make(address, error="l", micro=False)
    except ValueError:  # more than a code can hold
        return []
    if drawing.symbol_size(border=_QUIET)[0] > columns:
        return []
    out = io.StringIO()
    drawing.save(out, kind="txt", border=_QUIET)
    return _halved(out.getvalue().split())


def _halved(rows: list[str]) -> list[str]:
    """Draw two rows of modules as one line, light on dark, as dark terminals and phones agree best."""
    if len(rows) % 2:
        rows = [*rows, "0" * len(rows[0])]
    marks = {"00": "█", "01": "▀", "10": "▄", "11": " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["".join(marks[upper + lower] for upper, lower in zip(top, bottom, strict=True)) for top, bottom in pairs]
