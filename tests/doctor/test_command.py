"""`doctor` as people call it: words, document, exit codes, questions; no secret, no change that was not agreed to."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exporter.doctor.examine import CHECKS
from tests.running import ROOT, crashed, environment, run
from tests.security.planting import Canaries, plant


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Canaries]:
    folder = tmp_path_factory.mktemp("doctor") / "home"
    canaries = plant(folder)
    state = folder / ".openclaw-json"
    lock, backup = canaries.new("lock"), canaries.new("backup")
    (state / "agents/main/agent/auth-profiles.json.lock").write_text(json.dumps({"pid": 2**31 - 1, "secret": lock}))
    (state / "agents/main/agent/auth-profiles.json.bak").write_text(backup)
    sessions = state / "agents/main/sessions"
    sessions.mkdir()
    pin = {"authProfileOverride": "openai:gone", "authProfileOverrideSource": "user", "note": canaries.new("session")}
    (sessions / "sessions.json").write_text(json.dumps({"agent:main:main": pin}))
    old = time.time() - 600
    os.utime(state / "agents/main/agent/auth-profiles.json.lock", (old, old))
    return folder, canaries


def tree(home: Path) -> dict[str, tuple[int, int, int]]:
    found = ((path, path.lstat()) for path in [home, *home.rglob("*")])
    return {str(path): (facts.st_mode, facts.st_size, facts.st_mtime_ns) for path, facts in found}


def test_the_report_says_what_why_where_and_how(home: tuple[Path, Canaries]) -> None:
    before = tree(home[0])
    result = run("doctor", home=home[0])
    assert (result.returncode, crashed(result.stderr)) == (1, False)
    assert home[1].found_in(result.stdout + result.stderr) == []
    assert tree(home[0]) == before
    assert "the lock of a store is held by process 2147483647, which is gone" in result.stdout
    assert f"run   rm -r {home[0]}/.openclaw-json/agents/main/agent/auth-profiles.json.lock" in result.stdout
    assert "1 session of agent main is tied to a profile that is missing" in result.stdout
    assert "a backup that holds credentials is open to other users" in result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].startswith("✗ critical") or lines[0].startswith("x critical")
    assert lines[-1].startswith(f"{len(CHECKS)} checks: ")


def test_the_document_has_every_check_and_no_secret(home: tuple[Path, Canaries]) -> None:
    result = run("doctor", "--json", home=home[0])
    assert home[1].found_in(result.stdout + result.stderr) == []
    document = json.loads(result.stdout)
    assert (document["schema"], document["exit"], result.returncode) == (1, 1, 1)
    assert {entry["id"] for entry in document["checks"]} == {check.id for check in CHECKS}
    assert set(document["checks"][0]) == {"id", "group", "level", "subject", "what", "why", "commands", "paths", "fixable"}


def test_a_filter_leaves_the_others_out(home: tuple[Path, Canaries]) -> None:
    document = json.loads(run("doctor", "--json", "--gateway", "remoteclaw", home=home[0]).stdout)
    subjects = {entry["subject"].partition("/")[0] for entry in document["checks"] if entry["subject"]}
    assert subjects == {"remoteclaw"}


def test_explain_says_what_drifts(home: tuple[Path, Canaries]) -> None:
    result = run("explain", "openclaw-json/main/openai:key", home=home[0])
    assert "drift" in result.stdout.splitlines()
    assert "is gone" in result.stdout
    assert home[1].found_in(result.stdout) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--fix", "--json"], 64), (["--config", "/nonexistent/x.yaml"], 78), (["extra"], 64)],
    ids=["questions and a document", "no such settings", "an argument"],
)
def test_wrong_usage(home: tuple[Path, Canaries], arguments: list[str], code: int) -> None:
    assert run("doctor", *arguments, home=home[0]).returncode == code


def test_no_gateway_at_all(tmp_path: Path) -> None:
    result = run("doctor", home=tmp_path)
    assert result.returncode == 1
    assert "no gateway was found" in result.stdout
    assert "every store can be read" not in result.stdout


@pytest.fixture
def open_state(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    return state


def test_fix_without_a_terminal_changes_nothing(tmp_path: Path, open_state: Path) -> None:
    result = run("doctor", "--fix", home=tmp_path, env={"MODEL_AUTH_EXPORTER_STATE_DIR": str(open_state)})
    assert "nothing was changed" in result.stderr
    assert open_state.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(("answer", "mode"), [("y\n", 0o700), ("n\n", 0o755), ("\n", 0o755)], ids=["yes", "no", "nothing"])
def test_fix_asks_for_each(tmp_path: Path, open_state: Path, answer: str, mode: int) -> None:
    ours, theirs = pty.openpty()
    env = environment(tmp_path, {"MODEL_AUTH_EXPORTER_STATE_DIR": str(open_state)})
    command = [sys.executable, "-m", "exporter", "doctor", "--fix"]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, answer.encode())
    _, errors = process.communicate(timeout=60)
    os.close(ours)
    assert b"close our state directory to others" in errors
    assert open_state.stat().st_mode & 0o777 == mode


def test_channels_are_asked_with_network_only(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "channels:\n  - {name: down, alertmanager: ['http://127.0.0.1:1']}\n  - {name: mute, command: ['/nonexistent/program']}\n"
    )
    settings.chmod(0o600)
    quiet = json.loads(run("doctor", "--json", "--config", str(settings), home=tmp_path).stdout)
    asked = json.loads(run("doctor", "--json", "--network", "--config", str(settings), home=tmp_path).stdout)

    def critical(document: dict[str, list[dict[str, str]]]) -> list[str]:
        found = (entry for entry in document["checks"] if entry["id"] == "installation.channels" and entry["level"] == "critical")
        return sorted(entry["what"].split()[1] for entry in found)

    assert critical(quiet) == ["mute"]
    assert critical(asked) == ["down", "mute"]
