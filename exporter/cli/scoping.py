"""Pure. The part of a snapshot that the filters of a command leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from exporter.checking import Scope
from exporter.verdict import AgentVerdict, DriftFact, GatewayVerdict, Snapshot
from exporter.words import listing, visible


def narrow(snapshot: Snapshot, scope: Scope) -> Snapshot:
    """Leave out what the scope does not name; an empty set names everything."""
    gateways = [_gateway(gateway, scope) for gateway in snapshot.gateways if _named(gateway.gateway, scope.gateways)]
    return replace(snapshot, gateways=tuple(gateways), drift=tuple(fact for fact in snapshot.drift if _about(fact, scope)))


def asides(snapshot: Snapshot, scope: Scope) -> Iterator[str]:
    """Say what does not belong into the data: filters that name nothing here, and every problem of what is left."""
    gateways = [gateway.gateway for gateway in snapshot.gateways]
    agents = [agent.agent for gateway in snapshot.gateways for agent in gateway.agents]
    for kind, asked, known in (("gateway", scope.gateways, gateways), ("agent", scope.agents, agents)):
        for name in sorted(asked.difference(known)):
            yield visible(f"no {kind} {name!r} here; there is {listing(dict.fromkeys(known)) or 'none'}")
    for problem in narrow(snapshot, scope).all_problems():
        where = "/".join(part for part in (problem.gateway, problem.agent, problem.store or "") if part)
        yield visible(f"{where or 'settings'}: {problem.reason}: {problem.place}")


def _about(fact: DriftFact, scope: Scope) -> bool:
    """Say whether a fact concerns what is named; one about a whole gateway concerns all of it."""
    if not _named(fact.gateway, scope.gateways):
        return False
    return (not fact.agent or _named(fact.agent, scope.agents)) and (not fact.provider or _named(fact.provider, scope.providers))


def _gateway(gateway: GatewayVerdict, scope: Scope) -> GatewayVerdict:
    agents = tuple(_agent(agent, scope) for agent in gateway.agents if _named(agent.agent, scope.agents))
    problems = tuple(problem for problem in gateway.problems if not problem.agent or _named(problem.agent, scope.agents))
    drift = tuple(fact for fact in gateway.drift if _about(fact, scope))
    keys = tuple(key for key in gateway.keys if _named(key.provider, scope.providers))
    return replace(gateway, agents=agents, problems=problems, drift=drift, keys=keys)


def _agent(agent: AgentVerdict, scope: Scope) -> AgentVerdict:
    return replace(
        agent,
        providers=tuple(provider for provider in agent.providers if _named(provider.provider, scope.providers)),
        profiles=tuple(profile for profile in agent.profiles if _named(profile.provider, scope.providers)),
    )


def _named(name: str, names: frozenset[str]) -> bool:
    return not names or name in names
