"""Pure. Agents' own copies against the store they inherit, one refresh token in two stores, folders and names without owner.

Source: spec/gateways.md, 1.4, 2.4 (inheritance), 6 (order).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from exporter.drift.scene import Scene
from exporter.judging.history import fingerprint
from exporter.judging.inheritance import MAIN
from exporter.judging.selection import normalise
from exporter.model import AuthDocument, CredentialKind, EnvPlace, Era, Profile, Secret
from exporter.verdict import DriftFact, Eligibility
from exporter.words import counted, listing

KIND, NAME = "agent", "AgentDrift"
_CLONING = frozenset({Era.JSON, Era.JSON_SPLIT})  # an agent's first store is a copy of main's: later ones are old copies
_RECENTLY = timedelta(days=1)
_INLINE = "inline-api-key:"


def find(scene: Scene) -> Iterator[DriftFact]:
    """Compare agents with what they inherit, and names with what is stored."""
    yield from _copies(scene)
    yield from _shared_grants(scene)
    yield from _orphans(scene)
    yield from _moved(scene)
    yield from _ghosts(scene)
    yield from _vanished(scene)


def _base(scene: Scene) -> tuple[str, AuthDocument] | None:
    """Return the store the agents inherit, and its name."""
    if scene.reading.shared is not None:
        return "the shared store", scene.reading.shared
    main = next((agent.local for agent in scene.reading.agents if agent.agent == MAIN), None)
    return ("agent main", main) if main is not None else None


def _copies(scene: Scene) -> Iterator[DriftFact]:
    base = _base(scene)
    if base is None:
        return
    origin, inherited = base
    for agent in scene.reading.agents:
        if agent.local is None or agent.local is inherited:
            continue
        for key, own in agent.local.profiles.items():
            other = inherited.profiles.get(key)
            if other is None or not _differ(scene, own, other):
                continue
            since = max((at for at in (agent.local.updated_at, inherited.updated_at) if at), default=None)
            why = f"agent {agent.agent} holds another credential under this id than {origin}{_behind(own, other)}"
            yield scene.fact(KIND, NAME, why, agent=agent.agent, provider=normalise(own.provider), profile=key, since=since)


def _differ(scene: Scene, own: Profile, other: Profile) -> bool:
    """Say whether two credentials of one id disagree by accident: an API key of an agent's own may well be meant."""
    if own.credential.fence is not None or other.credential.fence is not None:
        return False
    both = {own.credential.kind, other.credential.kind}
    if both == {CredentialKind.API_KEY} and scene.reading.era not in _CLONING:
        return False
    prints = fingerprint(own.credential, scene.salt), fingerprint(other.credential, scene.salt)
    return all(prints) and prints[0] != prints[1]


def _behind(own: Profile, other: Profile) -> str:
    mine, theirs = own.credential.expiry.ms, other.credential.expiry.ms
    if mine is None or theirs is None or mine == theirs:
        return ""
    return ", which ends sooner" if mine < theirs else ", which ends later"


def _shared_grants(scene: Scene) -> Iterator[DriftFact]:
    """A refresh token may be spent once: whoever renews first makes every other copy worthless."""
    held: dict[Secret, list[tuple[str, Profile]]] = {}
    for agent, document in scene.stores():
        for profile in document.profiles.values():
            grant = profile.credential.refresh if profile.credential.fence is None else None
            if grant is not None:
                held.setdefault(grant, []).append((agent, profile))
    for holders in held.values():
        owners = list(dict.fromkeys(agent for agent, _ in holders))
        if len(owners) < 2:
            continue
        first = _owner(scene, owners)
        for agent, profile in holders:
            if agent != first:
                why = f"the same refresh token is stored for {_named(first)} and {_named(agent)}: it can be spent only once"
                yield scene.fact(KIND, NAME, why, agent=agent, provider=normalise(profile.provider), profile=profile.id)


def _owner(scene: Scene, agents: list[str]) -> str:
    return next((agent for agent in agents if agent in ("", MAIN)), agents[0])


def _named(agent: str) -> str:
    return f"agent {agent}" if agent else "all agents"


def _orphans(scene: Scene) -> Iterator[DriftFact]:
    if scene.reading.config is None:
        return
    for agent in scene.reading.agents:
        if not agent.configured and agent.local is not None and agent.local.profiles:
            why = f"its folder holds {counted(len(agent.local.profiles), 'profile')}, no configured agent uses it"
            yield scene.fact(KIND, "AgentDirMismatch", why, agent=agent.agent, places=(agent.agent_dir,))


def _moved(scene: Scene) -> Iterator[DriftFact]:
    """A variable of the service alone moves the default agent: commands of a shell then work on another folder."""
    layers = scene.reading.environment.layers
    service = any(layer.place in (EnvPlace.PROCESS, EnvPlace.UNIT) and layer.counts for layer in layers)
    if not service or scene.reading.config is None:
        return
    for agent in scene.reading.agents:
        entry = next((one for one in scene.config.agents if one.id == agent.agent), None)
        usual = f"{scene.reading.state_dir}/agents/{agent.agent}/agent"
        if not agent.default or (entry is not None and entry.agent_dir) or agent.agent_dir == usual:
            continue
        shells = {value.reveal() for layer in scene.reading.environment.asides for value in layer.variables.values()}
        if agent.agent_dir not in shells:
            why = "the service's environment moves its folder: commands without that variable read another one"
            yield scene.fact(KIND, "AgentDirMismatch", why, agent=agent.agent, places=(agent.agent_dir, usual))


def _ghosts(scene: Scene) -> Iterator[DriftFact]:
    """Ids that an order or the configuration names and no store holds, as judged."""
    for agent in scene.agents:
        if not agent.configured or not agent.known:
            continue
        named: dict[str, list[str]] = {}
        for profile in agent.profiles:
            if profile.reason is Eligibility.PROFILE_MISSING:
                named.setdefault(profile.provider, []).append(profile.profile)
        for provider, ids in named.items():
            why = f"an order or the configuration names {listing(sorted(ids)[:10])}, no store holds {'it' if len(ids) == 1 else 'them'}"
            single = ids[0] if len(ids) == 1 else ""
            yield scene.fact("order", "OrderNamesGhost", why, agent=agent.agent, provider=provider, profile=single)


def _vanished(scene: Scene) -> Iterator[DriftFact]:
    """Profiles that were used within a day and are in no store any more, while the use is still on record."""
    if not scene.all_known():
        return
    held = {key for _, document in scene.stores() for key in document.profiles}
    for agent, document in scene.stores():
        for key, usage in document.state.usage.items():
            used = usage.last_used_at
            if key in held or key.startswith(_INLINE) or used is None or used > scene.now or scene.now - used >= _RECENTLY:
                continue
            scene.is_past(used + _RECENTLY)
            why = f"{key} was in use and is in no store any more"
            provider = normalise(key.partition(":")[0])
            yield scene.fact("store", "ProfileVanished", why, agent=agent, provider=provider, profile=key, since=used)
