"""Pure. Everything known about one profile, the rule behind every word, and what to do: the text of `explain`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from exporter.cli.probe_words import probe_facts, probe_words
from exporter.cli.rows import cooldown_words
from exporter.judging.pools import Pool, pools
from exporter.model import CredentialKind
from exporter.remedies import remedy
from exporter.verdict import AgentVerdict, Eligibility, GatewayVerdict, Health, ProfileVerdict, ProviderVerdict, RefreshState, Ruling
from exporter.words import counted, instant, listing, visible, when

_WIDTH = 15
_REFRESH = {
    RefreshState.NONE: "none: it does not renew itself",
    RefreshState.IDLE: "idle: a refresh grant is stored, the gateway renews on the next use",
    RefreshState.IN_PROGRESS: "in progress: the gateway has put a marker in place of the tokens",
    RefreshState.OVERDUE: "overdue: authentication failed after the access token ended, and nothing renewed it since",
    RefreshState.ORPHANED: "orphaned: the gateway began a renewal and never ended it",
    RefreshState.FAILED: "failed: the gateway gave up, only a new login helps",
}


def explanation(profile: ProfileVerdict, gateway: GatewayVerdict, agent: AgentVerdict, now: datetime, zone: tzinfo | None) -> list[str]:
    """Write all lines about one profile in one agent's view."""
    provider = next((provider for provider in agent.providers if provider.provider == profile.provider), None)
    pool = next((pool for pool in pools(agent) if pool.provider == profile.provider), None)
    lines = [f"{profile.profile}  ({gateway.gateway}/{agent.agent})", ""]
    lines += _section("facts", _facts(profile, gateway, now, zone))
    lines += _section("verdict", _verdict(profile, provider, now, zone))
    lines += _section("provider", _provider(provider, now, zone, pool))
    lines += _section("probe", probe_facts(profile, now, zone))
    lines += _section("the gateway", _gateway_words(profile, gateway))
    lines += _section("drift", _drift(profile, gateway, now, zone))
    todo = remedy(profile, gateway, provider)
    lines += ["what to do", f"  {todo.advice}", *(f"    {command}" for command in todo.commands)]
    return [visible(line) for line in lines]


def _section(title: str, facts: Iterator[tuple[str, str]]) -> list[str]:
    lines = [f"  {name:<{_WIDTH}}{value}" for name, value in facts]
    return [title, *lines, ""] if lines else []


def _facts(profile: ProfileVerdict, gateway: GatewayVerdict, now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    kind = profile.credential.value.replace("_", " ") if profile.credential else "no credential"
    yield "credential", f"{kind} of {profile.provider}"
    origin = f", inherited from {profile.inherited_from}" if profile.inherited_from else ""
    yield "source", profile.source.value + (f", {profile.store}" if profile.store else "") + origin
    yield "gateway", f"{gateway.family}, {gateway.era}" + (f", release {gateway.version}" if gateway.version else "")
    if profile.expires_at:
        yield "expires", when(profile.expires_at, now, zone)
    elif profile.suspect_expiry:
        yield "expires", "what is stored cannot be a date (seconds instead of milliseconds, or no number)"
    else:
        yield "expires", "no date is stored"
    if profile.credential is CredentialKind.OAUTH:
        yield "refresh grant", "stored" if profile.refreshable else "none"
    if profile.ref:
        yield "secret ref", f"{profile.ref}, {profile.ref_state or 'unchecked'}"
    for name, at in (
        ("first seen", profile.first_seen_at),
        ("last changed", profile.changed_at),
        ("last used", profile.last_used_at),
        ("last failure", profile.last_failure_at),
        ("failing since", profile.auth_failing_since),
        ("values of", profile.stale_since),
    ):
        if at:
            yield name, when(at, now, zone)
    if profile.errors:
        yield "errors", f"{profile.errors} in a row" + (f" ({_failures(profile)})" if profile.failures else "")
    if profile.masked_failure:
        yield "suspected", "the last failure was followed by a success within a second: older releases hide real failures so"


def _verdict(profile: ProfileVerdict, provider: ProviderVerdict | None, now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    yield "health", _ruled(profile.health.value, profile.health_rule)
    yield "eligibility", _ruled(profile.reason.value, profile.reason_rule)
    yield "refresh", _REFRESH[profile.refresh_state]
    if not profile.cooldowns:
        yield "cooldown", "none"
    for cooldown in profile.cooldowns:
        blocks = "" if profile.parked else "; other models still use it"
        yield "cooldown", f"{cooldown_words(cooldown, now)} (until {instant(cooldown.until, zone)}){blocks}"
    yield "order", _position(profile, provider)
    if profile.probe is not None:
        yield "probe", probe_words(profile.probe, now)
    yield "usable", _ruled("yes" if profile.usable else "no", profile.usable_rule)


def _provider(provider: ProviderVerdict | None, now: datetime, zone: tzinfo | None, pool: Pool | None) -> Iterator[tuple[str, str]]:
    if provider is None:
        return
    models = f" for {listing(provider.models)}" if provider.models else ""
    yield provider.provider, f"in use{models}" if provider.in_use else "not in use by this agent"
    yield "roll-up", _ruled(provider.health.value, provider.health_rule)
    usable = "unknown how many" if provider.usable is None else str(provider.usable)
    yield "usable", f"{usable} of {counted(provider.configured, 'profile')}; next: {provider.next or 'none'}"
    if provider.candidates:
        yield "tried in order", ", ".join(provider.candidates)
    if pool is not None:
        yield "key pool", pool.words
    if provider.dark_at:
        yield "dark" if provider.dark_at <= now else "goes dark", when(provider.dark_at, now, zone)
    if provider.recovers_at:
        yield "recovers", when(provider.recovers_at, now, zone)


def _gateway_words(profile: ProfileVerdict, gateway: GatewayVerdict) -> Iterator[tuple[str, str]]:
    yield "its word", f"{profile.gateway_health} (release 2026.9); ours: {profile.health}"
    if profile.gateway_health is not profile.health:
        yield "why", _difference(profile)
    older = _older_word(profile)
    if older:
        yield "older releases", older
    if not gateway.environment_seen:
        yield "environment", f"unseen: {gateway.environment_why}"


def _drift(profile: ProfileVerdict, gateway: GatewayVerdict, now: datetime, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    """Say what disagrees about this profile, its provider, or where it is kept."""
    run = gateway.host.run
    if run is not None and gateway.drift:
        began = f", started {when(run.started_at, now, zone)}" if run.started_at else ""
        yield "process", f"{run.pid}{began}" + (f", release {run.version}" if run.version else "")
    for fact in gateway.drift:
        if fact.agent in ("", profile.agent) and fact.provider in ("", profile.provider) and fact.profile in ("", profile.profile):
            yield fact.kind, fact.why + (f" (since {instant(fact.since, zone)})" if fact.since else "")


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


def _position(profile: ProfileVerdict, provider: ProviderVerdict | None) -> str:
    if profile.position is None:
        return f"not tried: {profile.why or 'not a candidate'}"
    total = len(provider.candidates) if provider else profile.position
    place = f"{profile.position} of {max(total, profile.position)}"
    if provider and provider.next == profile.profile:
        return f"{place}; next to be used"
    if provider and provider.next:
        return f"{place}; {provider.next} is used first"
    return place


def _ruled(word: str, ruling: Ruling) -> str:
    return f"{word}: {ruling.why} [{ruling.rule}]" if ruling.why else f"{word} [{ruling.rule}]"


def _failures(profile: ProfileVerdict) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(profile.failures.items()))
