"""Edge. `probe` on a terminal: one line per credential, what several agents share told once; colour is never the only sign."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from exporter.cli.asked import Answer
from exporter.cli.probe_words import took
from exporter.dossier import outcome_words
from exporter.outcome import ProbeStatus
from exporter.verdict import ProfileVerdict
from exporter.words import listing, visible

_CARDS_BELOW = 72
_GAP = 2
_WORKS, _DEAD, _LATER, _LEFT = ("✓", "+", "green"), ("✗", "x", "red"), ("!", "!", "yellow"), ("·", "-", "dim")
_SIGNS = {
    ProbeStatus.OK: _WORKS,
    ProbeStatus.AUTH: _DEAD,
    ProbeStatus.BILLING: _DEAD,
    ProbeStatus.SKIPPED: _LEFT,
    ProbeStatus.NO_MODEL: _LEFT,
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One credential; `agents` is empty where its gateway has only one."""

    profile: str
    sign: tuple[str, str, str]
    outcome: str
    took: str
    agents: str
    words: str


def drawn(answers: Sequence[Answer], now: datetime, *, unicode: bool) -> str:
    """Draw every answer, for the width and the colours of the terminal that stdout is."""
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(file=sys.stdout, color_system=colours, highlight=False, emoji=False, markup=False)
    with console.capture() as captured:
        for gateway in dict.fromkeys(answer.profile.gateway for answer in answers):
            mine = [answer for answer in answers if answer.profile.gateway == gateway]
            console.print(Text(visible(gateway), "bold"))
            for line in _gateway(mine, now, console.width, unicode):
                console.print(line, overflow="fold")
            console.print()
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _gateway(answers: Sequence[Answer], now: datetime, width: int, unicode: bool) -> Iterator[Text | Padding]:
    many = len({answer.profile.agent for answer in answers}) > 1
    shared: dict[tuple[str, str, str, str], list[Answer]] = {}
    for answer in answers:
        shared.setdefault(
            (answer.profile.provider, answer.profile.profile, outcome_words(answer.outcome), took(answer.outcome)), []
        ).append(answer)
    lines = [_line(same, now, many) for same in shared.values()]
    cells = [(line.profile, line.outcome, line.took, line.agents) for line in lines]
    columns = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    provider = ""
    for same, line in zip(shared.values(), lines, strict=True):
        if same[0].profile.provider != provider:
            provider = same[0].profile.provider
            yield Padding(Text(visible(provider), "bold"), (0, 0, 0, _GAP), expand=False)
        yield from _row(line, columns, width, unicode)


def _line(same: Sequence[Answer], now: datetime, many: bool) -> _Line:
    answer = same[0]
    profile: ProfileVerdict = answer.profile
    agents = listing(list(dict.fromkeys(one.profile.agent for one in same))) if many else ""
    return _Line(
        visible(profile.profile),
        _SIGNS.get(answer.outcome.outcome, _LATER),
        outcome_words(answer.outcome),
        took(answer.outcome),
        visible(agents),
        visible(answer.remark(now)),
    )


def _row(line: _Line, columns: Sequence[int], width: int, unicode: bool) -> Iterator[Text | Padding]:
    mark, style = line.sign[0 if unicode else 1], line.sign[2]
    words = Text(line.words, "dim")
    if width < _CARDS_BELOW:
        yield Text.assemble("    ", (f"{mark} ", style), (line.profile, "bold"))
        facts = Text("; ").join(Text(fact, look) for fact, look in ((line.outcome, style), (line.took, ""), (line.agents, "dim")) if fact)
        yield Padding(facts, (0, 0, 0, 6), expand=False)
    else:
        cells = ((line.profile, ""), (line.outcome, style), (line.took, ""), (line.agents, "dim"))
        row = Text.assemble("    ", (f"{mark} ", style))
        for (cell, look), size in zip(cells, columns, strict=True):
            row.append(cell, look).append(" " * (size - cell_len(cell) + (_GAP if size else 0)))
        beside = row.cell_len + words.cell_len <= width
        if beside:
            row.append_text(words)
        yield row
        if beside:
            return
    if words.cell_len:
        yield Padding(words, (0, 0, 0, 6), expand=False)
