"""Edge. Nothing planted as a secret comes out anywhere (incident class I22)."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from exporter.cli.main import main
from tests.running import crashed, environment, fetch, run, serving, until
from tests.security.planting import Canaries, plant, settings

pytestmark = pytest.mark.slow


@dataclass
class Planted:
    """A home full of canaries and how to run over it."""

    home: Path
    canaries: Canaries
    config: Path
    env: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("planted")
    home = folder / "home"
    canaries = plant(home)
    config, env = settings(folder, canaries)
    return Planted(home, canaries, config, env)


@pytest.fixture(scope="module")
def profile_ids(planted: Planted) -> list[str]:
    result = run("status", "--json", "--config", str(planted.config), home=planted.home, env=planted.env)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    rows = [row for gateway in document["gateways"] for agent in gateway["agents"] for row in agent["profiles"]]
    return sorted({row["profile"] for row in rows})


def test_the_search_finds_what_is_there() -> None:
    canaries = Canaries()
    value = canaries.new("x")
    for shown in (value, value[5:17], value[-12:], f"q={value[:14]}%2F%2B{value[16:]}"):
        assert canaries.found_in(f"before {shown} after") == ["x"]
    assert canaries.found_in("nothing of the kind, although it is a longer text") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "--json"],
        ["check", "--all"],
        ["check", "--strict", "--within", "72h"],
        ["check", "--at", "2030-01-01T00:00:00Z"],
        ["check", "--quiet"],
        ["status"],
        ["status", "--json"],
        ["status", "--plain"],
        ["status", "--check"],
        ["doctor"],
        ["doctor", "--json"],
        ["config", "check"],
        ["config", "show"],
        ["config", "init"],
    ],
    ids=" ".join,
)
def test_no_command_prints_one(planted: Planted, arguments: list[str]) -> None:
    config = () if arguments[-1] == "init" else ("--config", str(planted.config))
    result = run(*arguments, *config, home=planted.home, env=planted.env)
    assert result.returncode in {0, 1, 2}, result.stderr
    assert not crashed(result.stderr)
    assert planted.canaries.found_in(result.stdout) == []
    assert planted.canaries.found_in(result.stderr) == []


def test_explain_prints_none(
    planted: Planted, profile_ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(planted.home, planted.env).items():
        monkeypatch.setenv(name, value)
    assert len(profile_ids) > 20
    for profile in profile_ids:
        main(["explain", profile, "--config", str(planted.config)])
        said = capsys.readouterr()
        assert profile in said.out
        assert not crashed(said.err)
        assert planted.canaries.found_in(said.out + said.err) == [], profile


def test_every_planted_source_was_read(planted: Planted, profile_ids: list[str]) -> None:
    """A canary that nobody reads proves nothing."""
    expected = {
        "openai:key", "anthropic:oauth", "groq:default", "google-gemini-cli:default", "config:custom", "env:GROQ_API_KEY",
        "env:XAI_API_KEY", "cli:claude-code", "cli:codex", "cli:gemini-cli", "cli:qwen", "cli:minimax", "openai:ci", "groq:ci",
    }  # fmt: skip
    assert expected - set(profile_ids) == set()


def test_the_textfile_holds_none(planted: Planted, tmp_path: Path) -> None:
    file = tmp_path / "x.prom"
    run("check", "--textfile", str(file), "--config", str(planted.config), home=planted.home, env=planted.env)
    text = file.read_text(encoding="utf-8")
    assert "model_auth_profile_info" in text
    assert planted.canaries.found_in(text) == []


@pytest.fixture
def sink() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a server that keeps all it is sent."""
    seen: list[str] = []

    class Keep(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(f"{self.path}\n{self.headers}\n{body.decode()}")
            self.send_response(500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keep)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_push_sends_none_and_its_own_password_is_not_printed(planted: Planted, sink: tuple[str, list[str]]) -> None:
    address, seen = sink
    mine = Canaries()
    password = mine.new("push password", plain=True)
    url = f"http://me:{password}@{address}"
    result = run("check", "--push", url, "--config", str(planted.config), home=planted.home, env=planted.env)
    assert len(seen) == 1
    assert planted.canaries.found_in(seen[0]) == []
    assert mine.found_in(result.stdout + result.stderr) == []


def test_a_serving_exporter_shows_none_on_any_page_in_its_log_or_its_journal(planted: Planted) -> None:
    with serving(planted.home, "--config", str(planted.config), env=planted.env) as exporter:
        until("the profiles", lambda: "model_auth_profile_info{" in exporter.metrics())
        pages = {
            path: fetch(f"{exporter.url}{path}", headers)[1]
            for path, headers in [
                ("/metrics", {}),
                ("/metrics?", {"Accept": "application/openmetrics-text"}),
                ("/", {}),
                ("/-/healthy", {}),
                ("/-/ready", {}),
                ("/api/v1/snapshot", {}),
                *((f"/api/v1/{name}", {}) for name in ("probes", "probes/recent", "findings", "alerts", "silences", "sd", "openapi.json")),
                ("/nowhere?token=x", {}),
            ]
        }
        told = [row for row in json.loads(pages["/api/v1/findings"])["items"] if row["profile"]]
        for place in sorted(set(re.findall(r'href="(/profile/[^"]+)"', pages["/"]))):
            status, pages[place] = fetch(f"{exporter.url}{place}")
            assert status == 200, place
        exporter.stop()
        pages["log"] = exporter.words()
    assert '"schema"' in pages["/api/v1/snapshot"]
    assert told, "no finding names a profile"
    assert sum(place.startswith("/profile/") for place in pages) > 20
    written = sorted(path for path in (planted.home.parent / "xdg-state").rglob("*") if path.is_file())
    assert written, "no journal was written"
    for path in written:
        pages[path.name] = path.read_bytes().decode("latin-1")
    assert {name: planted.canaries.found_in(text) for name, text in pages.items() if planted.canaries.found_in(text)} == {}
    assert not crashed(pages["log"])


def test_bad_settings_are_refused_without_quoting_a_secret(planted: Planted, tmp_path: Path) -> None:
    mine = Canaries()
    for name, text in {
        "unknown key": f"channels: [{{name: a, urll: 'https://x.invalid/{mine.new('unknown key', plain=True)}'}}]\n",
        "wrong type": f"web: {{bearer_token: ['{mine.new('wrong type', plain=True)}']}}\n",
        "bad syntax": f"web: {{bearer_token: '{mine.new('bad syntax', plain=True)}\n",
        "literal key": f"static_profiles: [{{id: 'openai:x', provider: openai, key: '{mine.new('literal key', plain=True)}'}}]\n",
    }.items():
        file = tmp_path / "settings.yaml"
        file.write_text(text, encoding="utf-8")
        for command in ("check", "status", "serve"):
            result = run(command, "--config", str(file), home=planted.home)
            assert result.returncode == 78, (name, command, result.stderr)
            assert mine.found_in(result.stdout + result.stderr) == [], name
            assert not crashed(result.stderr)
