"""Pure. Checks of gateways as programs and of their agents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from exporter.doctor.report import Check, Group, Level, Patient, Trouble
from exporter.model import Family, ProblemReason
from exporter.remedies import binary
from exporter.verdict import DriftFact, GatewayVerdict
from exporter.words import instant, listing

_RESTART: Final = frozenset({"EnvDrift", "GatewayStale"})
_DATABASES_SINCE: Final = (2026, 6, 5)
_SHARED_SINCE: Final = (2026, 8, 1)


def drift_troubles(patient: Patient, *names: str, level: Level = Level.WARNING) -> Iterator[Trouble]:
    """Turn the facts of one name into troubles, with the commands that end them."""
    gateways = {gateway.gateway: gateway for gateway in patient.gateways}
    for fact in patient.snapshot.drift:
        if fact.name in names:
            yield Trouble(level, _said(fact), _subject(fact), _commands(fact, gateways.get(fact.gateway)), fact.places)


def restart(gateway: GatewayVerdict) -> tuple[str, ...]:
    """Return the command that restarts a gateway's service."""
    return () if gateway.family is Family.STATIC else (f"{binary(gateway)} gateway restart",)


def _said(fact: DriftFact) -> str:
    about = fact.profile or fact.provider
    return f"{about}: {fact.why}" if about and about not in fact.why else fact.why


def _subject(fact: DriftFact) -> str:
    return "/".join(part for part in (fact.gateway, fact.agent) if part)


def _commands(fact: DriftFact, gateway: GatewayVerdict | None) -> tuple[str, ...]:
    return fact.commands or (restart(gateway) if gateway is not None and fact.name in _RESTART else ())


def _found(patient: Patient) -> Iterator[Trouble]:
    if not any(gateway.family is not Family.STATIC for gateway in patient.snapshot.gateways):
        looked = listing(patient.snapshot.searched) if patient.snapshot.searched else "nowhere"
        yield Trouble(Level.WARNING, f"no gateway was found; looked in {looked}", commands=("model-auth-exporter config init",))
    for problem in patient.snapshot.all_problems():
        if problem.reason is ProblemReason.NO_GATEWAY:
            yield Trouble(Level.CRITICAL, "a gateway that the settings name is not there", problem.gateway, paths=(problem.place,))


def _running(patient: Patient) -> Iterator[Trouble]:
    for gateway in patient.gateways:
        host = gateway.host
        if host.run is not None:
            continue
        if host.service and host.enabled:
            what = f"{host.service} starts by itself, but no process of this gateway runs"
            yield Trouble(Level.WARNING, what, gateway.gateway, restart(gateway))
        elif host.service:
            yield Trouble(Level.INFO, f"{host.service} is there, and does not run", gateway.gateway)
        elif gateway.environment_seen:
            yield Trouble(Level.INFO, "no service and no process of it on this host", gateway.gateway)
        else:
            yield Trouble(Level.UNKNOWN, gateway.environment_why, gateway.gateway)


def _port(patient: Patient) -> Iterator[Trouble]:
    for gateway in patient.gateways:
        host = gateway.host
        if host.run is not None and host.answers is False:
            what = f"process {host.run.pid} runs, but nothing answers on its port {host.port}"
            yield Trouble(Level.WARNING, what, gateway.gateway, restart(gateway))


def _release(patient: Patient) -> Iterator[Trouble]:
    for gateway in patient.gateways:
        if gateway.family is Family.STATIC:
            continue
        run = gateway.host.run
        running = run.version if run is not None else None
        since = f", running since {instant(run.started_at)}" if run is not None and run.started_at else ""
        if running and gateway.version and _numbers(gateway.version) > _numbers(running):
            what = f"its configuration was written by release {gateway.version}, the package of the running gateway is {running}{since}"
            yield Trouble(Level.WARNING, what, gateway.gateway, restart(gateway))
        else:
            said = running or gateway.version or "unknown"
            yield Trouble(Level.INFO, f"{gateway.family}, release {said}, stores of generation {gateway.era}{since}", gateway.gateway)


def _migration(patient: Patient) -> Iterator[Trouble]:
    """Name a release that no longer reads the stores it has, or would keep them elsewhere."""
    for gateway in patient.gateways:
        run = gateway.host.run
        release = (run.version if run is not None else None) or gateway.version
        if gateway.family is not Family.OPENCLAW or not release:
            continue
        command = (f"{binary(gateway)} doctor",)
        if gateway.era in ("json", "json-split") and _numbers(release) >= _DATABASES_SINCE:
            what = f"release {release} keeps credentials in a database, these are still in JSON files"
            yield Trouble(Level.WARNING, what, gateway.gateway, command)
        elif gateway.era == "agent-db" and _numbers(release) >= _SHARED_SINCE:
            what = f"release {release} keeps shared credentials in its state database, these are still in the main agent's"
            yield Trouble(Level.INFO, what, gateway.gateway, command)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,8}", version)[:3])


CHECKS: Final = (
    Check("gateways.found", Group.GATEWAYS, "gateways were found", "What is not found is not watched.", _found),
    Check("gateways.running", Group.GATEWAYS, "the gateways run", "A gateway that is down serves nobody.", _running),
    Check("gateways.port", Group.GATEWAYS, "running gateways answer on their port", "A process that does not answer serves nobody.", _port),
    Check("gateways.release", Group.GATEWAYS, "the release is known", "Releases judge the same credential differently.", _release),
    Check(
        "gateways.stale", Group.GATEWAYS, "gateways use the logins that are stored",
        "A gateway may go on with what it knew before a new login, and fail until it is restarted.",
        lambda patient: drift_troubles(patient, "GatewayStale"),
    ),
    Check(
        "gateways.migration", Group.GATEWAYS, "stores are those the release reads",
        "After an upgrade the gateway sees no credentials until its own doctor has moved them.", _migration,
    ),
    Check(
        "agents.copies", Group.AGENTS, "agents agree on the credentials they share",
        "An old copy fails for one agent only; a refresh token stored twice can be spent once.",
        lambda patient: drift_troubles(patient, "AgentDrift"),
    ),
    Check(
        "agents.folders", Group.AGENTS, "every agent's folder belongs to a configured agent",
        "A login may go to a folder that nobody reads; what lies in one that nobody uses is still secret.",
        lambda patient: drift_troubles(patient, "AgentDirMismatch", level=Level.INFO),
    ),
    Check(
        "agents.order", Group.AGENTS, "orders and configuration name stored profiles only",
        "A name without a credential hides that a fallback is missing; a configured order of such names alone means none at all.",
        lambda patient: drift_troubles(patient, "OrderNamesGhost"),
    ),
    Check(
        "agents.sessions", Group.AGENTS, "sessions are tied to profiles that work",
        "A session tied to a profile that cannot serve fails, or silently uses another account.",
        lambda patient: drift_troubles(patient, "SessionPinLost"),
    ),
)  # fmt: skip
