"""Edge. `status`: the table people read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from exporter.checking import CheckResult, Scope, check
from exporter.cli import options, output
from exporter.cli.ending import PROGRAM, Ending, Failure
from exporter.cli.loading import now, settings_of
from exporter.cli.looking import look
from exporter.cli.plain import plain
from exporter.cli.probe_options import ProbeFlags, taken
from exporter.cli.rows import summary
from exporter.cli.scoping import asides, narrow
from exporter.document import document
from exporter.model import Family
from exporter.settings import Settings
from exporter.verdict import Snapshot
from exporter.words import visible


@dataclass(frozen=True, slots=True)
class _Form:
    """How the table is wanted."""

    as_json: bool
    plain: bool
    check: bool
    from_url: str | None


@click.command("status")
@options.filters
@options.at
@options.probing
@click.option("--from", "from_url", metavar="URL", help="Ask a running exporter instead of reading.")
@click.option("--check", "check", is_flag=True, help="End with the exit code of `check`; else it is 0.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--plain", is_flag=True, help="One aligned line per profile, no colours, whatever the width.")
@options.config
def command(
    gateway: tuple[str, ...],
    agent: tuple[str, ...],
    provider: tuple[str, ...],
    at: datetime | None,
    config: Path | None,
    **flags: object,
) -> int:
    """Show every gateway, agent and profile: health, expiry, cooldown, usable, and who is next (→)."""
    asking = taken(flags)
    wanted = _Form(**flags)  # type: ignore[arg-type]  # click checked each option's type
    if wanted.as_json and wanted.plain:
        raise click.UsageError("--json and --plain exclude each other")
    if wanted.from_url is not None and (asking.probe or at is not None):
        raise click.UsageError("--from asks another exporter: it excludes --probe and --at")
    if asking.probe and at is not None:
        raise click.UsageError("--at judges for another instant: it excludes --probe")
    scope = options.scope(gateway, agent, provider)
    settings = settings_of(config)
    if wanted.from_url is not None:
        snapshot, result = _told(wanted.from_url, settings, scope)
    else:
        snapshot = _asked(settings, asking, scope, quiet=wanted.as_json) if asking.probe else look(settings, at, drift=False, probes=True)
        result = check(snapshot, scope=scope)
    seen = narrow(snapshot, scope)
    if wanted.as_json:
        output.document(document(seen, result.exit, result.lines))
    else:
        _table(seen, settings, wanted)
        output.notes(asides(snapshot, scope))
    return result.exit if wanted.check else Ending.FINE


def _asked(settings: Settings, flags: ProbeFlags, scope: Scope, *, quiet: bool) -> Snapshot:
    from exporter.cli.asked import ask  # what sends, which a status without --probe never loads
    from exporter.cli.probe import remarks
    from exporter.cli.wishing import wish_of

    asked = ask(settings, wish_of(flags, scope, polite=False, quiet=quiet))
    output.notes(remarks(asked))
    return asked.snapshot


def _told(url: str, settings: Settings, scope: Scope) -> tuple[Snapshot, CheckResult]:
    """Show what a running exporter saw; one that does not answer ends the command with 1, an old answer counts as 1."""
    from exporter.cli.asking import Unreachable, ask, stale  # an HTTP client, which a status of this machine need not load

    try:
        snapshot = ask(url, settings)
    except Unreachable as error:
        raise Failure(Ending.LAPSED, str(error)) from None
    result, words = check(snapshot, scope=scope), stale(snapshot, now())
    if not words:
        return snapshot, result
    output.note(words)
    return snapshot, replace(result, exit=int(Ending.LAPSED), lines=(words, *result.lines))


def nothing_found(snapshot: Snapshot) -> list[str]:
    """Say what was looked for and where, when no gateway was found."""
    places = [f"  {visible(place)}" for place in snapshot.searched]
    return [
        "No gateway found. Looked for the state directories of OpenClaw, Clawdbot, Moltbot and RemoteClaw:",
        *(places or ["  nowhere: no place was given"]),
        f"Name one under `gateways:` in the settings (`{PROGRAM} config init`), or see every state on a throw-away one: `{PROGRAM} demo`.",
    ]


def zone_of(settings: Settings) -> tzinfo | None:
    """Return the time zone of the settings; None is the machine's."""
    return ZoneInfo(settings.timezone) if settings.timezone else None


def _table(seen: Snapshot, settings: Settings, wanted: _Form) -> None:
    if all(gateway.family is Family.STATIC for gateway in seen.gateways):
        output.notes(nothing_found(seen))
    if not seen.gateways:
        return
    zone = zone_of(settings)
    if wanted.plain or not output.is_fancy():
        output.lines(plain(seen, seen.at, zone))
        return
    from exporter.cli.table import drawn  # rich, only where a terminal wants it

    output.data(drawn(seen, seen.at, zone, unicode=output.speaks_unicode()))
    output.lines([summary(seen)])
