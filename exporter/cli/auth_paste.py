"""Edge. `auth paste-token` and `auth paste-api-key`: store a credential a person has in hand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import click

from exporter.cli import output
from exporter.cli.ending import Ending, Failure
from exporter.cli.repairs import Bench, Secretive, after, bench, delegate, judged, own_program, record, refusing, verdict_of, whom
from exporter.model import CredentialKind, Secret
from exporter.repair import answers, arguments, own_cli, writer
from exporter.repair.arguments import Refusal
from exporter.repair.secret_input import take
from exporter.repair.store_edit import Pasted
from exporter.words import visible

_PROVIDER = click.option("--provider", required=True, metavar="P", help="Provider id.")
_PROFILE = click.option("--profile-id", metavar="ID", help="Profile id; else <provider>:manual.")
_EXPIRES = click.option("--expires-in", metavar="DUR", help="Life of the token: 365d, 12h; a number without unit is days.")


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be stored, as typed. `agent` is set when a person named one."""

    action: str
    kind: CredentialKind
    provider: str
    profile_id: str | None = None
    expires_in: str | None = None
    agent: str | None = None


@click.command("paste-token", cls=Secretive)
@_PROVIDER
@_PROFILE
@_EXPIRES
@whom
def paste_token(
    provider: str, profile_id: str | None, expires_in: str | None, gateway: str | None, agent: str | None, config: Path | None
) -> int:
    """Store a token, typed without echo or from standard input."""
    wish = Wish("paste-token", CredentialKind.TOKEN, provider, profile_id, expires_in, agent)
    return Ending(store(bench(config, gateway, agent), wish))


@click.command("paste-api-key", cls=Secretive)
@_PROVIDER
@_PROFILE
@whom
def paste_api_key(provider: str, profile_id: str | None, gateway: str | None, agent: str | None, config: Path | None) -> int:
    """Store an API key, typed without echo or from standard input."""
    wish = Wish("paste-api-key", CredentialKind.API_KEY, provider, profile_id, None, agent)
    return Ending(store(bench(config, gateway, agent), wish))


def store(work: Bench, wish: Wish, secret: Secret | None = None) -> int:
    """Store a credential under the wish's id, asking for it unless it is at hand; returns the exit code."""
    with refusing():
        plan = _checked(work, wish)
        call = _call(work, wish) if work.target.why_not_ours() else None
        prompt = f"Paste {'API key' if wish.kind is CredentialKind.API_KEY else 'token'} for {plan.provider}"
        plan = _with_secret(work, plan, secret or take(prompt))
        if call is not None:
            asks = work.target.dialect.release < (2026, 8) and wish.kind is CredentialKind.TOKEN
            code = delegate(call, plan.secret, at_terminal=asks)
            how = work.target.dialect.cli
        else:
            changed = writer.paste(work.target, plan, os.environ)
            output.lines(visible(line) for line in answers.pasted_lines(work.target, plan, changed.config))
            code, how = Ending.FINE, "file"
    if code == Ending.FINE:
        record(work, wish.action, plan.provider, (plan.profile_id,), how)
        _verify(work, plan)
    return code


def _checked(work: Bench, wish: Wish) -> Pasted:
    """Check everything but the credential, before it is asked for."""
    spoken = work.target.dialect
    provider = spoken.provider(wish.provider)
    if not provider:
        raise Refusal(spoken.refused("Missing --provider."))
    profile_id = (wish.profile_id or "").strip() or f"{provider}:manual"
    arguments.check_profile_id(profile_id)
    try:
        life = arguments.expires_in(wish.expires_in, composite=spoken.composite_durations)
    except Refusal as refusal:
        raise Refusal(spoken.refused(refusal.words)) from None
    ends = None if life is None else int(work.at.timestamp() * 1000) + life
    return Pasted(profile_id, provider, wish.kind, Secret(""), ends)


def _with_secret(work: Bench, plan: Pasted, secret: Secret) -> Pasted:
    check = arguments.check_api_key if plan.kind is CredentialKind.API_KEY else arguments.check_token
    try:
        check(plan.provider, secret.reveal())
    except Refusal as refusal:
        raise Refusal(work.target.dialect.refused(refusal.words)) from None
    return Pasted(plan.profile_id, plan.provider, plan.kind, secret, plan.expires_ms)


def _call(work: Bench, wish: Wish) -> own_cli.Command:
    verb = "paste-api-key" if wish.kind is CredentialKind.API_KEY else "paste-token"
    named = (("--profile-id", wish.profile_id), ("--expires-in", wish.expires_in), ("--agent", wish.agent))
    rest = [part for name, value in named if value for part in (name, value)]
    return own_program(work, ("models", "auth", verb, "--provider", wish.provider, *rest))


def _verify(work: Bench, plan: Pasted) -> None:
    """Read the store again: is it there, and will the gateway use it."""
    new = after(work)
    stored = new.target.view.profiles.get(plan.profile_id)
    if stored is None or stored.credential.secret != plan.secret:
        raise Failure(Ending.LAPSED, f"the store does not show the new {plan.profile_id}; look with `auth list`")
    verdict = verdict_of(judged(new.settings, new.reading, new.at), new.target, plan.profile_id)
    if verdict is not None and verdict.position is None and verdict.why:
        output.note(f"{plan.profile_id} is stored, but not tried: {verdict.why}")
