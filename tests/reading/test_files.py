"""Whatever stands where a store should be: it is read or named, never waited for."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.model import Parsed, ProblemReason, StoreKind, StoreRef
from exporter.reading.files import UNSEEN, FileBytes, FileStamp, insecure, read_file, stamp

NOBODY = 65534
SOMEBODY = 4321
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory every user may reach."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent.name.startswith("pytest"):
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture(autouse=True)
def never_waits() -> Iterator[None]:
    """Fail a test that takes longer than any file may."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < 10


def ref(path: Path) -> StoreRef:
    return StoreRef("work", "main", StoreKind.AUTH_PROFILES, str(path))


def read(path: Path, limit: int = 16 << 20) -> Parsed[FileBytes]:
    return read_file(path, ref(path), limit, lambda _: None)


def failure(parsed: Parsed[FileBytes]) -> ProblemReason:
    assert parsed.value is None
    (problem,) = parsed.problems
    assert problem.fatal
    assert problem.store is StoreKind.AUTH_PROFILES
    return problem.reason


def in_child(user: int, code: str, *arguments: str) -> str:
    """Run Python as another user; it imports before it changes, because the checkout may be out of that user's reach."""
    setup = (
        "import os, sys; from pathlib import Path; from exporter.model import *; from exporter.reading.files import *; "
        f"os.setgroups([]); os.setgid({user}); os.setuid({user}); path = Path(sys.argv[1]); "
        "ref = StoreRef('work', 'main', StoreKind.AUTH_PROFILES, str(path)); "
    )
    found = subprocess.run([sys.executable, "-c", setup + code, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


# What is read ------------------------------------------------


def test_bytes_and_the_stamp_they_had(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    path.write_bytes(b"{}\xff\0")
    info = path.stat()

    parsed = read(path)

    expected = FileStamp(4, info.st_mtime_ns, info.st_ino, info.st_dev, info.st_mode, os.getuid())
    assert parsed == Parsed(FileBytes(b"{}\xff\0", expected))
    assert stamp(path) == expected


def test_an_empty_file_has_no_bytes(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    path.touch()

    parsed = read(path)

    assert parsed.value is not None
    assert parsed.value.raw == b""


def test_a_file_of_several_pieces_is_whole(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    raw = os.urandom(3_500_000)
    path.write_bytes(raw)

    parsed = read(path)

    assert parsed.value is not None
    assert parsed.value.raw == raw


def test_a_file_that_claims_to_have_no_size_is_read() -> None:
    parsed = read(Path("/proc/self/status"))

    assert parsed.value is not None
    assert b"Name:" in parsed.value.raw


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path, id="nothing"),
        pytest.param(lambda path: path / "below" / "that", id="no directory"),
        pytest.param(lambda path: (path.write_text("x"), path / "below")[1], id="a file where a directory should be"),
        pytest.param(lambda path: (path.symlink_to("nowhere"), path)[1], id="a dangling link"),
    ],
)
def test_what_is_not_there_is_no_problem(folder: Path, make: Callable[[Path], Path]) -> None:
    path = make(folder / "auth-profiles.json")

    assert read(path) == Parsed(None)
    assert stamp(path) is None


def test_a_read_leaves_no_file_open(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    path.write_text("{}")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read(path)
        read(folder)
        read(path, limit=1)

    assert len(os.listdir("/proc/self/fd")) == before


# What is no file ------------------------------------------------


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)
        server.bind(path.name)


@pytest.mark.parametrize("make", [Path.mkdir, fifo, listening], ids=["directory", "FIFO", "socket"])
def test_something_that_is_no_file_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]) -> None:
    monkeypatch.chdir(folder)
    path = folder / "auth-profiles.json"
    make(path)

    assert failure(read(path)) is ProblemReason.NOT_A_FILE


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom", "/dev/tty"])
def test_a_device_is_not_opened(device: str) -> None:
    assert failure(read(Path(device))) is ProblemReason.NOT_A_FILE


@as_root
def test_a_link_to_a_device_is_not_opened(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    path.symlink_to("/dev/zero")

    assert failure(read(path)) is ProblemReason.NOT_A_FILE


def test_a_fifo_put_there_after_the_look_is_not_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "auth-profiles.json"
    path.write_text("{}")
    real_open = os.open

    def swapping(name: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return real_open(name, flags)

    monkeypatch.setattr(os, "open", swapping)

    assert failure(read(path)) is ProblemReason.NOT_A_FILE


def test_a_link_put_there_after_the_look_is_not_followed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "auth-profiles.json"
    path.write_text("{}")
    (folder / "other").write_text("secret of somebody")
    real_open = os.open

    def swapping(name: Path, flags: int) -> int:
        path.unlink()
        path.symlink_to("other")
        return real_open(name, flags)

    monkeypatch.setattr(os, "open", swapping)

    assert failure(read(path)) is ProblemReason.SYMLINK


def test_a_path_that_is_none_is_said(folder: Path) -> None:
    assert failure(read(Path(f"{folder}/\0"))) is ProblemReason.UNREADABLE
    assert failure(read(folder / ("x" * 5000))) is ProblemReason.UNREADABLE
    assert stamp(Path(f"{folder}/\0")) == UNSEEN


# Links ------------------------------------------------


def test_a_loop_of_links_is_said(folder: Path) -> None:
    (folder / "one").symlink_to("two")
    (folder / "two").symlink_to("one")

    assert failure(read(folder / "one")) is ProblemReason.SYMLINK


def test_a_directory_that_links_to_itself_is_said(folder: Path) -> None:
    (folder / "agents").symlink_to("agents")

    assert failure(read(folder / "agents" / "auth-profiles.json")) is ProblemReason.SYMLINK


def test_an_own_link_is_followed(folder: Path) -> None:
    (folder / "target").write_text("{}")
    (folder / "link").symlink_to("target")

    assert read(folder / "link") == read(folder / "target") != Parsed(None)


@as_root
@pytest.mark.parametrize(("link", "target"), [(0, SOMEBODY), (SOMEBODY, 0), (SOMEBODY, NOBODY)])
def test_a_link_to_somebody_elses_file_is_not_followed(folder: Path, link: int, target: int) -> None:
    (folder / "target").write_text("{}")
    (folder / "link").symlink_to("target")
    os.chown(folder / "target", target, target)
    os.chown(folder / "link", link, link, follow_symlinks=False)

    assert failure(read(folder / "link")) is ProblemReason.SYMLINK


@as_root
def test_a_users_link_to_somebody_elses_directory_is_not_followed(folder: Path) -> None:
    (folder / "theirs").mkdir()
    (folder / "theirs" / "auth-profiles.json").write_text("{}")
    (folder / "mine").symlink_to("theirs")
    os.chown(folder / "mine", SOMEBODY, SOMEBODY, follow_symlinks=False)

    assert failure(read(folder / "mine" / "auth-profiles.json")) is ProblemReason.SYMLINK


@as_root
def test_a_directory_linked_by_the_system_is_followed(folder: Path) -> None:
    (folder / "srv").mkdir()
    (folder / "srv" / "auth-profiles.json").write_text("{}")
    os.chown(folder / "srv", SOMEBODY, SOMEBODY)
    (folder / "home").symlink_to("srv")

    assert read(folder / "home" / "auth-profiles.json").value is not None


@as_root
def test_a_link_retargeted_after_the_look_is_judged_by_what_was_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine").write_text("{}")
    (folder / "theirs").write_text("{}")
    os.chown(folder / "mine", SOMEBODY, SOMEBODY)
    link = folder / "link"
    link.symlink_to("mine")
    os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
    real_open = os.open

    def retargeting(name: Path, flags: int) -> int:
        link.unlink()
        link.symlink_to("theirs")
        return real_open(name, flags)

    monkeypatch.setattr(os, "open", retargeting)

    assert failure(read(link)) is ProblemReason.SYMLINK


# Permissions ------------------------------------------------


@as_root
def test_a_file_of_another_user_is_unreadable_not_absent(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    path.write_text("{}")
    path.chmod(0o600)

    assert in_child(NOBODY, "print(read_file(path, ref).problems[0].reason, stamp(path).size)", str(path)) == "unreadable 2"


@as_root
def test_a_file_in_a_closed_directory_is_unreadable_not_absent(folder: Path) -> None:
    path = folder / "agent" / "auth-profiles.json"
    path.parent.mkdir(mode=0o700)

    assert in_child(NOBODY, "print(read_file(path, ref).problems[0].reason, stamp(path) == UNSEEN)", str(path)) == "unreadable True"


@as_root
def test_any_user_who_may_can_read(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    path.write_text("{}")
    path.chmod(0o644)
    folder.chmod(0o555)

    assert in_child(NOBODY, "print(read_file(path, ref).value.raw)", str(path)) == "b'{}'"


@pytest.mark.parametrize(
    ("mode", "directory", "expected"),
    [
        (0o600, False, False),
        (0o400, False, False),
        (0o700, False, False),
        (0o640, False, True),
        (0o604, False, True),
        (0o601, False, True),
        (0o700, True, False),
        (0o500, True, False),
        (0o750, True, True),
        (0o701, True, True),
        (0o1777, True, True),
    ],
)
def test_any_right_of_others_is_insecure(folder: Path, mode: int, directory: bool, expected: bool) -> None:
    path = folder / "it"
    path.mkdir() if directory else path.touch()
    path.chmod(mode)
    found = stamp(path)

    assert found is not None
    assert stat.S_IMODE(found.mode) == mode
    assert insecure(found, directory=directory) is expected
    assert not insecure(found, directory=not directory)
    assert not insecure(UNSEEN)


# Size ------------------------------------------------


def test_a_huge_file_is_not_read(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    with path.open("wb") as file:
        file.truncate(50 << 20)

    assert failure(read(path)) is ProblemReason.TOO_LARGE


@pytest.mark.parametrize(("size", "fits"), [(10, True), (11, False)])
def test_the_limit_itself_still_fits(folder: Path, size: int, fits: bool) -> None:
    path = folder / "auth-profiles.json"
    path.write_bytes(b"x" * size)

    assert (read(path, limit=10).value is not None) is fits


def test_a_file_that_grows_past_the_limit_meanwhile_is_not_read_on() -> None:
    assert failure(read(Path("/proc/self/status"), limit=10)) is ProblemReason.TOO_LARGE


# Things that move ------------------------------------------------


def at_each_pread(monkeypatch: pytest.MonkeyPatch, move: Callable[[int], None], piece: int = 1000) -> None:
    """Let the file be read in small pieces, and something happen before each."""
    real_pread = os.pread
    calls = iter(range(1_000_000))

    def moving(fd: int, size: int, offset: int) -> bytes:
        move(next(calls))
        return real_pread(fd, min(size, piece), offset)

    monkeypatch.setattr(os, "pread", moving)


def test_a_file_replaced_by_rename_meanwhile_is_one_of_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "auth-profiles.json"
    path.write_bytes(b"a" * 5000)

    def replacing(call: int) -> None:
        (folder / "new").write_bytes(b"b" * (4000 + call))
        (folder / "new").rename(path)

    at_each_pread(monkeypatch, replacing)
    parsed = read(path)

    assert parsed.value is not None
    assert set(parsed.value.raw) in ({ord("a")}, {ord("b")})
    assert parsed.value.stamp.size == len(parsed.value.raw)
    assert parsed.value.stamp != stamp(path)  # so that the next look sees the newer one


def test_a_file_truncated_once_meanwhile_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "auth-profiles.json"
    path.write_bytes(b"a" * 5000)

    def truncating(call: int) -> None:
        if call == 2:
            path.write_bytes(b"b" * 10)

    at_each_pread(monkeypatch, truncating)
    parsed = read(path)

    assert parsed.value is not None
    assert parsed.value.raw == b"b" * 10


def test_a_file_that_never_rests_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "auth-profiles.json"
    path.write_bytes(b"a" * 5000)
    at_each_pread(monkeypatch, lambda call: os.utime(path, ns=(call, call)))

    assert failure(read(path)) is ProblemReason.CHANGING


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.EIO, ProblemReason.UNREADABLE), (errno.EWOULDBLOCK, ProblemReason.CHANGING), (errno.ESTALE, ProblemReason.UNREADABLE)],
    ids=["I/O error", "leased", "stale handle"],
)
@pytest.mark.parametrize("call", ["open", "pread"])
def test_what_the_disk_says_is_passed_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, reason: ProblemReason
) -> None:
    path = folder / "auth-profiles.json"
    path.write_text("{}")

    def failing(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, failing)

    assert failure(read(path)) is reason


def test_a_writer_in_place_and_a_writer_by_rename_are_read_whole(folder: Path) -> None:
    path = folder / "auth-profiles.json"
    path.write_bytes(b"0" * 20_000)
    done = threading.Event()

    def write() -> None:
        for round_ in range(400):
            raw = bytes([48 + round_ % 10]) * (20_000 + round_)
            target = path if round_ % 2 else folder / "new"
            target.write_bytes(raw)
            if target != path:
                target.rename(path)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set():
        parsed = read_file(path, ref(path))
        reads += 1
        # In place there is an instant in which the file is empty or short, as whole as any other: a parser tells.
        assert parsed.value is None or len(set(parsed.value.raw)) <= 1
    writer.join()
    assert reads
