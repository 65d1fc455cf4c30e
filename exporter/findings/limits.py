"""Pure. Conditions of money and quotas."""

from __future__ import annotations

from datetime import datetime, timedelta

from exporter.finding import Evidence, FindingScope, Severity, Text
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import BILLING_PAGES, about, each, fix, quoted
from exporter.findings.view import Held, View
from exporter.outcome import ProbeStatus, Quota
from exporter.verdict import Cooldown, CooldownKind
from exporter.words import parse_duration

_LAPSED = timedelta(minutes=30)  # a window that merely ended proves nothing until the credential is used again
_NEAR, _OUT = 1, 2
_EARLY = 20  # the first part of a window is too short to tell a pace by
_NAMED = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def _billing(held: Held, view: View) -> Draft | None:
    p = held.profile
    window = next((w for w in p.cooldowns if w.kind is CooldownKind.DISABLED and w.reason == "billing"), None)
    probe = held.probe
    refused = probe is not None and p.refused and probe.outcome is ProbeStatus.BILLING
    if window is None and not refused:
        return None
    why: Text = ("The gateway put it aside after the provider refused for billing",) if window else ()
    if window and p.last_failure_at:
        why = (*why, " at ", p.last_failure_at)
    why = (*why, ".") if window else ()
    if refused and probe is not None:
        words = f" {quoted(probe.words)}" if probe.words else ""
        why = (*why, f"{' ' if why else ''}Our own probe was refused for billing too{f' ({probe.detail})' if probe.detail else ''}.{words}")
    advice = "Top up or settle the bill at the provider; the gateway tries again when its window ends."
    page = BILLING_PAGES.get(p.provider, "")
    what = "is out for billing: next try" if window else "is refused for billing"
    return about(
        held,
        what,
        fix(held, view, advice, url=page),
        why=why,
        when=window.until if window else None,
        since=p.last_failure_at if window else None,
        evidence=Evidence.STORE if window else Evidence.PROBE,
    )


def _credit(held: Held, view: View) -> Draft | None:
    probe, least = held.probe, view.thresholds.credit.get(held.profile.provider)
    if probe is None or least is None or not probe.balances:
        return None
    lowest = min(probe.balances, key=lambda balance: balance.amount)
    if lowest.amount >= least:
        return None
    page = BILLING_PAGES.get(held.profile.provider, "")
    why = f"The provider reports {lowest.amount:g} {lowest.currency}; the least you allow is {least:g}."
    return about(held, f"has {lowest.amount:g} {lowest.currency} left", fix(held, view, "Top up at the provider.", url=page), why=(why,))


def _near(held: Held, view: View) -> Draft | None:
    quota = _fullest(held)
    if quota is None or quota.used is None or not view.thresholds.quota <= quota.used < 1:
        return None
    said = f"The provider reports {quota.used:.0%} of the {_window(quota)} quota used; the limit you set is {view.thresholds.quota:.0%}."
    why: Text = (said, *_forecast(quota, held.probe.at if held.probe else None))
    what = f"has used {quota.used:.0%} of its {_window(quota)} quota" + (": resets" if quota.reset_at else "")
    advice = "Slow down, or add another profile of this provider before it is used up."
    page = BILLING_PAGES.get(held.profile.provider, "")
    return about(held, what, fix(held, view, advice, url=page), why=why, when=quota.reset_at, detail=quota.window, urgency=_NEAR)


def _exhausted(held: Held, view: View) -> Draft | None:
    p = held.profile
    blocked = next((w for w in p.cooldowns if w.kind is CooldownKind.BLOCKED), None)
    quota = _fullest(held)
    full = quota if quota is not None and quota.used is not None and quota.used >= 1 else None
    if blocked is None and full is None:
        return None
    until = blocked.until if blocked else full.reset_at if full else None
    advice = "Wait for the reset, or add another profile of this provider."
    page = BILLING_PAGES.get(p.provider, "")
    whose = _scope(blocked) if blocked else ""
    why = f"The gateway recorded the subscription's limit{whose}." if blocked else "The provider reports the quota as used up."
    return about(
        held,
        "has used up its quota" + (": back" if until else ""),
        fix(held, view, advice, url=page),
        why=(why,),
        when=until,
        urgency=_OUT,
        detail=full.window if full else "",
        evidence=Evidence.STORE if blocked else Evidence.PROBE,
        lapse_hold=_LAPSED if blocked else None,
    )


def _fullest(held: Held) -> Quota | None:
    known = [quota for quota in (held.probe.quotas if held.probe else ()) if quota.used is not None]
    return max(known, key=lambda quota: quota.used or 0, default=None)


def _forecast(quota: Quota, at: datetime | None) -> Text:
    """Say when the quota ends at the pace of this window so far; nothing where its length or begin is unknown."""
    length = _length(quota.window)
    if length is None or at is None or quota.reset_at is None or not quota.used:
        return ()
    elapsed = length - (quota.reset_at - at)
    if not length / _EARLY <= elapsed <= length:
        return ()
    ends = at + elapsed * (1 - quota.used) / quota.used
    if ends >= quota.reset_at:
        return (" At the pace of this window it lasts until then.",)
    return (" At the pace of this window it is used up at ", ends, ", before it resets.")


def _length(window: str) -> timedelta | None:
    """Read the length of a window from its name, such as `5h`, `opus_7d` or `month`."""
    word = window.rpartition("_")[2]
    try:
        return _NAMED.get(word) or parse_duration(word)
    except ValueError:
        return None


def _window(quota: Quota) -> str:
    return quota.window or "announced"


def _scope(window: Cooldown) -> str:
    return f" for model {window.model}; its other models still serve" if window.model else ""


CONDITIONS = (
    Condition("BillingDisabled", Severity.WARNING, FindingScope.PROFILE, "Credit or plan ran out.", each(_billing), lapse_hold=_LAPSED),
    Condition(
        "CreditLow", Severity.WARNING, FindingScope.PROFILE, "The balance is below the threshold.", each(_credit), evidence=Evidence.PROBE
    ),
    Condition("QuotaExhausted", Severity.WARNING, FindingScope.PROFILE, "A quota is used up.", each(_exhausted), matter="quota"),
    Condition(
        "QuotaNearLimit",
        Severity.WARNING,
        FindingScope.PROFILE,
        "A quota is nearly used up.",
        each(_near),
        evidence=Evidence.PROBE,
        hold=timedelta(minutes=1),
        matter="quota",
    ),
)
