"""Pure. What one agent sees: its own store merged over the one it inherits from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from exporter.judging.cooldown import INLINE_KEY_PREFIX
from exporter.model import AgentReading, AuthDocument, AuthState, Era, GatewayReading, Profile

MAIN = "main"
SHARED = "shared"
_READ_THROUGH = frozenset({Era.AGENT_DB, Era.SHARED_DB})


@dataclass(frozen=True, slots=True)
class AgentView:
    """The profiles and state an agent works with. `inherited` maps a profile id to the store it came from."""

    profiles: Mapping[str, Profile]
    state: AuthState
    inherited: Mapping[str, str]
    known: bool  # false: a store that could hold more is down and nothing older is known
    stale_since: datetime | None
    updated_at: Mapping[str, datetime | None]  # profile id -> when its store was last written


def view(gateway: GatewayReading, agent: AgentReading) -> AgentView:
    """Merge `agent`'s store over the shared one, or over main's where there is no shared one; local entries win per id."""
    base, origin, base_known, base_stale = _base(gateway, agent)
    local = agent.local
    known = local is not None and base_known
    stale = min((at for at in (agent.stale_since, base_stale) if at), default=None)
    local = local or AuthDocument()
    if base is None:
        return AgentView(local.profiles, local.state, {}, known, stale, dict.fromkeys(local.profiles, local.updated_at))
    profiles = {**base.profiles, **local.profiles}
    inherited = {profile_id: origin for profile_id in base.profiles if profile_id not in local.profiles}
    updated = {profile_id: (base if profile_id in inherited else local).updated_at for profile_id in profiles}
    state = _merge_state(base, local, profiles, promote_local=gateway.era in _READ_THROUGH)
    return AgentView(MappingProxyType(profiles), state, inherited, known, stale, updated)


def _base(gateway: GatewayReading, agent: AgentReading) -> tuple[AuthDocument | None, str, bool, datetime | None]:
    if gateway.era in (Era.SHARED_DB, Era.GLOBAL_JSON) or gateway.shared is not None:
        return gateway.shared, SHARED, not gateway.shared_down, gateway.shared_stale_since
    if agent.agent == MAIN:
        return None, "", True, None
    main = next((other for other in gateway.agents if other.agent == MAIN), None)
    if main is None:
        return None, "", True, None
    return main.local, MAIN, main.local is not None, main.stale_since


def _merge_state(base: AuthDocument, local: AuthDocument, profiles: Mapping[str, Profile], *, promote_local: bool) -> AuthState:
    order = {**base.state.order, **local.state.order}
    if promote_local:
        for provider, ids in base.state.order.items():
            if provider not in local.state.order:
                order[provider] = _local_first(provider, ids, local)
    usage = {**base.state.usage, **local.state.usage}
    kept = {key: value for key, value in usage.items() if key in profiles or key.startswith(INLINE_KEY_PREFIX)}
    return AuthState(
        order=MappingProxyType(order),
        last_good=MappingProxyType({**base.state.last_good, **local.state.last_good}),
        usage=MappingProxyType(kept),
    )


def _local_first(provider: str, ids: tuple[str, ...], local: AuthDocument) -> tuple[str, ...]:
    """Put the agent's own profiles of a provider in front of an order it inherits."""
    wanted = provider.strip().lower()
    own = [key for key, profile in local.profiles.items() if profile.provider.strip().lower() == wanted]
    return tuple(dict.fromkeys([*own, *ids]))
