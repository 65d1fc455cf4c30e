"""Pure. One snapshot that has something of everything, for the exposition."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exporter.metrics.view import Build, Counters, Task
from exporter.model import CredentialKind, Family, Source, SourceState, StoreKind, StoreRef
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota, RateLimit
from exporter.verdict import (
    AgentVerdict,
    Cooldown,
    CooldownKind,
    CooldownScope,
    DriftFact,
    Eligibility,
    GatewayVerdict,
    Health,
    ProfileVerdict,
    ProviderVerdict,
    RefreshState,
    Ruling,
    Snapshot,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULE = Ruling("rule", "why")


def profile(name: str = "anthropic:default", agent: str = "main", **changes: object) -> ProfileVerdict:
    plain = ProfileVerdict(
        "openclaw", agent, "anthropic", name, CredentialKind.API_KEY, Source.STORE, StoreKind.AUTH_PROFILES,
        Health.STATIC, RULE, Eligibility.OK, RULE, Health.STATIC, True, RULE,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def provider(agent: str = "main", **changes: object) -> ProviderVerdict:
    return replace(ProviderVerdict("openclaw", agent, "anthropic", True, Health.OK, RULE, 3, 2, "anthropic:default"), **changes)  # type: ignore[arg-type]


def snapshot(*profiles: ProfileVerdict, **changes: object) -> Snapshot:
    agent = AgentVerdict("openclaw", "main", True, True, (provider(),), profiles)
    return replace(Snapshot(NOW, (gateway(agent),)), **changes)  # type: ignore[arg-type]


def gateway(*agents: AgentVerdict, **changes: object) -> GatewayVerdict:
    plain = GatewayVerdict("openclaw", Family.OPENCLAW, "/home/someone/.openclaw", "json", True, "", True, agents)
    return replace(plain, **changes)  # type: ignore[arg-type]


def _source(kind: StoreKind, path: str, **changes: object) -> SourceState:
    state = SourceState(StoreRef("openclaw", "main", kind, path), True, NOW - HOUR, NOW)
    return replace(state, **changes)  # type: ignore[arg-type]


def everything() -> Snapshot:
    """One profile per shape that a family knows."""
    probe = Outcome(
        ProbeStatus.RATE_LIMIT, "requests", NOW - HOUR, phases={"connect": 0.01, "total": 0.25}, last_success_at=NOW - 2 * HOUR,
        clock_offset_seconds=1.5, rate_limits=(RateLimit("requests", "minute", 50, 0, NOW + HOUR), RateLimit("tokens", "")),
        quotas=(Quota("5h", 0.42, NOW + HOUR),), balances=(Balance("USD", 12.5),),
    )  # fmt: skip
    windows = (
        Cooldown(CooldownKind.COOLDOWN, CooldownScope.MODEL, NOW + HOUR, "rate_limit", "claude-sonnet-4-5"),
        Cooldown(CooldownKind.COOLDOWN, CooldownScope.PROFILE, NOW + 2 * HOUR, "rate_limit"),
        Cooldown(CooldownKind.DISABLED, CooldownScope.PROFILE, NOW + 3 * HOUR, "billing"),
    )
    oauth = profile(
        "anthropic:ann@example.com", credential=CredentialKind.OAUTH, health=Health.RENEWING, expires_at=NOW - HOUR,
        refreshable=True, refresh_state=RefreshState.IDLE, changed_at=NOW - 5 * HOUR, inherited_from="main",
    )  # fmt: skip
    parked = profile(
        "anthropic:parked", usable=False, cooldowns=windows, parked_until=NOW + 3 * HOUR, last_used_at=NOW - 3 * HOUR,
        last_failure_at=NOW - HOUR, errors=3, failures={"rate_limit": 2, "billing": 1}, probe=probe,
    )  # fmt: skip
    token = profile("anthropic:token", credential=CredentialKind.TOKEN, health=Health.EXPIRING, expires_at=NOW + 2 * HOUR, stale_since=NOW)
    named = profile("anthropic:gone", credential=None, store=None, health=Health.MISSING, reason=Eligibility.PROFILE_MISSING, usable=False)
    main = AgentVerdict("openclaw", "main", True, True, (provider(dark_at=NOW + HOUR),), (profile(), oauth, parked, token, named))
    dark = provider("work", usable=0, next=None, dark_at=NOW - HOUR, recovers_at=NOW + HOUR)
    unknown = replace(provider("work", usable=None, next=None, in_use=False), provider="openai")
    work = AgentVerdict("openclaw", "work", True, True, (dark, unknown), ())
    sources = (
        _source(StoreKind.AUTH_PROFILES, "a"),
        _source(StoreKind.DOTENV, "b"),
        _source(StoreKind.DOTENV, "c", up=False, read_at=NOW - HOUR, insecure=True, modified_at=None),
    )
    static = gateway(family=Family.STATIC, gateway="static", environment_seen=False)
    drift = (DriftFact("openclaw", "env", "two places differ", "main", "anthropic"),)
    return Snapshot(NOW, (gateway(main, work, sources=sources), static), drift=drift)


COUNTERS = Counters(
    source_errors={("openclaw", "main", "auth-profiles", "invalid_syntax"): 2, ("gone", "", "config", "unreadable"): 1},
    probe_attempts={("anthropic", "ok"): 7},
    notifications={("ops", "sent"): 4},
    findings={("ProviderDown", "critical"): 1},
    outbox_notices=0,
    outbox_oldest_at=NOW,
    tasks=(Task("pass", {"ok": 3, "error": 0, "missed": 0, "skipped": 1}, NOW, 0.012), Task("sweep", {"ok": 0})),
    reload_successful=True,
    reload_success_at=NOW,
    build=Build("1.2.3", "abc", "3.11.7"),
)
