"""Edge. Whether something accepts connections on a port of this machine; nothing is sent."""

from __future__ import annotations

import socket
from typing import Final

_TIMEOUT: Final = 0.25  # seconds; on loopback an answer comes at once or never
_LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def answers(port: int, timeout: float = _TIMEOUT) -> bool:
    """Connect to `port` on loopback and hang up."""
    return any(_accepts(family, host, port, timeout) for family, host in _LOOPBACK)


def _accepts(family: int, host: str, port: int, timeout: float) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            return connection.connect_ex((host, port)) == 0
    except (OSError, OverflowError):  # no such family here, no such port
        return False
