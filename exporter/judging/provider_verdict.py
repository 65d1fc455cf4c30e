"""Pure. The roll-up of one provider in one agent's view: candidates in order, who is next, when it goes dark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from exporter.judging import cooldown, roll_up, selection
from exporter.judging.fallback import Fallback, stand_in
from exporter.judging.history import Subject
from exporter.judging.in_use import InUse
from exporter.judging.inheritance import AgentView
from exporter.judging.profile_verdict import Bench
from exporter.judging.selection import Order, OrderSource, canonical
from exporter.model import GatewayConfig, GatewayReading, Profile, Source
from exporter.verdict import Eligibility, Health, ProfileVerdict, ProviderVerdict, Ruling

_AMBIENT = frozenset({"amazon-bedrock", "google-vertex"})  # credential chains of the cloud SDKs: roles, metadata servers


@dataclass(frozen=True, slots=True)
class Judged:
    """The parts of an agent's verdict while it is put together."""

    bench: Bench
    gateway: GatewayReading
    config: GatewayConfig
    view: AgentView
    need: InUse
    profiles: dict[str, list[ProfileVerdict]]  # provider -> its profiles, those of the store first
    changes: list[datetime]


@dataclass(frozen=True, slots=True)
class Group:
    """Everything of one provider, whatever its spelling: the verdicts, and the profiles its stores hold."""

    verdicts: list[ProfileVerdict]
    stored: dict[str, Profile]


@dataclass(frozen=True, slots=True)
class Lineup:
    """The profiles of one provider sorted out: those of stores by id, what is tried of the rest, and both orders."""

    listing: Order
    stored: Mapping[str, ProfileVerdict]
    fallback: Fallback
    shown: tuple[str, ...]  # as the gateway's status lists them: a window of any model moves a profile back
    candidates: tuple[ProfileVerdict, ...]  # as it tries them for the models in use

    @property
    def listed(self) -> tuple[ProfileVerdict, ...]:
        """Everything looked at before eligibility."""
        return (*(self.stored[key] for key in self.listing.listed if key in self.stored), *self.fallback.tried)


def judge_provider(judged: Judged, name: str, group: Group) -> tuple[ProviderVerdict, list[ProfileVerdict]]:
    """Sum up one provider; also return its own profiles, each with its place or why it has none."""
    own = judged.profiles.get(name, [])
    lineup = _line_up(judged, name, group.verdicts, group.stored)
    need = judged.need
    in_use = name in need.models or (not need.models and not need.configured and any(p.counts for p in own))
    health, ruling = _word(lineup)
    usable = _usable_count(judged, name, in_use, lineup)
    dark = _darkness(judged, name, lineup) if usable is not None and (lineup.candidates or in_use) else roll_up.NEVER
    judged.changes.extend(at for at in (dark.dark_at, dark.recovers_at) if at)
    provider = ProviderVerdict(
        gateway=judged.bench.gateway,
        agent=judged.bench.agent,
        provider=name,
        in_use=in_use,
        health=health,
        health_rule=ruling,
        configured=sum(1 for p in group.verdicts if p.counts and p.reason is not Eligibility.PROFILE_MISSING),
        usable=usable,
        next=next((p.profile for p in lineup.candidates if p.usable), None),
        candidates=tuple(p.profile for p in lineup.candidates),
        dark_at=dark.dark_at,
        recovers_at=dark.recovers_at,
        models=need.models.get(name, ()),
    )
    return provider, _placed(own, lineup)


def _line_up(judged: Judged, name: str, verdicts: Sequence[ProfileVerdict], profiles: Mapping[str, Profile]) -> Lineup:
    config, state, only = judged.config, judged.view.state, judged.need.only
    if only is not None:
        config, state = replace(config, order={name: only}), replace(state, order={})
    listing = selection.order(name, profiles, judged.view.profiles, config, state, judged.bench.now)
    stored = {p.profile: p for p in verdicts if p.source is Source.STORE and p.reason is not Eligibility.PROFILE_MISSING}
    late = sorted((p for p in verdicts if p.source is not Source.STORE and p.counts), key=lambda p: p.source is not Source.ENV)
    shown = _arrange(listing, stored, lambda p: cooldown.parked_for_any(p.cooldowns))
    tried = [stored[key] for key in _arrange(listing, stored, lambda p: p.parked_until) if key in stored]
    fallback = stand_in(tried, late, explicit=listing.explicit and only is None)
    return Lineup(listing, stored, fallback, shown, (*tried, *fallback.tried))


def _arrange(listing: Order, stored: Mapping[str, ProfileVerdict], free_at: Callable[[ProfileVerdict], datetime | None]) -> tuple[str, ...]:
    return selection.parked_last(listing, lambda key: free_at(stored[key]) if key in stored else None)


def _placed(own: Sequence[ProfileVerdict], lineup: Lineup) -> list[ProfileVerdict]:
    positions = {key: place for place, key in enumerate([*lineup.shown, *(p.profile for p in lineup.fallback.tried)], start=1)}
    return [replace(p, position=positions.get(p.profile), why=_why(p, positions, lineup)) for p in own]


def _why(profile: ProfileVerdict, positions: Mapping[str, int], lineup: Lineup) -> str:
    if profile.profile in positions:
        return "" if profile.usable else profile.usable_rule.why
    if profile.fenced or not profile.counts:
        return profile.usable_rule.why
    if profile.source is not Source.STORE and profile.usable:
        return lineup.fallback.why
    return lineup.listing.left_out.get(profile.profile, profile.why or profile.usable_rule.why)


def _word(lineup: Lineup) -> tuple[Health, Ruling]:
    effective = [lineup.stored[key] for key in lineup.shown if key in lineup.stored]
    listed = lineup.stored if lineup.listing.source is OrderSource.CONFIGURED_PROFILES else lineup.listing.listed
    judged = [lineup.stored[key] for key in listed if key in lineup.stored]
    return roll_up.word(effective, judged) if effective or judged else roll_up.word(lineup.fallback.tried, ())


def _usable_count(judged: Judged, name: str, in_use: bool, lineup: Lineup) -> int | None:
    """Count usable candidates; None where nothing visible proves that there is none."""
    if lineup.candidates or not in_use:
        return sum(1 for p in lineup.candidates if p.usable)
    unseen = not judged.gateway.environment.seen or canonical(name) in _AMBIENT
    return None if not judged.view.known or (unseen and not lineup.listing.explicit) else 0


def _darkness(judged: Judged, name: str, lineup: Lineup) -> roll_up.Darkness:
    now = judged.bench.now
    fallback = lineup.fallback
    dark = roll_up.darkness(lineup.candidates, lineup.listed, now, fallback.relief, fallback.relief_at)
    remembered = judged.bench.history.subjects.get(Subject(judged.bench.gateway, judged.bench.agent, name, ""))
    if dark.dark_at == now and remembered and remembered.dark_since:
        return replace(dark, dark_at=remembered.dark_since)  # the evidence has no instant: since we first saw it
    return dark
