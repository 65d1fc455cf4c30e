"""Pure. Everything known about one profile, in words: what `explain` prints and what the profile's page shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exporter.finding import Text
from exporter.judging.pools import Pool, pools
from exporter.judging.second_opinion import opinion
from exporter.model import CredentialKind
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import (
    AgentVerdict,
    Cooldown,
    CooldownScope,
    Eligibility,
    GatewayVerdict,
    Health,
    ProfileVerdict,
    ProviderVerdict,
    RefreshState,
    Ruling,
)
from exporter.words import counted, duration, listing, relative

_REFUSALS: Final = frozenset({ProbeStatus.AUTH, ProbeStatus.BILLING})
_CLOCK_SECONDS: Final = 5  # an offset below this is the way there and back
_REFRESH: Final = {
    RefreshState.NONE: "none: it does not renew itself",
    RefreshState.IDLE: "idle: a refresh grant is stored, the gateway renews on the next use",
    RefreshState.IN_PROGRESS: "in progress: the gateway has put a marker in place of the tokens",
    RefreshState.OVERDUE: "overdue: authentication failed after the access token ended, and nothing renewed it since",
    RefreshState.ORPHANED: "orphaned: the gateway began a renewal and never ended it",
    RefreshState.FAILED: "failed: the gateway gave up, only a new login helps",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: words, an instant (said both ways), or both; `rule` names the rule that decided it."""

    name: str
    words: Text = ()
    at: datetime | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Dossier:
    """All facts about one profile in one agent's view, by what they are about."""

    facts: tuple[Fact, ...]
    verdicts: tuple[Fact, ...]
    provider: tuple[Fact, ...]
    probe: tuple[Fact, ...]
    gateway: tuple[Fact, ...]
    drift: tuple[Fact, ...]


def dossier(profile: ProfileVerdict, gateway: GatewayVerdict, agent: AgentVerdict, now: datetime) -> Dossier:
    """Collect everything."""
    provider = provider_of(profile, agent)
    pool = next((pool for pool in pools(agent) if pool.provider == profile.provider), None)
    return Dossier(
        facts=tuple(_facts(profile, gateway)),
        verdicts=tuple(_verdicts(profile, provider, now)),
        provider=tuple(_provider(provider, pool, now)),
        probe=tuple(_probe(profile, now)),
        gateway=tuple(_gateway(profile, gateway)),
        drift=tuple(_drift(profile, gateway)),
    )


def provider_of(profile: ProfileVerdict, agent: AgentVerdict) -> ProviderVerdict | None:
    """Return the provider a profile belongs to, as the agent sees it."""
    return next((provider for provider in agent.providers if provider.provider == profile.provider), None)


def window_words(cooldown: Cooldown) -> str:
    """Say one window without its end: `disabled: billing`, `cooldown: rate_limit for gemini-3-flash`."""
    model = f" for {cooldown.model}" if cooldown.scope is CooldownScope.MODEL else ""
    return cooldown.kind.value + (f": {cooldown.reason}" if cooldown.reason else "") + model


def outcome_words(outcome: Outcome) -> str:
    """Say what a provider answered, and that a refusal was seen only once: `auth (revoked), not confirmed`."""
    said = outcome.outcome.value + (f" ({outcome.detail})" if outcome.detail else "")
    return f"{said}, not confirmed" if outcome.outcome in _REFUSALS and not outcome.confirmed else said


def _facts(profile: ProfileVerdict, gateway: GatewayVerdict) -> Iterator[Fact]:
    kind = profile.credential.value.replace("_", " ") if profile.credential else "no credential"
    yield Fact("credential", (f"{kind} of {profile.provider}",))
    origin = f", inherited from {profile.inherited_from}" if profile.inherited_from else ""
    yield Fact("source", (profile.source.value + (f", {profile.store}" if profile.store else "") + origin,))
    yield Fact("gateway", (f"{gateway.family}, {gateway.era}" + (f", release {gateway.version}" if gateway.version else ""),))
    yield Fact("state dir", (gateway.state_dir,))
    yield _expires(profile)
    if profile.credential is CredentialKind.OAUTH:
        yield Fact("refresh grant", ("stored" if profile.refreshable else "none",))
    if profile.ref:
        yield Fact("secret ref", (f"{profile.ref}, {profile.ref_state or 'unchecked'}",))
    for name, at in (
        ("first seen", profile.first_seen_at),
        ("last changed", profile.changed_at),
        ("last used", profile.last_used_at),
        ("last failure", profile.last_failure_at),
        ("failing since", profile.auth_failing_since),
        ("values of", profile.stale_since),
    ):
        if at is not None:
            yield Fact(name, at=at)
    if profile.errors:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(profile.failures.items()))
        yield Fact("errors", (f"{profile.errors} in a row" + (f" ({counts})" if counts else ""),))
    if profile.masked_failure:
        yield Fact("suspected", ("the last failure was followed by a success within a second: older releases hide real failures so",))


def _expires(profile: ProfileVerdict) -> Fact:
    if profile.expires_at is not None:
        return Fact("expires", at=profile.expires_at)
    if profile.suspect_expiry:
        return Fact("expires", ("what is stored cannot be a date (seconds instead of milliseconds, or no number)",))
    return Fact("expires", ("no date is stored",))


def _verdicts(profile: ProfileVerdict, provider: ProviderVerdict | None, now: datetime) -> Iterator[Fact]:
    yield _ruled("health", profile.health.value, profile.health_rule)
    yield _ruled("eligibility", profile.reason.value, profile.reason_rule)
    yield Fact("refresh", (_REFRESH[profile.refresh_state],))
    for cooldown in profile.cooldowns:
        blocks = "" if profile.parked else "; other models still use it"
        yield Fact("cooldown", (f"{window_words(cooldown)}, {duration(cooldown.until - now)} left (until ", cooldown.until, f"){blocks}"))
    if not profile.cooldowns:
        yield Fact("cooldown", ("none",))
    yield Fact("order", (_position(profile, provider),))
    if profile.probe is not None:
        yield Fact("probe", (outcome_words(profile.probe),), profile.probe.at)
    yield _ruled("usable", "yes" if profile.usable else "no", profile.usable_rule)


def _position(profile: ProfileVerdict, provider: ProviderVerdict | None) -> str:
    if profile.position is None:
        return f"not tried: {profile.why or 'not a candidate'}"
    place = f"{profile.position} of {max(len(provider.candidates) if provider else 0, profile.position)}"
    if provider is not None and provider.next == profile.profile:
        return f"{place}; next to be used"
    return f"{place}; {provider.next} is used first" if provider is not None and provider.next else place


def _provider(provider: ProviderVerdict | None, pool: Pool | None, now: datetime) -> Iterator[Fact]:
    if provider is None:
        return
    models = f" for {listing(provider.models)}" if provider.models else ""
    yield Fact("provider", (f"{provider.provider}, " + (f"in use{models}" if provider.in_use else "not in use by this agent"),))
    yield _ruled("roll-up", provider.health.value, provider.health_rule)
    usable = "unknown how many" if provider.usable is None else str(provider.usable)
    yield Fact("usable", (f"{usable} of {counted(provider.configured, 'profile')}; next: {provider.next or 'none'}",))
    if provider.candidates:
        yield Fact("tried in order", (", ".join(provider.candidates),))
    if pool is not None:
        yield Fact("key pool", (pool.words,))
    if provider.dark_at is not None:
        yield Fact("dark" if provider.dark_at <= now else "goes dark", at=provider.dark_at)
    if provider.recovers_at is not None:
        yield Fact("recovers", at=provider.recovers_at)


def _probe(profile: ProfileVerdict, now: datetime) -> Iterator[Fact]:
    """Say everything a probe found, and beside it what the gateway has stored."""
    outcome = profile.probe
    if outcome is None:
        return
    if outcome.fingerprint and outcome.fingerprint != profile.fingerprint:
        yield Fact("of", ("an earlier credential of this profile; it says nothing about the one stored now",))
    yield Fact("outcome", (outcome_words(outcome),), outcome.at)
    if outcome.words:
        yield Fact("its words", (outcome.words,))
    if outcome.status is not None:
        yield Fact("status", (f"HTTP {outcome.status}",))
    if "total" in outcome.phases:
        yield Fact("took", (", ".join(f"{phase} {seconds * 1000:.0f} ms" for phase, seconds in outcome.phases.items()),))
    for name, at in (("last success", outcome.last_success_at), ("asked to wait", outcome.retry_at), ("key ends", outcome.expires_at)):
        if at is not None:
            yield Fact(name, at=at)
    yield from _limits(outcome, now)
    seen = opinion(profile, now)
    if seen.would_store or seen.stored:
        yield Fact("gateway stored", (", ".join(seen.stored) or "nothing",))
        yield Fact("would store", (seen.would_store or "nothing",))
    if seen.against:
        yield Fact("contradiction", (seen.against,))


def _limits(outcome: Outcome, now: datetime) -> Iterator[Fact]:
    for quota in outcome.quotas:
        resets = f", resets {relative(quota.reset_at, now)}" if quota.reset_at else ""
        if quota.used is not None:
            yield Fact("quota", (f"{quota.window}: {quota.used * 100:.0f} % used{resets}",))
    for limit in outcome.rate_limits:
        if limit.limit is not None and limit.remaining is not None:
            window = f" per {limit.window}" if limit.window else ""
            yield Fact("rate limit", (f"{limit.resource}{window}: {limit.remaining:g} of {limit.limit:g} left",))
    for balance in outcome.balances:
        yield Fact("balance", (f"{balance.amount:g} {balance.currency}",))
    offset = outcome.clock_offset_seconds
    if offset is not None and abs(offset) >= _CLOCK_SECONDS:
        yield Fact("clock", (f"this machine is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} the provider",))


def _gateway(profile: ProfileVerdict, gateway: GatewayVerdict) -> Iterator[Fact]:
    yield Fact("its word", (f"{profile.gateway_health} (release 2026.9); ours: {profile.health}",))
    if profile.gateway_health is not profile.health:
        yield Fact("why", (_difference(profile),))
    older = _older_word(profile)
    if older:
        yield Fact("older releases", (older,))
    if not gateway.environment_seen:
        yield Fact("environment", (f"unseen: {gateway.environment_why}",))


def _difference(profile: ProfileVerdict) -> str:
    ours, theirs = profile.health, profile.gateway_health
    if profile.fenced:
        return "a refresh marker stands in place of the tokens; the gateway judges the marker's date, we judge the refresh behind it"
    if profile.refreshable and ours in (Health.OK, Health.RENEWING):
        return "the gateway judges the access token's date; a refresh grant is stored, so the login does not end with it"
    if profile.refreshable and ours is Health.EXPIRED:
        return "the gateway judges the access token's date; we judge that it cannot be renewed any more"
    if profile.reason is Eligibility.UNRESOLVED_REF:
        return "the gateway does not resolve SecretRefs to say its word; we do"
    if theirs is Health.OK and ours is Health.EXPIRING:
        return "the gateway warns 24 hours before the end; our settings warn earlier"
    if theirs is Health.EXPIRING and ours is Health.OK:
        return "the gateway warns 24 hours before the end; our settings warn later"
    return f"the gateway judges the stored bytes alone; {profile.health_rule.why}"


def _older_word(profile: ProfileVerdict) -> str:
    """Name the releases that use another word for the same bytes.

    Source: spec/gateways.md, 4.2.
    """
    if profile.refreshable and profile.gateway_health in (Health.EXPIRED, Health.EXPIRING) and not profile.fenced:
        return "2026.1.30 to 2026.4.12 say ok for every login with a refresh grant"
    if profile.reason is Eligibility.INVALID_EXPIRES:
        return "before 2026.3.8 they say static for such a date, and use the token"
    if profile.reason is Eligibility.MISSING_CREDENTIAL and profile.credential is CredentialKind.API_KEY:
        return "before 2026.7.1 they say static for an empty key"
    if profile.reason is Eligibility.MISSING_CREDENTIAL:
        return "older ones judge the date alone, although nothing is stored"
    return ""


def _drift(profile: ProfileVerdict, gateway: GatewayVerdict) -> Iterator[Fact]:
    """Say what disagrees about this profile, its provider, or where it is kept."""
    run = gateway.host.run
    if run is not None and gateway.drift:
        release = f", release {run.version}" if run.version else ""
        began: Text = (", started ", run.started_at) if run.started_at else ()
        yield Fact("process", (str(run.pid), *began, release))
    for fact in gateway.drift:
        if fact.agent in ("", profile.agent) and fact.provider in ("", profile.provider) and fact.profile in ("", profile.profile):
            since: Text = (" (since ", fact.since, ")") if fact.since else ()
            yield Fact(fact.kind, (fact.why, *since))


def _ruled(name: str, word: str, ruling: Ruling) -> Fact:
    return Fact(name, (f"{word}: {ruling.why}" if ruling.why else word,), rule=ruling.rule)
