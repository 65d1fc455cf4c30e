"""Pure. The exit code of a snapshot, and the sentences that explain it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.model import ProblemReason, StoreKind
from exporter.verdict import AgentVerdict, Eligibility, GatewayVerdict, Health, ProfileVerdict, ProviderVerdict, Snapshot

FINE, BROKEN, EXPIRING = 0, 1, 2
_STORES = frozenset(StoreKind) - {StoreKind.DOTENV, StoreKind.UNIT_ENV, StoreKind.CLI_LOGIN, StoreKind.MODELS_JSON}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a check is limited to; an empty set means all."""

    gateways: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The exit code (0 fine, 1 broken, 2 expiring) and one line per reason, worst first."""

    exit: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing a check found; `code` 0 is said but does not fail it."""

    code: int
    line: str


def check(
    snapshot: Snapshot,
    *,
    all_profiles: bool = False,
    strict: bool = False,
    within: timedelta | None = None,
    scope: Scope | None = None,
) -> CheckResult:
    """Judge a snapshot: 1 wins over 2 wins over 0.

    `all_profiles` judges every profile of every configured agent instead of what is in use; `strict` fails for an unseen
    environment too; `within` widens the warning window.
    """
    scope = scope or Scope()
    remarks = [*_general(snapshot, scope)]
    judged = 0
    horizon = snapshot.at + within if within else None
    for gateway in snapshot.gateways:
        if scope.gateways and gateway.gateway not in scope.gateways:
            continue
        for agent in gateway.agents:
            if not agent.configured or (scope.agents and agent.agent not in scope.agents):
                continue
            found = _agent(gateway, agent, scope, horizon, strict=strict, everything=all_profiles or not gateway.config_known)
            remarks.extend(remark for remark in found if remark.line)
            judged += len(found)
    if not judged:
        looked = ", ".join(snapshot.searched) or "nowhere"
        remarks.append(Remark(BROKEN, f"nothing to judge: no credential and no model in use was found; looked in {looked}"))
    codes = {remark.code for remark in remarks}
    exit_code = BROKEN if BROKEN in codes else EXPIRING if EXPIRING in codes else FINE
    rank = {BROKEN: 0, EXPIRING: 1, FINE: 2}
    return CheckResult(exit_code, tuple(r.line for r in sorted(remarks, key=lambda r: rank[r.code])))


def _general(snapshot: Snapshot, scope: Scope) -> Iterator[Remark]:
    if snapshot.clock_held:
        yield Remark(BROKEN, f"expiry verdicts are held: {snapshot.clock_held}")
    for problem in snapshot.all_problems():
        if scope.gateways and problem.gateway and problem.gateway not in scope.gateways:
            continue
        if scope.agents and problem.agent and problem.agent not in scope.agents:
            continue
        down = problem.fatal and (problem.store is None or problem.store in _STORES)
        if down or problem.reason in (ProblemReason.NO_GATEWAY, ProblemReason.MIGRATION_REQUIRED, ProblemReason.OAUTH_SECRET_REF):
            yield Remark(BROKEN, f"{_where(problem.gateway, problem.agent)}: {problem.reason}: {problem.place}")


def _agent(
    gateway: GatewayVerdict, agent: AgentVerdict, scope: Scope, horizon: datetime | None, *, strict: bool, everything: bool
) -> list[Remark]:
    found: list[Remark] = []
    if everything:
        found.extend(
            _profile(p, horizon)
            for p in agent.profiles
            if p.counts and p.reason is not Eligibility.SETUP_INACTIVE and (not scope.providers or p.provider in scope.providers)
        )
    else:
        by_id = {(p.profile): p for p in agent.profiles}
        found.extend(
            _provider(gateway, provider, by_id, horizon, strict=strict)
            for provider in agent.providers
            if provider.in_use and (not scope.providers or provider.provider in scope.providers)
        )
    return found


def _provider(
    gateway: GatewayVerdict, provider: ProviderVerdict, profiles: dict[str, ProfileVerdict], horizon: datetime | None, *, strict: bool
) -> Remark:
    where = f"{_where(provider.gateway, provider.agent)}: {provider.provider}"
    if provider.usable is None:
        unseen = "" if gateway.environment_seen else f" ({gateway.environment_why})"
        return Remark(BROKEN if strict else FINE, f"{where}: unknown, no credential is visible{unseen}")
    if provider.next is None:
        reasons = "; ".join(f"{key}: {profiles[key].usable_rule.why}" for key in provider.candidates if key in profiles)
        return Remark(BROKEN, f"{where}: nothing usable ({reasons or 'no credential'})")
    first = profiles[provider.next]
    if first.health is Health.EXPIRING or _lapses(first, horizon):
        return Remark(EXPIRING, f"{where}: {first.profile} expires at {_instant(first.expires_at)}")
    return Remark(FINE, "")


def _profile(profile: ProfileVerdict, horizon: datetime | None) -> Remark:
    where = f"{_where(profile.gateway, profile.agent)}: {profile.profile}"
    if profile.health in (Health.EXPIRED, Health.MISSING):
        return Remark(BROKEN, f"{where}: {profile.health} ({profile.health_rule.why})")
    if profile.health is Health.EXPIRING or _lapses(profile, horizon):
        return Remark(EXPIRING, f"{where}: expires at {_instant(profile.expires_at)}")
    return Remark(FINE, "")


def _lapses(profile: ProfileVerdict, horizon: datetime | None) -> bool:
    return horizon is not None and not profile.renews and profile.expires_at is not None and profile.expires_at <= horizon


def _where(gateway: str, agent: str) -> str:
    return "/".join(part for part in (gateway, agent) if part) or "exporter"


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "an unknown instant"
