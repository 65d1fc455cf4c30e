"""Edge. `doctor`: one report on the installation and its gateways. Without `--fix` it changes nothing, and then only what is ours."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import replace
from pathlib import Path

import click

from exporter import clock
from exporter.cli import diagnosis, options, output
from exporter.cli.ending import Ending, Failure
from exporter.cli.installation import close, installation
from exporter.cli.loading import home, now, settings_of
from exporter.cli.looking import remembered
from exporter.cli.scoping import narrow
from exporter.doctor.examine import examine
from exporter.doctor.report import Report
from exporter.host.reader_here import reader_here
from exporter.judging.health import Rules
from exporter.settings import Settings
from exporter.snapshot import judge
from exporter.verdict import Snapshot
from exporter.words import visible


@click.command("doctor")
@options.filters
@click.option("--network", is_flag=True, help="Also connect to where channels lead (no message is sent).")
@click.option("--login-shell", is_flag=True, help="Also run the login shell and compare its environment.")
@click.option("--fix", is_flag=True, help="Offer to put right what is ours: permissions of our own files. Asks for each.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
@options.config
def command(
    gateway: tuple[str, ...],
    agent: tuple[str, ...],
    provider: tuple[str, ...],
    network: bool,
    login_shell: bool,
    fix: bool,
    as_json: bool,
    config: Path | None,
) -> int:
    """Check the installation, permissions, drift and stores. Exit code 0: nothing to do, 1: something is broken, 2: a warning."""
    if fix and as_json:
        raise click.UsageError("--fix asks questions: it excludes --json")
    settings = settings_of(config)
    if login_shell:
        settings = replace(settings, read=replace(settings.read, login_shell=True))
    scope = options.scope(gateway, agent, provider)

    def diagnose() -> Report:
        here = installation(settings, config, os.environ, home(), network=network)
        return examine(narrow(_look(settings), scope), here)

    report = diagnose()
    if as_json:
        output.document(diagnosis.document(report))
    else:
        columns = output.columns() if output.is_fancy() else None
        output.lines(diagnosis.lines(report, unicode=output.speaks_unicode(), columns=columns))
    return (diagnose() if fix and _fix(report) else report).exit


def _look(settings: Settings) -> Snapshot:
    """Read and judge as `check` does, and look at ports too. Without a memory of ours fingerprints get a salt of this run."""
    history, written_at = remembered(settings, os.environ)
    here = now()
    reading = (reader := reader_here(settings, os.environ, home(), ask_port=True)).read(here)
    if reader.configuration_errors:
        raise Failure(Ending.CONFIG, "; ".join(reader.configuration_errors))
    rules = Rules(warn=settings.expiry.warn, renewal_grace=settings.expiry.renewal_grace)
    held = clock.held(here, written_at, settings.thresholds.clock_skew)
    return judge(reading, here, rules, history=history if history.salt else replace(history, salt=secrets.token_bytes(16)), clock_held=held)


def _fix(report: Report) -> bool:
    """Offer every repair of our own; says whether one was made."""
    repairs = report.repairs()
    if not repairs:
        output.note("nothing of ours needs repair; the gateways' own files are theirs: use the commands above")
        return False
    if sys.stdin is None or not sys.stdin.isatty():
        output.note("--fix asks on a terminal; nothing was changed")
        return False
    made = False
    for place in repairs:
        if not click.confirm(visible(f"close {place.what} to others (chmod {place.wanted:o} {place.path})?"), default=False, err=True):
            continue
        fault = close(place)
        output.note(f"{place.path}: {fault or 'done'}")
        made = made or not fault
    return made
