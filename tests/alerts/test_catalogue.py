"""Edge. The catalogue of rules, what is written of it, its pages and the findings of the exporter belong together."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import generate
from alerts.groups import every
from alerts.rule import Alert, Record, custom_resource
from alerts.thresholds import of
from exporter.findings.catalogue import BY_NAME
from exporter.metrics.families import FAMILIES, RUN_TIMESTAMP
from exporter.settings import Settings
from tests.running import ROOT

ALERTS_DIR = ROOT / "alerts"
GROUPS = every(generate.DEFAULTS)
RULES = [rule for group in GROUPS for rule in group.rules]
ALERTS = [rule for rule in RULES if isinstance(rule, Alert)]
NAMES = {rule.name for rule in ALERTS}
PAGES = {file.stem: file for file in (ALERTS_DIR / "runbooks").glob("*.md")}
WRITTEN = ("model-auth.rules.yml", "model-auth.rules.before-2.42.yml", "model-auth.prometheusrule.yml")
WITHOUT_SEVERITY = {"ModelAuthWatchdog"}  # always fires, so it is no fault of any severity
PROMISED = {"alerts", "bundle", "probe"}  # commands of the contract that may come later than the pages


def _load(name: str) -> Any:
    return yaml.safe_load((ALERTS_DIR / name).read_text(encoding="utf-8"))


# ---------------------------------------------------------------- what is written


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_committed_is_what_the_catalogue_makes(name: str) -> None:
    assert (ALERTS_DIR / name).read_text(encoding="utf-8") == generate.files()[name], "run: make generate"


def test_the_readme_has_a_row_for_every_alert() -> None:
    text = (ALERTS_DIR / "README.md").read_text(encoding="utf-8")
    assert text == generate.readme(GROUPS, text), "run: make generate"
    assert set(re.findall(r"\]\(runbooks/(\w+)\.md\)", text)) == NAMES


def test_the_variant_for_older_releases_differs_only_in_keep_firing_for() -> None:
    newer, older = _load(WRITTEN[0]), _load(WRITTEN[1])
    assert "keep_firing_for" not in str(older)
    for group in newer["groups"]:
        for rule in group["rules"]:
            rule.pop("keep_firing_for", None)
    assert newer == older


def test_the_custom_resource_holds_the_same_groups() -> None:
    found = _load(WRITTEN[2])
    assert (found["apiVersion"], found["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert found["spec"] == _load(WRITTEN[0])
    assert found == custom_resource(GROUPS, generate.FORM)


def test_the_generator_takes_thresholds_and_addresses_of_one_installation(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("expiry: {stages: [3d, 1h]}\nthresholds: {quota: 90%, credit: {openrouter: 5}}\n", encoding="utf-8")
    generate.main(
        ["--settings", str(settings), "--runbooks", "https://wiki/run/", "--grafana", "https://g", "--into", str(tmp_path / "out")]
    )
    written = (tmp_path / "out" / WRITTEN[0]).read_text(encoding="utf-8")
    assert written.count("alert: ModelAuthExpiring") == 2
    assert "model_auth_quota_used_ratio >= 0.9 < 1" in written
    assert 'model_auth_credit_balance{provider="openrouter"} < 5' in written
    assert "https://wiki/run/ModelAuthExpired.md" in written
    assert "https://g/d/model-auth-profile" in written
    assert not (tmp_path / "out" / "README.md").exists()


def test_waits_follow_the_probe_period() -> None:
    often = of(replace(Settings(), probes=replace(Settings().probes, interval=timedelta(minutes=1), jitter=0)))
    assert often.probe_settled == timedelta(minutes=3)
    assert often.burn_fast == (timedelta(hours=1), timedelta(minutes=5))
    assert often.burn_slow == (timedelta(hours=6), timedelta(minutes=90))
    assert generate.DEFAULTS.probe_settled == timedelta(minutes=20)
    assert generate.DEFAULTS.burn_fast[1] >= 2 * Settings().probes.interval


@pytest.mark.real
def test_promtool_finds_nothing_to_mend(program: Callable[..., str]) -> None:
    for name in WRITTEN[:2]:
        command = [program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", name]
        done = subprocess.run(command, cwd=ALERTS_DIR, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"SUCCESS: {len(RULES)} rules found" in done.stdout


# ---------------------------------------------------------------- names, pages, findings


def test_every_finding_has_a_rule_of_its_name() -> None:
    assert {f"ModelAuth{name}" for name in BY_NAME} - NAMES == set()


def test_every_kind_of_drift_has_a_rule() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "exporter" / "drift").glob("*.py"))
    kinds = dict(re.findall(r'^KIND, NAME = "([\w-]+)", "(\w+)"$', text, re.MULTILINE))
    assert kinds
    for kind, name in kinds.items():
        assert [rule for rule in ALERTS if rule.name == f"ModelAuth{name}" and f'model_auth_drift{{kind="{kind}"}}' in rule.expr], kind


def test_no_rule_is_milder_or_graver_than_its_finding_can_be() -> None:
    allowed = {"critical": {"critical", "warning"}, "warning": {"warning", "info"}, "info": {"info"}}
    for rule in ALERTS:
        finding = BY_NAME.get(rule.name.removeprefix("ModelAuth"))
        if finding is not None:
            assert rule.severity in allowed[finding.severity.value], rule.key


def test_the_catch_all_leaves_out_exactly_the_findings_with_a_rule() -> None:
    rule = next(rule for rule in ALERTS if rule.name == "ModelAuthFinding")
    told = re.search(r'name!~"([^"]+)"', rule.expr)
    assert told
    assert set(BY_NAME) <= set(told[1].split("|"))


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert set(PAGES) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_page_says_what_the_person_on_call_needs(name: str) -> None:
    text = PAGES[name].read_text(encoding="utf-8")
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Meaning", "Confirm", "Fix", "Prevent", "False alarms"]
    for section in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
        assert len(section.split()) >= 5, section
    assert "model-auth-exporter" in text or "promtool" in text or "curl" in text, "no command to paste"
    for rule in ALERTS:
        assert rule.name != name or rule.severity in text, f"does not name the severity {rule.severity}"


def test_commands_of_the_exporter_on_the_pages_exist() -> None:
    from exporter.cli.main import COMMANDS

    for page in [*PAGES.values(), ALERTS_DIR / "README.md"]:
        used = set(re.findall(r"model-auth-exporter ([a-z]+)", page.read_text(encoding="utf-8")))
        assert used - set(COMMANDS) - PROMISED == set(), page.name


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES.values(), ALERTS_DIR / "README.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


# ---------------------------------------------------------------- house rules of mixins (mixtool, pint)


def test_keys_tell_rules_apart() -> None:
    assert len({rule.key for rule in RULES}) == len(RULES)


def test_groups_stay_small() -> None:
    assert len({group.name for group in GROUPS}) == len(GROUPS)
    for group in GROUPS:
        assert len(group.name) <= 40
        assert 1 <= len(group.rules) <= 20, group.name


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.key)
def test_an_alert_is_well_formed(rule: Alert) -> None:
    assert re.fullmatch(r"ModelAuth([A-Z][a-z]+)+", rule.name)
    assert len(rule.name) <= 40
    assert rule.severity in {"critical", "warning", "info"} or rule.name in WITHOUT_SEVERITY
    assert re.fullmatch(r"[A-Z][^{}]+\.", rule.summary), "one sentence, no template"
    assert "{{" in rule.description
    assert not [text for text in rule.labels.values() if "{{" in text], "a value in a label makes a new alert at each evaluation"
    assert rule.name in WITHOUT_SEVERITY | {"ModelAuthFinding"} or rule.dashboard


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.key)
def test_an_expression_is_sound(rule: Alert) -> None:
    expr = rule.expr
    assert rule.name == "ModelAuthWatchdog" or re.search(r"==|<|>|absent|_info\{", expr), "says what it compares"
    assert not re.search(r"\b(topk|bottomk|count_values|irate)\b", expr)
    assert all(int(minutes) >= 4 for minutes in re.findall(r"(?:rate|increase|deriv)\([^\[]+\[(\d+)m\]", expr)), "four scrapes at least"
    assert "absent(" not in expr or rule.hold >= timedelta(minutes=2)
    assert not re.search(r"on \(\)|group_left|group_right|\{\s*\}", expr)
    for matching in re.findall(r"\bon \(([^)]*)\)", expr):
        assert {"job", "instance"} <= {label.strip() for label in matching.split(",")}, "mixes targets"


def test_every_metric_a_rule_names_exists_and_every_label_is_one_of_its() -> None:
    labels = {family.name: set(family.labels) for family in (*FAMILIES, RUN_TIMESTAMP)}
    for rule in RULES:
        for name, selector in re.findall(r"(?<![:\w])(model_auth_[a-z_]+)(\{[^}]*\})?", rule.expr):
            assert name in labels, f"{rule.key}: {name}"
            used = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", selector))
            assert used <= labels[name], f"{rule.key}: {name}{selector}"


def test_every_state_a_rule_selects_exists() -> None:
    from exporter.outcome import ProbeStatus
    from exporter.verdict import CooldownKind, Eligibility, Health, RefreshState

    states: dict[str, set[str]] = {
        "model_auth_profile_health": {*Health},
        "model_auth_profile_eligibility": {*Eligibility},
        "model_auth_profile_refresh_state": {*RefreshState},
        "model_auth_probe_outcome": {*ProbeStatus},
        "model_auth_cooldown_active": {*CooldownKind},
    }
    for rule in RULES:
        for name, values in re.findall(r'(model_auth_[a-z_]+)\{\w+=~?"([^"]+)"\}', rule.expr):
            if name in states:
                assert set(values.split("|")) <= states[name], f"{rule.key}: {values}"


def test_a_recording_is_called_level_metric_operation() -> None:
    known = {family.name for family in (*FAMILIES, RUN_TIMESTAMP)}
    for rule in RULES:
        if isinstance(rule, Record):
            level, metric, operation = rule.name.split(":")
            assert re.fullmatch(r"[a-z_]+", level)
            assert metric in known
            assert re.fullmatch(r"[a-z0-9_]+", operation)


def test_recordings_that_alerts_use_are_made() -> None:
    made = {rule.name for rule in RULES if isinstance(rule, Record)}
    assert {name for rule in ALERTS for name in re.findall(r"\b[a-z_]+:model_auth_[a-z_]+:\w+", rule.expr)} <= made


# ---------------------------------------------------------------- Alertmanager


def _names_meant(matcher: str) -> list[str]:
    found = re.fullmatch(r'alertname\s*(=~|=|!~)\s*"?(.+?)"?', matcher)
    if found is None:
        return []
    return [name for name in sorted(NAMES) if re.fullmatch(found[2], name)]


def test_every_alert_the_sample_names_exists() -> None:
    config = _load("alertmanager.yml")
    matchers = [m for route in config["route"]["routes"] for m in route["matchers"]]
    matchers += [m for rule in config["inhibit_rules"] for side in ("source_matchers", "target_matchers") for m in rule[side]]
    for matcher in matchers:
        if matcher.startswith("alertname"):
            assert _names_meant(matcher), matcher
            for word in re.findall(r"[A-Z][A-Za-z]+", matcher.partition("=")[2].replace("ModelAuth", "")):
                assert any(word in name for name in NAMES), f"{matcher}: {word}"


def test_an_inhibition_compares_labels_that_its_alerts_have() -> None:
    ours = {"alertname", "job", "instance", "gateway", "agent", "provider", "profile", "store", "window"}
    for rule in _load("alertmanager.yml")["inhibit_rules"]:
        assert set(rule["equal"]) <= ours


@pytest.mark.real
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=ModelAuthProviderDown component=model-auth severity=critical", "page"),
        ("alertname=ModelAuthProviderDown origin=sidecar severity=critical", "page"),
        ("alertname=ModelAuthExpiring component=model-auth severity=warning", "tickets"),
        ("alertname=ModelAuthEnvironmentUnseen component=model-auth severity=info", "nobody"),
        ("alertname=ModelAuthWatchdog component=model-auth severity=none", "watchdog"),
        ("alertname=NodeDown severity=critical", "tickets"),
    ],
)
def test_amtool_routes_to_the_right_people(labels: str, receiver: str, program: Callable[..., str]) -> None:
    amtool, config = program("amtool"), str(ALERTS_DIR / "alertmanager.yml")
    checked = subprocess.run([amtool, "check-config", config], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    command = [amtool, "config", "routes", "test", f"--config.file={config}", *labels.split()]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == receiver
