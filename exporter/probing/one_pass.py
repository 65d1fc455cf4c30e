"""Edge. One pass of requests: claimed in the memory before the first leaves, settled as the answers come, written in a few transactions."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

import httpx

from exporter.journal.probes import ProbeBook
from exporter.outcome import Outcome, ProbeStatus
from exporter.planning import probe_memory
from exporter.planning.probe_memory import Remembered, Target
from exporter.probing.probe import Job, Limits, Observer, send_all
from exporter.providers.row import Purpose

_WRITE_EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Hooks:
    """Whom to tell, and whom to ask. `published` after outcomes were taken in; `settled` after each answer; `observe` sees raw answers."""

    stop: threading.Event = field(default_factory=threading.Event)
    settled: Callable[[Target, Outcome], None] = lambda target, outcome: None
    published: Callable[[], None] = lambda: None
    observe: Observer | None = None
    transport: httpx.BaseTransport | None = None


class Pass:
    """Sends one batch. An outcome without any answer waits until something else answered: our own network may be down."""

    def __init__(
        self, book: ProbeBook, limits: Limits, hooks: Hooks, names: Mapping[str, Sequence[str]], now: Callable[[], datetime]
    ) -> None:
        """Prepare; `names` are the profiles of each account, for the list of last answers."""
        self._book, self._limits, self._hooks, self._names, self._now = book, limits, hooks, names, now
        self.answered = False
        self.raw: dict[str, Outcome] = {}
        self._targets: dict[str, Target] = {}
        self._learned: dict[str, Remembered] = {}  # of accounts, and when hosts were asked, since the last writing
        self._asked: dict[str, datetime] = {}
        self._left: dict[str, datetime] = {}
        self._silent: dict[str, Outcome] = {}
        self._told: dict[str, Outcome] = {}
        self._answers: list[Mapping[str, object]] = []
        self._written = time.monotonic()

    def send(self, jobs: Sequence[Job], targets: Mapping[str, Target]) -> Mapping[str, Outcome]:
        """Send every job of `targets` (by key); return the outcomes of those that were sent."""
        self._targets = dict(targets)
        before, begun = self._book.memory, self._now()
        claimed = probe_memory.claim_all(before, tuple(targets.values()), begun)
        self._book.keep(claimed, self._book.outcomes, (), begun)
        try:
            found = send_all(
                jobs, self._limits, before=self._leaves, after=self._settle, observe=self._hooks.observe, stop=self._hooks.stop,
                transport=self._hooks.transport, verify=_tls(jobs, self._hooks.transport), now=self._now,
            )  # fmt: skip
            self._end(found)
        finally:
            self._book.memory = probe_memory.merge(self._book.memory, self._learned, self._asked)
            unsent = [target for key, target in targets.items() if key not in self._left]
            self._book.keep(probe_memory.release(self._book.memory, before, unsent, begun), self._book.outcomes, (), self._now())
        return MappingProxyType({key: self._told.get(key, outcome) for key, outcome in found.items()})

    def _leaves(self, job: Job) -> None:
        self._left[job.key] = self._now()

    def _settle(self, job: Job, outcome: Outcome) -> None:
        """Take in one answer."""
        target, left, now = self._targets[job.key], self._left.get(job.key), self._now()
        known = self._learned.get(job.key) or self._book.memory.targets.get(job.key)
        if left is not None and known is not None:
            known = self._learned[job.key] = replace(known, claimed_at=left)
            self._asked[target.host] = left
        kept, told = probe_memory.answered(known, target, outcome, now)
        if kept is not None:
            self._learned[job.key] = kept
        self.raw[job.key] = told
        self._answers.append(self._entry(job, target, told))
        if told.outcome in probe_memory.NOT_SENT:
            self._left[job.key] = now  # refused by ourselves: not to be tried again before its time
            if job.key not in self._book.outcomes:
                self._told[job.key] = told
        elif told.status is None and told.outcome in probe_memory.TRANSIENT:
            self._silent[job.key] = told
        else:
            self.answered = True
            self._told[job.key] = told
        self._hooks.settled(target, told)
        if self.answered and time.monotonic() - self._written > _WRITE_EVERY_SECONDS:
            self._write()

    def _end(self, found: Mapping[str, Outcome]) -> None:
        """Take in what never answered; when nothing did, a refusal seen before stands: our own network says nothing about it."""
        for key, silent in self._silent.items():
            if found[key].detail == "own_network" and _refused(self._book.outcomes.get(key), silent):
                continue
            self._told[key] = replace(found[key], fingerprint=silent.fingerprint, last_success_at=silent.last_success_at)
        self._silent = {}
        self._write()

    def _write(self) -> None:
        memory = probe_memory.merge(self._book.memory, self._learned, self._asked)
        outcomes = MappingProxyType({**self._book.outcomes, **self._told})
        self._learned, self._asked = {}, {}
        self._book.keep(memory, outcomes, tuple(self._answers), self._now())
        self._answers, self._written = [], time.monotonic()
        self._hooks.published()

    def _entry(self, job: Job, target: Target, told: Outcome) -> Mapping[str, object]:
        return {
            "at": told.at.timestamp() if told.at else None,
            "provider": target.provider,
            "host": target.host,
            "purpose": target.purpose.value,
            "model": job.request.model or None,
            "profiles": list(self._names.get(account_of(job.key), ())),
            "outcome": told.outcome.value,
            "detail": told.detail or None,
            "confirmed": told.confirmed,
            "status": told.status,
            "words": told.words or None,
            "seconds": told.phases.get("total"),
            "retry_at": told.retry_at.timestamp() if told.retry_at else None,
        }


def account_of(key: str) -> str:
    """The account a key belongs to, whatever the purpose."""
    first, _, rest = key.partition("|")
    return rest if first in (Purpose.USAGE, Purpose.DEEP) else key


def _refused(known: Outcome | None, silent: Outcome) -> bool:
    return known is not None and known.refused and known.fingerprint == silent.fingerprint and silent.outcome is not ProbeStatus.OK


def _tls(jobs: Sequence[Job], transport: httpx.BaseTransport | None) -> ssl.SSLContext | bool:
    """The certificates to trust, loaded once; without an https address among the jobs none are loaded and nobody is trusted."""
    if transport is not None:
        return True
    return _trusted() if any(job.request.url.startswith("https:") for job in jobs) else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
