"""Pure. The status page as one value, made from one look and one view of the alert book; templates only lay it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporter import checking
from exporter.alerting.alert import Alert, AlertState, Policy, Silence
from exporter.alerting.notice_words import headline as phrase
from exporter.alerting.notice_words import subject
from exporter.finding import Finding, Severity, runbook, said
from exporter.model import Problem
from exporter.verdict import ProviderVerdict, Snapshot
from exporter.web.board import BoardView, Notified
from exporter.web.look import Look
from exporter.web.rows import Filter, GatewaySection, gateways
from exporter.web.said import Badge, Moment, Speech, Tone
from exporter.web.timeline import Timeline, timeline
from exporter.words import counted, listing

_FIRST: Final = 5  # troubles shown unfolded
_NAMED: Final = 3  # providers that the headline names
_WORST: Final = 50  # problems shown; all of them are in the JSON document
_TONES: Final = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.SOON, Severity.INFO: Tone.QUIET}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, with what to do; and where its alert stands."""

    id: str
    name: str
    badge: Badge
    title: str
    since: Moment | None
    when: Moment | None
    why: str
    what_works: str
    advice: str
    commands: tuple[str, ...]
    masked: bool
    url: str
    runbook: str
    href: str
    state: str
    can_ack: bool
    matchers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """One silence."""

    id: str
    matchers: str
    author: str
    comment: str
    ends: Moment | None
    active: bool


@dataclass(frozen=True, slots=True)
class StatusPage:
    """Everything on the status page."""

    ready: bool
    headline: Badge
    summary: str
    works: str
    held: str
    seen: Moment | None
    host: str
    version: str
    troubles: tuple[Trouble, ...]
    more_troubles: tuple[Trouble, ...]
    timeline: Timeline
    gateways: tuple[GatewaySection, ...]
    all_gateways: tuple[str, ...]
    filter: Filter
    shown: int
    total: int
    empty: bool
    searched: tuple[str, ...]
    fatal: tuple[str, ...]
    problems: tuple[str, ...]
    silences: tuple[SilenceRow, ...]
    notices: tuple[tuple[Moment | None, Notified], ...]
    notes: tuple[str, ...]
    tasks: tuple[tuple[str, str, Moment | None, str], ...]
    sources: tuple[int, int]


def status_page(seen: Look, board: BoardView, wanted: Filter, speech: Speech, version: str) -> StatusPage:
    """Make the whole page."""
    snapshot = seen.snapshot
    troubles = tuple(_troubles(board, speech))
    listed = gateways(snapshot, wanted, speech)
    sources = [source for gateway in snapshot.gateways for source in gateway.sources]
    problems = snapshot.all_problems()
    return StatusPage(
        ready=seen.ready,
        headline=headline(seen, board),
        summary=summary(snapshot),
        works=_works(snapshot),
        held=speech.text(snapshot.clock_held),
        seen=speech.moment(snapshot.at),
        host=speech.text(seen.host),
        version=version,
        troubles=troubles[:_FIRST],
        more_troubles=troubles[_FIRST:],
        timeline=timeline(snapshot, speech),
        gateways=listed,
        all_gateways=tuple(speech.text(gateway.gateway) for gateway in snapshot.gateways if gateway.agents),
        filter=wanted,
        shown=sum(len(card.rows) for gateway in listed for agent in gateway.agents for card in (*agent.cards, *agent.spare)),
        total=len(snapshot.all_profiles()),
        empty=not any(gateway.agents for gateway in snapshot.gateways),
        searched=tuple(speech.text(place) for place in snapshot.searched),
        fatal=tuple(_problems([problem for problem in problems if problem.fatal], speech)),
        problems=tuple(_problems([problem for problem in problems if not problem.fatal], speech)),
        silences=tuple(_silence(silence, speech) for silence in _recent(board.silences, speech)),
        notices=tuple((speech.moment(line.at), line) for line in board.notices[:20]),
        notes=tuple(speech.text(note) for note in (*seen.notes, *([f"alert book: {board.fault}"] if board.fault else []))),
        tasks=tuple(_tasks(seen, speech)),
        sources=(sum(source.up for source in sources), len(sources)),
    )


def trouble(finding: Finding, alert: Alert | None, speech: Speech) -> Trouble:
    """Say one finding, and where its alert stands."""
    commands = tuple(line for line in finding.fix.command.splitlines() if line.strip())
    agent = finding.agents[0] if finding.agents else ""
    labels = finding.labels()
    pairs = [(name, labels[name]) for name in ("name", "gateway", "provider", "profile") if name in labels]
    return Trouble(
        id=finding.id,
        name=finding.name,
        badge=Badge(finding.severity.value, _TONES[finding.severity]),
        title=speech.text(f"{subject(finding)} {phrase(finding, speech.now, Policy(zone=speech.zone))}"),
        since=speech.moment(alert.since if alert else finding.since),
        when=speech.moment(finding.when),
        why=speech.text(said(finding.why, speech.zone)),
        what_works=speech.text(said(finding.what_works, speech.zone)),
        advice=speech.text(finding.fix.advice),
        commands=tuple(speech.text(command) for command in commands),
        masked=any(speech.masked(command) for command in commands),
        url=finding.fix.url,
        runbook=runbook(finding.name, speech.runbooks),
        href=speech.profile_path(finding.gateway, agent, finding.profile) if finding.profile and agent else "",
        state=speech.text(_state(alert)),
        can_ack=alert is not None and alert.state is AlertState.FIRING and alert.acked_at is None,
        matchers=tuple(f'{name}="{_quoted(speech.text(value))}"' for name, value in pairs),
    )


def _troubles(board: BoardView, speech: Speech) -> Iterator[Trouble]:
    alerts = {alert.identity: alert for alert in board.open_alerts()}
    for finding in board.findings:
        yield trouble(finding, alerts.pop(finding.identity, None), speech)
    for alert in alerts.values():
        yield trouble(alert.finding, alert, speech)


def _state(alert: Alert | None) -> str:
    if alert is None:
        return "not an alert yet"
    if alert.acked_at is not None:
        comment = f": {alert.ack_comment}" if alert.ack_comment else ""
        return f"acknowledged by {alert.acked_by}{comment}"
    if alert.clear_since is not None:
        return "seems over, waiting to be sure"
    words = "firing" if alert.state is AlertState.FIRING else "waiting to be sure"
    return f"{words}, muted by {alert.muted_by}" if alert.muted_by else words


def headline(seen: Look, board: BoardView) -> Badge:
    """Answer the first question: is everything fine?"""
    if not seen.ready:
        return Badge("The first reading is not done yet", Tone.QUIET)
    if seen.snapshot.clock_held:
        return Badge("Verdicts are held: this machine's clock cannot be right", Tone.BAD)
    verdict = checking.check(seen.snapshot)
    down = {(p.gateway, p.provider) for p in _used(seen.snapshot) if p.usable == 0}
    critical = sum(finding.severity is Severity.CRITICAL for finding in board.findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in board.findings)
    if down:
        names = sorted({provider for _, provider in down})
        who = listing(names) if len(names) <= _NAMED else counted(len(down), "provider")
        return Badge(f"{who} {'is' if len(names) == 1 else 'are'} down", Tone.BAD)
    if not any(gateway.agents for gateway in seen.snapshot.gateways):
        return Badge("No gateway found", Tone.QUIET)
    if verdict.exit == checking.BROKEN or critical:
        return Badge(counted(critical, "critical problem") if critical else "Something needs repair", Tone.BAD)
    if verdict.exit == checking.EXPIRING or warnings:
        return Badge(
            f"Everything works, with {counted(warnings, 'warning')}" if warnings else "Everything works, but something ends soon", Tone.SOON
        )
    return Badge("Everything works", Tone.GOOD)


def summary(snapshot: Snapshot) -> str:
    """Say how much there is."""
    used = list(_used(snapshot))
    profiles = len(snapshot.all_profiles())
    agents = sum(len(gateway.agents) for gateway in snapshot.gateways)
    names = {(p.gateway, p.provider) for p in used}
    return f"{counted(profiles, 'profile')} of {counted(agents, 'agent')}; {counted(len(names), 'provider')} in use"


def _works(snapshot: Snapshot) -> str:
    """Say which providers in use can be used by every agent that needs them."""
    used = list(_used(snapshot))
    lame = {p.provider for p in used if not p.usable}
    fine = sorted({p.provider for p in used} - lame)
    return listing(fine) if lame and fine else ""


def _used(snapshot: Snapshot) -> Iterator[ProviderVerdict]:
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            yield from (provider for provider in agent.providers if provider.in_use and agent.configured)


def _problems(problems: Sequence[Problem], speech: Speech) -> Iterator[str]:
    for problem in problems[:_WORST]:
        where = " ".join(part for part in (problem.gateway, problem.agent, problem.store or "") if part)
        yield speech.text(f"{where}: {problem.reason} {problem.place}".strip())
    if len(problems) > _WORST:
        yield f"and {len(problems) - _WORST} more"


def _recent(silences: Sequence[Silence], speech: Speech) -> list[Silence]:
    return sorted((silence for silence in silences if silence.ends_at > speech.now), key=lambda silence: silence.ends_at)


def _silence(silence: Silence, speech: Speech) -> SilenceRow:
    matchers = " ".join(f'{m.label}{m.op}"{m.value}"' for m in silence.matchers)
    active = silence.starts_at <= speech.now
    texts = (speech.text(matchers), speech.text(silence.author), speech.text(silence.comment))
    return SilenceRow(silence.id, *texts, speech.moment(silence.ends_at), active)


def _tasks(seen: Look, speech: Speech) -> Iterator[tuple[str, str, Moment | None, str]]:
    for task in seen.counters.tasks:
        runs = ", ".join(f"{count} {outcome}" for outcome, count in task.runs.items() if count)
        if runs:
            yield task.name, runs, speech.moment(task.last_success_at), f"{task.seconds * 1000:.0f} ms" if task.seconds else ""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
