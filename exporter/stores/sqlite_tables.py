"""Pure. Tables of a SQLite image in memory: rows out, and everything wrong with them as problems."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from exporter.model import Parsed, Problem, ProblemReason, StoreRef

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

_LARGEST_VALUE: Final = 16 << 20  # bytes of one row, the same as of one JSON store
_STRICT_SINCE: Final = (3, 37, 0)  # the SQLite that first reads STRICT tables
_STEPS: Final = 10_000  # virtual machine instructions between two looks at the budget
_BUDGET: Final = 2_000  # looks; a damaged tree can be walked for ever
_LAST_MS: Final = 253_402_300_799_000  # 9999-12-31T23:59:59Z
_SCHEMA: Final = "sqlite_master"


@dataclass(frozen=True, slots=True)
class Row:
    """One stored document and when it was written."""

    raw: bytes
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentTable:
    """Where a table keeps documents; its key column has one of the names in `keys`, by release. Times are Unix milliseconds."""

    name: str
    keys: tuple[str, ...]
    value: str
    time: str


class Damage(Exception):
    """What was asked for cannot be known. Raised by `Tables`, turned into a fatal problem by `query`."""

    def __init__(self, reason: ProblemReason, place: str) -> None:
        super().__init__(reason, place)
        self.reason = reason
        self.place = place


class Tables:
    """The tables of one image; `problems` collects what leaves the rest standing."""

    def __init__(self, connection: sqlite3.Connection, ref: StoreRef) -> None:
        self.ref = ref
        self.problems: list[Problem] = []
        self._connection = connection
        self._damaged: set[str] = set()
        self._check(_SCHEMA)
        self._names = frozenset(text(name) for (name,) in self._run(f"SELECT name FROM {_SCHEMA} WHERE type = 'table'"))

    def columns(self, table: str) -> frozenset[str | None]:
        """Return the names of a table's columns; none when there is no such table."""
        if table not in self._names:
            return frozenset()
        self._check(table)
        return frozenset(text(name) for (name,) in self._run("SELECT name FROM pragma_table_info(?)", table))

    def rows(self, table: str, wanted: tuple[str, ...], where: str, *values: str) -> list[tuple[object, ...]]:
        """Select from a table by walking it: a damaged index does not matter. Text comes as bytes."""
        return self._run(f"SELECT {', '.join(wanted)} FROM {table} NOT INDEXED WHERE {where}", *values)

    def document(self, table: DocumentTable, key: str) -> Row | None:
        """Read one document; None when it is certain that there is none."""
        columns = self.columns(table.name)
        key_column = next((name for name in table.keys if name in columns), None)
        if columns and (key_column is None or table.value not in columns):
            raise Damage(ProblemReason.WRONG_SHAPE, f"table {table.name}")
        time = table.time if table.time in columns else "NULL"
        found = self.rows(table.name, (table.value, time), f"{key_column} = ?", key) if columns else []
        if not found:
            if self._damaged & {_SCHEMA, table.name}:  # what a damaged tree does not show may still be there
                raise Damage(ProblemReason.CORRUPT, f"table {table.name}")
            return None
        raw, updated_ms = found[0]
        if not isinstance(raw, bytes):
            raise Damage(ProblemReason.WRONG_SHAPE, f"{table.name}.{table.value}")
        updated_at = _instant(updated_ms)
        if updated_at is None and table.time in columns:
            self.problem(ProblemReason.BAD_VALUE, f"{table.name}.{table.time}")
        return Row(raw, updated_at)

    def optional(self, read: Callable[[], T], otherwise: T) -> T:
        """Read something whose loss leaves the profiles known."""
        try:
            return read()
        except Damage as damage:
            self.problem(damage.reason, damage.place)
            return otherwise

    def problem(self, reason: ProblemReason, place: str) -> None:
        """Note something once."""
        problem = Problem.at(self.ref, reason, place)
        if problem not in self.problems:
            self.problems.append(problem)

    def _check(self, table: str) -> None:
        # SQLite takes a page of nonsense for an empty one as long as it can; the check knows better. It writes nothing.
        if self._run(f"PRAGMA integrity_check('{table}')") != [(b"ok",)]:
            self._damaged.add(table)
            self.problem(ProblemReason.CORRUPT, f"table {table}")

    def _run(self, statement: str, *values: str) -> list[tuple[object, ...]]:
        import sqlite3

        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise Damage(*_meaning(str(error), getattr(error, "sqlite_errorcode", 0), sqlite3.sqlite_version_info)) from None
        except (MemoryError, OverflowError, UnicodeError):  # sizes and names out of damaged pages
            raise Damage(ProblemReason.CORRUPT, "a page") from None


def query(image: bytes, ref: StoreRef, read: Callable[[Tables], Parsed[T]]) -> Parsed[T]:
    """Run `read` over the tables of an image.

    Errors: never raises for what the image holds; `Damage` that `read` lets through becomes a fatal problem.
    """
    try:
        import sqlite3
    except ImportError:
        return _failed(ref, ProblemReason.UNSUPPORTED, "this Python has no sqlite3")
    if not hasattr(sqlite3.Connection, "deserialize"):
        return _failed(ref, ProblemReason.UNSUPPORTED, "this Python's sqlite3 cannot read from memory")
    with closing(sqlite3.connect("file:image?mode=memory", uri=True)) as connection:
        looks = iter(range(_BUDGET))
        connection.set_progress_handler(lambda: next(looks, None) is None, _STEPS)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        connection.text_factory = bytes
        try:
            connection.deserialize(image)
            return read(Tables(connection, ref))
        except Damage as damage:
            return _failed(ref, damage.reason, damage.place)
        except (sqlite3.Error, MemoryError, OverflowError):
            return _failed(ref, ProblemReason.CORRUPT, "not a SQLite database")


def text(value: object) -> str | None:
    """Decode a column; None for what is not text."""
    if not isinstance(value, bytes):
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _meaning(message: str, code: int, version: tuple[int, ...]) -> tuple[ProblemReason, str]:
    """Name what SQLite says. Its own words stay here: they can quote the database."""
    match code:
        case 18:  # SQLITE_TOOBIG
            return ProblemReason.TOO_LARGE, f"a value of more than {_LARGEST_VALUE >> 20} MiB"
        case 9:  # SQLITE_INTERRUPT: the budget
            return ProblemReason.CORRUPT, "a table without end"
        case _ if "malformed database schema" in message and version < _STRICT_SINCE:
            return ProblemReason.UNSUPPORTED, "this Python's SQLite is older than 3.37 and knows no STRICT tables"
        case _ if "unsupported file format" in message:
            return ProblemReason.UNSUPPORTED, "this Python's SQLite is older than the database"
        case 1:  # SQLITE_ERROR: no such column, no such function
            return ProblemReason.WRONG_SHAPE, "its tables"
        case _:
            return ProblemReason.CORRUPT, "a page"


def _instant(ms: object) -> datetime | None:
    if not isinstance(ms, (int, float)) or not 0 < ms <= _LAST_MS:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC)


def _failed(ref: StoreRef, reason: ProblemReason, place: str) -> Parsed[T]:
    return Parsed(None, (Problem.at(ref, reason, place, fatal=True),))
