"""Pure. Sessions that a person tied to a profile (`/model …@profile`) which cannot serve them.

Source: spec/gateways.md, 6 (a pin goes before the order).
"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.drift.scene import Scene
from exporter.judging.selection import normalise
from exporter.verdict import DriftFact, Eligibility, Health, ProfileVerdict
from exporter.words import counted

KIND, NAME = "session", "SessionPinLost"


def find(scene: Scene) -> Iterator[DriftFact]:
    """Judge every pinned profile by the agent's own view; agents whose sessions or stores cannot be read say nothing."""
    known = {agent.agent for agent in scene.agents if agent.known and agent.stale_since is None}
    for sessions in scene.reading.traces.sessions:
        if not sessions.known or sessions.agent not in known or not sessions.pins:
            continue
        profiles = scene.profiles(sessions.agent)
        for key, count in sessions.pins:
            state = _state(profiles.get(key))
            if state:
                profile = profiles.get(key)
                provider = profile.provider if profile else normalise(key.partition(":")[0])
                tied = f"{counted(count, 'session')} of agent {sessions.agent} {'is' if count == 1 else 'are'} tied to"
                why = f"{tied} a profile that is {state}"
                yield scene.fact(KIND, NAME, why, agent=sessions.agent, provider=provider, profile=key)


def _state(profile: ProfileVerdict | None) -> str:
    """Say why a profile cannot serve; "" when it can."""
    if profile is None or profile.reason is Eligibility.PROFILE_MISSING:
        return "missing"
    if profile.health is Health.EXPIRED and not profile.usable:
        return "expired"
    if profile.parked:
        return "parked by the gateway"
    return "" if profile.usable else "not usable"
