"""Edge. Every rule of `alerts/` by promtool's own unit tests, both ways. Cases are found in `cases/`, one file a rule."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.generate import DEFAULTS
from alerts.groups import every
from alerts.rule import Alert, Record
from tests.alerts.timeline import SUBJECTS, Case, Phase, Series, Turn, read, turns, values
from tests.running import ROOT

pytestmark = pytest.mark.real

SHIPPED = ROOT / "alerts" / "model-auth.rules.yml"


def _key(file: Path) -> str:
    """Return the rule a case is of: `RULE.yaml`, or `RULE@variant.yaml`."""
    return file.stem.partition("@")[0]


CASES = sorted((ROOT / "tests" / "alerts" / "cases").glob("*.yaml"))
RULES = {rule.key: rule for group in every(DEFAULTS) for rule in group.rules}
ALERTS = {key: rule for key, rule in RULES.items() if isinstance(rule, Alert)}
RECORDS = {key: rule for key, rule in RULES.items() if isinstance(rule, Record)}


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert {_key(file) for file in CASES} == set(RULES)


@pytest.mark.parametrize("file", [file for file in CASES if _key(file) in ALERTS], ids=lambda file: file.stem)
def test_an_alert_fires_resolves_and_lives_through_gaps(file: Path, tmp_path: Path, program: Callable[..., str]) -> None:
    case, rule = _case(file), ALERTS[_key(file)]
    tests = [_alert_test(case, rule, turn) for turn in turns(case)]
    tests[0]["alert_rule_test"] = [_first_words(case, rule)]
    complaint = _complaint(program("promtool"), tmp_path, rule, tests)
    assert not complaint, complaint


@pytest.mark.parametrize("file", [file for file in CASES if _key(file) in RECORDS], ids=lambda file: file.stem)
def test_a_recording_says_what_it_should_and_nothing_without_its_series(file: Path, tmp_path: Path, program: Callable[..., str]) -> None:
    case, rule = _case(file), RECORDS[_key(file)]
    course = (("fine", case.lead), ("wrong", case.lasts), ("stale", case.lasts + 10))
    assert set(case.expects) == {"fine", "wrong"}
    at = {case.lead - 1: case.expects["fine"], case.lead + case.lasts - 1: case.expects["wrong"], case.lead + 2 * case.lasts + 9: {}}
    rounded = f"round({rule.name}, 0.001)"  # slopes are not exact
    told = [{"expr": rounded, "eval_time": f"{minute}m", "exp_samples": _samples(found)} for minute, found in at.items()]
    nothing = {"expr": rule.name, "eval_time": f"{case.lead}m", "exp_samples": []}
    tests: list[dict[str, Any]] = [
        {"name": "says it", "interval": "1m", "input_series": _input(case.series, course), "promql_expr_test": told},
        {"name": "without its series", "interval": "1m", "input_series": [], "promql_expr_test": [nothing]},
    ]
    complaint = _complaint(program("promtool"), tmp_path, rule, tests)
    assert not complaint, complaint


def _case(file: Path) -> Case:
    return read(yaml.safe_load(file.read_text(encoding="utf-8")))


def _samples(found: Any) -> list[dict[str, object]]:
    def text(labels: str) -> str:
        pairs = [f'{one}="{value}"' for one, value in SUBJECTS[labels].items()] if labels in SUBJECTS else [labels]
        return f"{{{','.join(pairs)}}}"

    return [{"labels": text(labels), "value": value} for labels, value in found.items()]


def _input(every_series: tuple[Series, ...], phases: tuple[Phase, ...]) -> list[dict[str, str]]:
    return [{"series": series.text, "values": values(series, phases)} for series in every_series]


def _alert_test(case: Case, rule: Alert, turn: Turn) -> dict[str, Any]:
    matchers = {"alertname": rule.name, "severity": rule.severity, **rule.labels, "alertstate": "firing"}
    expr = f"count(ALERTS{{{','.join(f'{name}={value!r}' for name, value in matchers.items())}}})".replace("'", '"')
    told = [
        {"expr": expr, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": 1}] if firing else []}
        for minute, firing in sorted(turn.firing.items())
        if minute >= 0
    ]
    return {"name": turn.name, "interval": "1m", "input_series": _input(turn.series, turn.phases), "promql_expr_test": told}


def _first_words(case: Case, rule: Alert) -> dict[str, Any]:
    """Expect the labels and texts of the first notification, exactly."""
    subject = {**SUBJECTS[case.subject], **case.labels}
    labels = {**subject, "severity": rule.severity, "component": "model-auth", **rule.labels}
    written = next(one for one in _shipped() if one.get("alert") == rule.name and one["labels"].items() <= labels.items())
    links = {name: _filled(text, subject) for name, text in written["annotations"].items() if name.endswith("_url")}
    texts = {"summary": rule.summary, "description": case.says, **links}
    minute = 0 if case.always else case.lead + case.fires_after
    return {"eval_time": f"{minute}m", "alertname": rule.name, "exp_alerts": [{"exp_labels": labels, "exp_annotations": texts}]}


def _filled(text: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels.get(found[1], ""), text)


def _shipped() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def _complaint(promtool: str, place: Path, rule: Alert | Record, tests: list[dict[str, Any]]) -> str:
    """Run the tests over the rule as shipped, with the recordings it may stand on; empty when all is well."""
    groups = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["groups"]
    for group in groups:
        group["rules"] = [one for one in group["rules"] if one.get("record", "no record") in f"{rule.name} {rule.expr}" or _is(one, rule)]
    (place / "rules.yml").write_text(yaml.safe_dump({"groups": [group for group in groups if group["rules"]]}), encoding="utf-8")
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (place / "tests.yml").write_text(yaml.safe_dump(document, sort_keys=False, width=10_000), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", "tests.yml"], cwd=place, capture_output=True, text=True, check=False)
    said = f"{done.stdout}{done.stderr}".strip()
    return "" if done.returncode == 0 and said.endswith("SUCCESS") else said


def _is(written: Mapping[str, Any], rule: Alert | Record) -> bool:
    return (
        isinstance(rule, Alert)
        and written.get("alert") == rule.name
        and {"severity": rule.severity, **rule.labels}.items() <= written["labels"].items()
    )
