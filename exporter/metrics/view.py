"""Pure. What the metric families are about: profiles with masked and unique ids, providers, gateways, sources, and our own counters."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from exporter import __version__
from exporter.built import REVISION
from exporter.masking import mask_emails, short_hash
from exporter.metrics.exposition import Base, Item, escape
from exporter.model import Family, SourceState
from exporter.outcome import Outcome
from exporter.verdict import DriftFact, Eligibility, GatewayVerdict, Health, ProfileVerdict, ProviderVerdict, Snapshot

_HEALTHY: Final = frozenset({Health.OK, Health.STATIC, Health.RENEWING})


def _none() -> Mapping[tuple[str, ...], int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Build:
    """What runs here."""

    version: str = __version__
    revision: str = REVISION
    python: str = field(default_factory=platform.python_version)


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of job: what became of its runs, by outcome."""

    name: str
    runs: Mapping[str, int]
    last_success_at: datetime | None = None
    seconds: float | None = None  # the last run's


@dataclass(frozen=True, slots=True)
class Counters:
    """What happened, as opposed to what is true now; None is unknown. Keys are label values in the order of the labels."""

    source_errors: Mapping[tuple[str, ...], int] = field(default_factory=_none)  # gateway, agent, store, reason
    probe_attempts: Mapping[tuple[str, ...], int] = field(default_factory=_none)  # provider, outcome
    notifications: Mapping[tuple[str, ...], int] = field(default_factory=_none)  # channel, outcome
    findings: Mapping[tuple[str, ...], int] = field(default_factory=_none)  # name, severity
    outbox_notices: int | None = None
    outbox_oldest_at: datetime | None = None
    tasks: tuple[Task, ...] = ()
    reload_successful: bool | None = None
    reload_success_at: datetime | None = None
    build: Build = field(default_factory=Build)


NOTHING_COUNTED: Final = Counters()


@dataclass(frozen=True, slots=True)
class Policy:
    """How much of ids is shown, and how many profiles have series of their own."""

    mask_emails: bool = True
    max_profiles: int = 10_000


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Every place of one kind that one agent, or the gateway itself, has: several files count as one source.

    `read_at` is of those that are down: what is up was looked at in the last pass, even if it did not have to be opened.
    """

    up: bool
    insecure: bool
    read_at: datetime | None
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot laid out for rendering."""

    profiles: tuple[Item[ProfileVerdict], ...]
    probed: tuple[Item[Outcome], ...]
    providers: tuple[Item[ProviderVerdict], ...]
    gateways: tuple[Item[GatewayVerdict], ...]
    sources: tuple[Item[SourceFacts], ...]
    dropped: int
    now: datetime
    read_at: datetime  # the last pass
    drift: tuple[DriftFact, ...] = ()
    counters: Counters = NOTHING_COUNTED


PROFILE: Final[Base[View, ProfileVerdict]] = Base(("gateway", "agent", "provider", "profile"), lambda view: view.profiles)
PROBED: Final[Base[View, Outcome]] = Base(PROFILE.names, lambda view: view.probed)
AGENT_PROVIDER: Final[Base[View, ProviderVerdict]] = Base(("gateway", "agent", "provider"), lambda view: view.providers)
GATEWAY: Final[Base[View, GatewayVerdict]] = Base(("gateway",), lambda view: view.gateways)
SOURCE: Final[Base[View, SourceFacts]] = Base(("gateway", "agent", "store"), lambda view: view.sources)
OURSELVES: Final[Base[View, View]] = Base((), lambda view: (Item((), "", view),), live=True)
COUNTED: Final[Base[View, Counters]] = Base((), lambda view: (Item((), "", view.counters),), live=True)
TASK: Final[Base[View, Task]] = Base(
    ("task",), lambda view: tuple(TASK.item((task.name,), task) for task in view.counters.tasks), live=True
)


def view_of(snapshot: Snapshot, policy: Policy) -> View:
    """Lay a snapshot out: mask ids, keep them unique, drop profiles above the limit (healthy ones first)."""
    profiles = snapshot.all_profiles()
    kept = _kept(profiles, policy.max_profiles)
    agents = [agent for gateway in snapshot.gateways for agent in gateway.agents]
    items = tuple(_profile_items(kept, policy.mask_emails))
    return View(
        profiles=items,
        probed=tuple(Item(item.labels, item.prefix, item.thing.probe) for item in items if item.thing.probe),
        providers=tuple(AGENT_PROVIDER.item((p.gateway, p.agent, p.provider), p) for agent in agents for p in agent.providers),
        gateways=tuple(GATEWAY.item((g.gateway,), g) for g in snapshot.gateways if g.family is not Family.STATIC),
        sources=tuple(_source_items(snapshot.gateways)),
        dropped=len(profiles) - len(kept),
        now=snapshot.at,
        read_at=snapshot.at,
        drift=snapshot.drift,
    )


def _kept(profiles: tuple[ProfileVerdict, ...], most: int) -> tuple[ProfileVerdict, ...]:
    if len(profiles) <= most:
        return profiles
    worst_first = sorted(range(len(profiles)), key=lambda place: (_healthy(profiles[place]), place))[:most]
    return tuple(profiles[place] for place in sorted(worst_first))


def _healthy(p: ProfileVerdict) -> bool:
    return p.usable and p.health in _HEALTHY and p.reason is Eligibility.OK and not p.cooldowns and p.stale_since is None


def _profile_items(profiles: Iterable[ProfileVerdict], mask: bool) -> Iterable[Item[ProfileVerdict]]:
    """Make one item per profile; an id that would repeat another's label gets a piece of its own hash."""
    seen: set[tuple[str, ...]] = set()
    for p in profiles:
        shown = mask_emails(p.profile) if mask else p.profile
        labels = (p.gateway, p.agent, p.provider, shown)
        if labels in seen:
            labels = (p.gateway, p.agent, p.provider, f"{shown}~{short_hash(p.profile)}")
            if labels in seen:
                continue
        seen.add(labels)
        start = _start(p.gateway, p.agent, p.provider)
        yield Item(labels, f'{start},profile="{escape(labels[3])}"', p)


def _start(gateway: str, agent: str, provider: str) -> str:
    return f'gateway="{escape(gateway)}",agent="{escape(agent)}",provider="{escape(provider)}"'


def _source_items(gateways: Iterable[GatewayVerdict]) -> Iterable[Item[SourceFacts]]:
    """Join the places of one gateway, agent and kind: up while all are, as old as the oldest reading, modified when the last was."""
    places: dict[tuple[str, str, str], list[SourceState]] = defaultdict(list)
    for gateway in gateways:
        for state in gateway.sources:
            places[(state.ref.gateway, state.ref.agent, state.ref.store.value)].append(state)
    for labels, states in places.items():
        read = [state.read_at for state in states if not state.up]
        joined = SourceFacts(
            up=all(state.up for state in states),
            insecure=any(state.insecure for state in states),
            read_at=min((at for at in read if at), default=None) if all(read) else None,
            modified_at=max((state.modified_at for state in states if state.modified_at), default=None),
        )
        yield SOURCE.item(labels, joined)
