"""Pure. Conditions of the gateways' own parking: too long, against the facts, or for the wrong reason."""

from __future__ import annotations

from datetime import timedelta

from exporter.finding import Evidence, FindingScope, Severity, Text
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import about, each, fix
from exporter.findings.view import Held, View
from exporter.outcome import Outcome, ProbeStatus
from exporter.providers.row import SeesBilling
from exporter.providers.table import BY_ID
from exporter.verdict import Cooldown, CooldownKind

_FLAP = timedelta(minutes=5)
_SETTLE = timedelta(minutes=1)
_LAPSED = timedelta(minutes=30)
_CLASSES = {
    "auth": "auth",
    "auth_permanent": "auth",
    "session_expired": "auth",
    "billing": "billing",
    "rate_limit": "rate_limit",
    "overloaded": "rate_limit",
    "subscription_limit": "rate_limit",
    "model_not_found": "model_not_found",
}
_PROBED = {
    ProbeStatus.AUTH: "auth",
    ProbeStatus.BILLING: "billing",
    ProbeStatus.RATE_LIMIT: "rate_limit",
    ProbeStatus.MODEL_NOT_FOUND: "model_not_found",
}
_WORDS = {
    "auth": "an authentication error",
    "billing": "a billing error",
    "rate_limit": "a rate limit",
    "model_not_found": "an unknown model",
}


def _long(held: Held, view: View) -> Draft | None:
    p = held.profile
    windows = [
        w
        for w in p.cooldowns
        if w.kind is not CooldownKind.BLOCKED and w.reason != "billing" and _length(w, held, view) > view.thresholds.cooldown_long
    ]
    if not windows:
        return None
    window = max(windows, key=lambda w: w.until)
    whose = f"its model {window.model}" if window.model else "it"
    what = f"is parked{f' for {window.reason}' if window.reason else ''}{f' ({window.model} only)' if window.model else ''}: free"
    why: Text = (
        f"The gateway does not use {whose} before ",
        window.until,
        f" ({window.kind}{f', {window.reason}' if window.reason else ''}).",
    )
    if window.model:
        why = (*why, " The profile still serves its other models.")
    advice = "Wait until the window ends, or add another profile of this provider." if window.model else ""
    return about(held, what, fix(held, view, advice), why=why, when=window.until, since=p.last_failure_at, detail=window.model)


def _length(window: Cooldown, held: Held, view: View) -> timedelta:
    """Return how long a window is: since the failure that opened it, as far as that is known."""
    began = held.profile.last_failure_at
    return window.until - (began if began is not None and began <= view.at else view.at)


def _contradicted(held: Held, view: View) -> Draft | None:
    p, probe = held.profile, held.probe
    if probe is None or probe.outcome is not ProbeStatus.OK or (p.last_failure_at and probe.at and probe.at < p.last_failure_at):
        return None
    wrong = [w for w in p.cooldowns if w.until - view.at > _FLAP and _disproved(w, probe, p.provider)]
    if not wrong:
        return None
    window = max(wrong, key=lambda w: w.until)
    why: Text = (
        f"Our probe was accepted, yet the gateway keeps it parked ({window.kind}{f', {window.reason}' if window.reason else ''}) until ",
        window.until,
        ".",
    )
    advice = (
        "No release has a command that clears it: it ends by itself, "
        "and in newer ones storing the credential again under the same id clears it."
    )
    return about(held, "works, but the gateway will not use it: free", fix(held, view, advice, renew=True), why=why, when=window.until)


def _disproved(window: Cooldown, probe: Outcome, provider: str) -> bool:
    """Tell whether an accepted probe proves a window wrong: a free request says little about money and subscription limits."""
    if window.kind is CooldownKind.BLOCKED or window.reason == "subscription_limit":
        used = [quota.used for quota in probe.quotas if quota.used is not None]
        return bool(used) and max(used) < 1
    if window.reason == "billing":
        row = BY_ID.get(provider)
        paid = any(balance.amount > 0 for balance in probe.balances)
        return paid or (row is not None and row.sees_billing is SeesBilling.YES)
    return True


def _mismatch(held: Held, view: View) -> Draft | None:
    probe = held.probe
    found = _PROBED.get(probe.outcome) if probe else None
    if probe is None or found is None or (found in ("auth", "billing") and not held.profile.refused):
        return None
    for window in held.profile.cooldowns:
        stored = _CLASSES.get(window.reason)
        if stored is not None and stored != found:
            why: Text = (f"The gateway stored {window.reason} and waits until ", window.until, f"; our probe met {_WORDS[found]}.")
            advice = f"Repair what the probe found: {_WORDS[found]}. The stored reason misleads."
            return about(
                held, f"is parked for {window.reason}, but the probe says {found}", fix(held, view, advice, renew=found == "auth"), why=why
            )
    return None


CONDITIONS = (
    Condition(
        "CooldownContradicted",
        Severity.WARNING,
        FindingScope.PROFILE,
        "The gateway parks a credential that works.",
        each(_contradicted),
        hold=_FLAP,
        resolve_hold=_SETTLE,
        evidence=Evidence.PROBE,
    ),
    Condition(
        "ReasonMismatch",
        Severity.WARNING,
        FindingScope.PROFILE,
        "The stored reason is not what the provider says.",
        each(_mismatch),
        hold=_FLAP,
        resolve_hold=_SETTLE,
        evidence=Evidence.PROBE,
    ),
    Condition(
        "CooldownLong",
        Severity.WARNING,
        FindingScope.PROFILE,
        "A credential is parked for long.",
        each(_long),
        hold=timedelta(minutes=1),
        lapse_hold=_LAPSED,
    ),
)
