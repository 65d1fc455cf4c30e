"""Pure. Conditions of the gateways' own parking: too long, against the facts, or for the wrong reason."""

from __future__ import annotations

from datetime import timedelta

from exporter.finding import Evidence, FindingScope, Severity, Text
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import about, each, fix
from exporter.findings.view import Held, View
from exporter.judging.second_opinion import disproved, misnamed
from exporter.outcome import ProbeStatus
from exporter.verdict import Cooldown, CooldownKind

_FLAP = timedelta(minutes=5)
_SETTLE = timedelta(minutes=1)
_LAPSED = timedelta(minutes=30)
_WORDS = {
    ProbeStatus.AUTH: "an authentication error",
    ProbeStatus.BILLING: "a billing error",
    ProbeStatus.RATE_LIMIT: "a rate limit",
    ProbeStatus.MODEL_NOT_FOUND: "an unknown model",
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
    window = disproved(held.profile)
    if window is None or window.until - view.at <= _FLAP:
        return None
    why: Text = (
        f"Our probe was accepted, yet the gateway keeps it parked ({window.kind}{f', {window.reason}' if window.reason else ''}) until ",
        window.until,
        ".",
    )
    advice = (
        "Store the credential again under the same id: newer releases then lift the window. "
        "No release has a command for that alone; left alone, it ends by itself."
    )
    return about(held, "works, but the gateway will not use it: free", fix(held, view, advice, renew=True), why=why, when=window.until)


def _mismatch(held: Held, view: View) -> Draft | None:
    window, probe = misnamed(held.profile), held.probe
    if window is None or probe is None:
        return None
    found = _WORDS[probe.outcome]
    why: Text = (f"The gateway stored {window.reason} and waits until ", window.until, f"; our probe met {found}.")
    advice = f"Repair what the probe found: {found}. The stored reason misleads."
    what = f"is parked for {window.reason}, but the probe says {probe.outcome}"
    return about(held, what, fix(held, view, advice, renew=probe.outcome is ProbeStatus.AUTH), why=why)


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
