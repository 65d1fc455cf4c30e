"""Edge. Hands memory back to the system: what a page, a notice or a probe took for a moment would otherwise stay ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache


def hand_back() -> None:
    """Let the C library return what it keeps free; where it has no such call, nothing happens."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], object] | None:
    """Find glibc's call. Others (musl, bionic) have none: they keep little."""
    try:
        import ctypes  # missing from some small builds

        call: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError):
        return None
    return call
