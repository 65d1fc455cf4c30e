"""Edge. The life of `serve`: start, reload, stop, and what it says when it cannot start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.running import BRISK, Serving, crashed, environment, fetch, free_port, ms, run, serving, until, write_json

pytestmark = pytest.mark.slow

HEAVY = {
    "pydantic", "pydantic_settings", "apprise", "httpx", "rich", "starlette", "uvicorn", "apscheduler", "prometheus_client",
    "json5", "yaml",
}  # fmt: skip


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_signal_ends_it_cleanly_within_five_seconds(exporter: Serving, sent: signal.Signals) -> None:
    exporter.metrics()
    begun = time.monotonic()
    code = exporter.stop(sent)
    assert time.monotonic() - begun < 5
    assert code in ({0} if sent is signal.SIGTERM else {0, 130})
    assert not crashed(exporter.words())


def test_a_signal_ends_it_although_a_client_hangs(exporter: Serving) -> None:
    host, _, port = exporter.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.2)
        begun = time.monotonic()
        assert exporter.stop() == 0
        assert time.monotonic() - begun < 5


def test_it_writes_no_warning_and_no_traceback_while_all_is_well(exporter: Serving) -> None:
    exporter.metrics()
    assert fetch(f"{exporter.url}/")[0] == 200
    assert fetch(f"{exporter.url}/nowhere")[0] == 404
    exporter.stop()
    words = exporter.words()
    for bad in ("Traceback", "Warning", "level=error"):
        assert bad not in words


def test_healthy_and_ready_answer(exporter: Serving) -> None:
    assert fetch(f"{exporter.url}/-/healthy")[0] == 200
    assert fetch(f"{exporter.url}/-/ready")[0] == 200


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text;version=1.0.0;q=0.1,text/plain;version=0.0.4;q=0.9", "text/plain; version=0.0.4"),
    ],
    ids=["anything", "openmetrics first", "text preferred by weight"],
)
def test_the_page_comes_in_the_format_asked_for(exporter: Serving, accept: str, kind: str) -> None:
    request = urllib.request.Request(f"{exporter.url}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert str(answer.headers["Content-Type"]).startswith(kind)
        text = answer.read().decode()
    assert text.endswith("# EOF\n") == kind.startswith("application/openmetrics")


def test_an_edited_store_shows_within_five_seconds(exporter: Serving, auth_profiles: Path) -> None:
    def usable() -> float | None:
        return exporter.value("model_auth_profile_usable", profile="openai:default")

    assert usable() == 1
    document = json.loads(auth_profiles.read_text(encoding="utf-8"))
    document["profiles"]["openai:default"]["key"] = " "
    write_json(auth_profiles, document)
    until("the blank key is not usable", lambda: usable() == 0, 5)


def test_a_torn_store_keeps_the_last_values_and_says_so(exporter: Serving, auth_profiles: Path) -> None:
    whole = auth_profiles.read_text(encoding="utf-8")
    auth_profiles.write_text(whole[: len(whole) // 2], encoding="utf-8")
    until("the store is down", lambda: exporter.value("model_auth_source_up", store="auth-profiles") == 0, 6)
    assert exporter.value("model_auth_profile_stale", profile="openai:default") == 1
    auth_profiles.write_text(whole, encoding="utf-8")
    until("the store is up again", lambda: exporter.value("model_auth_source_up", store="auth-profiles") == 1, 6)
    assert exporter.value("model_auth_profile_stale", profile="openai:default") == 0


def test_a_reload_takes_new_settings_and_a_bad_file_keeps_the_last_good_ones(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("expiry: {warn: 24h}\n", encoding="utf-8")
    good = "model_auth_exporter_config_last_reload_successful"
    with serving(home, "--config", str(config)) as exporter:

        def expiring() -> float | None:
            return exporter.value("model_auth_profile_health", profile="anthropic:manual", health="expiring")

        assert exporter.value(good) == 1
        assert expiring() == 0
        config.write_text("expiry: {warn: 100d}\n", encoding="utf-8")
        exporter.process.send_signal(signal.SIGHUP)
        until("the wider window counts", lambda: expiring() == 1, 10)
        config.write_text("expiry: {warn: 24h, wrn: 1}\n", encoding="utf-8")
        exporter.process.send_signal(signal.SIGHUP)
        until("the reload is reported as failed", lambda: exporter.value(good) == 0, 10)
        assert expiring() == 1
        assert "wrn" in exporter.words()
        config.write_text("expiry: {warn: 24h}\n", encoding="utf-8")
        exporter.process.send_signal(signal.SIGHUP)
        until("a good file is taken again", lambda: exporter.value(good) == 1 and expiring() == 0, 10)


def test_a_taken_port_is_one_clear_line_and_exit_code_70(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run("serve", home=home, env={"MODEL_AUTH_EXPORTER_LISTEN": address})
    assert result.returncode == 70
    assert not crashed(result.stderr)
    assert address in result.stderr


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:99999", "nonsense:port", "203.0.113.7:9", ""])
def test_a_bad_address_is_a_configuration_error(home: Path, address: str) -> None:
    result = run("serve", home=home, env={"MODEL_AUTH_EXPORTER_LISTEN": address})
    assert result.returncode in {70, 78} if address.startswith("203") else result.returncode == 78
    assert not crashed(result.stderr)
    assert result.stderr.strip()


def test_without_a_gateway_it_serves_and_says_where_it_looked(tmp_path: Path) -> None:
    home = tmp_path / "empty"
    home.mkdir()
    with serving(home) as exporter:
        status, page = fetch(f"{exporter.url}/")
        assert status == 200
        assert ".openclaw" in page
        assert "demo" in page
        assert "model_auth_exporter_build_info{" in exporter.metrics()
        assert ".openclaw" in exporter.words()
        assert "demo" in exporter.words()


def test_a_gateway_installed_later_is_found(tmp_path: Path) -> None:
    home = tmp_path / "empty"
    home.mkdir()
    with serving(home, env=BRISK) as exporter:
        write_json(
            home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json",
            {"version": 1, "profiles": {"openai:a": {"type": "token", "provider": "openai", "token": "fake", "expires": ms(10**6)}}},
        )
        until("the new gateway's profile", lambda: 'profile="openai:a"' in exporter.metrics(), 6)


def test_check_judges_the_same_home_as_serve(home: Path) -> None:
    result = run("check", "--json", home=home)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    assert document["exit"] == 0
    profiles = document["gateways"][0]["agents"][0]["profiles"]
    assert {row["profile"] for row in profiles} >= {"anthropic:manual", "anthropic:login", "openai:default"}


def test_check_loads_no_library_it_does_not_need(home: Path) -> None:
    code = "import sys; from exporter.cli.main import main; code = main(['check']); print(*sys.modules, file=sys.stderr); sys.exit(code)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment(home), cwd=home.parent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    loaded = {name.split(".")[0] for name in result.stderr.split()}
    assert sorted(loaded & HEAVY) == []


def test_the_address_is_free_again_at_once(home: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    for _ in range(2):
        with serving(home, address=address) as exporter:
            assert exporter.stop() == 0
