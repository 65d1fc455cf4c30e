"""Edge. `auth setup-token`: from `claude setup-token` to a stored and tried subscription token."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import click

from exporter.checking import Scope
from exporter.cli.auth_paste import Wish, store
from exporter.cli.ending import Ending, Failure
from exporter.cli.probe_words import probe_words
from exporter.cli.repairs import Bench, Secretive, after, bench, judged, refusing, say, verdict_of, whom
from exporter.model import CredentialKind
from exporter.repair import arguments, guide
from exporter.repair.arguments import Refusal
from exporter.repair.secret_input import confirmed, interactive, take
from exporter.settings import Settings
from exporter.verdict import ProfileVerdict


@click.command("setup-token", cls=Secretive)
@click.option("--provider", default="anthropic", metavar="P", show_default=True, help="Only anthropic has setup-tokens.")
@click.option("--profile-id", metavar="ID", help="Profile id; else anthropic:manual.")
@click.option("--expires-in", metavar="DUR", help="Also store when it ends, such as 365d; a number without unit is days.")
@click.option("--yes", is_flag=True, help="Do not ask before running `claude setup-token`.")
@click.option("--no-probe", is_flag=True, help="Do not try the token at the provider.")
@whom
def setup_token(
    provider: str,
    profile_id: str | None,
    expires_in: str | None,
    yes: bool,
    no_probe: bool,
    gateway: str | None,
    agent: str | None,
    config: Path | None,
) -> int:
    """Get a setup-token, store it, try it once."""
    work = bench(config, gateway, agent)
    if work.target.dialect.provider(provider) != "anthropic":
        raise Failure(Ending.LAPSED, work.target.dialect.refused("Only --provider anthropic is supported for setup-token."))
    wish = Wish("setup-token", CredentialKind.TOKEN, "anthropic", profile_id, expires_in, agent)
    return renew(work, wish, yes=yes, probe=not no_probe)


def renew(work: Bench, wish: Wish, *, yes: bool = False, probe: bool = True) -> int:
    """Guide a person to a new setup-token, store it and try it; returns the exit code."""
    if interactive():
        _obtain(yes)
    with refusing():
        secret = take("Paste the setup-token")
        try:
            arguments.check_setup_token(secret.reveal())
        except Refusal as refusal:
            raise Refusal(work.target.dialect.refused(refusal.words)) from None
    code = store(work, wish, secret)
    if code == Ending.FINE:
        _show(after(work), wish, probe=probe)
    return code


def _obtain(yes: bool) -> None:
    program = shutil.which("claude")
    if program is None:
        say("Run `claude setup-token` on a machine with Claude Code and a browser, then paste what it prints.")
        return
    if not (yes or confirmed("Run `claude setup-token` here now?")):
        return
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODEL_AUTH_EXPORTER_")}
    code = subprocess.Popen([program, "setup-token"], env=kept).wait()
    if code:
        say(f"`claude setup-token` ended with {code}; a token from elsewhere will do as well.")


def _show(work: Bench, wish: Wish, *, probe: bool) -> None:
    profile_id = wish.profile_id or "anthropic:manual"
    verdict = verdict_of(judged(work.settings, work.reading, work.at), work.target, profile_id)
    if verdict is None:
        return
    place = f"number {verdict.position} in the order" if verdict.position else f"not tried: {verdict.why}"
    say(f"State: {verdict.health}, {'usable' if verdict.usable else 'not usable'}, {place}")
    if not wish.expires_in:
        say(guide.assumed_end(work.at))
    if probe and work.settings.probes.enabled:
        say(f"Probe: {_tried(work.settings, verdict)}")


def _tried(settings: Settings, stored: ProfileVerdict) -> str:
    """Ask the provider once, without cost; what it answers is remembered as from any probe."""
    from exporter.cli.asked import Wish as Question
    from exporter.cli.asked import ask

    scope = Scope(frozenset({stored.gateway}), frozenset({stored.agent}), frozenset({stored.provider}))
    asked = ask(settings, Question(scope, frozenset({stored.profile}), quiet=True))
    outcome = next((answer.outcome for answer in asked.answers), None)
    if outcome is None:
        return "not sent"
    return probe_words(replace(outcome, at=None), asked.ended_at) + (f": {outcome.words}" if outcome.words else "")
