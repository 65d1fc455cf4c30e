"""Pure. The frame of a dashboard: variables, links to its siblings, annotations of alerts, and panels in rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.models.common import TimeZoneBrowser
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, VariableOption, VariableRefresh, VariableSort

from dashboards.style import DATASOURCE, AnyPanel

TAG: Final = "model-auth"
SIBLINGS: Final = {
    "model-auth-overview": "Model auth / Overview",
    "model-auth-profile": "Model auth / Profile detail",
    "model-auth-providers": "Model auth / Providers, quota and cost",
    "model-auth-exporter": "Model auth / Exporter health",
}
# Every variable narrows by those before it.
_VARIABLES: Final = {
    "job": ("Job", "label_values(model_auth_exporter_build_info, job)"),
    "instance": ("Instance", 'label_values(model_auth_exporter_build_info{job=~"$job"}, instance)'),
    "gateway": ("Gateway", 'label_values(model_auth_provider_in_use{job=~"$job", instance=~"$instance"}, gateway)'),
    "agent": ("Agent", 'label_values(model_auth_provider_in_use{job=~"$job", instance=~"$instance", gateway=~"$gateway"}, agent)'),
    "provider": (
        "Provider",
        'label_values(model_auth_provider_in_use{job=~"$job", instance=~"$instance", gateway=~"$gateway", agent=~"$agent"}, provider)',
    ),
    "profile": (
        "Profile",
        'label_values(model_auth_profile_info{job=~"$job", instance=~"$instance", gateway=~"$gateway", agent=~"$agent",'
        ' provider=~"$provider"}, profile)',
    ),
}


@dataclass(frozen=True, slots=True)
class Sized:
    """A panel and its size on the 24 columns of the grid."""

    panel: AnyPanel
    width: int
    height: int


class _Variable(QueryVariable):
    """The SDK's builder has no word for the value of All."""

    def all_value(self, value: str) -> _Variable:
        """Set what All stands for."""
        self._internal.all_value = value
        return self


def dashboard(
    uid: str, about: str, variables: Sequence[str], *parts: str | Sized, refresh: str = "1m", since: str = "now-24h"
) -> Dashboard:
    """Make a dashboard; a text among the parts begins a row of that name."""
    made = (
        Dashboard(SIBLINGS[uid])
        .uid(uid)
        .description(about)
        .tags([TAG])
        .readonly()
        .timezone(TimeZoneBrowser)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh(refresh)
        .time(since, "now")
        .variables([_datasource(), *(_variable(name) for name in variables)])
        .annotation(_alerts())
        .link(_siblings())
    )
    ids = iter(range(1, len(parts) + 1))
    for part in parts:
        if isinstance(part, str):
            made = made.with_row(Row(part).id(next(ids)))
        else:
            made = made.with_panel(part.panel.id(next(ids)).span(part.width).height(part.height))
    return made


def _datasource() -> DatasourceVariable:
    return DatasourceVariable("datasource").label("Data Source").type("prometheus")


def _variable(name: str) -> _Variable:
    label, query = _VARIABLES[name]
    made = (
        _Variable(name)
        .label(label)
        .query({"query": query, "refId": f"variable-{name}"})
        .datasource(DATASOURCE)
        .multi(True)
        .include_all(True)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
    return made.all_value(".+" if name in ("job", "instance") else ".*")


def _alerts() -> AnnotationQuery:
    return (
        AnnotationQuery()
        .name("Alerts")
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color("red")
        .expr('ALERTS{alertname=~"ModelAuth.+", alertname!="ModelAuthWatchdog", alertstate="firing", job=~"$job", instance=~"$instance"}')
    )


def _siblings() -> DashboardLink:
    return (
        DashboardLink("Model auth")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
        .icon("external link")
    )
