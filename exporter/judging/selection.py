"""Pure. Which credentials a gateway may use for a provider, and in which order it tries them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from exporter.judging import expiry
from exporter.judging.expiry import ExpiryState
from exporter.model import AuthState, ConfiguredProfile, Credential, CredentialKind, GatewayConfig, Profile
from exporter.verdict import Eligibility, Ruling

_PASTED_COMMAND = re.compile(r"\b(?:openclaw|clawdbot|moltbot|remoteclaw)\s+onboard\b.*--auth-choice", re.DOTALL)
_RANK = {CredentialKind.OAUTH: 0, CredentialKind.TOKEN: 1, CredentialKind.API_KEY: 2}
AWS_SDK = "aws-sdk"
# Spellings that gateway releases folded into one provider; newer ones leave this to plug-ins, so the stored spelling is
# kept for display and these only decide which stored login serves a model reference.
_ALIASES = {
    "z.ai": "zai",
    "z-ai": "zai",
    "x-ai": "xai",
    "opencode-zen": "opencode",
    "opencode-go-auth": "opencode-go",
    "bedrock": "amazon-bedrock",
    "aws-bedrock": "amazon-bedrock",
    "bytedance": "volcengine",
    "doubao": "volcengine",
    "volcengine-plan": "volcengine",
    "byteplus-plan": "byteplus",
    "modelstudio": "qwen",
    "qwencloud": "qwen",
    "kimi-code": "kimi",
    "kimi-coding": "kimi",
    "moonshotai": "moonshot",
    "moonshot-ai": "moonshot",
    "minimax-cn": "minimax",
    "minimax-portal-cn": "minimax-portal",
    "novita-ai": "novita",
    "novitaai": "novita",
}


class OrderSource(StrEnum):
    """What gave the order of a provider's profiles."""

    STORED = "stored order"
    CONFIGURED = "auth.order of the configuration"
    CONFIGURED_PROFILES = "auth.profiles of the configuration"
    ROUND_ROBIN = "round robin over the stored profiles"


@dataclass(frozen=True, slots=True)
class Order:
    """The profiles of one provider as a gateway lists them, parked ones not yet moved.

    `eligible` are tried, in this order; `listed` are those looked at before eligibility; `left_out` says why each other is not.
    `explicit`: somebody set an order, and nothing stands in for what it lists.
    """

    eligible: tuple[str, ...]
    listed: tuple[str, ...]
    source: OrderSource
    left_out: Mapping[str, str]
    explicit: bool = False


def normalise(provider: str) -> str:
    """Return a provider id as the newest release compares it."""
    return provider.strip().lower()


def canonical(provider: str) -> str:
    """Return the id under which all releases' spellings of one provider meet."""
    name = normalise(provider)
    return _ALIASES.get(name, name)


def credential_eligibility(credential: Credential, now: datetime) -> tuple[Eligibility, Ruling]:
    """Say whether a credential may be tried at all, by itself; a reference counts as present."""
    if credential.setup:
        return Eligibility.SETUP_INACTIVE, Ruling("eligibility.setup", "an inactive replacement waits for activation")
    match credential.kind:
        case CredentialKind.API_KEY:
            return _key_eligibility(credential)
        case CredentialKind.TOKEN:
            return _token_eligibility(credential, now)
        case CredentialKind.OAUTH:
            return _oauth_eligibility(credential)
        case _:
            assert_never(credential.kind)


def eligibility(
    profile: Profile, configured: ConfiguredProfile | None, now: datetime, provider: str | None = None
) -> tuple[Eligibility, Ruling]:
    """Say whether a profile may be tried: the credential's own state, and whether the configuration agrees with it."""
    stored = normalise(profile.provider)
    if configured and normalise(configured.provider) != stored:
        return Eligibility.PROVIDER_MISMATCH, Ruling("eligibility.provider", f"the configuration says provider {configured.provider}")
    if provider and canonical(provider) != canonical(stored):
        return Eligibility.PROVIDER_MISMATCH, Ruling("eligibility.provider", f"listed for {provider}, stored for {stored}")
    if _forbids_ref(profile.credential, configured):
        return Eligibility.OAUTH_SECRET_REF_REJECTED, Ruling(
            "eligibility.oauth_ref", "OAuth beside a SecretRef: the gateway refuses to start with it"
        )
    kind = profile.credential.kind
    if configured and configured.mode and configured.mode != kind and not (configured.mode == "oauth" and kind is CredentialKind.TOKEN):
        return Eligibility.MODE_MISMATCH, Ruling("eligibility.mode", f"the configuration says {configured.mode}, stored is {kind}")
    return credential_eligibility(profile.credential, now)


def order(
    provider: str, own: Mapping[str, Profile], profiles: Mapping[str, Profile], config: GatewayConfig, state: AuthState, now: datetime
) -> Order:
    """Resolve the order in which a gateway tries the profiles of `provider`; `own` are those among all its `profiles`."""
    listed, source, explicit = _listed(provider, own, profiles, config, state)
    left_out: dict[str, str] = {}
    kept = []
    for profile_id in listed:
        profile = profiles.get(profile_id)
        if profile is None:
            if _keeps_without_credential(config, profile_id):
                kept.append(profile_id)
            else:
                left_out[profile_id] = "listed, but not in the store"
            continue
        verdict, ruling = eligibility(profile, config.profiles.get(profile_id), now, provider)
        if verdict is Eligibility.OK or (verdict is Eligibility.EXPIRED and _refreshing(profile.credential)):
            kept.append(profile_id)
        else:
            left_out[profile_id] = f"{verdict}: {ruling.why}"
    for profile_id in own.keys() - set(listed):
        left_out[profile_id] = f"excluded_by_auth_order: left out of the {source}"
    if source not in (OrderSource.STORED, OrderSource.CONFIGURED):
        kept = _round_robin(kept, profiles, state, now)
    return Order(tuple(kept), tuple(listed), source, left_out, explicit)


def parked_last(listing: Order, parked: Callable[[str], datetime | None]) -> tuple[str, ...]:
    """Move parked profiles behind the free ones, soonest free first, else as listed; `parked` gives the instant one is free again."""
    ends = {profile_id: parked(profile_id) for profile_id in listing.eligible}
    free = [profile_id for profile_id in listing.eligible if ends[profile_id] is None]
    waiting = [(end, profile_id) for profile_id in listing.listed if (end := ends.get(profile_id)) is not None]
    return (*free, *(profile_id for _, profile_id in sorted(waiting, key=lambda pair: pair[0])))


def configured_ids(provider: str, mapping: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """Look up an order by provider, whatever its spelling; None when there is no entry."""
    exact = {normalise(key): ids for key, ids in mapping.items()}
    name = normalise(provider)
    if name in exact:
        return exact[name]
    wanted = canonical(provider)
    return next((ids for key, ids in exact.items() if canonical(key) == wanted), None)


def _listed(
    provider: str, own: Mapping[str, Profile], profiles: Mapping[str, Profile], config: GatewayConfig, state: AuthState
) -> tuple[list[str], OrderSource, bool]:
    """Return the ids looked at, where the list comes from, and whether somebody set an order, even one that leads nowhere."""
    everything = list(own)
    stored = configured_ids(provider, state.order)
    if stored:  # an empty stored order is no order
        ids = list(dict.fromkeys(stored))
        # A stored list of which nothing exists any more means "no override"; the same list in the configuration means "none".
        return (ids, OrderSource.STORED, True) if any(key in profiles for key in ids) else (everything, OrderSource.ROUND_ROBIN, True)
    wanted = canonical(provider)
    named = [key for key, entry in config.profiles.items() if canonical(entry.provider) == wanted]
    configured = configured_ids(provider, config.order)
    if configured is not None:
        ids = list(dict.fromkeys(configured))
        lost = bool(ids) and not any(key in profiles or _keeps_without_credential(config, key) for key in ids)
        # Recorded from 2026.9.6: an order of ghosts falls back, too, where auth.profiles names somebody of the provider.
        return (everything, OrderSource.ROUND_ROBIN, True) if lost and named else (ids, OrderSource.CONFIGURED, True)
    if any(key in profiles or _keeps_without_credential(config, key) for key in named):
        return named, OrderSource.CONFIGURED_PROFILES, False
    return everything, OrderSource.ROUND_ROBIN, False


def _keeps_without_credential(config: GatewayConfig, profile_id: str) -> bool:
    entry = config.profiles.get(profile_id)
    return entry is not None and entry.mode == AWS_SDK


def _round_robin(ids: Sequence[str], profiles: Mapping[str, Profile], state: AuthState, now: datetime) -> list[str]:
    def key(profile_id: str) -> tuple[int, bool, float]:
        profile = profiles.get(profile_id)
        if profile is None:
            return (len(_RANK), False, 0.0)
        credential = profile.credential
        lapsed = credential.kind is CredentialKind.OAUTH and expiry.state(credential.expiry, now, timedelta()) is ExpiryState.EXPIRED
        usage = state.usage.get(profile_id)
        used = usage.last_used_at.timestamp() if usage and usage.last_used_at else 0.0
        return (_RANK[credential.kind], lapsed or credential.fence is not None, used)

    return sorted(ids, key=key)


def _key_eligibility(credential: Credential) -> tuple[Eligibility, Ruling]:
    if credential.secret and _PASTED_COMMAND.search(credential.secret.reveal()):
        return Eligibility.MALFORMED_API_KEY, Ruling("eligibility.malformed", "the stored key is a pasted onboarding command")
    if credential.secret_ref is None and credential.secret is None:
        return Eligibility.MISSING_CREDENTIAL, Ruling("eligibility.missing", "no key is stored")
    return Eligibility.OK, Ruling("eligibility.key", "a key is stored" if credential.secret else "a reference to a key is stored")


def _token_eligibility(credential: Credential, now: datetime) -> tuple[Eligibility, Ruling]:
    if credential.secret_ref is None and credential.secret is None:
        return Eligibility.MISSING_CREDENTIAL, Ruling("eligibility.missing", "no token is stored")
    match expiry.state(credential.expiry, now, timedelta()):
        case ExpiryState.INVALID:
            return Eligibility.INVALID_EXPIRES, Ruling("eligibility.invalid_expires", "the stored expiry is not a usable timestamp")
        case ExpiryState.EXPIRED:
            return Eligibility.EXPIRED, Ruling("eligibility.expired", "the token's date has passed")
        case ExpiryState.MISSING | ExpiryState.EXPIRING | ExpiryState.VALID:
            return Eligibility.OK, Ruling("eligibility.token", "a token is stored and its date has not passed")


def _oauth_eligibility(credential: Credential) -> tuple[Eligibility, Ruling]:
    if credential.fence:
        return Eligibility.EXPIRED, Ruling("eligibility.fence", "a refresh fence stands in place of the tokens")
    if credential.secret is None and credential.refresh is None:
        if credential.sidecar:
            return Eligibility.UNRESOLVED_REF, Ruling("eligibility.sidecar", "the login lies in an encrypted file beside the store")
        return Eligibility.MISSING_CREDENTIAL, Ruling("eligibility.missing", "neither an access token nor a refresh grant is stored")
    return Eligibility.OK, Ruling("eligibility.oauth", "an access token or a refresh grant is stored, whatever its date")


def _refreshing(credential: Credential) -> bool:
    """True while a refresh is under way: the gateway waits for it, so the profile keeps its place."""
    return credential.fence is not None and not credential.fence.failed


def _forbids_ref(credential: Credential, configured: ConfiguredProfile | None) -> bool:
    by_mode = configured is not None and configured.mode == "oauth" and credential.secret_ref is not None
    return bool(credential.forbidden_refs) or by_mode
