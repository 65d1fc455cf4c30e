"""Edge. Opens our file. What is newer, damaged, locked or not ours is refused and left as it is."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exporter.journal.schema import APPLICATION, MIGRATIONS

FILE_NAME: Final = "journal.sqlite"
SALT_BYTES: Final = 32
NO_PLACE: Final = "no state directory: set state_dir, STATE_DIRECTORY or HOME"
_BUSY_SECONDS: Final = 2.0


class Refused(Exception):
    """The file is not one of ours, or of a later version."""


FAULTS: Final = (OSError, sqlite3.Error, Refused, ValueError, OverflowError)  # everything that opening and loading can raise


def state_directory(configured: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Find our state directory: the setting, $STATE_DIRECTORY, the XDG place; None when there is no home either."""
    if configured is not None:
        return configured
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.partition(":")[0])
    base = environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):
        home = environ.get("HOME")
        base = f"{home}/.local/state" if home else ""
    return Path(base) / "model-auth-exporter" if base else None


def opened(directory: Path) -> sqlite3.Connection:
    """Open or create the file at its newest version; raises one of FAULTS."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / FILE_NAME
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    file = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _migrate(file)
    except BaseException:
        file.close()
        raise
    return file


def in_memory() -> sqlite3.Connection:
    """Open a memory with the same tables, for when the file cannot be used."""
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _migrate(memory)
    return memory


def check(file: sqlite3.Connection) -> None:
    """Look for damage; raises sqlite3.DatabaseError."""
    verdict = file.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError("the file is damaged")


@contextmanager
def transaction(file: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do everything inside, or nothing."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield file
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


def reason(error: Exception) -> str:
    """Say in words what was wrong."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) or type(error).__name__


def to_ms(at: datetime | None) -> int | None:
    """Write an instant as the file holds it."""
    return None if at is None else round(at.timestamp() * 1000)


def to_instant(ms: object) -> datetime | None:
    """Read an instant of the file."""
    return datetime.fromtimestamp(ms / 1000, UTC) if isinstance(ms, int) else None


def storable(text: str) -> str:
    """Make lone surrogates, which JSON can hold and UTF-8 cannot, storable."""
    return text.encode(errors="backslashreplace").decode()


def _migrate(file: sqlite3.Connection) -> None:
    """Bring the file to the newest version in one transaction; refuse what is not ours or newer."""
    with transaction(file):
        version = file.execute("PRAGMA user_version").fetchone()[0]
        owner = file.execute("PRAGMA application_id").fetchone()[0]
        tables = file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and owner != APPLICATION:
            raise Refused("it belongs to another program")
        if version > len(MIGRATIONS):
            raise Refused(f"it was written by a newer release (version {version})")
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                file.execute(statement)
        if version == 0:
            file.execute(f"PRAGMA application_id = {APPLICATION}")
            file.execute("INSERT INTO meta VALUES ('salt', ?)", (secrets.token_bytes(SALT_BYTES),))
        if version < len(MIGRATIONS):
            file.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
