"""Pure. Conditions of one credential: its date, whether it is there, and whether the provider takes it."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.finding import Evidence, FindingScope, Severity, Text
from exporter.findings import drift
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import about, each, fix, quoted, sentence, stage
from exporter.findings.view import Held, View, is_listed_login
from exporter.judging.history import Subject
from exporter.model import CredentialKind
from exporter.outcome import ProbeStatus
from exporter.verdict import Eligibility, Health, RefreshState
from exporter.words import duration

_ENDED = 100  # more urgent than any stage before the end
_ABSENT = frozenset({Eligibility.OK, Eligibility.MISSING_CREDENTIAL, Eligibility.MALFORMED_API_KEY})
_MISMATCHES = frozenset({Eligibility.PROVIDER_MISMATCH, Eligibility.MODE_MISMATCH})


def _expiring(held: Held, view: View) -> Draft | None:
    p = held.profile
    crossed = stage(p, view)
    if crossed is None or p.expires_at is None or p.health in (Health.EXPIRED, Health.MISSING) or p.reason is not Eligibility.OK:
        return None
    why: Text = ("Its stored date is ", p.expires_at, " and nothing renews it.")
    name, urgency, _ = crossed
    severity = Severity.WARNING if held.in_use or is_listed_login(p) else Severity.INFO
    return about(
        held,
        "runs out",
        fix(held, view, "Replace it before it ends.", renew=True),
        why=why,
        when=p.expires_at,
        stage=name,
        urgency=urgency,
        severity=severity,
    )


def _expired(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.health is not Health.EXPIRED or p.refresh_state is not RefreshState.NONE or p.suspect_expiry or p.expires_at is None:
        return None
    why: Text = ("Its stored date ", p.expires_at, " has passed and nothing renews it.")
    if p.gateway_health is not Health.EXPIRED:
        why = (*why, f" The gateway still calls it {p.gateway_health}.")
    severity = Severity.WARNING if held.in_use or is_listed_login(p) else Severity.INFO
    return about(
        held, "ran out", fix(held, view, renew=True), why=why, when=p.expires_at, since=p.expires_at, urgency=_ENDED, severity=severity
    )


def _rejected(held: Held, view: View) -> Draft | None:
    probe = held.probe
    if probe is None or not held.profile.refused or probe.outcome is not ProbeStatus.AUTH:
        return None
    said = f" ({quoted(probe.words)})" if probe.words else ""
    status = f"HTTP {probe.status}" if probe.status else "a refusal"
    why: Text = (f"The provider answered our probe twice with {status}: {probe.detail or 'not accepted'}{said}.",)
    ends = held.profile.expires_at
    if ends is not None and ends > view.at:
        why = (*why, " Its stored date says it should last until ", ends, ".")
    return about(held, f"is refused by the provider ({probe.detail or 'auth'})", fix(held, view, renew=True), why=why)


def _missing(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.health is not Health.MISSING or p.reason not in _ABSENT or p.refreshable or p.suspect_expiry:
        return None
    return about(held, "holds no usable credential", fix(held, view, renew=True), why=(sentence(f"{p.health_rule.why} ({p.reason})"),))


def _invalid_expiry(held: Held, view: View) -> Draft | None:
    p = held.profile
    if not p.suspect_expiry and p.reason is not Eligibility.INVALID_EXPIRES:
        return None
    if p.health is Health.EXPIRED:
        why = "Its stored date looks like seconds; the gateway reads milliseconds and takes it for a day in 1970."
    else:
        why = "Its stored date is not one the gateway can read."
    return about(
        held, "has an expiry date that cannot be right", fix(held, view, "Store it again with a proper date.", renew=True), why=(why,)
    )


def _unresolved(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.reason is Eligibility.OAUTH_SECRET_REF_REJECTED:
        return about(held, "keeps a login behind a SecretRef", fix(held, view), why=("The gateway refuses to start with it.",))
    if p.reason is not Eligibility.UNRESOLVED_REF and p.ref_state != "unresolved":
        return None
    kind = p.ref.partition(":")[0] or "secret"
    why = f"The {kind} reference it points to cannot be read from here as the gateway's service would."
    return about(held, "points to a secret that is not there", fix(held, view), why=(why,))


def _undated(held: Held, view: View) -> Draft | None:
    p = held.profile
    born = p.changed_at or p.first_seen_at
    if p.credential is not CredentialKind.TOKEN or p.expires_at is not None or p.health is not Health.STATIC or born is None:
        return None
    if view.at - born < view.thresholds.unknown_expiry_age:
        return None
    why: Text = (
        "It carries no expiry date and has not changed since ",
        born,
        ". Such tokens usually end after about a year: an assumption, "
        f"made of every one older than {duration(view.thresholds.unknown_expiry_age)}.",
    )
    return about(
        held,
        "has no expiry date and is old: first seen",
        fix(held, view, "Replace it at a time of your choosing.", renew=True),
        why=why,
        when=born,
    )


def _had_credential(held: Held, view: View) -> bool:
    p = held.profile
    remembered = view.context.history.subjects.get(Subject(p.gateway, p.agent, p.provider, p.profile))
    return (remembered is not None and bool(remembered.fingerprint)) or drift.is_lost(p, view)


def _vanished(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.reason is not Eligibility.PROFILE_MISSING or not _had_credential(held, view):
        return None
    return about(held, "is gone from its store", fix(held, view), why=(f"It held a credential before; now {p.why or p.reason_rule.why}.",))


def _gone(view: View) -> Iterator[Draft]:
    yield from each(_vanished)(view)
    yield from drift.of("ProfileVanished")(view)


def _ghost(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.reason is not Eligibility.PROFILE_MISSING or _had_credential(held, view):
        return None
    return about(held, "is named but stored nowhere", fix(held, view), why=(sentence(p.reason_rule.why),))


def _mismatched(held: Held, view: View) -> Draft | None:
    p = held.profile
    if p.reason not in _MISMATCHES:
        return None
    return about(held, "is left out: configuration and store disagree", fix(held, view), why=(sentence(p.reason_rule.why),))


CONDITIONS = (
    Condition(
        "Expired", Severity.WARNING, FindingScope.PROFILE, "A credential that nothing renews has run out.", each(_expired), matter="expiry"
    ),
    Condition(
        "Expiring",
        Severity.WARNING,
        FindingScope.PROFILE,
        "A credential that nothing renews will run out.",
        each(_expiring),
        matter="expiry",
    ),
    Condition(
        "Rejected",
        Severity.WARNING,
        FindingScope.PROFILE,
        "The provider refuses a credential, seen twice.",
        each(_rejected),
        evidence=Evidence.PROBE,
    ),
    Condition(
        "MissingCredential", Severity.WARNING, FindingScope.PROFILE, "A profile holds nothing the gateway could use.", each(_missing)
    ),
    Condition(
        "InvalidExpiry", Severity.WARNING, FindingScope.PROFILE, "A stored date is not a date, or in seconds.", each(_invalid_expiry)
    ),
    Condition("SecretRefUnresolved", Severity.WARNING, FindingScope.PROFILE, "A SecretRef leads to nothing.", each(_unresolved)),
    Condition("ExpiryUnknownOld", Severity.WARNING, FindingScope.PROFILE, "A token without a date has grown old.", each(_undated)),
    Condition("ProfileVanished", Severity.WARNING, FindingScope.PROFILE, "A profile that held a credential is gone.", _gone),
    Condition(
        "OrderNamesGhost", Severity.WARNING, FindingScope.PROFILE, "Configuration or an order names what no store holds.", each(_ghost)
    ),
    Condition(
        "ProfileMismatch", Severity.WARNING, FindingScope.PROFILE, "Configuration and store disagree about a profile.", each(_mismatched)
    ),
)
