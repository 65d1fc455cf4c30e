"""Pure. Which providers an agent's configured models need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.judging.selection import normalise
from exporter.model import AgentConfig, Family, GatewayConfig, ModelChoice

_BARE_MODEL_PROVIDER = "anthropic"  # the gateways' default for a model reference without a provider


@dataclass(frozen=True, slots=True)
class InUse:
    """Providers an agent needs, each with its models in use. `configured` false: no model is set anywhere.

    `only` limits the credentials of an agent to these profile ids (RemoteClaw's `agents.*.auth`).
    """

    models: Mapping[str, tuple[str, ...]]
    configured: bool
    only: tuple[str, ...] | None = None


def in_use(config: GatewayConfig, agent: AgentConfig | None, family: Family) -> InUse:
    """Return what `agent` (None: one that the configuration does not name) needs, defaults filled in."""
    if family is Family.REMOTECLAW and agent is not None and agent.auth is not None:
        return InUse(MappingProxyType({}), configured=True, only=agent.auth)
    references = _references(config.defaults, agent.models if agent else ModelChoice())
    found: dict[str, list[str]] = {}
    for reference in references:
        provider, model = split(config.aliases.get(reference, reference))
        models = found.setdefault(provider, [])
        if model not in models:
            models.append(model)
    return InUse(MappingProxyType({key: tuple(models) for key, models in found.items()}), configured=bool(found))


def split(reference: str) -> tuple[str, str]:
    """Split a model reference into provider and model: `openrouter/meta/llama` is model `meta/llama` of openrouter."""
    provider, slash, model = reference.strip().partition("/")
    return (normalise(provider), model) if slash else (_BARE_MODEL_PROVIDER, provider)


def _references(defaults: ModelChoice, own: ModelChoice) -> list[str]:
    primary = own.primary if own.primary is not None else defaults.primary
    fallbacks = own.fallbacks if own.fallbacks is not None else defaults.fallbacks
    image = own.image_primary if own.image_primary is not None else defaults.image_primary
    image_fallbacks = own.image_fallbacks if own.image_fallbacks is not None else defaults.image_fallbacks
    utility = own.utility if own.utility is not None else defaults.utility
    wanted = [primary, *(fallbacks or ()), image, *(image_fallbacks or ()), utility]
    return [reference.strip() for reference in wanted if reference and reference.strip()]
