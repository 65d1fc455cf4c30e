"""Pure. The `agents` section of a gateway's configuration: who they are and which models they use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from exporter.model import AgentConfig, ModelChoice, ProblemReason
from exporter.stores.tree import Node

MAIN = "main"

_WELL_FORMED_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ID_CHARS = 64


def agent_id(text: str) -> str:
    """Normalise an agent id as the gateways do before they name a directory after it."""
    lower = text.strip().lower()
    if _WELL_FORMED_ID.fullmatch(lower):
        return lower
    return re.sub(r"[^a-z0-9_-]+", "-", lower).strip("-")[:_ID_CHARS] or MAIN


def models(node: Node) -> ModelChoice:
    """Read the model choices of the defaults or of one agent."""
    primary, fallbacks = _model(node.at("model"))
    image_primary, image_fallbacks = _model(node.at("imageModel"))
    utility = node.at("utilityModel")
    chosen = utility.text() if isinstance(utility.value, str) else utility.at("primary").text()
    return ModelChoice(primary, fallbacks, image_primary, image_fallbacks, None if chosen is None else chosen.strip())


def aliases(node: Node) -> Mapping[str, str]:
    """Read {model: {"alias"}} into {alias: model}."""
    found = {}
    for model, entry in node.members():
        alias = entry.at("alias").word()
        if alias:
            found[alias] = model.strip()
    return MappingProxyType(found)


def agents(node: Node) -> tuple[AgentConfig, ...]:
    """Read `agents`: the list of old releases and the keyed entries of new ones, exactly one of them the default.

    RemoteClaw's `auth` of the defaults holds for agents that name none.
    """
    found: dict[str, AgentConfig] = {}
    for id, entry in _entries(node):
        if id in found:
            entry.bad(ProblemReason.BAD_ENTRY)
            continue
        agent_dir = entry.at("agentDir").word()
        found[id] = AgentConfig(id, entry.at("default").flag(), agent_dir, models(entry), _auth(entry.at("auth")))
    inherited = _auth(node.at("defaults", "auth"))
    if inherited is not None and not found:
        found[MAIN] = AgentConfig(MAIN)
    owner = _default(found, node)
    return tuple(
        replace(agent, default=agent.id == owner, auth=inherited if agent.auth is None else agent.auth) for agent in found.values()
    )


def _entries(node: Node) -> Iterator[tuple[str, Node]]:
    for name, entry in node.at("entries").members():
        if isinstance(entry.value, dict):
            yield agent_id(name), entry
        else:
            entry.bad(ProblemReason.BAD_ENTRY)
    for entry in node.at("list").items():
        id = entry.at("id").word() if isinstance(entry.value, dict) else None
        if id is not None:
            yield agent_id(id), entry
        else:
            entry.bad(ProblemReason.BAD_ENTRY)


def _default(found: Mapping[str, AgentConfig], node: Node) -> str | None:
    marked = next((agent.id for agent in found.values() if agent.default), None)
    if marked is not None:
        return marked
    owner = node.at("defaults", "systemAgent", "agentId").word()
    if owner is not None and agent_id(owner) in found:
        return agent_id(owner)
    return next(iter(found), None)


def _model(node: Node) -> tuple[str | None, tuple[str, ...] | None]:
    if isinstance(node.value, str):
        return node.word(), None
    return node.at("primary").word(), node.at("fallbacks").words()


def _auth(node: Node) -> tuple[str, ...] | None:
    match node.value:
        case False:
            return ()
        case str():
            word = node.word()
            return (word,) if word else ()
        case _:
            return node.words()
