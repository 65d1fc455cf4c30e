"""Edge. The demo shows every state, on real stores of two eras, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.cli.looking import look
from exporter.cli.main import main
from exporter.demo.home import write
from exporter.model import Source
from exporter.settings import Settings
from exporter.verdict import CooldownKind, CooldownScope, Eligibility, Health, RefreshState, Snapshot
from tests.builders import NOW
from tests.running import environment, fetch, until


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    home = tmp_path_factory.mktemp("demo") / "home"
    write(home, NOW)
    return look(Settings(), NOW, {"HOME": str(home)})


def test_every_state_is_shown(snapshot: Snapshot) -> None:
    profiles = snapshot.all_profiles()
    assert {profile.health for profile in profiles} == set(Health)
    assert {profile.refresh_state for profile in profiles} == set(RefreshState)
    assert {cooldown.kind for profile in profiles for cooldown in profile.cooldowns} == set(CooldownKind)
    assert {cooldown.scope for profile in profiles for cooldown in profile.cooldowns} == set(CooldownScope)
    assert {profile.source for profile in profiles} >= {Source.STORE, Source.ENV, Source.CONFIG, Source.CLI_LOGIN}
    assert {profile.reason for profile in profiles} >= {
        Eligibility.OK,
        Eligibility.EXPIRED,
        Eligibility.MISSING_CREDENTIAL,
        Eligibility.INVALID_EXPIRES,
        Eligibility.UNRESOLVED_REF,
        Eligibility.PROFILE_MISSING,
        Eligibility.SETUP_INACTIVE,
    }
    assert any(profile.why.startswith("excluded_by_auth_order") for profile in profiles)
    assert {profile.inherited_from for profile in profiles} == {None, "main", "shared"}


def test_its_stores_are_of_two_eras_and_of_nobody_elses_business(snapshot: Snapshot) -> None:
    assert {gateway.gateway: gateway.era for gateway in snapshot.gateways} == {"openclaw": "shared-db", "openclaw-older": "json"}
    for gateway in snapshot.gateways:
        for path in Path(gateway.state_dir).rglob("*"):
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
        assert not [source for source in gateway.sources if source.insecure]


def test_its_databases_are_real(tmp_path: Path) -> None:
    write(tmp_path / "home", NOW)
    databases = list((tmp_path / "home").rglob("*.sqlite"))
    assert len(databases) == 3
    for path in databases:
        database = sqlite3.connect(path)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.close()


def test_a_home_is_written_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "my demo"
    assert main(["demo", "--dir", str(place), "--no-serve"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert f"HOME='{place}' {sys.executable} -m exporter status" in err
    assert (place / ".openclaw" / "state" / "openclaw.sqlite").exists()
    assert main(["demo", "--dir", str(place), "--no-serve"]) == 64
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["demo", "--no-serve"], 64),
        (["demo", "--listen", "nowhere"], 64),
        (["demo", "--listen", "0.0.0.0:0"], 78),
        (["demo", "--dir", "/dev/null/x", "--no-serve"], 78),
    ],
    ids=["nowhere-to-write", "no-address", "everybody", "no-directory"],
)
def test_what_cannot_be_is_refused(
    arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert main(arguments) == code
    assert list(tmp_path.iterdir()) == []
    capsys.readouterr()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_serves_every_state_and_cleans_up(ending: signal.Signals, tmp_path: Path) -> None:
    owner = tmp_path / "owner"
    owner.mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    mine = {"TMPDIR": str(scratch), "OPENAI_API_KEY": "sk-canary-mine", "OPENCLAW_STATE_DIR": str(owner)}
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", "demo"],
        env=environment(owner, mine),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
        text = until("metrics", lambda: _metrics(url))
        assert 'profile="anthropic:o***' in text or 'profile="anthropic:***' in text or "anthropic:idle" in text
        assert "env:OPENAI_API_KEY" not in text
        process.send_signal(ending)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert "sk-canary" not in err
    assert os.listdir(scratch) == []
    assert os.listdir(owner) == []


def _metrics(url: str) -> str | None:
    status, text = fetch(f"{url}metrics")
    return text if status == 200 and "model_auth_profile_health" in text and "openclaw-older" in text else None
