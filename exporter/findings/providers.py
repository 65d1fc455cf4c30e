"""Pure. The symptoms: a provider in use has nothing left, or only its last profile."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from exporter.finding import AT_ONCE, FindingScope, Fix, Severity, Text
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import agents, phone, repair, some, stage
from exporter.findings.view import Supply, View
from exporter.judging.roll_up import only_parked
from exporter.model import Family
from exporter.remedies import binary, remedy
from exporter.verdict import Eligibility, ProfileVerdict
from exporter.words import visible

_SOON = timedelta(minutes=5)  # a recovery known to come so soon is waited for
_BRIEF = timedelta(hours=1)  # parking for less is no loss yet
_LAPSED = timedelta(minutes=30)  # a window that merely ended proves nothing until something was used
_DOWN = 1000  # more urgent than any stage before; each further agent adds one
_REASONS = 3


def _down(view: View) -> Iterator[Draft]:
    """Yield one draft per gateway and provider: for the agents that stopped, else for those about to."""
    for supplies in _by_provider(view).values():
        dark = [supply for supply in supplies if supply.provider.usable == 0]
        if dark:
            yield _dark(dark, view)
        elif ahead := [supply for supply in supplies if _announced(supply, view)]:
            yield _ahead(ahead, view)


def _dark(supplies: list[Supply], view: View) -> Draft:
    first = supplies[0].provider
    names = tuple(supply.agent.agent for supply in supplies)
    since = min((s.provider.dark_at for s in supplies if s.provider.dark_at and s.provider.dark_at <= view.at), default=None)
    recoveries = [s.provider.recovers_at for s in supplies]
    back = max((at for at in recoveries if at), default=None) if all(recoveries) else None
    why: Text = (f"{agents(names).capitalize()} can use none of its profiles: {_reasons(supplies)}.",)
    if back is not None:
        why = (*why, " The first window ends at ", back, ".")
    why = (*why, *_untried(supplies[0]))
    return Draft(
        key=f"{first.gateway}/{first.provider}",
        what=f"is down ({agents(names)})" + (": since" if since else ""),
        fix=_fix(supplies[0], view),
        why=why,
        what_works=_left(supplies),
        when=since,
        since=since,
        gateway=first.gateway,
        agents=names,
        provider=first.provider,
        stage="down",
        urgency=_DOWN + len(names),
        rests_on=_refusals(p for supply in supplies for p in supply.profiles),
        hold=_SOON if back is not None and back - view.at <= _SOON else AT_ONCE,
    )


def _ahead(supplies: list[Supply], view: View) -> Draft:
    first = min(supplies, key=lambda s: s.provider.dark_at or view.at)
    at, last = first.provider.dark_at, _last(first)
    names = tuple(supply.agent.agent for supply in supplies)
    crossed = stage(last, view) if last else None
    name, urgency = crossed[:2] if crossed else ("", 0)
    why: Text = (f"{visible(last.profile) if last else 'Its last profile'} is the last that works and runs out then; nothing renews it.",)
    return Draft(
        key=f"{first.provider.gateway}/{first.provider.provider}",
        what=f"goes down ({agents(names)})",
        fix=_fix(first, view, last),
        why=why,
        what_works=("Everything, until then. ", *_left(supplies)),
        when=at,
        gateway=first.provider.gateway,
        agents=names,
        provider=first.provider.provider,
        stage=name,
        urgency=urgency,
        severity=Severity.WARNING,
    )


def _redundancy(view: View) -> Iterator[Draft]:
    for supplies in _by_provider(view).values():
        bare = [(supply, out) for supply in supplies if (supply.provider.usable or 0) <= 1 and (out := _out(supply))]
        bare = [(supply, out) for supply, out in bare if _missed(supply, out) > 1]
        if not bare:
            continue
        supply, out = bare[0]
        first = supply.provider
        names = tuple(entry.agent.agent for entry, _ in bare)
        since = _since(out)
        total = _missed(supply, out)
        last = first.next
        why: Text = (f"Out of use: {_said(out)}.",)
        works = f"{visible(last)}, and nothing behind it." if last else "Nothing."
        yield Draft(
            key=f"{first.gateway}/{first.provider}",
            what=f"{_remaining(total, last)} ({agents(names)})" + (": since" if since else ""),
            fix=_fix(supply, view, out[0]),
            why=why,
            what_works=(works,),
            when=since,
            since=since,
            gateway=first.gateway,
            agents=names,
            provider=first.provider,
            hold=_hold(out, view.at),
            rests_on=_refusals(p for _, missed in bare for p in missed),
        )


def _remaining(total: int, last: str | None) -> str:
    return f"runs on the last of {total} profiles" if last else f"has lost all {total} profiles"


def _out(supply: Supply) -> list[ProfileVerdict]:
    """Return the profiles that would serve and do not; an expired token has left the order but is still missed."""
    tried = supply.provider.candidates
    return [p for p in supply.profiles if p.counts and not p.usable and (p.profile in tried or p.reason is Eligibility.EXPIRED)]


def _refusals(profiles: Iterable[ProfileVerdict]) -> tuple[tuple[str, str, str], ...]:
    """Return the profiles that only a probe's answer puts out of use: the next probe without an answer puts none back."""
    return tuple((p.agent, p.profile, p.fingerprint) for p in profiles if p.counts and p.refused)


def _missed(supply: Supply, out: Iterable[ProfileVerdict]) -> int:
    """Return of how many profiles the provider would have its pick, were all well."""
    return len({*supply.provider.candidates, *(p.profile for p in out)})


def _hold(out: Iterable[ProfileVerdict], now: datetime) -> timedelta:
    brief = all(only_parked(p) and p.parked_until is not None and p.parked_until - now <= _BRIEF for p in out)
    return _LAPSED if brief else AT_ONCE


def _since(out: Iterable[ProfileVerdict]) -> datetime | None:
    """Return since when the longest missed profile is out, where its evidence says so."""
    known = [p.last_failure_at if p.parked else p.expires_at if p.reason is Eligibility.EXPIRED else p.auth_failing_since for p in out]
    return min((at for at in known if at is not None), default=None)


def _announced(supply: Supply, view: View) -> bool:
    """Tell whether a coming darkness is near enough to speak of."""
    at, last = supply.provider.dark_at, _last(supply)
    if not supply.provider.usable or at is None or last is None or at - view.at > view.thresholds.warn:
        return False
    crossed = stage(last, view)
    return crossed is not None and crossed[2] <= view.thresholds.warn


def _last(supply: Supply) -> ProfileVerdict | None:
    return next((p for p in supply.profiles if p.usable and p.expires_at == supply.provider.dark_at and not p.renews), None)


def _by_provider(view: View) -> dict[tuple[str, str], list[Supply]]:
    grouped: dict[tuple[str, str], list[Supply]] = {}
    for supply in view.supplies:
        grouped.setdefault((supply.provider.gateway, supply.provider.provider), []).append(supply)
    return grouped


def _reasons(supplies: list[Supply]) -> str:
    known = {p.profile: p for supply in supplies for p in supply.profiles if p.counts and not p.usable}
    tried = [known[name] for supply in supplies for name in supply.provider.candidates if name in known]
    unique = {p.profile: p for p in tried} or known
    return _said(list(unique.values())) or "there is no credential"


def _untried(supply: Supply) -> Text:
    """Say why a credential that would work is of no help: people look at it first."""
    idle = [p for p in supply.profiles if p.counts and p.usable and p.position is None and p.why]
    if not idle:
        return ()
    return (f" {some(p.profile for p in idle)} would work, but: {idle[0].why}.",)


def _said(profiles: list[ProfileVerdict]) -> str:
    shown = [f"{visible(p.profile)} ({p.usable_rule.why})" for p in profiles[:_REASONS]]
    rest = len(profiles) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more" if rest else "")


def _left(supplies: list[Supply]) -> Text:
    mine = supplies[0].provider.provider
    names = dict.fromkeys(q.provider for s in supplies for q in s.agent.providers if q.in_use and q.usable and q.provider != mine)
    if names:
        return (f"Models of {some(names)} still answer.",)
    stopped = tuple(supply.agent.agent for supply in supplies)
    return (f"Nothing: {agents(stopped)} {'stops' if len(stopped) == 1 else 'stop'}, no other provider in use works.",)


def _fix(supply: Supply, view: View, worst: ProfileVerdict | None = None) -> Fix:
    """Return the repair of the first profile that has one; without any profile, how to store a first."""
    tried = [p for name in supply.provider.candidates for p in supply.profiles if p.profile == name]
    for p in [worst] if worst else [*tried, *(p for p in supply.profiles if p.counts)]:
        found = remedy(p, supply.gateway, supply.provider)
        if found.commands or p is worst:
            return repair(found, p, supply.gateway, view)
    if tried:
        return repair(remedy(tried[0], supply.gateway, supply.provider), tried[0], supply.gateway, view)
    if supply.gateway.family in (Family.REMOTECLAW, Family.STATIC):
        return Fix("Give it a credential.", "", phone(view, ()))
    chosen = "" if supply.agent.agent == "main" else f" --agent {shlex.quote(supply.agent.agent)}"
    command = f"{binary(supply.gateway)} models auth login --provider {shlex.quote(supply.provider.provider)}{chosen}"
    return Fix("Give it a credential, or take its models out of the configuration.", command, phone(view, (command,)))


CONDITIONS = (
    Condition(
        "ProviderDown",
        Severity.CRITICAL,
        FindingScope.PROVIDER,
        "A provider in use has no usable profile, or soon will not.",
        _down,
        lapse_hold=_LAPSED,
    ),
    Condition(
        "RedundancyLost",
        Severity.WARNING,
        FindingScope.PROVIDER,
        "A provider in use runs on the last of several profiles.",
        _redundancy,
        lapse_hold=_LAPSED,
    ),
)
