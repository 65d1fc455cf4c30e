"""Edge. What the scripts of `deploy/` meet in tests: a home, our command on the PATH, and recorded stand-ins for programs of the host."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import COMMAND, ROOT, SILENT, environment, ms, write_json

DEPLOY = ROOT / "deploy"
_HOUR = 3600.0
SETUP_TOKEN = "sk-ant-oat01-FAKE-fake-fake-fake"


@dataclass
class Host:
    """One machine of a test: a home, a `bin` that is first on the PATH, and the log of every stand-in that was called."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay out the directories and put our own command on the PATH."""
        for directory in (self.home, self.bin):
            directory.mkdir(parents=True, exist_ok=True)
        self.program("model-auth-exporter", f'exec {shlex.join(COMMAND)} "$@"')

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def calls(self) -> list[list[str]]:
        """Return every call of a stand-in so far, program first."""
        log = self.root / "calls"
        return [shlex.split(line) for line in log.read_text().split("\0")[:-1]] if log.exists() else []

    def called(self, program: str) -> list[list[str]]:
        """Return the arguments of each call of one stand-in."""
        return [call[1:] for call in self.calls if call[0] == program]

    def forget(self) -> None:
        """Begin the log anew."""
        (self.root / "calls").unlink(missing_ok=True)

    def program(self, name: str, body: str) -> None:
        """Put a program on the PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def stand_in(self, name: str, *answers: str, code: int = 0) -> None:
        """Put a program on the PATH that logs its arguments and gives its recorded answers in turn, the last one for good."""
        kept = self.root / "answers" / name
        kept.mkdir(parents=True, exist_ok=True)
        for old in kept.iterdir():
            old.unlink()
        for number, answer in enumerate(answers or ("",)):
            (kept / f"{number:03}").write_text(answer)
        self.program(name, f'exec {sys.executable} -S -E {_PLAYER} {shlex.quote(str(self.root))} {name} {code} "$@"')

    def run(
        self, script: Path | str, *arguments: str, env: Mapping[str, str] | None = None, typed: str = "", seconds: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run one script as its own first line says, with nothing but the host's environment."""
        return subprocess.run(
            [str(script), *arguments],
            env=self.environment(env),
            cwd=self.root,
            text=True,
            input=typed,
            capture_output=True,
            timeout=seconds,
            check=False,
        )

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Build what a script sees."""
        path = f"{self.bin}:{os.environ.get('PATH', os.defpath)}"
        return {**environment(self.home, SILENT), "PATH": path, **self.env, **(extra or {})}


_PLAYER = Path(__file__).with_name("player.py")


def gateway(home: Path, hours: float | None, *, family: str = "openclaw", model: str = "anthropic/claude-sonnet-4-5") -> None:
    """Write a gateway's home with one setup-token that ends in so many hours; None: an API key, which never does."""
    state = home / f".{family}"
    profile: dict[str, object] = {"type": "api_key", "provider": "anthropic", "key": "sk-ant-api03-FAKE"}
    if hours is not None:
        profile = {"type": "token", "provider": "anthropic", "token": SETUP_TOKEN, "expires": ms(hours * _HOUR)}
    write_json(state / f"{family}.json", {"agents": {"defaults": {"model": model}}})
    write_json(state / "agents/main/agent/auth-profiles.json", {"version": 1, "profiles": {"anthropic:manual": profile}})


def claude(home: Path, hours: float, *, refresh: bool = False) -> None:
    """Log Claude Code in, until so many hours from now."""
    login: dict[str, object] = {
        "accessToken": SETUP_TOKEN,
        "expiresAt": ms(hours * _HOUR),
        "scopes": ["user:inference"],
        "subscriptionType": "max",
        "rateLimitTier": "default_claude_max_5x",
    }
    if refresh:
        login["refreshToken"] = "sk-ant-ort01-FAKE-fake"
    write_json(home / ".claude/.credentials.json", {"claudeAiOauth": login})


def scripts(*directories: str) -> Sequence[Path]:
    """Return every shell script below these directories of `deploy/`."""
    found = (path for name in directories for path in sorted((DEPLOY / name).rglob("*")) if path.is_file())
    return [path for path in found if path.read_bytes()[:2] == b"#!" and b"python" not in path.read_bytes().split(b"\n", 1)[0]]


def at_terminal(host: Host, script: Path, *arguments: str, typed: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a script at a terminal of its own on which all the answers have been typed already; return its exit code and the screen."""
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    child = subprocess.Popen(
        [str(script), *arguments],
        env=host.environment(env),
        cwd=host.root,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # how Linux says that the last one has left the terminal
        pass
    os.close(ours)
    return child.wait(30), seen.decode("utf-8", "replace").replace("\r", "")
