"""Edge. The steps of one round: what is due is sent, and sent once more where the answer itself says how to ask better."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from exporter.journal.probes import ProbeBook
from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.schedule import Due, Hold, Plan
from exporter.planning.targets import Aim, Question
from exporter.probing.one_pass import Hooks, Pass, account_of
from exporter.probing.probe import Job, Limits
from exporter.providers.completion import again, deep, listed
from exporter.providers.fallback import fallback
from exporter.providers.request import Request
from exporter.providers.row import Purpose

_MODELS_KEPT = 300  # ids of one account's model list


@dataclass(frozen=True, slots=True)
class Ground:
    """What a round stands on. `models` collects the model ids each account may use, None when no completion is allowed anywhere."""

    book: ProbeBook
    limits: Limits
    timeout: Callable[[str], timedelta]
    plan: Callable[[Sequence[Question]], Plan]
    now: Callable[[], datetime]
    models: MutableMapping[str, tuple[str, ...]] | None = None
    deep_by_hand: bool = False


class Steps:
    """One round. `sent` holds the outcomes of requests that left, by key."""

    def __init__(self, ground: Ground, aimed: Sequence[Aim], hooks: Hooks) -> None:
        """Prepare; sends nothing yet."""
        self.sent: dict[str, Outcome] = {}
        self.answered = False
        self.reread: Callable[[], Collection[Aim]] | None = None
        self._ground, self._hooks = ground, replace(hooks, observe=self._observed(hooks))
        self._aims = {aim.account: aim for aim in aimed if aim.account}
        self._names: dict[str, list[str]] = defaultdict(list)
        self._rereading = threading.Lock()
        for aim in aimed:
            if aim.account:
                self._names[aim.account].append("/".join((aim.subject.gateway, aim.subject.agent, aim.subject.profile)))

    def take(self, questions: Sequence[Question]) -> dict[str, Hold]:
        """Send what is due of these; return why the others are held."""
        if not questions or self._hooks.stop.is_set():
            return {}
        now, planned = self._ground.now(), self._ground.plan(questions)
        requests = {question.target.key: question.request for question in questions}
        found = self._send([(due, requests[due.target.key]) for due in planned.due], now)
        retries = self._retries(planned.due, requests, found)
        if retries and not self._hooks.stop.is_set():
            self._send(retries, self._ground.now())
        return dict(planned.held)

    def _send(self, due: Sequence[tuple[Due, Request]], now: datetime) -> Mapping[str, Outcome]:
        if not due:
            return {}
        sending = Pass(self._ground.book, self._ground.limits, self._hooks, self._names, self._ground.now)
        found = sending.send([self._job(one, request, now) for one, request in due], {one.target.key: one.target for one, _ in due})
        self.sent |= found
        self.answered = self.answered or sending.answered
        return found

    def _job(self, due: Due, request: Request, now: datetime) -> Job:
        prepare = self._fresh(due.target.key) if due.confirming and self.reread is not None else None
        return Job(due.target.key, request, max(due.not_before - now, timedelta(0)), self._ground.timeout(due.target.provider), prepare)

    def _fresh(self, key: str) -> Callable[[Request], Request | None]:
        """Read the stores once more: a credential that was replaced meanwhile needs no confirmation."""

        def prepare(request: Request) -> Request | None:
            with self._rereading:
                aimed = self.reread() if self.reread is not None else ()
            held = next((aim for aim in aimed if aim.account == account_of(key) and aim.target is not None), None)
            if held is None:
                return None
            return held.request if key == held.account else request

        return prepare

    def _observed(self, hooks: Hooks) -> Callable[[Job, int, Mapping[str, str], bytes], None]:
        def observe(job: Job, status: int, headers: Mapping[str, str], body: bytes) -> None:
            kept = self._ground.models
            if kept is not None and job.request.purpose is Purpose.LIGHT and 200 <= status < 300 and (models := _models(body)):
                kept[job.key] = models
            if hooks.observe is not None:
                hooks.observe(job, status, headers, body)

        return observe

    def _retries(self, due: Sequence[Due], requests: Mapping[str, Request], found: Mapping[str, Outcome]) -> list[tuple[Due, Request]]:
        """What to ask once more: at the other address, for another model, in the newer form."""
        at = self._ground.now() + self._ground.limits.per_host_gap
        retries = []
        for one in due:
            outcome, aim = found.get(one.target.key), self._aims.get(account_of(one.target.key))
            other = self._other(requests[one.target.key], outcome, aim) if outcome is not None and aim is not None else None
            if other is not None:
                retries.append((Due(one.target, at), other))
        return retries

    def _other(self, request: Request, outcome: Outcome, aim: Aim) -> Request | None:
        now, access = self._ground.now(), aim.access
        if access is None:
            return None
        if request.purpose is Purpose.LIGHT:
            return fallback(request, outcome, access, now)
        if request.purpose is not Purpose.DEEP:
            return None
        if outcome.outcome is ProbeStatus.MODEL_NOT_FOUND and not access.model:
            models = (self._ground.models or {}).get(aim.account, ())
            made = deep(access, now, models, by_hand=self._ground.deep_by_hand, tried=frozenset({request.model}))
            return made if isinstance(made, Request) and made.model != request.model else None
        return again(request, outcome)


def _models(body: bytes) -> tuple[str, ...]:
    try:
        return listed(json.loads(body))[:_MODELS_KEPT]
    except (ValueError, RecursionError):
        return ()
