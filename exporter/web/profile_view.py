"""Pure. The page of one profile as one value: every fact, the rules that decided, its history, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporter.chronicle import subject_of
from exporter.dossier import Fact, dossier, provider_of
from exporter.finding import said
from exporter.remedies import remedy
from exporter.verdict import AgentVerdict, GatewayVerdict, ProfileVerdict, Snapshot
from exporter.web.board import BoardView
from exporter.web.look import Look
from exporter.web.page_view import Trouble, trouble
from exporter.web.rows import ProfileRow, profile_row
from exporter.web.said import Moment, Speech


@dataclass(frozen=True, slots=True)
class Told:
    """One fact as the page says it: words, an instant, or both; `rule` names the rule that decided it."""

    name: str
    words: str
    moment: Moment | None
    rule: str


@dataclass(frozen=True, slots=True)
class Story:
    """One change of the past."""

    moment: Moment | None
    what: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """Everything about one profile in one agent's view."""

    row: ProfileRow
    gateway: str
    agent: str
    verdicts: tuple[Told, ...]
    facts: tuple[Told, ...]
    provider: tuple[Told, ...]
    probe: tuple[Told, ...]
    judged: tuple[Told, ...]
    drift: tuple[Told, ...]
    advice: str
    commands: tuple[str, ...]
    masked: bool
    troubles: tuple[Trouble, ...]
    stories: tuple[Story, ...]
    watched_since: Moment | None


def profile_pages(seen: Look, board: BoardView, gateway: str, agent: str, profile: str, speech: Speech) -> tuple[ProfilePage, ...]:
    """Make a page part for each profile of this name: an environment variable may serve several providers."""
    return tuple(
        _page(seen, board, owner, view, found, speech)
        for owner, view, found in _find(seen.snapshot)
        if (speech.text(owner.gateway), speech.text(view.agent), speech.text(found.profile)) == (gateway, agent, profile)
    )


def _find(snapshot: Snapshot) -> Iterator[tuple[GatewayVerdict, AgentVerdict, ProfileVerdict]]:
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            for profile in agent.profiles:
                yield gateway, agent, profile


def _page(
    seen: Look, board: BoardView, gateway: GatewayVerdict, agent: AgentVerdict, profile: ProfileVerdict, speech: Speech
) -> ProfilePage:
    provider = provider_of(profile, agent)
    known = dossier(profile, gateway, agent, speech.now)
    todo = remedy(profile, gateway, provider)
    alerts = {alert.identity: alert for alert in board.open_alerts()}
    return ProfilePage(
        row=profile_row(profile, provider, speech),
        gateway=speech.text(gateway.gateway),
        agent=speech.text(agent.agent),
        verdicts=_said(known.verdicts, speech),
        facts=_said(known.facts, speech),
        provider=_said(known.provider, speech),
        probe=_said(known.probe, speech),
        judged=_said(known.gateway, speech),
        drift=_said(known.drift, speech),
        advice=speech.text(todo.advice),
        commands=tuple(speech.text(command) for command in todo.commands),
        masked=any(speech.masked(command) for command in todo.commands),
        troubles=tuple(
            trouble(finding, alerts.get(finding.identity), speech)
            for finding in board.findings
            if finding.gateway == profile.gateway
            and profile.agent in finding.agents
            and (finding.profile == profile.profile or (not finding.profile and finding.provider == profile.provider))
        ),
        stories=tuple(
            Story(speech.moment(change.at), change.what, change.before, change.after, speech.text(change.why))
            for change in reversed(seen.chronicle.changes(subject_of(profile)))
        ),
        watched_since=speech.moment(seen.chronicle.since),
    )


def _said(facts: Sequence[Fact], speech: Speech) -> tuple[Told, ...]:
    return tuple(
        Told(speech.text(_sentence(fact.name)), speech.text(said(fact.words, speech.zone)), speech.moment(fact.at), fact.rule)
        for fact in facts
    )


def _sentence(name: str) -> str:
    return name[:1].upper() + name[1:]
