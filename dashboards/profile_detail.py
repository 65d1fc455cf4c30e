"""Pure. Dashboard 2: everything about credentials: expiry and rotation, cooldowns beside probes, drift."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import style
from dashboards.frame import Sized, dashboard
from dashboards.style import AGENT, BY_PROFILE, PROFILE, PROVIDER

UID: Final = "model-auth-profile"

_WHO = "{{gateway}} {{agent}} {{profile}}"
_BY = "gateway, agent, profile"


def build() -> Dashboard:
    """Make the dashboard."""
    return dashboard(
        UID,
        "Every fact about credentials over time: when they end and were replaced, what parks them, what providers say.",
        ("job", "instance", "gateway", "agent", "provider", "profile"),
        "Expiry and rotation",
        Sized(_facts(), 24, 9),
        Sized(_health(), 12, 9),
        Sized(_remaining(), 12, 9),
        Sized(_rotation(), 12, 8),
        Sized(_refresh(), 12, 8),
        "Cooldowns beside probes",
        Sized(_parked(), 12, 8),
        Sized(_outcome(), 12, 8),
        Sized(_windows(), 12, 8),
        Sized(_details(), 12, 8),
        Sized(_cooldown(), 8, 8),
        Sized(_failures(), 8, 8),
        Sized(_duration(), 8, 8),
        "Drift",
        Sized(_drift(), 24, 7),
    )


def _facts() -> style.AnyPanel:
    return (
        style.rows(
            "Credentials",
            "One row per credential; what ends first stands first. A login that renews itself may be past its date.",
            {
                "Ends in": f"model_auth_profile_expiry_timestamp_seconds{{{PROFILE}}} - time()",
                "Usable": f"model_auth_profile_usable{{{PROFILE}}}",
                "Renews": f"model_auth_profile_refreshable{{{PROFILE}}}",
                "Replaced": f"model_auth_profile_changed_timestamp_seconds{{{PROFILE}}} * 1000",
                "Last used": f"model_auth_profile_last_used_timestamp_seconds{{{PROFILE}}} * 1000",
                "Kind": f"sum by ({BY_PROFILE}, credential, source) (model_auth_profile_info{{{PROFILE}}})",
            },
            sort="Ends in",
            hidden=("instance", "Kind", "Value #F"),
        )
        .override_by_name("Ends in", style.column("s", steps=style.EXPIRY))
        .override_by_name("Usable", style.column(states=style.YES_NO))
        .override_by_name("Renews", style.column(states={"no": style.Colour.QUIET, "yes": style.Colour.CALM}))
        .override_by_name("Replaced", style.column("dateTimeFromNow"))
        .override_by_name("Last used", style.column("dateTimeFromNow"))
        .links([style.runbook("ModelAuthExpiring")])
    )


def _health() -> style.AnyPanel:
    expr = style.state_of("model_auth_profile_health", "health", style.HEALTH, PROFILE, _BY)
    about = "Expiry verdict over time. Renewing is no fault: the gateway renews on the next use."
    return style.timeline("Health", about, expr, _WHO, style.HEALTH).links([style.runbook("ModelAuthExpired")])


def _remaining() -> style.AnyPanel:
    remaining = style.query(f"model_auth_profile_expiry_timestamp_seconds{{{PROFILE}}} - time()", _WHO)
    about = "Time to the stored date. A line that jumps up was renewed or replaced; one that crosses zero ran out."
    return style.graph("Time to expiry", about, "s", remaining, steps=style.EXPIRY, least=None).links([style.runbook("ModelAuthExpiring")])


def _rotation() -> style.AnyPanel:
    age = style.query(f"time() - model_auth_profile_changed_timestamp_seconds{{{PROFILE}}}", _WHO)
    about = "Time since the credential was last replaced. A login that renews itself"
    about += " drops to zero again and again; one that only climbs does not."
    return style.graph("Time since rotation", about, "s", age).links([style.runbook("ModelAuthRenewalUnproven")])


def _refresh() -> style.AnyPanel:
    renews = f"and on ({BY_PROFILE}) model_auth_profile_refreshable{{{PROFILE}}} == 1"
    terms = [f'(model_auth_profile_refresh_state{{{PROFILE}, state="{state}"}} {renews}) * {n}' for n, state in enumerate(style.REFRESH)]
    about = "Where the refresh grant of each login stands."
    expr = f"sum by ({_BY}) ({' or '.join(terms)})"
    return style.timeline("Renewal", about, expr, _WHO, style.REFRESH).links([style.runbook("ModelAuthRefreshOverdue")])


def _parked() -> style.AnyPanel:
    expr = (
        f'max by ({_BY}) (model_auth_cooldown_active{{{PROFILE}, kind="cooldown"}}'
        f' or model_auth_cooldown_active{{{PROFILE}, kind="blocked"}} * 2 or model_auth_cooldown_active{{{PROFILE}, kind="disabled"}} * 3)'
    )
    about = "The gateway's own parking. Beside it stands what the provider answers: where the two disagree, the gateway may be wrong."
    panel = style.timeline("Parked by the gateway", about, expr, _WHO, style.PARKED)
    return panel.links([style.runbook("ModelAuthCooldownContradicted")])


def _outcome() -> style.AnyPanel:
    expr = style.state_of("model_auth_probe_outcome", "outcome", style.PROBE, PROFILE, _BY)
    about = "What the provider answered to the last probe."
    return style.timeline("Answered by the provider", about, expr, _WHO, style.PROBE).links([style.runbook("ModelAuthRejected")])


def _windows() -> style.AnyPanel:
    until = (
        f"max by ({_BY}, kind) (model_auth_cooldown_until_timestamp_seconds{{{PROFILE}}} - time())"
        f" * on ({_BY}, kind) group_right () max by ({_BY}, kind, scope, model, reason) (model_auth_cooldown_info{{{PROFILE}}})"
    )
    return (
        style.rows(
            "Active windows",
            "Why the gateway keeps a credential from use, for the whole profile or one model, and for how long still.",
            {"Ends in": until},
            sort="Ends in",
            descending=True,
        )
        .override_by_name("Ends in", style.column("s", steps=style.COOLDOWN))
        .links([style.runbook("ModelAuthCooldownLong")])
    )


def _details() -> style.AnyPanel:
    info = f"max by ({_BY}, outcome, detail) (model_auth_probe_detail_info{{{PROFILE}}})"
    age = f"max by ({_BY}) (time() - model_auth_probe_last_attempt_timestamp_seconds{{{PROFILE}}})"
    return (
        style.rows(
            "Last answers in detail",
            "The finer outcome of the last probe, and how long ago that was.",
            {"Age": f"{age} * on ({_BY}) group_right () {info}"},
            sort="outcome",
        )
        .override_by_name("Age", style.column("s", steps=style.PROBE_AGE))
        .links([style.runbook("ModelAuthReasonMismatch")])
    )


def _cooldown() -> style.AnyPanel:
    left = style.query(f"model_auth_cooldown_until_timestamp_seconds{{{PROFILE}}} - time() > 0", f"{_WHO} {{{{kind}}}}")
    about = "Time until each window ends; a saw-tooth is a credential that fails again and again."
    return style.graph("Cooldown left", about, "s", left, steps=style.COOLDOWN).links([style.runbook("ModelAuthCooldownLong")])


def _failures() -> style.AnyPanel:
    counted = style.query(f"model_auth_profile_failures{{{PROFILE}}} > 0", f"{_WHO} {{{{reason}}}}")
    about = "Failures the gateway counts by reason; it resets them after a success."
    return style.graph("Failures counted by the gateway", about, "short", counted)


def _duration() -> style.AnyPanel:
    took = style.query(f'model_auth_probe_duration_seconds{{{PROFILE}, phase="total"}}', _WHO)
    return style.graph("Probe duration", "How long the last probe took altogether.", "s", took)


def _drift() -> style.AnyPanel:
    # Drift of a whole gateway has an empty provider.
    where = PROVIDER.replace('provider=~"$provider"', 'provider=~"$provider|"').replace('agent=~"$agent"', 'agent=~"$agent|"')
    assert where.startswith(AGENT[:20])
    return (
        style.rows(
            "Places that disagree",
            "Agent by provider: which two places should say the same and do not. Compared by salted hashes, never by value.",
            {"Differs": f"max by (instance, gateway, agent, provider, kind) (model_auth_drift{{{where}}}) == 1"},
            sort="kind",
        )
        .override_by_name("Differs", style.column(states=style.FLAGGED))
        .links([style.runbook("ModelAuthAgentDrift")])
    )
