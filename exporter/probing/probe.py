"""Edge. Sends probes: one plain HTTP request each, timed by phase, without retries, redirects, cookies or proxies of the environment.

Threads and synchronous code: a few workers, one request per host at a time, spaced. The calling thread keeps the deadlines: a server that
drips its answer is cut off when the total limit is over.
"""

from __future__ import annotations

import heapq
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import httpx

from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.schedule import hold_apart
from exporter.probing.exchange import Flight, Ways, exchange, failure, guarded, phases, timed_out
from exporter.providers.classify import classify
from exporter.providers.request import Request

_GRACE_SECONDS = 1.0  # a name server that never answers holds its thread; the outcome does not wait for it


@dataclass(frozen=True, slots=True)
class Limits:
    """How requests are sent. `proxy` comes from the settings only, and this machine's own servers are asked without it; `loopback_only`
    keeps every request on this machine."""

    timeout: timedelta = timedelta(seconds=15)
    concurrency: int = 2
    per_host_gap: timedelta = timedelta(seconds=2)
    proxy: str | None = None
    loopback_only: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One request of a pass. `key` names its account; `after` is how long to wait from the start of the pass; `prepare`, called just before
    sending, may change the request (a credential read anew) or cancel it with None."""

    key: str
    request: Request
    after: timedelta = timedelta(0)
    timeout: timedelta | None = None
    prepare: Callable[[Request], Request | None] | None = None


Observer = Callable[[Job, int, Mapping[str, str], bytes], None]
Listener = Callable[[Job, Outcome], None]


def send_all(
    jobs: Sequence[Job],
    limits: Limits,
    *,
    before: Callable[[Job], None] = lambda job: None,
    after: Listener = lambda job, outcome: None,
    observe: Observer | None = None,
    stop: threading.Event | None = None,
    transport: httpx.BaseTransport | None = None,
    verify: ssl.SSLContext | bool = True,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Mapping[str, Outcome]:
    """Send every job and return the outcomes by key; jobs cancelled or stopped are absent.

    `before` is called ahead of each request and `after` behind it, both one at a time; `observe` sees the raw answer. When nothing at all
    answered, the outcomes say so (`own_network`) and `after` has not: use the returned ones for verdicts.
    Errors: never raises for what the network or a provider does; a bug in a callback is raised when the pass is over.
    """
    if not jobs:
        return MappingProxyType({})
    with Ways(limits.proxy, verify, transport) as ways:
        found = _Pass(ways, jobs, limits, before, after, observe, stop or threading.Event(), now).run()
    return hold_apart(found, {job.key: job.request.host for job in jobs})


class _Pass:
    """One pass: hosts wait in a heap by the instant at which they may be asked again; a worker takes the next one that is free."""

    def __init__(
        self,
        ways: Ways,
        jobs: Sequence[Job],
        limits: Limits,
        before: Callable[[Job], None],
        after: Listener,
        observe: Observer | None,
        stop: threading.Event,
        now: Callable[[], datetime],
    ) -> None:
        self._ways, self._limits, self._before, self._after, self._observe = ways, limits, before, after, observe
        self._stop, self._now = stop, now
        self._start = time.monotonic()
        self._waiting: dict[str, deque[Job]] = {}
        for job in sorted(jobs, key=lambda entry: entry.after):
            self._waiting.setdefault(job.request.host, deque()).append(job)
        self._ready = [(self._start + queue[0].after.total_seconds(), host) for host, queue in self._waiting.items()]
        heapq.heapify(self._ready)
        self._left = len(jobs)
        self._busy = 0  # taken and not yet settled
        self._in_air: dict[int, tuple[Job, Flight]] = {}
        self._found: dict[str, Outcome] = {}
        self._fault: BaseException | None = None
        self._stopped_at = 0.0
        self._tick = min([0.5, *(self._limit(job) for job in jobs)])
        self._leading = False  # one idle worker watches the time, the others sleep until they are called
        lock = threading.RLock()
        self._change = threading.Condition(lock)
        self._progress = threading.Condition(lock)  # for the calling thread
        self._telling = threading.Lock()

    def run(self) -> dict[str, Outcome]:
        """Start the workers, keep the deadlines, return when every job has its end."""
        for _ in range(max(1, min(self._limits.concurrency, len(self._waiting)))):
            self._worker()
        while True:
            with self._change:
                if self._fault is not None or self._ended():
                    break
                given_up = self._enforce()
                if not given_up:
                    self._progress.wait(self._patience())
            for job, flight in given_up:  # its thread hangs in a name lookup that nothing can interrupt
                self._settle(job, flight, timed_out(flight, self._now()))
                self._worker()
            if self._stop.is_set():
                with self._change:
                    self._change.notify_all()
        with self._change:
            self._left = 0
            for _, flight in self._in_air.values():
                flight.abandoned = True
            self._change.notify_all()
            found = dict(self._found)
        if self._fault is not None:
            raise self._fault
        return found

    def _ended(self) -> bool:
        """True when every job has its end; after a stop also when what was under way did not react within a moment."""
        if not self._stop.is_set():
            return not self._left
        moment = time.monotonic()
        self._stopped_at = self._stopped_at or moment
        for _, flight in self._in_air.values():
            if not flight.expired:
                flight.expire()
        return not self._busy or moment - self._stopped_at > _GRACE_SECONDS

    def _worker(self) -> None:
        threading.Thread(target=self._work, name="probe", daemon=True).start()

    def _enforce(self) -> list[tuple[Job, Flight]]:
        """Cut off what is over its limit; return what did not even react to that."""
        moment = time.monotonic()
        for _, flight in self._in_air.values():
            if flight.deadline <= moment and not flight.expired:
                flight.expire()
        given_up = [(job, flight) for job, flight in self._in_air.values() if flight.deadline + _GRACE_SECONDS <= moment]
        for _, flight in given_up:
            flight.abandoned = True
            del self._in_air[id(flight)]
        return given_up

    def _patience(self) -> float:
        """Seconds until a limit can be over."""
        ends = (flight.deadline + (_GRACE_SECONDS if flight.expired else 0.0) for _, flight in self._in_air.values())
        return min(self._tick, max(0.005, min(ends, default=float("inf")) - time.monotonic()))

    def _work(self) -> None:
        try:
            while (taken := self._take()) is not None:
                job, flight = taken
                outcome = self._one(job, flight)
                with self._change:
                    if flight.abandoned:
                        return
                    del self._in_air[id(flight)]
                    if self._stop.is_set() and flight.expired:
                        outcome = None  # we cut it off ourselves: that says nothing about the provider
                self._settle(job, flight, outcome)
        except BaseException as fault:  # a bug, or a callback's: handed to the caller's thread
            with self._change:
                self._fault = self._fault or fault
                self._progress.notify()

    def _take(self) -> tuple[Job, Flight] | None:
        """The next job whose host is free, waiting for it; None when there is none left."""
        with self._change:
            while self._left and not self._stop.is_set():
                moment = time.monotonic()
                if self._ready and self._ready[0][0] <= moment:
                    _, host = heapq.heappop(self._ready)
                    job = self._waiting[host].popleft()
                    flight = Flight(moment, moment + self._limit(job))
                    self._in_air[id(flight)] = (job, flight)
                    self._busy += 1
                    self._change.notify()
                    return job, flight
                if not self._ready and not any(self._waiting.values()):
                    return None
                if self._leading or not self._ready:
                    self._change.wait()
                    continue
                self._leading = True
                self._change.wait(self._ready[0][0] - moment)
                self._leading = False
        return None

    def _settle(self, job: Job, flight: Flight, outcome: Outcome | None) -> None:
        """Tell of an outcome, then free its host."""
        if outcome is not None:
            with self._telling:
                self._after(job, outcome)
        with self._change:
            queue = self._waiting[job.request.host]
            if queue:
                gap = self._limits.per_host_gap.total_seconds() if outcome is not None else 0.0
                ready = max(flight.sent_at + gap, self._start + queue[0].after.total_seconds())
                heapq.heappush(self._ready, (ready, job.request.host))
            if outcome is not None:
                self._found[job.key] = outcome
            self._left -= 1
            self._busy -= 1
            self._change.notify()
            self._progress.notify()

    def _limit(self, job: Job) -> float:
        return (job.timeout or self._limits.timeout).total_seconds()

    def _one(self, job: Job, flight: Flight) -> Outcome | None:
        request = job.request if job.prepare is None else job.prepare(job.request)
        if request is None:
            return None
        refused = guarded(request, job.request.host, self._now(), loopback_only=self._limits.loopback_only)
        if refused is not None:
            return refused
        with self._telling:
            self._before(job)
        with self._change:
            flight.started = time.monotonic()
            flight.deadline = flight.started + self._limit(job)
        try:
            status, headers, body = exchange(self._ways.to(request.host), request, flight)
        except Exception as fault:
            if flight.expired:
                return timed_out(flight, self._now())
            if not isinstance(fault, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError | OSError):
                raise
            return replace(failure(fault), at=self._now(), phases=phases(flight, time.monotonic()))
        return self._read(job, request, flight, (status, headers, body))

    def _read(self, job: Job, request: Request, flight: Flight, answer: tuple[int, Mapping[str, str], bytes]) -> Outcome:
        measured = phases(flight, time.monotonic())
        status, headers, body = answer
        if self._observe is not None:
            with self._telling:
                self._observe(job, status, headers, body)
        outcome = classify(request.provider, status, headers, body, self._now(), purpose=request.purpose, secrets=request.secrets)
        if request.region_doubt and outcome.outcome is ProbeStatus.AUTH and outcome.detail == "invalid":
            outcome = replace(outcome, detail="region")
        return replace(outcome, phases=measured)
