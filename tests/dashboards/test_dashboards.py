"""Edge. The committed dashboards: as generated, and by the rules of dashboard-linter, each exception with its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
import yaml

from alerts.generate import DEFAULTS
from dashboards import generate, style
from dashboards.frame import SIBLINGS, TAG
from exporter.metrics.families import FAMILIES, RUN_TIMESTAMP
from exporter.outcome import ProbeStatus
from exporter.verdict import CooldownKind, Health, RefreshState
from tests.running import ROOT

HERE = ROOT / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((HERE / "json").glob("*.json"))
}
PANELS = [(uid, panel) for uid, dashboard in DASHBOARDS.items() for panel in dashboard["panels"] if panel["type"] != "row"]
TARGETS = [(uid, panel, target["expr"]) for uid, panel in PANELS for target in panel["targets"]]
FROM_THE_CLIENT_LIBRARY = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"}
FROM_PROMETHEUS = {"ALERTS", "up"}
METRIC = re.compile(r"(?<![\w:.\"$])(model_auth_\w+|process_\w+|ALERTS|up)(?=\{)")


def _id(value: object) -> str | None:
    return value if isinstance(value, str) else value.get("title") if isinstance(value, dict) else None


def _selectors(expr: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"(model_auth_\w+|process_\w+|ALERTS|up)\{([^}]*)\}", expr)


def test_what_is_committed_is_what_the_generator_makes() -> None:
    made = generate.files()
    assert {f"{uid}.json" for uid in DASHBOARDS} == set(made)
    for name, text in made.items():
        assert (HERE / "json" / name).read_text(encoding="utf-8") == text, "run: make generate"


def test_there_are_four_with_stable_names() -> None:
    assert {uid: dashboard["title"] for uid, dashboard in DASHBOARDS.items()} == SIBLINGS
    assert all(dashboard["uid"] == uid and dashboard["tags"] == [TAG] for uid, dashboard in DASHBOARDS.items())


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_cannot_be_edited_and_leads_to_its_siblings(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    assert dashboard["editable"] is False
    assert dashboard["description"]
    link = dashboard["links"][0]
    assert (link["type"], link["tags"], link["includeVars"], link["keepTime"]) == ("dashboards", [TAG], True, True)
    annotation = dashboard["annotations"]["list"][0]
    assert annotation["expr"].startswith("ALERTS{")
    assert annotation["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_variables_are_as_the_linter_wants_them(uid: str) -> None:
    variables = DASHBOARDS[uid]["templating"]["list"]
    names = [variable["name"] for variable in variables]
    assert names[:3] == ["datasource", "job", "instance"]
    assert [one["type"] for one in variables].count("datasource") == 1
    assert (variables[0]["label"], variables[0]["query"]) == ("Data Source", "prometheus")
    for place, variable in enumerate(variables[1:], start=1):
        assert variable["type"] == "query"
        assert (variable["multi"], variable["includeAll"]) == (True, True)
        assert variable["allValue"] == (".+" if variable["name"] in ("job", "instance") else ".*")
        assert variable["label"].lower() == variable["name"]
        assert variable["refresh"] == 2, "anew when the time range changes"
        assert variable["datasource"]["uid"] == "${datasource}"
        assert re.fullmatch(r"label_values\(\w+(\{.*\})?, \w+\)", variable["query"]["query"])
        narrowed = set(re.findall(r"\$(\w+)", variable["query"]["query"]))
        assert narrowed == set(names[1:place]), "narrows by every variable before it"


@pytest.mark.parametrize(("uid", "panel"), PANELS, ids=_id)
def test_a_panel_says_what_it_shows(uid: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"].split()) >= 5
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["targets"]
    assert panel["id"] > 0
    assert "libraryPanel" not in panel
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]


@pytest.mark.parametrize(("uid", "panel", "expr"), TARGETS, ids=_id)
def test_a_query_keeps_to_its_targets(uid: str, panel: dict[str, Any], expr: str) -> None:
    selectors = list(_selectors(expr))
    assert selectors
    assert len(selectors) == len(re.findall(r"(?<![\w:.\"$/])(?:model_auth_\w+|process_\w+|ALERTS|up)\b", expr)), (
        "a metric without selector"
    )
    for name, matchers in selectors:
        assert 'job=~"$job"' in matchers, name
        assert 'instance=~"$instance"' in matchers, name
    for window in re.findall(r"(?:rate|increase)\([^\[]*\[([^\]]+)\]", expr):
        assert window == "$__rate_interval"
    for name, _ in selectors:
        if name.endswith("_total"):
            assert re.search(rf"(rate|increase)\({name}\{{", expr), "a counter is shown as its rate"


@pytest.mark.parametrize(("uid", "panel", "expr"), TARGETS, ids=_id)
def test_every_metric_and_label_of_a_query_exists(uid: str, panel: dict[str, Any], expr: str) -> None:
    labels = {family.name: set(family.labels) for family in (*FAMILIES, RUN_TIMESTAMP)}
    variables = {variable["name"] for variable in DASHBOARDS[uid]["templating"]["list"]} | {"__rate_interval"}
    assert set(re.findall(r"\$(\w+)", expr)) <= variables
    for name, matchers in _selectors(expr):
        if name in FROM_THE_CLIENT_LIBRARY | FROM_PROMETHEUS:
            continue
        used = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", matchers)) - {"job", "instance"}
        assert used <= labels[name], name


def test_links_to_pages_of_alerts_lead_somewhere() -> None:
    pages = {file.stem for file in (ROOT / "alerts" / "runbooks").glob("*.md")}
    linked = set(re.findall(rf"{re.escape(style.RUNBOOKS)}/(\w+)\.md", json.dumps(DASHBOARDS)))
    assert linked
    assert linked <= pages
    for uid in re.findall(r'"/d/([\w-]+)', json.dumps(DASHBOARDS)):
        assert uid in DASHBOARDS


def test_colours_change_where_the_alerts_fire() -> None:
    def steps(uid: str, title: str) -> list[float]:
        panel = next(panel for at, panel in PANELS if (at, panel["title"]) == (uid, title))
        return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"] is not None]

    assert steps("model-auth-providers", "Quota used") == [DEFAULTS.quota, 1]
    assert DEFAULTS.warn.total_seconds() in steps("model-auth-overview", "Next expiry")
    assert set(steps("model-auth-overview", "Next expiry")[2:]) <= {stage.total_seconds() for stage in DEFAULTS.stages}
    assert steps("model-auth-providers", "Clock offset") == [-DEFAULTS.clock_skew.total_seconds(), DEFAULTS.clock_skew.total_seconds()]
    assert steps("model-auth-exporter", "Age of the last success") == [DEFAULTS.pass_stale.total_seconds()]
    assert steps("model-auth-profile", "Cooldown left") == [DEFAULTS.cooldown_long.total_seconds()]


def test_every_state_has_a_word_and_a_colour() -> None:
    assert set(style.HEALTH) == set(Health)
    assert set(style.REFRESH) == set(RefreshState)
    assert set(style.PROBE) == set(ProbeStatus)
    assert set(style.PARKED) == {"free", *CooldownKind}


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_panels_fill_the_grid_without_overlap(uid: str) -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in DASHBOARDS[uid]["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in DASHBOARDS[uid]["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_the_overview_fits_a_screen_and_a_phone() -> None:
    """A phone stacks panels; one screen is 40 rows of 30 pixels at most, with the numbers first."""
    panels = DASHBOARDS["model-auth-overview"]["panels"]
    assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) <= 30
    assert [panel["type"] for panel in panels[:4]] == ["stat"] * 4
    assert not [panel for panel in panels if panel["type"] == "row"]


def test_provisioning_loads_exactly_these_dashboards() -> None:
    provider = yaml.safe_load((HERE / "provisioning" / "dashboards.yml").read_text(encoding="utf-8"))
    entry = provider["providers"][0]
    assert (provider["apiVersion"], entry["type"], entry["allowUiUpdates"]) == (1, "file", False)
    assert entry["options"]["path"].endswith("/model-auth")
    source = yaml.safe_load((HERE / "provisioning" / "datasources.yml").read_text(encoding="utf-8"))["datasources"][0]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert source["jsonData"]["timeInterval"]


def test_the_readme_shows_and_links_every_dashboard() -> None:
    text = (HERE / "README.md").read_text(encoding="utf-8")
    for uid in DASHBOARDS:
        assert f"(json/{uid}.json)" in text
        assert f"(previews/{uid}.svg)" in text
        picture = (HERE / "previews" / f"{uid}.svg").read_text(encoding="utf-8")
        assert f"<title>{SIBLINGS[uid]}</title>" in picture
        assert all(f">{escape(panel['title'])}<" in picture for panel in DASHBOARDS[uid]["panels"]), "run: make previews"
