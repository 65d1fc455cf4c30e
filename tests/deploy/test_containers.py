"""Edge. The image and the compose file: linted, parsed, and every file, port, setting and path that they name looked up."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyOptions

from exporter.settings import ENV_PREFIX, Settings
from tests.deploy.image import DOCKERFILE, context, steps, the, variables
from tests.running import ROOT, fetch, run, serving

HERE = DOCKERFILE.parent
COMPOSE = HERE / "compose.yaml"
OURS = "model-auth-exporter"


def _home(place: Path) -> Path:
    (place / "home").mkdir(exist_ok=True)
    return place / "home"


def _interpolated() -> str:
    text = COMPOSE.read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{?(\w+)", text)) <= {"HOME", "GATEWAY_UID", "GATEWAY_GID", "GATEWAY_HOST", "id"}
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda found: "/home/alice" if found[2] is None else found[2], text)


def _services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(_interpolated())["services"]
    return found


def _binds(service: str) -> dict[str, Path]:
    """Map the places inside a service to files of the repository."""
    bound = [volume for volume in _services()[service]["volumes"] if volume["type"] == "bind"]
    return {volume["target"]: HERE / volume["source"] for volume in bound if not volume["source"].startswith("/home/")}


def _laid_out(service: str, place: Path) -> Path:
    """Copy what a service binds to where it will see it, below `place`."""
    for target, source in _binds(service).items():
        goal = place / target.lstrip("/")
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, goal) if source.is_dir() else shutil.copy(source, goal)
    return place


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")  # a wheel brings the program
    found = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_context_holds_what_is_built_and_nothing_private() -> None:
    names = {str(name) for name in context()}
    assert {"pyproject.toml", "README.md", "LICENSE", "exporter/__main__.py", "alerts/model-auth.rules.yml"} <= names
    assert not [name for name in names if name.startswith((".git/", "tests/", ".venv/", "docs/")) or name.endswith((".pyc", ".sqlite"))]
    assert len(names) > 200


def test_the_build_copies_only_the_context_and_the_result_only_the_build() -> None:
    copies = [(step.stage, step.text) for step in steps() if step.word == "COPY"]
    assert copies == [(0, ". ."), (1, "--from=build /opt/model-auth-exporter /opt/model-auth-exporter")]
    assert not [step for step in steps() if step.word == "ADD"]


def test_the_image_is_pinned_and_runs_as_nobody_in_particular() -> None:
    assert re.fullmatch(r"BASE=python:3\.\d+-slim-\w+", steps()[0].text)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", the("USER").text), "a number: Kubernetes cannot tell that a name is not root"
    assert the("ENTRYPOINT").form == [OURS]
    assert the("CMD").form == ["serve"]


def test_the_image_sets_settings_that_exist_and_exposes_their_port(tmp_path: Path) -> None:
    ours = {name: value for name, value in variables().items() if name.startswith(ENV_PREFIX)}
    checked = run("config", "check", home=_home(tmp_path), env={**ours, f"{ENV_PREFIX}WEB__ALLOW_INSECURE_LISTEN": "true"})
    assert checked.returncode == 0, checked.stderr
    assert the("EXPOSE").text == Settings().listen.rpartition(":")[2] == ours[f"{ENV_PREFIX}LISTEN"].removeprefix(":")
    assert the("VOLUME").form == [ours[f"{ENV_PREFIX}STATE_DIR"]]


def test_the_image_listens_openly_only_when_that_is_meant(tmp_path: Path) -> None:
    refused = run("serve", home=_home(tmp_path), env={f"{ENV_PREFIX}LISTEN": variables()[f"{ENV_PREFIX}LISTEN"]})
    assert refused.returncode == 78
    assert "open to the network" in refused.stderr


def test_the_health_check_tells_a_living_exporter_from_none(tmp_path: Path) -> None:
    python, *words = the("HEALTHCHECK").form
    assert python == "python"
    with serving(_home(tmp_path)) as server:
        port = server.url.rpartition(":")[2]
        command = [sys.executable, *(word.replace("10987", port) for word in words)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_compose_knows_every_key_network_and_volume() -> None:
    parsed = PyOptions(apply_merge=True).from_yaml(_interpolated())
    parsed.validate()
    assert sorted(parsed.service_names()) == ["alertmanager", "grafana", OURS, "prometheus"]


@pytest.mark.parametrize("name", _services())
def test_a_service_is_hardened_and_its_files_are_there(name: str) -> None:
    service = _services()[name]
    assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert re.fullmatch(r"[\w./-]+:(v?\d+\.\d+\.\d+|local)", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert all(volume["read_only"] for volume in service["volumes"] if volume["type"] == "bind")
    assert not [source for source in _binds(name).values() if not source.exists()]


def test_the_exporter_in_compose_sees_directories_of_its_gateway_and_is_not_published() -> None:
    service = _services()[OURS]
    gateway = [volume for volume in service["volumes"] if volume["type"] == "bind" and volume["source"].startswith("/home/")]
    assert [(volume["source"], volume["target"]) for volume in gateway] == [("/home/alice/.openclaw", "/home/alice/.openclaw")]
    assert service["environment"]["HOME"] == "/home/alice"
    assert "ports" not in service
    assert (HERE / service["build"]["context"]).resolve() == ROOT
    assert ROOT / service["build"]["dockerfile"] == DOCKERFILE
    assert service["environment"][f"{ENV_PREFIX}CONFIG"] in _binds(OURS)


def test_the_exporters_settings_in_compose_show_metrics_to_all_and_the_rest_to_nobody(tmp_path: Path) -> None:
    home = _home(tmp_path)
    settings = _binds(OURS)[_services()[OURS]["environment"][f"{ENV_PREFIX}CONFIG"]]
    with serving(home, "--config", str(settings)) as server:
        assert [fetch(server.url + path)[0] for path in ("/metrics", "/", "/api/v1/snapshot")] == [200, 403, 403]


@pytest.mark.real
def test_prometheus_and_alertmanager_in_compose_accept_their_files(tmp_path: Path, program: Callable[..., str]) -> None:
    inside = _laid_out("prometheus", tmp_path / "prometheus")
    config = inside / "etc/prometheus/prometheus.yml"
    config.write_text(config.read_text(encoding="utf-8").replace("/etc/prometheus/", f"{config.parent}/"), encoding="utf-8")
    checked = subprocess.run([program("promtool"), "check", "config", str(config)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "rules found" in checked.stdout

    routes = _laid_out("alertmanager", tmp_path / "alertmanager") / "etc/alertmanager/alertmanager.yml"
    checked = subprocess.run([program("amtool"), "check-config", str(routes)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_addresses_in_compose_are_names_and_ports_of_its_services() -> None:
    config = yaml.safe_load((HERE / "prometheus.yml").read_text(encoding="utf-8"))
    scraped = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert scraped == {
        "model-auth": [f"{OURS}:{the('EXPOSE').text}"],
        "prometheus": ["127.0.0.1:9090"],
        "alertmanager": ["alertmanager:9093"],
    }
    assert config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == scraped["alertmanager"]
    shared = set.intersection(*(set(service["networks"]) for service in _services().values()))
    assert "watch" in shared


def test_grafana_in_compose_is_provisioned_as_elsewhere_with_its_own_address() -> None:
    def tree(path: Path) -> Any:
        return yaml.safe_load(path.read_text(encoding="utf-8"))

    ours, shipped = tree(HERE / "grafana" / "datasources.yml"), tree(ROOT / "dashboards" / "provisioning" / "datasources.yml")
    assert ours["datasources"][0].pop("url") == "http://prometheus:9090"
    assert shipped["datasources"][0].pop("url")
    assert ours == shipped

    binds = _binds("grafana")
    folder = tree(binds["/etc/grafana/provisioning/dashboards/model-auth.yml"])["providers"][0]["options"]["path"]
    home = _services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert len(list(binds[folder].glob("*.json"))) == 4
    assert (binds[folder] / home.removeprefix(f"{folder}/")).is_file()
