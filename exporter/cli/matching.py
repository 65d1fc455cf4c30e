"""Pure. Which profile is meant by what a person typed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.verdict import AgentVerdict, GatewayVerdict, ProfileVerdict, Snapshot


@dataclass(frozen=True, slots=True)
class Subject:
    """One profile and where it stands."""

    gateway: GatewayVerdict
    agent: AgentVerdict
    profile: ProfileVerdict

    @property
    def path(self) -> str:
        """The name that says it all: gateway/agent/id."""
        return f"{self.gateway.gateway}/{self.agent.agent}/{self.profile.profile}"


def matches(snapshot: Snapshot, wanted: str) -> list[Subject]:
    """Find a profile by gateway/agent/id, agent/id or bare id; the exact spelling wins over one that ignores case."""
    everyone = list(subjects(snapshot))
    for fold in (str, str.lower):
        found = [one for one in everyone if fold(wanted) in {fold(name) for name in _names(one)}]
        if found:
            return found
    return []


def subjects(snapshot: Snapshot) -> Iterator[Subject]:
    """List every profile with where it stands."""
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            for profile in agent.profiles:
                yield Subject(gateway, agent, profile)


def near(snapshot: Snapshot, wanted: str) -> list[str]:
    """List what may have been meant: ids that look alike, else those of a provider or with a part of that name."""
    everyone = list(subjects(snapshot))
    names = list(dict.fromkeys(one.path if "/" in wanted else one.profile.profile for one in everyone))
    return difflib.get_close_matches(wanted, names, 5, 0.5) or [name for name in names if wanted.lower() in name.lower()][:5]


def _names(subject: Subject) -> tuple[str, str, str]:
    return subject.profile.profile, f"{subject.agent.agent}/{subject.profile.profile}", subject.path
