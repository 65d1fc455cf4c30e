"""Pure. What a person does about a profile: one sentence, and the exact commands of the gateway that owns it.

Source: spec/gateways.md, section 12.1 (commands and the releases that have them), section 15 (RemoteClaw has none: ours write its store).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import PurePath

from exporter.model import CredentialKind, Family, Source
from exporter.outcome import ProbeStatus
from exporter.verdict import CooldownKind, Eligibility, GatewayVerdict, Health, ProfileVerdict, ProviderVerdict, RefreshState

_CLI_LOGINS = {"claude-code": "claude /login", "codex": "codex login", "gemini-cli": "gemini", "qwen": "qwen", "minimax": "minimax"}
_PASTE_API_KEY_SINCE = (2026, 5, 28)
_CODEX_MERGED_SINCE = (2026, 8, 1)
_DATABASE_ERAS = frozenset({"agent-db", "shared-db"})
_FRESH = frozenset({Health.OK, Health.RENEWING, Health.STATIC})


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do; `commands` are ready to paste, in order."""

    advice: str
    commands: tuple[str, ...] = ()


def remedy(profile: ProfileVerdict, gateway: GatewayVerdict, provider: ProviderVerdict | None = None) -> Remedy:
    """Say what repairs a profile, or that nothing needs repair."""
    if profile.reason is Eligibility.OK and profile.health in _FRESH:
        return _for_fresh(profile, gateway, provider)
    return _elsewhere(profile) or _for_stored(profile, gateway)


def _elsewhere(profile: ProfileVerdict) -> Remedy | None:
    """Say where to put another credential when it is in no store of the gateway."""
    match profile.source:
        case Source.ENV:
            return Remedy(f"Put a working key into {_variable(profile)}, where the gateway's service reads it, and restart the gateway.")
        case Source.CONFIG:
            return Remedy(f"Put a working key into models.providers.{profile.provider}.apiKey of the gateway's configuration.")
        case Source.CLI_LOGIN:
            name = profile.profile.removeprefix("cli:")
            return Remedy("Log in again with that program.", (_CLI_LOGINS.get(name, name),))
        case Source.STATIC:
            return Remedy("Replace the key that `static_profiles` of our own settings names, and its `expires_at`.")
        case Source.STORE:
            return None


def renewal(profile: ProfileVerdict, gateway: GatewayVerdict) -> Remedy:
    """Say how to store a new credential under the same id, whatever is wrong with the present one."""
    ended = replace(profile, reason=Eligibility.OK, health=Health.EXPIRED, refresh_state=RefreshState.NONE, cooldowns=(), parked_until=None)
    return remedy(ended, gateway)


def binary(gateway: GatewayVerdict) -> str:
    """Return the words that start the gateway's own CLI on exactly this state directory."""
    name = gateway.family.value
    directory = PurePath(gateway.state_dir).name
    _, _, user = gateway.gateway.partition("@")
    prefix = f"sudo -iu {shlex.quote(user)} " if user else ""
    if directory == f".{name}" or not directory:
        return prefix + name
    if directory.startswith(f".{name}-"):
        profile = directory.removeprefix(f".{name}-")
        return f"{prefix}{name} --dev" if profile == "dev" else f"{prefix}{name} --profile {shlex.quote(profile)}"
    return f"{prefix}{'env ' if user else ''}{name.upper()}_STATE_DIR={shlex.quote(gateway.state_dir)} {name}"


def _for_fresh(profile: ProfileVerdict, gateway: GatewayVerdict, provider: ProviderVerdict | None) -> Remedy:
    """A credential that is good as stored: what else keeps the gateway from it."""
    if profile.refused and profile.probe is not None:
        if profile.probe.outcome is ProbeStatus.BILLING:
            return Remedy("Top up credits or settle the bill at the provider.")
        return _elsewhere(profile) or _renewed("The provider refuses this credential: replace it.", profile, gateway)
    if profile.parked:
        return _for_parked(profile, gateway)
    if not profile.counts:
        return Remedy("Nothing: it is only listed, the gateway itself does not use it from here.")
    if profile.ref_state == "unresolved":
        return Remedy(_reference_advice(profile, gateway))
    if profile.position is None and profile.source is Source.STORE and provider is not None:
        ids = " ".join(shlex.quote(name) for name in (*provider.candidates, profile.profile))
        command = f"{binary(gateway)} models auth order set --provider {shlex.quote(profile.provider)}{_agent(profile)} {ids}"
        return Remedy("Nothing, unless the gateway should use it: then add it to the order.", _with_cli(gateway, command))
    if profile.health is Health.RENEWING:
        return Remedy("Nothing: the gateway renews the access token with its refresh grant on the next use.")
    return Remedy("Nothing to do.")


def _for_parked(profile: ProfileVerdict, gateway: GatewayVerdict) -> Remedy:
    reasons = {cooldown.reason for cooldown in profile.cooldowns}
    kinds = {cooldown.kind for cooldown in profile.cooldowns}
    if "billing" in reasons:
        return Remedy("Top up credits or settle the bill at the provider; the gateway tries again when the window ends.")
    if reasons & {"auth", "auth_permanent", "session_expired"}:
        return _elsewhere(profile) or _renewed("The provider refused it when the gateway last used it: replace it.", profile, gateway)
    if CooldownKind.BLOCKED in kinds:
        return Remedy("Wait for the subscription's window to reset, or add another profile of this provider.")
    return Remedy("Wait until the window ends; the gateway then tries again by itself.")


def _for_stored(profile: ProfileVerdict, gateway: GatewayVerdict) -> Remedy:
    match profile.reason:
        case Eligibility.SETUP_INACTIVE:
            command = f"{binary(gateway)} models auth activate {shlex.quote(profile.profile)}{_agent(profile)}"
            return Remedy("Activate this replacement when it shall take over.", _with_cli(gateway, command))
        case Eligibility.UNRESOLVED_REF:
            return Remedy(_reference_advice(profile, gateway))
        case Eligibility.PROVIDER_MISMATCH | Eligibility.MODE_MISMATCH:
            return Remedy(f"Make the entry auth.profiles[{profile.profile!r}] of the gateway's configuration agree with what is stored.")
        case Eligibility.OAUTH_SECRET_REF_REJECTED:
            return _renewed("A login cannot be a SecretRef, the gateway refuses to start: log in again without one.", profile, gateway)
        case Eligibility.PROFILE_MISSING:
            return _renewed("Store a credential under this id, or take the id out of the order or configuration.", profile, gateway)
        case Eligibility.INVALID_EXPIRES:
            return _renewed("Its expiry is not a date: store the token again with one.", profile, gateway)
        case _:
            return _renewed(_sentence(profile), profile, gateway)


def _sentence(profile: ProfileVerdict) -> str:
    if profile.refresh_state is RefreshState.IN_PROGRESS:
        return "A renewal is under way: wait a minute, and log in again if it does not end."
    if profile.refresh_state in (RefreshState.FAILED, RefreshState.OVERDUE, RefreshState.ORPHANED):
        return "The gateway can no longer renew this login: log in again."
    if profile.health is Health.EXPIRING:
        return "Replace it before it ends."
    if profile.credential is CredentialKind.API_KEY:
        return "Store a working key."
    return "Log in again." if profile.credential is CredentialKind.OAUTH else "Store a new token."


def _renewed(advice: str, profile: ProfileVerdict, gateway: GatewayVerdict) -> Remedy:
    """Add the command that stores a new credential under the same id."""
    if gateway.family is Family.REMOTECLAW:
        return _by_us(advice, profile, gateway)
    start = f"{binary(gateway)} models auth"
    identity = f"--profile-id {shlex.quote(profile.profile)}{_agent(profile)}"
    provider = shlex.quote(profile.provider)
    match profile.credential:
        case CredentialKind.API_KEY if _has_paste_api_key(gateway):
            return Remedy(advice, (f"{start} paste-api-key --provider {provider} {identity}",))
        case CredentialKind.API_KEY:
            return Remedy(advice, (f"{start} add",))
        case CredentialKind.OAUTH if profile.provider == "github-copilot":
            return Remedy(advice, (f"{start} login-github-copilot",))
        case CredentialKind.OAUTH:
            merged = profile.provider == "openai-codex" and _since(gateway, _CODEX_MERGED_SINCE, gateway.era == "shared-db")
            return Remedy(advice, (f"{start} login --provider {'openai' if merged else provider} {identity}",))
        case CredentialKind.TOKEN | None:
            return Remedy(advice, (f"{start} paste-token --provider {provider} {identity}",))


def _by_us(advice: str, profile: ProfileVerdict, gateway: GatewayVerdict) -> Remedy:
    """Name our own command: RemoteClaw has none. Whatever is no token it reads as a key."""
    verb = "paste-token" if profile.credential in (CredentialKind.TOKEN, None) else "paste-api-key"
    where = f"--gateway {shlex.quote(gateway.gateway)} --provider {shlex.quote(profile.provider)}"
    return Remedy(advice, (f"model-auth-exporter auth {verb} {where} --profile-id {shlex.quote(profile.profile)}",))


def _reference_advice(profile: ProfileVerdict, gateway: GatewayVerdict) -> str:
    source, _, name = profile.ref.partition(":")
    if source == "env":
        return f"Set {name} where the gateway's service reads it ({gateway.state_dir}/.env will do) and restart the gateway."
    if profile.ref:
        return f"Make the SecretRef {profile.ref} resolvable for the gateway's user: check secrets.providers in its configuration."
    return "Make the SecretRef resolvable for the gateway's user."


def _variable(profile: ProfileVerdict) -> str:
    return profile.profile.removeprefix("env:").partition("#")[0]


def _agent(profile: ProfileVerdict) -> str:
    return "" if profile.agent == "main" or profile.inherited_from else f" --agent {shlex.quote(profile.agent)}"


def _with_cli(gateway: GatewayVerdict, command: str) -> tuple[str, ...]:
    return () if gateway.family in (Family.REMOTECLAW, Family.STATIC) else (command,)


def _has_paste_api_key(gateway: GatewayVerdict) -> bool:
    return _since(gateway, _PASTE_API_KEY_SINCE, gateway.era in _DATABASE_ERAS)


def _since(gateway: GatewayVerdict, release: tuple[int, ...], unknown: bool) -> bool:
    """Tell whether the gateway is of this release or newer; `unknown` is the answer when it does not say."""
    pieces = (gateway.version or "").partition("-")[0].split(".")
    return tuple(int(piece) for piece in pieces) >= release if all(piece.isdecimal() and len(piece) < 9 for piece in pieces) else unknown
