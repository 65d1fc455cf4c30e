"""Pure. What all dashboards share: colours with words, thresholds equal to those of the alerts, selectors, panels with our defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, TableSortByFieldState, VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeValueMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

from alerts.generate import DEFAULTS, FORM

DATASOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOKS: Final = FORM.runbooks

# Selectors; each narrows the one before.
TARGET: Final = 'job=~"$job", instance=~"$instance"'
GATEWAY: Final = f'{TARGET}, gateway=~"$gateway"'
AGENT: Final = f'{GATEWAY}, agent=~"$agent"'
PROVIDER: Final = f'{AGENT}, provider=~"$provider"'
PROFILE: Final = f'{PROVIDER}, profile=~"$profile"'
BY_PROVIDER: Final = "job, instance, gateway, agent, provider"
BY_PROFILE: Final = f"{BY_PROVIDER}, profile"

# Columns of every table, in this order; the values follow.
_FIRST: Final = ("severity", "alertname", "instance", "gateway", "agent", "provider", "profile", "health", "credential", "source")

AnyPanel = stat.Panel | table.Panel | timeseries.Panel | statetimeline.Panel | bargauge.Panel


class Colour(StrEnum):
    """Never the only sign: each stands beside a word or a number."""

    GOOD = "green"
    WARN = "orange"
    BAD = "red"
    CALM = "blue"
    QUIET = "gray"


HEALTH: Final[Mapping[str, Colour]] = {
    "ok": Colour.GOOD,
    "static": Colour.GOOD,
    "renewing": Colour.CALM,
    "expiring": Colour.WARN,
    "missing": Colour.BAD,
    "expired": Colour.BAD,
}
REFRESH: Final[Mapping[str, Colour]] = {
    "none": Colour.QUIET,
    "idle": Colour.GOOD,
    "in_progress": Colour.CALM,
    "overdue": Colour.BAD,
    "orphaned": Colour.BAD,
    "failed": Colour.BAD,
}
PROBE: Final[Mapping[str, Colour]] = {
    "ok": Colour.GOOD,
    "skipped": Colour.QUIET,
    "no_model": Colour.QUIET,
    "rate_limit": Colour.WARN,
    "overloaded": Colour.WARN,
    "timeout": Colour.WARN,
    "network": Colour.WARN,
    "format": Colour.WARN,
    "unknown": Colour.WARN,
    "model_not_found": Colour.WARN,
    "billing": Colour.BAD,
    "auth": Colour.BAD,
}
PARKED: Final[Mapping[str, Colour]] = {"free": Colour.GOOD, "cooldown": Colour.WARN, "blocked": Colour.BAD, "disabled": Colour.BAD}
YES_NO: Final[Mapping[str, Colour]] = {"no": Colour.BAD, "yes": Colour.GOOD}
FLAGGED: Final[Mapping[str, Colour]] = {"fine": Colour.GOOD, "differs": Colour.BAD}

Steps = Sequence[tuple[float | None, Colour]]
ZERO_IS_GOOD: Final[Steps] = ((None, Colour.GOOD), (1, Colour.BAD))
ONE_IS_GOOD: Final[Steps] = ((None, Colour.BAD), (1, Colour.GOOD))
# The longest stage is no colour yet: a month ahead is not a warning for the eye.
EXPIRY: Final[Steps] = (
    (None, Colour.BAD),
    (0, Colour.BAD),
    (DEFAULTS.warn.total_seconds(), Colour.WARN),
    (DEFAULTS.stages[2].total_seconds(), Colour.CALM),
    (DEFAULTS.stages[0].total_seconds(), Colour.GOOD),
)
QUOTA: Final[Steps] = ((None, Colour.GOOD), (DEFAULTS.quota, Colour.WARN), (1, Colour.BAD))
CLOCK: Final[Steps] = (
    (None, Colour.BAD),
    (-DEFAULTS.clock_skew.total_seconds(), Colour.GOOD),
    (DEFAULTS.clock_skew.total_seconds(), Colour.BAD),
)
PASS_AGE: Final[Steps] = ((None, Colour.GOOD), (DEFAULTS.pass_stale.total_seconds(), Colour.BAD))
PROBE_AGE: Final[Steps] = ((None, Colour.GOOD), (DEFAULTS.probes_stale.total_seconds(), Colour.BAD))
UNDELIVERED: Final[Steps] = ((None, Colour.GOOD), (DEFAULTS.undelivered.total_seconds(), Colour.BAD))
COOLDOWN: Final[Steps] = ((None, Colour.WARN), (DEFAULTS.cooldown_long.total_seconds(), Colour.BAD))


def words(states: Mapping[str, Colour]) -> list[Any]:
    """Map the numbers of a state to its words, in the order of the mapping."""
    options = {str(place): ValueMappingResult(text=word, color=colour, index=place) for place, (word, colour) in enumerate(states.items())}
    return [ValueMap(options=options)]


def state_of(metric: str, label: str, states: Mapping[str, Colour], where: str, by: str) -> str:
    """Write the query that turns a state set into one number per subject: the place of its state."""
    terms = [f'{metric}{{{where}, {label}="{state}"}} * {place}' for place, state in enumerate(states)]
    return f"sum by ({by}) ({' or '.join(terms)})"


def query(expr: str, legend: str = "", *, instant: bool = False, ref: str = "A") -> Dataquery:
    """Write one query; instant ones answer as a table."""
    made = Dataquery().expr(expr).ref_id(ref).datasource(DATASOURCE).editor_mode(QueryEditorMode.CODE)
    if instant:
        return made.instant().format(PromQueryFormat.TABLE)
    return made.range().format(PromQueryFormat.TIME_SERIES).legend_format(legend or "__auto")


def number(
    title: str, about: str, expr: str, unit: str, steps: Steps, *, mappings: Sequence[Any] = (), decimals: int | None = None
) -> stat.Panel:
    """Make a big number, the last value."""
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit(unit)
        .thresholds(_steps(steps))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .with_target(query(expr, title))
        .mappings(list(mappings))
        .no_value("none")
    )
    return panel if decimals is None else panel.decimals(decimals)


def graph(
    title: str, about: str, unit: str, *queries: Dataquery, steps: Steps = ((None, Colour.GOOD),), least: float | None = 0
) -> timeseries.Panel:
    """Make lines over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit(unit)
        .thresholds(_steps(steps))
        .targets(list(queries))
        .line_width(2)
        .fill_opacity(8)
        .show_points(VisibilityMode.AUTO)
        .legend(_legend())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    )
    return panel if least is None else panel.min(least)


def timeline(title: str, about: str, expr: str, legend: str, states: Mapping[str, Colour]) -> statetimeline.Panel:
    """Make one bar per subject that changes colour and word with its state."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit("short")
        .mappings(words(states))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(_steps(((None, Colour.QUIET),)))
        .with_target(query(expr, legend))
        .merge_values(True)
        .show_value(VisibilityMode.AUTO)
        .row_height(0.85)
        .fill_opacity(80)
        .line_width(0)
        .legend(_legend())
        .max_data_points(200)
        .no_value("none")
    )


def bars(title: str, about: str, expr: str, legend: str, unit: str, steps: Steps, *, most: float | None = None) -> bargauge.Panel:
    """Make one bar per subject, the last value."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(about)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .thresholds(_steps(steps))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .with_target(query(expr, legend))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .value_mode(BarGaugeValueMode.TEXT)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
        .no_value("none")
    )
    return panel if most is None else panel.max(most)


def rows(
    title: str, about: str, columns: Mapping[str, str], *, sort: str, descending: bool = False, hidden: Sequence[str] = ()
) -> table.Panel:
    """Make a table, one column per query (heading: expression), joined on their labels. Columns take their form by `column`."""
    panel = table.Panel().title(title).description(about).datasource(DATASOURCE).unit("short").no_value("none")
    renamed = {}
    for place, (heading, expr) in enumerate(columns.items()):
        ref = chr(ord("A") + place)
        panel = panel.with_target(query(expr, instant=True, ref=ref))
        renamed[f"Value #{ref}" if len(columns) > 1 else "Value"] = heading
    left_out = dict.fromkeys(("Time", "job", "__name__", "alertstate", "component", *hidden), True)
    panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    order = {name: place for place, name in enumerate((*_FIRST, *renamed))}
    options = {"excludeByName": left_out, "indexByName": order, "renameByName": renamed}
    panel = panel.with_transformation(DataTransformerConfig(id_val="organize", options=options))
    return panel.sort_by([TableSortByFieldState().display_name(sort).desc(descending)])


def column(
    unit: str = "short", steps: Steps | None = None, states: Mapping[str, Colour] | None = None, link: str = ""
) -> list[DynamicConfigValue]:
    """Write the form of one column."""
    form = [DynamicConfigValue(id_val="unit", value=unit)]
    if steps is not None:
        form.append(DynamicConfigValue(id_val="thresholds", value=_steps(steps).build()))
    if states is not None:
        form.append(DynamicConfigValue(id_val="mappings", value=words(states)))
    if steps is not None or states is not None:
        form.append(DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}))
    if link:
        form.append(DynamicConfigValue(id_val="links", value=[{"title": "Open", "url": link, "targetBlank": False}]))
    return form


def runbook(name: str) -> DashboardLink:
    """Link a panel to the page of the alert that speaks of the same."""
    return DashboardLink(f"Runbook {name}").type(DashboardLinkType.LINK).url(f"{RUNBOOKS}/{name}.md").target_blank(True)


def _steps(steps: Steps) -> ThresholdsConfig:
    made = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def _legend() -> VizLegendOptions:
    return VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
