"""Pure. Dashboard 3: providers, their quotas and what they cost."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from alerts.generate import DEFAULTS
from alerts.rule import seconds
from dashboards import style
from dashboards.frame import Sized, dashboard
from dashboards.style import BY_PROVIDER, PROVIDER, TARGET

UID: Final = "model-auth-providers"

_WHO = "{{gateway}} {{agent}} {{profile}}"
_IN_USE = f"and on ({BY_PROVIDER}) model_auth_provider_in_use{{{PROVIDER}}} == 1"
_IDENTITY = "job, instance, gateway, agent, provider, profile, window"


def build() -> Dashboard:
    """Make the dashboard."""
    return dashboard(
        UID,
        "How much of each provider is left: credentials, quotas, rate limits, money; and how their answers go.",
        ("job", "instance", "gateway", "agent", "provider"),
        "Credentials",
        Sized(_usable(), 12, 8),
        Sized(_dark(), 12, 8),
        "Quota",
        Sized(_quota(), 8, 8),
        Sized(_quota_history(), 8, 8),
        Sized(_reset(), 8, 8),
        Sized(_forecast(), 12, 8),
        Sized(_rate_limits(), 12, 8),
        "Cost",
        Sized(_credit(), 24, 7),
        "Answers",
        Sized(_success(), 12, 8),
        Sized(_attempts(), 12, 8),
        Sized(_phases(), 12, 8),
        Sized(_clock(), 12, 8),
    )


def _usable() -> style.AnyPanel:
    by = "gateway, agent, provider"
    about = "Usable credentials against configured ones, per provider in use. The gap is what you lost of your reserve."
    usable = style.query(
        f"sum by ({by}) (model_auth_provider_usable_profiles{{{PROVIDER}}} {_IN_USE})", "{{gateway}} {{agent}} {{provider}} usable"
    )
    configured = f"sum by ({by}) (model_auth_provider_profiles{{{PROVIDER}}} {_IN_USE})"
    all_of_them = style.query(configured, "{{gateway}} {{agent}} {{provider}} configured", ref="B")
    return style.graph("Usable of configured", about, "short", usable, all_of_them).links([style.runbook("ModelAuthRedundancyLost")])


def _dark() -> style.AnyPanel:
    dark = style.query(
        f"model_auth_provider_dark_timestamp_seconds{{{PROVIDER}}} - time() {_IN_USE}", "{{gateway}} {{agent}} {{provider}} dark"
    )
    back = f"model_auth_provider_recovers_timestamp_seconds{{{PROVIDER}}} - time() {_IN_USE}"
    recovers = style.query(back, "{{gateway}} {{agent}} {{provider}} recovers", ref="B")
    about = "Time until nothing of a provider is usable (below zero: since), and until the first window of a dark one ends."
    panel = style.graph("Time to darkness, time to recovery", about, "s", dark, recovers, steps=style.EXPIRY, least=None)
    return panel.links([style.runbook("ModelAuthProviderDown")])


def _quota() -> style.AnyPanel:
    expr = f"max by (gateway, agent, profile, window) (model_auth_quota_used_ratio{{{PROVIDER}}})"
    about = "Used share of each quota window, as the provider last said. The colour changes where the alert does."
    panel = style.bars("Quota used", about, expr, f"{_WHO} {{{{window}}}}", "percentunit", style.QUOTA, most=1)
    return panel.links([style.runbook("ModelAuthQuotaNearLimit")])


def _quota_history() -> style.AnyPanel:
    used = style.query(f"model_auth_quota_used_ratio{{{PROVIDER}}}", f"{_WHO} {{{{window}}}}")
    panel = style.graph(
        "Quota over time",
        "Used share of each quota window over time; it falls when the window resets.",
        "percentunit",
        used,
        steps=style.QUOTA,
    )
    return panel.max(1).links([style.runbook("ModelAuthQuotaExhausted")])


def _reset() -> style.AnyPanel:
    left = style.query(f"model_auth_quota_reset_timestamp_seconds{{{PROVIDER}}} - time() > 0", f"{_WHO} {{{{window}}}}")
    return style.graph("Time to reset", "Time until each quota window resets.", "s", left)


def _forecast() -> style.AnyPanel:
    window = seconds(DEFAULTS.burn_fast[0])
    used, reset = f"model_auth_quota_used_ratio{{{PROVIDER}}}", f"model_auth_quota_reset_timestamp_seconds{{{PROVIDER}}}"
    ahead = f"{used} + on ({_IDENTITY}) deriv({used}[{window}]) * on ({_IDENTITY}) ({reset} - time() > 0)"
    panel = style.graph(
        "Used at reset, at this pace",
        f"What share will be used when the window resets, if the pace of the last {window} goes on. Above 100 % it will not last.",
        "percentunit",
        style.query(ahead, f"{_WHO} {{{{window}}}}"),
        steps=style.QUOTA,
    )
    return panel.links([style.runbook("ModelAuthQuotaBurn")])


def _rate_limits() -> style.AnyPanel:
    by = "job, instance, gateway, agent, provider, profile, resource, window"
    left = f"model_auth_rate_limit_remaining{{{PROVIDER}}} / on ({by}) (model_auth_rate_limit_limit{{{PROVIDER}}} > 0)"
    about = "Share left of each rate-limit window, as the headers of the last probe said."
    return style.graph("Rate limit left", about, "percentunit", style.query(left, f"{_WHO} {{{{resource}}}} {{{{window}}}}")).max(1)


def _credit() -> style.AnyPanel:
    balance = style.query(f"model_auth_credit_balance{{{PROVIDER}}}", f"{_WHO} {{{{currency}}}}")
    steps: style.Steps = ((None, style.Colour.BAD), (0.01, style.Colour.GOOD))
    about = "Money or credits left, as the provider says; a step up is a top-up. Floors per provider are yours to set."
    return style.graph("Balance", about, "short", balance, steps=steps).links([style.runbook("ModelAuthCreditLow")])


def _success() -> style.AnyPanel:
    expr = f"avg by (provider) (avg_over_time(model_auth_probe_success{{{PROVIDER}}}[$__rate_interval]))"
    about = "Share of credentials whose last probe was accepted, per provider."
    return (
        style.graph("Probe success", about, "percentunit", style.query(expr, "{{provider}}"))
        .max(1)
        .links([style.runbook("ModelAuthRejected")])
    )


def _attempts() -> style.AnyPanel:
    where = f'{TARGET}, provider=~"$provider"'
    expr = f"sum by (provider, outcome) (rate(model_auth_probe_attempts_total{{{where}}}[$__rate_interval])) > 0"
    about = "Probes sent, per provider and outcome. It should stay within the daily budget."
    return style.graph("Probes by outcome", about, "reqps", style.query(expr, "{{provider}} {{outcome}}"))


def _phases() -> style.AnyPanel:
    expr = f'avg by (provider, phase) (model_auth_probe_duration_seconds{{{PROVIDER}, phase!="total"}})'
    about = "Where the time of the last probes went: connecting, TLS, waiting, transfer."
    return style.graph("Probe phases", about, "s", style.query(expr, "{{provider}} {{phase}}"))


def _clock() -> style.AnyPanel:
    where = f'{TARGET}, provider=~"$provider"'
    offset = style.query(f"model_auth_clock_offset_seconds{{{where}}}", "{{instance}} {{provider}}")
    about = "This host's clock minus the provider's. All providers off by the same is a wrong clock here."
    return style.graph("Clock offset", about, "s", offset, steps=style.CLOCK, least=None).links([style.runbook("ModelAuthClockSkew")])
