"""Pure. The nouns of what was read: stores, credentials, configuration, environments.

Everything is frozen. Instants are aware UTC datetimes; a store's Unix milliseconds survive only in `Expiry`,
because the gateways compare milliseconds and accept dates that no datetime can hold.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, NoReturn, TypeVar

from exporter.traces import HostFacts, Traces

T = TypeVar("T")

EMPTY: Mapping[str, str] = MappingProxyType({})
_LAST_INSTANT_MS = 253_402_300_799_000  # 9999-12-31T23:59:59Z, the last second a datetime can hold
_SUSPECTED_SECONDS_BELOW_MS = 10**11  # March 1973: whoever wrote less meant seconds


class Family(StrEnum):
    """Which program a state directory belongs to; `static` holds keys of our own settings and lone CLI logins."""

    OPENCLAW = "openclaw"
    CLAWDBOT = "clawdbot"
    MOLTBOT = "moltbot"
    REMOTECLAW = "remoteclaw"
    STATIC = "static"


class Era(StrEnum):
    """Which generation of store a gateway keeps its credentials in."""

    JSON = "json"  # auth-profiles.json with embedded order and usage
    JSON_SPLIT = "json-split"  # auth-profiles.json and auth-state.json
    AGENT_DB = "agent-db"  # one SQLite file per agent
    SHARED_DB = "shared-db"  # a shared SQLite file, agents add to it
    GLOBAL_JSON = "global-json"  # RemoteClaw: one auth-profiles.json for all agents
    NONE = "none"  # no store found


class StoreKind(StrEnum):
    """The closed list of places on disk; the value is the `store` label."""

    AUTH_PROFILES = "auth-profiles"
    AUTH_STATE = "auth-state"
    AGENT_DB = "agent-db"
    STATE_DB = "state-db"
    OAUTH_JSON = "oauth-json"
    AUTH_JSON = "auth-json"
    CONFIG = "config"
    MODELS_JSON = "models-json"
    DOTENV = "dotenv"
    UNIT_ENV = "unit-env"
    CLI_LOGIN = "cli-login"


class Source(StrEnum):
    """Where a profile comes from."""

    STORE = "store"
    ENV = "env"
    CONFIG = "config"
    CLI_LOGIN = "cli-login"
    STATIC = "static"


class CredentialKind(StrEnum):
    """What a credential is."""

    API_KEY = "api_key"
    TOKEN = "token"
    OAUTH = "oauth"


class Secret:
    """A value that must never be shown: masked in every text form, compared in constant time, not picklable."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap `value`."""
        self._value = value

    def reveal(self) -> str:
        """Return the value; only the code that sends it, hashes it or judges its shape may call this."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(errors="surrogatepass"), other._value.encode(errors="surrogatepass"))

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret does not leave its process")


class ProblemReason(StrEnum):
    """What the world did wrong while being read; the value is the `reason` label of the error counter."""

    UNREADABLE = "unreadable"  # permission, I/O error
    NOT_A_FILE = "not_a_file"  # directory, FIFO, device, socket
    SYMLINK = "symlink"  # a loop, or a link whose target belongs to somebody else
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    EMPTY = "empty"
    INVALID_UTF8 = "invalid_utf8"
    INVALID_SYNTAX = "invalid_syntax"
    WRONG_SHAPE = "wrong_shape"  # well-formed, but not this kind of document
    BAD_ENTRY = "bad_entry"  # one entry dropped, the others kept
    DUPLICATE_KEY = "duplicate_key"
    BAD_VALUE = "bad_value"  # one value ignored or doubtful, its entry kept
    CHANGING = "changing"  # moved under us at every try
    CORRUPT = "corrupt"  # a database page or frame that cannot be right
    UNSUPPORTED = "unsupported"  # this Python's SQLite cannot open such a database
    INCLUDE_FAILED = "include_failed"
    OAUTH_SECRET_REF = "oauth_secret_ref"  # the gateway refuses OAuth beside a SecretRef
    MIGRATION_REQUIRED = "migration_required"  # empty SQLite store beside a JSON store with profiles
    ENVIRONMENT_UNSEEN = "environment_unseen"
    NO_GATEWAY = "no_gateway"  # nothing of ours exists where a setting says so


@dataclass(frozen=True, slots=True)
class StoreRef:
    """One place on disk. `path` is for people on this machine only: it is never a label and never leaves in a notice."""

    gateway: str
    agent: str  # "" when the place belongs to the whole gateway
    store: StoreKind
    path: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that could not be read or trusted. `place` is a path, a JSON pointer, a line; never content."""

    gateway: str
    agent: str
    store: StoreKind | None
    reason: ProblemReason
    place: str
    fatal: bool = False  # true: nothing of this source is known

    @classmethod
    def at(cls, ref: StoreRef, reason: ProblemReason, place: str = "", *, fatal: bool = False) -> Problem:
        """Build a problem of the source `ref`; `place` inside the file is appended to its path."""
        return cls(ref.gateway, ref.agent, ref.store, reason, f"{ref.path}: {place}" if place else ref.path, fatal)


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """What a parser made of some bytes: a value (None when a fatal problem left nothing) and every problem met."""

    value: T | None
    problems: tuple[Problem, ...] = ()


class ExpiryKind(StrEnum):
    """How a stored `expires` reads."""

    ABSENT = "absent"
    INVALID = "invalid"
    DATED = "dated"


@dataclass(frozen=True, slots=True)
class Expiry:
    """A stored expiry as the gateways see it; `ms` is Unix milliseconds, only with kind DATED."""

    kind: ExpiryKind = ExpiryKind.ABSENT
    ms: float | None = None

    @property
    def at(self) -> datetime | None:
        """The instant, cut to the last second of the year 9999."""
        if self.ms is None:
            return None
        return datetime.fromtimestamp(min(self.ms, _LAST_INSTANT_MS) / 1000, UTC)

    @property
    def looks_like_seconds(self) -> bool:
        """True for a date before March 1973: judged as written, never shown as a date."""
        return self.ms is not None and self.ms < _SUSPECTED_SECONDS_BELOW_MS


class RefSource(StrEnum):
    """Where a SecretRef points."""

    ENV = "env"
    FILE = "file"
    EXEC = "exec"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A reference to a secret kept elsewhere."""

    source: RefSource
    provider: str
    id: str


class RefState(StrEnum):
    """What is known of a SecretRef."""

    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    UNCHECKED = "unchecked"  # exec not allowed, or the gateway's environment is unseen


@dataclass(frozen=True, slots=True)
class Resolution:
    """The result of looking a SecretRef up; `code` is the gateways' error code, `secret` only when resolved."""

    state: RefState
    code: str = ""
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Fence:
    """A refresh in progress (or failed) that replaced the tokens of an OAuth credential by markers."""

    failed: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """One stored credential. `secret` is the key, token or access token; blank ones are None."""

    kind: CredentialKind
    secret: Secret | None = None
    refresh: Secret | None = None  # OAuth refresh grant
    secret_ref: SecretRef | None = None
    expiry: Expiry = field(default_factory=Expiry)
    fence: Fence | None = None
    setup: bool = False  # an inactive replacement waiting for activation
    sidecar: bool = False  # OAuth material kept in an encrypted file beside the store (oauthRef)
    forbidden_refs: tuple[str, ...] = ()  # fields of an OAuth credential that hold a SecretRef
    # Not secret: accountId, projectId, enterpriseUrl, resourceUrl, plan names, metadata.*
    attributes: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    @property
    def refreshable(self) -> bool:
        """True when an OAuth refresh grant is stored."""
        return self.kind is CredentialKind.OAUTH and self.refresh is not None


@dataclass(frozen=True, slots=True)
class Profile:
    """One credential with an id; `provider` is spelled as stored."""

    id: str
    provider: str
    credential: Credential
    source: Source
    store: StoreKind | None = None
    email: str | None = None
    modified_at: datetime | None = None  # of the file, for a CLI login


@dataclass(frozen=True, slots=True)
class Usage:
    """The gateway's bookkeeping for one profile id. Absent and non-numeric values are None."""

    last_used_at: datetime | None = None
    last_failure_at: datetime | None = None
    last_probe_at: datetime | None = None
    error_count: int | None = None
    failure_counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    cooldown_until: datetime | None = None
    cooldown_reason: str | None = None
    cooldown_model: str | None = None
    cooldown_classification: str | None = None
    disabled_until: datetime | None = None
    disabled_reason: str | None = None
    blocked_until: datetime | None = None
    blocked_reason: str | None = None
    blocked_source: str | None = None
    blocked_model: str | None = None


@dataclass(frozen=True, slots=True)
class AuthState:
    """Order, last good profile and usage of one store. Keys of `order` are spelled as stored."""

    order: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    last_good: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    usage: Mapping[str, Usage] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class AuthDocument:
    """Profiles and state of one store, whatever file carried them."""

    profiles: Mapping[str, Profile] = field(default_factory=lambda: MappingProxyType({}))
    state: AuthState = field(default_factory=AuthState)
    updated_at: datetime | None = None  # the store's own row time, else the file's modification time


@dataclass(frozen=True, slots=True)
class ConfiguredProfile:
    """An entry of `auth.profiles` in the gateway's configuration."""

    provider: str
    mode: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Model references as configured; None means not configured here (inherit), an empty string or tuple means none."""

    primary: str | None = None
    fallbacks: tuple[str, ...] | None = None
    image_primary: str | None = None
    image_fallbacks: tuple[str, ...] | None = None
    utility: str | None = None


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """One configured agent. `auth` is RemoteClaw's choice: None not set, () no injection, else profile ids."""

    id: str
    default: bool = False
    agent_dir: str | None = None
    models: ModelChoice = field(default_factory=ModelChoice)
    auth: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """One entry of `models.providers` or of an agent's models.json. `headers` may carry keys."""

    provider: str
    base_url: str | None = None
    api: str | None = None
    auth: str | None = None
    api_key: Secret | None = None
    secret_ref: SecretRef | None = None
    headers: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretProvider:
    """One entry of `secrets.providers`; only the options of its own source are used."""

    source: RefSource
    allowlist: tuple[str, ...] | None = None  # env: None any name, () none
    path: str = ""  # file
    single_value: bool = False  # file: the whole file is the value
    max_bytes: int = 1 << 20  # file
    allow_insecure_path: bool = False  # file, exec; honoured before 8.x
    command: str = ""  # exec
    args: tuple[str, ...] = ()
    trusted_dirs: tuple[str, ...] = ()
    pass_env: tuple[str, ...] = ()
    env: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    timeout_ms: int = 5000
    no_output_timeout_ms: int | None = None
    max_output_bytes: int = 1 << 20
    json_only: bool = True
    plugin: bool = False  # a plug-in resolves it: nothing outside the gateway can


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What the gateway's configuration file says; a missing file is an empty one with `present` false."""

    present: bool = False
    profiles: Mapping[str, ConfiguredProfile] = field(default_factory=lambda: MappingProxyType({}))
    order: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    defaults: ModelChoice = field(default_factory=ModelChoice)
    aliases: Mapping[str, str] = field(default_factory=lambda: EMPTY)  # model alias -> model reference
    agents: tuple[AgentConfig, ...] = ()
    providers: Mapping[str, ProviderConfig] = field(default_factory=lambda: MappingProxyType({}))
    env: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    shell_env: bool = False
    secret_providers: Mapping[str, SecretProvider] = field(default_factory=lambda: MappingProxyType({}))
    secret_defaults: Mapping[str, str] = field(default_factory=lambda: EMPTY)  # ref source -> provider alias
    cooldowns: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    version: str | None = None  # the release that last wrote the file
    port: int | None = None  # the gateway's own port
    session_store: str = ""  # where sessions are kept, as configured: a path, in which {agentId} may stand


class EnvPlace(StrEnum):
    """Where an environment variable of a gateway can come from."""

    PROCESS = "process"  # the running gateway
    UNIT = "unit"  # systemd unit, its drop-ins, and the files it names
    SERVICE_ENV = "service-env"  # environment files the gateway generates for its service
    STATE_DOTENV = "state-dotenv"
    GATEWAY_ENV = "gateway-env"
    CONFIG = "config"
    LOGIN_SHELL = "login-shell"
    OWN = "own"  # this process
    SETTINGS = "settings"  # an env_file named in our settings


@dataclass(frozen=True, slots=True)
class EnvLayer:
    """The variables of one place; `counts` is false when it is listed but proves nothing about the gateway."""

    place: EnvPlace
    variables: Mapping[str, Secret]
    store: StoreKind | None = None
    path: str = ""
    counts: bool = True
    modified_at: datetime | None = None  # of its file


@dataclass(frozen=True, slots=True)
class Environment:
    """A gateway's environment: layers by falling precedence, and whether what its service sees is known."""

    seen: bool
    why: str  # one phrase for people
    layers: tuple[EnvLayer, ...] = ()
    asides: tuple[EnvLayer, ...] = ()  # what a person's shell here has: to compare with, never the gateway's


@dataclass(frozen=True, slots=True)
class SourceState:
    """How the last try to read one place went."""

    ref: StoreRef
    up: bool
    modified_at: datetime | None = None
    read_at: datetime | None = None  # last success
    stale_since: datetime | None = None  # set while the values in use are older than the last try
    insecure: bool = False  # wider than 0600 (file) or 0700 (directory)


@dataclass(frozen=True, slots=True)
class AgentReading:
    """What was read for one agent. `local` is None when its store is down and nothing older is known."""

    agent: str
    configured: bool  # false: a directory or database without a configured agent (orphan)
    default: bool
    agent_dir: str
    local: AuthDocument | None
    providers: Mapping[str, ProviderConfig] = field(default_factory=lambda: MappingProxyType({}))  # its models.json
    stale_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GatewayReading:
    """Everything read of one gateway. `config` is None when the configuration cannot be read: unknown, not empty."""

    gateway: str
    family: Family
    state_dir: str
    era: Era
    config: GatewayConfig | None
    environment: Environment
    agents: tuple[AgentReading, ...]
    shared: AuthDocument | None = None  # the store all agents read through (shared-db, global-json)
    shared_down: bool = False  # such a store exists, cannot be read, and nothing older is known
    shared_stale_since: datetime | None = None
    config_path: str = ""
    user: str | None = None  # set for other users' homes
    cli_logins: tuple[Profile, ...] = ()
    static_profiles: tuple[Profile, ...] = ()
    resolutions: Mapping[SecretRef, Resolution] = field(default_factory=lambda: MappingProxyType({}))
    sources: tuple[SourceState, ...] = ()
    problems: tuple[Problem, ...] = ()
    host: HostFacts = field(default_factory=HostFacts)
    traces: Traces = field(default_factory=Traces)


@dataclass(frozen=True, slots=True)
class Reading:
    """One pass over everything. `searched` tells people where gateways were looked for."""

    at: datetime
    gateways: tuple[GatewayReading, ...] = ()
    searched: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()  # those of no gateway
