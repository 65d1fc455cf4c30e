"""Pure. What could be probed: one aim per profile of a snapshot, with the account to ask, or the local fact why nothing is sent.

Local facts come first: what is missing, lapsed, unresolved or left out by an order is not sent. Profiles that hold one credential at one
host share an account, which is asked once for all of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

from exporter.environment import MODE
from exporter.judging.history import Subject, fingerprint
from exporter.judging.selection import canonical
from exporter.model import AgentReading, Credential, GatewayReading, Profile, Reading, Source
from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.accesses import Holdings
from exporter.planning.probe_memory import Target
from exporter.planning.schedule import effective_interval
from exporter.providers.request import Access, NotSent, Request, light, usage
from exporter.providers.row import Auth, Call, Purpose
from exporter.verdict import AgentVerdict, Eligibility, Health, ProfileVerdict, RefreshState, Snapshot

NO_FREE_PROBE = "no_free_probe"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The operator's choices. `named`: providers whose settings ask for what is off by default (`usage: true`); `off`: never probed.

    `all_off` switches everything off but the providers of `on`.
    """

    interval: timedelta = timedelta(minutes=15)
    intervals: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    named: Collection[str] = ()
    off: Collection[str] = ()
    all_off: bool = False
    on: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One request beside the light one: a usage endpoint, or a completion."""

    target: Target
    request: Request


@dataclass(frozen=True, slots=True)
class Aim:
    """One profile. Either `target` and `request`, or the `outcome` that says why nothing is sent.

    `account` names credential and host even when nothing is sent now: what was answered before still stands.
    """

    subject: Subject
    outcome: Outcome | None = None
    target: Target | None = None
    request: Request | None = None
    access: Access | None = None
    mark: str = ""  # the verdict's fingerprint, which an outcome must carry to count against it
    account: str = ""
    usage: tuple[Question, ...] = ()


def aims(reading: Reading, snapshot: Snapshot, salt: bytes, now: datetime, wishes: Wishes) -> tuple[Aim, ...]:
    """Every profile of every configured agent in the snapshot, in its order. `reading` must be the one the snapshot was judged from."""
    read = {gateway.gateway: gateway for gateway in reading.gateways}
    found: list[Aim] = []
    for judged in snapshot.gateways:
        gateway = read.get(judged.gateway)
        if gateway is None:
            continue
        agents = {agent.agent: agent for agent in gateway.agents}
        for verdicts in judged.agents:
            agent = agents.get(verdicts.agent)
            if agent is not None and verdicts.configured:
                found += _agent(gateway, agent, verdicts, salt, now, wishes)
    return tuple(found)


def spread(aimed: Collection[Aim], outcomes: Mapping[str, Outcome]) -> Mapping[Subject, Outcome]:
    """Outcomes per profile from the last sent outcomes per account; a profile without one keeps the reason why it was not sent."""
    found: dict[Subject, Outcome] = {}
    for aim in aimed:
        known = combined(aim.account, outcomes) if aim.account else None
        if known is not None:
            found[aim.subject] = replace(known, fingerprint=aim.mark)
        elif aim.outcome is not None:
            found[aim.subject] = aim.outcome
    return MappingProxyType(found)


def beside(account: str, purpose: Purpose) -> str:
    """The key of another request to the same account."""
    return account if purpose is Purpose.LIGHT else f"{purpose}|{account}"


def combined(account: str, outcomes: Mapping[str, Outcome]) -> Outcome | None:
    """One outcome of one account: the free probe's class, unless a completion knows better; facts of all of them.

    A completion knows better while the free probe is fine and the completion said something about the credential itself.
    """
    free, deep = outcomes.get(account), outcomes.get(beside(account, Purpose.DEEP))
    best = free or deep
    if free is not None and deep is not None and free.outcome is ProbeStatus.OK and _tells(deep):
        best = replace(deep, expires_at=deep.expires_at or free.expires_at)
    if best is None:
        return None
    others = [other for other in (free, deep, outcomes.get(beside(account, Purpose.USAGE))) if other is not None and other is not best]
    if not others:
        return best
    return replace(
        best,
        rate_limits=best.rate_limits + tuple(limit for other in others for limit in other.rate_limits),
        quotas=best.quotas + tuple(quota for other in others for quota in other.quotas),
        balances=best.balances + tuple(balance for other in others for balance in other.balances),
    )


def _tells(deep: Outcome) -> bool:
    return deep.outcome in (ProbeStatus.OK, ProbeStatus.BILLING, ProbeStatus.AUTH, ProbeStatus.RATE_LIMIT)


def _agent(
    gateway: GatewayReading, agent: AgentReading, verdicts: AgentVerdict, salt: bytes, now: datetime, wishes: Wishes
) -> Iterator[Aim]:
    holdings = Holdings(gateway, agent, {entry.provider for entry in verdicts.providers})
    models = {entry.provider: entry.models for entry in verdicts.providers}
    for verdict in verdicts.profiles:
        subject = Subject(verdict.gateway, verdict.agent, verdict.provider, verdict.profile)
        profile = holdings.profile(verdict)
        unsent, final = _local_fact(verdict, profile, now, wishes)
        if unsent is not None and final:
            yield Aim(subject, unsent)
            continue
        access = holdings.access(verdict, models.get(verdict.provider, ()))
        if unsent is not None and access.secret is None:
            yield Aim(subject, unsent)
            continue
        aim = _aimed(subject, verdict, access, salt, now, wishes)
        if unsent is not None:
            aim = replace(aim, outcome=unsent, target=None, request=None, usage=())
        elif profile is not None and access.secret is None and profile.credential.attributes.get(MODE) and aim.target is None:
            aim = replace(aim, outcome=_skipped("ambient", "a login that only the cloud's own library can read"))
        yield aim


def _local_fact(verdict: ProfileVerdict, profile: Profile | None, now: datetime, wishes: Wishes) -> tuple[Outcome | None, bool]:
    """Why this profile is not asked, by what is known without asking; and whether what was answered before is of no use either."""
    spellings = {verdict.provider, canonical(verdict.provider)}
    if spellings & set(wishes.off):
        return _skipped("switched_off", "the settings switch probing off for this provider"), True
    if wishes.all_off and not spellings & set(wishes.on):
        return _skipped("switched_off", "the settings switch probing off"), True
    if not verdict.counts:
        return _skipped("not_used", verdict.why or "the gateway is not known to use it"), True
    if profile is not None and profile.credential.fence is not None:
        going_on = verdict.refresh_state is RefreshState.IN_PROGRESS
        return _skipped("refreshing" if going_on else "refresh_stuck", verdict.health_rule.why), True
    if verdict.reason is not Eligibility.OK:
        return _skipped(str(verdict.reason), verdict.reason_rule.why), profile is None
    if profile is None and verdict.credential is not None:
        return _skipped("missing_credential", verdict.why or "no credential is stored"), True
    if (verdict.expires_at is not None and verdict.expires_at <= now) or verdict.health is Health.RENEWING:
        return _skipped("expired", "its date has passed; a lapsed credential is not sent"), False
    if verdict.source is Source.STORE and verdict.position is None and verdict.credential is not None:
        why = verdict.why.removeprefix("excluded_by_auth_order: ")
        return _skipped("excluded_by_auth_order", why or "auth.order of this provider leaves it out"), False
    return None, False


def _aimed(subject: Subject, verdict: ProfileVerdict, access: Access, salt: bytes, now: datetime, wishes: Wishes) -> Aim:
    spellings = {verdict.provider, canonical(verdict.provider)}
    named = bool(spellings & set(wishes.named))
    made = light(access, now, named=named)
    secret_mark = fingerprint(Credential(access.kind, access.secret), salt)
    if isinstance(made, NotSent):
        status = ProbeStatus.NO_MODEL if made.no_model else ProbeStatus.SKIPPED
        only_deep = f"{canonical(verdict.provider)}|{secret_mark}" if made.reason == NO_FREE_PROBE and secret_mark else ""
        return Aim(subject, Outcome(status, made.reason, words=made.words), None, None, access, verdict.fingerprint, only_deep)
    if made.provider.light is not None and made.provider.light.auth is Auth.NONE:
        secret_mark = ""  # no key is sent: one question for all of them
    account = f"{made.provider.id}|{made.host}|{secret_mark or '-'}"
    wanted = next((wishes.intervals[name] for name in sorted(spellings) if name in wishes.intervals), wishes.interval)
    target = _target(account, made, made.provider.light, wanted, verdict, secret_mark)
    asked = [
        Question(_target(account, request, call, wanted, verdict, secret_mark), request)
        for call, request in zip(made.provider.usage, usage(access, now, named=named), strict=False)
    ]
    return Aim(subject, None, target, made, access, verdict.fingerprint, account, tuple(asked[:1]))


def _target(account: str, request: Request, call: Call | None, wanted: timedelta, verdict: ProfileVerdict, secret_mark: str) -> Target:
    own = request.provider.local or is_ours(request.host)
    every, at_least = effective_interval(call, wanted, own_server=own) if call is not None else (wanted, wanted)
    return Target(
        key=beside(account, request.purpose),
        provider=canonical(verdict.provider),
        host=request.host,
        fingerprint=secret_mark,
        every=every,
        at_least=at_least,
        purpose=request.purpose,
        subscription=request.provider.subscription,
        parked_until=verdict.parked_until,
        changed_at=verdict.changed_at,
    )


def is_ours(host: str) -> bool:
    """True for an address of this machine: a server of the user's own."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _skipped(detail: str, words: str) -> Outcome:
    return Outcome(ProbeStatus.SKIPPED, detail, words=words)
