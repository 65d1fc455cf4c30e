"""Edge. `check`: one pass, one verdict, one exit code; no daemon needed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import click

from exporter.checking import CheckResult, Scope, check
from exporter.cli import options, output
from exporter.cli.ending import Ending
from exporter.cli.loading import now, settings_of
from exporter.cli.looking import look
from exporter.cli.probe_options import ProbeFlags, taken
from exporter.cli.rows import summary
from exporter.cli.scoping import asides, narrow
from exporter.document import document
from exporter.settings import Settings
from exporter.verdict import Snapshot
from exporter.words import visible


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one call asks for."""

    scope: Scope
    within: timedelta | None
    at: datetime | None
    all_profiles: bool
    strict: bool
    quiet: bool
    as_json: bool
    textfile: Path | None
    push_url: str | None
    notify: bool
    from_url: str | None
    asking: ProbeFlags


@click.command("check")
@options.filters
@click.option("--all", "all_profiles", is_flag=True, help="Judge every profile, not only those in use.")
@click.option("--strict", is_flag=True, help="Also fail when a gateway's service environment cannot be seen.")
@options.within
@options.at
@click.option("--from", "from_url", metavar="URL", help="Ask a running exporter instead of reading; older than 5 minutes is 1.")
@click.option("--textfile", type=options.FILE, metavar="FILE", help="Also write this .prom file for node_exporter.")
@click.option("--push", "push_url", metavar="URL", help="Also push to this Pushgateway.")
@click.option("--notify", is_flag=True, help="Also tell the channels of the settings what is new, over or still open; no daemon needed.")
@options.probing
@click.option("--json", "as_json", is_flag=True, help="Print the whole verdict as one JSON document.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but failures of our own.")
@options.config
def command(gateway: tuple[str, ...], agent: tuple[str, ...], provider: tuple[str, ...], config: Path | None, **flags: object) -> int:
    """Judge once. Exit code 0: fine, 1: something in use is expired, missing or unreadable, 2: it ends soon."""
    wanted = _Wanted(scope=options.scope(gateway, agent, provider), asking=taken(flags), **flags)  # type: ignore[arg-type]  # click checked each option's type
    _refuse_contradictions(wanted)
    settings = settings_of(config, deliverable=wanted.notify)
    if wanted.notify:
        return _notified(wanted, settings)
    snapshot, result = _remote(wanted, settings) if wanted.from_url else _local(wanted, settings)
    return _handed_over(wanted, settings, snapshot, result)


def _notified(wanted: _Wanted, settings: Settings) -> int:
    """Do the same with alerting around it; what cannot be recorded at all is a 70 whatever the verdict."""
    from exporter.cli.notifying import notifier  # only where it is asked for: a bare check stays small

    if wanted.asking.probe:
        _asked(wanted, settings)  # what it finds is remembered, and judged below
    with notifier(settings) as run:
        snapshot, facts = run.look()
        result = _judge(wanted, snapshot)
        ending = _handed_over(wanted, settings, snapshot, result)
        able = run.able
        output.notes(run.tell(snapshot, facts, wanted.scope))
        if not able:
            return Ending.INTERNAL
        return Ending.INTERNAL if run.failed and ending == Ending.FINE else ending


def _handed_over(wanted: _Wanted, settings: Settings, snapshot: Snapshot, result: CheckResult) -> int:
    if not wanted.quiet:
        _print(wanted, snapshot, result)
    failed = _hand_over(wanted, settings, snapshot)
    return Ending.INTERNAL if failed and result.exit == Ending.FINE else result.exit


def _refuse_contradictions(wanted: _Wanted) -> None:
    flags = (("--notify", wanted.notify or None), ("--probe", wanted.asking.probe or None))
    sends = (("--textfile", wanted.textfile), ("--push", wanted.push_url), *flags)
    for name, value in sends:
        if value is not None and wanted.at is not None:
            raise click.UsageError(f"--at judges for another instant: it excludes {name}")
        if value is not None and wanted.from_url is not None:
            raise click.UsageError(f"--from asks another exporter: it excludes {name}")
    if wanted.from_url is not None and wanted.at is not None:
        raise click.UsageError("--at excludes --from: a running exporter has judged already")
    if wanted.as_json and wanted.quiet:
        raise click.UsageError("--json and --quiet exclude each other")


def _local(wanted: _Wanted, settings: Settings) -> tuple[Snapshot, CheckResult]:
    drift = wanted.textfile is not None or wanted.push_url is not None
    snapshot = _asked(wanted, settings) if wanted.asking.probe else look(settings, wanted.at, drift=drift)
    return snapshot, _judge(wanted, snapshot)


def _asked(wanted: _Wanted, settings: Settings) -> Snapshot:
    from exporter.cli.asked import ask  # what sends, which a check without --probe never loads
    from exporter.cli.probe import remarks
    from exporter.cli.wishing import wish_of

    asked = ask(settings, wish_of(wanted.asking, wanted.scope, polite=True, quiet=wanted.quiet or wanted.as_json))
    if not wanted.quiet:
        output.notes(remarks(asked))
    return asked.snapshot


def _remote(wanted: _Wanted, settings: Settings) -> tuple[Snapshot, CheckResult]:
    """Judge what a running exporter saw; an exporter that does not answer, or whose eyes are shut, is a 1."""
    from exporter.cli.asking import Unreachable, ask, stale  # an HTTP client, which a check of this machine need not load

    here = now()
    try:
        snapshot = ask(wanted.from_url or "", settings)
    except Unreachable as error:
        return Snapshot(here), CheckResult(Ending.LAPSED, (str(error),))
    result, words = _judge(wanted, snapshot), stale(snapshot, here)
    return snapshot, replace(result, exit=int(Ending.LAPSED), lines=(words, *result.lines)) if words else result


def _judge(wanted: _Wanted, snapshot: Snapshot) -> CheckResult:
    return check(snapshot, all_profiles=wanted.all_profiles, strict=wanted.strict, within=wanted.within, scope=wanted.scope)


def _print(wanted: _Wanted, snapshot: Snapshot, result: CheckResult) -> None:
    if wanted.as_json:
        output.document(document(narrow(snapshot, wanted.scope), result.exit, result.lines))
        return
    output.lines(visible(line) for line in result.lines or (f"fine: {summary(narrow(snapshot, wanted.scope))}",))
    output.notes(asides(snapshot, wanted.scope))


def _hand_over(wanted: _Wanted, settings: Settings, snapshot: Snapshot) -> bool:
    """Write and push what was asked for, each whatever became of the other; true when one failed."""
    if wanted.textfile is None and wanted.push_url is None:
        return False
    from exporter.export import ExportError

    content = _exposition(settings, snapshot)
    failed = False
    for step in _steps(wanted, settings, content):
        try:
            step()
        except ExportError as error:
            output.note(str(error))
            failed = True
    return failed


def _steps(wanted: _Wanted, settings: Settings, content: bytes) -> Iterator[Callable[[], None]]:
    from exporter.export import push, write_textfile

    file, url = wanted.textfile, wanted.push_url
    if file is not None:
        yield lambda: write_textfile(file, content)
    if url is not None:
        yield lambda: push(url, content, settings.host or socket.gethostname())


def _exposition(settings: Settings, snapshot: Snapshot) -> bytes:
    from exporter.metrics.families import render  # only where it is asked for: a bare check stays small
    from exporter.metrics.view import Policy

    policy = Policy(mask_emails=settings.labels.emails == "mask", max_profiles=settings.metrics.max_profiles)
    return render(snapshot, now(), for_file=True, policy=policy)
