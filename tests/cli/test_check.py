"""Edge. `check` and `status` on the demo's home: exit codes, filters, hand-over, contradictions."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from exporter.cli.main import main
from exporter.demo.home import write
from exporter.document import document
from exporter.judging.health import Rules
from exporter.judging.history import Subject
from exporter.model import Reading
from exporter.outcome import Outcome, ProbeStatus
from exporter.snapshot import judge
from exporter.verdict import Snapshot
from tests import builders
from tests.builders import HOUR, NOW

AT = ("--at", "2026-11-01T00:00:00Z")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's home as this process's own."""
    place = tmp_path / "home"
    write(place, NOW)
    monkeypatch.setenv("HOME", str(place))
    return place


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "empty"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    return place


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


def _simple_home(place: Path, expires: datetime) -> None:
    agent = place / ".openclaw" / "agents" / "main" / "agent"
    agent.mkdir(parents=True, mode=0o700)
    token = {"type": "token", "provider": "anthropic", "token": "sk-canary-token", "expires": int(expires.timestamp() * 1000)}
    (agent / "auth-profiles.json").write_text(json.dumps({"version": 1, "profiles": {"anthropic:default": token}}))
    (agent / "auth-profiles.json").chmod(0o600)


@pytest.mark.parametrize(
    ("left", "options", "code"),
    [
        (30 * 24 * HOUR, [], 0),
        (10 * HOUR, [], 2),
        (-HOUR, [], 1),
        (48 * HOUR, ["--within", "72h"], 2),
        (48 * HOUR, ["--within", "24h"], 0),
        (30 * 24 * HOUR, ["--gateway", "nosuch"], 1),
        (30 * 24 * HOUR, ["--agent", "main", "--provider", "anthropic,openai"], 0),
    ],
    ids=["fine", "expiring", "expired", "within", "not-within", "no-such-gateway", "filters"],
)
def test_the_exit_code_is_the_verdict(
    left: timedelta, options: list[str], code: int, empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _simple_home(empty_home, NOW + left)
    assert main(["check", *AT, *options]) == code
    assert main(["check", *AT, *options, "--quiet"]) == code
    assert main(["status", "--check", *AT, *(["--gateway", "nosuch"] if "nosuch" in options else [])]) in {code, 0}
    capsys.readouterr()
    assert main(["check", *AT, *options, "--json"]) == code
    written = _json(capsys)
    assert (written["schema"], written["exit"], written["at"]) == (1, code, "2026-11-01T00:00:00Z")


def test_quiet_prints_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *AT, "--quiet"]) == 1
    assert capsys.readouterr() == ("", "")


def test_the_reasons_are_data_and_the_rest_is_not(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *AT, "--gateway", "openclaw,typo"]) == 1
    out, err = capsys.readouterr()
    assert "mistral: nothing usable" in out or "qwen-portal: nothing usable" in out
    assert "no gateway 'typo' here; there is openclaw and openclaw-older" in err


def test_status_ends_with_0_unless_a_check_is_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", *AT]) == 0
    assert main(["status", *AT, "--check"]) == 1
    assert "anthropic:ops@example.com" in capsys.readouterr().out


def test_nothing_found_says_where_it_looked_and_points_to_the_demo(empty_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert str(empty_home / ".openclaw") in err
    assert "model-auth-exporter demo" in err
    assert main(["check"]) == 1
    assert str(empty_home / ".openclaw") in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", *AT, "--textfile", "x.prom"],
        ["check", *AT, "--push", "http://127.0.0.1:9091"],
        ["check", *AT, "--from", "http://127.0.0.1:9091"],
        ["check", "--from", "http://127.0.0.1:9091", "--textfile", "x.prom"],
        ["check", "--json", "--quiet"],
        ["check", "--from", "not a url"],
        ["check", "--within", "soon"],
        ["check", "--at", "soon"],
        ["check", "extra"],
        ["check", "--probe-provider", "openai"],
        ["check", "--probe", *AT],
        ["check", "--probe", "--from", "http://127.0.0.1:9091"],
        ["status", "--probe", "--from", "http://127.0.0.1:9091"],
        ["status", *AT, "--from", "http://127.0.0.1:9091"],
        ["check", "--probe", "--probe-timeout", "0"],
        ["check", "--probe", "--probe-concurrency", "-1"],
        ["check", "--probe", "--probe-max-tokens", "0"],
        ["status", "--probe", *AT],
        ["probe", "--timeout", "never"],
        ["probe", "--concurrency", "0"],
        ["probe", "--provider", "nobody"],
        ["status", "--json", "--plain"],
        ["explain"],
    ],
    ids=" ".join,
)
def test_contradictions_and_nonsense_are_64(arguments: list[str], empty_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 64
    assert capsys.readouterr().out == ""
    assert not Path("x.prom").exists()


def test_a_textfile_is_written_beside_the_verdict(empty_home: Path, tmp_path: Path) -> None:
    _simple_home(empty_home, datetime.now(NOW.tzinfo) + 30 * 24 * HOUR)
    file = tmp_path / "auth.prom"
    assert main(["check", "--quiet", "--textfile", str(file)]) == 0
    text = file.read_text()
    assert 'model_auth_profile_usable{gateway="openclaw"' in text
    assert "model_auth_exporter_run_timestamp_seconds" in text
    assert "_expires_in_seconds" not in text
    assert "sk-canary" not in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize(("left", "code"), [(30 * 24 * HOUR, 70), (10 * HOUR, 2), (-HOUR, 1)], ids=["fine", "expiring", "expired"])
def test_a_failed_hand_over_is_70_unless_the_verdict_is_worse(left: timedelta, code: int, empty_home: Path, tmp_path: Path) -> None:
    _simple_home(empty_home, datetime.now(NOW.tzinfo) + left)
    assert main(["check", "--quiet", "--textfile", str(tmp_path / "no" / "such.prom")]) == code
    assert main(["check", "--quiet", "--push", "http://127.0.0.1:1"]) == code


def test_a_failed_textfile_does_not_stop_the_push(empty_home: Path, tmp_path: Path) -> None:
    _simple_home(empty_home, datetime.now(NOW.tzinfo) + 30 * 24 * HOUR)
    with answering(b"", 202) as (url, seen):
        assert main(["check", "--quiet", "--textfile", str(tmp_path / "no" / "such.prom"), "--push", url]) == 70
    assert [method for method, _ in seen] == ["PUT"]


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server that answers everything the same and keeps what it was asked."""
    seen: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.command, self.path))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _remote(age: timedelta, left: timedelta) -> bytes:
    now = datetime.now(NOW.tzinfo) - age
    store = builders.document(builders.profile("anthropic:a", builders.token(builders.at(now - NOW + left))))
    snapshot: Snapshot = builders.judged(builders.gateway(builders.agent(local=store)), now=now)
    return json.dumps(document(snapshot, 0)).encode()


@pytest.mark.parametrize(
    ("age", "left", "options", "code"),
    [
        (timedelta(seconds=1), 100 * HOUR, [], 0),
        (timedelta(seconds=1), HOUR, [], 2),
        (timedelta(seconds=1), -HOUR, [], 1),
        (timedelta(seconds=1), 48 * HOUR, ["--within", "3d"], 2),
        (timedelta(minutes=6), 100 * HOUR, [], 1),
    ],
    ids=["fine", "expiring", "expired", "within", "old"],
)
def test_a_running_exporter_is_judged_by_the_same_rules(
    age: timedelta, left: timedelta, options: list[str], code: int, empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(_remote(age, left)) as (url, seen):
        assert main(["check", "--from", url, *options]) == code
        assert main(["check", "--from", f"{url}/prefix/", "--json", *options]) == code
    assert [path for _, path in seen] == ["/api/v1/snapshot", "/prefix/api/v1/snapshot"]
    if age > timedelta(minutes=5):
        assert "last pass is 6m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 500), (b"", 302), (b"not json", 200), (b"[]", 200), (b'{"schema": 9}', 200), (b"[" * 100_000, 200), (b"\xff\xfe", 200)],
    ids=["error", "redirect", "text", "list", "schema", "deep", "bytes"],
)
def test_an_exporter_that_does_not_answer_as_one_is_a_1(
    body: bytes, status: int, empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(body, status) as (url, _):
        assert main(["check", "--from", url]) == 1
    assert "the running exporter cannot be asked" in capsys.readouterr().out
    with answering(body, status) as (url, _):
        assert main(["status", "--from", url]) == 1
    assert "the running exporter cannot be asked" in capsys.readouterr().err


def test_the_table_of_a_running_exporter_shows_its_probes(empty_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(NOW.tzinfo)
    home = builders.gateway(builders.agent(local=builders.document(builders.profile("anthropic:a"))))
    plain = builders.judged(home, now=now)
    refused = Outcome(ProbeStatus.AUTH, "revoked", now, confirmed=True, fingerprint=plain.all_profiles()[0].fingerprint)
    outcomes = {Subject("openclaw", "main", "anthropic", "anthropic:a"): refused}
    snapshot = judge(Reading(now, (home,)), now, Rules(), outcomes=outcomes)
    with answering(json.dumps(document(snapshot, 1)).encode()) as (url, _):
        assert main(["status", "--plain", "--from", url]) == 0
        assert "auth (revoked)" in capsys.readouterr().out
        assert main(["status", "--check", "--json", "--from", url]) == 1
    probe = json.loads(capsys.readouterr().out)["gateways"][0]["agents"][0]["profiles"][0]["probe"]
    assert (probe["outcome"], probe["refused"], probe["current"]) == ("auth", True, True)


def test_a_bad_settings_file_is_78(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("read:\n  intervall: 3s\n")
    for arguments in (["check"], ["status"], ["explain", "x"], ["config", "show"], ["config", "check"]):
        assert main([*arguments, "--config", str(file)]) == 78
        out, err = capsys.readouterr()
        assert out == ""
        assert f"{file}:2: read.intervall" in err


def test_settings_are_checked_shown_and_begun(empty_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "config.yaml"
    assert main(["config", "init", str(file)]) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main(["config", "init", str(file)]) == 64
    assert main(["config", "init", str(file), "--force"]) == 0
    assert main(["config", "check", str(file)]) == 0
    assert main(["config", "check", str(file), "--config", str(file)]) == 64
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no settings file: the defaults are in effect"
    assert main(["config", "show", "--config", str(file)]) == 0
    assert "interval: 15s" in capsys.readouterr().out
    assert main(["config", "init", "/dev/null/x/y"]) == 78


def test_explain_finds_the_profile_in_every_agent(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "anthropic:idle", *AT, "--gateway", "openclaw"]) == 0
    out = capsys.readouterr().out
    assert "anthropic:idle  (openclaw/main)" in out
    assert "anthropic:idle  (openclaw/work)" in out
    assert "inherited from" in out
    assert main(["explain", "openclaw/work/anthropic:idle", *AT]) == 0
    assert "(openclaw/main)" not in capsys.readouterr().out


def test_an_unknown_profile_is_64_with_near_matches(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "antropic:idl", *AT]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert "anthropic:idle" in err


def test_no_command_creates_anything(home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.parent.rglob("*")}
    for arguments in (["check"], ["status"], ["status", "--json"], ["explain", "anthropic:idle"]):
        main([*arguments, *AT])
        main(arguments)
    assert {path: path.stat().st_mtime_ns for path in home.parent.rglob("*")} == before


def test_the_environment_of_the_machine_is_not_needed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name not in {"HOME", "PYTEST_CURRENT_TEST"}:
            monkeypatch.delenv(name)
    assert main(["check", *AT, "--quiet"]) == 1
