"""Edge. A reader for this machine: its files, and what its processes and units say of the gateways."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from exporter.host.environment import HostReader
from exporter.reading.reader import Reader
from exporter.reading.shelf import Desk
from exporter.reading.surroundings import ResolveRefs
from exporter.settings import Settings


def reader_here(
    settings: Settings,
    environ: Mapping[str, str],
    home: Path,
    *,
    resolve: ResolveRefs | None = None,
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
    ask_port: bool = False,
    look_around: bool = True,
) -> Reader:
    """Return a reader with this process's variables and home; `clock` is that of the file system, in seconds.

    `ask_port`: also see whether each gateway's configured port answers, on loopback.
    """
    desk = Desk(clock, pause)
    host = HostReader(environ, desk=desk, ask_login_shell=settings.read.login_shell, ask_port=ask_port)
    return Reader(settings, environ, home, host=host, desk=desk, resolve=resolve, look_around=look_around)
