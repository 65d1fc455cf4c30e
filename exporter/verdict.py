"""Pure. The nouns of a judgement: what follows from a reading at one instant. No secret is reachable from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from exporter.model import CredentialKind, EnvPlace, Family, Problem, Source, SourceState, StoreKind
from exporter.outcome import Outcome, ProbeStatus
from exporter.traces import HostFacts, Traces


class Health(StrEnum):
    """The expiry verdict; five words of the gateways and `renewing`."""

    OK = "ok"
    RENEWING = "renewing"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    MISSING = "missing"
    STATIC = "static"


class Eligibility(StrEnum):
    """May the gateway use the credential at all: `ok`, or the reason code why not."""

    OK = "ok"
    SETUP_INACTIVE = "setup_inactive"
    MALFORMED_API_KEY = "malformed_api_key"
    MISSING_CREDENTIAL = "missing_credential"
    INVALID_EXPIRES = "invalid_expires"
    EXPIRED = "expired"
    UNRESOLVED_REF = "unresolved_ref"
    PROFILE_MISSING = "profile_missing"
    PROVIDER_MISMATCH = "provider_mismatch"
    MODE_MISMATCH = "mode_mismatch"
    OAUTH_SECRET_REF_REJECTED = "oauth_secret_ref_rejected"


class RefreshState(StrEnum):
    """Where an OAuth refresh grant stands; `none` for everything that does not renew itself."""

    NONE = "none"
    IDLE = "idle"
    IN_PROGRESS = "in_progress"
    OVERDUE = "overdue"
    ORPHANED = "orphaned"
    FAILED = "failed"


class CooldownKind(StrEnum):
    """The gateway's three ways of parking a profile."""

    COOLDOWN = "cooldown"
    DISABLED = "disabled"
    BLOCKED = "blocked"


class CooldownScope(StrEnum):
    """What a window parks."""

    PROFILE = "profile"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Cooldown:
    """One active window. `model` is set exactly when the scope is a model."""

    kind: CooldownKind
    scope: CooldownScope
    until: datetime
    reason: str = ""
    model: str = ""
    classification: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision and the name of the rule that made it, in words a person can check."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class ProfileVerdict:
    """Everything concluded about one profile in one agent's view."""

    gateway: str
    agent: str
    provider: str  # normalised
    profile: str
    credential: CredentialKind | None  # None for a profile that is only named
    source: Source
    store: StoreKind | None
    health: Health
    health_rule: Ruling
    reason: Eligibility
    reason_rule: Ruling
    gateway_health: Health  # the newest release's word for the same bytes
    usable: bool
    usable_rule: Ruling
    expires_at: datetime | None = None  # absent: none, invalid, a fence's, or suspected seconds
    suspect_expiry: bool = False  # looks like seconds, or no date at all although one was written
    refreshable: bool = False
    refresh_state: RefreshState = RefreshState.NONE
    masked_failure: bool = False  # usage hints at a failure the gateway hid
    position: int | None = None  # 1-based place among the candidates of its provider; None: never tried
    why: str = ""  # why it has no place, or what it waits for
    cooldowns: tuple[Cooldown, ...] = ()
    parked_until: datetime | None = None
    last_used_at: datetime | None = None
    last_failure_at: datetime | None = None
    errors: int | None = None
    failures: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    auth_failing_since: datetime | None = None  # first authentication failure after the stored expiry
    fenced: bool = False  # a refresh marker stands in place of the tokens
    first_seen_at: datetime | None = None
    changed_at: datetime | None = None
    inherited_from: str | None = None  # "main" or "shared"
    stale_since: datetime | None = None
    email: str | None = None
    counts: bool = True  # false: listed only, never a candidate (unseen environment, CLI login of a gateway)
    renews: bool = False  # a lapsed date does not end it
    fingerprint: str = ""  # salted; equal for equal credentials on this host
    ref: str = ""  # "env:NAME" and the like when the credential is a SecretRef
    ref_state: str = ""  # resolved, unresolved, unchecked
    probe: Outcome | None = None

    @property
    def parked(self) -> bool:
        """True while a window keeps the gateway from using this profile for this agent."""
        return self.parked_until is not None

    @property
    def refused(self) -> bool:
        """True when the provider refuses this very credential, confirmed.

        An access token past its end is not the login: where a grant renews it, a refusal of that token alone counts for nothing.
        """
        return refuses(self.probe, self.fingerprint, self.health, self.expires_at, renews=self.renews)


def refuses(probe: Outcome | None, fingerprint: str, health: Health, expires_at: datetime | None, *, renews: bool) -> bool:
    """Tell whether `probe` refuses the credential of this fingerprint; see `ProfileVerdict.refused`."""
    if probe is None or not probe.refused or probe.fingerprint != fingerprint:
        return False
    if not renews or health is Health.OK or probe.outcome is not ProbeStatus.AUTH:
        return True
    lapsed = expires_at is None or (probe.at is not None and probe.at >= expires_at)
    return not (lapsed or probe.detail == "expired")


@dataclass(frozen=True, slots=True)
class ProviderVerdict:
    """The roll-up of one provider in one agent's view. Unknown counts are None."""

    gateway: str
    agent: str
    provider: str
    in_use: bool
    health: Health
    health_rule: Ruling
    configured: int
    usable: int | None  # None: the service's environment is unseen and nothing visible is usable
    next: str | None
    candidates: tuple[str, ...] = ()
    dark_at: datetime | None = None  # since when, or from when, nothing is usable
    recovers_at: datetime | None = None
    models: tuple[str, ...] = ()  # models of this provider in use


@dataclass(frozen=True, slots=True)
class AgentVerdict:
    """One agent's view; `until` is when any word in it may change by time alone (None: never)."""

    gateway: str
    agent: str
    configured: bool
    known: bool  # false: its store is down and nothing older is known
    providers: tuple[ProviderVerdict, ...]
    profiles: tuple[ProfileVerdict, ...]
    until: datetime | None = None
    stale_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DriftFact:
    """Two places that should say the same and do not; compared by salted fingerprints, never by value."""

    gateway: str
    kind: str  # the `kind` label: env, agent, cli, store, session, gateway, lock, …
    why: str
    agent: str = ""
    provider: str = ""
    profile: str = ""
    since: datetime | None = None
    name: str = ""  # the finding it belongs to, where the kind alone does not say
    places: tuple[str, ...] = ()  # paths, for people on this machine only
    commands: tuple[str, ...] = ()  # what puts it right here; may name paths


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """One provider key in one place a gateway's environment can come from."""

    provider: str
    variable: str
    place: EnvPlace
    path: str
    fingerprint: str  # salted, short; "" without a salt
    in_force: bool  # the service uses this very value from here
    position: int  # the place's precedence, 1 first; 0: not part of the service's environment


@dataclass(frozen=True, slots=True)
class GatewayVerdict:
    """One gateway. `config_known` false means its configuration could not be read."""

    gateway: str
    family: Family
    state_dir: str
    era: str
    environment_seen: bool
    environment_why: str
    config_known: bool
    agents: tuple[AgentVerdict, ...]
    sources: tuple[SourceState, ...] = ()
    problems: tuple[Problem, ...] = ()
    version: str | None = None
    host: HostFacts = field(default_factory=HostFacts)
    traces: Traces = field(default_factory=Traces)
    keys: tuple[KeyPlace, ...] = ()
    drift: tuple[DriftFact, ...] = ()
    drift_until: datetime | None = None  # when any of it may change by time alone


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything concluded from one reading at one instant."""

    at: datetime
    gateways: tuple[GatewayVerdict, ...] = ()
    searched: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    until: datetime | None = None  # earliest instant at which any word may change by time alone
    drift: tuple[DriftFact, ...] = ()
    clock_held: str = ""  # why expiry verdicts are held back, when the clock cannot be right

    def all_problems(self) -> tuple[Problem, ...]:
        """Every problem, those of no gateway first."""
        return self.problems + tuple(p for gateway in self.gateways for p in gateway.problems)

    def all_profiles(self) -> tuple[ProfileVerdict, ...]:
        """Every profile verdict, in order of gateway and agent."""
        return tuple(p for gateway in self.gateways for agent in gateway.agents for p in agent.profiles)
