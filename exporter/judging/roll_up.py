"""Pure. One provider in one agent's view: its word, what is usable, who is next, when it goes dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from exporter.model import CredentialKind
from exporter.verdict import Eligibility, Health, ProfileVerdict, Ruling

_WORST_FIRST = (Health.EXPIRED, Health.MISSING, Health.EXPIRING, Health.OK)


@dataclass(frozen=True, slots=True)
class Darkness:
    """When nothing is usable (since when, if already), and when the first window then ends."""

    dark_at: datetime | None
    recovers_at: datetime | None


NEVER = Darkness(None, None)


def word(effective: Sequence[ProfileVerdict], listed: Sequence[ProfileVerdict]) -> tuple[Health, Ruling]:
    """Return the newest release's roll-up word: over the profiles in order, over the listed ones when none is eligible."""
    judged = effective or listed
    dated = [profile for profile in judged if profile.credential is not CredentialKind.API_KEY]
    words = {profile.gateway_health for profile in judged} - {Health.STATIC}
    whom = "the profiles in order" if effective else "the listed profiles, of which none is eligible"
    for health in _WORST_FIRST:
        if health in words:
            return health, Ruling("roll_up.worst", f"the worst word among {whom}")
    if dated:
        return Health.OK, Ruling("roll_up.undated", "only tokens without a date")
    if any(profile.gateway_health is Health.STATIC for profile in judged):
        return Health.STATIC, Ruling("roll_up.keys", "only API keys")
    return Health.MISSING, Ruling("roll_up.none", "no credential")


def darkness(
    candidates: Iterable[ProfileVerdict],
    listed: Sequence[ProfileVerdict],
    now: datetime,
    relief: Sequence[ProfileVerdict] = (),
    relief_at: datetime | None = None,
) -> Darkness:
    """Say from when on no candidate is usable, by known expiries of credentials that do not renew and by window ends.

    `listed` also holds those that were candidates once: an expired token has left the order, but dates the darkness.
    `relief` are those that become candidates at `relief_at`.
    """
    spans = [(start, end) for start, end in (_available(candidate, now) for candidate in candidates) if start is not None]
    if relief_at:
        spans += [(max(start, relief_at), end) for start, end in (_available(candidate, now) for candidate in relief) if start is not None]
    instant = now
    while True:
        ends = [end for start, end in spans if start <= instant and (end is None or end > instant)]
        if not ends:
            break
        if any(end is None for end in ends):
            return NEVER
        instant = max(end for end in ends if end is not None)
    if instant > now:
        return Darkness(instant, _first_start(spans, instant))
    return Darkness(_dark_since(listed) or now, _first_start(spans, now))


def _first_start(spans: Iterable[tuple[datetime, datetime | None]], instant: datetime) -> datetime | None:
    return min((start for start, end in spans if start > instant and (end is None or end > start)), default=None)


def _available(candidate: ProfileVerdict, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return from when to when a candidate is usable; (None, …): never, as far as is known."""
    end = None if candidate.renews else candidate.expires_at
    if candidate.usable:
        return now, end
    waits = candidate.parked_until if only_parked(candidate) else None
    return waits, end


def only_parked(candidate: ProfileVerdict) -> bool:
    """True when nothing but a window keeps the gateway from using it."""
    return candidate.parked_until is not None and candidate.usable_rule.rule == "usable.parked"


def _dark_since(listed: Sequence[ProfileVerdict]) -> datetime | None:
    """Return since when a dark provider is dark, when the evidence for every profile has an instant."""
    since = [_unusable_since(candidate) for candidate in listed]
    known = [at for at in since if at is not None]
    return max(known) if known and len(known) == len(since) else None


def _unusable_since(candidate: ProfileVerdict) -> datetime | None:
    if candidate.parked_until is not None:
        return candidate.last_failure_at
    if candidate.health is Health.EXPIRED and candidate.reason in (Eligibility.OK, Eligibility.EXPIRED):
        return candidate.expires_at
    return None
