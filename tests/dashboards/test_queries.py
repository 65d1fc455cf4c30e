"""Edge. Every query of every panel, variable and annotation, asked of a real Prometheus that scraped the exporter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.dashboards.previews import drawn
from tests.dashboards.stand import Prometheus, filled, scraped
from tests.dashboards.test_dashboards import DASHBOARDS, TARGETS, _id

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, program: Callable[..., str]) -> Iterator[Prometheus]:
    with scraped(tmp_path_factory.mktemp("stand"), program) as running:
        yield running


@pytest.mark.parametrize(("uid", "panel", "expr"), TARGETS, ids=_id)
def test_a_panel_has_data(uid: str, panel: dict[str, Any], expr: str, prometheus: Prometheus) -> None:
    found = prometheus.now(filled(expr))
    assert found, f"nothing: {expr}"
    labels = set().union(*(row["metric"] for row in found))  # a label may be empty in some: stores of a whole gateway have no agent
    for legend in (target.get("legendFormat", "") for target in panel["targets"] if target["expr"] == expr):
        named = set(re.findall(r"\{\{(\w+)\}\}", legend))
        assert named <= labels, "the legend names a label that the answer has not"


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_variables_and_annotations_have_data(uid: str, prometheus: Prometheus) -> None:
    for variable in DASHBOARDS[uid]["templating"]["list"][1:]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", filled(variable["query"]["query"]))
        assert asked
        assert prometheus.ask(f"label/{asked[2]}/values", **{"match[]": asked[1]})
    annotation = DASHBOARDS[uid]["annotations"]["list"][0]["expr"]
    assert prometheus.now(filled(annotation))


def test_a_state_is_one_number_per_subject(prometheus: Prometheus) -> None:
    """The weights of a state set add up to the place of the one state that is 1."""
    expr = next(expr for _, panel, expr in TARGETS if panel["title"] == "Health")
    found = {
        (row["metric"]["gateway"], row["metric"]["agent"], row["metric"]["profile"]): int(row["value"][1])
        for row in prometheus.now(filled(expr))
    }
    assert len(found) == len(prometheus.now("model_auth_profile_info"))
    assert found["openclaw", "main", "anthropic:old"] == 5
    assert found["openclaw", "main", "anthropic:manual"] == 3
    assert set(found.values()) <= set(range(6))


def test_a_narrowed_variable_narrows_the_answer(prometheus: Prometheus) -> None:
    expr = next(expr for _, panel, expr in TARGETS if panel["title"] == "Health")
    one = expr.replace("$profile", "anthropic:old")
    assert {row["metric"]["profile"] for row in prometheus.now(filled(one))} == {"anthropic:old"}


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_preview_shows_every_panel_with_something_in_it(uid: str, prometheus: Prometheus) -> None:
    tree = ElementTree.fromstring(drawn(uid, prometheus, 5))
    words = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {panel["title"] for panel in DASHBOARDS[uid]["panels"]} <= set(words)
    assert "none" not in words
