"""Pure. Conditions of two places that should say the same; whoever compares them hands in facts, by salted fingerprints only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from exporter.finding import Evidence, FindingScope, Fix, Severity
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import ours, phone, sentence
from exporter.findings.view import View
from exporter.model import Family
from exporter.remedies import binary, renewal
from exporter.verdict import DriftFact, Eligibility, GatewayVerdict, ProfileVerdict

_SETTLE = timedelta(minutes=1)
_STRAY, _VANISHED = "AgentDirMismatch", "ProfileVanished"


class _Repair(StrEnum):
    """Whose command repairs it; else ours shows where to look."""

    OURS = "ours"
    RESTART = "restart"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of drift reads, and how it is repaired."""

    what: str
    advice: str
    repair: _Repair = _Repair.OURS


_KINDS = {
    "EnvDrift": _Kind(
        "has keys that disagree",
        "Bring the key to where the service reads it, then restart the gateway.",
        _Repair.RESTART,
    ),
    "AgentDrift": _Kind("differs between agents", "Store it again for the agent that is behind.", _Repair.LOGIN),
    "CliSyncStale": _Kind("is behind the CLI's own login", "Log in again in the gateway, or let it sync.", _Repair.LOGIN),
    "StoreSplit": _Kind("keeps two stores that disagree", "Let the gateway finish its migration, then look again."),
    "LockStuck": _Kind(
        "has a lock whose owner is gone", "Make sure that the process is gone, then remove the lock; doctor prints the command."
    ),
    "GatewayStale": _Kind("still uses the old login", "Restart the gateway.", _Repair.RESTART),
    "SessionPinLost": _Kind("does not work, and sessions are tied to it", "Choose another profile in those sessions."),
    _STRAY: _Kind(
        "has an agent folder that does not match its configuration",
        "Correct the folder in the configuration, or bring over what lies in the other one; doctor names both.",
    ),
    "SourceLocked": _Kind("cannot read its keychain", "Unlock it for the service's session, or store the login in a file."),
    _VANISHED: _Kind("is gone from its store", "Restore the store from a backup, or store the credential again.", _Repair.LOGIN),
}


def of(name: str) -> Callable[[View], Iterator[Draft]]:
    """Return the look of one kind of drift."""

    def look(view: View) -> Iterator[Draft]:
        facts = [fact for fact in view.snapshot.drift if fact.name == name]
        gateways = {gateway.gateway: gateway for gateway in view.snapshot.gateways} if facts else {}
        for fact in facts:
            gateway = gateways.get(fact.gateway)
            if gateway is None or not _said_already(fact, gateway):
                yield _draft(fact, _KINDS[name], view, gateway)

    return look


def is_lost(profile: ProfileVerdict, view: View) -> bool:
    """Tell whether a profile of this name is known to have been in use."""
    lost = (profile.gateway, profile.profile)
    return any(fact.name == _VANISHED and (fact.gateway, fact.profile) == lost for fact in view.snapshot.drift)


def _said_already(fact: DriftFact, gateway: GatewayVerdict) -> bool:
    """Tell whether another finding names the cause: that nobody uses this agent's folder, or that a name leads to nothing."""
    if fact.name == _VANISHED:
        missing = Eligibility.PROFILE_MISSING
        return any(
            p.profile == fact.profile and p.reason is missing for agent in gateway.agents if agent.configured for p in agent.profiles
        )
    return fact.name != _STRAY and any(agent.agent == fact.agent and not agent.configured for agent in gateway.agents)


def _draft(fact: DriftFact, kind: _Kind, view: View, gateway: GatewayVerdict | None) -> Draft:
    agent = "" if fact.name == _VANISHED else fact.agent  # one profile, whoever remembers having used it
    return Draft(
        key="/".join(part for part in (fact.gateway, fact.provider, fact.profile, agent, fact.kind) if part),
        what=kind.what + (": since" if fact.since else ""),
        fix=_fix(fact, kind, view, gateway),
        why=(sentence(fact.why),),
        when=fact.since,
        since=fact.since,
        gateway=fact.gateway,
        agents=(fact.agent,) if fact.agent else (),
        provider=fact.provider,
        profile=fact.profile,
        detail=fact.kind,
        evidence=Evidence.DRIFT,
    )


def _fix(fact: DriftFact, kind: _Kind, view: View, gateway: GatewayVerdict | None) -> Fix:
    if fact.commands and not any("/" in command for command in fact.commands):  # paths stay on their machine
        return Fix(kind.advice, "\n".join(fact.commands), phone(view, fact.commands))
    if gateway is not None and kind.repair is _Repair.RESTART and gateway.family is not Family.STATIC:
        command = f"{binary(gateway)} gateway restart"
        return Fix(kind.advice, command, phone(view, (command,)))
    profile = _profile(fact, gateway) if gateway is not None and kind.repair is _Repair.LOGIN else None
    if gateway is not None and profile is not None and (commands := renewal(profile, gateway).commands):
        return Fix(kind.advice, "\n".join(commands), phone(view, commands, profile))
    return ours(view, kind.advice, "doctor")


def _profile(fact: DriftFact, gateway: GatewayVerdict) -> ProfileVerdict | None:
    found = [p for agent in gateway.agents for p in agent.profiles if p.profile == fact.profile and fact.agent in ("", agent.agent)]
    return found[0] if found else None


def _condition(name: str, summary: str, scope: FindingScope = FindingScope.PROFILE) -> Condition:
    return Condition(name, Severity.WARNING, scope, summary, of(name), hold=_SETTLE, resolve_hold=_SETTLE, evidence=Evidence.DRIFT)


CONDITIONS = (
    _condition("AgentDrift", "Agents hold different copies of one login."),
    _condition("EnvDrift", "The service and the shell see different keys.", FindingScope.PROVIDER),
    _condition("CliSyncStale", "A CLI has a newer login than the gateway."),
    _condition("LockStuck", "A lock is held by a process that is gone.", FindingScope.GATEWAY),
    _condition("GatewayStale", "The gateway has not picked up a new login."),
    _condition("SessionPinLost", "Sessions are tied to a profile that does not work."),
    _condition(_STRAY, "An agent's folder is not the configured one.", FindingScope.AGENT),
    _condition("SourceLocked", "A keychain cannot be read by the service.", FindingScope.SOURCE),
)
