"""Edge. `probe`: ask every provider now whether it accepts the credentials."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click

from exporter.checking import Scope, check
from exporter.cli import options, output
from exporter.cli.asked import Answer, Asked, Wish, ask
from exporter.cli.ending import Ending
from exporter.cli.loading import settings_of
from exporter.cli.plain import aligned
from exporter.cli.probe_words import took
from exporter.document import SCHEMA, compared, probed
from exporter.judging.pools import pools
from exporter.outcome import ProbeStatus
from exporter.words import counted, rfc3339, visible

HEADINGS = ("GATEWAY", "AGENT", "PROVIDER", "PROFILE", "OUTCOME", "DETAIL", "HTTP", "TOOK", "WORDS")


@click.command("probe")
@options.filters
@options.profiles
@click.option("--timeout", callback=options.read_seconds, metavar="DURATION", help="Longest time one request may take, such as 8s.")
@click.option("--concurrency", type=click.IntRange(min=1), metavar="N", help="Requests under way at once.")
@click.option("--deep", is_flag=True, help="Also send a completion of one token where the free request was fine. Costs money.")
@click.option("--record", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write each answer's shape, no values.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@options.config
def command(
    gateway: tuple[str, ...],
    agent: tuple[str, ...],
    provider: tuple[str, ...],
    profile: frozenset[str],
    timeout: timedelta | None,
    concurrency: int | None,
    deep: bool,
    record: Path | None,
    as_json: bool,
    config: Path | None,
) -> int:
    """Ask each provider once, without cost, whether it accepts what is stored. Exit codes as of `check`; one refusal does not count yet."""
    scope = options.scope(gateway, agent, provider)
    wish = Wish(scope, profile, timeout, concurrency, deep, record, quiet=as_json)
    asked = ask(settings_of(config), wish)
    output.notes(remarks(asked))
    if not asked.answers and (profile or scope != Scope()):
        output.note("no profile is left by these filters")
        return Ending.USAGE
    result = check(asked.snapshot, scope=_judged(asked, scope))
    if as_json:
        output.document({**document(asked, wish), "exit": result.exit, "why": list(result.lines)})
    else:
        _table(asked)
        output.lines(visible(line) for line in (*_pool_lines(asked), _summary(asked), *result.lines))
    return result.exit


def _table(asked: Asked) -> None:
    if not asked.answers:
        return
    if not output.is_fancy():
        output.lines(aligned([HEADINGS, *(_cells(answer, asked) for answer in asked.answers)]))
        return
    from exporter.cli.probe_table import drawn  # rich, only where a terminal wants it

    output.data(drawn(asked.answers, asked.ended_at, unicode=output.speaks_unicode()))


def remarks(asked: Asked) -> Iterator[str]:
    """Say what does not belong into the data: refusals seen once, a memory that does not last."""
    once = {
        answer.profile.profile: answer.outcome
        for answer in asked.answers
        if answer.sent and answer.outcome.outcome in (ProbeStatus.AUTH, ProbeStatus.BILLING) and not answer.outcome.confirmed
    }
    for name, outcome in once.items():
        detail = f" ({outcome.detail})" if outcome.detail else ""
        yield f"{name}: {outcome.outcome}{detail} was seen once and is not confirmed: it does not count yet"
    if asked.fault and asked.answers:
        yield f"what was probed is not remembered: {asked.fault}"


def document(asked: Asked, wish: Wish) -> dict[str, object]:
    """Write the whole run."""
    return {
        "schema": SCHEMA,
        "at": rfc3339(asked.ended_at),
        "started_at": rfc3339(asked.started_at),
        "finished_at": rfc3339(asked.ended_at),
        "seconds": round((asked.ended_at - asked.started_at).total_seconds(), 3),
        "requests": asked.requests,
        "completions": asked.completions,
        "options": {"deep": wish.deep, "providers": sorted(wish.scope.providers), "profiles": sorted(wish.profiles)},
        "results": [_result(answer, asked) for answer in asked.answers],
    }


def _judged(asked: Asked, scope: Scope) -> Scope:
    """What the exit code is about: the providers that were asked for."""
    if not scope.providers:
        return scope
    return Scope(scope.gateways, scope.agents, frozenset(answer.profile.provider for answer in asked.answers))


def _result(answer: Answer, asked: Asked) -> dict[str, object]:
    profile = answer.profile
    found = probed(answer.outcome, profile.fingerprint) or {}
    return {
        "gateway": profile.gateway,
        "agent": profile.agent,
        "provider": profile.provider,
        "profile": profile.profile,
        "credential": profile.credential and profile.credential.value,
        "source": profile.source.value,
        "model": answer.model or None,
        "sent": answer.sent,
        "held": answer.held or None,
        "usable": profile.usable,
        **found,
        **compared(profile, asked.ended_at),
    }


def _cells(answer: Answer, asked: Asked) -> tuple[str, ...]:
    outcome, profile = answer.outcome, answer.profile
    cells = (
        profile.gateway,
        profile.agent,
        profile.provider,
        profile.profile,
        outcome.outcome.value,
        outcome.detail,
        str(outcome.status or ""),
        took(outcome),
        answer.remark(asked.ended_at),
    )
    return tuple(visible(cell) or "-" for cell in cells)


def _pool_lines(asked: Asked) -> Iterator[str]:
    chosen = {(answer.profile.gateway, answer.profile.agent, answer.profile.provider) for answer in asked.answers}
    for gateway in asked.snapshot.gateways:
        for agent in gateway.agents:
            for pool in pools(agent):
                if (gateway.gateway, agent.agent, pool.provider) in chosen:
                    yield f"{gateway.gateway}/{agent.agent} {pool.provider}: {pool.words}"


def _summary(asked: Asked) -> str:
    ok = sum(answer.outcome.outcome is ProbeStatus.OK for answer in asked.answers)
    span = (asked.ended_at - asked.started_at).total_seconds()
    paid = f", {counted(asked.completions, 'completion')} among them," if asked.completions else ""
    return f"{counted(len(asked.answers), 'profile')}, {ok} accepted; {counted(asked.requests, 'request')}{paid} in {span:.1f} s"
