"""Edge. A serving exporter asks providers in the background: on loopback, with real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.running import Serving, fetch, serving, until, write_json
from tests.stub_provider import Play, Seen, Stub

BRISK = {
    "MODEL_AUTH_EXPORTER_PROBES__ENABLED": "true",
    "MODEL_AUTH_EXPORTER_PROBES__INTERVAL": "10s",
    "MODEL_AUTH_EXPORTER_PROBES__PER_HOST_GAP": "0s",
    "MODEL_AUTH_EXPORTER_READ__POLL": "500ms",
}
GOOD = Play(200, b'{"object":"list","data":[]}', {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "7"})


def fill(home: Path, url: str, secret: str = "sk-first-0123456789") -> Path:
    provider = {"openai": {"baseUrl": f"{url}/v1", "models": []}}
    write_json(
        home / ".openclaw" / "openclaw.json",
        {"agents": {"defaults": {"model": {"primary": "openai/gpt-5"}}}, "models": {"providers": provider}},
    )
    return store(home, secret)


def store(home: Path, secret: str) -> Path:
    place = home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json"
    return write_json(place, {"version": 1, "profiles": {"openai:a": {"type": "api_key", "provider": "openai", "key": secret}}})


def outcome(server: Serving) -> Callable[[str], bool]:
    return lambda word: server.value("model_auth_probe_outcome", profile="openai:a", outcome=word) == 1


def test_a_key_is_asked_in_the_background_and_a_changed_one_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"

    def play(seen: Seen) -> Play:
        return GOOD if "first" in seen.headers["authorization"] else Play(401, b'{"error":{"code":"invalid_api_key","message":"no"}}')

    with Stub(play) as stub:
        fill(home, stub.url)
        with serving(home, env=BRISK) as server:
            said = outcome(server)
            until("the first answer", lambda: said("ok"), 60)
            assert server.value("model_auth_rate_limit_remaining", profile="openai:a", resource="requests") == 7
            assert server.value("model_auth_probe_attempts_total", provider="openai", outcome="auth") == 0
            asked = len(stub.log)
            store(home, "sk-second-0123456789")
            until("the changed key was asked before its turn", lambda: said("auth"), 8)
            assert len(stub.log) == asked + 1
            assert server.value("model_auth_profile_usable", profile="openai:a") == 1, "one refusal counts for nothing"
            assert (server.value("model_auth_exporter_task_runs_total", task="probe", outcome="ok") or 0) >= 1
            assert server.value("model_auth_exporter_task_runs_total", task="probe", outcome="error") == 0
            assert server.stop() == 0
        assert "sk-" not in server.words()


def test_a_restart_remembers_and_does_not_ask_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    slow = {**BRISK, "MODEL_AUTH_EXPORTER_PROBES__INTERVAL": "10s"}
    with Stub(GOOD) as stub:
        fill(home, stub.url)
        with serving(home, env=slow) as server:
            said = outcome(server)
            until("the first answer", lambda: said("ok"), 60)
            server.stop()
        asked = len(stub.log)
        with serving(home, env={**slow, "MODEL_AUTH_EXPORTER_PROBES__INTERVAL": "1h"}) as server:
            said = outcome(server)
            until("what was known is known again", lambda: said("ok"), 60)
            server.stop()
        assert len(stub.log) == asked


def test_it_ends_within_five_seconds_while_a_provider_is_silent(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Stub(Play(silent=True)) as stub:
        fill(home, stub.url)
        with serving(home, env={**BRISK, "MODEL_AUTH_EXPORTER_PROBES__TIMEOUT": "60s"}) as server:
            until("a request is under way", lambda: len(stub.log) > 0, 60)
            begun = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begun < 5
            assert "run_abandoned" not in server.words()


def test_probing_switched_off_sends_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Stub(GOOD) as stub:
        fill(home, stub.url)
        with serving(home) as server:
            time.sleep(2)
            assert "model_auth_probe_outcome{" not in server.metrics()
        assert stub.log == []


def test_the_last_answers_are_offered(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Stub(GOOD) as stub:
        fill(home, stub.url)
        with serving(home, env=BRISK) as server:
            said = outcome(server)
            until("the first answer", lambda: said("ok"), 60)
            status, text = fetch(f"{server.url}/api/v1/probes")
    assert status == 200, text
    assert "sk-first" not in text
    assert json.loads(text)
