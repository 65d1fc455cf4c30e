"""Pure. The symptoms: a provider that models in use need has nothing usable, will have nothing, or hangs on its last credential."""

from __future__ import annotations

from datetime import timedelta

from alerts.queries import ON_PROVIDERS, PROVIDER, STATUS, THE_PROVIDER, lines, number
from alerts.rule import Alert, Group, seconds
from alerts.thresholds import Thresholds

_IN_USE = f"and on ({PROVIDER}) model_auth_provider_in_use == 1"
_SINCE = (
    "{{ with printf `model_auth_provider_dark_timestamp_seconds{job=%q,instance=%q,gateway=%q,agent=%q,provider=%q}`"
    " $labels.job $labels.instance $labels.gateway $labels.agent $labels.provider | query }}"
    " since {{ . | first | value | humanizeTimestamp }}{{ end }}"
)


def group(figures: Thresholds) -> Group:
    """Make the group."""
    return Group("model-auth-providers", (_down(figures), _down_soon(figures), _redundancy_lost()))


def _down(figures: Thresholds) -> Alert:
    """At once, unless it recovers by itself in a moment; then only after it did not."""
    soon = seconds(figures.recovers_soon)
    return Alert(
        "ModelAuthProviderDown",
        "critical",
        lines(
            "(",
            f"  model_auth_provider_usable_profiles == 0 {_IN_USE}",
            ")",
            f"unless on ({PROVIDER}) (",
            f"  model_auth_provider_recovers_timestamp_seconds - time() < {number(figures.recovers_soon)}",
            f"  unless on ({PROVIDER}) (",
            f"    max_over_time(model_auth_provider_usable_profiles[{soon}]) == 0",
            f"    and on ({PROVIDER}) model_auth_provider_usable_profiles offset {soon} == 0",
            "  )",
            ")",
        ),
        "A model provider in use has no usable credential.",
        f"No usable credential of {THE_PROVIDER}{_SINCE}: its models fail now. {STATUS}",
        hold=timedelta(minutes=1),
        keep=timedelta(minutes=5),
        dashboard=ON_PROVIDERS,
    )


def _down_soon(figures: Thresholds) -> Alert:
    return Alert(
        "ModelAuthProviderDown",
        "warning",
        lines(
            "(",
            "  (model_auth_provider_dark_timestamp_seconds - time() > 0)",
            f"  < {number(figures.warn)}",
            ")",
            f"and on ({PROVIDER}) model_auth_provider_usable_profiles > 0",
            _IN_USE,
        ),
        "A model provider in use is about to have no usable credential.",
        f"The last usable credential of {THE_PROVIDER} ends in {{{{ $value | humanizeDuration }}}}: from then on its models fail. {STATUS}",
        hold=timedelta(minutes=5),
        dashboard=ON_PROVIDERS,
    )


def _redundancy_lost() -> Alert:
    return Alert(
        "ModelAuthRedundancyLost",
        "warning",
        lines(
            "(",
            f"  model_auth_provider_profiles > 1 {_IN_USE}",
            ")",
            f"and on ({PROVIDER}) model_auth_provider_usable_profiles == 1",
        ),
        "A model provider in use runs on its last usable credential.",
        f"Only one of {{{{ $value }}}} credentials of {THE_PROVIDER} is usable: the next fault stops its models. {STATUS}",
        hold=timedelta(minutes=15),
        keep=timedelta(minutes=15),
        dashboard=ON_PROVIDERS,
    )
