"""Pure. The coming days as lanes: what ends when, and when a provider has nothing usable left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from exporter.verdict import AgentVerdict, GatewayVerdict, ProfileVerdict, ProviderVerdict, Snapshot
from exporter.web.said import Moment, Speech

DAYS: Final = 14
_SPAN: Final = timedelta(days=DAYS)
_MOST_LANES: Final = 24
_LEFT, _WIDTH = 1.0, 97.0  # percent of the drawing


@dataclass(frozen=True, slots=True)
class Mark:
    """One event: `kind` is end (a credential's), back (a window's) or dark (nothing usable any more). Places are percent of the width."""

    kind: str
    at: datetime
    place: float
    until: float | None  # dark only: where it ends
    words: str
    moment: Moment


@dataclass(frozen=True, slots=True)
class Lane:
    """The events of one provider, of every agent for which they are the same."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """One day on the scale."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The lanes with the earliest event first; `more` did not fit."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    more: int = 0

    def listed(self) -> tuple[tuple[str, Mark], ...]:
        """Return every event with its lane, in order of time."""
        return tuple(sorted(((lane.label, mark) for lane in self.lanes for mark in lane.marks), key=lambda pair: pair[1].at))


def timeline(snapshot: Snapshot, speech: Speech) -> Timeline:
    """Lay out the next fourteen days of every provider in use."""
    found: dict[tuple[object, ...], tuple[list[str], tuple[Mark, ...]]] = {}
    many = len([gateway for gateway in snapshot.gateways if gateway.agents]) > 1
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            for provider in agent.providers:
                marks = tuple(sorted(_marks(agent, provider, speech), key=lambda mark: mark.at)) if provider.in_use else ()
                if marks:
                    key = (gateway.gateway, provider.provider, tuple((mark.kind, mark.at, mark.words) for mark in marks))
                    found.setdefault(key, ([], marks))[0].append(_name(gateway, agent, many=many))
    lanes = [Lane(speech.text(f"{key[1]} ({', '.join(names)})"), marks) for key, (names, marks) in found.items()]
    lanes.sort(key=lambda lane: (lane.marks[0].at, lane.label))
    return Timeline(tuple(lanes[:_MOST_LANES]), tuple(_ticks(speech)), max(0, len(lanes) - _MOST_LANES))


def _marks(agent: AgentVerdict, provider: ProviderVerdict, speech: Speech) -> Iterator[Mark]:
    end = speech.now + _SPAN
    for profile in agent.profiles:
        if profile.provider != provider.provider or not profile.counts:
            continue
        at = _ends(profile)
        if at is not None and speech.now <= at <= end:
            yield _mark("end", at, f"{profile.profile} ends", speech)
        if profile.parked_until is not None and speech.now <= profile.parked_until <= end:
            yield _mark("back", profile.parked_until, f"{profile.profile} is tried again", speech)
    dark = provider.dark_at
    if dark is not None and dark <= end and (provider.recovers_at is None or provider.recovers_at > speech.now):
        until = provider.recovers_at if provider.recovers_at and provider.recovers_at > dark else None
        words = "nothing usable" if dark <= speech.now else "goes dark: nothing usable from here"
        yield _mark("dark", dark, words, speech, until or end)


def _ends(profile: ProfileVerdict) -> datetime | None:
    return None if profile.renews or not profile.usable else profile.expires_at


def _mark(kind: str, at: datetime, words: str, speech: Speech, until: datetime | None = None) -> Mark:
    moment = speech.moment(at)
    assert moment is not None
    return Mark(kind, at, _place(at, speech), _place(until, speech) if until else None, speech.text(words), moment)


def _place(at: datetime, speech: Speech) -> float:
    share = min(max((at - speech.now) / _SPAN, 0.0), 1.0)
    return round(_LEFT + _WIDTH * share, 2)


def _ticks(speech: Speech) -> Iterator[Tick]:
    for day in range(0, DAYS + 1, 2):
        local = (speech.now + timedelta(days=day)).astimezone(speech.zone)
        yield Tick(_place(speech.now + timedelta(days=day), speech), "now" if day == 0 else f"{local:%d %b}".lstrip("0"))


def _name(gateway: GatewayVerdict, agent: AgentVerdict, *, many: bool) -> str:
    return f"{gateway.gateway}/{agent.agent}" if many else agent.agent
