"""Pure. Every comparison of one gateway, and when the next one is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from exporter.drift import agents, cli_sync, environment, gateway_process, keychain, locks, permissions, sessions, stores
from exporter.drift.scene import Scene
from exporter.model import Family, GatewayReading
from exporter.verdict import AgentVerdict, DriftFact, KeyPlace

Find = Callable[[Scene], Iterator[DriftFact]]

FINDERS: Final[tuple[Find, ...]] = (
    environment.find,
    agents.find,
    cli_sync.find,
    keychain.find,
    stores.find,
    sessions.find,
    gateway_process.find,
    locks.find,
    permissions.find,
)
KINDS: Final = ("agent", "cli", "env", "gateway", "keychain", "lock", "order", "permissions", "session", "store")


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparisons found; `until` is when time alone may change it (None: never)."""

    facts: tuple[DriftFact, ...] = ()
    keys: tuple[KeyPlace, ...] = ()
    until: datetime | None = None


def compare(reading: GatewayReading, agents: tuple[AgentVerdict, ...], now: datetime, salt: bytes) -> Compared:
    """Compare everything of one gateway. Keys of our own settings have nothing to be compared with."""
    if reading.family is Family.STATIC:
        return Compared()
    scene = Scene(reading, agents, now, salt)
    facts = _joined(fact for find in FINDERS for fact in find(scene))
    return Compared(facts, environment.places(scene), min(scene.changes, default=None))


def _joined(facts: Iterator[DriftFact]) -> tuple[DriftFact, ...]:
    """Make one fact of several about the same thing: each thing is told once, with every reason."""
    joined: dict[tuple[str, ...], DriftFact] = {}
    for fact in facts:
        key = (fact.name, fact.kind, fact.agent, fact.provider, fact.profile)
        joined[key] = _both(joined[key], fact) if key in joined else fact
    return tuple(joined.values())


def _both(a: DriftFact, b: DriftFact) -> DriftFact:
    return replace(
        a,
        why=a.why if b.why in a.why else f"{a.why}; {b.why}",
        since=min((at for at in (a.since, b.since) if at), default=None),
        places=tuple(dict.fromkeys((*a.places, *b.places))),
        commands=tuple(dict.fromkeys((*a.commands, *b.commands))),
    )
