"""Pure. Conditions of stores: unreadable, too open, half migrated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from exporter.finding import Evidence, FindingScope, Severity, Text
from exporter.findings import drift
from exporter.findings.condition import Condition, Draft
from exporter.findings.phrases import ours, sentence, some
from exporter.findings.view import View
from exporter.model import Problem, ProblemReason, SourceState, StoreKind
from exporter.verdict import GatewayVerdict
from exporter.words import listing

_OPEN = "InsecurePermissions"
_SETTLE = timedelta(minutes=1)  # a store being rewritten is no fault
# Stores that hold credentials or say which are used; the others only add to them.
_VITAL = frozenset(
    {
        StoreKind.AUTH_PROFILES,
        StoreKind.AUTH_STATE,
        StoreKind.AGENT_DB,
        StoreKind.STATE_DB,
        StoreKind.OAUTH_JSON,
        StoreKind.AUTH_JSON,
        StoreKind.CONFIG,
    }
)
# Faults of the content: the gateway cannot read it either.
_BROKEN = frozenset(
    {
        ProblemReason.EMPTY,
        ProblemReason.INVALID_UTF8,
        ProblemReason.INVALID_SYNTAX,
        ProblemReason.WRONG_SHAPE,
        ProblemReason.CORRUPT,
        ProblemReason.NOT_A_FILE,
        ProblemReason.TOO_DEEP,
    }
)
_WORDS = {
    ProblemReason.UNREADABLE: "permission is missing or the disk fails",
    ProblemReason.SYMLINK: "a link that leads in circles or to somebody else's file",
    ProblemReason.CHANGING: "it changed at every try",
    ProblemReason.EMPTY: "it is empty",
    ProblemReason.INVALID_SYNTAX: "it is not well-formed",
    ProblemReason.CORRUPT: "its database is damaged",
    ProblemReason.UNSUPPORTED: "this Python cannot open such a database",
    ProblemReason.TOO_LARGE: "it is far too large",
    ProblemReason.NOT_A_FILE: "it is not a regular file",
    ProblemReason.INVALID_UTF8: "it is not text",
    ProblemReason.WRONG_SHAPE: "it is some other document",
    ProblemReason.TOO_DEEP: "it is nested too deep",
    ProblemReason.INCLUDE_FAILED: "a file it includes cannot be read",
}


def _unreadable(view: View) -> Iterator[Draft]:
    for gateway in view.snapshot.gateways:
        for key, sources in _grouped(source for source in gateway.sources if not source.up).items():
            yield _down(view, gateway, key, sources)


def _down(view: View, gateway: GatewayVerdict, store: StoreKind, sources: list[SourceState]) -> Draft:
    agents = tuple(dict.fromkeys(source.ref.agent for source in sources if source.ref.agent))
    reasons = _reasons(gateway.problems, store)
    stale = min((source.stale_since for source in sources if source.stale_since), default=None)
    broken = bool(reasons & _BROKEN) and store in _VITAL
    why: Text = ("; ".join(_WORDS.get(reason, reason.value) for reason in sorted(reasons)).capitalize() or "It could not be read", ".")
    if broken:
        why = (*why, " The gateway cannot read it either, and may treat it as empty.")
    works: Text = ("What we last read is kept: nothing below it fires or resolves until it can be read.",)
    if stale:
        works = ("What we read at ", stale, " is kept: nothing below it fires or resolves until it can be read.")
    fix = ours(view, "See which file it is and why; restore it from a backup, or give our user permission to read it.", "doctor")
    return Draft(
        key=f"{gateway.gateway}/{store}",
        what=f"has a store that cannot be read ({store})",
        fix=fix,
        why=why,
        what_works=works,
        since=stale,
        gateway=gateway.gateway,
        agents=agents,
        detail=store.value,
        severity=Severity.CRITICAL if broken else Severity.WARNING,
    )


def _insecure(view: View) -> Iterator[Draft]:
    """Yield what was found open by name; where nobody looked so closely, the stores that were read."""
    advice = "Take away group and world access: files 0600, directories 0700. Replace the keys if others could read them."
    facts = [fact for fact in view.snapshot.drift if fact.name == _OPEN]
    for fact in facts:
        yield Draft(
            key=f"{fact.gateway}/{fact.agent}",
            what="is open to other users",
            fix=ours(view, advice, "doctor"),
            why=(sentence(fact.why),),
            what_works=("Everything.",),
            gateway=fact.gateway,
            agents=(fact.agent,) if fact.agent else (),
            detail=fact.kind,
            evidence=Evidence.DRIFT,
        )
    for gateway in view.snapshot.gateways:
        if any(fact.gateway == gateway.gateway for fact in facts):
            continue
        for store, sources in _grouped(source for source in gateway.sources if source.insecure).items():
            yield Draft(
                key=f"{gateway.gateway}/{store}",
                what=f"keeps its {store} open to other users",
                fix=ours(view, advice, "doctor"),
                why=("Its permissions are wider than the owner's alone; it holds or names credentials.",),
                what_works=("Everything.",),
                gateway=gateway.gateway,
                agents=tuple(dict.fromkeys(source.ref.agent for source in sources if source.ref.agent)),
                detail=store.value,
            )


def _split(view: View) -> Iterator[Draft]:
    for gateway in view.snapshot.gateways:
        halves = [problem for problem in gateway.problems if problem.reason is ProblemReason.MIGRATION_REQUIRED]
        if halves:
            agents = tuple(dict.fromkeys(problem.agent for problem in halves if problem.agent))
            whose = f" of {listing(agents)}" if agents else ""
            yield Draft(
                key=f"{gateway.gateway}/migration",
                what="keeps two stores alive: migration is half done",
                fix=ours(view, "Let the gateway finish its migration (its own doctor does it), then look again.", "doctor"),
                why=(f"The database{whose} is empty while the older files beside it still hold profiles: the gateway sees none of them.",),
                gateway=gateway.gateway,
                agents=agents,
                detail="migration",
            )
    yield from drift.of("StoreSplit")(view)


def _unseen(view: View) -> Iterator[Draft]:
    for gateway in view.snapshot.gateways:
        if not any(problem.reason is ProblemReason.ENVIRONMENT_UNSEEN for problem in gateway.problems):
            continue
        blind = [(agent.agent, p.provider) for agent in gateway.agents for p in agent.providers if p.in_use and p.usable is None]
        agents, providers = (tuple(dict.fromkeys(names)) for names in zip(*blind, strict=True)) if blind else ((), ())
        why = f"A key in it would be the only credential of {some(providers)}: whether {'it works' if len(providers) == 1 else 'they work'}"
        advice = (
            "Run model-auth-exporter as the gateway's user, or name the file with the keys as env_file of this gateway in our settings."
        )
        yield Draft(
            key=gateway.gateway,
            what="has a service whose environment cannot be seen",
            fix=ours(view, advice, "doctor"),
            why=(f"{why} is unknown.",),
            what_works=("Everything else is judged.",),
            gateway=gateway.gateway,
            agents=agents,
        )


def _grouped(sources: Iterator[SourceState]) -> dict[StoreKind, list[SourceState]]:
    grouped: dict[StoreKind, list[SourceState]] = {}
    for source in sources:
        grouped.setdefault(source.ref.store, []).append(source)
    return grouped


def _reasons(problems: tuple[Problem, ...], store: StoreKind) -> frozenset[ProblemReason]:
    return frozenset(problem.reason for problem in problems if problem.store is store and problem.fatal)


CONDITIONS = (
    Condition(
        "StoreUnreadable",
        Severity.CRITICAL,
        FindingScope.SOURCE,
        "A store cannot be read; what it holds is unknown.",
        _unreadable,
        hold=_SETTLE,
        resolve_hold=_SETTLE,
    ),
    Condition("EnvironmentUnseen", Severity.INFO, FindingScope.GATEWAY, "The keys of a gateway's service cannot be seen.", _unseen),
    Condition("StoreSplit", Severity.WARNING, FindingScope.GATEWAY, "Two generations of store disagree.", _split),
    Condition("InsecurePermissions", Severity.WARNING, FindingScope.SOURCE, "Others on this host can read a store.", _insecure),
)
