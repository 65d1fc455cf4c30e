"""Edge. A gateway's home is the same after us as before: as its owner, as another user, as root, and while a gateway writes.

Incident class I28: the monitor itself is the cause.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.running import BRISK, FIXTURES, copy_home, crashed, ms, run, serving, until
from tests.security.planting import plant

pytestmark = pytest.mark.slow

OWNER, OTHER = 12345, 12346
COMMANDS = [["check"], ["check", "--json", "--all"], ["status"], ["status", "--json"], ["explain", "openai:key"], ["config", "show"]]
ERAS = ["openclaw-2026.9.6/cli", "openclaw-2026.6.11/cli", "openclaw-2026.4.20/cli"]
HOMES = [*ERAS, "clawdbot-2026.1.24-3/cli", "openclaw-2026.9.6-two-agents"]


class Entry(NamedTuple):
    """All of one file or directory that a reader must leave alone; access times are the kernel's own affair."""

    inode: int
    mode: int
    owner: int
    group: int
    links: int
    size: int
    modified_ns: int
    changed_ns: int
    digest: str


def tree(home: Path) -> dict[str, Entry]:
    """Return every name below `home` with what can be told of it."""
    found = {}
    for path in [home, *sorted(home.rglob("*"))]:
        facts = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(facts.st_mode) else ""
        found[str(path.relative_to(home))] = Entry(
            facts.st_ino,
            facts.st_mode,
            facts.st_uid,
            facts.st_gid,
            facts.st_nlink,
            facts.st_size,
            facts.st_mtime_ns,
            facts.st_ctime_ns,
            digest,
        )
    return found


@pytest.fixture(params=[*HOMES, "sqlite-live-wal", "planted"])
def product_home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a writable home as the product left it: one per era, one with data only in the WAL, one with every format."""
    home = tmp_path / "home"
    if request.param == "planted":
        plant(home)
    elif request.param == "sqlite-live-wal":
        folder = home / ".openclaw" / "agents" / "main" / "agent"
        folder.mkdir(parents=True, mode=0o700)
        for name in ("openclaw.sqlite", "openclaw.sqlite-wal", "openclaw.sqlite-shm"):
            shutil.copyfile(FIXTURES / "sqlite-live-wal" / name, folder / name.replace("openclaw.", "openclaw-agent."))
    else:
        copy_home(str(request.param), home)
    return home


def test_every_command_and_a_serve_leave_the_home_as_it_was(product_home: Path) -> None:
    before = tree(product_home)
    for arguments in COMMANDS:
        result = run(*arguments, home=product_home)
        assert not crashed(result.stderr)
        assert tree(product_home) == before, arguments
    with serving(product_home, env=BRISK) as exporter:
        exporter.metrics()
        time.sleep(2)
        exporter.metrics()
    assert tree(product_home) == before


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that other users can walk into, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="model-auth-exporter-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(("owner", "reader"), [(OWNER, OWNER), (OWNER, OTHER), (OWNER, 0)], ids=["owner", "other user", "root"])
@pytest.mark.parametrize("case", ERAS)
def test_whoever_reads_leaves_no_trace(open_folder: Path, case: str, owner: int, reader: int) -> None:
    """The worst case for others: they may write the directories (a side file of theirs would stop the gateway)."""
    if os.geteuid() != 0:
        pytest.skip("only root can become other users")
    home = copy_home(case, open_folder / "home")
    for path in [home, *home.rglob("*")]:
        os.chown(path, owner, owner)
        path.chmod(0o777 if path.is_dir() else 0o666)
    before = tree(home)
    for arguments in (["check", "--json"], ["status"]):
        result = run(*arguments, home=home, user=reader)
        assert not crashed(result.stderr)
        assert '"profile"' in result.stdout or arguments != ["check", "--json"]
    with serving(home, user=reader, env=BRISK) as exporter:
        until("profiles", lambda: "model_auth_profile_info{" in exporter.metrics())
        time.sleep(2)
    assert tree(home) == before


class Gateway(threading.Thread):
    """Writes an agent database as a gateway does: WAL, short transactions, now and then a checkpoint."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.rounds = 0
        self.errors: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        while not self.stopped.is_set():
            self.rounds += 1
            document = {"version": 1, "profiles": {"openai:round": {"type": "api_key", "provider": "openai", "key": f"fake-{self.rounds}"}}}
            usage = {"version": 1, "usageStats": {"openai:round": {"lastUsed": ms(0), "errorCount": self.rounds}}}
            try:
                database.execute("BEGIN IMMEDIATE")
                database.execute("UPDATE auth_profile_store SET store_json = ?, updated_at = ?", (json.dumps(document), ms(0)))
                database.execute("INSERT OR REPLACE INTO auth_profile_state VALUES ('primary', ?, ?)", (json.dumps(usage), ms(0)))
                database.execute("COMMIT")
                if self.rounds % 50 == 0:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                self.errors.append(str(error))
            self.stopped.wait(0.01)
        database.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Path, Gateway]]:
    """Return a home of an agent-database gateway and the gateway writing to it."""
    home = copy_home("openclaw-2026.6.11/cli", tmp_path / "home")
    gateway = Gateway(home / ".openclaw" / "agents" / "main" / "agent" / "openclaw-agent.sqlite")
    gateway.start()
    until("the first rounds", lambda: gateway.rounds > 3)
    yield home, gateway
    gateway.stopped.set()
    gateway.join()


def test_a_writing_gateway_is_never_disturbed_and_never_misread(live: tuple[Path, Gateway]) -> None:
    home, gateway = live
    names = {name: (entry.inode, entry.mode, entry.owner) for name, entry in tree(home).items()}
    for _ in range(5):
        low = gateway.rounds
        result = run("status", "--json", home=home)
        assert result.returncode == 0, result.stderr
        document = json.loads(result.stdout)
        rows = [row for agent in document["gateways"][0]["agents"] for row in agent["profiles"] if row["reason"] != "profile_missing"]
        assert [row["profile"] for row in rows] == ["openai:round"], document["problems"]
        assert document["problems"] == []
        assert gateway.rounds > low
    with serving(home) as exporter:
        errors = exporter.value("model_auth_profile_errors", profile="openai:round")
        assert errors is not None
        until("newer rounds", lambda: (exporter.value("model_auth_profile_errors", profile="openai:round") or 0) > errors + 50, 10)
    assert gateway.errors == []
    assert {name: (entry.inode, entry.mode, entry.owner) for name, entry in tree(home).items()} == names


_CALL = re.compile(r"^(?:\d+\s+)?(?:\[pid\s+\d+\]\s*)?(\w+)\((.*)$")
_WRITES = "O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"
_CHANGES = (
    "creat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat", "rmdir",
    "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "truncate", "ftruncate", "fallocate",
    "utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "flock", "inotify_add_watch",
)  # fmt: skip
_TRACED = ",".join(f"?{name}" for name in ("open", "openat", "openat2", "fcntl", *_CHANGES))


def offences(trace: str, home: Path) -> list[str]:
    """Return the system calls that opened for writing, created, renamed, removed or locked anything below `home`."""
    found = []
    for line in trace.splitlines():
        call = _CALL.match(line)
        if call is None or str(home) not in line:
            continue
        name, rest = call.groups()
        locks = name == "fcntl" and any(word in rest for word in ("F_SETLK", "F_OFD_SETLK", "F_SETLEASE"))
        if name in _CHANGES or locks or (name.startswith("open") and any(flag in rest for flag in _WRITES)):
            found.append(line)
    return found


@pytest.fixture
def strace(program: Callable[..., str], tmp_path: Path) -> list[str]:
    """Return the start of a command line that writes the interesting system calls to `trace`; -D keeps signals for the traced."""
    return [program("strace"), "-D", "-f", "-q", "-y", "-s", "300", "-e", f"trace={_TRACED}", "-o", str(tmp_path / "trace")]


def traced(folder: Path) -> str:
    """Return the finished trace."""

    def whole() -> str:
        text = (folder / "trace").read_text(encoding="utf-8", errors="replace")
        return text if re.search(r"\+\+\+ (exited with|killed by).*\s*\Z", text) else ""

    return until("strace has written the end", whole)


@pytest.mark.real
def test_the_trace_shows_a_write_when_there_is_one(strace: list[str], tmp_path: Path) -> None:
    home = copy_home("openclaw-2026.6.11/cli", tmp_path / "home")
    path = home / ".openclaw" / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    code = "import sqlite3, sys; sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute('select 1 from sqlite_master').fetchall()"
    subprocess.run([*strace, sys.executable, "-c", code, str(path)], check=True, capture_output=True)
    assert offences(traced(tmp_path), home) != []


@pytest.mark.real
def test_one_pass_opens_nothing_for_writing_and_locks_nothing(strace: list[str], live: tuple[Path, Gateway], tmp_path: Path) -> None:
    home, gateway = live
    plant(tmp_path / "more")
    shutil.copytree(tmp_path / "more", home, dirs_exist_ok=True, ignore=lambda _, names: [n for n in names if n == ".openclaw"])
    result = run("check", "--json", "--all", home=home, under=strace, seconds=120)
    assert not crashed(result.stderr)
    trace = traced(tmp_path)
    assert str(home / ".openclaw" / "agents" / "main" / "agent" / "openclaw-agent.sqlite-wal") in trace
    assert offences(trace, home) == []
    assert gateway.errors == []


@pytest.mark.real
def test_a_serve_opens_nothing_for_writing_and_locks_nothing(strace: list[str], live: tuple[Path, Gateway], tmp_path: Path) -> None:
    home, gateway = live
    with serving(home, under=strace, env=BRISK) as exporter:
        before = exporter.value("model_auth_profile_errors", profile="openai:round") or 0
        until("a second pass", lambda: (exporter.value("model_auth_profile_errors", profile="openai:round") or 0) > before, 30)
        exporter.stop()
    trace = traced(tmp_path)
    assert str(home / ".openclaw") in trace
    assert offences(trace, home) == []
    assert gateway.errors == []
