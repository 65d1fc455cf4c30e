"""Pure. What conditions look at: the profiles and providers worth a look, each with what is around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from exporter.findings.context import Context, Thresholds
from exporter.model import CredentialKind, Source
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import (
    AgentVerdict,
    Eligibility,
    GatewayVerdict,
    Health,
    ProfileVerdict,
    ProviderVerdict,
    RefreshState,
    Snapshot,
)

_FRESH = frozenset({Health.OK, Health.STATIC, Health.RENEWING})
_FEW = 50  # names of other profiles kept for the words
# A probe that ended so says nothing about the credential.
UNTELLING = frozenset({ProbeStatus.NETWORK, ProbeStatus.TIMEOUT, ProbeStatus.UNKNOWN, ProbeStatus.SKIPPED, ProbeStatus.NO_MODEL})


@dataclass(frozen=True, slots=True)
class Held:
    """One profile in one agent's view. `owner` names the credential: equal for every agent that holds the same one."""

    profile: ProfileVerdict
    agent: AgentVerdict
    gateway: GatewayVerdict
    provider: ProviderVerdict | None
    owner: str
    in_use: bool
    others: tuple[str, ...] = ()  # usable profiles of the same provider, in order

    @property
    def probe(self) -> Outcome | None:
        """Return the last probe of this very credential, None without one."""
        probe = self.profile.probe
        return probe if probe is not None and probe.fingerprint == self.profile.fingerprint else None


@dataclass(frozen=True, slots=True)
class Supply:
    """One provider in use in one agent's view, with all its profiles."""

    provider: ProviderVerdict
    agent: AgentVerdict
    gateway: GatewayVerdict
    profiles: tuple[ProfileVerdict, ...]


@dataclass(frozen=True, slots=True)
class View:
    """One pass. `held` leaves out profiles that no condition can be true of."""

    at: datetime
    snapshot: Snapshot
    context: Context
    held: tuple[Held, ...]
    supplies: tuple[Supply, ...]
    began_at: datetime | None = None  # when the first pass saw what was there

    @property
    def thresholds(self) -> Thresholds:
        """Return the figures."""
        return self.context.thresholds


def view(snapshot: Snapshot, context: Context) -> View:
    """Collect what is worth a look: configured agents whose stores could be read now."""
    held: list[Held] = []
    supplies: list[Supply] = []
    for gateway in snapshot.gateways:
        agents = [agent for agent in gateway.agents if agent.configured and agent.known and agent.stale_since is None]
        owners = _Owners(agents)
        for agent in agents:
            index = _Index(agent)
            for profile in agent.profiles:
                if profile.stale_since is None and not _quiet(profile, snapshot.at, context.thresholds):
                    held.append(_held(profile, gateway, index, owners))
            supplies.extend(_supplies(gateway, index))
    began_at = min((remembered.first_seen_at for remembered in context.history.subjects.values()), default=None)
    return View(snapshot.at, snapshot, context, tuple(held), tuple(supplies), began_at)


class _Index:
    """An agent's providers and profiles by provider, made when first asked for."""

    def __init__(self, agent: AgentVerdict) -> None:
        self.agent = agent
        self._providers: dict[str, ProviderVerdict] = {}
        self._profiles: dict[str, list[ProfileVerdict]] = {}
        self._usable: dict[str, tuple[str, ...]] = {}

    def provider(self, name: str) -> ProviderVerdict | None:
        if not self._providers:
            self._providers = {provider.provider: provider for provider in self.agent.providers}
        return self._providers.get(name)

    def profiles(self, provider: str) -> list[ProfileVerdict]:
        if not self._profiles:
            for profile in self.agent.profiles:
                self._profiles.setdefault(profile.provider, []).append(profile)
        return self._profiles.get(provider, [])

    def usable(self, provider: str) -> tuple[str, ...]:
        if provider not in self._usable:
            good = [p for p in self.profiles(provider) if p.usable and p.position is not None]
            self._usable[provider] = tuple(p.profile for p in sorted(good, key=lambda p: p.position or 0))
        return self._usable[provider]


def _held(profile: ProfileVerdict, gateway: GatewayVerdict, index: _Index, owners: _Owners) -> Held:
    provider = index.provider(profile.provider)
    in_use = not gateway.config_known or (provider is not None and provider.in_use and profile.counts)
    usable = index.usable(profile.provider)
    others = tuple(name for name in usable if name != profile.profile) if len(usable) < _FEW else usable[:_FEW]
    return Held(profile, index.agent, gateway, provider, owners.of(profile), in_use, others)


def _supplies(gateway: GatewayVerdict, index: _Index) -> Iterator[Supply]:
    """Yield the providers in use that are down or on their last profile, now or later; unreadable configuration tells no use."""
    if not gateway.config_known:
        return
    for provider in index.agent.providers:
        if not provider.in_use or provider.usable is None:
            continue
        if provider.usable > 1 and provider.dark_at is None:
            continue
        if provider.usable == 0 or provider.dark_at is not None or len(index.profiles(provider.provider)) > 1:
            yield Supply(provider, index.agent, gateway, tuple(index.profiles(provider.provider)))


class _Owners:
    """Names credentials after the first agent and profile that hold them."""

    def __init__(self, agents: list[AgentVerdict]) -> None:
        self._agents = agents
        self._first: dict[tuple[str, str], str] | None = None

    def of(self, profile: ProfileVerdict) -> str:
        own = f"{profile.profile}@{profile.agent}"
        if profile.reason is Eligibility.PROFILE_MISSING:
            return profile.profile
        if not profile.fingerprint:
            return f"{profile.profile}@{profile.inherited_from}" if profile.inherited_from else own
        if self._first is None:
            self._first = {}
            for agent in self._agents:
                for held in agent.profiles:
                    if held.fingerprint:
                        self._first.setdefault((held.provider, held.fingerprint), f"{held.profile}@{held.agent}")
        return self._first.get((profile.provider, profile.fingerprint), own)


def _quiet(p: ProfileVerdict, at: datetime, thresholds: Thresholds) -> bool:
    """Tell cheaply, for most profiles, that nothing can be wrong with them."""
    if p.reason is not Eligibility.OK or p.health not in _FRESH or p.cooldowns or p.suspect_expiry or p.masked_failure:
        return False
    if p.ref_state == "unresolved" or p.fenced or (p.probe is not None and not _plainly_ok(p.probe)):
        return False
    if p.refresh_state is RefreshState.IDLE:
        return p.auth_failing_since is None and (p.expires_at is None or at - p.expires_at < thresholds.unproven_after)
    if p.expires_at is not None:
        return p.renews or p.expires_at - at > max(thresholds.stages, default=p.expires_at - at)
    return p.credential is not CredentialKind.TOKEN or p.first_seen_at is None or at - p.first_seen_at < thresholds.unknown_expiry_age


def _plainly_ok(probe: Outcome) -> bool:
    return probe.outcome in (ProbeStatus.OK, *UNTELLING) and not probe.quotas and not probe.balances


def is_listed_login(profile: ProfileVerdict) -> bool:
    """Tell whether it is a CLI's own login that the gateway does not use itself: people still want to know when it ends."""
    return profile.source is Source.CLI_LOGIN and not profile.counts
