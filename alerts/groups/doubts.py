"""Pure. What keeps us from knowing: clock, network, probes that stopped, an environment nobody can see."""

from __future__ import annotations

from datetime import timedelta

from alerts.queries import DIAGNOSE, ON_EXPORTER, ON_OVERVIEW, PROFILE, TARGET, THE_STORE, US, lines, number
from alerts.rule import Alert, Group
from alerts.thresholds import Thresholds


def group(figures: Thresholds) -> Group:
    """Make the group."""
    return Group("model-auth-doubts", (_clock(figures), _network(figures), _probes_stale(figures), _unseen(), _errors()))


def _clock(figures: Thresholds) -> Alert:
    """The median over providers: one with a wrong clock proves nothing."""
    return Alert(
        "ModelAuthClockSkew",
        "warning",
        f"abs(quantile by ({TARGET}) (0.5, model_auth_clock_offset_seconds)) > {number(figures.clock_skew)}",
        "The clock of a host is wrong.",
        f"The clock of {US} is off by {{{{ $value | humanizeDuration }}}}, by the providers' answers:"
        " what it says about expiries cannot be trusted. Check `timedatectl`.",
        hold=timedelta(minutes=5),
        dashboard=ON_EXPORTER,
    )


def _network(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthNetworkDown",
        "warning",
        lines(
            f"min by ({TARGET}) (",
            '  model_auth_probe_outcome{outcome="network"}',
            f'  unless on ({PROFILE}) model_auth_probe_outcome{{outcome=~"no_model|skipped"}} == 1',
            ") == 1",
        ),
        "A host cannot reach any model provider.",
        f"Every probe from {US} fails in the network: check its connection, name resolution and proxy before anything else.",
        hold=timedelta(minutes=5),
        keep=timedelta(minutes=5),
        dashboard=ON_EXPORTER,
    )


def _probes_stale(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthProbesStale",
        "warning",
        f"time() - max by ({TARGET}) (model_auth_probe_last_attempt_timestamp_seconds) > {number(figures.probes_stale)}",
        "No credential was probed for long.",
        f"The last probe on {US} was {{{{ $value | humanizeDuration }}}} ago: what is said about providers' answers is older. {DIAGNOSE}",
        hold=figures.two_scrapes,
        dashboard=ON_EXPORTER,
    )


def _unseen() -> Alert:
    return Alert(
        "ModelAuthEnvironmentUnseen",
        "info",
        "model_auth_environment_seen == 0",
        "The environment of a gateway's service cannot be seen.",
        "What the service of {{ $labels.gateway }} ({{ $labels.instance }}) has in its environment cannot be seen from here:"
        f" keys in it are not judged. {DIAGNOSE}",
        hold=timedelta(hours=1),
        dashboard=ON_OVERVIEW,
    )


def _errors() -> Alert:
    """Entries left out of a store that as a whole can be read; counted when it is read, so the alert lasts an hour."""
    return Alert(
        "ModelAuthSourceErrors",
        "info",
        lines(
            f"sum by ({TARGET}, gateway, agent, store, reason) (increase(model_auth_source_errors_total[1h])) > 0",
            f"unless on ({TARGET}, gateway, agent, store) model_auth_source_up == 0",
        ),
        "Parts of a credential store are left out.",
        f"Parts of {THE_STORE} are left out: {{{{ $labels.reason }}}}. {DIAGNOSE}",
        hold=timedelta(minutes=2),
        dashboard=ON_OVERVIEW,
    )
