"""Edge. `auth history`: which repairs were made here, by whom, newest first."""

from __future__ import annotations

import os
from pathlib import Path

import click

from exporter.cli import options, output
from exporter.cli.ending import Ending, Failure
from exporter.cli.loading import settings_of
from exporter.cli.plain import aligned
from exporter.cli.status import zone_of
from exporter.journal import state_directory
from exporter.journal.changes import Change, Unrecorded, changes
from exporter.words import instant, rfc3339, visible


@click.command("history")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many changes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@options.config
def history(limit: int, as_json: bool, config: Path | None) -> int:
    """Show which repairs were made, when and by whom, newest first."""
    settings = settings_of(config)
    try:
        found = changes(state_directory(settings.state_dir, os.environ), limit)
    except Unrecorded as fault:
        raise Failure(Ending.INTERNAL, str(fault)) from None
    if as_json:
        output.document({"schema": 1, "changes": [_document(change) for change in found]})
        return Ending.FINE
    zone = zone_of(settings)
    rows = [(instant(each.at, zone), each.who, each.action, *_where(each), each.how) for each in found]
    output.lines(_lines([tuple(visible(cell) or "-" for cell in row) for row in rows]))
    return Ending.FINE


def _lines(rows: list[tuple[str, ...]]) -> list[str]:
    """Lay changes out as a table, or as two lines each where that is wider than the terminal."""
    if not rows:
        return ["nothing was changed yet"]
    table = aligned([("AT", "WHO", "WHAT", "WHERE", "PROFILES", "BY"), *rows])
    if not output.is_fancy() or max(map(len, table)) <= output.columns():
        return table
    return [line for at, who, what, where, profiles, by in rows for line in (f"{at}  {who}", f"  {what} {profiles}", f"  {where}, by {by}")]


def _where(change: Change) -> tuple[str, str]:
    return f"{change.gateway}/{change.agent}", ", ".join(change.profiles) or change.provider


def _document(change: Change) -> dict[str, object]:
    return {
        "at": rfc3339(change.at),
        "who": change.who,
        "action": change.action,
        "gateway": change.gateway,
        "agent": change.agent,
        "provider": change.provider,
        "profiles": list(change.profiles),
        "how": change.how,
    }
