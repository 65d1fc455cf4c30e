"""A database in use is read as of one commit, the newest, and nothing about it changes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.model import Parsed, ProblemReason, StoreKind, StoreRef
from exporter.reading.sqlite_file import DatabaseBytes, database_stamp, read_database

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIXTURE = HERE.parent / "fixtures" / "sqlite-live-wal"
OWNER = 4321
NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a directory every user may reach."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def read(path: Path, pause: Callable[[float], None] = lambda _: None) -> Parsed[DatabaseBytes]:
    return read_database(path, StoreRef("work", "main", StoreKind.AGENT_DB, str(path)), pause)


def failure(parsed: Parsed[DatabaseBytes]) -> ProblemReason:
    assert parsed.value is None
    (problem,) = parsed.problems
    assert problem.fatal
    return problem.reason


def value(image: bytes) -> object:
    """Return what table t of an image says."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(image)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("SELECT value FROM t").fetchone()[0]


@contextmanager
def gateway(path: Path, journal: str = "WAL") -> Iterator[sqlite3.Connection]:
    """Hold a database open, as a running gateway does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE t (value)")
        connection.execute("INSERT INTO t VALUES ('first')")
        yield connection


def wal(path: Path) -> Path:
    return Path(f"{path}-wal")


def journal(path: Path) -> Path:
    return Path(f"{path}-journal")


# At rest ------------------------------------------------


def test_commits_that_are_only_in_the_log_are_seen(folder: Path) -> None:
    path = folder / "x.sqlite"
    with gateway(path) as connection:
        connection.execute("UPDATE t SET value = 'second'")
        parsed = read(path)
        stamps = database_stamp(path)

    assert parsed.value is not None
    assert value(parsed.value.image) == "second"
    assert (parsed.value.stamp, parsed.value.wal_stamp) == stamps


def test_what_is_not_committed_is_not_seen(folder: Path) -> None:
    path = folder / "x.sqlite"
    with gateway(path) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE t SET value = hex(randomblob(100000))")  # spills into the log
        parsed = read(path)
        connection.execute("ROLLBACK")

    assert parsed.value is not None
    assert value(parsed.value.image) == "first"


def test_a_stopped_gateways_database_is_seen(folder: Path) -> None:
    path = folder / "x.sqlite"
    with gateway(path):
        pass
    parsed = read(path)

    assert not wal(path).exists()
    assert parsed.value is not None
    assert value(parsed.value.image) == "first"
    assert parsed.value.wal_stamp is None
    assert database_stamp(path) == (parsed.value.stamp, None)


def test_a_killed_gateways_log_is_seen(folder: Path) -> None:
    path = folder / "x.sqlite"
    with gateway(path):
        shutil.copyfile(path, folder / "left.sqlite")
        shutil.copyfile(wal(path), wal(folder / "left.sqlite"))
    parsed = read(folder / "left.sqlite")

    assert parsed.value is not None
    assert value(parsed.value.image) == "first"


def test_a_truncated_log_is_no_log(folder: Path) -> None:
    path = folder / "x.sqlite"
    with gateway(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert wal(path).stat().st_size == 0
        parsed = read(path)

    assert parsed.value is not None
    assert value(parsed.value.image) == "first"
    assert parsed.value.wal_stamp is not None


def test_the_log_of_a_linked_database_lies_beside_its_target(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    path = folder / "elsewhere" / "x.sqlite"
    link = folder / "openclaw-agent.sqlite"
    link.symlink_to(path)
    with gateway(path) as connection:
        connection.execute("UPDATE t SET value = 'second'")
        parsed = read(link)
        stamps = database_stamp(link)

    assert parsed.value is not None
    assert value(parsed.value.image) == "second"
    assert stamps == (parsed.value.stamp, parsed.value.wal_stamp)
    assert stamps[1] is not None


@pytest.mark.parametrize("make", [lambda path: None, lambda path: wal(path).write_bytes(b"x" * 5000)], ids=["nothing", "only a log"])
def test_an_absent_database_is_no_problem(folder: Path, make: Callable[[Path], None]) -> None:
    path = folder / "x.sqlite"
    make(path)

    assert read(path) == Parsed(None)
    assert database_stamp(path)[0] is None


def in_its_place(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


def huge_log(path: Path) -> None:
    wal(path).touch()
    os.truncate(wal(path), (256 << 20) + 1)


def broken() -> Iterator[object]:
    yield pytest.param(lambda path: path.write_bytes(b""), ProblemReason.EMPTY, id="empty")
    yield pytest.param(lambda path: path.write_bytes(b"x" * 9000), ProblemReason.CORRUPT, id="some other file")
    yield pytest.param(in_its_place(Path.mkdir), ProblemReason.NOT_A_FILE, id="a directory")
    yield pytest.param(in_its_place(os.mkfifo), ProblemReason.NOT_A_FILE, id="a FIFO")
    yield pytest.param(in_its_place(lambda path: path.symlink_to(path)), ProblemReason.SYMLINK, id="a loop")
    yield pytest.param(lambda path: os.truncate(path, (256 << 20) + 1), ProblemReason.TOO_LARGE, id="a huge database")
    yield pytest.param(lambda path: wal(path).mkdir(), ProblemReason.NOT_A_FILE, id="the log is a directory")
    yield pytest.param(lambda path: os.mkfifo(wal(path)), ProblemReason.NOT_A_FILE, id="the log is a FIFO")
    yield pytest.param(lambda path: wal(path).symlink_to(wal(path)), ProblemReason.SYMLINK, id="the log is a loop")
    yield pytest.param(huge_log, ProblemReason.TOO_LARGE, id="a huge log")
    yield pytest.param(lambda path: journal(path).mkdir(), ProblemReason.NOT_A_FILE, id="the journal is a directory")
    yield pytest.param(lambda path: os.mkfifo(journal(path)), ProblemReason.NOT_A_FILE, id="the journal is a FIFO")


@pytest.mark.parametrize(("spoil", "reason"), list(broken()))
def test_what_cannot_be_read_is_said(folder: Path, spoil: Callable[[Path], None], reason: ProblemReason) -> None:
    path = folder / "x.sqlite"
    with gateway(path):
        pass
    spoil(path)

    assert failure(read(path)) is reason


def test_a_disk_that_fails_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "x.sqlite"
    with gateway(path):
        pass

    def failing(*_: object) -> bytes:
        raise OSError(errno.EIO, "x")

    monkeypatch.setattr(os, "pread", failing)

    assert failure(read(path)) is ProblemReason.UNREADABLE


def test_a_log_of_a_newer_format_is_said(folder: Path) -> None:
    path = folder / "x.sqlite"
    with gateway(path):
        pass
    words = (0x377F0682, 3007001, 4096, 0, 0, 0)
    first = second = 0
    for even, odd in zip(*[iter(struct.unpack("<6I", struct.pack(">6I", *words)))] * 2, strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    wal(path).write_bytes(struct.pack(">8I", *words, first, second))

    assert failure(read(path)) is ProblemReason.UNSUPPORTED


@pytest.mark.parametrize(
    ("content", "hot"),
    [(b"", False), (b"\0" * 512, False), (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 504, True)],
    ids=["truncated", "zeroed", "hot"],
)
def test_a_hot_journal_is_waited_for_and_then_said(folder: Path, content: bytes, hot: bool) -> None:
    path = folder / "x.sqlite"
    with gateway(path, "DELETE"):
        pass
    journal(path).write_bytes(content)
    pauses: list[float] = []
    parsed = read(path, pauses.append)

    if hot:
        assert failure(parsed) is ProblemReason.CHANGING
        assert 0.5 < sum(pauses) < 3
    else:
        assert parsed.value is not None
        assert not pauses


def test_a_journal_that_is_finished_meanwhile_is_no_problem(folder: Path) -> None:
    path = folder / "x.sqlite"
    with gateway(path, "DELETE") as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE t SET value = 'second'")
        connection.execute("INSERT INTO t VALUES (randomblob(100000))")  # spills into the database
        assert journal(path).stat().st_size

        def commit(_: float) -> None:
            if connection.in_transaction:
                connection.execute("COMMIT")

        parsed = read(path, commit)

    assert parsed.value is not None
    assert value(parsed.value.image) == "second"


# Moments in between ------------------------------------------------


@dataclass
class BusyGateway:
    """Does one thing before each read of bytes, and knows every committed state."""

    path: Path
    journal: str
    committed: int = 0
    deeds: list[str] = field(default_factory=list)

    def open(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        for pragma in (f"journal_mode = {self.journal}", "synchronous = OFF", "wal_autocheckpoint = 0", "cache_size = 2"):
            self.connection.execute(f"PRAGMA {pragma}")

    def create(self) -> None:
        self.open()
        self.connection.execute("CREATE TABLE t (value INTEGER, filling BLOB)")
        self.connection.executemany("INSERT INTO t VALUES (0, randomblob(3000))", [()] * 8)
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def do(self, deed: str) -> None:
        match deed:
            case "commit":
                self.committed += 1
                self.connection.execute("UPDATE t SET value = ?, filling = randomblob(3000)", (self.committed,))
            case "grow":
                self.committed += 1
                self.connection.execute("BEGIN")
                self.connection.execute("INSERT INTO t VALUES (0, randomblob(20000))")
                self.connection.execute("UPDATE t SET value = ?", (self.committed,))
                self.connection.execute("COMMIT")
            case "shrink":
                self.committed += 1
                self.connection.execute("BEGIN")
                self.connection.execute("DELETE FROM t WHERE rowid > 4")
                self.connection.execute("UPDATE t SET value = ?", (self.committed,))
                self.connection.execute("COMMIT")
                self.connection.execute("VACUUM")
            case "roll back":
                self.connection.execute("BEGIN")
                self.connection.execute("UPDATE t SET value = -1, filling = randomblob(3000)")
                self.connection.execute("ROLLBACK")
            case "reopen":
                self.connection.close()
                self.open()
            case "PASSIVE" | "RESTART" | "TRUNCATE":
                self.connection.execute(f"PRAGMA wal_checkpoint({deed})")
            case _:
                pass


deeds = st.sampled_from(["nothing"] * 6 + ["commit"] * 4 + ["grow", "shrink", "roll back", "reopen", "PASSIVE", "RESTART", "TRUNCATE"])


def states(image: bytes) -> set[int]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(image)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {found for (found,) in connection.execute("SELECT value FROM t")}


@pytest.mark.parametrize("journal_mode", ["WAL", "DELETE"])
def test_whatever_a_gateway_does_between_two_reads_of_bytes_one_commit_is_seen(journal_mode: str) -> None:
    outcomes = {"read": 0, "moved": 0}

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(before=st.lists(deeds, max_size=5), during=st.lists(deeds, max_size=60))
    def interleave(before: list[str], during: list[str]) -> None:
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            busy = BusyGateway(Path(name, "x.sqlite"), journal_mode)
            busy.create()
            for deed in before:
                busy.do(deed)
            least = busy.committed
            left = iter(during)
            real_pread = os.pread

            def pread(fd: int, size: int, offset: int) -> bytes:
                busy.do(next(left, "nothing"))
                return real_pread(fd, min(size, 8192), offset)

            patch.setattr(os, "pread", pread)
            parsed = read(busy.path)
            patch.undo()
            busy.connection.close()
            if parsed.value is None:
                outcomes["moved"] += 1
                assert failure(parsed) is ProblemReason.CHANGING
            else:
                outcomes["read"] += 1
                (found,) = states(parsed.value.image)
                assert least <= found <= busy.committed

    interleave()
    assert outcomes["moved"] == 0  # it rests after sixty deeds, and we try for longer than that
    assert outcomes["read"]


def when_reading(patch: pytest.MonkeyPatch, path: Path, offset: int, act: Callable[[], None]) -> None:
    """Read in small pieces, and let something happen once, before the first piece of `path` from `offset` on."""
    real_pread = os.pread
    left = [act]

    def pread(fd: int, size: int, at: int) -> bytes:
        if at >= offset and left and os.readlink(f"/proc/self/fd/{fd}") == str(path):
            left.pop()()
        return real_pread(fd, min(size, 8192), at)

    patch.setattr(os, "pread", pread)


def test_a_log_restarted_while_it_is_read_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first frames would be of the old round and the rest not: an older commit, over a database that has moved on."""
    busy = BusyGateway(folder / "x.sqlite", "WAL")
    busy.create()
    busy.connection.execute("UPDATE t SET filling = randomblob(3000) WHERE rowid = 1")
    busy.do("commit")

    def restart() -> None:
        busy.do("RESTART")
        busy.do("grow")

    when_reading(monkeypatch, wal(busy.path), 8192, restart)
    parsed = read(busy.path)
    busy.connection.close()

    assert parsed.value is not None
    assert states(parsed.value.image) == {2}


def test_a_log_removed_while_the_database_is_read_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """We still hold the old one; what changes the database now is in another."""
    busy = BusyGateway(folder / "x.sqlite", "WAL")
    busy.create()
    busy.connection.execute("UPDATE t SET filling = randomblob(3000) WHERE rowid = 1")

    def restart() -> None:
        busy.do("reopen")
        busy.do("commit")
        busy.do("PASSIVE")

    when_reading(monkeypatch, busy.path, 16384, restart)
    parsed = read(busy.path)
    busy.connection.close()

    assert parsed.value is not None
    assert states(parsed.value.image) == {1}


def test_a_gateway_that_never_rests_is_said_after_a_while(folder: Path) -> None:
    busy = BusyGateway(folder / "x.sqlite", "WAL")
    busy.create()
    real_pread = os.pread
    with pytest.MonkeyPatch.context() as patch:

        def pread(fd: int, size: int, offset: int) -> bytes:
            busy.do("commit")
            busy.do("RESTART")
            return real_pread(fd, size, offset)

        patch.setattr(os, "pread", pread)
        pauses: list[float] = []
        parsed = read(busy.path, pauses.append)
    busy.connection.close()

    assert failure(parsed) is ProblemReason.CHANGING
    assert 0.5 < sum(pauses) < 3


# A busy gateway, other users ------------------------------------------------

CHILD = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
READER = """
import os, sys
from pathlib import Path
from exporter.model import *
from exporter.reading.sqlite_file import *
if (user := int(sys.argv[2])) >= 0:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
path = Path(sys.argv[1])
database_stamp(path)
found = read_database(path, StoreRef("work", "main", StoreKind.AGENT_DB, "x"))
print(found.value and b"newest" in found.value.image, *(f"{problem.reason} {problem.fatal}" for problem in found.problems))
"""


def reading(path: Path, user: int | None = None, *under: str) -> subprocess.CompletedProcess[str]:
    """Read in another process, as another user; that one is taken on late, because a Python of root's may be out of its reach."""
    command = [*under, sys.executable, "-c", READER, str(path), str(-1 if user is None else user)]
    return subprocess.run(command, env=CHILD, capture_output=True, text=True, check=False, timeout=60)


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / program), *map(str, arguments)], env=CHILD, stdout=PIPE, stderr=PIPE, text=True, umask=0o022
    )


@pytest.mark.parametrize("journal_mode", ["WAL", "TRUNCATE"])
def test_thousands_of_reads_beside_a_busy_gateway_are_whole_and_current(folder: Path, journal_mode: str) -> None:
    root = os.getuid() == 0
    owner = OWNER if root else os.getuid()
    home = folder / "home"
    home.mkdir(mode=0o755)
    os.chown(home, owner, owner)
    progress = folder / "progress"
    progress.touch()
    os.chown(progress, owner, owner)
    path = home / "x.sqlite"
    seconds = 4.0
    readers = {owner, NOBODY, 0} if root else {owner}
    writer = start("gateway_writer.py", path, progress, seconds, journal_mode, 0.01, owner if root else -1)
    while progress.read_bytes() == b"":
        assert writer.poll() is None, writer.communicate()[1]
    watchers = [start("gateway_watcher.py", path, progress, seconds - 1, user if root else -1) for user in sorted(readers)]

    reports = []
    for process in (*watchers, writer):
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        reports += [json.loads(line) for line in output.splitlines()]

    assert {report["user"] for report in reports} == readers
    assert [report["wrong"] for report in reports] == [[]] * len(readers)
    assert all(report["states"] > 5 for report in reports), reports
    assert {entry.name for entry in home.iterdir()} <= {"x.sqlite", "x.sqlite-journal"}


@as_root
@pytest.mark.parametrize("side", ["-wal", "-journal"])
def test_a_side_file_that_may_not_be_read_stops_the_source(folder: Path, side: str) -> None:
    """The database alone would answer, with yesterday's values."""
    path = folder / "x.sqlite"
    with gateway(path):
        path.chmod(0o644)
        beside = Path(f"{path}{side}")
        with beside.open("ab") as file:
            file.write(b"\xd9")
        beside.chmod(0o600)
        found = reading(path, NOBODY)

    assert found.stdout.strip() == "None unreadable True", found.stderr


# Nothing changes ------------------------------------------------


def traces(folder: Path) -> dict[str, tuple[object, ...]]:
    """Take down everything about a directory and what is in it that a reader could leave behind."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        info = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (
            info.st_ino,
            info.st_uid,
            info.st_gid,
            info.st_mode,
            info.st_nlink,
            info.st_size,
            info.st_mtime_ns,
            info.st_ctime_ns,
            content,
        )
    return found


def home_of_a_running_gateway(folder: Path) -> tuple[Path, subprocess.Popen[str]]:
    """Let another process hold a database open, its newest commit only in the log."""
    path = folder / "home" / "x.sqlite"
    path.parent.mkdir(mode=0o755)
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('PRAGMA journal_mode = WAL'); "
        "c.execute('CREATE TABLE t (value)'); c.execute('PRAGMA wal_checkpoint'); c.execute(\"INSERT INTO t VALUES ('newest')\"); "
        "print('ready', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, umask=0o022
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return path, process


@pytest.mark.parametrize("mode", [0o755, 0o555], ids=["writable", "not writable"])
@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
@pytest.mark.parametrize("user", [pytest.param(None, id="owner"), pytest.param(NOBODY, id="another user", marks=as_root)])
def test_nothing_in_the_directory_changes(folder: Path, mode: int, running: bool, user: int | None) -> None:
    path, process = home_of_a_running_gateway(folder)
    if not running:
        process.communicate("")
    path.parent.chmod(mode)
    before = traces(folder)
    found = reading(path, user)
    after = traces(folder)
    if running:
        process.communicate("")

    assert found.stdout.strip() == "True", found.stderr
    assert after == before


@pytest.mark.real
def test_the_kernel_sees_only_reading(folder: Path, program: Callable[..., str]) -> None:
    strace = program("strace")
    path, process = home_of_a_running_gateway(folder)
    log = folder / "strace.log"
    found = reading(path, None, strace, "-f", "-y", "-o", str(log))
    process.communicate("")
    if "PTRACE" in found.stderr or "ptrace" in found.stderr:
        pytest.skip("strace may not trace here")
    assert found.stdout.strip() == "True", found.stderr

    calls = [line.split(maxsplit=1)[1] for line in log.read_text(errors="replace").splitlines() if str(path.parent) in line]
    opened = [call for call in calls if call.startswith("open")]
    names = {re.split(r"\W", call, maxsplit=1)[0] for call in calls} - {"execve"}
    assert {Path(match) for call in opened for match in re.findall(r'"([^"]+)"', call)} == {path, wal(path)}
    assert all("O_RDONLY" in call and "O_CREAT" not in call for call in opened)
    assert names <= {"open", "openat", "pread64", "read", "stat", "lstat", "newfstatat", "fstat", "statx", "readlink", "close", "fcntl"}
    assert not [call for call in calls if call.startswith("fcntl") and "LK" in call]


def test_the_fixture_of_a_live_log_gives_its_newest_value(folder: Path) -> None:
    for name in ("openclaw.sqlite", "openclaw.sqlite-wal", "openclaw.sqlite-shm"):
        shutil.copyfile(FIXTURE / name, folder / name)
    parsed = read(folder / "openclaw.sqlite")

    assert parsed.value is not None
    assert (
        str(json.loads((FIXTURE / "expected.json").read_text())["current_through_wal"]["anthropic:manual"]).encode() in parsed.value.image
    )
