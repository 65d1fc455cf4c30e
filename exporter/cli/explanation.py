"""Pure. Everything known about one profile, the rule behind every word, and what to do: the text of `explain`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from exporter.dossier import Fact, dossier, provider_of
from exporter.finding import said
from exporter.remedies import remedy
from exporter.verdict import AgentVerdict, GatewayVerdict, ProfileVerdict
from exporter.words import visible, when

_WIDTH = 15


def explanation(profile: ProfileVerdict, gateway: GatewayVerdict, agent: AgentVerdict, now: datetime, zone: tzinfo | None) -> list[str]:
    """Write all lines about one profile in one agent's view."""
    known = dossier(profile, gateway, agent, now)
    lines = [f"{profile.profile}  ({gateway.gateway}/{agent.agent})", ""]
    for title, facts in (
        ("facts", known.facts),
        ("verdict", known.verdicts),
        ("provider", known.provider),
        ("probe", known.probe),
        ("the gateway", known.gateway),
        ("drift", known.drift),
    ):
        lines += _section(title, facts, now, zone)
    todo = remedy(profile, gateway, provider_of(profile, agent))
    lines += ["what to do", f"  {todo.advice}", *(f"    {command}" for command in todo.commands)]
    return [visible(line) for line in lines]


def _section(title: str, facts: Sequence[Fact], now: datetime, zone: tzinfo | None) -> list[str]:
    lines = [f"  {fact.name:<{_WIDTH}}{_words(fact, now, zone)}" for fact in facts]
    return [title, *lines, ""] if lines else []


def _words(fact: Fact, now: datetime, zone: tzinfo | None) -> str:
    parts = [said(fact.words, zone), when(fact.at, now, zone) if fact.at else ""]
    rule = f" [{fact.rule}]" if fact.rule else ""
    return ", ".join(part for part in parts if part) + rule
