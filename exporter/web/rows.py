"""Pure. Gateways, agents, providers and profiles as the status page lists them; filtered and folded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exporter.dossier import window_words
from exporter.outcome import Balance, Quota, RateLimit
from exporter.verdict import AgentVerdict, Eligibility, GatewayVerdict, ProfileVerdict, ProviderVerdict, Snapshot
from exporter.web.said import Badge, Moment, Speech, Tone, health_badge, probe_badge, provider_badge, usable_badge, worst

_FEW: Final = 12  # profiles that need no folding
_NEARLY: Final = 0.8
_AMPLE: Final = 4  # times the lowest balance wanted: a full bar


@dataclass(frozen=True, slots=True)
class Meter:
    """A share of something: `ratio` from 0 to 1, None where the whole is unknown, and the words that say it too."""

    label: str
    ratio: float | None
    words: str
    tone: Tone = Tone.GOOD


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One profile of one agent."""

    name: str
    href: str
    health: Badge
    usable: Badge
    next: bool
    kind: str
    notes: tuple[str, ...]
    expires: Moment | None
    expiry: str  # what `expires` is the end of
    no_date: str
    life: Meter | None
    windows: tuple[tuple[str, Moment | None], ...]
    probe: tuple[Badge, Moment | None] | None
    meters: tuple[Meter, ...]


@dataclass(frozen=True, slots=True)
class ProviderCard:
    """One provider of one agent. `open` tells whether it is unfolded."""

    anchor: str
    name: str
    badge: Badge
    in_use: bool
    usable: str
    next: str
    dark: Moment | None
    models: str
    rows: tuple[ProfileRow, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class AgentSection:
    """One agent and its providers; `spare` are folded: those it does not use, unless they were asked for."""

    name: str
    notes: tuple[str, ...]
    cards: tuple[ProviderCard, ...]
    spare: tuple[ProviderCard, ...] = ()


@dataclass(frozen=True, slots=True)
class GatewaySection:
    """One gateway and its agents."""

    name: str
    where: str
    agents: tuple[AgentSection, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a large fleet is wanted: words that name or state must hold; and only what has trouble or is in use."""

    words: str = ""
    show: str = "all"  # all, trouble, used
    gateway: str = ""

    @property
    def active(self) -> bool:
        """True when something is left out."""
        return bool(self.words or self.gateway) or self.show != "all"


def gateways(snapshot: Snapshot, wanted: Filter, speech: Speech) -> tuple[GatewaySection, ...]:
    """List every gateway that has something to show."""
    few = len(snapshot.all_profiles()) <= _FEW
    found = []
    for gateway in snapshot.gateways:
        if wanted.gateway and speech.text(gateway.gateway) != wanted.gateway:
            continue
        agents = tuple(agent for verdict in gateway.agents for agent in _agent(gateway, verdict, wanted, speech, few=few))
        if agents:
            seen = "" if gateway.environment_seen else f"; the environment of its service is not visible: {gateway.environment_why}"
            version = f", release {gateway.version}" if gateway.version else ""
            where = f"{gateway.family}{version}, {gateway.state_dir}{seen}"
            found.append(GatewaySection(speech.text(gateway.gateway), speech.text(where), agents))
    return tuple(found)


def _agent(gateway: GatewayVerdict, agent: AgentVerdict, wanted: Filter, speech: Speech, *, few: bool) -> Iterator[AgentSection]:
    ordered = sorted(agent.providers, key=lambda p: (not p.in_use, p.provider))
    cards = tuple(card for provider in ordered if (card := _card(gateway, agent, provider, wanted, speech, few=few)) is not None)
    if not cards:
        return
    notes = [] if agent.configured else ["not configured in the gateway any more"]
    if agent.stale_since is not None:
        notes.append(f"its store cannot be read; values of {(speech.moment(agent.stale_since) or _NEVER).relative}")
    if not agent.known:
        notes.append("its store cannot be read, and nothing older is known")
    spare = () if few or wanted.active else tuple(card for card in cards if not card.in_use)
    yield AgentSection(speech.text(agent.agent), tuple(notes), tuple(card for card in cards if card not in spare), spare)


_NEVER: Final = Moment("never", "", "")


def _card(
    gateway: GatewayVerdict, agent: AgentVerdict, provider: ProviderVerdict, wanted: Filter, speech: Speech, *, few: bool
) -> ProviderCard | None:
    badge = provider_badge(provider, speech.now)
    profiles = sorted(
        (profile for profile in agent.profiles if profile.provider == provider.provider),
        key=lambda profile: (profile.position is None, profile.position or 0, profile.profile),
    )
    tones = [_tone(profile) for profile in profiles if profile.counts]
    trouble = badge.tone in (Tone.BAD, Tone.SOON) or (provider.in_use and worst(tones) in (Tone.BAD, Tone.SOON))
    if (wanted.show == "trouble" and not trouble) or (wanted.show == "used" and not provider.in_use):
        return None
    names = f"{gateway.gateway} {agent.agent} {provider.provider} {badge.word}"
    shown = [profile for profile in profiles if _matches(wanted.words, f"{names} {_states(profile)}", speech)]
    if wanted.words and not shown and not (not profiles and _matches(wanted.words, names, speech)):
        return None
    count = "?" if provider.usable is None else str(provider.usable)
    return ProviderCard(
        anchor=f"p-{speech.text(gateway.gateway)}-{speech.text(agent.agent)}-{provider.provider}".replace(" ", "_"),
        name=speech.text(provider.provider),
        badge=badge,
        in_use=provider.in_use,
        usable=f"{count} of {provider.configured} usable",
        next=speech.text(provider.next or ""),
        dark=speech.moment(provider.dark_at),
        models=speech.text(", ".join(provider.models)),
        rows=tuple(profile_row(profile, provider, speech) for profile in shown),
        open=few or bool(wanted.words) or (provider.in_use and badge.tone in (Tone.BAD, Tone.SOON)),
    )


def profile_row(profile: ProfileVerdict, provider: ProviderVerdict | None, speech: Speech) -> ProfileRow:
    """Say one profile in one row."""
    kind = (profile.credential.value if profile.credential else "no credential").replace("_", " ")
    outcome = profile.probe
    return ProfileRow(
        name=speech.text(profile.profile),
        href=speech.profile_path(profile.gateway, profile.agent, profile.profile),
        health=health_badge(profile),
        usable=usable_badge(profile),
        next=provider is not None and provider.next == profile.profile,
        kind=f"{kind}, {profile.source.value.replace('_', ' ')}" + (f" of {profile.inherited_from}" if profile.inherited_from else ""),
        notes=tuple(speech.text(note) for note in _notes(profile)),
        expires=speech.moment(profile.expires_at),
        expiry=_expiry(profile, speech.now),
        no_date="no real date stored" if profile.suspect_expiry else "no end date",
        life=life(profile, speech.now),
        windows=tuple((speech.text(window_words(found)), speech.moment(found.until)) for found in profile.cooldowns),
        probe=(probe_badge(outcome), speech.moment(outcome.at)) if outcome is not None else None,
        meters=tuple(_meters(profile, speech)),
    )


def _expiry(profile: ProfileVerdict, now: datetime) -> str:
    if profile.expires_at is None or profile.expires_at > now:
        return "Access token ends" if profile.expires_at and profile.renews else "Expires"
    return "Access token ended" if profile.renews else "Expired"


def life(profile: ProfileVerdict, now: datetime) -> Meter | None:
    """Say how much of a credential's life is over, counted from when we first saw it."""
    began = profile.changed_at or profile.first_seen_at
    if profile.expires_at is None or began is None or profile.expires_at <= began or profile.renews:
        return None
    ratio = min(max((now - began) / (profile.expires_at - began), 0.0), 1.0)
    return Meter("life", ratio, f"{ratio:.0%} of its life since we first saw it is over", health_badge(profile).tone)


def _notes(profile: ProfileVerdict) -> Iterator[str]:
    if profile.reason is not Eligibility.OK:
        yield profile.reason.value.replace("_", " ")
    if profile.position is None and profile.why:
        yield f"not tried: {profile.why}"
    if profile.stale_since is not None:
        yield "its store cannot be read: last known values"
    if not profile.counts:
        yield "only listed"


def _meters(profile: ProfileVerdict, speech: Speech) -> Iterator[Meter]:
    if profile.probe is None:
        return
    for quota in profile.probe.quotas:
        if quota.used is not None:
            yield _quota(quota, quota.used, speech)
    for limit in profile.probe.rate_limits:
        if limit.limit and limit.remaining is not None:
            yield _rate_limit(limit, limit.limit, limit.remaining, speech)
    for balance in profile.probe.balances:
        yield _balance(balance, speech.lowest.get(profile.provider))


def _quota(quota: Quota, used: float, speech: Speech) -> Meter:
    reset = f", resets {(speech.moment(quota.reset_at) or _NEVER).relative}" if quota.reset_at else ""
    return Meter(speech.text(f"quota {quota.window}".strip()), min(max(used, 0.0), 1.0), f"{used:.0%} used{reset}", _full(used))


def _rate_limit(limit: RateLimit, most: float, remaining: float, speech: Speech) -> Meter:
    used = min(max(1 - remaining / most, 0.0), 1.0)
    label = speech.text(f"{limit.resource} a {limit.window}" if limit.window else limit.resource).replace("_", " ")
    return Meter(label, used, f"{remaining:g} of {most:g} left", _full(used))


def _full(used: float) -> Tone:
    return Tone.BAD if used >= 1 else Tone.SOON if used >= _NEARLY else Tone.GOOD


def _balance(balance: Balance, lowest: float | None) -> Meter:
    words = f"{balance.amount:,.2f} {balance.currency}"
    if not lowest:
        return Meter("balance", None, words, Tone.BAD if balance.amount <= 0 else Tone.GOOD)
    tone = Tone.BAD if balance.amount <= 0 else Tone.SOON if balance.amount < lowest else Tone.GOOD
    return Meter("balance", min(max(balance.amount / (_AMPLE * lowest), 0.0), 1.0), f"{words}, at least {lowest:,.2f} is wanted", tone)


def _tone(profile: ProfileVerdict) -> Tone:
    if not profile.usable:
        return usable_badge(profile).tone
    return health_badge(profile).tone


def _states(profile: ProfileVerdict) -> str:
    probe = profile.probe.outcome if profile.probe else ""
    kinds = " ".join(cooldown.kind for cooldown in profile.cooldowns)
    usable = "usable" if profile.usable else "unusable"
    return f"{profile.profile} {profile.health} {profile.reason} {profile.source} {profile.credential or ''} {probe} {kinds} {usable}"


def _matches(words: str, text: str, speech: Speech) -> bool:
    held = speech.text(text).lower()
    return all(word in held for word in words.lower().split())
