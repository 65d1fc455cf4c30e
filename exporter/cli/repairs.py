"""Edge. What every repair begins and ends with: whom it is for, who writes, what is recorded, what became of it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click

from exporter.cli import options, output
from exporter.cli.ending import Ending, Failure
from exporter.cli.loading import home, now, settings_of
from exporter.cli.looking import probed, remembered
from exporter.host.reader_here import reader_here
from exporter.journal import state_directory
from exporter.journal.changes import Change, Unrecorded, user
from exporter.journal.changes import record as record_change
from exporter.judging.health import Rules
from exporter.model import Reading, Secret
from exporter.remedies import binary
from exporter.repair import own_cli
from exporter.repair.arguments import Refusal, shown_id
from exporter.repair.choosing import Unclear, target
from exporter.repair.guide import folded
from exporter.repair.target import Target
from exporter.settings import Settings
from exporter.snapshot import judge
from exporter.verdict import GatewayVerdict, ProfileVerdict, Snapshot
from exporter.words import visible

F = TypeVar("F", bound=Callable[..., object])
_OPTION = re.compile(r"--[a-z]{2,12}(-[a-z]{2,12})?")
_HARMLESS = 3  # characters: less is part of every word


class Secretive(click.Command):
    """Never repeats what stood on its command line when that was wrong: a credential may have been typed there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; a refusal names options, not values."""
        given = list(args)
        known = {name for parameter in self.params for name in (*parameter.opts, *parameter.secondary_opts)}
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            words = error.format_message()
            for each in given:
                name, _, value = each.partition("=")
                for piece in (value, "" if name in known or _OPTION.fullmatch(name) else name):
                    words = words.replace(piece, "…") if len(piece) > _HARMLESS else words
            raise click.UsageError(f"{words} (credentials come from the terminal or standard input, never from here)", ctx) from None


@dataclass(frozen=True, slots=True)
class Bench:
    """One repair at work: our settings, the moment, the home, what was read, and whom it is for."""

    settings: Settings
    at: datetime
    home: Path
    reading: Reading
    target: Target


def whom(function: F) -> F:
    """Add `--gateway`, `--agent` and `--config`."""
    function = options.config(function)
    function = click.option("--agent", metavar="ID", help="Agent; else the gateway's default one.")(function)
    return click.option("--gateway", metavar="NAME", help="Gateway; needed where there are several.")(function)


def bench(config: Path | None, gateway: str | None, agent: str | None) -> Bench:
    """Read everything and find whom a repair is for; ends the command when that is unclear."""
    settings = settings_of(config)
    base, at = home(), now()
    reading = read(settings, base, at)
    with refusing():
        return Bench(settings, at, base, reading, target(reading.gateways, gateway, agent, str(base)))


def read(settings: Settings, base: Path, at: datetime) -> Reading:
    """Read every gateway once; ends the command with 78 when the settings name gateways twice."""
    reader = reader_here(settings, os.environ, base)
    reading = reader.read(at)
    if reader.configuration_errors:
        raise Failure(Ending.CONFIG, "; ".join(reader.configuration_errors))
    return reading


def judged(settings: Settings, reading: Reading, at: datetime) -> Snapshot:
    """Judge what was read, with what is remembered of it and of probes."""
    history, _ = remembered(settings, os.environ)
    rules = Rules(warn=settings.expiry.warn, renewal_grace=settings.expiry.renewal_grace)
    snapshot = judge(reading, at, rules, history=history)
    outcomes = probed(settings, os.environ, reading, snapshot, history.salt)
    return judge(reading, at, rules, history=history, outcomes=outcomes) if outcomes else snapshot


@contextmanager
def refusing() -> Iterator[None]:
    """Turn a refusal into the end of the command: 1, as the gateways' own commands end; 64 when the call was unclear."""
    try:
        yield
    except Unclear as refusal:
        raise Failure(Ending.USAGE, refusal.words) from None
    except Refusal as refusal:
        raise Failure(Ending.LAPSED, refusal.words) from None


def own_program(work: Bench, arguments: Sequence[str]) -> own_cli.Command:
    """Find the gateway's own program; without one the command ends saying exactly what to run where."""
    call = own_cli.command(work.target, work.home, arguments)
    if call is None:
        place = f"user {work.target.gateway.user}" if work.target.gateway.user else "the user of the gateway"
        why = work.target.why_not_ours() or "this needs the gateway itself"
        raise Failure(Ending.LAPSED, f"{why}; run on this host as {place}: {typed(work.target, arguments)}")
    return call


def typed(one: Target, arguments: Sequence[str]) -> str:
    """Write a call of the gateway's own program as a person would type it."""
    reading = one.gateway
    verdict = GatewayVerdict(reading.gateway, reading.family, reading.state_dir, reading.era, False, "", True, ())
    return f"{binary(verdict)} {shlex.join(arguments)}"


def delegate(call: own_cli.Command, secret: Secret | None = None, *, at_terminal: bool = False) -> int:
    """Let the gateway's own program do it, and pass on what it says; whatever it fails with is our 1."""
    output.note(f"running {Path(call.program).name} {' '.join(shown_id(each) for each in call.arguments)}")
    try:
        code = own_cli.run(call, lambda line: output.lines([line]), secret, typed=at_terminal)
    except OSError as fault:
        raise Failure(Ending.LAPSED, f"cannot run {call.program}: {fault.strerror}") from None
    return Ending.FINE if code == 0 else Ending.LAPSED


def record(work: Bench, action: str, provider: str, ids: Sequence[str], how: str) -> None:
    """Note a change that was made; a record that cannot be written is said, the change stands."""
    one = work.target
    change = Change(work.at, user(), action, one.gateway.gateway, one.agent.agent, provider, tuple(ids), how)
    try:
        record_change(state_directory(work.settings.state_dir, os.environ), change)
    except Unrecorded as fault:
        output.note(f"the change is not recorded: {fault}")


def say(text: str) -> None:
    """Tell a sentence, broken for a narrow terminal; whole where nobody sits at one."""
    output.lines(visible(line) for line in (folded(text, output.columns()) if sys.stdout is not None and sys.stdout.isatty() else [text]))


def verdict_of(snapshot: Snapshot, one: Target, profile_id: str) -> ProfileVerdict | None:
    """Find what is concluded about a profile in an agent's view."""
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            if (gateway.gateway, agent.agent) == (one.gateway.gateway, one.agent.agent):
                return next((profile for profile in agent.profiles if profile.profile == profile_id), None)
    return None


def after(work: Bench) -> Bench:
    """Read everything anew, as it is after a change."""
    at = now()
    reading = read(work.settings, work.home, at)
    one = work.target
    with refusing():
        return Bench(work.settings, at, work.home, reading, target(reading.gateways, one.gateway.gateway, one.agent.agent, one.home))
