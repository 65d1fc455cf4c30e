"""Edge. `python become.py UID COMMAND…`: the exporter as another user, whose eyes need not reach this Python.

Everything that may be imported later is imported first; then root's rights are given up for good.
"""

from __future__ import annotations

import encodings
import importlib
import os
import pkgutil
import sys

import exporter
from exporter.cli.main import main

_LATE = (
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.lifespan.off",
    "uvicorn.lifespan.on",
    "anyio._backends._asyncio",
    "apscheduler.schedulers.background",
    "apscheduler.triggers.interval",
    "concurrent.futures.thread",
    "stringprep",
    "zoneinfo",
    "platform",
)


def become(user: int) -> None:
    """Import all there is, then be this user and nobody else."""
    for module in pkgutil.walk_packages(exporter.__path__, "exporter."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for codec in pkgutil.iter_modules(encodings.__path__):
        if codec.name not in {"mbcs", "oem", "cp65001"}:  # of another system
            importlib.import_module(f"encodings.{codec.name}")
    for name in _LATE:
        importlib.import_module(name)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)


if __name__ == "__main__":
    become(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
