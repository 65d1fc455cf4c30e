"""Pure. The documented JSON document of a snapshot (`status --json`, `check --json`, `/api/v1/snapshot`).

Shape:  {"schema": 1, "at", "exit", "problems": […], "gateways": [{…, "agents": [{…, "providers": […], "profiles": […]}]}]}
Units:  instants are RFC 3339 in UTC; what is absent is null. Keys may be added, none is ever renamed or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from exporter.judging.pools import Pool, pools
from exporter.judging.second_opinion import opinion
from exporter.model import Problem
from exporter.outcome import Outcome
from exporter.verdict import AgentVerdict, Cooldown, GatewayVerdict, ProfileVerdict, ProviderVerdict, Ruling, Snapshot
from exporter.words import rfc3339

SCHEMA = 1


def document(snapshot: Snapshot, exit_code: int, lines: Sequence[str] = ()) -> dict[str, object]:
    """Write a snapshot as the document; `lines` are the words that go with the exit code."""
    return {
        "schema": SCHEMA,
        "at": rfc3339(snapshot.at),
        "exit": exit_code,
        "why": list(lines),
        "problems": [_problem(problem) for problem in snapshot.all_problems()],
        "gateways": [_gateway(gateway, snapshot.at) for gateway in snapshot.gateways],
        "searched": list(snapshot.searched),
        "clock_held": snapshot.clock_held or None,
    }


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "gateway": problem.gateway,
        "agent": problem.agent,
        "store": problem.store and problem.store.value,
        "reason": problem.reason.value,
        "place": problem.place,
        "fatal": problem.fatal,
    }


def _gateway(gateway: GatewayVerdict, now: datetime) -> dict[str, object]:
    return {
        "gateway": gateway.gateway,
        "family": gateway.family.value,
        "state_dir": gateway.state_dir,
        "environment": "seen" if gateway.environment_seen else "unseen",
        "agents": [_agent(agent, now) for agent in gateway.agents],
        "environment_why": gateway.environment_why,
        "era": gateway.era,
        "config_known": gateway.config_known,
        "version": gateway.version,
    }


def _agent(agent: AgentVerdict, now: datetime) -> dict[str, object]:
    return {
        "agent": agent.agent,
        "providers": [_provider(provider) for provider in agent.providers],
        "profiles": [_profile(profile, now) for profile in agent.profiles],
        "configured": agent.configured,
        "known": agent.known,
        "pools": [_pool(pool) for pool in pools(agent)],
        "stale_since": _instant(agent.stale_since),
    }


def _provider(provider: ProviderVerdict) -> dict[str, object]:
    return {
        "provider": provider.provider,
        "in_use": provider.in_use,
        "health": provider.health.value,
        "configured": provider.configured,
        "usable": provider.usable,
        "next": provider.next,
        "dark_at": _instant(provider.dark_at),
        "recovers_at": _instant(provider.recovers_at),
        "candidates": list(provider.candidates),
        "models": list(provider.models),
        "rules": {"health": _ruling(provider.health_rule)},
    }


def _profile(profile: ProfileVerdict, now: datetime) -> dict[str, object]:
    return {
        "profile": profile.profile,
        "provider": profile.provider,
        "credential": profile.credential and profile.credential.value,
        "source": profile.source.value,
        "health": profile.health.value,
        "reason": profile.reason.value,
        "gateway_health": profile.gateway_health.value,
        "expires_at": _instant(profile.expires_at),
        "refresh_state": profile.refresh_state.value,
        "usable": profile.usable,
        "position": profile.position,
        "why": profile.why or None,
        "probe": probed(profile.probe, profile.fingerprint),
        "inherited_from": profile.inherited_from,
        "stale_since": _instant(profile.stale_since),
        "cooldowns": [_cooldown(cooldown) for cooldown in profile.cooldowns],
        "store": profile.store and profile.store.value,
        "refreshable": profile.refreshable,
        "renews": profile.renews,
        "counts": profile.counts,
        "suspect_expiry": profile.suspect_expiry,
        "masked_failure": profile.masked_failure,
        "parked_until": _instant(profile.parked_until),
        "last_used_at": _instant(profile.last_used_at),
        "last_failure_at": _instant(profile.last_failure_at),
        "auth_failing_since": _instant(profile.auth_failing_since),
        "fenced": profile.fenced,
        "errors": profile.errors,
        "failures": dict(profile.failures),
        "first_seen_at": _instant(profile.first_seen_at),
        "changed_at": _instant(profile.changed_at),
        "ref": profile.ref or None,
        "ref_state": profile.ref_state or None,
        "rules": _rules(profile),
        **compared(profile, now),
    }


def compared(profile: ProfileVerdict, now: datetime) -> dict[str, object]:
    """Write the gateway's stored reason beside the one it would store for our probe's answer, and how they disagree."""
    seen = opinion(profile, now)
    return {
        "gateway_reason": seen.stored[0] if seen.stored else None,
        "probe_reason": seen.would_store,
        "contradiction": seen.against or None,
    }


def _rules(profile: ProfileVerdict) -> dict[str, object]:
    rules = {"health": profile.health_rule, "reason": profile.reason_rule, "usable": profile.usable_rule}
    return {name: _ruling(ruling) for name, ruling in rules.items()}


def _cooldown(cooldown: Cooldown) -> dict[str, object]:
    return {
        "kind": cooldown.kind.value,
        "scope": cooldown.scope.value,
        "model": cooldown.model or None,
        "reason": cooldown.reason or None,
        "until": rfc3339(cooldown.until),
        "classification": cooldown.classification or None,
    }


def probed(outcome: Outcome | None, fingerprint: str) -> dict[str, object] | None:
    """Write what a probe found; null when nothing is known. `current`: it is of the credential stored now, or none was asked."""
    if outcome is None:
        return None
    return {
        "outcome": outcome.outcome.value,
        "detail": outcome.detail or None,
        "at": _instant(outcome.at),
        "words": outcome.words or None,
        "status": outcome.status,
        "current": outcome.fingerprint in ("", fingerprint),
        "confirmed": outcome.confirmed,
        "refused": outcome.refused,
        "retry_at": _instant(outcome.retry_at),
        "last_success_at": _instant(outcome.last_success_at),
        "expires_at": _instant(outcome.expires_at),
        "phases": {phase: round(spent, 4) for phase, spent in outcome.phases.items()},
        "clock_offset_seconds": outcome.clock_offset_seconds,
        "rate_limits": [
            {"resource": r.resource, "window": r.window, "limit": r.limit, "remaining": r.remaining, "reset_at": _instant(r.reset_at)}
            for r in outcome.rate_limits
        ],
        "quotas": [{"window": q.window, "used_ratio": q.used, "reset_at": _instant(q.reset_at)} for q in outcome.quotas],
        "balances": [{"currency": balance.currency, "amount": balance.amount} for balance in outcome.balances],
    }


def _pool(pool: Pool) -> dict[str, object]:
    counts = {"accepted": pool.accepted, "limited": pool.limited, "refused": pool.refused, "unknown": pool.unknown}
    return {"provider": pool.provider, "keys": list(pool.keys), **counts, "uses": pool.uses}


def _ruling(ruling: Ruling) -> dict[str, str]:
    return {"rule": ruling.rule, "why": ruling.why}


def _instant(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
