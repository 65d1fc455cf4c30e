"""Pure. The expiry verdict of one credential, and where its refresh grant stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.judging import cooldown, expiry
from exporter.judging.expiry import ExpiryState
from exporter.judging.history import Remembered
from exporter.model import Credential, CredentialKind, ExpiryKind, Usage
from exporter.verdict import Eligibility, Health, RefreshState, Ruling

_FENCE_LIFE = timedelta(seconds=180)  # the gateways' own limit for one refresh
_GATEWAY_WARN = timedelta(hours=24)  # fixed in every release
_PERMANENT = "auth_permanent"


@dataclass(frozen=True, slots=True)
class Rules:
    """The figures a verdict depends on."""

    warn: timedelta = timedelta(hours=24)
    renewal_grace: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class HealthVerdict:
    """Health and refresh state; `usable` is what they alone allow; `until` is when time alone may change a word."""

    health: Health
    refresh: RefreshState
    ruling: Ruling
    usable: bool
    until: datetime | None = None


def health(
    credential: Credential,
    reason: Eligibility,
    usage: Usage,
    remembered: Remembered | None,
    stored_at: datetime | None,
    now: datetime,
    rules: Rules,
) -> HealthVerdict:
    """Judge one credential. `stored_at` is when its store last wrote it, if the store says so."""
    if credential.kind is CredentialKind.OAUTH:
        if credential.fence:
            return _fenced(credential.fence.failed, remembered, stored_at, now)
        if reason is Eligibility.MISSING_CREDENTIAL or reason is Eligibility.UNRESOLVED_REF:
            return _plain(Health.MISSING, "health.missing", "no login is stored", usable=False)
        if credential.refreshable:
            return _renewing(credential, usage, remembered, now, rules)
        return _dated(credential, now, rules, no_date=Health.MISSING)
    if reason is Eligibility.EXPIRED:
        return _dated(credential, now, rules, no_date=Health.STATIC)
    if reason in (Eligibility.MISSING_CREDENTIAL, Eligibility.MALFORMED_API_KEY, Eligibility.INVALID_EXPIRES, Eligibility.SETUP_INACTIVE):
        return _plain(Health.MISSING, f"health.{reason}", "what is stored cannot be used", usable=False)
    if credential.kind is CredentialKind.API_KEY:
        return _plain(Health.STATIC, "health.key", "an API key has no date")
    return _dated(credential, now, rules, no_date=Health.STATIC)


def gateway_word(credential: Credential, reason: Eligibility, now: datetime) -> Health:
    """Return the word of the newest gateway release for the same bytes: it judges the access token's date alone.

    `reason` is the credential's own eligibility, whatever the configuration says of the profile.
    """
    if credential.fence:
        return Health.EXPIRED
    if reason is Eligibility.MISSING_CREDENTIAL:
        return Health.MISSING
    if reason not in (Eligibility.OK, Eligibility.EXPIRED) and credential.kind is not CredentialKind.OAUTH:
        return Health.MISSING
    if credential.kind is CredentialKind.API_KEY:
        return Health.STATIC
    no_date = Health.MISSING if credential.kind is CredentialKind.OAUTH else Health.STATIC
    return _word(credential, now, _GATEWAY_WARN, no_date)


def _word(credential: Credential, now: datetime, window: timedelta, no_date: Health) -> Health:
    match expiry.state(credential.expiry, now, window):
        case ExpiryState.MISSING:
            return no_date
        case ExpiryState.INVALID:
            return Health.MISSING
        case ExpiryState.EXPIRED:
            return Health.EXPIRED
        case ExpiryState.EXPIRING:
            return Health.EXPIRING
        case ExpiryState.VALID:
            return Health.OK


def _plain(word: Health, rule: str, why: str, *, usable: bool = True) -> HealthVerdict:
    return HealthVerdict(word, RefreshState.NONE, Ruling(rule, why), usable)


def _dated(credential: Credential, now: datetime, rules: Rules, no_date: Health) -> HealthVerdict:
    """Judge by the date alone: nothing renews this credential."""
    word = _word(credential, now, rules.warn, no_date)
    at = _tick(credential.expiry.at)
    match word:
        case Health.EXPIRED:
            return _plain(word, "health.expired", "its date has passed and nothing renews it", usable=False)
        case Health.EXPIRING:
            ruling = Ruling("health.expiring", f"less than {_span(rules.warn)} left and nothing renews it")
            return HealthVerdict(word, RefreshState.NONE, ruling, True, at)
        case Health.OK:
            return HealthVerdict(word, RefreshState.NONE, Ruling("health.dated", "its date is ahead"), True, _before(at, rules.warn))
        case Health.MISSING:
            return _plain(word, "health.no_date", "no usable date is stored and nothing renews it", usable=False)
        case _:
            return _plain(word, "health.undated", "no date is stored")


def _renewing(credential: Credential, usage: Usage, remembered: Remembered | None, now: datetime, rules: Rules) -> HealthVerdict:
    """Judge a login that renews itself on its next use: a lapsed access token alone is no fault."""
    if _refused_for_good(credential, usage, now):
        ruling = Ruling("refresh.failed", "the gateway recorded a permanent failure of this login")
        window = max((end for end in (usage.cooldown_until, usage.disabled_until) if end and end > now), default=None)
        return HealthVerdict(Health.EXPIRED, RefreshState.FAILED, ruling, False, window)
    at = credential.expiry.at
    if credential.expiry.kind is not ExpiryKind.DATED or at is None:
        ruling = Ruling("health.no_date", "no usable date is stored, but a refresh grant is")
        return HealthVerdict(Health.MISSING, RefreshState.IDLE, ruling, True)
    if expiry.state(credential.expiry, now, timedelta()) is not ExpiryState.EXPIRED:
        ruling = Ruling("refresh.idle", "the access token is valid and renews itself")
        return HealthVerdict(Health.OK, RefreshState.IDLE, ruling, True, _tick(at))
    failing = failing_since(credential, usage, remembered)
    if failing and now - failing > rules.renewal_grace:
        ruling = Ruling("refresh.overdue", f"authentication has failed since {failing:%Y-%m-%d %H:%M} UTC, after the access token ran out")
        return HealthVerdict(Health.EXPIRED, RefreshState.OVERDUE, ruling, False)
    until = failing + rules.renewal_grace + timedelta(milliseconds=1) if failing else None
    ruling = Ruling("refresh.lazy", "the access token has run out; the gateway renews it on its next use")
    return HealthVerdict(Health.RENEWING, RefreshState.IDLE, ruling, True, until)


def failing_since(credential: Credential, usage: Usage, remembered: Remembered | None) -> datetime | None:
    """Return since when authentication has failed after the stored expiry; None without such a failure."""
    at = credential.expiry.at
    failed = cooldown.auth_failure_at(usage)
    if at is None or failed is None or failed <= at:
        return None
    earlier = remembered.auth_failing_since if remembered else None
    return min(earlier, failed) if earlier and earlier > at else failed


def _refused_for_good(credential: Credential, usage: Usage, now: datetime) -> bool:
    """True when the store names a permanent failure that stands: its window is open, or nothing has worked since.

    A login whose access token is still valid may have been renewed after such a window, so there only an open one counts.
    """
    if _PERMANENT not in (usage.cooldown_reason, usage.disabled_reason) and set(usage.failure_counts) != {_PERMANENT}:
        return False
    if any(end and end > now for end in (usage.cooldown_until, usage.disabled_until)):
        return True
    lapsed = expiry.state(credential.expiry, now, timedelta()) is ExpiryState.EXPIRED
    failed, used = usage.last_failure_at, usage.last_used_at
    return lapsed and failed is not None and (used is None or used <= failed)


def _fenced(failed: bool, remembered: Remembered | None, stored_at: datetime | None, now: datetime) -> HealthVerdict:
    if failed:
        return HealthVerdict(Health.EXPIRED, RefreshState.FAILED, Ruling("refresh.fence_failed", "the last refresh failed"), False)
    seen = remembered.fence_seen_at if remembered else None
    since = min((at for at in (stored_at, seen) if at), default=now)
    if now - since > _FENCE_LIFE:
        ruling = Ruling("refresh.orphaned", "a refresh began and never ended: its process is gone")
        return HealthVerdict(Health.EXPIRED, RefreshState.ORPHANED, ruling, False)
    ruling = Ruling("refresh.in_progress", "a refresh is under way")
    return HealthVerdict(Health.RENEWING, RefreshState.IN_PROGRESS, ruling, True, since + _FENCE_LIFE + timedelta(milliseconds=1))


def _tick(at: datetime | None) -> datetime | None:
    """Return the first whole millisecond at or after an instant: the gateways' clock knows no other."""
    return at + timedelta(microseconds=-at.microsecond % 1000) if at else None


def _before(at: datetime | None, span: timedelta) -> datetime | None:
    return at - span if at else None


def _span(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:g} h" if hours < 48 else f"{hours / 24:g} days"
