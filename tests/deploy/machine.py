"""Edge. Whole machines: a fresh Debian in a directory, entered by chroot or booted with systemd in a container without a network."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import ROOT, until

PACKAGES = "python3,python3-venv,systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd"
_QUIET = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
_WHEELS = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_NO_COMPILE": "1"}


@dataclass(frozen=True)
class Machine:
    """A root directory; `leader` is the process id of its first process when it runs."""

    root: Path
    leader: int = 0

    def ask(self, script: str, user: str = "root", seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a script on it and return how it ended."""
        enter = ["nsenter", f"--target={self.leader}", "--all"] if self.leader else ["chroot", str(self.root)]
        if user != "root":
            runtime = f"XDG_RUNTIME_DIR=/run/user/$(id -u {user})"
            script = f"cd / && exec runuser -u {user} -- env HOME=/home/{user} {runtime} sh -c {_quoted(script)}"
        command = [*enter, "sh", "-c", script]
        return subprocess.run(
            command, env={**_QUIET, **_WHEELS}, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )

    def run(self, script: str, user: str = "root", seconds: float = 300) -> str:
        """Run a script on it that must end well; returns what it printed."""
        ended = self.ask(f"set -e; {script}", user, seconds)
        assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
        return ended.stdout.strip()

    def write(self, path: str, text: str, owner: str = "root", mode: int = 0o644) -> None:
        """Replace a file on it, as its owner."""
        self.run(
            f"mkdir -p {Path(path).parent} && cat >{path}.tmp <<'END'\n{text}\nEND\nchmod {mode:o} {path}.tmp; mv {path}.tmp {path}", owner
        )


def _quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"


def debian(root: Path) -> Machine:
    """Make a fresh minimal system of this machine's own release, from where this machine's apt gets it."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a machine")
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {release}", "Component: main"]
    sources = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", release, str(root), sources[0]],
        env={**_QUIET},
        check=True,
        capture_output=True,
        timeout=1800,
    )
    machine = Machine(root)
    _wheels(machine)
    shutil.copytree(ROOT / "deploy", root / "srv/deploy")
    return machine


def _wheels(machine: Machine) -> None:
    """Put the wheel of the working tree there, with every wheel that it needs on that machine."""
    target = machine.root / "wheels"
    python = machine.run("python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(target), str(ROOT)], check=True, capture_output=True, timeout=600)
    ours = next(target.glob("*.whl"))
    needed = [*pip, "download", "--only-binary=:all:", f"--python-version={python}", f"--dest={target}", str(ours)]
    subprocess.run(needed, check=True, capture_output=True, timeout=600)


@contextmanager
def booted(machine: Machine, log: Path) -> Iterator[Machine]:
    """Start it with systemd as its first process, wait until it is up, and shut it down afterwards."""
    command = ["systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "--boot", f"--directory={machine.root}"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        running = Machine(machine.root, int(until("a first process", lambda: children.read_text().split(), 60)[0]))
        try:
            until("systemd is up", lambda: running.ask("systemctl is-system-running").stdout.strip() in {"running", "degraded"}, 120, 0.5)
        except AssertionError:
            pytest.skip(f"systemd does not boot in a container here: {log.read_text(errors='replace')[-500:]}")
        yield running
        running.ask("systemctl poweroff --force")  # all of ours is removed by now; nothing else needs its ninety seconds
        process.wait(90)
    finally:
        if process.poll() is None:
            for leader in children.read_text().split():  # else its processes would outlive the container
                os.kill(int(leader), signal.SIGKILL)
            process.kill()
            process.wait()
