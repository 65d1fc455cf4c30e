"""Edge. `status` on a terminal: lines with columns when there is room, folded cards when there is not; colour is never the only sign."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from exporter.cli.rows import ASCII_MARKS, MARKS, Group, Row, agent_facts, agent_title, groups, provider_line
from exporter.verdict import AgentVerdict, GatewayVerdict, Health, Snapshot
from exporter.words import visible

_CARDS_BELOW = 72
_LEAST_PROFILE = 16
_GAP = 2
_INDENT = 4
_STYLES = {
    Health.OK: "green",
    Health.RENEWING: "cyan",
    Health.EXPIRING: "yellow",
    Health.EXPIRED: "red",
    Health.MISSING: "red",
    Health.STATIC: "blue",
}
_USABLE_STYLES = {"yes": "green", "no": "red", "listed": "dim"}


@dataclass(frozen=True, slots=True)
class _Look:
    """How wide and with which marks; a column that does not fit moves into the line below its row."""

    width: int
    unicode: bool
    columns: tuple[int, int, int, int] = (0, 0, 0, 0)  # profile, kind, health, expires
    dates: bool = False  # absolute dates fit into the column

    def health(self, health: Health) -> Text:
        marks = MARKS if self.unicode else ASCII_MARKS
        return Text(f"{marks[health]} {health.value}", _STYLES[health])

    def arrow(self, row: Row) -> Text:
        return Text(("→ " if self.unicode else "> ") if row.next else "  ", "bold")


def drawn(snapshot: Snapshot, now: datetime, zone: tzinfo | None, *, unicode: bool) -> str:
    """Draw every agent, for the width and the colours of the terminal that stdout is."""
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(file=sys.stdout, color_system=colours, highlight=False, emoji=False, markup=False)
    with console.capture() as captured:
        for gateway in snapshot.gateways:
            for agent in gateway.agents:
                for line in _agent(gateway, agent, now, zone, _Look(console.width, unicode)):
                    console.print(line, overflow="fold")
                console.print()
    return captured.get() if unicode else captured.get().replace("·", "-")


def _agent(gateway: GatewayVerdict, agent: AgentVerdict, now: datetime, zone: tzinfo | None, look: _Look) -> Iterator[Text | Padding]:
    yield Text(agent_title(gateway, agent), "bold")
    yield Text(agent_facts(gateway, agent, now), "dim")
    listed = groups(agent, now, zone)
    if not listed:
        yield _indented(Text("no credentials", "dim"), _GAP)
    look = _measured(look, [row for group in listed for row in group.rows])
    if look.width >= _CARDS_BELOW and any(look.columns):
        yield _titles(look)
    for group in listed:
        yield _heading(group, now, zone)
        for row in group.rows:
            yield from _card(row, look) if look.width < _CARDS_BELOW else _columns(row, look)


def _measured(look: _Look, rows: Sequence[Row]) -> _Look:
    """Choose the columns' widths for all rows of an agent."""
    kind = max((cell_len(row.kind) for row in rows), default=0)
    health = max((len(row.verdict.health.value) + 2 for row in rows), default=0)
    profile = max((cell_len(visible(row.verdict.profile)) for row in rows), default=0)
    fixed = _INDENT + kind + health + len("listed") + 4 * _GAP
    dated = max((cell_len(_expires(row, True)) for row in rows), default=0)
    dates = profile + fixed + dated <= look.width
    expires = dated if dates else max((cell_len(_expires(row, False)) for row in rows), default=0)
    expires = max(expires, len("expires")) if rows else 0
    room = max(look.width - fixed - expires, _LEAST_PROFILE)
    return _Look(look.width, look.unicode, (min(profile, room), kind, health, expires), dates)


def _titles(look: _Look) -> Text:
    titles = ("profile", "kind", "health", "expires")
    padded = [title.ljust(width) for title, width in zip(titles, look.columns, strict=True)]
    return Text(" " * _INDENT + (" " * _GAP).join([*padded, "usable"]), "dim")


def _heading(group: Group, now: datetime, zone: tzinfo | None) -> Padding:
    provider = group.provider
    name, _, rest = provider_line(provider, now, zone).partition(":")
    style = "dim" if not provider.in_use else "bold red" if provider.usable == 0 else "bold"
    words = f"{rest}{'' if provider.in_use else ' (not in use)'}"
    return _indented(Text.assemble((name, style), (words, style.removeprefix("bold").strip())), _GAP)


def _columns(row: Row, look: _Look) -> Iterator[Text | Padding]:
    profile = Text(visible(row.verdict.profile), "bold" if row.next else "")
    cells = (Text(row.kind), look.health(row.verdict.health), Text(_expires(row, look.dates)))
    line = Text.assemble("  ", look.arrow(row), profile)
    if profile.cell_len > look.columns[0]:  # too long an id has its own line
        yield line
        line = Text(" " * (_INDENT + look.columns[0]))
    else:
        line.append(" " * (look.columns[0] - profile.cell_len))
    for cell, width in zip(cells, look.columns[1:], strict=True):
        line.append(" " * _GAP).append_text(cell).append(" " * (width - cell.cell_len))
    line.append(" " * _GAP).append_text(_usable(row))
    details = _details(row, date=not look.dates)
    column = sum(look.columns) + _INDENT + 4 * _GAP + len("listed") + _GAP
    if details is not None and column + details.cell_len <= look.width:
        yield line.append(" " * (column - line.cell_len)).append_text(details)
    else:
        yield line
        yield from (_indented(details, _INDENT + _GAP),) if details is not None else ()


def _card(row: Row, look: _Look) -> Iterator[Text | Padding]:
    yield Text.assemble("  ", look.arrow(row), (visible(row.verdict.profile), "bold"))
    facts = [Text.assemble(look.health(row.verdict.health), ", usable: ", _usable(row)), Text(row.kind)]
    if row.expires:
        facts.append(Text(f"expires {row.expires}"))
    details = _details(row, date=True)
    for fact in [*facts, details] if details is not None else facts:
        yield _indented(fact, _INDENT + _GAP)


def _details(row: Row, *, date: bool) -> Text | None:
    """Say what no column has room for."""
    parts = [
        (row.expires_at if date else "", "dim"),
        (row.cooldown, "magenta"),
        (f"probe: {row.probe}" if row.probe else "", "cyan"),
        (row.why, "dim"),
    ]
    said = [Text(text, style) for text, style in parts if text]
    return Text("; ").join(said) if said else None


def _indented(text: Text, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns), expand=False)


def _expires(row: Row, dates: bool) -> str:
    return f"{row.expires} ({row.expires_at})" if row.expires and dates else row.expires


def _usable(row: Row) -> Text:
    return Text(row.usable, _USABLE_STYLES[row.usable])
