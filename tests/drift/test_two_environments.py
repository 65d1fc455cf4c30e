"""A service and a shell with different keys: a real process, real files, the real reader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.host.environment import HostReader
from exporter.judging.health import Rules
from exporter.judging.history import History
from exporter.reading.reader import Reader
from exporter.settings import Settings
from exporter.snapshot import judge
from exporter.verdict import DriftFact, Snapshot

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system shows no processes")

OLD, NEW, SHELL = "sk-canary-old-0123456789", "sk-canary-new-0123456789", "sk-canary-shell-0123456789"
KEY = "ANTHROPIC_API_KEY"


@dataclass
class Machine:
    """A home with a gateway whose process runs, and the shell of the person who looks."""

    root: Path
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def state(self) -> Path:
        return self.home / ".openclaw"

    def edit(self, path: str, text: str, after: timedelta = timedelta(seconds=10)) -> None:
        """Write a file of the home as if it were done so long after the gateway's start."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        at = (datetime.now(UTC) + after).timestamp()
        os.utime(file, (at, at))

    def look(self, shell: Mapping[str, str]) -> Snapshot:
        environ = {"HOME": str(self.home), **shell}
        host = HostReader(environ, fs_root=self.root, proc_root=Path("/proc"))
        now = datetime.now(UTC) + timedelta(minutes=1)
        reading = Reader(Settings(), environ, self.home, host=host).read(now)
        return judge(reading, now, Rules(), history=History(b"salt"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "home"
    (home / ".openclaw").mkdir(parents=True, mode=0o700)
    model = {"agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}}
    (home / ".openclaw/openclaw.json").write_text(json.dumps(model))
    code = "import time; print(flush=True); time.sleep(60)"
    process = subprocess.Popen(
        ["openclaw-gateway", "-c", code], executable=sys.executable, env={"HOME": str(home), KEY: OLD}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield Machine(tmp_path, home, process)
    process.kill()
    process.wait()
    process.stdout.close()


def env(snapshot: Snapshot) -> list[DriftFact]:
    assert "canary" not in repr(snapshot)
    return [fact for fact in snapshot.drift if fact.kind == "env"]


def test_a_service_and_a_shell_that_agree(machine: Machine) -> None:
    snapshot = machine.look({KEY: OLD})
    assert env(snapshot) == []
    run = snapshot.gateways[0].host.run
    assert run is not None
    assert run.pid == machine.process.pid
    assert run.started_at is not None
    assert abs(run.started_at.timestamp() - time.time()) < 30


def test_another_key_in_the_shell(machine: Machine) -> None:
    (fact,) = env(machine.look({KEY: SHELL}))
    assert (fact.name, fact.provider) == ("EnvDrift", "anthropic")
    assert "this shell is not the key the service has, which comes from the running gateway's own environment" in fact.why


def test_the_environment_file_edited_after_the_start(machine: Machine) -> None:
    machine.edit(".openclaw/.env", f"{KEY}={NEW}\n")
    (fact,) = env(machine.look({KEY: OLD}))
    assert f"{KEY} in the state directory's .env was changed after the gateway started" in fact.why
    assert fact.places == (str(machine.state / ".env"),)


def test_a_unit_edited_after_the_start(machine: Machine) -> None:
    unit = "[Service]\nExecStart=/usr/bin/openclaw gateway\n"
    machine.edit(".config/systemd/user/openclaw-gateway.service", f"{unit}Environment={KEY}={NEW}\n")
    (fact,) = env(machine.look({}))
    assert "in its service definition was changed after the gateway started" in fact.why
    machine.edit(".config/systemd/user/openclaw-gateway.service", unit)
    (fact,) = env(machine.look({}))
    assert "the running gateway still has it" in fact.why


def test_a_service_of_our_own_has_no_shell(machine: Machine) -> None:
    assert env(machine.look({KEY: SHELL, "INVOCATION_ID": "a service of systemd"})) == []


def test_every_place_is_listed(machine: Machine) -> None:
    machine.edit(".openclaw/.env", f"{KEY}={NEW}\n")
    found = {(key.place.value, key.in_force) for key in machine.look({KEY: SHELL}).gateways[0].keys}
    assert found == {("process", True), ("state-dotenv", False), ("own", False)}
