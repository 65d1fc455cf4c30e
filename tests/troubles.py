"""Every trouble of the catalogue as a small world: how it looks when it is there, and when it is repaired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from exporter.findings.context import Fault, Ourselves, Thresholds
from exporter.judging.history import Subject
from exporter.model import (
    ConfiguredProfile,
    Credential,
    CredentialKind,
    Environment,
    Expiry,
    ExpiryKind,
    Fence,
    GatewayReading,
    Problem,
    ProblemReason,
    RefSource,
    RefState,
    Resolution,
    SecretRef,
    SourceState,
    StoreKind,
    StoreRef,
    Usage,
)
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota
from exporter.verdict import DriftFact
from tests.builders import HOUR, NOW, agent, at, config, document, gateway, key, oauth, profile, token
from tests.virtual import World, outcome, subject

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SPARE = profile("anthropic:spare", key("sk-spare-0123456789"))


@dataclass(frozen=True)
class Scene:
    """What there is to see."""

    gateways: tuple[GatewayReading, ...] = ()
    outcomes: Mapping[Subject, Outcome] = field(default_factory=dict)
    drift: tuple[DriftFact, ...] = ()
    ourselves: Ourselves = field(default_factory=Ourselves)
    clock_held: str = ""

    def show(self, world: World, span: timedelta = 10 * MINUTE) -> None:
        world.ourselves, world.clock_held = self.ourselves, self.clock_held
        world.settle(*self.gateways, outcomes=self.outcomes, drift=self.drift, span=span)


@dataclass(frozen=True)
class Trouble:
    """One condition: what makes it true, what ends it, and what else is told with it."""

    name: str
    sick: Scene
    well: Scene
    before: Scene | None = None  # seen a minute before, where it takes a past
    with_it: frozenset[str] = frozenset()
    thresholds: Thresholds = field(default_factory=Thresholds)
    later: timedelta = timedelta()  # how long after `before`


def store(*profiles: object, usage: Mapping[str, Usage] | None = None, **changes: object) -> GatewayReading:
    """One gateway with one agent and a spare key, so that nothing goes down."""
    return gateway(agent(local=document(*profiles, SPARE, usage=usage)), **changes)  # type: ignore[arg-type]


def probed(credential: Credential, result: Outcome, profile_id: str = "anthropic:a") -> Scene:
    return Scene((store(profile(profile_id, credential)),), {subject(profile_id): result})


def ago(span: timedelta) -> datetime:
    return NOW - span


OLD, NEW = token(at(-HOUR), "tok-old-0123456789"), token(at(400 * DAY), "tok-new-0123456789")
KEY = key("sk-key-0123456789")
LOGIN = oauth(at(-HOUR), "access-old", "refresh-old")
FRESH_LOGIN = oauth(at(8 * HOUR), "access-new", "refresh-new")
WELL = Scene((store(profile("anthropic:a", key("sk-other-0123456789"))),))
OK = {subject("anthropic:a"): outcome(KEY, ProbeStatus.OK, at=NOW + 5 * MINUTE)}


def _with(usage: Usage, *, credential: Credential = KEY) -> GatewayReading:
    return store(profile("anthropic:a", credential), usage={"anthropic:a": usage})


def _source(kind: StoreKind, *, up: bool = True, insecure: bool = False) -> SourceState:
    return SourceState(StoreRef("openclaw", "main", kind, "/home/someone/.openclaw/secret-path"), up, insecure=insecure)


def _unreadable() -> Scene:
    problem = Problem(
        "openclaw", "main", StoreKind.AUTH_PROFILES, ProblemReason.INVALID_SYNTAX, "/home/someone/secret-path: line 3", fatal=True
    )
    down = gateway(agent(known=False), sources=(_source(StoreKind.AUTH_PROFILES, up=False),), problems=(problem,))
    return Scene((down,))


def _drift(name: str, kind: str, why: str, *, profile_id: str = "anthropic:a", agent_name: str = "main") -> Scene:
    provider = "anthropic" if profile_id or kind == "env" else ""
    fact = DriftFact("openclaw", kind, why, agent_name, provider, profile_id, ago(20 * MINUTE), name)
    return Scene((store(profile("anthropic:a", LOGIN)),), drift=(fact,))


DRIFTED_WELL = Scene((store(profile("anthropic:a", LOGIN)),))
REF = SecretRef(RefSource.ENV, "default", "ANTHROPIC_TEAM_KEY")
_REFERRED = Credential(CredentialKind.API_KEY, secret_ref=REF)
_NAMED = config(profiles={"anthropic:a": ConfiguredProfile("anthropic", "api_key")})

TROUBLES = (
    Trouble(
        "ProviderDown",
        Scene((gateway(agent(local=document(profile("anthropic:a", OLD)))),)),
        Scene((gateway(agent(local=document(profile("anthropic:a", NEW)))),)),
        with_it=frozenset({"Expired"}),
    ),
    Trouble(
        "RedundancyLost",
        Scene((store(profile("anthropic:a", OLD)),)),
        Scene((store(profile("anthropic:a", NEW)),)),
        with_it=frozenset({"Expired"}),
    ),
    Trouble(
        "Expired",
        Scene((gateway(agent(local=document(profile("anthropic:a", OLD), SPARE, profile("anthropic:c", key("sk-c-0123456789"))))),)),
        Scene((gateway(agent(local=document(profile("anthropic:a", NEW), SPARE, profile("anthropic:c", key("sk-c-0123456789"))))),)),
    ),
    Trouble(
        "Expiring",
        Scene((store(profile("anthropic:a", token(at(20 * DAY + 47 * HOUR)))),)),
        Scene((store(profile("anthropic:a", NEW)),)),
        before=Scene((store(profile("anthropic:a", token(at(20 * DAY + 47 * HOUR)))),)),
        later=20 * DAY,
    ),
    Trouble(
        "RenewalUnproven",
        Scene((store(profile("anthropic:a", oauth(at(-7 * DAY))), usage={"anthropic:a": Usage(last_used_at=ago(8 * DAY))}),)),
        Scene((store(profile("anthropic:a", FRESH_LOGIN)),)),
    ),
    Trouble(
        "RefreshOverdue",
        Scene((_with(Usage(ago(9 * HOUR), ago(5 * MINUTE), failure_counts={"auth": 1}), credential=LOGIN),)),
        Scene((_with(Usage(NOW + 12 * MINUTE, ago(5 * MINUTE)), credential=FRESH_LOGIN),)),
    ),
    Trouble(
        "RefreshOrphaned",
        Scene((store(profile("anthropic:a", replace(LOGIN, secret=None, refresh=None, fence=Fence(failed=False)))),)),
        Scene((store(profile("anthropic:a", FRESH_LOGIN)),)),
        with_it=frozenset({"RedundancyLost"}),
    ),
    Trouble(
        "RefreshFailed",
        Scene((store(profile("anthropic:a", replace(LOGIN, secret=None, refresh=None, fence=Fence(failed=True)))),)),
        Scene((store(profile("anthropic:a", FRESH_LOGIN)),)),
        with_it=frozenset({"RedundancyLost"}),
    ),
    Trouble(
        "Rejected",
        probed(NEW, outcome(NEW, ProbeStatus.AUTH, "revoked", status=401, words="This token has been *revoked* by its owner")),
        probed(KEY, outcome(KEY, ProbeStatus.OK)),
        with_it=frozenset({"RedundancyLost"}),
    ),
    Trouble(
        "BillingDisabled",
        Scene((_with(Usage(disabled_until=NOW + 5 * HOUR, disabled_reason="billing", last_failure_at=ago(MINUTE))),)),
        Scene((_with(Usage(last_used_at=NOW + 12 * MINUTE, last_failure_at=ago(MINUTE))),)),
        with_it=frozenset({"RedundancyLost"}),
    ),
    Trouble(
        "CreditLow",
        probed(KEY, outcome(KEY, ProbeStatus.OK, balances=(Balance("USD", 3.25),))),
        probed(KEY, outcome(KEY, ProbeStatus.OK, balances=(Balance("USD", 103.25),))),
        thresholds=Thresholds(credit={"anthropic": 5}),
    ),
    Trouble(
        "QuotaNearLimit",
        probed(KEY, outcome(KEY, ProbeStatus.OK, quotas=(Quota("7d", 0.91, NOW + 2 * DAY), Quota("5h", 0.2)))),
        probed(KEY, outcome(KEY, ProbeStatus.OK, quotas=(Quota("7d", 0.01),))),
    ),
    Trouble(
        "QuotaExhausted",
        Scene((_with(Usage(blocked_until=NOW + 3 * HOUR, blocked_reason="subscription_limit", last_failure_at=ago(MINUTE))),)),
        Scene((_with(Usage(last_used_at=NOW + 12 * MINUTE, last_failure_at=ago(MINUTE))),)),
        with_it=frozenset({"RedundancyLost"}),
    ),
    Trouble(
        "CooldownLong",
        Scene(
            (
                _with(
                    Usage(
                        cooldown_until=NOW + 3 * HOUR,
                        cooldown_reason="timeout",
                        cooldown_model="claude-haiku-4-5",
                        last_failure_at=ago(MINUTE),
                    )
                ),
            )
        ),
        Scene((_with(Usage(last_used_at=NOW + 12 * MINUTE, last_failure_at=ago(MINUTE))),)),
    ),
    Trouble(
        "CooldownContradicted",
        Scene((_with(Usage(cooldown_until=NOW + 40 * MINUTE, cooldown_reason="auth", last_failure_at=ago(MINUTE))),), OK),
        Scene((_with(Usage(last_used_at=NOW + 12 * MINUTE, last_failure_at=ago(MINUTE))),), OK),
    ),
    Trouble(
        "ReasonMismatch",
        Scene(
            (_with(Usage(cooldown_until=NOW + 40 * MINUTE, cooldown_reason="rate_limit", last_failure_at=ago(MINUTE))),),
            {subject("anthropic:a"): outcome(KEY, ProbeStatus.MODEL_NOT_FOUND)},
        ),
        Scene((_with(Usage(last_used_at=NOW + 12 * MINUTE, last_failure_at=ago(MINUTE))),), OK),
    ),
    Trouble(
        "ExpiryUnknownOld",
        Scene((store(profile("anthropic:a", token(secret="tok-setup-0123456789"))),)),
        Scene((store(profile("anthropic:a", NEW)),)),
        before=Scene((store(profile("anthropic:a", token(secret="tok-setup-0123456789"))),)),
        later=331 * DAY,
    ),
    Trouble(
        "InvalidExpiry",
        Scene((store(profile("anthropic:a", token(Expiry(ExpiryKind.DATED, NOW.timestamp() + 86400)))),)),
        Scene((store(profile("anthropic:a", NEW)),)),
        with_it=frozenset({"RedundancyLost"}),
    ),
    Trouble("MissingCredential", Scene((store(profile("anthropic:a", key(None))),)), WELL),
    Trouble(
        "SecretRefUnresolved",
        Scene((store(profile("anthropic:a", _REFERRED), resolutions={REF: Resolution(RefState.UNRESOLVED, "missing")}),)),
        WELL,
        with_it=frozenset({"RedundancyLost"}),
    ),
    Trouble(
        "ProfileVanished",
        Scene((store(config=_NAMED),)),
        Scene((store(profile("anthropic:a", KEY), config=_NAMED),)),
        before=Scene((store(profile("anthropic:a", KEY), config=_NAMED),)),
        later=HOUR,
    ),
    Trouble("OrderNamesGhost", Scene((store(config=_NAMED),)), Scene((store(profile("anthropic:a", KEY), config=_NAMED),))),
    Trouble(
        "ProfileMismatch",
        Scene((store(profile("anthropic:a", KEY), config=config(profiles={"anthropic:a": ConfiguredProfile("openai", "api_key")})),)),
        WELL,
    ),
    Trouble("StoreUnreadable", _unreadable(), Scene((store(profile("anthropic:a", KEY), sources=(_source(StoreKind.AUTH_PROFILES),)),))),
    Trouble(
        "StoreSplit",
        Scene(
            (
                store(
                    profile("anthropic:a", KEY),
                    problems=(Problem("openclaw", "main", StoreKind.AGENT_DB, ProblemReason.MIGRATION_REQUIRED, "/p"),),
                ),
            )
        ),
        WELL,
    ),
    Trouble(
        "EnvironmentUnseen",
        Scene(
            (
                store(
                    profile("anthropic:a", KEY),
                    config=config("anthropic/claude-sonnet-4-5", "openai/gpt-5.2"),
                    environment=Environment(seen=False, why="/proc/4711/environ: permission denied"),
                ),
            )
        ),
        WELL,
    ),
    Trouble(
        "InsecurePermissions",
        Scene((store(profile("anthropic:a", KEY), sources=(_source(StoreKind.AUTH_PROFILES, insecure=True),)),)),
        WELL,
    ),
    Trouble("AgentDrift", _drift("AgentDrift", "agent", "agents main and work hold different copies of it"), DRIFTED_WELL),
    Trouble(
        "EnvDrift",
        _drift("EnvDrift", "env", "ANTHROPIC_API_KEY of the service is not the one of the login shell", profile_id=""),
        DRIFTED_WELL,
    ),
    Trouble("CliSyncStale", _drift("CliSyncStale", "cli", "claude-code has a newer login than the gateway"), DRIFTED_WELL),
    Trouble(
        "LockStuck", _drift("LockStuck", "lock", "the refresh lock is held by process 4711, which is gone", profile_id=""), DRIFTED_WELL
    ),
    Trouble("GatewayStale", _drift("GatewayStale", "gateway", "a new login was stored, requests fail with the old one"), DRIFTED_WELL),
    Trouble("SessionPinLost", _drift("SessionPinLost", "session", "3 sessions are tied to it"), DRIFTED_WELL),
    Trouble(
        "AgentDirMismatch",
        _drift("AgentDirMismatch", "agent-dir", "the configured folder does not exist, another one does", profile_id=""),
        DRIFTED_WELL,
    ),
    Trouble(
        "SourceLocked", _drift("SourceLocked", "keychain", "the keychain is locked for the service's session", profile_id=""), DRIFTED_WELL
    ),
    Trouble("ClockSkew", Scene(WELL.gateways, ourselves=Ourselves(clock_offset_seconds=-95.0)), WELL),
    Trouble("ProbesStale", Scene(WELL.gateways, ourselves=Ourselves(probes_stale_since=ago(2 * HOUR))), WELL),
    Trouble(
        "DeliveryFailing",
        Scene(WELL.gateways, ourselves=Ourselves(channels=(Fault("phone", ago(2 * HOUR), "timed out"),))),
        WELL,
    ),
    Trouble("JobFailing", Scene(WELL.gateways, ourselves=Ourselves(jobs=(Fault("pass", ago(HOUR), "ValueError in reader"),))), WELL),
)
