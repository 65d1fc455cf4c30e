"""Pure. Checks of credentials: those of the gateways' own doctor, and ours.

Source: spec/gateways.md, 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from exporter.checking import check
from exporter.doctor.report import Check, Group, Level, Patient, Trouble
from exporter.model import CredentialKind, Family, ProblemReason, Source
from exporter.remedies import Remedy, remedy
from exporter.verdict import AgentVerdict, Eligibility, GatewayVerdict, Health, ProfileVerdict, RefreshState
from exporter.words import instant, listing

_DEPRECATED: Final = frozenset({"anthropic:claude-cli", "openai-codex:codex-cli"})
_DEAD: Final = frozenset({RefreshState.FAILED, RefreshState.OVERDUE, RefreshState.ORPHANED})
_JSON_EMBEDDED: Final = "json"
_DATED: Final = frozenset({Eligibility.EXPIRED, Eligibility.OK})


def _usable(patient: Patient) -> Iterator[Trouble]:
    """Judge what is in use exactly as `check` does."""
    for gateway, agent in _agents(patient):
        for provider in agent.providers:
            if not provider.in_use or provider.usable is None or provider.next is not None:
                continue
            own = [profile for profile in agent.profiles if profile.provider == provider.provider and profile.counts]
            named = [profile for profile in own if profile.profile in provider.candidates] or own
            todo = remedy(named[0], gateway, provider) if named else Remedy("")
            reasons = "; ".join(f"{profile.profile}: {profile.usable_rule.why}" for profile in named) or "no credential"
            where = f"{gateway.gateway}/{agent.agent}"
            yield Trouble(Level.CRITICAL, f"{provider.provider}: nothing usable ({reasons})", where, todo.commands)


def _checked(patient: Patient) -> Iterator[Trouble]:
    """Make sure that this report is never kinder than `check`."""
    result = check(patient.snapshot)
    if result.exit:
        level = Level.CRITICAL if result.exit == 1 else Level.WARNING
        more = f" (and {len(result.lines) - 1} more)" if len(result.lines) > 1 else ""
        yield Trouble(level, f"`check` ends with {result.exit}: {result.lines[0]}{more}", commands=("model-auth-exporter check",))


def _each(wrong: Callable[[ProfileVerdict, GatewayVerdict], tuple[Level, str] | None]) -> Callable[[Patient], Iterator[Trouble]]:
    """Make a look that asks every profile; one that agents inherit is told once."""

    def look(patient: Patient) -> Iterator[Trouble]:
        for gateway in patient.snapshot.gateways:
            told: set[tuple[str, str, str]] = set()
            for agent in gateway.agents:
                for profile in agent.profiles if agent.configured else ():
                    found = wrong(profile, gateway)
                    key = (profile.profile, profile.fingerprint, found[1] if found else "")
                    if found is not None and key not in told:
                        told.add(key)
                        provider = next((one for one in agent.providers if one.provider == profile.provider), None)
                        commands = remedy(profile, gateway, provider).commands
                        yield Trouble(found[0], f"{profile.profile}: {found[1]}", f"{gateway.gateway}/{agent.agent}", commands)

    return look


def _expiry(profile: ProfileVerdict, _: GatewayVerdict) -> tuple[Level, str] | None:
    if profile.refresh_state in _DEAD or profile.reason not in _DATED:
        return None
    if profile.health is Health.EXPIRED:
        return Level.WARNING, profile.health_rule.why
    if profile.health is Health.EXPIRING:
        return Level.WARNING, f"ends at {instant(profile.expires_at)}" if profile.expires_at else "ends soon"
    if profile.suspect_expiry:
        return Level.WARNING, "its date cannot be right (seconds instead of milliseconds, or no number)"
    return None


def _renewal(profile: ProfileVerdict, _: GatewayVerdict) -> tuple[Level, str] | None:
    return (Level.WARNING, f"its renewal is {profile.refresh_state}: only a new login helps") if profile.refresh_state in _DEAD else None


def _cooldown(profile: ProfileVerdict, _: GatewayVerdict) -> tuple[Level, str] | None:
    if not profile.cooldowns:
        return None
    window = max(profile.cooldowns, key=lambda window: window.until)
    kind = f"{window.kind}{f':{window.reason}' if window.reason else ''}{f' ({window.model} only)' if window.model else ''}"
    return Level.WARNING if profile.parked else Level.INFO, f"{kind} until {instant(window.until)}"


def _stored(profile: ProfileVerdict, _: GatewayVerdict) -> tuple[Level, str] | None:
    skipped = (Eligibility.OK, Eligibility.EXPIRED, Eligibility.PROFILE_MISSING, Eligibility.UNRESOLVED_REF, Eligibility.SETUP_INACTIVE)
    if profile.reason in skipped or profile.reason is Eligibility.OAUTH_SECRET_REF_REJECTED or not profile.counts:
        return None
    return Level.WARNING, f"{profile.reason}: {profile.reason_rule.why}"


def _reference(profile: ProfileVerdict, _: GatewayVerdict) -> tuple[Level, str] | None:
    if profile.reason is Eligibility.UNRESOLVED_REF and profile.credential is CredentialKind.OAUTH:
        return Level.WARNING, "its tokens lie in an encrypted file of an older release, which newer ones do not read"
    if profile.ref_state == "unresolved":
        return Level.WARNING, f"its {profile.ref.partition(':')[0] or 'secret'} reference cannot be resolved"
    return (Level.INFO, "its reference was not looked up") if profile.ref_state == "unchecked" else None


def _deprecated(profile: ProfileVerdict, gateway: GatewayVerdict) -> tuple[Level, str] | None:
    if profile.source is not Source.STORE or profile.profile not in _DEPRECATED or gateway.family is Family.CLAWDBOT:
        return None
    return Level.WARNING, "a copy that older releases made of a command line program's login; later ones offer to remove it"


def _default_login(profile: ProfileVerdict, gateway: GatewayVerdict) -> tuple[Level, str] | None:
    old = gateway.era == _JSON_EMBEDDED and gateway.family is not Family.REMOTECLAW
    if not old or profile.profile != "anthropic:default" or profile.credential is not CredentialKind.OAUTH:
        return None
    return Level.INFO, "a login under this id is renamed to anthropic:<email> by the gateway's own doctor"


def _legacy_codex(profile: ProfileVerdict, gateway: GatewayVerdict) -> tuple[Level, str] | None:
    merged = gateway.era == "shared-db" and profile.source is Source.STORE and profile.provider == "openai-codex"
    return (Level.WARNING, "provider openai-codex became openai: this release does not take it any more") if merged else None


def _forbidden(patient: Patient) -> Iterator[Trouble]:
    for problem in patient.snapshot.all_problems():
        if problem.reason is ProblemReason.OAUTH_SECRET_REF:
            what = "a login is kept as a SecretRef: the gateway refuses to start with it"
            yield Trouble(Level.CRITICAL, what, "/".join(part for part in (problem.gateway, problem.agent) if part), paths=(problem.place,))


def _orphaned_use(patient: Patient) -> Iterator[Trouble]:
    for gateway, agent in _agents(patient):
        last = [provider.provider for provider in agent.providers if provider.in_use and provider.usable == 1 and provider.configured > 1]
        if last:
            yield Trouble(Level.INFO, f"{listing(last)}: one usable profile is left", f"{gateway.gateway}/{agent.agent}")


def _agents(patient: Patient) -> Iterator[tuple[GatewayVerdict, AgentVerdict]]:
    return ((gateway, agent) for gateway in patient.snapshot.gateways for agent in gateway.agents if agent.configured)


_LOGIN = "A login that ended is found by the users first."

CHECKS: Final = (
    Check("credentials.usable", Group.CREDENTIALS, "every provider in use has a usable credential", "Agents stop without one.", _usable),
    Check("credentials.check", Group.CREDENTIALS, "`check` has nothing to say", "Timers act on its exit code.", _checked),
    Check("credentials.spare", Group.CREDENTIALS, "spare profiles are usable too", "The next failure leaves nothing.", _orphaned_use),
    Check("credentials.expiry", Group.CREDENTIALS, "no stored credential has ended or ends soon", _LOGIN, _each(_expiry)),
    Check("credentials.renewal", Group.CREDENTIALS, "logins renew themselves", _LOGIN, _each(_renewal)),
    Check(
        "credentials.cooldowns", Group.CREDENTIALS, "nothing is parked",
        "The gateway does not use a parked profile until the window ends.", _each(_cooldown),
    ),
    Check(
        "credentials.entries", Group.CREDENTIALS, "stored credentials are complete and agree with the configuration",
        "The gateway passes over an entry it cannot use, without a word.", _each(_stored),
    ),
    Check(
        "credentials.references", Group.CREDENTIALS, "secret references can be resolved",
        "A reference that leads nowhere is no credential.", _each(_reference),
    ),
    Check(
        "credentials.oauth_secret_ref", Group.CREDENTIALS, "no login is kept as a SecretRef",
        "The gateway's policy check fails and it does not start.", _forbidden,
    ),
    Check(
        "credentials.deprecated_cli", Group.CREDENTIALS, "no copies under ids of older releases",
        "Nothing renews such a copy.", _each(_deprecated),
    ),
    Check(
        "credentials.default_login", Group.CREDENTIALS, "logins carry the id of their account",
        "Two accounts under one id overwrite each other.", _each(_default_login),
    ),
    Check(
        "credentials.legacy_codex", Group.CREDENTIALS, "no profiles of the former openai-codex provider",
        "The release in use has merged it and rejects the old id.", _each(_legacy_codex),
    ),
)  # fmt: skip
