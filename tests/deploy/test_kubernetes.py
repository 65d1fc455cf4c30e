"""Edge. The manifests: against the schemas of Kubernetes, strictly, and what only works when several of them agree."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from exporter.settings import ENV_PREFIX
from tests.deploy.image import the, variables
from tests.running import ROOT, run

HERE = ROOT / "deploy" / "kubernetes"
RULES = ROOT / "alerts" / "model-auth.prometheusrule.yml"

# The part of the operator's API (monitoring.coreos.com/v1) that ours use; no package of schemas carries it.
_META = {"name": str, "labels": {str: str}}
_SECRET_KEY = {"name": str, "key": str, "optional": bool}
_RELABELING = {"sourceLabels": [str], "targetLabel": str, "regex": str, "action": str, "replacement": str, "separator": str}
_ENDPOINT = {
    "port": str, "targetPort": (int, str), "path": str, "scheme": str, "interval": str, "scrapeTimeout": str, "honorLabels": bool,
    "authorization": {"type": str, "credentials": _SECRET_KEY}, "relabelings": [_RELABELING], "metricRelabelings": [_RELABELING],
}  # fmt: skip
_RULE = {
    "record": str,
    "alert": str,
    "expr": (int, str),
    "for": str,
    "keep_firing_for": str,
    "labels": {str: str},
    "annotations": {str: str},
}
OPERATOR: dict[str, Any] = {
    "ServiceMonitor": {"selector": {"matchLabels": {str: str}}, "endpoints": [_ENDPOINT], "jobLabel": str, "targetLabels": [str]},
    "PrometheusRule": {"groups": [{"name": str, "interval": str, "rules": [_RULE]}]},
}


def _documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _object(kind: str) -> dict[str, Any]:
    (found,) = [each for path in HERE.glob("*.yaml") for each in _documents(path) if each["kind"] == kind]
    return found


def _pod() -> dict[str, Any]:
    found: dict[str, Any] = _object("StatefulSet")["spec"]["template"]["spec"]
    return found


def _container(name: str) -> dict[str, Any]:
    (found,) = [each for each in _pod()["containers"] if each["name"] == name]
    return dict(found)


def _misfits(tree: Any, shape: Any, place: str = "") -> list[str]:
    """List the places that are not of the shape: a type, a list of one shape, a mapping by key, or of any key (`str`)."""
    if isinstance(shape, list) and isinstance(tree, list):
        return [wrong for n, each in enumerate(tree) for wrong in _misfits(each, shape[0], f"{place}[{n}]")]
    if isinstance(shape, dict) and isinstance(tree, dict):
        known = {key: shape.get(key, shape.get(str)) for key in tree}
        unknown = [f"{place}.{key}: no such field" for key, inner in known.items() if inner is None]
        return unknown + [
            wrong for key, inner in known.items() if inner is not None for wrong in _misfits(tree[key], inner, f"{place}.{key}")
        ]
    return [] if not isinstance(shape, list | dict) and isinstance(tree, shape) else [f"{place}: wrong type"]


@pytest.mark.parametrize("version", ["1.27", "1.37"])
def test_kubernetes_accepts_the_manifests(version: str) -> None:
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "--no-warn", "-k", version, str(HERE / "sidecar.yaml")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert len(re.findall(r"passed for resource", found.stdout + found.stderr)) == 3


@pytest.mark.parametrize("path", [HERE / "servicemonitor.yaml", RULES], ids=lambda path: path.stem)
def test_the_operators_objects_have_only_its_fields(path: Path) -> None:
    (tree,) = _documents(path)
    shape = {"apiVersion": str, "kind": str, "metadata": _META, "spec": OPERATOR[tree["kind"]]}
    assert tree["apiVersion"] == "monitoring.coreos.com/v1"
    assert _misfits(tree, shape) == []


def test_a_misspelt_field_of_the_operator_is_caught() -> None:
    assert _misfits({"endpoints": [{"prt": "metrics"}]}, OPERATOR["ServiceMonitor"]) == [".endpoints[0].prt: no such field"]


def test_the_monitor_finds_the_service_and_that_the_pod() -> None:
    monitor, service, pod = _object("ServiceMonitor")["spec"], _object("Service"), _object("StatefulSet")["spec"]["template"]["metadata"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= pod["labels"].items()
    assert _object("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= pod["labels"].items()
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert re.fullmatch(r"model-auth.*", service["metadata"]["name"]), "the job that ModelAuthExporterDown looks for"


def test_all_agree_on_the_images_port() -> None:
    port = int(the("EXPOSE").text)
    (container,) = _container("model-auth-exporter")["ports"]
    assert container["containerPort"] == _object("Service")["spec"]["ports"][0]["port"] == port
    assert _object("NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"] == port
    assert _object("Service")["spec"]["ports"][0]["targetPort"] == container["name"]


def test_the_exporter_sees_the_gateways_volume_at_its_place_and_cannot_write_it() -> None:
    ours = {each["name"]: each for each in _container("model-auth-exporter")["volumeMounts"]}
    theirs = {each["name"]: each for each in _container("gateway")["volumeMounts"]}
    assert ours["gateway-state"] == {**theirs["gateway-state"], "readOnly": True}
    assert set(ours) & set(theirs) == {"gateway-state"}
    assert ours["exporter-state"]["mountPath"] == variables()[f"{ENV_PREFIX}STATE_DIR"]
    claimed = {each["metadata"]["name"] for each in _object("StatefulSet")["spec"]["volumeClaimTemplates"]}
    assert set(ours) == claimed | {each["name"] for each in _pod()["volumes"]}


def test_the_exporter_runs_with_nothing_it_does_not_need() -> None:
    container, pod = _container("model-auth-exporter"), _pod()
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (True, False, False)
    assert container["image"].endswith(f":{__version__}")
    assert "readinessProbe" not in container


def test_its_settings_are_accepted_and_its_token_is_the_one_of_the_monitor(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "token").write_text("fake-token-of-a-test\n", encoding="utf-8")
    env = {each["name"]: each.get("value", "gateway-0") for each in _container("model-auth-exporter")["env"]}
    place = Path(env.pop("HOME")), Path(env[f"{ENV_PREFIX}WEB__BEARER_TOKEN_FILE"])
    assert str(place[0] / ".openclaw") in {each["mountPath"] for each in _container("gateway")["volumeMounts"]}
    checked = run(
        "config", "show", home=tmp_path / "home",
        env={**env, f"{ENV_PREFIX}LISTEN": ":10987", f"{ENV_PREFIX}WEB__BEARER_TOKEN_FILE": str(tmp_path / "token")},
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert "host: gateway-0" in checked.stdout

    credentials = _object("ServiceMonitor")["spec"]["endpoints"][0]["authorization"]["credentials"]
    (secret,) = [each for each in _pod()["volumes"] if "secret" in each]
    mounted = next(each for each in _container("model-auth-exporter")["volumeMounts"] if each["name"] == secret["name"])
    assert secret["secret"]["secretName"] == credentials["name"]
    assert place[1] == Path(mounted["mountPath"]) / credentials["key"]
