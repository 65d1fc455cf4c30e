"""Pure. Dashboard 1: what the person on call looks at first, on one screen, on a phone too."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import style
from dashboards.frame import Sized, dashboard
from dashboards.style import BY_PROFILE, BY_PROVIDER, PROVIDER, TARGET

UID: Final = "model-auth-overview"

_IN_USE = f"and on ({BY_PROVIDER}) model_auth_provider_in_use{{{PROVIDER}}} == 1"
_TO_PROFILE = "/d/model-auth-profile?${__url_time_range}&var-gateway=${__data.fields.gateway}&var-profile=${__data.fields.profile}"
_TO_PROVIDER = "/d/model-auth-providers?${__url_time_range}&var-gateway=${__data.fields.gateway}&var-provider=${__data.fields.provider}"
_REMAINING = f"(model_auth_profile_expiry_timestamp_seconds{{{PROVIDER}}} - time())"
_NOT_RENEWED = f"unless on ({BY_PROFILE}) model_auth_profile_refreshable{{{PROVIDER}}} == 1"


def build() -> Dashboard:
    """Make the dashboard."""
    return dashboard(
        UID,
        "Is every model provider in use reachable with a credential; if not, which, since when, and what still works.",
        ("job", "instance", "gateway", "agent", "provider"),
        Sized(_down(), 6, 4),
        Sized(_last(), 6, 4),
        Sized(_next(), 6, 4),
        Sized(_watched(), 6, 4),
        Sized(_providers(), 24, 8),
        Sized(_trouble(), 12, 9),
        Sized(_alerts(), 12, 9),
        Sized(_history(), 24, 8),
    )


def _down() -> style.AnyPanel:
    expr = f"count(model_auth_provider_usable_profiles{{{PROVIDER}}} == 0 {_IN_USE}) or vector(0)"
    about = "Providers that models in use need and that have no usable credential, over agents and gateways. Each is an outage."
    return style.number("Providers down", about, expr, "short", style.ZERO_IS_GOOD).links([style.runbook("ModelAuthProviderDown")])


def _last() -> style.AnyPanel:
    expr = (
        f"count(model_auth_provider_usable_profiles{{{PROVIDER}}} == 1 {_IN_USE}"
        f" and on ({BY_PROVIDER}) model_auth_provider_profiles{{{PROVIDER}}} > 1) or vector(0)"
    )
    steps: style.Steps = ((None, style.Colour.GOOD), (1, style.Colour.WARN))
    about = "Providers in use of whose several credentials only one is usable: one more fault is an outage."
    return style.number("On their last credential", about, expr, "short", steps).links([style.runbook("ModelAuthRedundancyLost")])


def _next() -> style.AnyPanel:
    expr = f"min(({_REMAINING} > 0) {_NOT_RENEWED})"
    about = "Time until the next credential that nothing renews runs out. Colours change at the stages of the alerts."
    return style.number("Next expiry", about, expr, "s", style.EXPIRY).links([style.runbook("ModelAuthExpiring")])


def _watched() -> style.AnyPanel:
    expr = f'max(time() - model_auth_exporter_task_last_success_timestamp_seconds{{{TARGET}, task="pass"}})'
    about = "Age of the oldest last pass over the stores. Old data is no good news: everything here is as old as this."
    return style.number("Age of the data", about, expr, "s", style.PASS_AGE).links([style.runbook("ModelAuthExporterStale")])


def _providers() -> style.AnyPanel:
    return (
        style.rows(
            "Providers in use",
            "One row per gateway, agent and provider in use; the worst first. Dark: since when, or from when, nothing is usable."
            " Recovers: when the earliest window ends.",
            {
                "Usable": f"model_auth_provider_usable_profiles{{{PROVIDER}}} {_IN_USE}",
                "Configured": f"model_auth_provider_profiles{{{PROVIDER}}} {_IN_USE}",
                "Dark": f"model_auth_provider_dark_timestamp_seconds{{{PROVIDER}}} * 1000 {_IN_USE}",
                "Recovers": f"model_auth_provider_recovers_timestamp_seconds{{{PROVIDER}}} * 1000 {_IN_USE}",
            },
            sort="Usable",
        )
        .override_by_name("Usable", style.column(steps=((None, style.Colour.BAD), (1, style.Colour.WARN), (2, style.Colour.GOOD))))
        .override_by_name("Dark", style.column("dateTimeFromNow"))
        .override_by_name("Recovers", style.column("dateTimeFromNow"))
        .override_by_name("provider", style.column(link=_TO_PROVIDER))
        .links([style.runbook("ModelAuthProviderDown")])
    )


def _trouble() -> style.AnyPanel:
    worst = (
        f'model_auth_profile_health{{{PROVIDER}, health=~"expired|expiring|missing"}} == 1'
        f' unless on ({BY_PROFILE}) model_auth_profile_eligibility{{{PROVIDER}, reason="setup_inactive"}} == 1'
    )
    return (
        style.rows(
            "Credentials that need a hand",
            "Profiles that have run out, soon will, or hold nothing. The date is that of the store; a missing one has none.",
            {
                "Usable": f"model_auth_profile_usable{{{PROVIDER}}} + on ({BY_PROFILE}) group_right () 0 * ({worst})",
                "Ends in": f"{_REMAINING} + on ({BY_PROFILE}) group_right () 0 * ({worst})",
            },
            sort="Ends in",
            hidden=("instance",),
        )
        .override_by_name("Usable", style.column(states=style.YES_NO))
        .override_by_name("Ends in", style.column("s", steps=style.EXPIRY))
        .override_by_name("profile", style.column(link=_TO_PROFILE))
        .links([style.runbook("ModelAuthExpired")])
    )


def _alerts() -> style.AnyPanel:
    firing = 'alertname=~"ModelAuth.+", alertname!="ModelAuthWatchdog", alertstate="firing"'
    return style.rows(
        "Firing alerts",
        "What the shipped rules say now; each has a page of its own. Empty where the rules are not loaded.",
        {"Firing": f"count by (alertname, severity, instance, gateway, agent, provider, profile) (ALERTS{{{firing}, {TARGET}}})"},
        sort="severity",
        hidden=("Firing", "Value", "instance"),
    ).override_by_name("alertname", style.column(link=f"{style.RUNBOOKS}/${{__value.text}}.md"))


def _history() -> style.AnyPanel:
    usable = f"model_auth_provider_usable_profiles{{{PROVIDER}}}"
    of_several = f"and on ({BY_PROVIDER}) model_auth_provider_profiles{{{PROVIDER}}} > 1"
    counted = f"({usable} == 0) or ({usable} == 1 {of_several}) or ({usable} == 1) * 2 or ({usable} > 1) * 0 + 3"
    expr = f"max by (gateway, agent, provider) (({counted}) {_IN_USE})"
    states = {"down": style.Colour.BAD, "last one": style.Colour.WARN, "only one": style.Colour.CALM, "fine": style.Colour.GOOD}
    about = "What each provider in use had to stand on over time: nothing, the last or the only credential, or several."
    return style.timeline("Providers over time", about, expr, "{{gateway}} {{agent}} {{provider}}", states)
