"""Edge. What we tell the service manager (sd_notify), one datagram each; silent where there is none.

Source: sd_notify(3), sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Final

_LONGEST_STATUS: Final = 200


def notify(state: str, environ: Mapping[str, str]) -> bool:
    """Send `state`, such as `READY=1` or `STOPPING=1`; False when there is no service manager to hear it."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(1.0)
            out.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
    except OSError:
        return False
    return True


class ServiceManager:
    """Whoever started us and wants to know how we are."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take the variables it gave us."""
        self._environ = environ
        self._status = ""
        self.listens = bool(environ.get("NOTIFY_SOCKET"))
        self.watchdog_seconds = _watchdog(environ)

    def ready(self) -> None:
        """Say that we serve; also the end of a reload."""
        notify("READY=1", self._environ)

    def reloading(self) -> None:
        """Say that a reload begins; `ready` ends it."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}", self._environ)

    def alive(self) -> None:
        """Feed the watchdog, if there is one."""
        if self.watchdog_seconds is not None:
            notify("WATCHDOG=1", self._environ)

    def status(self, words: str) -> None:
        """Say in one line how things are; the same words are not said twice."""
        line = " ".join(words.split())[:_LONGEST_STATUS]
        if line != self._status:
            self._status = line
            notify(f"STATUS={line}", self._environ)


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """Return how often at least the watchdog wants to be fed; None when nobody watches us."""
    text, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (text.isascii() and text.isdecimal()) or int(text) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(text) / 1_000_000
