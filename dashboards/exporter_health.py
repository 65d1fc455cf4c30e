"""Pure. Dashboard 4: the exporter itself: does it read, probe and deliver, and what does that cost."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import style
from dashboards.frame import Sized, dashboard
from dashboards.style import GATEWAY, TARGET

UID: Final = "model-auth-exporter"

_FOUND: Final = f"and on (job, instance) model_auth_exporter_build_info{{{TARGET}}}"


def build() -> Dashboard:
    """Make the dashboard."""
    return dashboard(
        UID,
        "Is the exporter alive, is what it shows current, do its notices arrive.",
        ("job", "instance", "gateway"),
        Sized(_up(), 6, 4),
        Sized(_findings(), 6, 4),
        Sized(_waiting(), 6, 4),
        Sized(_settings(), 6, 4),
        "Work",
        Sized(_builds(), 24, 5),
        Sized(_age(), 8, 8),
        Sized(_duration(), 8, 8),
        Sized(_runs(), 8, 8),
        "Stores",
        Sized(_sources(), 12, 8),
        Sized(_errors(), 12, 8),
        Sized(_read_age(), 12, 8),
        Sized(_environment(), 12, 8),
        "Notices",
        Sized(_deliveries(), 12, 8),
        Sized(_oldest(), 12, 8),
        "Cost of running",
        Sized(_memory(), 8, 8),
        Sized(_processor(), 8, 8),
        Sized(_files(), 8, 8),
    )


def _up() -> style.AnyPanel:
    expr = f"count(up{{{TARGET}}} == 0 and on (job, instance) last_over_time(model_auth_exporter_build_info{{{TARGET}}}[1d])) or vector(0)"
    about = "Exporters of the last day that cannot be scraped now."
    return style.number("Exporters down", about, expr, "short", style.ZERO_IS_GOOD).links([style.runbook("ModelAuthExporterDown")])


def _findings() -> style.AnyPanel:
    expr = f"sum(model_auth_findings{{{TARGET}}}) or vector(0)"
    steps: style.Steps = ((None, style.Colour.GOOD), (1, style.Colour.WARN))
    about = "Findings that the exporter's own book holds open."
    return style.number("Open findings", about, expr, "short", steps).links([style.runbook("ModelAuthFinding")])


def _waiting() -> style.AnyPanel:
    expr = f"sum(model_auth_outbox_notices{{{TARGET}}}) or vector(0)"
    steps: style.Steps = ((None, style.Colour.GOOD), (1, style.Colour.WARN))
    about = "Notices that are written and not yet delivered. A few for a moment are normal."
    return style.number("Undelivered notices", about, expr, "short", steps).links([style.runbook("ModelAuthDeliveryFailing")])


def _settings() -> style.AnyPanel:
    expr = f"min(model_auth_exporter_config_last_reload_successful{{{TARGET}}})"
    about = "Whether the last reading of the settings worked on every exporter."
    panel = style.number("Settings in force", about, expr, "short", style.ONE_IS_GOOD, mappings=style.words(style.YES_NO))
    return panel.links([style.runbook("ModelAuthConfigReloadFailed")])


def _builds() -> style.AnyPanel:
    return (
        style.rows(
            "Exporters",
            "What runs where, since when, and how many profiles have no series of their own.",
            {
                "Dropped profiles": f"model_auth_exporter_profiles_dropped{{{TARGET}}}",
                "Started": f"process_start_time_seconds{{{TARGET}}} * 1000 {_FOUND}",
                "Build": f"model_auth_exporter_build_info{{{TARGET}}}",
            },
            sort="instance",
            hidden=("Build",),
        )
        .override_by_name("Dropped profiles", style.column(steps=style.ZERO_IS_GOOD))
        .override_by_name("Started", style.column("dateTimeFromNow"))
        .links([style.runbook("ModelAuthProfilesDropped")])
    )


def _age() -> style.AnyPanel:
    age = style.query(f"time() - model_auth_exporter_task_last_success_timestamp_seconds{{{TARGET}}}", "{{instance}} {{task}}")
    about = "Time since each kind of work last succeeded. What the exporter shows is as old as its last pass."
    return style.graph("Age of the last success", about, "s", age, steps=style.PASS_AGE).links([style.runbook("ModelAuthExporterStale")])


def _duration() -> style.AnyPanel:
    took = style.query(f"model_auth_exporter_pass_duration_seconds{{{TARGET}}}", "{{instance}} {{task}}")
    return style.graph("Duration of the last run", "How long each kind of work took the last time.", "s", took)


def _runs() -> style.AnyPanel:
    expr = f"sum by (task, outcome) (rate(model_auth_exporter_task_runs_total{{{TARGET}}}[$__rate_interval])) > 0"
    about = "Runs of each kind of work by outcome. Skipped and missed runs mean that the machine is busy or slept."
    return style.graph("Runs", about, "ops", style.query(expr, "{{task}} {{outcome}}")).links([style.runbook("ModelAuthJobFailing")])


def _sources() -> style.AnyPanel:
    expr = f"min by (instance, gateway, agent, store) (model_auth_source_up{{{GATEWAY}}})"
    about = "Whether each place could be read. What an unreadable one held stays on show, marked stale."
    panel = style.timeline("Stores readable", about, expr, "{{gateway}} {{agent}} {{store}}", style.YES_NO)
    return panel.links([style.runbook("ModelAuthStoreUnreadable")])


def _errors() -> style.AnyPanel:
    expr = f"sum by (gateway, agent, store, reason) (increase(model_auth_source_errors_total{{{GATEWAY}}}[$__rate_interval])) > 0"
    about = "Problems met while reading, by reason: whole stores, or entries that were left out."
    return style.graph("Problems while reading", about, "short", style.query(expr, "{{gateway}} {{agent}} {{store}} {{reason}}")).links(
        [style.runbook("ModelAuthSourceErrors")]
    )


def _read_age() -> style.AnyPanel:
    age = style.query(f"time() - model_auth_source_last_success_timestamp_seconds{{{GATEWAY}}}", "{{gateway}} {{agent}} {{store}}")
    about = "Time since each place was last read successfully."
    return style.graph("Age of what was read", about, "s", age, steps=style.PASS_AGE).links([style.runbook("ModelAuthStoreUnreadable")])


def _environment() -> style.AnyPanel:
    expr = f"min by (instance, gateway) (model_auth_environment_seen{{{GATEWAY}}})"
    about = "Whether what the gateway's service has in its environment can be seen; keys in an unseen one are not judged."
    panel = style.timeline("Environment seen", about, expr, "{{instance}} {{gateway}}", style.YES_NO)
    return panel.links([style.runbook("ModelAuthEnvironmentUnseen")])


def _deliveries() -> style.AnyPanel:
    expr = f"sum by (channel, outcome) (increase(model_auth_notifications_total{{{TARGET}}}[$__rate_interval]))"
    about = "Deliveries per channel and outcome."
    return style.graph("Deliveries", about, "short", style.query(expr, "{{channel}} {{outcome}}")).links(
        [style.runbook("ModelAuthDeliveryFailing")]
    )


def _oldest() -> style.AnyPanel:
    age = style.query(f"time() - model_auth_outbox_oldest_timestamp_seconds{{{TARGET}}}", "{{instance}}")
    about = "Age of the oldest notice that is not delivered. No line: nothing waits."
    return style.graph("Oldest undelivered notice", about, "s", age, steps=style.UNDELIVERED).links(
        [style.runbook("ModelAuthDeliveryFailing")]
    )


def _memory() -> style.AnyPanel:
    used = style.query(f"process_resident_memory_bytes{{{TARGET}}} {_FOUND}", "{{instance}}")
    return style.graph("Memory", "Resident memory of the exporter's process.", "bytes", used)


def _processor() -> style.AnyPanel:
    used = style.query(f"rate(process_cpu_seconds_total{{{TARGET}}}[$__rate_interval]) {_FOUND}", "{{instance}}")
    return style.graph("Processor", "Share of one core that the exporter uses.", "percentunit", used)


def _files() -> style.AnyPanel:
    used = style.query(f"process_open_fds{{{TARGET}}} {_FOUND}", "{{instance}}")
    return style.graph("Open files", "Files and connections the exporter holds open; it should not grow.", "short", used)
