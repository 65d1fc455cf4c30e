"""Edge. Probes of one command: read, judge, ask every provider that may be asked now, judge again. Writes to our own memory only."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from exporter import clock
from exporter.checking import Scope
from exporter.cli.ending import Ending, Failure
from exporter.cli.loading import home, now
from exporter.cli.looking import is_own
from exporter.cli.probe_words import waits
from exporter.cli.progress import shown
from exporter.host.reader_here import reader_here
from exporter.journal import FILE_NAME, Journal, state_directory
from exporter.journal.probes import ProbeBook
from exporter.judging.health import Rules
from exporter.judging.history import Subject
from exporter.judging.selection import canonical, normalise
from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.schedule import RARE, Hold
from exporter.planning.targets import Aim
from exporter.probing.one_pass import Hooks, account_of
from exporter.probing.probe import Job
from exporter.probing.rounds import Manner, Prober, Round, Seen
from exporter.providers.recording import outline
from exporter.providers.row import Purpose
from exporter.settings import Probes, Settings
from exporter.snapshot import judge
from exporter.verdict import ProfileVerdict, Snapshot

_POLITE_FROM = timedelta(minutes=1)  # minimums that a run nobody watches keeps


@dataclass(frozen=True, slots=True)
class Wish:
    """What one call asks for. `polite`: a run that may come from a timer keeps every endpoint's minimum interval."""

    scope: Scope = field(default_factory=Scope)
    profiles: frozenset[str] = frozenset()
    timeout: timedelta | None = None
    concurrency: int | None = None
    deep: bool = False
    record: Path | None = None
    polite: bool = False
    quiet: bool = False  # no progress bar

    def chooses(self, aim: Aim) -> bool:
        """Tell whether a profile is asked for."""
        subject, scope = aim.subject, self.scope
        wanted = {canonical(name) for name in scope.providers} | {normalise(name) for name in scope.providers}
        return (
            (not scope.gateways or subject.gateway in scope.gateways)
            and (not scope.agents or subject.agent in scope.agents)
            and (not wanted or not wanted.isdisjoint((subject.provider, canonical(subject.provider))))
            and (not self.profiles or subject.profile in self.profiles)
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """One profile that was asked for. `sent`: a request of this run; `held`: why an older outcome, or none, stands in its place."""

    profile: ProfileVerdict
    outcome: Outcome
    sent: bool
    model: str
    held: str = ""

    def remark(self, now: datetime) -> str:
        """What is to be said beside the outcome: the provider's words, how long it wants to be left alone, why nothing was sent."""
        held = "" if self.sent or not self.held else f"not asked now: {self.held}"
        return "; ".join(part for part in (self.outcome.words, waits(self.outcome, now), held) if part)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the run found."""

    snapshot: Snapshot
    answers: tuple[Answer, ...]
    started_at: datetime
    ended_at: datetime
    requests: int
    completions: int  # of these requests: the ones that cost
    fault: str = ""  # why nothing of it will be remembered


def ask(settings: Settings, wish: Wish, environ: Mapping[str, str] = os.environ) -> Asked:
    """Probe now; ends the command with 78 when the settings name gateways twice."""
    directory, begun = _directory(settings, environ), now()
    journal, book = Journal(directory), ProbeBook(directory, begun)
    try:
        reader = reader_here(settings, environ, home(environ))
        reading = reader.read(begun)
        if reader.configuration_errors:
            raise Failure(Ending.CONFIG, "; ".join(reader.configuration_errors))
        rules = Rules(warn=settings.expiry.warn, renewal_grace=settings.expiry.renewal_grace)
        held = clock.held(begun, journal.written_at, settings.thresholds.clock_skew)
        first = judge(reading, begun, rules, history=journal.history, clock_held=held)
        prober = Prober(_adjusted(settings, wish), book, now)
        done = _round(prober, Seen(reading, first, journal.history.salt), wish)
        outcomes = prober.outcomes(done.aimed)
        ended = now()
        snapshot = judge(reading, ended, rules, history=journal.history, outcomes=outcomes, clock_held=held)
        answers = _answers(snapshot, [aim for aim in done.aimed if wish.chooses(aim)], outcomes, done)
        completions = sum(key != account_of(key) and key.startswith(Purpose.DEEP) for key in done.sent)
        return Asked(snapshot, answers, begun, ended, len(done.sent), completions, book.fault)
    finally:
        book.close()
        journal.close()


def _directory(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    """Our state directory; none where another user's journal lies."""
    directory = state_directory(settings.state_dir, environ)
    if directory is None or ((directory / FILE_NAME).exists() and not is_own(directory / FILE_NAME)):
        return None
    return directory


def _adjusted(settings: Settings, wish: Wish) -> Probes:
    probes = settings.probes
    if wish.timeout is not None:
        each = {name: replace(one, timeout=None) for name, one in probes.per_provider.items()}
        probes = replace(probes, timeout=wish.timeout, per_provider=MappingProxyType(each))
    return probes if wish.concurrency is None else replace(probes, concurrency=wish.concurrency)


def _round(prober: Prober, seen: Seen, wish: Wish) -> Round:
    manner = Manner(by_hand=True, minimum_from=_POLITE_FROM if wish.polite else RARE, deep=wish.deep)
    accounts = {aim.account for aim in prober.aims(seen) if aim.target is not None and wish.chooses(aim)}
    with shown(len(accounts), quiet=wish.quiet) as step:
        hooks = Hooks(settled=lambda target, outcome: step(target.provider), observe=_recorder(wish.record))
        return prober.round(seen, hooks, manner, chosen=wish.chooses)


def _answers(snapshot: Snapshot, aimed: Sequence[Aim], outcomes: Mapping[Subject, Outcome], done: Round) -> tuple[Answer, ...]:
    verdicts = {Subject(p.gateway, p.agent, p.provider, p.profile): p for p in snapshot.all_profiles()}
    found = []
    for aim in aimed:
        verdict = verdicts.get(aim.subject)
        if verdict is None:
            continue
        sent = any(account_of(key) == aim.account for key in done.sent) if aim.account else False
        held = done.held.get(aim.target.key) if aim.target is not None and not sent else None
        outcome = outcomes.get(aim.subject) or aim.outcome or _nothing(held)
        why = aim.outcome.detail if aim.outcome is not None and aim.outcome is not outcome else str(held or "")
        found.append(Answer(verdict, outcome, sent, aim.access.model if aim.access is not None else "", why))
    return tuple(found)


def _nothing(held: Hold | None) -> Outcome:
    return Outcome(ProbeStatus.SKIPPED, str(held or "not_sent"), words="nothing was sent in this run")


def _recorder(directory: Path | None) -> Callable[[Job, int, Mapping[str, str], bytes], None] | None:
    """Write the shape of each answer, without any value, one file per provider and purpose."""
    if directory is None:
        return None
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(Ending.CONFIG, f"--record: {directory}: {error.strerror}") from None

    def record(job: Job, status: int, headers: Mapping[str, str], body: bytes) -> None:
        row, purpose = job.request.provider.id, job.request.purpose.value
        tree = {"provider": row, "purpose": purpose, **outline(status, headers, body, job.request.secrets)}
        (directory / f"{row}-{purpose}-{status}.json").write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")

    return record
