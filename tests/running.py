"""Edge. Running the real thing: the exporter's commands, a serving exporter, and other programs on free ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
BRISK = {"MODEL_AUTH_EXPORTER_READ__POLL": "500ms", "MODEL_AUTH_EXPORTER_READ__INTERVAL": "1s"}  # for tests that wait for passes
COMMAND = (sys.executable, "-m", "exporter")
SILENT = {"MODEL_AUTH_EXPORTER_PROBES__ENABLED": "false"}  # keys of a test's home would go to real providers


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Build the environment of a child: a home of its own, the package importable, and nothing of this machine."""
    return {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "default",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "XDG_CONFIG_HOME": str(home.parent / "xdg-config"),
        "XDG_STATE_HOME": str(home.parent / "xdg-state"),
        "XDG_CACHE_HOME": str(home.parent / "xdg-cache"),
        **(extra or {}),
    }


def run(
    *arguments: str,
    home: Path,
    env: Mapping[str, str] | None = None,
    under: Sequence[str] = (),
    user: int | None = None,
    seconds: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run one command of the exporter to its end; `under` is a program to run it under, such as strace; `user` a user id."""
    return subprocess.run(
        [*under, *_as(user), *arguments],
        env=environment(home, env),
        cwd=home.parent,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )


def _as(user: int | None) -> tuple[str, ...]:
    return COMMAND if user is None else (sys.executable, str(ROOT / "tests" / "security" / "become.py"), str(user))


def crashed(words: str) -> bool:
    """Return whether a program's words show a bug of ours."""
    return "Traceback" in words or "internal error" in words


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def fetch(url: str, headers: Mapping[str, str] | None = None, method: str = "GET", body: bytes | None = None) -> tuple[int, str]:
    """Return status and text of one request to a local server; an error status is a result."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return int(answer.status), answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code), error.read().decode("utf-8", "replace")


def until(what: str, look: Callable[[], T | None], seconds: float = 20.0, every: float = 0.1) -> T:
    """Call `look` until it returns something true; raise naming `what` when it never does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = look()
        except (OSError, ValueError):
            found = None
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(every)


@dataclass(frozen=True)
class Serving:
    """A running exporter (or another program) and what it says."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def metrics(self, **headers: str) -> str:
        """Return the text of `/metrics`."""
        status, text = fetch(f"{self.url}/metrics", headers)
        assert status == 200, text
        return text

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of the one series of this name that has these labels, else None."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.metrics())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) < 2, f"{len(found)} series {name} {labels}"
        return found[0] if found else None

    def words(self) -> str:
        """Return everything it wrote to standard output and error."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self, sent: signal.Signals = signal.SIGTERM, seconds: float = 10.0) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(sent)
        return self.process.wait(seconds)


@contextmanager
def started(command: Sequence[str], url: str, ready: str, log: Path, *, env: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """Start a server, wait until `url + ready` answers 200, and end it afterwards."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            env=env,
        )
    server = Serving(process, url, log)
    try:

        def answers() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"{command[0]} ended with {process.returncode}: {server.words()}")
            return fetch(url + ready)[0] == 200

        try:
            until(f"{command[0]} answers {ready}", answers, 45)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{server.words()}") from None
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def serving(
    home: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    under: Sequence[str] = (),
    user: int | None = None,
    address: str = "",
) -> Iterator[Serving]:
    """Run `serve` over `home` until it is ready, on a free port unless an address is given; it probes only if `env` says so."""
    address = address or f"127.0.0.1:{free_port()}"
    command = [*under, *_as(user), "serve", *arguments]
    child = environment(home, {**SILENT, "MODEL_AUTH_EXPORTER_LISTEN": address, **(env or {})})
    with started(command, f"http://{address}", "/-/ready", home.parent / "serve.log", env=child) as server:
        yield server


def copy_home(case: str, target: Path, home: str = "home") -> Path:
    """Copy one recorded home to `target`, with the modes a gateway gives its files, and return it."""
    shutil.copytree(FIXTURES / case / home, target, dirs_exist_ok=True)
    for path in sorted(target.rglob("*")):
        path.chmod(0o700 if path.is_dir() or path.suffix == ".sh" else 0o600)
        if path.suffix in {".json", ".sh"}:
            path.write_bytes(path.read_bytes().replace(b"@HOME@", str(target).encode()))
        if path.suffix == ".sql":
            if not path.with_suffix("").exists():
                _restore(path)
            path.unlink()
    return target


def _restore(dump: Path) -> None:
    database = sqlite3.connect(dump.with_suffix(""))
    try:
        database.executescript(dump.read_text(encoding="utf-8"))
    finally:
        database.close()
    dump.with_suffix("").chmod(0o600)


def write_json(path: Path, document: object) -> Path:
    """Write a private JSON file as a gateway does: beside, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.tmp")
    fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(path)
    return path


def ms(seconds_from_now: float) -> int:
    """Return an instant as the gateways store it: Unix milliseconds."""
    return int((time.time() + seconds_from_now) * 1000)
