"""Edge. What a person sees and types, on a phone's forty columns."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.homes import FIXTURES, unpack
from tests.repair.driving import TOKEN, everything
from tests.repair.terminal import Terminal


def json_home(home: Path, profiles: Mapping[str, object]) -> Path:
    state = home / ".openclaw"
    agent = state / "agents/main/agent"
    agent.mkdir(parents=True, mode=0o700)
    config = {"meta": {"lastTouchedVersion": "2026.1.30"}, "agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}}
    (state / "openclaw.json").write_text(json.dumps(config))
    store = agent / "auth-profiles.json"
    store.write_text(json.dumps({"version": 1, "profiles": profiles}))
    for path in (store, state / "openclaw.json"):
        path.chmod(0o600)
    return store


def program(home: Path, name: str, text: str) -> None:
    (home / "bin").mkdir(exist_ok=True)
    (home / "bin" / name).write_text(text)
    (home / "bin" / name).chmod(0o755)


EXPIRED = {"anthropic:default": {"type": "token", "provider": "anthropic", "token": "sk-ant-oat01-old", "expires": 1700000000000}}


def test_a_token_is_typed_without_being_shown_even_when_it_arrives_in_pieces(tmp_path: Path) -> None:
    store = json_home(tmp_path, {})
    screen = Terminal(tmp_path, "auth", "paste-token", "--provider", "anthropic")
    screen.until("Paste token for anthropic (not shown): ")
    screen.type(f"xx\x7f\x7f\x15{TOKEN[:40]}\n{TOKEN[40:]}\r")  # as a narrow terminal wraps what is copied
    assert screen.end() == 0, screen.seen
    assert "CANARY" not in screen.seen
    assert f"{len(TOKEN) + 1} characters" in screen.seen
    assert json.loads(store.read_text())["profiles"]["anthropic:manual"]["token"] == TOKEN


def test_giving_up_changes_nothing(tmp_path: Path) -> None:
    json_home(tmp_path, EXPIRED)
    before = everything(tmp_path)
    for key in ("\x04", "\x03"):
        screen = Terminal(tmp_path, "auth", "paste-token", "--provider", "anthropic")
        screen.until("not shown")
        screen.type(key)
        code = screen.end()
        assert code in (130, -2), screen.seen
        assert everything(tmp_path) == before


def test_a_setup_token_from_alarm_to_a_working_credential(tmp_path: Path) -> None:
    store = json_home(tmp_path, EXPIRED)
    program(tmp_path, "claude", f"#!/bin/sh\n[ -t 0 ] && echo 'Your token: {TOKEN[:20]}...'; touch {tmp_path}/claude-ran\n")
    screen = Terminal(tmp_path, "reauth", environ={"MODEL_AUTH_EXPORTER_PROBES__ENABLED": "false"})
    screen.until("Run `claude setup-token` here now? [y/N] ")
    screen.type("y\n")
    screen.until("Paste the setup-token (not shown): ")
    assert (tmp_path / "claude-ran").exists()
    screen.type(f"{TOKEN}\r")
    assert screen.end() == 0, screen.seen
    assert json.loads(store.read_text())["profiles"]["anthropic:default"] == {"type": "token", "provider": "anthropic", "token": TOKEN}
    assert "Was: expired. Is: static, usable." in screen.lines
    assert "It will end about 20" in screen.seen
    assert "(assumed:" in screen.seen
    assert TOKEN[20:] not in screen.seen
    told = [
        line for line in screen.lines if line and not line.startswith(("model-auth-exporter:", "Updated", "Auth profile:", "Paste", "Run"))
    ]
    assert max(len(line) for line in told) <= 40, told


def test_an_api_key_shows_where_to_make_one(tmp_path: Path) -> None:
    store = json_home(tmp_path, {"openai:default": {"type": "api_key", "provider": "openai"}})
    screen = Terminal(tmp_path, "reauth", "openai:default")
    screen.until("Paste API key for openai (not shown): ")
    assert "https://platform.openai.com/api-keys" in screen.lines
    screen.type("sk-CANARY-0123456789\r")
    assert screen.end() == 0, screen.seen
    assert json.loads(store.read_text())["profiles"]["openai:default"]["key"] == "sk-CANARY-0123456789"
    assert "CANARY" not in screen.seen


def test_a_refused_token_leaves_the_old_one(tmp_path: Path) -> None:
    json_home(tmp_path, EXPIRED)
    before = everything(tmp_path)
    screen = Terminal(tmp_path, "reauth", "anthropic:default")
    screen.until("not shown")
    screen.type("sk-ant-api03-wrong\r")
    assert screen.end() == 1
    assert "Expected token starting with sk-ant-oat01-" in screen.seen
    assert everything(tmp_path) == before


def test_a_login_is_the_gateways_own_and_its_screen_hides_credentials(tmp_path: Path) -> None:
    unpack(FIXTURES / "openclaw-2026.9.6/cli/home/.openclaw", tmp_path / ".openclaw")
    stand_in = Path(__file__).with_name("stand_in.py")
    program(tmp_path, "openclaw", f'#!/bin/sh\nexec {sys.executable} -I {stand_in} "$@"\n')
    # The login to renew is put there by the stand-in itself, expired.
    screen = Terminal(tmp_path, "reauth", "openai:manual")
    screen.until("Paste API key for openai")
    screen.type("\x04")
    screen.end()
    seed_login(tmp_path)
    screen = Terminal(tmp_path, "reauth", "openai:sub")
    screen.until("Paste the code: ")
    screen.type("code-1\r")
    assert screen.end() == 0, screen.seen
    assert screen.seen.count("https://auth.example.com/oauth/authorize?client_id=app_1&state=s") == 2  # theirs, and ours by itself
    assert "LEAKED" not in screen.seen
    assert "Was: expired. Is: ok, usable." in screen.lines


def seed_login(home: Path) -> None:
    import sqlite3

    entry = {"type": "oauth", "provider": "openai", "access": "old", "expires": 1700000000000}
    with sqlite3.connect(home / ".openclaw/state/openclaw.sqlite") as database:
        (text,) = database.execute("SELECT value_json FROM config_machine_state WHERE state_key = 'authProfiles.store'").fetchone()
        tree = json.loads(text)
        tree["profiles"]["openai:sub"] = entry
        database.execute("UPDATE config_machine_state SET value_json = ? WHERE state_key = 'authProfiles.store'", (json.dumps(tree),))
    database.close()


def test_the_restart_of_the_service_is_offered(tmp_path: Path) -> None:
    json_home(tmp_path, EXPIRED)
    unit = tmp_path / ".config/systemd/user/openclaw-gateway.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/usr/bin/openclaw gateway\n")
    program(tmp_path, "systemctl", f'#!/bin/sh\necho "$@" > {tmp_path}/restarted\n')
    for answer, restarted in (("n", False), ("y", True)):
        screen = Terminal(tmp_path, "reauth", "anthropic:default", environ={"MODEL_AUTH_EXPORTER_PROBES__ENABLED": "false"})
        screen.until("not shown")
        screen.type(f"{TOKEN}\r")
        screen.until("Restart openclaw-gateway.service? [y/N] ")
        screen.type(f"{answer}\n")
        assert screen.end() == 0, screen.seen
        assert (tmp_path / "restarted").exists() == restarted
    assert (tmp_path / "restarted").read_text() == "--user restart -- openclaw-gateway.service\n"


def test_an_impatient_ctrl_c_neither_stops_nor_orphans_the_gateways_program(tmp_path: Path) -> None:
    unpack(FIXTURES / "openclaw-2026.9.6/cli/home/.openclaw", tmp_path / ".openclaw")
    program(tmp_path, "openclaw", f'#!/bin/sh\nexec {sys.executable} -I {Path(__file__).with_name("stand_in.py")} "$@"\n')
    screen = Terminal(tmp_path, "auth", "paste-token", "--provider", "openrouter", environ={"STAND_IN_SLEEPS": "2"})
    screen.until("not shown")
    screen.type("or-CANARY-1\r")
    while not (tmp_path / "calls.jsonl").exists():
        time.sleep(0.02)
    screen.type("\x03")
    screen.until("Ctrl-C again stops the waiting")
    assert screen.end() == 0, screen.seen
    assert (tmp_path / "ended").exists()
    assert "Auth profile: openrouter:manual (openrouter/token)" in screen.seen
    assert "CANARY" not in screen.seen


def test_a_new_setup_token_is_tried_once_where_the_gateway_would(tmp_path: Path) -> None:
    asked: list[str] = []

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['Authorization']}")
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"data": []}')

        def log_message(self, format: str, *args: object) -> None:
            return

    store = json_home(tmp_path, EXPIRED)
    config = tmp_path / ".openclaw/openclaw.json"
    with HTTPServer(("127.0.0.1", 0), Provider) as server:
        tree = json.loads(config.read_text())
        tree["models"] = {"providers": {"anthropic": {"baseUrl": f"http://127.0.0.1:{server.server_port}", "models": []}}}
        config.write_text(json.dumps(tree))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        screen = Terminal(tmp_path, "auth", "setup-token", "--profile-id", "anthropic:default")
        screen.until("not shown")
        screen.type(f"{TOKEN}\r")
        code = screen.end()
        server.shutdown()
        thread.join()
    assert code == 0, screen.seen
    assert json.loads(store.read_text())["profiles"]["anthropic:default"]["token"] == TOKEN
    assert len(asked) == 1, screen.seen
    assert asked[0].endswith(f"Bearer {TOKEN}")
    assert "Probe: ok" in screen.seen
    assert "CANARY" not in screen.seen
