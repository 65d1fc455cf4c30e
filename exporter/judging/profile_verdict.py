"""Pure. Everything concluded about one profile in one agent's view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from exporter.judging import cooldown, selection
from exporter.judging import health as health_rules
from exporter.judging.health import HealthVerdict, Rules
from exporter.judging.history import History, Remembered, Subject, fingerprint
from exporter.model import (
    ConfiguredProfile,
    ExpiryKind,
    Profile,
    RefState,
    Resolution,
    SecretRef,
    Source,
    Usage,
)
from exporter.outcome import Outcome
from exporter.verdict import Cooldown, Eligibility, Health, ProfileVerdict, RefreshState, Ruling, refuses

_NOT_USED = Usage()
_UNCHECKED = Resolution(RefState.UNCHECKED)
_USABLE = Ruling("usable", "eligible, not lapsed, not parked, not refused")
_STUCK = frozenset({RefreshState.ORPHANED, RefreshState.FAILED})  # says more than the eligibility code, which is "expired"


@dataclass(frozen=True, slots=True)
class Bench:
    """What judging the profiles of one agent needs besides the profiles."""

    gateway: str
    agent: str
    now: datetime
    rules: Rules
    usage: Mapping[str, Usage]
    configured: Mapping[str, ConfiguredProfile]
    models: Mapping[str, tuple[str, ...]]  # canonical provider -> models in use
    resolutions: Mapping[SecretRef, Resolution]
    history: History
    outcomes: Mapping[Subject, Outcome] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Origin:
    """How a profile came into an agent's view; `unlisted` says why one that is only shown proves nothing about the gateway."""

    inherited_from: str | None = None
    stored_at: datetime | None = None  # when its store was last written
    stale_since: datetime | None = None
    unlisted: str = ""


_HERE = Origin()


def judge_profile(
    bench: Bench, profile: Profile, origin: Origin = _HERE, *, provider: str | None = None
) -> tuple[ProfileVerdict, datetime | None]:
    """Judge one profile; also return when time alone may change a word of it.

    `provider` overrides the profile's own: a CLI login serving a CLI back end.
    """
    name = provider or selection.normalise(profile.provider)
    subject, credential = Subject(bench.gateway, bench.agent, name, profile.id), profile.credential
    remembered = bench.history.subjects.get(subject)
    usage = _usage(bench, profile, name)
    stored = selection.credential_eligibility(credential, bench.now)[0]  # health is of what is stored, whatever is configured
    windows = cooldown.open_windows(usage, name, bench.now)
    found = _Found(
        provider=name,
        usage=usage,
        remembered=remembered,
        probe=bench.outcomes.get(subject),
        ruling=_eligibility(bench, profile),
        health=health_rules.health(credential, stored, usage, remembered, origin.stored_at, bench.now, bench.rules),
        gateway_health=health_rules.gateway_word(credential, stored, bench.now),
        windows=windows,
        parked_until=cooldown.parked_until(windows, bench.models.get(selection.canonical(name), ())),
        fingerprint=fingerprint(credential, bench.history.salt),
        expires_at=None if credential.fence or credential.expiry.looks_like_seconds else credential.expiry.at,
    )
    return _verdict(bench, profile, origin, found), _next_change(found.health, windows, bench.now)


class _Found(NamedTuple):
    """What each rule says by itself."""

    provider: str
    usage: Usage
    remembered: Remembered | None
    probe: Outcome | None
    ruling: tuple[Eligibility, Ruling]
    health: HealthVerdict
    gateway_health: Health
    windows: tuple[Cooldown, ...]
    parked_until: datetime | None
    fingerprint: str
    expires_at: datetime | None


def _verdict(bench: Bench, profile: Profile, origin: Origin, found: _Found) -> ProfileVerdict:
    """Put it together at once: copies of a value this wide are what a pass over thousands of profiles would spend its time on."""
    credential, usage, remembered, health = profile.credential, found.usage, found.remembered, found.health
    ref, reason = credential.secret_ref, found.ruling[0]
    renews = credential.refreshable and health.refresh in (RefreshState.IDLE, RefreshState.IN_PROGRESS)
    errors, failures = cooldown.counters(usage, bench.now)
    failing = health_rules.failing_since(credential, usage, remembered) if credential.refreshable else None
    refused = refuses(found.probe, found.fingerprint, health.health, found.expires_at, renews=renews)
    usable_rule = _usable(found, refused=refused, unlisted=origin.unlisted)
    return ProfileVerdict(
        gateway=bench.gateway, agent=bench.agent, provider=found.provider, profile=profile.id, email=profile.email,
        credential=credential.kind, source=profile.source, store=profile.store, fingerprint=found.fingerprint,
        inherited_from=origin.inherited_from, stale_since=origin.stale_since, counts=not origin.unlisted,
        health=health.health, health_rule=health.ruling, gateway_health=found.gateway_health,
        reason=reason, reason_rule=found.ruling[1], usable=usable_rule is _USABLE, usable_rule=usable_rule,
        expires_at=found.expires_at,
        suspect_expiry=credential.expiry.looks_like_seconds or credential.expiry.kind is ExpiryKind.INVALID,
        refreshable=credential.refreshable, refresh_state=health.refresh, renews=renews, fenced=credential.fence is not None,
        auth_failing_since=failing, masked_failure=cooldown.masked_failure(usage),
        cooldowns=found.windows, parked_until=found.parked_until,
        last_used_at=usage.last_used_at, last_failure_at=usage.last_failure_at, errors=errors, failures=failures,
        first_seen_at=remembered.first_seen_at if remembered else None, changed_at=remembered.changed_at if remembered else None,
        ref=f"{ref.source}:{ref.id}" if ref else "", ref_state=bench.resolutions.get(ref, _UNCHECKED).state if ref else "",
        probe=found.probe,
    )  # fmt: skip


def named_only(bench: Bench, profile_id: str, provider: str, why: str) -> ProfileVerdict:
    """Build the verdict of a profile that configuration or an order names and no store holds."""
    ruling = Ruling("eligibility.profile_missing", why)
    subject = Subject(bench.gateway, bench.agent, provider, profile_id)
    remembered: Remembered | None = bench.history.subjects.get(subject)
    return ProfileVerdict(
        gateway=bench.gateway,
        agent=bench.agent,
        provider=provider,
        profile=profile_id,
        credential=None,
        source=Source.STORE,
        store=None,
        health=Health.MISSING,
        health_rule=Ruling("health.profile_missing", why),
        reason=Eligibility.PROFILE_MISSING,
        reason_rule=ruling,
        gateway_health=Health.MISSING,
        usable=False,
        usable_rule=Ruling("usable.ineligible", why),
        why=why,
        first_seen_at=remembered.first_seen_at if remembered else None,
    )


def keyless(bench: Bench, profile_id: str, provider: str, why: str) -> ProfileVerdict:
    """Build the verdict of a provider entry that needs no stored credential: a local runtime, the AWS credential chain."""
    return ProfileVerdict(
        gateway=bench.gateway,
        agent=bench.agent,
        provider=provider,
        profile=profile_id,
        credential=None,
        source=Source.CONFIG,
        store=None,
        health=Health.STATIC,
        health_rule=Ruling("health.keyless", why),
        reason=Eligibility.OK,
        reason_rule=Ruling("eligibility.keyless", why),
        gateway_health=Health.STATIC,
        usable=True,
        usable_rule=Ruling("usable.keyless", why),
    )


def _usage(bench: Bench, profile: Profile, provider: str) -> Usage:
    if profile.source in (Source.ENV, Source.CONFIG):
        return bench.usage.get(cooldown.INLINE_KEY_PREFIX + provider, _NOT_USED)
    if profile.source is Source.STORE:
        return bench.usage.get(profile.id, _NOT_USED)
    return _NOT_USED


def _eligibility(bench: Bench, profile: Profile) -> tuple[Eligibility, Ruling]:
    reason, ruling = selection.eligibility(profile, bench.configured.get(profile.id), bench.now)
    ref = profile.credential.secret_ref
    resolution = bench.resolutions.get(ref) if ref else None
    if ref and reason is Eligibility.OK and resolution and resolution.state is RefState.UNRESOLVED:
        code = f" ({resolution.code})" if resolution.code else ""
        return Eligibility.UNRESOLVED_REF, Ruling("eligibility.unresolved_ref", f"its {ref.source} reference leads to nothing{code}")
    return reason, ruling


def _usable(found: _Found, *, refused: bool, unlisted: str) -> Ruling:
    """The first rule that forbids its use; `_USABLE` when none does."""
    (reason, reason_rule), health = found.ruling, found.health
    if unlisted:
        return Ruling("usable.unlisted", unlisted)
    if health.refresh in _STUCK or (reason is Eligibility.OK and not health.usable):
        return Ruling("usable.lapsed", health.ruling.why)
    if reason is not Eligibility.OK and health.refresh is not RefreshState.IN_PROGRESS:
        return Ruling("usable.ineligible", reason_rule.why)
    if refused and found.probe is not None:
        detail = f" ({found.probe.detail})" if found.probe.detail else ""
        return Ruling("usable.refused", f"the provider refuses it: {found.probe.outcome}{detail}")
    if found.parked_until:
        return Ruling("usable.parked", "the gateway has parked it")
    return _USABLE


def _next_change(health: HealthVerdict, windows: tuple[Cooldown, ...], now: datetime) -> datetime | None:
    ends = [window.until for window in windows]
    if health.until:
        ends.append(health.until)
    return min((end for end in ends if end > now), default=None)
