"""Edge. Whom a repair is for, from what a person typed and what there is."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.model import Family, GatewayReading
from exporter.reading.agents import normalize_agent_id
from exporter.repair.arguments import Refusal
from exporter.repair.dialect import dialect
from exporter.repair.target import Target


class Unclear(Refusal):
    """A call that does not say which gateway it means: wrong usage, nothing was tried."""


def target(gateways: Sequence[GatewayReading], gateway: str | None, agent: str | None, home: str) -> Target:
    """Choose the agent a repair is for: the only gateway or the named one, its default agent or the named one.

    Errors: raises Refusal, in the gateway's words where there is no such agent.
    """
    real = [one for one in gateways if one.family is not Family.STATIC]
    named = [one for one in real if gateway in (None, one.gateway)]
    if not named:
        if gateway:
            raise Unclear(f"no gateway {gateway!r} here; there is {', '.join(one.gateway for one in real) or 'none'}")
        raise Refusal("no gateway found; name its state directory under `gateways:` in the settings")
    if len(named) > 1:
        raise Unclear(f"there are several gateways: choose one with --gateway {' | '.join(one.gateway for one in named)}")
    found = named[0]
    run, config = found.host.run, found.config
    spoken = dialect(found.family, found.era, (run.version if run else None, config.version if config else None))
    agents = [one for one in found.agents if one.configured]
    if agent is None:
        chosen = next((one for one in agents if one.default), agents[0] if agents else None)
    else:
        chosen = next((one for one in agents if one.agent == normalize_agent_id(agent)), None)
    if chosen is None:
        raise Refusal(spoken.refused(spoken.unknown_agent(agent or "main")))
    return Target(found, chosen, spoken, home)
