"""Edge. The record of every repair of a credential, in our file: who, when, what; never the secret."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from exporter.journal.file import FAULTS, FILE_NAME, NO_PLACE, opened, reason, storable, to_instant, to_ms, transaction

T = TypeVar("T")

KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `action` is the command, `how` is `file` or the gateway's own program."""

    at: datetime
    who: str
    action: str
    gateway: str
    agent: str
    provider: str
    profiles: tuple[str, ...]
    how: str


class Unrecorded(Exception):
    """The record cannot be used; the message says why."""


def record(directory: Path | None, change: Change) -> None:
    """Add a change, and let go of the oldest; raises Unrecorded."""
    words = (change.who, change.action, change.gateway, change.agent, change.provider, json.dumps(change.profiles), change.how)

    def work(directory: Path) -> None:
        with closing(opened(directory)) as connection, transaction(connection) as file:
            file.execute(
                "INSERT INTO changes (at_ms, who, action, gateway, agent, provider, profiles, how) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (to_ms(change.at), *map(storable, words)),
            )
            file.execute("DELETE FROM changes WHERE sequence <= (SELECT max(sequence) FROM changes) - ?", (KEPT,))

    _usable(directory, work)


def changes(directory: Path | None, most: int) -> tuple[Change, ...]:
    """Return the newest changes, newest first; raises Unrecorded."""

    def work(directory: Path) -> tuple[Change, ...]:
        if not (directory / FILE_NAME).exists():
            return ()
        with closing(opened(directory)) as file:
            query = "SELECT at_ms, who, action, gateway, agent, provider, profiles, how FROM changes ORDER BY sequence DESC LIMIT ?"
            return tuple(_change(row) for row in file.execute(query, (most,)))

    return _usable(directory, work)


def user() -> str:
    """Name this user, and the one behind sudo."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.geteuid())
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {name}" if behind and behind != name else name


def _change(row: tuple[int, str, str, str, str, str, str, str]) -> Change:
    at, who, action, gateway, agent, provider, profiles, how = row
    return Change(to_instant(at) or datetime.fromtimestamp(0, UTC), who, action, gateway, agent, provider, tuple(json.loads(profiles)), how)


def _usable(directory: Path | None, work: Callable[[Path], T]) -> T:
    if directory is None:
        raise Unrecorded(NO_PLACE)
    file = directory / FILE_NAME
    try:
        if _is_strange(file):
            raise Unrecorded(f"{file} belongs to another user")
        return work(directory)
    except FAULTS as error:
        raise Unrecorded(f"{file}: {reason(error)}") from None


def _is_strange(file: Path) -> bool:
    """Say whether what we would leave there could keep its owner out. Root's side files get the owner of the file, a new file does not."""
    if file.exists():
        return os.geteuid() not in (0, file.stat().st_uid)
    return file.parent.exists() and file.parent.stat().st_uid != os.geteuid()
