"""Pure. Which completions may be sent: only where the operator allows them, and only after the free request found nothing wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from exporter.judging.selection import canonical
from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.probe_memory import Target
from exporter.planning.targets import NO_FREE_PROBE, Aim, Question, beside, is_ours
from exporter.providers.completion import deep
from exporter.providers.request import NotSent, Request
from exporter.providers.row import HOUR, Purpose

DAILY, ALWAYS = 24 * HOUR, 6 * HOUR
_FREE_MODEL = ":free"
_FREE_LEAST = 6 * HOUR  # free tiers count per day
_OWN_LEAST = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Allowed:
    """How often a completion may be sent: in general, and per provider (None: never). `by_hand`: a person asked for this very run."""

    every: timedelta | None = None
    providers: Mapping[str, timedelta | None] = field(default_factory=lambda: MappingProxyType({}))
    models: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # provider -> model of the settings
    by_hand: bool = False

    @property
    def somewhere(self) -> bool:
        """True when any provider may get one."""
        return self.every is not None or any(every is not None for every in self.providers.values())


def deep_questions(
    aimed: Collection[Aim], outcomes: Mapping[str, Outcome], listed: Mapping[str, Sequence[str]], allowed: Allowed, now: datetime
) -> tuple[Question, ...]:
    """One completion per account that may have one; `listed` holds the model ids an account's free probe showed."""
    return tuple({question.target.key: question for question in _questions(aimed, outcomes, listed, allowed, now)}.values())


def refusal(aim: Aim, allowed: Allowed, now: datetime) -> NotSent | None:
    """Why this profile gets no completion although completions are allowed; None when it may get one."""
    made = _made(aim, (), allowed, now)
    return made if isinstance(made, NotSent) else None


def _questions(
    aimed: Collection[Aim], outcomes: Mapping[str, Outcome], listed: Mapping[str, Sequence[str]], allowed: Allowed, now: datetime
) -> Iterator[Question]:
    for aim in aimed:
        every = _every(aim.subject.provider, allowed)
        if every is None or not aim.account or aim.access is None or not _next_step(aim, outcomes):
            continue
        made = _made(aim, listed.get(aim.account, ()), allowed, now)
        if isinstance(made, Request):
            yield Question(_target(aim, made, every), made)


def _every(provider: str, allowed: Allowed) -> timedelta | None:
    for name in (provider, canonical(provider)):
        if name in allowed.providers:
            return allowed.providers[name]
    return allowed.every


def _next_step(aim: Aim, outcomes: Mapping[str, Outcome]) -> bool:
    """The ladder: a free probe that was fine, or none to be had; never for a profile the gateway has parked."""
    if aim.target is None:
        return aim.outcome is not None and aim.outcome.detail == NO_FREE_PROBE
    free = outcomes.get(aim.account)
    return free is not None and free.outcome is ProbeStatus.OK and aim.target.parked_until is None


def _made(aim: Aim, models: Sequence[str], allowed: Allowed, now: datetime) -> Request | NotSent:
    if aim.access is None:
        return NotSent("missing_credential", "there is no key to send")
    provider = aim.subject.provider
    chosen = allowed.models.get(provider) or allowed.models.get(canonical(provider))
    access = replace(aim.access, model=chosen) if chosen else aim.access
    return deep(access, now, models, by_hand=allowed.by_hand)


def _target(aim: Aim, request: Request, every: timedelta) -> Target:
    row = request.provider.deep
    at_least = _OWN_LEAST if is_ours(request.host) else row.at_least if row is not None else HOUR
    if request.model.endswith(_FREE_MODEL):
        at_least = max(at_least, _FREE_LEAST)
    return Target(
        key=beside(aim.account, Purpose.DEEP),
        provider=canonical(aim.subject.provider),
        host=request.host,
        fingerprint=aim.account.rpartition("|")[2],
        every=max(every, at_least),
        at_least=at_least,
        purpose=Purpose.DEEP,
        subscription=request.provider.subscription,
    )
