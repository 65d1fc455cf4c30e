"""Edge. `reauth`: the way from an alert to a credential that works again, on a phone's terminal if need be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from exporter.cli import output
from exporter.cli.auth_paste import Wish, store
from exporter.cli.auth_setup import renew
from exporter.cli.ending import PROGRAM, Ending, Failure
from exporter.cli.loading import home, now, settings_of
from exporter.cli.matching import Subject, matches, near, subjects
from exporter.cli.repairs import Bench, Secretive, after, judged, read, record, refusing, say, typed, verdict_of
from exporter.cli.settling import settle
from exporter.model import CredentialKind, Source
from exporter.remedies import remedy
from exporter.repair import own_cli, relay
from exporter.repair.choosing import target
from exporter.repair.guide import Guidance, Way, guidance
from exporter.repair.qr import code as qr_code
from exporter.repair.secret_input import confirmed, interactive
from exporter.verdict import Health, ProfileVerdict, Snapshot
from exporter.words import listing, visible

_WRONG = frozenset({Health.EXPIRED, Health.EXPIRING, Health.MISSING})


@click.command("reauth", cls=Secretive)
@click.argument("profile", required=False)
@click.option("--gateway", metavar="NAME", help="Only this gateway.")
@click.option("--agent", metavar="ID", help="Only this agent.")
@click.option("--expires-in", metavar="DUR", help="Life of a pasted token: 365d, 12h; a number without unit is days.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Settings file.")
def command(profile: str | None, gateway: str | None, agent: str | None, expires_in: str | None, config: Path | None) -> int:
    """Renew PROFILE (an id, or gateway/agent/id); without one, whatever needs it."""
    settings, base, at = settings_of(config), home(), now()
    reading = read(settings, base, at)
    snapshot = judged(settings, reading, at)
    subject = _chosen(snapshot, profile, gateway, agent)
    if subject is None:
        output.lines(["Nothing needs a new credential."])
        return Ending.FINE
    with refusing():
        work = Bench(settings, at, base, reading, target(reading.gateways, subject.gateway.gateway, subject.agent.agent, str(base)))
    plan = guidance(subject.profile, work.target, at)
    say(subject.path)
    say(plan.wrong)
    code = _walk(work, subject, plan, expires_in)
    if code == Ending.FINE:
        return _conclude(work, subject.profile)
    return code


def _chosen(snapshot: Snapshot, wanted: str | None, gateway: str | None, agent: str | None) -> Subject | None:
    """Find the profile that is meant; several are offered on a terminal, else listed."""
    if wanted:
        found = matches(snapshot, wanted)
    else:
        found = [one for one in subjects(snapshot) if _needs(one)]
    found = [one for one in found if gateway in (None, one.gateway.gateway) and agent in (None, one.agent.agent)]
    if not found and wanted:
        alike = near(snapshot, wanted)
        hint = f"did you mean {listing(alike, 'or')}?" if alike else f"`{PROGRAM} status` lists them all"
        raise Failure(Ending.USAGE, f"no such profile here; {hint}")
    own = _distinct(found)
    if len(own) < 2:
        return own[0] if own else None
    for number, one in enumerate(own, 1):
        output.lines([visible(f"{number}. {one.path}")])
    if not interactive():
        raise Failure(Ending.USAGE, "several profiles: name one, as gateway/agent/id")
    sys.stderr.write("Which number? ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    if not answer.isdecimal() or not 0 < int(answer) <= len(own):
        raise Failure(Ending.USAGE, "none of these numbers; nothing was changed")
    return own[int(answer) - 1]


def _distinct(found: Sequence[Subject]) -> list[Subject]:
    """Name a credential that several agents share once, where it lies if that is among them."""
    lying = [one for one in found if not one.profile.inherited_from]
    known = {(one.gateway.gateway, one.profile.profile) for one in lying}
    shared = {(one.gateway.gateway, one.profile.profile): one for one in reversed(found) if one.profile.inherited_from}
    return [*lying, *(one for key, one in shared.items() if key not in known)]


def _needs(one: Subject) -> bool:
    profile = one.profile
    return one.agent.configured and profile.source is Source.STORE and (profile.health in _WRONG or profile.refused)


def _walk(work: Bench, subject: Subject, plan: Guidance, expires_in: str | None) -> int:
    """Go the one way there is for this credential."""
    profile = subject.profile
    where = None if profile.inherited_from or subject.agent.agent == "main" else subject.agent.agent
    match plan.way:
        case Way.ELSEWHERE:
            todo = remedy(profile, subject.gateway)
            say(todo.advice)
            output.lines(f"  {line}" for line in todo.commands)
            return Ending.LAPSED
        case Way.LOGIN:
            return _login(work, profile, plan)
        case Way.SETUP_TOKEN:
            say("It is renewed by a new setup-token of Claude Code.")
            return renew(work, Wish("reauth", CredentialKind.TOKEN, profile.provider, profile.profile, expires_in, where))
        case Way.API_KEY | Way.TOKEN:
            kind = CredentialKind.API_KEY if plan.way is Way.API_KEY else CredentialKind.TOKEN
            say("Make a new key here, then paste it:" if plan.page else "Get a new one from the provider, then paste it.")
            _open(plan.page)
            ends = expires_in if kind is CredentialKind.TOKEN else None
            return store(work, Wish("reauth", kind, profile.provider, profile.profile, ends, where))


def _login(work: Bench, profile: ProfileVerdict, plan: Guidance) -> int:
    """Let the gateway's own program log in: nobody else may touch such a credential."""
    if not interactive():
        raise Failure(Ending.LAPSED, f"a login asks questions: run on a terminal: {typed(work.target, plan.arguments)}")
    say("It is renewed by a login through the gateway itself.")
    _open(plan.page)
    call = own_cli.command(work.target, work.home, plan.arguments)
    if call is None:
        user = work.target.gateway.user
        say(f"Run this on the gateway's host, as {f'the user {user}' if user else 'its user'}:")
        output.lines([f"  {typed(work.target, plan.arguments)}"])
        return Ending.LAPSED
    before = work.target.view.profiles.get(profile.profile)
    output.flush()
    if relay.talk(call, _open):
        raise Failure(Ending.LAPSED, "the gateway's login did not succeed; the old credential is as it was")
    if after(work).target.view.profiles.get(profile.profile) == before:
        raise Failure(Ending.LAPSED, f"the login ended, but {profile.profile} is what it was; look with `auth list`")
    record(work, "reauth", profile.provider, (profile.profile,), work.target.dialect.cli)
    return Ending.FINE


def _conclude(work: Bench, old: ProfileVerdict) -> int:
    """Look again, offer the restart, let the alert end."""
    new = after(work)
    verdict = verdict_of(judged(new.settings, new.reading, new.at), new.target, old.profile)
    words = f"{verdict.health}, {'usable' if verdict.usable else 'not usable'}" if verdict else "missing"
    say(f"Was: {old.health}. Is: {words}.")
    if verdict is not None and verdict.parked_until:
        say("The gateway still has it parked; it tries again when the window ends.")
    _offer_restart(new)
    for words in settle(new.settings, verdict or old):
        say(words)
    return Ending.FINE if verdict is not None and (verdict.usable or verdict.parked) else Ending.LAPSED


def _offer_restart(work: Bench) -> None:
    service = work.target.gateway.host.service
    program = shutil.which("systemctl")
    if not service.endswith(".service") or program is None or work.target.gateway.user is not None or not interactive():
        return
    if not confirmed(f"Restart {service}?"):
        return
    code = subprocess.Popen([program, "--user", "restart", "--", service]).wait()
    say("Restarted." if code == 0 else f"systemctl ended with {code}; look with: systemctl --user status {service}")


def _open(address: str) -> None:
    """Print an address by itself, so that it can be tapped or copied, and its code for a phone."""
    if not address:
        return
    sys.stdout.write("".join(f"{line}\r\n" if sys.stdin.isatty() else f"{line}\n" for line in _address_lines(address)))
    sys.stdout.flush()


def _address_lines(address: str) -> Iterator[str]:
    yield visible(address)
    if output.is_fancy() and output.speaks_unicode():
        yield from qr_code(address, output.columns())
