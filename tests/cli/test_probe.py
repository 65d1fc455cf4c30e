"""Edge. `probe`, `check --probe` and `status --probe` against real HTTP on loopback."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import asked
from exporter.cli.loading import now
from exporter.cli.main import main
from tests.running import environment, write_json
from tests.stub_provider import Play, Seen, Stub

REFUSED = Play(401, b'{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-bad-0123456789"}}')


def answer(seen: Seen) -> Play:
    said = seen.headers.get("authorization", "")
    if seen.path.endswith("/chat/completions"):
        return Play(200, b'{"choices":[{"finish_reason":"length","message":{"content":""}}]}')
    return REFUSED if "bad" in said else Play(200, b'{"object":"list","data":[{"id":"gpt-5-nano","secret_value":"x"}]}')


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub(answer, hosts=2) as running:
        yield running


@pytest.fixture
def home(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    addresses = {
        "openai": {"baseUrl": f"{stub.url}/v1", "models": []},
        "groq": {"baseUrl": f"http://127.0.0.1:{stub.ports[1]}/v1", "models": []},
    }
    write_json(
        place / ".openclaw" / "openclaw.json",
        {"agents": {"defaults": {"model": {"primary": "openai/gpt-5", "fallbacks": ["groq/llama"]}}}, "models": {"providers": addresses}},
    )
    profiles = {
        "openai:good": {"type": "api_key", "provider": "openai", "key": "sk-good-0123456789"},
        "groq:bad": {"type": "api_key", "provider": "groq", "key": "sk-bad-0123456789"},
        "groq:old": {"type": "token", "provider": "groq", "token": "sk-old-0123456789", "expires": 1_600_000_000_000},
    }
    write_json(place / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json", {"version": 1, "profiles": profiles})
    monkeypatch.setenv("HOME", str(place))
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("MODEL_AUTH_EXPORTER_PROBES__PER_HOST_GAP", "0s")
    return place


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    return lambda span: monkeypatch.setattr(asked, "now", lambda: now() + span)


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_every_profile_is_named_with_what_its_provider_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--json"]) == 0
    results = {one["profile"]: one for one in printed(capsys)["results"]}
    assert {name: (one["outcome"], one["detail"], one["sent"]) for name, one in results.items()} == {
        "openai:good": ("ok", None, True),
        "groq:bad": ("auth", "invalid", True),
        "groq:old": ("skipped", "expired", False),
    }
    assert results["groq:bad"]["words"] == "Incorrect API key provided: ***"
    assert results["groq:bad"]["probe_reason"] == "auth"
    assert "total" in results["openai:good"]["phases"]


def test_a_refusal_counts_once_a_later_run_confirms_it(
    home: Path, later: Callable[[timedelta], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--probe"]) == 0
    assert "seen once and is not confirmed" in capsys.readouterr().err
    later(timedelta(seconds=40))
    assert main(["check", "--probe"]) == 1
    assert "the provider refuses it: auth (invalid)" in capsys.readouterr().out
    assert main(["check"]) == 0, "a check that asks nobody judges what is stored"
    assert main(["probe", "--provider", "openai"]) == 0
    assert main(["probe", "--provider", "groq"]) == 1


def test_filters_narrow_what_is_asked(home: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--profile", "openai:good,groq:old", "--json"]) == 0
    assert {one["profile"] for one in printed(capsys)["results"]} == {"openai:good", "groq:old"}
    assert main(["status", "--probe", "--probe-provider", "groq", "--probe-timeout", "2000", "--probe-concurrency", "1", "--plain"]) == 0
    assert {seen.port for seen in stub.log[1:]} == {stub.ports[1]}
    assert "auth (invalid), not confirmed" in capsys.readouterr().out


def test_no_completion_without_deep(home: Path, stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    main(["probe"])
    assert not [seen for seen in stub.log if "completions" in seen.path]
    assert "completion" not in capsys.readouterr().out
    main(["probe", "--deep"])
    assert "3 requests, 1 completion among them, in" in capsys.readouterr().out
    spent = [seen for seen in stub.log if "completions" in seen.path]
    assert [json.loads(seen.body)["max_tokens"] for seen in spent] == [1]


def test_shapes_are_recorded_without_values(home: Path, tmp_path: Path) -> None:
    assert main(["probe", "--record", str(tmp_path / "shapes")]) == 0
    files = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "shapes").iterdir()}
    assert set(files) == {"openai-light-200.json", "groq-light-401.json"}
    assert "data[].id: text" in files["openai-light-200.json"]
    assert not any(value in text for text in files.values() for value in ("gpt-5-nano", "sk-", "Incorrect"))


def test_explain_and_status_know_the_last_probe(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["probe"])
    capsys.readouterr()
    main(["status", "--plain"])
    assert "auth (invalid), not confirmed" in capsys.readouterr().out
    main(["explain", "groq:bad"])
    assert "HTTP 401" in capsys.readouterr().out


def test_switched_off_means_off(home: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MODEL_AUTH_EXPORTER_PROBES__ENABLED", "false")
    assert main(["probe", "--json"]) == 0
    assert {one["detail"] for one in printed(capsys)["results"]} == {"switched_off"}
    assert stub.log == []


def test_a_terminal_gets_a_progress_bar(home: Path) -> None:
    ours, theirs = pty.openpty()
    child = environment(home, {"TERM": "xterm-256color", "COLUMNS": "100"})
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", "probe"], env=child, stderr=theirs, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        drawn += piece
    os.close(ours)
    assert process.stdout is not None
    assert b"openai:good" in process.stdout.read()
    process.stdout.close()
    assert process.wait(10) == 0
    assert b"probing" in drawn
    assert b"2/2" in drawn
