"""The image made of a database and its log equals what SQLite itself sees."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model import ProblemReason, StoreKind, StoreRef
from exporter.stores.auth_db import parse_state_db
from exporter.stores.sqlite_image import ImageFault, Log, replay, scan

FIXTURE = Path(__file__).parents[1] / "fixtures" / "sqlite-live-wal"
WORD = 0xFFFFFFFF


# What a reader of the real thing says ------------------------------------------------


def seen_by_sqlite(database: bytes, wal: bytes) -> list[str] | None:
    """Open a copy with SQLite; None when it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "copy.sqlite")
        path.write_bytes(database)
        Path(f"{path}-wal").write_bytes(wal)
        try:
            with closing(sqlite3.connect(path)) as connection:
                return list(connection.iterdump())
        except (sqlite3.Error, UnicodeError):
            return None


def seen_in_image(image: bytes | ImageFault) -> list[str] | None:
    if isinstance(image, ImageFault):
        return None
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(image)
            return list(connection.iterdump())
        except (sqlite3.Error, UnicodeError):
            return None


# A log made by hand, by the words of the format ------------------------------------------------


@dataclass(frozen=True)
class Frame:
    page: int
    content: bytes
    commit: int = 0
    salts: bytes | None = None  # None: those of the header
    spoilt: bool = False  # one bit of the content changes after the checksum


@dataclass(frozen=True)
class HandMade:
    page_size: int = 4096
    frames: tuple[Frame, ...] = ()
    magic: int = 0x377F0682
    version: int = 3007000
    salts: bytes = b"saltSALT"
    header_checksum: int | None = None
    tail: bytes = field(default=b"")

    def raw(self) -> bytes:
        order = ">" if self.magic & 1 else "<"
        head = struct.pack(">IIII8s", self.magic, self.version, self.page_size, 7, self.salts)
        first, second = summed(order, head, (0, 0))
        parts = [head, struct.pack(">II", first if self.header_checksum is None else self.header_checksum, second)]
        for frame in self.frames:
            page = frame.content.ljust(self.page_size, b"\0")
            begin = struct.pack(">II", frame.page, frame.commit)
            first, second = summed(order, begin + page, (first, second))
            if frame.spoilt:
                page = bytes([page[0] ^ 1]) + page[1:]
            parts += [begin, frame.salts or self.salts, struct.pack(">II", first, second), page]
        return b"".join(parts) + self.tail


def summed(order: str, raw: bytes, state: tuple[int, int]) -> tuple[int, int]:
    first, second = state
    words = struct.unpack(f"{order}{len(raw) // 4}I", raw)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & WORD
        second = (second + words[index + 1] + first) & WORD
    return first, second


def two_states(page_size: int) -> tuple[bytes, bytes, int]:
    """Return a database, a later state of it, and how many pages that has."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.sqlite")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {page_size}")
            connection.execute("CREATE TABLE kept (value TEXT)")
            connection.execute("INSERT INTO kept VALUES ('old')")
            old = path.read_bytes()
            connection.execute("INSERT INTO kept VALUES (hex(zeroblob(?)))", (page_size,))
            connection.execute("UPDATE kept SET value = 'new' WHERE value = 'old'")
        new = path.read_bytes()
    return old, new, len(new) // page_size


def frames(new: bytes, page_size: int, commit: int) -> tuple[Frame, ...]:
    pages = [new[start : start + page_size] for start in range(0, len(new), page_size)]
    return tuple(Frame(number, page, commit if number == len(pages) else 0) for number, page in enumerate(pages, 1))


@pytest.mark.parametrize("magic", [pytest.param(0x377F0682, id="little-endian"), pytest.param(0x377F0683, id="big-endian")])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_committed_frames_are_laid_over_the_database(page_size: int, magic: int) -> None:
    old, new, count = two_states(page_size)
    wal = HandMade(page_size, frames(new, page_size, count), magic).raw()

    image = replay(old, wal)

    assert isinstance(image, bytes)
    assert image[:18] + image[20:] == new[:18] + new[20:]
    assert image[18:20] == b"\x01\x01"
    assert seen_in_image(image) == seen_by_sqlite(old, wal) != seen_by_sqlite(old, b"")


def unchanged_by() -> Iterator[object]:
    """Logs that say nothing, by their names."""
    _, new, count = two_states(4096)
    whole = HandMade(frames=frames(new, 4096, count))
    first, *middle, last = whole.frames
    yield pytest.param(b"", id="empty")
    yield pytest.param(whole.raw()[:31], id="shorter than its header")
    yield pytest.param(whole.raw()[:32], id="only a header")
    yield pytest.param(b"\0" * len(whole.raw()), id="zeros")
    yield pytest.param(replace(whole, magic=0x377F0684).raw(), id="another magic number")
    yield pytest.param(replace(whole, page_size=4095).raw(), id="a page size that is no power of two")
    yield pytest.param(replace(whole, page_size=131072).raw(), id="a page size that is too large")
    yield pytest.param(replace(whole, page_size=256).raw(), id="a page size that is too small")
    yield pytest.param(replace(whole, header_checksum=1).raw(), id="a wrong header checksum")
    yield pytest.param(replace(whole, frames=(first, *middle, replace(last, commit=0))).raw(), id="no commit")
    yield pytest.param(whole.raw()[:-1], id="the commit frame is partial")
    yield pytest.param(replace(whole, frames=(replace(first, spoilt=True), *middle, last)).raw(), id="a wrong frame checksum")
    yield pytest.param(replace(whole, frames=(replace(first, salts=b"othersal"), *middle, last)).raw(), id="frames of another log")
    yield pytest.param(replace(whole, frames=(replace(first, page=0), *middle, last)).raw(), id="a page with no number")
    restarted = replace(whole, salts=b"newer!!!").raw()[:32] + whole.raw()[32:]
    yield pytest.param(restarted, id="restarted, old frames left over")


@pytest.mark.parametrize("wal", list(unchanged_by()))
def test_a_log_without_commit_changes_nothing(wal: bytes) -> None:
    old, _, _ = two_states(4096)

    image = replay(old, wal)

    assert isinstance(image, bytes)
    assert image[:18] + image[20:] == old[:18] + old[20:]
    assert seen_in_image(image) == seen_by_sqlite(old, wal)


def test_only_the_last_commit_counts() -> None:
    old, new, count = two_states(4096)
    committed = frames(new, 4096, count)
    unfinished = Frame(2, b"\xff" * 4096)

    assert replay(old, HandMade(frames=(*committed, unfinished)).raw()) == replay(old, HandMade(frames=committed).raw())


def test_frames_left_over_from_an_earlier_round_are_not_read() -> None:
    old, new, count = two_states(4096)
    committed = frames(new, 4096, count)
    leftover = HandMade(frames=(Frame(2, b"\xff" * 4096, commit=9),), salts=b"earlier!").raw()[32:]

    assert replay(old, HandMade(frames=committed, tail=leftover).raw()) == replay(old, HandMade(frames=committed).raw())


@pytest.mark.parametrize(("count", "length"), [(1, 1), (9, 9)], ids=["shorter", "longer"])
def test_the_last_commit_gives_the_size(count: int, length: int) -> None:
    old, _, _ = two_states(4096)
    wal = HandMade(frames=(Frame(1, old[:4096], count),)).raw()

    image = replay(old, wal)

    assert isinstance(image, bytes)
    assert len(image) == length * 4096
    assert not image[len(old) :].strip(b"\0")


def test_a_frame_beyond_the_size_is_dropped() -> None:
    old, _, _ = two_states(4096)
    wal = HandMade(frames=(Frame(9, b"\xff" * 4096), Frame(1, old[:4096], 2))).raw()

    image = replay(old, wal)

    assert isinstance(image, bytes)
    assert len(image) == 2 * 4096


@pytest.mark.parametrize("magic", [0x377F0682, 0x377F0683], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("content", [b"\xff" * 512, bytes(range(256)) * 2, b"\0" * 512], ids=["ones", "everything", "zeros"])
def test_a_long_log_counts_up_to_its_first_wrong_frame(magic: int, content: bytes) -> None:
    committed = [Frame(number, content, number) for number in range(1, 601)]
    spoilt = [*committed[:555], replace(committed[555], spoilt=True), *committed[556:]]

    whole = scan(HandMade(512, tuple(committed), magic).raw())
    cut = scan(HandMade(512, tuple(spoilt), magic).raw())

    assert isinstance(whole, Log)
    assert isinstance(cut, Log)
    assert (whole.page_count, cut.page_count) == (600, 555)


def test_a_missing_log_is_an_empty_one() -> None:
    old, _, _ = two_states(4096)

    assert replay(old, None) == replay(old, b"")
    assert scan(b"") == Log()


def faults() -> Iterator[object]:
    old, new, count = two_states(4096)
    whole = HandMade(frames=frames(new, 4096, count))
    yield pytest.param(b"", whole.raw(), ProblemReason.EMPTY, id="empty database beside a log")
    yield pytest.param(b"", b"", ProblemReason.EMPTY, id="empty database")
    yield pytest.param(b'{"version": 1, "profiles": {}}'.ljust(4096), b"", ProblemReason.CORRUPT, id="some other file")
    yield pytest.param(old[:50], b"", ProblemReason.CORRUPT, id="shorter than its header")
    yield pytest.param(old[:16] + b"\x0f\xff" + old[18:], b"", ProblemReason.CORRUPT, id="no page size")
    yield pytest.param(old[:19] + b"\x03" + old[20:], b"", ProblemReason.UNSUPPORTED, id="a newer read version")
    yield pytest.param(old, replace(whole, version=3007001).raw(), ProblemReason.UNSUPPORTED, id="a newer log version")
    other = HandMade(512, (Frame(3, b"x", 8),)).raw()
    yield pytest.param(old, other, ProblemReason.CORRUPT, id="two page sizes")
    yield pytest.param(old, HandMade(frames=(Frame(1, old[:4096], WORD),)).raw(), ProblemReason.TOO_LARGE, id="an absurd size")


@pytest.mark.parametrize(("database", "wal", "reason"), list(faults()))
def test_what_cannot_be_right_is_a_fault(database: bytes, wal: bytes, reason: ProblemReason) -> None:
    image = replay(database, wal)

    assert isinstance(image, ImageFault)
    assert image.reason is reason


def test_the_live_log_of_a_gateway_gives_the_newest_login() -> None:
    image = replay((FIXTURE / "openclaw.sqlite").read_bytes(), (FIXTURE / "openclaw.sqlite-wal").read_bytes())

    assert isinstance(image, bytes)
    parsed = parse_state_db(image, StoreRef("work", "", StoreKind.STATE_DB, "x")).value
    assert parsed is not None
    assert parsed.document is not None
    assert parsed.document.profiles["anthropic:manual"].credential.expiry.ms == 1796947200000
    assert seen_in_image(image) is not None


# Real logs ------------------------------------------------

statements = st.one_of(
    st.builds("INSERT INTO a VALUES ({0}, hex(randomblob({1})))".format, st.integers(1, 40), st.integers(0, 9000)),
    st.builds("DELETE FROM a WHERE key < {0}".format, st.integers(1, 40)),
    st.builds("UPDATE a SET value = hex(randomblob({0})) WHERE key > {1}".format, st.integers(0, 3000), st.integers(1, 40)),
    st.sampled_from(["CREATE TABLE IF NOT EXISTS b (value)", "DROP TABLE IF EXISTS b", "PRAGMA incremental_vacuum"]),
)
transactions = st.lists(st.lists(statements, min_size=1, max_size=4), min_size=1, max_size=8)
checkpoints = st.sampled_from(["PASSIVE", "RESTART", "TRUNCATE", None, None])


@dataclass(frozen=True)
class Copied:
    database: bytes
    wal: bytes


@st.composite
def copied(draw: st.DrawFn) -> Copied:
    """Copy a database in use, its log cut anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "used.sqlite")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {draw(st.sampled_from([512, 1024, 4096]))}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA wal_autocheckpoint = {draw(st.sampled_from([0, 4, 1000]))}")
            connection.execute("CREATE TABLE a (key INTEGER, value TEXT)")
            for transaction in draw(transactions):
                connection.execute("BEGIN")
                for statement in transaction:
                    connection.execute(statement)
                connection.execute(draw(st.sampled_from(["COMMIT", "COMMIT", "ROLLBACK"])))
                if mode := draw(checkpoints):
                    connection.execute(f"PRAGMA wal_checkpoint({mode})")
            files = Copied(path.read_bytes(), Path(f"{path}-wal").read_bytes())
    return replace(files, wal=files.wal[: draw(st.integers(0, len(files.wal)) | st.just(len(files.wal)))])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(copied())
def test_a_real_log_cut_anywhere_reads_as_sqlite_reads_it(files: Copied) -> None:
    assert seen_in_image(replay(files.database, files.wal)) == seen_by_sqlite(files.database, files.wal)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Copied:
    path = tmp_path_factory.mktemp("used") / "openclaw.sqlite"
    shutil.copyfile(FIXTURE / "openclaw.sqlite", path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE config_machine_state SET updated_at_ms = updated_at_ms + 1")
        connection.execute("CREATE TABLE agent_databases (agent_id TEXT, path TEXT)")
        return Copied(path.read_bytes(), Path(f"{path}-wal").read_bytes())


flips = st.lists(st.tuples(st.floats(0, 0.999999), st.integers(1, 255)), min_size=1, max_size=6)


def flipped(raw: bytes, changes: list[tuple[float, int]]) -> bytes:
    spoilt = bytearray(raw)
    for place, mask in changes:
        spoilt[int(place * len(spoilt))] ^= mask
    return bytes(spoilt)


@settings(max_examples=150, deadline=None)
@given(changes=flips)
def test_a_damaged_log_reads_as_sqlite_reads_it(used: Copied, changes: list[tuple[float, int]]) -> None:
    wal = flipped(used.wal, changes)
    assert seen_in_image(replay(used.database, wal)) == seen_by_sqlite(used.database, wal)


@settings(max_examples=300, deadline=None)
@given(in_database=flips, in_wal=flips, cut=st.integers(0, 30_000))
def test_damage_never_raises(used: Copied, in_database: list[tuple[float, int]], in_wal: list[tuple[float, int]], cut: int) -> None:
    ref = StoreRef("work", "", StoreKind.STATE_DB, "x")
    for wal in (flipped(used.wal, in_wal), None):
        image = replay(flipped(used.database, in_database)[:cut], wal)
        if isinstance(image, bytes):
            parsed = parse_state_db(image, ref)
            assert parsed.value is not None or any(problem.fatal for problem in parsed.problems)
