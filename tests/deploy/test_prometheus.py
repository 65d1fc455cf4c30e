"""Edge. The example configurations: promtool accepts each whole, and a real Prometheus finds our exporter the ways they say."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from tests.running import ROOT, Serving, fetch, free_port, run, serving, started, until

pytestmark = pytest.mark.real

HERE = ROOT / "deploy" / "prometheus"
CONFIGURATIONS = sorted(path.name for path in HERE.glob("*.yml") if path.name != "web-config.yml")
SECONDS = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}}


def _laid_out(place: Path) -> Path:
    """Lay the directory out as its README says: rules below, token and certificates beside."""
    (place / "rules").mkdir()
    (place / "rules" / "model-auth.rules.yml").write_bytes((ROOT / "alerts" / "model-auth.rules.yml").read_bytes())
    (place / "model-auth.token").write_text("fake-token-of-a-test\n", encoding="utf-8")
    authority = trustme.CA()
    certificate = authority.issue_cert("gateway-2.example.com")
    authority.cert_pem.write_to_path(str(place / "model-auth-ca.crt"))
    certificate.private_key_pem.write_to_path(str(place / "server.key"))
    certificate.cert_chain_pems[0].write_to_path(str(place / "server.crt"))
    return place


def _job(file: str, address: str, ours: str) -> dict[str, Any]:
    """Return the first job of one configuration under the file's name, its address replaced by ours."""
    text = (HERE / file).read_text(encoding="utf-8")
    assert address in text
    job: dict[str, Any] = yaml.safe_load(text.replace(address, ours))["scrape_configs"][0]
    return {**job, "job_name": file}


@contextmanager
def _prometheus(place: Path, config: dict[str, Any], program: Callable[..., str]) -> Iterator[Serving]:
    (_laid_out(place) / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    listen = f"127.0.0.1:{free_port()}"
    options = [f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'tsdb'}", "--log.level=warn"]
    command = [program("prometheus"), *options, f"--web.listen-address={listen}"]
    with started(command, f"http://{listen}", "/-/ready", place / "prometheus.log") as server:
        yield server


def _found(server: Serving, expression: str) -> list[dict[str, str]]:
    """Return the labels of an instant query's series."""
    status, text = fetch(f"{server.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert status == 200, text
    return [series["metric"] for series in json.loads(text)["data"]["result"]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_promtool_accepts(name: str, tmp_path: Path, program: Callable[..., str]) -> None:
    place = _laid_out(tmp_path)
    (place / name).write_bytes((HERE / name).read_bytes())
    checked = subprocess.run([program("promtool"), "check", "config", place / name], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "rules found" in checked.stdout


def test_promtool_and_we_accept_the_web_config(tmp_path: Path, home: Path, program: Callable[..., str]) -> None:
    file = _laid_out(tmp_path) / "web-config.yml"
    file.write_bytes((HERE / file.name).read_bytes())
    checked = subprocess.run([program("promtool"), "check", "web-config", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    ours = run("config", "check", home=home, env={"MODEL_AUTH_EXPORTER_WEB__CONFIG": str(file)})
    assert ours.returncode == 0, ours.stderr


def test_the_readme_names_every_file() -> None:
    words = (HERE / "README.md").read_text(encoding="utf-8")
    assert not [path.name for path in HERE.glob("*.yml") if f"`{path.name}`" not in words]


def test_prometheus_finds_the_exporter_each_way(tmp_path: Path, home: Path, program: Callable[..., str]) -> None:
    (tmp_path / "textfiles").mkdir()
    run("check", "--quiet", "--textfile", str(tmp_path / "textfiles" / "model_auth.prom"), home=home)
    node = f"127.0.0.1:{free_port()}"
    command = [program("prometheus-node-exporter", "node_exporter"), "--collector.disable-defaults", "--collector.textfile"]
    command += [f"--collector.textfile.directory={tmp_path / 'textfiles'}", f"--web.listen-address={node}"]
    with (
        serving(home, env={"MODEL_AUTH_EXPORTER_HOST": "gateway-7"}) as exporter,
        started(command, f"http://{node}", "/metrics", tmp_path / "node.log"),
    ):
        ours = exporter.url.removeprefix("http://")
        jobs = [
            _job("scrape.yml", "127.0.0.1:10987", ours),
            _job("http_sd.yml", "127.0.0.1:10987", ours),
            _job("textfile.yml", "127.0.0.1:9100", node),
        ]
        with _prometheus(tmp_path, {**SECONDS, "rule_files": ["rules/*.yml"], "scrape_configs": jobs}, program) as server:
            until("the known address", lambda: _found(server, 'up{job="scrape.yml", host="gateway-1"} == 1'))
            (told,) = until("what the exporter told", lambda: _found(server, 'up{job="http_sd.yml"} == 1'))
            until("what the file holds", lambda: _found(server, 'model_auth_exporter_run_timestamp_seconds{job="textfile.yml"}'))
    assert (told["host"], told["instance"]) == ("gateway-7", ours)
