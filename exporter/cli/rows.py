"""Pure. What `status` says, cell by cell, before anybody decides how wide or how coloured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, tzinfo

from exporter.cli.probe_words import probe_words
from exporter.dossier import window_words
from exporter.model import Source
from exporter.verdict import AgentVerdict, Cooldown, GatewayVerdict, Health, ProfileVerdict, ProviderVerdict, Snapshot
from exporter.words import counted, duration, instant, relative, visible

MARKS = {
    Health.OK: "✓",
    Health.RENEWING: "↻",
    Health.EXPIRING: "!",
    Health.EXPIRED: "✗",
    Health.MISSING: "?",
    Health.STATIC: "•",
}
ASCII_MARKS = {
    Health.OK: "+",
    Health.RENEWING: "~",
    Health.EXPIRING: "!",
    Health.EXPIRED: "x",
    Health.MISSING: "?",
    Health.STATIC: "-",
}
_PLACES = {Source.STORE: "", Source.ENV: "env", Source.CONFIG: "config", Source.CLI_LOGIN: "cli login", Source.STATIC: "settings"}


@dataclass(frozen=True, slots=True)
class Row:
    """One profile as words. `usable` is yes, no, or listed (shown, but the gateway does not use it from here)."""

    verdict: ProfileVerdict
    next: bool
    kind: str
    expires: str  # relative
    expires_at: str  # absolute
    cooldown: str
    usable: str
    probe: str  # the last answer of its provider
    why: str
    origin: str  # the store it is inherited from, when it is not the agent's own


@dataclass(frozen=True, slots=True)
class Group:
    """One provider and its profiles, in the order the gateway tries them."""

    provider: ProviderVerdict
    rows: tuple[Row, ...]


def groups(agent: AgentVerdict, now: datetime, zone: tzinfo | None) -> list[Group]:
    """List an agent's providers, those in use first, a provider in use without any profile too."""
    chosen = {provider.next for provider in agent.providers if provider.in_use}
    by_provider: dict[str, list[ProfileVerdict]] = {}
    for verdict in sorted(agent.profiles, key=lambda profile: (profile.position is None, profile.position or 0, profile.profile)):
        by_provider.setdefault(verdict.provider, []).append(verdict)
    return [
        Group(provider, tuple(_row(verdict, verdict.profile in chosen, now, zone) for verdict in by_provider.get(provider.provider, ())))
        for provider in sorted(agent.providers, key=lambda provider: (not provider.in_use, provider.provider))
        if provider.in_use or provider.provider in by_provider
    ]


def agent_title(gateway: GatewayVerdict, agent: AgentVerdict) -> str:
    """Name an agent: `openclaw · agent main`."""
    orphan = "" if agent.configured else " (left behind, not configured)"
    return visible(f"{gateway.gateway} · agent {agent.agent}{orphan}")


def agent_facts(gateway: GatewayVerdict, agent: AgentVerdict, now: datetime) -> str:
    """Say where an agent's credentials live and how much of it can be seen."""
    facts = [
        gateway.state_dir,
        gateway.era + (f" {gateway.version}" if gateway.version else ""),
        f"environment {'seen' if gateway.environment_seen else 'unseen'}",
    ]
    if not gateway.config_known:
        facts.append("configuration unreadable")
    if not agent.known:
        facts.append("store unreadable")
    for store, count in sorted(Counter(p.inherited_from for p in agent.profiles if p.inherited_from).items()):
        facts.append(f"{counted(count, 'profile')} inherited from {store}")
    if agent.stale_since:
        facts.append(f"values of {relative(agent.stale_since, now)}")
    return visible(" · ".join(fact for fact in facts if fact))


def provider_line(provider: ProviderVerdict, now: datetime, zone: tzinfo | None) -> str:
    """Sum one provider up: `anthropic: 1 of 2 usable, next anthropic:work`."""
    if provider.usable is None:
        return visible(f"{provider.provider}: unknown, no credential can be seen from here")
    parts = [f"{provider.provider}: {provider.usable} of {provider.configured} usable"]
    if provider.next:
        parts.append(f"next {provider.next}")
    if provider.dark_at and provider.dark_at <= now:
        parts.append(f"dark since {instant(provider.dark_at, zone)}")
    elif provider.dark_at:
        parts.append(f"goes dark {relative(provider.dark_at, now)}")
    if provider.recovers_at:
        parts.append(f"back {relative(provider.recovers_at, now)}")
    return visible(", ".join(parts))


def summary(snapshot: Snapshot) -> str:
    """Count everything in one line."""
    agents = [agent for gateway in snapshot.gateways for agent in gateway.agents]
    profiles = snapshot.all_profiles()
    usable = sum(profile.usable for profile in profiles)
    counts = (counted(len(snapshot.gateways), "gateway"), counted(len(agents), "agent"), counted(len(profiles), "profile"))
    return f"{', '.join(counts)}, {usable} usable"


def cooldown_words(cooldown: Cooldown, now: datetime) -> str:
    """Say one window: `disabled: billing, 4h 2m left`."""
    return f"{window_words(cooldown)}, {duration(cooldown.until - now)} left"


def _row(verdict: ProfileVerdict, chosen: bool, now: datetime, zone: tzinfo | None) -> Row:
    credential = (verdict.credential.value if verdict.credential else "none").replace("_", " ")
    place = _PLACES[verdict.source]
    return Row(
        verdict=verdict,
        next=chosen,
        kind=credential + (f" ({place})" if place else ""),
        expires=relative(verdict.expires_at, now) if verdict.expires_at else "",
        expires_at=instant(verdict.expires_at, zone) if verdict.expires_at else "",
        cooldown=visible("; ".join(cooldown_words(cooldown, now) for cooldown in verdict.cooldowns)),
        usable="yes" if verdict.usable else "no" if verdict.counts else "listed",
        probe=visible(probe_words(verdict.probe, now)) if verdict.probe is not None and verdict.probe.at is not None else "",
        why=visible(_why(verdict)),
        origin=visible(verdict.inherited_from or ""),
    )


def _why(verdict: ProfileVerdict) -> str:
    stale = "last known values" if verdict.stale_since else ""
    parked = verdict.parked and verdict.why == verdict.usable_rule.why  # the cooldown says it already
    reason = verdict.why if not parked and (not verdict.usable or verdict.position is None) else ""
    return "; ".join(part for part in (reason, stale) if part)
