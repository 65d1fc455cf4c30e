"""Pure. What every comparison of one gateway is made of, and the facts it makes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from exporter.model import AuthDocument, Family, GatewayConfig, GatewayReading, Secret
from exporter.verdict import AgentVerdict, DriftFact, ProfileVerdict, ProviderVerdict

_NO_CONFIG = GatewayConfig()
_SHOWN = 8  # hex digits of a fingerprint that people see
_MOST_PLACES = 20


@dataclass(frozen=True, slots=True)
class Scene:
    """One gateway at one instant. `changes` collects when a fact comes or goes by time alone."""

    reading: GatewayReading
    agents: tuple[AgentVerdict, ...]
    now: datetime
    salt: bytes
    changes: list[datetime] = field(default_factory=list)

    @property
    def config(self) -> GatewayConfig:
        """The configuration; an unknown one counts as empty."""
        return self.reading.config or _NO_CONFIG

    @property
    def remoteclaw(self) -> bool:
        """Say whether this is the fork, which knows API keys and tokens only."""
        return self.reading.family is Family.REMOTECLAW

    def is_past(self, at: datetime) -> bool:
        """Say whether an instant has come; when it has not, the comparison is made again then."""
        if at > self.now:
            self.changes.append(at)
        return at <= self.now

    def print(self, secret: Secret | None) -> str:
        """Return a salted fingerprint; "" for nothing."""
        if secret is None or not secret.reveal():
            return ""
        return hmac.new(self.salt, secret.reveal().encode(errors="surrogatepass"), hashlib.sha256).hexdigest()

    def shown(self, secret: Secret | None) -> str:
        """Return what people may see of a fingerprint: nothing without a salt of this host."""
        return self.print(secret)[:_SHOWN] if self.salt else ""

    def stores(self) -> tuple[tuple[str, AuthDocument], ...]:
        """List the stores that can be read: (agent, document), the shared one first under an empty name."""
        shared = (("", self.reading.shared),) if self.reading.shared is not None else ()
        return (*shared, *((agent.agent, agent.local) for agent in self.reading.agents if agent.local is not None))

    def all_known(self) -> bool:
        """Say whether every store that could hold a profile can be read, and is not older than the last try."""
        if self.reading.shared_down or self.reading.shared_stale_since:
            return False
        return all(agent.local is not None and agent.stale_since is None for agent in self.reading.agents)

    def in_use(self) -> dict[str, list[ProviderVerdict]]:
        """Return the verdicts of every provider that a configured agent uses."""
        found: dict[str, list[ProviderVerdict]] = {}
        for agent in self.agents:
            for provider in agent.providers if agent.configured else ():
                if provider.in_use:
                    found.setdefault(provider.provider, []).append(provider)
        return found

    def profiles(self, agent: str) -> dict[str, ProfileVerdict]:
        """Return one agent's profiles by id."""
        return next(({p.profile: p for p in found.profiles} for found in self.agents if found.agent == agent), {})

    def fact(
        self,
        kind: str,
        name: str,
        why: str,
        *,
        agent: str = "",
        provider: str = "",
        profile: str = "",
        since: datetime | None = None,
        places: Collection[str] = (),
        commands: Iterable[str] = (),
    ) -> DriftFact:
        """Make one fact of this gateway."""
        shown = tuple(places)[:_MOST_PLACES]
        return DriftFact(self.reading.gateway, kind, why, agent, provider, profile, since, name, shown, tuple(commands))
