"""Pure. The state of key lists that a gateway rotates through: how many keys are accepted, limited, refused, and which one it would use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.model import Source
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import AgentVerdict, ProfileVerdict

_REFUSED = frozenset({ProbeStatus.AUTH, ProbeStatus.BILLING})


@dataclass(frozen=True, slots=True)
class Pool:
    """The keys one provider has in the environment, in the order they are tried.

    `refused` counts keys whose last answer was a refusal, confirmed or not; `unknown` those that were not asked or gave no telling answer.
    """

    provider: str
    keys: tuple[str, ...]
    accepted: int
    limited: int
    refused: int
    unknown: int
    uses: str | None

    @property
    def words(self) -> str:
        """One line for people."""
        counts = ((self.accepted, "accepted"), (self.limited, "limited"), (self.refused, "refused"), (self.unknown, "unknown"))
        said = ", ".join(f"{count} {word}" for count, word in counts if count)
        return f"{len(self.keys)} keys in rotation: {said}; next {self.uses or 'none'}"


def pools(agent: AgentVerdict) -> tuple[Pool, ...]:
    """Every provider of an agent with more than one key to rotate through, once anything was asked."""
    return tuple(_pools(agent))


def _pools(agent: AgentVerdict) -> Iterator[Pool]:
    for provider in agent.providers:
        keys = [p for p in agent.profiles if p.provider == provider.provider and p.source is Source.ENV and p.counts]
        keys.sort(key=lambda p: (p.position is None, p.position or 0))
        if len(keys) < 2 or not any(p.probe for p in keys):
            continue
        states = [_state(p) for p in keys]
        yield Pool(
            provider.provider,
            tuple(p.profile for p in keys),
            states.count("accepted"),
            states.count("limited"),
            states.count("refused"),
            states.count("unknown"),
            _used(keys, states),
        )


def _used(keys: list[ProfileVerdict], states: list[str]) -> str | None:
    """A gateway begins with the first key and goes on to the next one only when a key is limited, never when it is refused."""
    for key, state in zip(keys, states, strict=True):
        if state != "limited":
            return key.profile
    return keys[0].profile if keys else None


def _state(profile: ProfileVerdict) -> str:
    probe: Outcome | None = profile.probe
    if probe is None or probe.fingerprint != profile.fingerprint:
        return "unknown"
    if probe.outcome is ProbeStatus.OK:
        return "accepted"
    if probe.outcome is ProbeStatus.RATE_LIMIT:
        return "limited"
    return "refused" if probe.outcome in _REFUSED and probe.detail not in ("scope", "region", "ip", "client_restricted") else "unknown"
