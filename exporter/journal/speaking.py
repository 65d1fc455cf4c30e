"""Edge. Who speaks: one process at a time leads the alert book, the one that holds the lock in the state directory.

The lock ends with its process. Where locks do not work (some network file systems), the instance id that a daemon tells on its
address shows that the one named in the file still lives.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from exporter.settings import INSTANCE_HEADER

FILE_NAME: Final = "alerting.lock"
_ASK_SECONDS: Final = 1.0


class Kind(StrEnum):
    """What kind of process speaks."""

    SERVE = "serve"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that speaks, or wants to. `listen` is where a daemon tells its id."""

    kind: Kind
    id: str
    pid: int
    listen: str = ""


def instance(kind: Kind, listen: str = "") -> Instance:
    """Make the identity of this process."""
    return Instance(kind, secrets.token_hex(8), os.getpid(), listen)


class Speaker:
    """The right to speak, once it is had."""

    def __init__(self, directory: Path, me: Instance) -> None:
        """Take nothing yet."""
        self._path, self._me = directory / FILE_NAME, me
        self._descriptor: int | None = None

    @property
    def speaks(self) -> bool:
        """Tell whether this process has the right."""
        return self._descriptor is not None

    def take(self) -> Instance | None:
        """Try to become the speaker; returns who speaks instead, None when it is this process. Raises OSError."""
        if self._descriptor is not None:
            return None
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = _named(descriptor)
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return other or Instance(Kind.CHECK, "", 0)
            raise
        other = _named(descriptor)
        if other is not None and other.kind is Kind.SERVE and other.id != self._me.id and answers(other):
            os.close(descriptor)
            return other
        self._write(descriptor)
        self._descriptor = descriptor
        return None

    def leave(self) -> None:
        """Give the right up."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(self._me)).encode(), 0)


def answers(other: Instance) -> bool:
    """Ask the address of a daemon whether it is still the same one."""
    if not other.listen:
        return False
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{other.listen}/-/healthy", timeout=_ASK_SECONDS) as answer:
            told = answer.headers.get(INSTANCE_HEADER)
    except urllib.error.HTTPError as error:
        with error:
            told = error.headers.get(INSTANCE_HEADER)
    except (OSError, ValueError):
        return False
    return bool(told) and told == other.id


def _named(descriptor: int) -> Instance | None:
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
        return Instance(Kind(found["kind"]), str(found["id"]), int(found["pid"]), str(found["listen"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
