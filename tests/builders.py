"""Builders that make nouns with defaults, so that a test shows only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exporter.judging.health import Rules
from exporter.judging.history import History
from exporter.model import (
    AgentReading,
    AuthDocument,
    AuthState,
    Credential,
    CredentialKind,
    Environment,
    EnvLayer,
    EnvPlace,
    Era,
    Expiry,
    ExpiryKind,
    Family,
    GatewayConfig,
    GatewayReading,
    ModelChoice,
    Profile,
    Reading,
    Secret,
    Source,
    StoreKind,
    Usage,
)
from exporter.snapshot import judge
from exporter.verdict import AgentVerdict, ProfileVerdict, ProviderVerdict, Snapshot

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(offset: timedelta = timedelta()) -> Expiry:
    """An expiry `offset` from NOW."""
    return Expiry(ExpiryKind.DATED, (NOW + offset).timestamp() * 1000)


def key(secret: str | None = "sk-fake-0123456789") -> Credential:
    return Credential(CredentialKind.API_KEY, Secret(secret) if secret else None)


def token(expiry: Expiry | None = None, secret: str | None = "tok-0123456789") -> Credential:
    return Credential(CredentialKind.TOKEN, Secret(secret) if secret else None, expiry=expiry or Expiry())


def oauth(expiry: Expiry | None = None, access: str | None = "access", refresh: str | None = "refresh") -> Credential:
    return Credential(
        CredentialKind.OAUTH, Secret(access) if access else None, Secret(refresh) if refresh else None, expiry=expiry or Expiry()
    )


def profile(profile_id: str = "anthropic:a", credential: Credential | None = None, provider: str | None = None) -> Profile:
    return Profile(profile_id, provider or profile_id.partition(":")[0], credential or key(), Source.STORE, StoreKind.AUTH_PROFILES)


def document(
    *profiles: Profile, order: Mapping[str, tuple[str, ...]] | None = None, usage: Mapping[str, Usage] | None = None
) -> AuthDocument:
    return AuthDocument({entry.id: entry for entry in profiles}, AuthState(order or {}, {}, usage or {}))


def agent(name: str = "main", local: AuthDocument | None = None, *, known: bool = True, configured: bool = True) -> AgentReading:
    return AgentReading(name, configured, name == "main", f"/home/someone/agents/{name}", (local or AuthDocument()) if known else None)


def environment(variables: Mapping[str, str] | None = None, *, seen: bool = True) -> Environment:
    secrets = {name: Secret(value) for name, value in (variables or {}).items()}
    layer = EnvLayer(EnvPlace.OWN, secrets, counts=seen)
    return Environment(seen, "no gateway service on this host" if seen else "a unit names a file that cannot be read", (layer,))


def config(primary: str | None = "anthropic/claude-sonnet-4-5", *fallbacks: str, **changes: object) -> GatewayConfig:
    return replace(GatewayConfig(True, defaults=ModelChoice(primary, fallbacks or None)), **changes)  # type: ignore[arg-type]


def gateway(*agents: AgentReading, **changes: object) -> GatewayReading:
    reading = GatewayReading(
        "openclaw", Family.OPENCLAW, "/home/someone/.openclaw", Era.JSON, config(), environment(), agents or (agent(),)
    )
    return replace(reading, **changes)  # type: ignore[arg-type]


def judged(*gateways: GatewayReading, now: datetime = NOW, history: History | None = None) -> Snapshot:
    return judge(Reading(now, gateways, ("/home/someone/.openclaw",)), now, Rules(), history=history or History())


def only_agent(snapshot: Snapshot, name: str = "main") -> AgentVerdict:
    return next(found for found in snapshot.gateways[0].agents if found.agent == name)


def profiles_of(snapshot: Snapshot, name: str = "main") -> dict[str, ProfileVerdict]:
    return {found.profile: found for found in only_agent(snapshot, name).profiles}


def providers_of(snapshot: Snapshot, name: str = "main") -> dict[str, ProviderVerdict]:
    return {found.provider: found for found in only_agent(snapshot, name).providers}
