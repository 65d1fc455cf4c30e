"""Edge. A repair ends its alert: told by the run itself where nobody else keeps the book, else by the running exporter."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.cli import asked
from exporter.cli.loading import now
from tests.delivery.servers import Web, web
from tests.repair.driving import TOKEN, Driver
from tests.repair.test_terminal import json_home
from tests.running import COMMAND, SILENT, environment, ms, run, serving, until, write_json
from tests.stub_provider import Play, Stub

REFUSED = Play(401, b'{"error":{"code":"invalid_api_key","message":"Incorrect API key provided"}}')


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    config = {"meta": {"lastTouchedVersion": "2026.3.13"}, "agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}}
    write_json(home / ".openclaw/openclaw.json", config)
    expired = {
        name: {"type": "token", "provider": name.partition(":")[0], "token": "fake-token", "expires": ms(-3600)}
        for name in ("anthropic:manual", "openrouter:other")
    }
    write_json(home / ".openclaw/agents/main/agent/auth-profiles.json", {"version": 1, "profiles": expired})
    return home


def settings(tmp_path: Path, hook: Web) -> Path:
    path = tmp_path / "config.yaml"
    timing = "alerts: {startup_grace: 0s, group_wait: 0s, group_interval: 0s}"
    channel = f"{{name: ops, url: 'json://{hook.address}/', gap: 0s}}"
    path.write_text(f"host: box\nstate_dir: {tmp_path / 'state'}\n{timing}\nchannels:\n  - {channel}\n")
    return path


def reauth(home: Path, config: Path) -> subprocess.CompletedProcess[str]:
    command = (*COMMAND, "reauth", "anthropic:manual", "--config", str(config))
    return subprocess.run(
        command, env=environment(home, SILENT), input=f"{TOKEN}\n", text=True, capture_output=True, check=False, cwd=home.parent, timeout=90
    )


def titles(hook: Web) -> list[str]:
    return [json.loads(got.body)["title"] for got in hook.got]


def test_without_a_daemon_the_repair_tells_that_it_is_over(home: Path, tmp_path: Path) -> None:
    with web() as hook:
        config = settings(tmp_path, hook)
        assert run("check", "--notify", "--config", str(config), home=home, env=SILENT).returncode == 1
        told = len(hook.got)
        assert told
        ended = reauth(home, config)
        assert ended.returncode == 0, ended.stderr
        assert "Resolved: " in ended.stdout
        assert "ProviderDown" in ended.stdout
        news = titles(hook)[told:]
    assert news
    assert all(title.startswith("[RESOLVED") and "anthropic" in title for title in news)
    assert "CANARY" not in ended.stdout + ended.stderr


def test_where_nothing_fires_nobody_is_told(home: Path, tmp_path: Path) -> None:
    with web() as hook:
        ended = reauth(home, settings(tmp_path, hook))
        assert ended.returncode == 0, ended.stderr
        assert "Resolved" not in ended.stdout
        assert titles(hook) == []


def test_a_running_exporter_keeps_the_book_and_ends_it(home: Path, tmp_path: Path) -> None:
    with web() as hook:
        config = settings(tmp_path, hook)
        brisk = {"MODEL_AUTH_EXPORTER_READ__POLL": "500ms", "MODEL_AUTH_EXPORTER_READ__INTERVAL": "1s"}
        with serving(home, "--config", str(config), env=brisk):
            until("the alert is told", lambda: titles(hook))
            ended = reauth(home, config)
            assert ended.returncode == 0, ended.stderr
            assert "does the alerting" in ended.stdout
            assert "looks again within seconds" in ended.stdout
            until("the end is told", lambda: [title for title in titles(hook) if title.startswith("[RESOLVED")])


def test_what_a_provider_refused_is_known_and_over_with_another_key(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    store = json_home(driver.home, {"groq:a": {"type": "api_key", "provider": "groq", "key": "sk-bad-0123456789"}})
    monkeypatch.setenv("MODEL_AUTH_EXPORTER_PROBES__PER_HOST_GAP", "0s")
    with Stub(lambda seen: REFUSED if "bad" in seen.headers.get("authorization", "") else Play(200, b'{"data":[]}')) as stub:
        config = driver.home / ".openclaw/openclaw.json"
        tree = json.loads(config.read_text())
        tree["models"] = {"providers": {"groq": {"baseUrl": f"{stub.url}/v1", "models": []}}}
        config.write_text(json.dumps(tree))
        assert driver.run("reauth").out == "Nothing needs a new credential.\n"
        driver.run("probe")
        monkeypatch.setattr(asked, "now", lambda: now() + timedelta(seconds=40))
        driver.run("probe")
    ran = driver.run("reauth", piped="sk-CANARY-0123456789\n")
    assert ran.code == 0, ran.said
    assert "The provider refuses this credential." in ran.out
    assert json.loads(store.read_text())["profiles"]["groq:a"]["key"] == "sk-CANARY-0123456789"
    assert driver.run("reauth").out == "Nothing needs a new credential.\n"
