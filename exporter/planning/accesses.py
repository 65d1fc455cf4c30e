"""Pure. What a gateway knows about each credential an agent can use: the secret, where it is sent, with which headers and account ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from exporter import environment
from exporter.environment import MODE, Variables
from exporter.judging.inheritance import view
from exporter.judging.selection import AWS_SDK, canonical, normalise
from exporter.model import AgentReading, Credential, CredentialKind, GatewayConfig, GatewayReading, Profile, ProviderConfig, Secret, Source
from exporter.providers.request import Access
from exporter.verdict import ProfileVerdict

_NO_CONFIG = GatewayConfig()
_NO_CREDENTIAL = Credential(CredentialKind.API_KEY)
_METADATA = "metadata."
_AWS = "amazon-bedrock"
_AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# What is not secret and only variables say: attribute -> variables, first one first. Vendors' documentation.
_NAMED: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        _AWS: {"region": ("AWS_REGION", "AWS_DEFAULT_REGION")},
        "google-vertex": {
            "projectId": ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"),
            "location": ("GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION"),
        },
        "cloudflare-ai-gateway": {
            "account": ("CLOUDFLARE_AI_GATEWAY_ACCOUNT_ID", "CLOUDFLARE_ACCOUNT_ID"),
            "gateway": ("CLOUDFLARE_AI_GATEWAY_ID", "CLOUDFLARE_GATEWAY_ID"),
        },
        "workers-ai": {"account": ("CLOUDFLARE_ACCOUNT_ID",)},
        "cloudflare": {"account": ("CLOUDFLARE_ACCOUNT_ID",)},
    }
)
_ADDRESSES = dict.fromkeys(("azure-openai", "azure", "microsoft-foundry"), ("AZURE_OPENAI_ENDPOINT",))


class Holdings:
    """Everything one agent can use, ready to be asked for by verdict."""

    def __init__(self, gateway: GatewayReading, agent: AgentReading, providers: Collection[str]) -> None:
        """Collect the profiles of the stores, the environment, the configuration, the settings and CLI logins."""
        self._gateway, self._agent = gateway, agent
        self._variables: Variables = environment.variables(gateway.environment)
        self._held = {(profile.source, profile_id): profile for profile_id, profile in view(gateway, agent).profiles.items()}
        for entry in (*self._config.providers.values(), *agent.providers.values()):
            name = normalise(entry.provider)
            credential = Credential(CredentialKind.API_KEY, entry.api_key, secret_ref=entry.secret_ref)
            self._held[Source.CONFIG, f"config:{name}"] = Profile(f"config:{name}", name, credential, Source.CONFIG)
        for profile, _, _ in environment.profiles(gateway, providers):
            self._held[Source.ENV, profile.id] = profile
        for profile in (*gateway.static_profiles, *gateway.cli_logins):
            self._held[profile.source, profile.id] = profile

    def profile(self, verdict: ProfileVerdict) -> Profile | None:
        """The profile a verdict is about; None for one that is only named."""
        return self._held.get((verdict.source, verdict.profile))

    def access(self, verdict: ProfileVerdict, models: Iterable[str]) -> Access:
        """What is needed to ask for one profile; `models` are those in use of its provider, first one first."""
        profile = self.profile(verdict)
        credential = profile.credential if profile is not None else _NO_CREDENTIAL
        entries = self._entries(verdict.provider)
        attributes = _flattened(credential.attributes) | self._named(verdict.provider, credential)
        secret, extras, kind = self._secrets(verdict, credential)
        configured = next((entry.base_url for entry in entries if entry.base_url), None) or self._variable(
            _ADDRESSES.get(canonical(verdict.provider), ())
        )
        listed = next((entry.models for entry in entries if entry.models), ())
        return Access(
            verdict.provider,
            kind,
            secret,
            attributes.get("baseUrl") or configured,
            next((entry.api for entry in entries if entry.api), None) or "",
            MappingProxyType({name: value for entry in reversed(entries) for name, value in entry.headers.items()}),
            MappingProxyType(attributes),
            extras,
            (*models, *listed, "")[0],
        )

    @property
    def _config(self) -> GatewayConfig:
        return self._gateway.config or _NO_CONFIG

    def _secrets(self, verdict: ProfileVerdict, credential: Credential) -> tuple[Secret | None, Mapping[str, Secret], CredentialKind]:
        """The secret that is sent, the other secrets that belong to it, and what kind it is."""
        secret = credential.secret
        if secret is None and credential.secret_ref is not None:
            resolution = self._gateway.resolutions.get(credential.secret_ref)
            secret = resolution.secret if resolution is not None else None
        mode = credential.attributes.get(MODE, "")
        if mode == AWS_SDK or (secret is None and canonical(verdict.provider) == _AWS):
            return self._key_pair()
        if mode not in ("", "oauth"):
            return None, MappingProxyType({}), credential.kind
        return secret, MappingProxyType({}), credential.kind

    def _key_pair(self) -> tuple[Secret | None, Mapping[str, Secret], CredentialKind]:
        """The access-key pair of the environment; what else the AWS chain may find, only AWS' own library can read."""
        found = [self._variables[name][0] if name in self._variables else None for name in _AWS_KEYS]
        key, hidden, session = found
        if key is None or hidden is None:
            return None, MappingProxyType({}), CredentialKind.API_KEY
        extras = {"secret_access_key": hidden} | ({"session_token": session} if session is not None else {})
        return key, MappingProxyType(extras), CredentialKind.API_KEY

    def _entries(self, provider: str) -> list[ProviderConfig]:
        """What the configuration and the agent's generated models.json say of a provider, by whichever spelling."""
        found = (_entry(self._config.providers, provider), _entry(self._agent.providers, provider))
        return [entry for entry in found if entry is not None]

    def _named(self, provider: str, credential: Credential) -> dict[str, str]:
        wanted = _NAMED.get(canonical(provider), {})
        found = {name: self._variable(variables) for name, variables in wanted.items() if not credential.attributes.get(name)}
        return {name: value for name, value in found.items() if value}

    def _variable(self, names: Iterable[str]) -> str:
        """The value of the first of these variables that is set; only for what is not secret."""
        return next((self._variables[name][0].reveal() for name in names if name in self._variables), "")


def _entry(entries: Mapping[str, ProviderConfig], provider: str) -> ProviderConfig | None:
    exact = next((entry for entry in entries.values() if normalise(entry.provider) == normalise(provider)), None)
    return exact or next((entry for entry in entries.values() if canonical(entry.provider) == canonical(provider)), None)


def _flattened(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes with what `metadata` holds beside them; an attribute of its own wins."""
    inner = {name.removeprefix(_METADATA): value for name, value in attributes.items() if name.startswith(_METADATA)}
    return inner | dict(attributes)
