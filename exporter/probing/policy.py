"""Pure. What the settings say of probing, as the values that plan and judge it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from exporter.planning.deep_targets import ALWAYS, DAILY, Allowed
from exporter.planning.schedule import Rules
from exporter.planning.targets import Wishes
from exporter.settings import Probes

_EVERY: Mapping[str, timedelta | None] = MappingProxyType({"never": None, "daily": DAILY, "always": ALWAYS})


def wishes(probes: Probes) -> Wishes:
    """Which providers are asked, how often, and for what."""
    each = probes.per_provider
    return Wishes(
        interval=probes.interval,
        intervals=MappingProxyType({name: one.interval for name, one in each.items() if one.interval is not None}),
        named=frozenset(name for name, one in each.items() if one.usage),
        off=frozenset(name for name, one in each.items() if one.enabled is False),
        all_off=not probes.enabled,
        on=frozenset(name for name, one in each.items() if one.enabled),
    )


def rules(probes: Probes, *, memory_survives: bool) -> Rules:
    """Jitter, spacing and budgets."""
    budgets = {name: one.daily_budget for name, one in probes.per_provider.items() if one.daily_budget is not None}
    return Rules(
        jitter=probes.jitter,
        per_host_gap=probes.per_host_gap,
        daily_budget=probes.daily_budget,
        provider_budgets=MappingProxyType(budgets),
        memory_survives=memory_survives,
    )


def allowed(probes: Probes, *, deep_now: bool = False) -> Allowed:
    """Who may be sent a completion; `deep_now`: a person asks for it in this very run, which only an explicit `never` forbids."""
    each = {name: one for name, one in probes.per_provider.items() if one.deep is not None}
    providers = {name: _EVERY[one.deep or "never"] for name, one in each.items()}
    if deep_now:
        providers = {name: every for name, every in providers.items() if every is None}
    return Allowed(
        every=ALWAYS if deep_now else _EVERY[probes.deep],
        providers=MappingProxyType(providers),
        models=MappingProxyType({name: one.model for name, one in probes.per_provider.items() if one.model}),
        by_hand=deep_now,
    )


def timeout(probes: Probes, provider: str) -> timedelta:
    """How long one request to a provider may take."""
    own = probes.per_provider.get(provider)
    return own.timeout if own is not None and own.timeout is not None else probes.timeout
