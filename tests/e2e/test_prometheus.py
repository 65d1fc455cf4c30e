"""Edge. A real Prometheus scrapes a serving exporter."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import FIXTURES, Serving, copy_home, fetch, free_port, ms, run, serving, started, until, write_json

pytestmark = [pytest.mark.real, pytest.mark.slow]


class Prometheus:
    """A running Prometheus and the two questions we ask it."""

    def __init__(self, server: Serving) -> None:
        self.server = server

    def ask(self, path: str, **query: str) -> object:
        status, text = fetch(f"{self.server.url}{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, text
        return json.loads(text)["data"]

    def vector(self, query: str) -> dict[str, float]:
        """Return the samples of an instant query by their `profile` (else name) label."""
        data = self.ask("/api/v1/query", query=query)
        assert isinstance(data, dict)
        return {row["metric"].get("profile", row["metric"].get("__name__", "")): float(row["value"][1]) for row in data["result"]}


@pytest.fixture
def prometheus(exporter: Serving, tmp_path: Path, program: Callable[..., str]) -> Iterator[Prometheus]:
    """Start a Prometheus that scrapes the exporter every second."""
    config = tmp_path / "prometheus.yml"
    target = exporter.url.removeprefix("http://")
    config.write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"scrape_configs: [{{job_name: model-auth, static_configs: [{{targets: ['{target}']}}]}}]\n",
        encoding="utf-8",
    )
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with started(command, f"http://{address}", "/-/ready", tmp_path / "prometheus.log") as server:
        yield Prometheus(server)


def test_prometheus_stores_the_verdicts_and_sees_the_expiry_seconds_fall(prometheus: Prometheus) -> None:
    until("the target is up", lambda: prometheus.vector("up").get("up") == 1.0)
    until("series of both profiles", lambda: len(prometheus.vector("model_auth_profile_usable")) >= 3)
    first = prometheus.vector("model_auth_profile_expires_in_seconds")["anthropic:manual"]
    assert first == pytest.approx(90 * 86400, abs=120)
    falling = until(
        "a smaller value at a later scrape",
        lambda: (later := prometheus.vector("model_auth_profile_expires_in_seconds")["anthropic:manual"]) < first and later,
    )
    assert first - falling < 30
    assert prometheus.vector("sum by (profile) (model_auth_profile_health)") == {
        "anthropic:manual": 1.0,
        "openai:default": 1.0,
        "anthropic:login": 1.0,
    }
    assert prometheus.ask("/api/v1/targets", state="active") is not None


def test_an_edited_store_changes_the_series_within_five_seconds(prometheus: Prometheus, auth_profiles: Path) -> None:
    until("the first scrape", lambda: "anthropic:manual" in prometheus.vector("model_auth_profile_usable"))
    document = json.loads(auth_profiles.read_text(encoding="utf-8"))
    document["profiles"]["anthropic:manual"]["expires"] = ms(-60)
    del document["profiles"]["openai:default"]
    write_json(auth_profiles, document)
    # 5 s to the page, and at most one scrape more until Prometheus has it
    expired = 'model_auth_profile_health{health="expired"} == 1'
    until("the token shows as expired", lambda: prometheus.vector(expired).get("anthropic:manual"), 6.5)
    until("the deleted profile's series end", lambda: "openai:default" not in prometheus.vector("model_auth_profile_info"), 2.5)


def test_an_expiry_that_passes_changes_the_page_within_two_seconds(exporter: Serving, auth_profiles: Path) -> None:
    document = json.loads(auth_profiles.read_text(encoding="utf-8"))
    document["profiles"]["anthropic:manual"]["expires"] = soon = ms(9)
    write_json(auth_profiles, document)
    health = "model_auth_profile_health"
    until("it is expiring", lambda: exporter.value(health, profile="anthropic:manual", health="expiring"), 6)
    left = (soon - ms(0)) / 1000
    until("it is expired", lambda: exporter.value(health, profile="anthropic:manual", health="expired"), left + 2)
    assert exporter.value("model_auth_profile_usable", profile="anthropic:manual") == 0


@pytest.mark.parametrize(
    "case", ["openclaw-2026.9.6/matrix", "openclaw-2026.4.20/matrix", "clawdbot-2026.1.24-3/cli", "openclaw-2026.9.6-two-agents"]
)
def test_promtool_finds_nothing_to_mend(case: str, tmp_path: Path, program: Callable[..., str]) -> None:
    promtool = program("promtool")
    assert (FIXTURES / case).is_dir()
    with serving(copy_home(case, tmp_path / "home")) as exporter:
        page = exporter.metrics()
    assert _lint(promtool, page) == (0, "", "")
    assert page.count("model_auth_profile_info{") > 2


def test_promtool_finds_nothing_to_mend_in_the_textfile(home: Path, tmp_path: Path, program: Callable[..., str]) -> None:
    promtool = program("promtool")
    file = tmp_path / "model_auth.prom"
    result = run("check", "--textfile", str(file), home=home)
    assert result.returncode == 0, result.stderr
    assert _lint(promtool, file.read_text(encoding="utf-8")) == (0, "", "")


def _lint(promtool: str, page: str) -> tuple[int, str, str]:
    verdict = subprocess.run([promtool, "check", "metrics"], input=page, text=True, capture_output=True, check=False)
    return verdict.returncode, verdict.stdout, verdict.stderr
