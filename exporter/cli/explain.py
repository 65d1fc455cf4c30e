"""Edge. `explain PROFILE`: every fact, the rule that decided, and what to do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from exporter.cli import options, output
from exporter.cli.ending import PROGRAM, Ending
from exporter.cli.explanation import explanation
from exporter.cli.loading import settings_of
from exporter.cli.looking import look
from exporter.cli.matching import matches, near, subjects
from exporter.cli.scoping import narrow
from exporter.cli.status import nothing_found, zone_of
from exporter.verdict import Snapshot
from exporter.words import listing, visible


@click.command("explain")
@click.argument("profile")
@options.filters
@options.at
@options.config
def command(
    profile: str, gateway: tuple[str, ...], agent: tuple[str, ...], provider: tuple[str, ...], at: datetime | None, config: Path | None
) -> int:
    """Explain PROFILE: an id such as anthropic:work, or gateway/agent/id. An id several agents have is explained for each."""
    settings = settings_of(config)
    snapshot = narrow(look(settings, at, probes=True), options.scope(gateway, agent, provider))
    found = matches(snapshot, profile)
    if not found:
        return _unknown(snapshot, profile)
    blocks = [explanation(one.profile, one.gateway, one.agent, snapshot.at, zone_of(settings)) for one in found]
    output.lines("\n\n".join("\n".join(block) for block in blocks).split("\n"))
    return Ending.FINE


def _unknown(snapshot: Snapshot, wanted: str) -> int:
    if not any(subjects(snapshot)):
        output.notes(nothing_found(snapshot) if not snapshot.gateways else ["no profile is left by these filters"])
        return Ending.USAGE
    output.note(visible(f"no profile {wanted!r}"))
    alike = near(snapshot, wanted)
    output.note(visible(f"did you mean {listing(alike, 'or')}?") if alike else f"`{PROGRAM} status` lists them all")
    return Ending.USAGE
