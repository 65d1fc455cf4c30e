"""Pure. Checks of environments and stores, permissions by the targets of the gateways' own security audit.

Source: spec/gateways.md, 7.3, 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from exporter.doctor.gateways import drift_troubles
from exporter.doctor.report import Check, Group, Level, Patient, Trouble
from exporter.drift.permissions import WORDS, repairs
from exporter.model import EnvPlace, Family, Problem, ProblemReason
from exporter.remedies import binary
from exporter.traces import Guarded, OpenPlace
from exporter.verdict import GatewayVerdict, KeyPlace
from exporter.words import listing

_AMBIENT: Final = frozenset({"GH_TOKEN", "GITHUB_TOKEN"})
_OWN_REASONS: Final = frozenset(
    {ProblemReason.ENVIRONMENT_UNSEEN, ProblemReason.NO_GATEWAY, ProblemReason.MIGRATION_REQUIRED, ProblemReason.OAUTH_SECRET_REF}
)


def _seen(patient: Patient) -> Iterator[Trouble]:
    for gateway in patient.gateways:
        if not gateway.environment_seen:
            yield Trouble(Level.WARNING, gateway.environment_why, gateway.gateway)


def _keys(patient: Patient) -> Iterator[Trouble]:
    """Show where each key of a provider in use comes from, and which one counts."""
    for gateway in patient.gateways:
        by_variable: dict[str, list[KeyPlace]] = {}
        for key in gateway.keys:
            by_variable.setdefault(key.variable, []).append(key)
        for variable, places in by_variable.items():
            said = "; ".join(_placed(place) for place in places)
            paths = tuple(dict.fromkeys(place.path for place in places if place.path))
            yield Trouble(Level.INFO, f"{variable}: {said}", gateway.gateway, paths=paths)


def _placed(key: KeyPlace) -> str:
    shown = f" {key.fingerprint}" if key.fingerprint else ""
    return f"{_PLACES[key.place]}{shown}{' (in force)' if key.in_force else ''}"


_PLACES: Final = {
    EnvPlace.PROCESS: "running process",
    EnvPlace.UNIT: "service definition",
    EnvPlace.SERVICE_ENV: "generated service file",
    EnvPlace.STATE_DOTENV: "state directory's .env",
    EnvPlace.GATEWAY_ENV: "gateway.env",
    EnvPlace.CONFIG: "configuration",
    EnvPlace.LOGIN_SHELL: "login shell",
    EnvPlace.OWN: "this shell",
    EnvPlace.SETTINGS: "env_file of our settings",
}


def _ambient(patient: Patient) -> Iterator[Trouble]:
    """Tokens of GitHub that older releases took for Copilot's, by accident."""
    for gateway in patient.gateways:
        names = sorted({key.variable for key in gateway.keys if key.variable in _AMBIENT and key.in_force})
        uses = any(provider.provider == "github-copilot" and provider.in_use for agent in gateway.agents for provider in agent.providers)
        if names and uses:
            what = f"github-copilot runs on {listing(names)}: releases from 2026.9 read COPILOT_GITHUB_TOKEN only"
            yield Trouble(Level.WARNING, what, gateway.gateway)


def _readable(patient: Patient) -> Iterator[Trouble]:
    for problem in patient.snapshot.all_problems():
        if problem.reason in _OWN_REASONS:
            continue
        what = f"{problem.store or 'something'}: {problem.reason.replace('_', ' ')}"
        level = Level.CRITICAL if problem.fatal and problem.store is not None else Level.WARNING if problem.fatal else Level.INFO
        yield Trouble(level, what, _whose(problem), paths=(problem.place,))


def _migration(patient: Patient) -> Iterator[Trouble]:
    gateways = {gateway.gateway: gateway for gateway in patient.gateways}
    for problem in patient.snapshot.all_problems():
        if problem.reason is ProblemReason.MIGRATION_REQUIRED:
            owner = gateways.get(problem.gateway)
            commands = (f"{binary(owner)} doctor --fix",) if owner is not None else ()
            what = "the database is empty, the JSON store beside it is not: the gateway refuses those providers until it has moved them"
            yield Trouble(Level.CRITICAL, what, _whose(problem), commands, (problem.place,))


def _whose(problem: Problem) -> str:
    return "/".join(part for part in (problem.gateway, problem.agent) if part)


def _open(*guarded: Guarded) -> Callable[[Patient], Iterator[Trouble]]:
    """Make a look at the permissions of one target: critical when others can write, as the gateways' audit has it."""

    def look(patient: Patient) -> Iterator[Trouble]:
        for gateway in patient.gateways:
            for place in gateway.traces.open_places:
                if place.what in guarded:
                    yield _opened(gateway, place)

    return look


def _opened(gateway: GatewayVerdict, place: OpenPlace) -> Trouble:
    whose = f"{gateway.gateway}/{place.agent}" if place.agent else gateway.gateway
    level = Level.CRITICAL if place.writable and place.exposed else Level.WARNING
    said = []
    if place.exposed:
        said.append(f"open to other users ({place.mode:03o}, should be {'700' if place.directory else '600'})")
    if place.foreign:
        said.append("owned by another user than the state directory: the gateway may not be able to use it")
    return Trouble(level, f"{WORDS[place.what]} is {' and '.join(said)}", whose, repairs(place), (place.path,))


def _remoteclaw(patient: Patient) -> Iterator[Trouble]:
    for gateway in patient.gateways:
        ignored = [profile for agent in gateway.agents for profile in agent.profiles if profile.expires_at is not None]
        if gateway.family is Family.REMOTECLAW and ignored:
            what = "RemoteClaw never looks at a date: it goes on sending a token that has ended"
            yield Trouble(Level.INFO, what, gateway.gateway)


_REACH = "Whoever reads a store has every credential in it; whoever writes it chooses whose account is used."


def _permissions(name: str, fine: str, *guarded: Guarded) -> Check:
    return Check(f"permissions.{name}", Group.STORES, fine, _REACH, _open(*guarded))


CHECKS: Final = (
    Check(
        "environment.seen", Group.ENVIRONMENT, "what the services have in their environment is known",
        "Keys in an environment that cannot be seen can neither be judged nor missed.", _seen,
    ),
    Check(
        "environment.drift", Group.ENVIRONMENT, "every place agrees on the keys",
        "The key people test in their shell is not the one the service sends.", lambda patient: drift_troubles(patient, "EnvDrift"),
    ),
    Check("environment.keys", Group.ENVIRONMENT, "no provider key is in any environment", "Which key is used, and from where.", _keys),
    Check("environment.copilot", Group.ENVIRONMENT, "Copilot runs on its own token", "An upgrade ends it.", _ambient),
    Check(
        "stores.readable", Group.STORES, "every store can be read",
        "A store the gateway cannot read looks empty to it, and unknown to us.", _readable,
    ),
    Check("stores.migration", Group.STORES, "no migration is half done", "The gateway has no credentials until it is.", _migration),
    Check(
        "stores.split", Group.STORES, "one generation of store is alive",
        "A login that goes to the store nobody reads changes nothing.", lambda patient: drift_troubles(patient, "StoreSplit"),
    ),
    Check(
        "stores.vanished", Group.STORES, "profiles that were in use are still there",
        "A rewritten or restored store loses logins without a word.", lambda patient: drift_troubles(patient, "ProfileVanished"),
    ),
    Check(
        "stores.cli_sync", Group.STORES, "copies of command line logins are as new as the logins",
        "The login that works in a shell is not the one the gateway has.", lambda patient: drift_troubles(patient, "CliSyncStale"),
    ),
    Check(
        "stores.keychain", Group.STORES, "no login lies in a locked keychain",
        "A service that starts without anybody at the desktop finds its logins there, and cannot read them.",
        lambda patient: drift_troubles(patient, "SourceLocked"),
    ),
    Check(
        "stores.locks", Group.STORES, "no lock is left behind",
        "The next renewal waits for a process that is gone.", lambda patient: drift_troubles(patient, "LockStuck"),
    ),
    _permissions("auth_profiles", "credential stores and their side files are private", Guarded.AUTH_STORE),
    _permissions("agent_dirs", "agents' directories are private", Guarded.AGENT_DIR),
    _permissions("credentials_dir", "the credentials directory is private", Guarded.CREDENTIALS_DIR),
    _permissions("state_dir", "the state directory is private", Guarded.STATE_DIR),
    _permissions("config", "the configuration is private", Guarded.CONFIG),
    _permissions("environment", "environment files are private", Guarded.ENVIRONMENT),
    _permissions("backups", "backups are private", Guarded.BACKUP),
    Check("stores.remoteclaw", Group.STORES, "dates are looked at", "Only the provider then says that a token ended.", _remoteclaw),
)  # fmt: skip
