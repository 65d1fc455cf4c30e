"""Edge. `alerts`: the book, its log, silences, acknowledgements, and a test of the channels."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from exporter.alerting.alert import AlertState, Matcher, parse_matcher
from exporter.cli import options, output
from exporter.cli.alert_rows import alert_document, alert_rows, line_document, line_rows, silence_document, silence_rows
from exporter.cli.ending import Ending, Failure
from exporter.cli.group import Group
from exporter.cli.loading import now, settings_of
from exporter.cli.plain import aligned
from exporter.journal.desk import acknowledge, silence, unsilence
from exporter.journal.file import FILE_NAME, NO_PLACE, state_directory
from exporter.journal.ledger import Ledger
from exporter.settings import Settings
from exporter.words import visible


@click.group("alerts", cls=Group)
def command() -> None:
    """Show the alert book, and say what somebody takes care of or wants to hear nothing of."""


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Also what is not firing yet, and silences that ended.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@options.config
def list_alerts(every: bool, as_json: bool, config: Path | None) -> int:
    """List what fires, and the silences that run."""
    settings, here = settings_of(config), now()
    with _ledger(settings) as ledger:
        book, silences = ledger.book()
    alerts = [alert for alert in book.alerts.values() if every or alert.state is AlertState.FIRING]
    alerts.sort(key=lambda alert: (-alert.finding.severity.rank, alert.since, alert.identity))
    running = [entry for entry in silences if every or entry.ends_at > here]
    if as_json:
        output.document({"schema": 1, "alerts": [*map(alert_document, alerts)], "silences": [*map(silence_document, running)]})
        return Ending.FINE
    zone = _zone(settings)
    output.lines(aligned(alert_rows(alerts, here, zone)) if alerts else ["nothing fires"])
    if running:
        output.lines(["", *aligned(silence_rows(running, here, zone))])
    return Ending.FINE


@command.command("history")
@click.option("-n", "--limit", type=click.IntRange(1, 2000), default=50, show_default=True, help="How many lines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@options.config
def history(limit: int, as_json: bool, config: Path | None) -> int:
    """Show what was sent to whom and what became of it, newest first."""
    settings = settings_of(config)
    with _ledger(settings) as ledger:
        lines, waiting = ledger.lines(limit), ledger.waiting()
    if as_json:
        output.document({"schema": 1, "notices": [*map(line_document, lines)], "waiting": len(waiting)})
        return Ending.FINE
    output.lines(aligned(line_rows(lines, _zone(settings))) if lines else ["nothing was sent yet"])
    if waiting:
        output.note(f"{len(waiting)} in the outbox have not been delivered yet")
    return Ending.FINE


@command.command("silence")
@click.argument("matchers", nargs=-1, required=True, metavar="MATCHER...")
@click.option("--for", "span", callback=options.duration_value, required=True, metavar="DURATION", help="How long, such as 2h or 7d.")
@click.option("--comment", default="", help="Why.")
@click.option("--author", default="", help="Who; else the name of this user.")
@options.config
def add_silence(matchers: Sequence[str], span: timedelta, comment: str, author: str, config: Path | None) -> int:
    """Send nothing about what meets every MATCHER, such as provider=anthropic or profile=~"openai:.*"; prints the silence's id."""
    found = [_matcher(text) for text in matchers]
    if span <= timedelta(0):
        raise click.UsageError("--for: longer than nothing")
    with _ledger(settings_of(config), writing=True) as ledger:
        made = silence(ledger, found, author or _user(), comment, span, now())
        _kept(ledger)
        covered = [alert for alert in ledger.book()[0].alerts.values() if made.covers(alert.finding, made.starts_at)]
    output.lines([made.id])
    output.note(f"it covers {len(covered)} of the alerts in the book; `alerts unsilence {made.id}` takes it back")
    return Ending.FINE


@command.command("unsilence")
@click.argument("silence_id", metavar="ID")
@options.config
def end_silence(silence_id: str, config: Path | None) -> int:
    """End a silence now."""
    with _ledger(settings_of(config), writing=True) as ledger:
        ended = unsilence(ledger, silence_id, now())
        _kept(ledger)
    if ended is None:
        raise click.UsageError(f"no running silence {visible(silence_id)!r}; `alerts list` shows them")
    output.note(f"ended silence {ended.id}")
    return Ending.FINE


@command.command("ack")
@click.argument("alert_id", metavar="ID")
@click.option("--comment", default="", help="What is being done.")
@click.option("--author", default="", help="Who; else the name of this user.")
@options.config
def ack(alert_id: str, comment: str, author: str, config: Path | None) -> int:
    """Say that somebody takes care of a firing alert: no reminders, no escalation, until it gets worse."""
    with _ledger(settings_of(config), writing=True) as ledger:
        alert = acknowledge(ledger, alert_id, author or _user(), comment, now())
        _kept(ledger)
    if alert is None:
        raise click.UsageError(f"no firing alert {visible(alert_id)!r}; `alerts list` shows them")
    output.note(f"acknowledged {alert.id}: {alert.finding.name}")
    return Ending.FINE


@command.command("test")
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@options.config
def test(channels: Sequence[str], as_json: bool, config: Path | None) -> int:
    """Send a test to the named channels (none: to all) and show per channel what happened; 70 when one failed."""
    return _sent(settings_of(config, deliverable=True), channels, "", as_json=as_json)


@command.command("tell")
@click.argument("words")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@options.config
def tell(words: str, as_json: bool, config: Path | None) -> int:
    """Tell every channel at once that the watch itself has failed, and how; for OnFailure= units. 70 when one failed."""
    if not words.strip():
        raise click.UsageError("say what failed")
    return _sent(settings_of(config, deliverable=True), (), visible(words), as_json=as_json)


def _sent(settings: Settings, channels: Sequence[str], words: str, *, as_json: bool) -> int:
    from exporter.cli.testing import results  # what sends is loaded where something is sent

    known = [channel.name for channel in settings.channels]
    for name in channels:
        if name not in known:
            raise click.UsageError(f"no channel {visible(name)!r}; there is {', '.join(map(visible, known)) or 'none'}")
    if not known:
        raise Failure(Ending.CONFIG, "no channels are set; `config init` shows how")
    found = list(results(settings, channels or known, words))
    if as_json:
        output.document({"schema": 1, "channels": [{"channel": r.channel, "outcome": r.outcome, "why": r.why} for r in found]})
    else:
        table = [
            ("CHANNEL", "OUTCOME", "TOOK", "WHY"),
            *((visible(r.channel), r.outcome, f"{r.seconds:.1f}s", visible(r.why) or "-") for r in found),
        ]
        output.lines(aligned(table))
    return Ending.FINE if all(result.fine for result in found) else Ending.INTERNAL


@contextmanager
def _ledger(settings: Settings, *, writing: bool = False) -> Iterator[Ledger]:
    """Open the book; ends the command with 70 where there is none that this user can use."""
    directory = state_directory(settings.state_dir, os.environ)
    if directory is None:
        raise Failure(Ending.INTERNAL, NO_PLACE)
    file = directory / FILE_NAME
    try:
        owner = file.stat().st_uid
    except FileNotFoundError:
        owner = os.geteuid()
    except OSError as error:
        raise Failure(Ending.INTERNAL, f"{file}: {error.strerror}") from None
    if owner != os.geteuid():
        raise Failure(Ending.INTERNAL, f"{file} belongs to another user (id {owner}); run this as that user")
    ledger = Ledger(directory if writing or file.exists() else None)
    try:
        if ledger.fault not in ("", NO_PLACE):
            raise Failure(Ending.INTERNAL, f"the alert book cannot be used: {ledger.fault}")
        yield ledger
    finally:
        ledger.close()


def _kept(ledger: Ledger) -> None:
    """End the command with 70 when what was said could only be kept in memory."""
    if ledger.fault:
        raise Failure(Ending.INTERNAL, f"it could not be recorded: {ledger.fault}")


def _matcher(text: str) -> Matcher:
    try:
        return parse_matcher(text)
    except ValueError as error:
        raise click.UsageError(f"{visible(text)!r}: {error}") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())


def _zone(settings: Settings) -> tzinfo | None:
    return ZoneInfo(settings.timezone) if settings.timezone else None
