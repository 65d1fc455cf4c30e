"""Pure. The exporter itself: gone, stale, unable to deliver; what has no rule of its own; and the sign of life."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta

from alerts.queries import ON_EXPORTER, ON_OVERVIEW, TARGET, US, lines, number
from alerts.rule import Alert, Group
from alerts.thresholds import Thresholds

_LOGS = "Look at `systemctl status model-auth-exporter` and `journalctl -u model-auth-exporter`."
_BUILD = "model_auth_exporter_build_info"
_OWN = ("ModelAuthJobFailing", "ModelAuthDeliveryFailing")  # findings with a rule of this group


def group(figures: Thresholds, others: Collection[str]) -> Group:
    """Make the group; `others` are the names of all other alerts."""
    return Group(
        "model-auth-exporter",
        (
            _watchdog(),
            _down(),
            _absent(),
            _stale(figures),
            _run_stale(figures),
            _restarting(),
            _job_failing(),
            _delivery(figures),
            _reload(),
            _dropped(),
            *_other_findings(sorted({*others, *_OWN})),
        ),
    )


def _watchdog() -> Alert:
    return Alert(
        "ModelAuthWatchdog",
        "none",
        "vector(1)",
        "The alert pipeline works.",
        "This alert always fires: a receiver outside tells when this Prometheus"
        "{{ with $externalLabels.cluster }} of {{ . }}{{ end }} no longer can.",
    )


def _down() -> Alert:
    """By job name, or by what the target exported within the day, whatever its job is called."""
    return Alert(
        "ModelAuthExporterDown",
        "critical",
        lines(
            'up{job=~"model-auth.*"} == 0',
            f"or up == 0 and on ({TARGET}) count by ({TARGET}) (last_over_time({_BUILD}[1d]))",
        ),
        "An exporter of model logins cannot be scraped.",
        f"{US} cannot be scraped: nobody watches the model logins of that host. {_LOGS}",
        hold=timedelta(minutes=5),
        dashboard=ON_EXPORTER,
    )


def _absent() -> Alert:
    return Alert(
        "ModelAuthExporterAbsent",
        "critical",
        f"absent({_BUILD})",
        "No exporter of model logins is known to this Prometheus.",
        "No target{{ with $externalLabels.cluster }} of {{ . }}{{ end }} exports model logins:"
        " look at the scrape configuration and at /targets of this Prometheus.",
        hold=timedelta(minutes=10),
        dashboard="d/model-auth-exporter",
    )


def _stale(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthExporterStale",
        "critical",
        lines(
            f"time() - max by ({TARGET}) (",
            '  model_auth_exporter_task_last_success_timestamp_seconds{task="pass"}',
            f") > {number(figures.pass_stale)}",
        ),
        "An exporter no longer reads the stores.",
        f"The last full pass on {US} was {{{{ $value | humanizeDuration }}}} ago: what it shows is older. {_LOGS}",
        hold=figures.two_scrapes,
        dashboard=ON_EXPORTER,
    )


def _run_stale(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthTextfileStale",
        "critical",
        f"time() - max by ({TARGET}) (model_auth_exporter_run_timestamp_seconds) > {number(figures.run_stale)}",
        "The timed check of model logins has stopped running.",
        f"The last `check` on {US} wrote its metrics {{{{ $value | humanizeDuration }}}} ago."
        " Look at its timer or cron line, and run it by hand.",
        hold=figures.two_scrapes,
        dashboard=ON_EXPORTER,
    )


def _restarting() -> Alert:
    return Alert(
        "ModelAuthExporterRestarting",
        "warning",
        f"changes(process_start_time_seconds[30m]) > 2\nand on ({TARGET}) {_BUILD}",
        "An exporter keeps restarting.",
        f"The exporter on {US} started {{{{ $value }}}} times anew within 30 minutes. {_LOGS}",
        hold=timedelta(minutes=1),
        keep=timedelta(minutes=15),
        dashboard=ON_EXPORTER,
    )


def _job_failing() -> Alert:
    """Every run fails; one that fails now and then is seen on the dashboard."""
    runs = "model_auth_exporter_task_runs_total"
    return Alert(
        "ModelAuthJobFailing",
        "warning",
        lines(
            f'sum by ({TARGET}, task) (increase({runs}{{outcome=~"error|missed"}}[15m])) > 0',
            f'unless sum by ({TARGET}, task) (increase({runs}{{outcome="ok"}}[15m])) > 0',
        ),
        "A job of an exporter fails every time.",
        f"The job {{{{ $labels.task }}}} on {US} failed {{{{ $value | humanize }}}} times within 15 minutes and never worked. {_LOGS}",
        hold=timedelta(minutes=5),
        keep=timedelta(minutes=5),
        dashboard=ON_EXPORTER,
    )


def _delivery(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthDeliveryFailing",
        "critical",
        lines(
            f"time() - model_auth_outbox_oldest_timestamp_seconds > {number(figures.undelivered)}",
            f"and on ({TARGET}) model_auth_outbox_notices > 0",
        ),
        "An exporter cannot deliver its notices.",
        f"A notice of {US} waits for {{{{ $value | humanizeDuration }}}}: people are not told."
        " Run `model-auth-exporter alerts test` on that host.",
        hold=figures.two_scrapes,
        dashboard=ON_EXPORTER,
    )


def _reload() -> Alert:
    return Alert(
        "ModelAuthConfigReloadFailed",
        "warning",
        "model_auth_exporter_config_last_reload_successful == 0",
        "An exporter could not read its new settings.",
        f"The settings on {US} could not be read; the last good ones stay in force. Run `model-auth-exporter config check` there.",
        hold=timedelta(minutes=5),
        dashboard=ON_EXPORTER,
    )


def _dropped() -> Alert:
    return Alert(
        "ModelAuthProfilesDropped",
        "warning",
        "model_auth_exporter_profiles_dropped > 0",
        "An exporter leaves profiles out of its metrics.",
        f"{{{{ $value }}}} profiles of {US} have no series of their own: raise `metrics.max_profiles`, or take unused profiles out.",
        hold=timedelta(minutes=15),
        dashboard=ON_EXPORTER,
    )


def _other_findings(names: Iterable[str]) -> Iterator[Alert]:
    """Whatever the exporter finds wrong that no rule has the series for."""
    told = "|".join(name.removeprefix("ModelAuth") for name in names)
    rows = (("critical", "A critical finding"), ("warning", "A finding"))
    for severity, kind in rows:
        yield Alert(
            "ModelAuthFinding",
            "critical" if severity == "critical" else "warning",
            f'sum by ({TARGET}, name) (model_auth_findings{{severity="{severity}", name!~"{told}"}}) > 0',
            f"{kind} of an exporter is open that no other rule covers.",
            f"{{{{ $value }}}} × {{{{ $labels.name }}}} on {US}."
            " On that host `model-auth-exporter alerts list` says what and how to fix it.",
            hold=timedelta(minutes=5),
            dashboard=ON_OVERVIEW,
        )
