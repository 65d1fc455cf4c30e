"""Pure. Conditions of logins that renew themselves: silent while they do, however near the access token's end is."""

from __future__ import annotations

from datetime import timedelta

from exporter.finding import FindingScope, Severity, Text
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import about, each, fix, sentence
from exporter.findings.view import Held, View
from exporter.verdict import Health, RefreshState

_SUSPECTED = timedelta(minutes=3)  # one failed request may only be the one that starts the renewal
_UNPROVEN, _BROKEN = 1, 2


def _overdue(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.refresh_state is RefreshState.OVERDUE or (p.refresh_state is RefreshState.IDLE and p.auth_failing_since is not None):
        since = p.auth_failing_since
        ended: Text = ("Its access token ran out at ", p.expires_at, ". ") if p.expires_at else ()
        why: Text = (*ended, "Since then requests fail with an authentication error: the renewal does not work.")
    elif (
        p.refresh_state is RefreshState.IDLE
        and p.masked_failure
        and p.last_failure_at
        and p.expires_at
        and p.last_failure_at > p.expires_at
    ):
        since = p.last_failure_at
        why = ("The gateway hid a failure at ", since, ", after the access token ran out: suspected, not proven.")
    else:
        return None
    advice = "Log in again if it does not recover by itself within minutes."
    return about(
        held, "could not be renewed: since", fix(held, view, advice, renew=True), why=why, when=since, since=since, urgency=_BROKEN
    )


def _orphaned(held: Held, view: View) -> Draft | None:
    if held.profile.refresh_state is not RefreshState.ORPHANED:
        return None
    why = "A renewal began, replaced the tokens by a marker and never ended: the process that did it is gone."
    return about(held, "lost its tokens in a renewal that was cut off", fix(held, view, renew=True), why=(why,), urgency=_BROKEN)


def _failed(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.refresh_state is not RefreshState.FAILED:
        return None
    why = f"{sentence(p.health_rule.why)} The refresh grant was probably revoked, or used by another program first."
    return about(held, "can no longer renew itself", fix(held, view, renew=True), why=(why,), since=p.last_failure_at, urgency=_BROKEN)


def _unproven(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.health is not Health.RENEWING or p.refresh_state is not RefreshState.IDLE or p.auth_failing_since or p.expires_at is None:
        return None
    if view.at - p.expires_at < view.thresholds.unproven_after:
        return None
    why: Text = (
        "The gateway renews on the next use. Since ",
        p.expires_at,
        " it was neither used nor renewed, so nobody knows whether it still can.",
    )
    advice = "Use it once, or log in again, to be sure."
    return about(
        held, "has not been renewed since it ran out", fix(held, view, advice, renew=True), why=why, when=p.expires_at, urgency=_UNPROVEN
    )


CONDITIONS = (
    Condition(
        "RefreshFailed", Severity.WARNING, FindingScope.PROFILE, "A login can no longer renew itself.", each(_failed), matter="renewal"
    ),
    Condition(
        "RefreshOrphaned",
        Severity.WARNING,
        FindingScope.PROFILE,
        "A renewal was cut off and left no tokens.",
        each(_orphaned),
        matter="renewal",
    ),
    Condition(
        "RefreshOverdue",
        Severity.WARNING,
        FindingScope.PROFILE,
        "A login is used after its end and not renewed.",
        each(_overdue),
        hold=_SUSPECTED,
        matter="renewal",
    ),
    Condition(
        "RenewalUnproven",
        Severity.WARNING,
        FindingScope.PROFILE,
        "A login ran out long ago and nothing tried to renew it.",
        each(_unproven),
        matter="renewal",
    ),
)
