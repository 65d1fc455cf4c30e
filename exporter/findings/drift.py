"""Pure. Conditions of two places that should say the same; whoever compares them hands in facts, by salted fingerprints only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from exporter.finding import Evidence, FindingScope, Fix, Severity
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import ours, phone, sentence
from exporter.findings.view import View
from exporter.model import Family
from exporter.remedies import binary, remedy
from exporter.verdict import DriftFact, GatewayVerdict, ProfileVerdict

_SETTLE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of drift: how it reads, and whose command repairs it ("login", "restart" or ours)."""

    kinds: tuple[str, ...]
    what: str
    advice: str
    repair: str = ""


_KINDS = {
    "EnvDrift": Kind(
        ("env",), "sees another key than the shell", "Bring the key to where the service reads it, then restart the gateway.", "restart"
    ),
    "AgentDrift": Kind(("agent",), "differs between agents", "Log in again for the agent that is behind.", "login"),
    "CliSyncStale": Kind(("cli",), "is behind the CLI's own login", "Log in again in the gateway, or let it sync.", "login"),
    "StoreSplit": Kind(("store",), "keeps two stores that disagree", "Let the gateway finish its migration, then look again."),
    "LockStuck": Kind(("lock",), "has a lock whose owner is gone", "Make sure that the process is gone, then remove the lock."),
    "GatewayStale": Kind(("gateway",), "still uses the old login", "Restart the gateway.", "restart"),
    "SessionPinLost": Kind(("session",), "has sessions tied to a profile that does not work", "Choose another profile in those sessions."),
    "AgentDirMismatch": Kind(("agent-dir",), "reads another folder than configured", "Correct the agent's folder in the configuration."),
    "SourceLocked": Kind(("keychain",), "cannot read its keychain", "Unlock it for the service's session, or store the login in a file."),
    "ProfileVanished": Kind(("vanished",), "has lost profiles", "Restore the store from a backup, or log in again.", "login"),
}
_BY_KIND = {kind: name for name, entry in _KINDS.items() for kind in entry.kinds}


def of(name: str) -> Callable[[View], Iterator[Draft]]:
    """Return the look of one kind of drift."""

    def look(view: View) -> Iterator[Draft]:
        facts = [fact for fact in view.snapshot.drift if (fact.name or _BY_KIND.get(fact.kind)) == name]
        if facts:
            gateways = {gateway.gateway: gateway for gateway in view.snapshot.gateways}
            for fact in facts:
                yield _draft(fact, _KINDS[name], view, gateways.get(fact.gateway))

    return look


def _draft(fact: DriftFact, kind: Kind, view: View, gateway: GatewayVerdict | None) -> Draft:
    place = "/".join(part for part in (fact.gateway, fact.provider, fact.profile, fact.agent, fact.kind) if part)
    return Draft(
        key=place,
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


def _fix(fact: DriftFact, kind: Kind, view: View, gateway: GatewayVerdict | None) -> Fix:
    if gateway is None:
        return ours(view, kind.advice, "doctor")
    if kind.repair == "restart" and gateway.family is not Family.STATIC:
        command = f"{binary(gateway)} gateway restart"
        return Fix(kind.advice, command, phone(view, (command,)))
    profile = _profile(fact, gateway) if kind.repair == "login" else None
    commands = remedy(profile, gateway).commands if profile else ()
    return Fix(kind.advice, "\n".join(commands), phone(view, commands, profile)) if commands else ours(view, kind.advice, "doctor")


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
    _condition("AgentDirMismatch", "An agent's folder is not the configured one.", FindingScope.AGENT),
    _condition("SourceLocked", "A keychain cannot be read by the service.", FindingScope.SOURCE),
)
