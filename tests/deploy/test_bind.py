"""Edge. What the service sees of a gateway's stores, with real users and real mounts: why directories are bound and the user is its own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import copy_home, run, write_json

OWNER, STRANGER = 51234, 51235
STORE = "agents/main/agent/auth-profiles.json"


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a gateway's home that belongs to a user of its own, in a folder that others can walk into, which pytest's own is not."""
    if os.geteuid() != 0:
        pytest.skip("only root can be two other users")
    with tempfile.TemporaryDirectory(prefix="model-auth-exporter-") as folder:
        Path(folder).chmod(0o711)
        home = copy_home("openclaw-2026.4.20/two-agents", Path(folder) / "home")
        for path in (home, *home.rglob("*")):
            os.chown(path, OWNER, OWNER)
        yield home


@pytest.fixture
def bound(home: Path, program: Callable[..., str]) -> Iterator[Path]:
    """Return another home in which the state directory is bound read-only and its store once more as a file; as the process sees it."""
    other = home.parent / "sidecar" / "home"
    (other / ".openclaw").mkdir(parents=True)
    (other / "store").touch()
    script = (
        f"mount --bind {home}/.openclaw {other}/.openclaw && mount -o remount,ro,bind {other}/.openclaw"
        f" && mount --bind {home}/.openclaw/{STORE} {other}/store && echo bound && read -r _"
    )
    process = subprocess.Popen(
        [program("unshare"), "--mount", "--propagation", "private", "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = process.stdout.readline()
        if said != "bound\n":
            pytest.skip(f"no mounts here: {said.strip()}")
        yield Path(f"/proc/{process.pid}/root{other}")
        process.stdin.close()


def _profiles(home: Path, user: int, under: tuple[str, ...] = ()) -> set[str]:
    ended = run("status", "--json", home=home, user=user, under=under, env={"MODEL_AUTH_EXPORTER_PROBES__ENABLED": "false"})
    assert ended.returncode == 0, ended.stderr
    return {
        profile["profile"]
        for gateway in json.loads(ended.stdout)["gateways"]
        for agent in gateway["agents"]
        for profile in agent["profiles"]
        if profile["source"] == "store"
    }


def _replaced(home: Path, profile: str) -> None:
    """Do what a gateway does: write beside, then rename; as its own user."""
    store = home / ".openclaw" / STORE
    document = {"version": 1, "profiles": {profile: {"type": "api_key", "provider": "openai", "key": "sk-fake-not-a-key"}}}
    fresh = write_json(home.parent / "fresh.json", document)
    os.chown(fresh, OWNER, OWNER)
    subprocess.run(
        [
            "setpriv",
            f"--reuid={OWNER}",
            f"--regid={OWNER}",
            "--clear-groups",
            "sh",
            "-c",
            f"cp {fresh} {store}.tmp && mv {store}.tmp {store}",
        ],
        check=True,
    )


def test_the_owner_reads_a_stranger_does_not(home: Path) -> None:
    assert _profiles(home, OWNER)
    ended = run("check", home=home, user=STRANGER, env={"MODEL_AUTH_EXPORTER_PROBES__ENABLED": "false"})
    assert (ended.returncode, "denied" in ended.stdout + ended.stderr) == (1, True), ended.stdout + ended.stderr


def test_an_acl_on_a_store_is_gone_with_the_first_rename(home: Path) -> None:
    """The same of any right given to the file itself, here by its mode and its group."""
    store = home / ".openclaw" / STORE
    os.chown(store, OWNER, STRANGER)
    store.chmod(0o640)
    _replaced(home, "openai:new")
    assert (store.stat().st_gid, store.stat().st_mode & 0o777) == (OWNER, 0o600)


def test_a_bound_directory_shows_the_new_file_a_bound_file_the_old_one(home: Path, bound: Path) -> None:
    before = json.loads((bound / "store").read_text())
    pid = bound.parts[2]
    inside = ("nsenter", f"--mount=/proc/{pid}/ns/mnt")
    seen_home = Path("/", *bound.parts[4:])
    assert _profiles(seen_home, OWNER, inside)
    _replaced(home, "openai:new")
    assert _profiles(seen_home, OWNER, inside) >= {"openai:new"}
    assert json.loads((bound / "store").read_text()) == before
    refused = subprocess.run([*inside, "touch", str(seen_home / ".openclaw/x")], capture_output=True, text=True, check=False)
    assert "Read-only file system" in refused.stderr
