"""Pure. What both kinds of environment file share: bytes to text, and which names a variable may have."""

from __future__ import annotations

import re

from exporter.model import Problem, ProblemReason, StoreRef

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_BYTES = 1 << 20  # the gateways ignore larger environment files


def decode(raw: bytes, ref: StoreRef) -> tuple[str, tuple[Problem, ...]]:
    """Decode UTF-8 with or without byte order mark; a wrong byte is replaced, as Node does, and told once."""
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as fault:
        return raw.decode("utf-8-sig", "replace"), (Problem.at(ref, ProblemReason.INVALID_UTF8, f"byte {fault.start}"),)
