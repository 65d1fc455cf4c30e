"""Edge. Probing as a whole: which profiles, which requests, in which steps, and what is known of every profile afterwards.

The steps of a round follow the ladder: the free probe, its other address where a firewall stands before the first, then usage endpoints
and completions where they are allowed and the free probe found nothing wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from exporter.journal.probes import ProbeBook
from exporter.judging.history import Subject
from exporter.model import Reading
from exporter.outcome import Outcome, ProbeStatus
from exporter.planning import probe_memory
from exporter.planning.deep_targets import Allowed, deep_questions
from exporter.planning.probe_memory import Target
from exporter.planning.schedule import RARE, Hold, Plan, Rules, plan
from exporter.planning.targets import Aim, Question, aims, spread
from exporter.probing import policy as probe_policy
from exporter.probing.one_pass import Hooks, account_of
from exporter.probing.probe import Limits
from exporter.probing.steps import Ground, Steps
from exporter.settings import Probes
from exporter.verdict import Snapshot

_SOONEST = timedelta(seconds=1)  # between two rounds
_MOST = 10  # requests of one round per worker: a changed credential need not wait for a long one
_HELD_SHOWN = {
    Hold.NO_MEMORY: "so rare a request is only sent with a state directory that can be written",
    Hold.BUDGET: "the requests of this day are spent",
    Hold.RETRY_AFTER: "the provider asked to wait",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read and judged: a snapshot with the very reading it was judged from."""

    reading: Reading
    snapshot: Snapshot
    salt: bytes


@dataclass(frozen=True, slots=True)
class Manner:
    """How a round is meant. `by_hand`: a person or a one-shot run asks now; minimums of `minimum_from` or more still count."""

    by_hand: bool = False
    minimum_from: timedelta = RARE
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """What a round did: the outcomes of this round by key, why the others were held, and when something is due again."""

    aimed: tuple[Aim, ...]
    sent: Mapping[str, Outcome]
    held: Mapping[str, Hold]
    next_at: datetime | None = None


class Prober:
    """Asks providers. One round at a time; what it learned is in its book."""

    def __init__(self, probes: Probes, book: ProbeBook, now: Callable[[], datetime], *, loopback_only: bool = False) -> None:
        """Begin with what the book remembers; sends nothing yet."""
        self.book = book
        self.attempts: Counter[tuple[str, ...]] = Counter()  # by provider and outcome
        self.network_down_since: datetime | None = None
        self.unanswered_since: datetime | None = None
        self._probes, self._now, self._loopback_only = probes, now, loopback_only
        self._held: Mapping[str, Hold] = MappingProxyType({})
        self._listed: dict[str, tuple[str, ...]] = {}
        self._known: Mapping[Subject, Outcome] = MappingProxyType({})
        self._aimed: tuple[object, tuple[Aim, ...]] = (None, ())

    @property
    def wanted(self) -> bool:
        """False when the settings switch all probing off."""
        return self._probes.enabled or any(one.enabled for one in self._probes.per_provider.values())

    def adopt(self, probes: Probes) -> None:
        """Go on with other settings."""
        self._probes, self._aimed = probes, (None, ())

    def aims(self, seen: Seen) -> tuple[Aim, ...]:
        """Every profile with its request, or why it has none; made anew when the verdicts are new."""
        made_of, aimed = self._aimed
        if made_of is not seen.snapshot.gateways:
            aimed = aims(seen.reading, seen.snapshot, seen.salt, self._now(), probe_policy.wishes(self._probes))
            self._aimed = (seen.snapshot.gateways, aimed)
        return aimed

    def still(self, before: Snapshot, after: Snapshot) -> None:
        """Know that `after` differs from `before` by our own outcomes only, so that the aims stand."""
        if self._aimed[0] is before.gateways:
            self._aimed = (after.gateways, self._aimed[1])

    def outcomes(self, aimed: Collection[Aim]) -> Mapping[Subject, Outcome]:
        """What is known of every profile; the very same objects, and mapping, where nothing changed."""
        found = dict(spread(aimed, self.book.outcomes))
        for aim in aimed:
            held = self._held.get(aim.target.key) if aim.target is not None else None
            if aim.subject not in found and held in _HELD_SHOWN:
                found[aim.subject] = Outcome(ProbeStatus.SKIPPED, str(held), words=_HELD_SHOWN[held])
        same = {subject: known for subject, known in self._known.items() if found.get(subject) == known}
        if not len(same) == len(found) == len(self._known):
            self._known = MappingProxyType({**found, **same})
        return self._known

    def round(
        self,
        seen: Seen,
        hooks: Hooks,
        manner: Manner = Manner(),
        *,
        reread: Callable[[], Seen] | None = None,
        chosen: Callable[[Aim], bool] = lambda aim: True,
    ) -> Round:
        """Send what is due now, step by step; `reread` reads the stores again before a refusal is confirmed."""
        self.book.reload(self._now())
        aimed = self.aims(seen)
        self._count_from_zero(aimed)
        picked = [aim for aim in aimed if chosen(aim)]
        steps = Steps(self._ground(manner), picked, replace(hooks, settled=self._counted(hooks)))
        steps.reread = None if reread is None else lambda: self.aims(reread())
        self._held = steps.take(self._free(picked)) | steps.take(self._more(picked, manner, hooks))
        self._note(steps)
        if not manner.by_hand:
            self._forget(aimed)
        return Round(aimed, MappingProxyType(steps.sent), MappingProxyType(self._held), self._next(picked, manner))

    def recent(self) -> tuple[Mapping[str, object], ...]:
        """The last answers, newest first."""
        return self.book.recent()

    def _ground(self, manner: Manner) -> Ground:
        probes, allowed = self._probes, self._allowed(manner)
        proxy = probes.proxy.reveal() if probes.proxy is not None else None
        return Ground(
            self.book,
            Limits(probes.timeout, probes.concurrency, probes.per_host_gap, proxy, self._loopback_only),
            lambda provider: probe_policy.timeout(probes, provider),
            lambda questions: self._plan(questions, manner),
            self._now,
            self._listed if allowed.somewhere else None,
            manner.deep,
        )

    def _plan(self, questions: Sequence[Question], manner: Manner) -> Plan:
        targets = [question.target for question in questions]
        most = None if manner.by_hand else _MOST * self._probes.concurrency
        return plan(
            targets, self.book.memory, self._now(), self._rules(), by_hand=manner.by_hand, minimum_from=manner.minimum_from, most=most
        )

    def _rules(self) -> Rules:
        return probe_policy.rules(self._probes, memory_survives=self.book.survives)

    def _allowed(self, manner: Manner) -> Allowed:
        return probe_policy.allowed(self._probes, deep_now=manner.deep)

    def _free(self, aimed: Iterable[Aim]) -> list[Question]:
        return [Question(aim.target, aim.request) for aim in aimed if aim.target is not None and aim.request is not None]

    def _more(self, aimed: Collection[Aim], manner: Manner, hooks: Hooks) -> list[Question]:
        """The steps after the free probe."""
        if hooks.stop.is_set():
            return []
        known = self.book.outcomes
        fine = {key for key, outcome in known.items() if outcome.outcome is ProbeStatus.OK}
        usage = [question for aim in aimed if aim.account in fine for question in aim.usage]
        return [*usage, *deep_questions(aimed, known, self._listed, self._allowed(manner), self._now())]

    def _next(self, aimed: Collection[Aim], manner: Manner) -> datetime | None:
        """When to look again: at once, when something is due already."""
        if manner.by_hand:
            return None
        planned = self._plan([*self._free(aimed), *self._more(aimed, manner, Hooks())], manner)
        soon = self._now() + _SOONEST
        if planned.due:
            return soon
        return max(planned.next_at, soon) if planned.next_at is not None else None

    def _forget(self, aimed: Collection[Aim]) -> None:
        """Drop accounts that nobody holds any more, so that nothing grows."""
        accounts = {aim.account for aim in aimed if aim.account}
        keys = {key for key in self.book.memory.targets if account_of(key) in accounts}
        memory = probe_memory.forget(self.book.memory, keys, self._now())
        outcomes = {key: outcome for key, outcome in self.book.outcomes.items() if key in keys}
        if memory != self.book.memory or len(outcomes) != len(self.book.outcomes):
            self.book.keep(memory, MappingProxyType(outcomes), (), self._now())
        for account in self._listed.keys() - accounts:
            del self._listed[account]

    def _count_from_zero(self, aimed: Iterable[Aim]) -> None:
        for provider in {aim.target.provider for aim in aimed if aim.target is not None}:
            for status in ProbeStatus:
                self.attempts.setdefault((provider, str(status)), 0)

    def _counted(self, hooks: Hooks) -> Callable[[Target, Outcome], None]:
        def settled(target: Target, outcome: Outcome) -> None:
            self.attempts[target.provider, str(outcome.outcome)] += 1
            hooks.settled(target, outcome)

        return settled

    def _note(self, steps: Steps) -> None:
        """Remember since when nothing answers."""
        if steps.answered:
            self.network_down_since = self.unanswered_since = None
        elif steps.sent:
            self.unanswered_since = self.unanswered_since or self._now()
            own = any(outcome.detail == "own_network" for outcome in steps.sent.values())
            self.network_down_since = (self.network_down_since or self._now()) if own else None
