"""Edge. Providers that throw the key back in words, names, headers and addresses: nothing we print, serve or keep holds it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.running import crashed, fetch, run, serving, until, write_json
from tests.security.planting import Canaries, plant, settings
from tests.stub_provider import Play, Seen, Stub

pytestmark = pytest.mark.slow

ROUTED = ("openai", "anthropic", "groq", "xai", "mistral", "deepseek", "openrouter", "google", "together", "custom")
CARRIERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key", "x-key", "proxy-authorization")
PROBING = {
    "MODEL_AUTH_EXPORTER_PROBES__ENABLED": "true",
    "MODEL_AUTH_EXPORTER_PROBES__PER_HOST_GAP": "0s",
    "MODEL_AUTH_EXPORTER_PROBES__CONCURRENCY": "8",
}


def echo(seen: Seen) -> Play:
    """Refuse, or fail, or accept, by turns, and give back every secret of the request in every place an answer has."""
    keys = [seen.headers[name].partition(" ")[2] or seen.headers[name] for name in CARRIERS if name in seen.headers]
    said = " ".join([*keys, *(quote(key, safe="") for key in keys), *(base64.b64encode(f"u:{key}".encode()).decode() for key in keys)])
    bare = "".join(letter for letter in (keys or ["none"])[0] if letter.isalnum())
    error = {"message": f"Incorrect API key provided: {said}", "type": bare, "code": bare, "param": said, "metadata": {"raw": said}}
    body = {
        "error": error, "detail": said, bare: said, "balance": "3", "currency": bare, "data": [{"id": said, "limit_remaining": 1, "limit": 2}],
        "model_remains": [{"model_name": said, "current_interval_remaining_percent": 5}], said: {"utilization": 5},
        "limits": [{"kind": said, "percent": 3}], "balance_infos": [{"currency": bare, "total_balance": "4"}],
    }  # fmt: skip
    headers = {
        "content-type": "application/json", f"x-ratelimit-limit-{bare}": "5", f"x-codex-{bare}-primary-used-percent": "7", "x-echo": said,
        "retry-after": "1", "set-cookie": f"k={bare}", "www-authenticate": f"Bearer {bare}", "location": f"http://127.0.0.1:9/?key={bare}",
    }  # fmt: skip
    status = (401, 403, 429, 200, 400, 302, 500)[sum(seen.path.encode() + bare.encode()) % 7]
    return Play(status, json.dumps(body).encode(), headers)


@dataclass(frozen=True)
class Street:
    """A home full of canaries whose every provider is a stub behind the proxy of the settings."""

    home: Path
    canaries: Canaries
    config: Path
    env: dict[str, str]
    stub: Stub

    def run(self, *arguments: str) -> str:
        """Run a command; return all it said, after a look for bugs and for a request that went out."""
        result = run(*arguments, "--config", str(self.config), home=self.home, env=self.env, seconds=120)
        assert result.returncode in {0, 1, 2}, result.stderr
        assert not crashed(result.stderr)
        return result.stdout + result.stderr


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("echoing")
    home = folder / "home"
    canaries = plant(home)
    config, env = settings(folder, canaries)
    with Stub(echo) as stub:
        password = canaries.values["settings: proxy"]
        env |= PROBING | {"MODEL_AUTH_EXPORTER_PROBES__PROXY": f"http://user:{password}@127.0.0.1:{stub.ports[0]}"}
        for file in (home / ".openclaw-json", home / ".openclaw-agentdb", home / ".openclaw", home / ".remoteclaw"):
            _route(file / f"{'remoteclaw' if file.name == '.remoteclaw' else 'openclaw'}.json", stub.url)
        yield Street(home, canaries, config, env, stub)


def _route(file: Path, nearby: str) -> None:
    """Give every provider a plain address, so that the proxy can read its requests; one is on this machine and asked without it."""
    tree = json.loads(file.read_text("utf-8"))
    providers = tree.setdefault("models", {}).setdefault("providers", {})
    for name in ROUTED:
        address = nearby if name == "openai" else f"http://{name}.invalid"
        providers[name] = {**providers.get(name, {}), "baseUrl": f"{address}/v1"}
    write_json(file, tree)


@pytest.mark.parametrize(
    "arguments",
    [["probe", "--deep"], ["probe", "--json"], ["check", "--probe"], ["status", "--probe", "--json"], ["status"]],
    ids=" ".join,
)
def test_no_probing_command_prints_one(street: Street, arguments: list[str]) -> None:
    said = street.run(*arguments)
    assert street.canaries.found_in(said) == []


def test_every_kind_of_secret_was_thrown_back(street: Street) -> None:
    """An echo of nothing proves nothing."""
    if not street.stub.log:
        street.run("probe")
    sent = " ".join(" ".join(seen.headers.values()) for seen in street.stub.log)
    places = set(street.canaries.found_in(sent))
    assert len(places) > 15
    assert {"configuration: header", ".env list 2", "our environment: ANTHROPIC_API_KEY"} <= places
    assert not [place for place in places if "refresh" in place], "a refresh token was sent"
    assert all(seen.method == "CONNECT" or seen.path.startswith(("http://", "/v1/")) for seen in street.stub.log)


def test_a_recording_holds_none(street: Street, tmp_path: Path) -> None:
    street.run("probe", "--record", str(tmp_path / "shapes"))
    shapes = {file.name: file.read_text("utf-8") for file in (tmp_path / "shapes").iterdir()}
    assert shapes
    assert {name: street.canaries.found_in(text) for name, text in shapes.items() if street.canaries.found_in(text)} == {}
    assert all("x-echo" in text for text in shapes.values())


def test_a_serving_exporter_that_probes_shows_and_keeps_none(street: Street, tmp_path: Path) -> None:
    brisk = {"MODEL_AUTH_EXPORTER_PROBES__INTERVAL": "10s", "XDG_STATE_HOME": str(tmp_path)}
    with serving(street.home, "--config", str(street.config), env=street.env | brisk) as exporter:
        until("an answer", lambda: "model_auth_probe_success{" in exporter.metrics(), 60)
        paths = ("/metrics", "/", "/api/v1/snapshot", "/api/v1/probes?limit=1000", "/api/v1/probes/recent?limit=1000", "/api/v1/findings")
        pages = {path: fetch(f"{exporter.url}{path}")[1] for path in paths}
        exporter.stop()
        pages["log"] = exporter.words()
    assert '"outcome"' in pages["/api/v1/probes/recent?limit=1000"]
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert kept, "nothing was kept"
    pages |= {file.name: file.read_bytes().decode("latin-1") for file in kept}
    assert {name: street.canaries.found_in(text) for name, text in pages.items() if street.canaries.found_in(text)} == {}
    assert not crashed(pages["log"])
