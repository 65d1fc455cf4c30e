"""Edge. The composition root of `serve`: clocks, jobs, signals, the service manager. The only user of the scheduler library.

The library plans by the wall clock. A clock set back would leave its jobs waiting, one set forward would let them pile up:
a watch thread compares the wall clock with the monotonic one and plans all jobs anew after a jump or a sleep of the machine.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger

from exporter import __version__
from exporter.attendant import CONFIG, INTERNAL, Attendant, refuse
from exporter.clock import jumped
from exporter.logs import configure, event, place_of
from exporter.memory import hand_back
from exporter.monitor import Clocks, Monitor
from exporter.notify_socket import ServiceManager, notify
from exporter.settings import Settings
from exporter.settings_file.text import SettingsError, parse_address
from exporter.task_book import TaskBook
from exporter.verdict import Snapshot
from exporter.web.server import CannotListen, Server, bind, inherited
from exporter.website import Website

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_WATCH_SECONDS: Final = 1.0
_LAST_RUN_SECONDS: Final = 2.0
_SOONEST: Final = timedelta(milliseconds=200)  # between two passes that time alone asks for
_AFTER_A_FAULT: Final = timedelta(minutes=5)  # of ours, before probing is tried again
_DELIVER_EVERY: Final = timedelta(seconds=5)  # looks for what is due again


def serve(
    settings: Settings,
    *,
    reload: Callable[[], Settings] | None = None,
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
    clocks: Clocks = Clocks(),
    loopback_only: bool = False,
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. `reload` reads the settings anew on SIGHUP; a fault keeps the old ones.

    `loopback_only` keeps every probe on this machine.
    """
    configure(settings.log.level, settings.log.format)
    host, port = parse_address(settings.listen)
    try:
        sock = inherited(environ) or bind(host, port)
    except CannotListen as error:
        return refuse(INTERNAL if error.taken else CONFIG, str(error))
    attendant = Attendant(reload, ServiceManager(environ))
    with sock, _heeding(attendant):  # whatever fails from here on, the address is free again
        monitor = Monitor(settings, environ, home or Path(environ.get("HOME") or Path.home()), clocks, loopback_only=loopback_only)
        return _attended(monitor, Timetable(monitor.book, clocks), attendant, sock, environ)


@contextlib.contextmanager
def _heeding(attendant: Attendant) -> Iterator[None]:
    """Hand signals to the attendant meanwhile."""
    handlers = {number: signal.signal(number, lambda got, _: attendant.tell(got)) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _attended(monitor: Monitor, timetable: Timetable, attendant: Attendant, sock: socket.socket, environ: Mapping[str, str]) -> int:
    server: Server | None = None
    try:
        website = Website(monitor.settings, monitor, monitor.alarm, attendant.reload)
        server = Server(website.app(), sock, website.door)
        server.start()
        _arrange(timetable, monitor)
        host = parse_address(monitor.settings.listen)[0]
        event(logging.INFO, "serving", version=__version__, listen=f"{host or '*'}:{sock.getsockname()[1]}")
        code = attendant.attend(monitor, website, server, lambda: _arrange(timetable, monitor))
    except SettingsError as error:
        code = refuse(CONFIG, str(error))
    finally:
        notify("STOPPING=1", environ)
        ended = _stopped(server, timetable, monitor)
    if not ended:
        _abandon(code)
    return code


def _abandon(code: int) -> None:
    """End at once: the interpreter would wait for the thread, and so for a disk that hangs."""
    event(logging.WARNING, "run_abandoned")
    sys.stderr.flush()
    os._exit(code)


def _stopped(server: Server | None, timetable: Timetable, monitor: Monitor) -> bool:
    """Stop everything in order; False when a run under way does not end."""
    if server is not None:
        server.stop()
    monitor.alarm.channels.close()
    ended = timetable.stop()
    monitor.close()
    return ended


def _arrange(timetable: Timetable, monitor: Monitor) -> None:
    """Plan the jobs: the sweep, the full pass, one more pass whenever time alone changes a verdict, the alerts, the export."""

    def full_pass() -> None:
        followed(monitor.full_pass())
        hand_back()

    def sweep() -> None:
        if monitor.sweep():
            followed(monitor.look().snapshot)

    def followed(snapshot: Snapshot) -> None:
        timetable.once("due", "pass", full_pass, snapshot.until)
        timetable.once("judged", "alert", alert, snapshot.at, worker="alert")
        rounds.credentials_seen()

    def alert() -> None:
        timetable.once("ripe", "alert", alert, monitor.alert(), worker="alert")
        timetable.once("written", "deliver", deliver, monitor.look().now, worker="deliver")

    def deliver() -> None:
        monitor.alarm.deliver()

    rounds = _Rounds(timetable, monitor, followed)
    rounds.plan(monitor.look().now)
    read = monitor.settings.read
    timetable.every("pass", read.interval, full_pass, at_once=True)
    timetable.every("sweep", read.poll, sweep)
    timetable.every("deliver", _DELIVER_EVERY, deliver, worker="deliver")
    if monitor.settings.metrics.textfile is not None or monitor.settings.metrics.push is not None:
        timetable.every("export", read.interval, monitor.export, worker="export")
    else:
        timetable.drop("export")


class _Rounds:
    """The rounds of probes: each says when the next one is due; credentials that appear are asked about at once."""

    def __init__(self, timetable: Timetable, monitor: Monitor, followed: Callable[[Snapshot], None]) -> None:
        self._timetable, self._monitor, self._followed = timetable, monitor, followed
        self._asking = threading.Lock()

    def plan(self, at: datetime | None) -> None:
        """Plan the next round; none where the settings switch probing off."""
        self._timetable.once("asked", "probe", self._ask, at if self._monitor.prober.wanted else None, worker="probe")

    def credentials_seen(self) -> None:
        """Look whether credentials appeared; a round under way sees to them itself when it ends."""
        if self._monitor.has_new_credentials() and not self._asking.locked():
            self.plan(self._monitor.look().now)

    def _ask(self) -> None:
        next_at: datetime | None = self._monitor.look().now + _AFTER_A_FAULT
        try:
            with self._asking:
                next_at = self._monitor.probe(self._timetable.stopping, self._followed)
        finally:
            self.plan(next_at)


class Timetable:
    """Jobs by name. Each kind of work has one thread; a run that finds the one before still going is skipped and counted."""

    def __init__(self, book: TaskBook, clocks: Clocks) -> None:
        """Start with no jobs."""
        logging.getLogger("apscheduler").setLevel(
            logging.CRITICAL
        )  # it logs exception texts and each skipped run; we count and log ourselves
        self._book, self._now, self._monotonic = book, clocks.now, clocks.monotonic
        self._tasks: dict[str, str] = {}
        self.stopping = threading.Event()
        self._idle = threading.Condition()
        self._under_way = 0
        self._scheduler = BackgroundScheduler(
            executors={worker: ThreadPoolExecutor(1) for worker in ("read", "probe", "alert", "deliver", "export")},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )
        self._scheduler.add_listener(self._count_lost, EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
        self._scheduler.start()
        self._watch = threading.Thread(target=self._watch_clocks, name="clock-watch", daemon=True)
        self._watch.start()

    def every(self, name: str, interval: timedelta, run: Callable[[], None], *, worker: str = "read", at_once: bool = False) -> None:
        """Run a task again and again; replaces the plan it had."""
        now = datetime.now(UTC)
        self._add(name, name, run, _Every(interval), worker, now if at_once else now + interval)

    def once(self, job: str, task: str, run: Callable[[], None], at: datetime | None, *, worker: str = "read") -> None:
        """Run a task at an instant beside its other runs; None drops the plan."""
        if at is None or self.stopping.is_set():
            self.drop(job)
            return
        due = datetime.now(UTC) + max(at - self._now(), _SOONEST)
        self._add(job, task, run, DateTrigger(due), worker, due)

    def drop(self, job: str) -> None:
        """Forget a job, if there is one."""
        try:
            self._scheduler.remove_job(job)
        except JobLookupError:
            pass

    def rearm(self) -> None:
        """Let every job run now and plan on from here."""
        now = datetime.now(UTC)
        for job in self._scheduler.get_jobs():
            try:
                job.modify(next_run_time=now)
            except JobLookupError:  # it ran meanwhile
                pass

    def stop(self) -> bool:
        """Stop planning; False when a run under way does not end within a moment."""
        self.stopping.set()
        self._scheduler.shutdown(wait=False)
        self._watch.join(_WATCH_SECONDS)
        with self._idle:
            return self._idle.wait_for(lambda: self._under_way == 0, _LAST_RUN_SECONDS)

    def _add(self, job: str, task: str, run: Callable[[], None], trigger: BaseTrigger, worker: str, first: datetime) -> None:
        self._tasks[job] = task
        self._scheduler.add_job(lambda: self._run(task, run), trigger, id=job, replace_existing=True, executor=worker, next_run_time=first)

    def _run(self, task: str, run: Callable[[], None]) -> None:
        """Run one job; whatever goes wrong stops here: logged without its text, counted, and the old snapshot stays."""
        if self.stopping.is_set():
            return
        with self._idle:
            self._under_way += 1
        try:
            self._counted(task, run)
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def _counted(self, task: str, run: Callable[[], None]) -> None:
        began = self._monotonic()
        self._book.begin(task)
        try:
            run()
        except Exception as error:
            self._book.count(task, "error", self._now(), self._monotonic() - began)
            event(logging.ERROR, "task_failed", task=task, error=type(error).__name__, trace=place_of(error))
            return
        self._book.count(task, "ok", self._now(), self._monotonic() - began)

    def _count_lost(self, lost: JobEvent) -> None:
        outcome = "skipped" if lost.code == EVENT_JOB_MAX_INSTANCES else "missed"
        self._book.count(self._tasks[lost.job_id], outcome)
        event(logging.DEBUG, "run_lost", task=self._tasks[lost.job_id], outcome=outcome)

    def _watch_clocks(self) -> None:
        wall, monotonic = self._now(), self._monotonic()
        while not self.stopping.wait(_WATCH_SECONDS):
            before, since = wall, monotonic
            wall, monotonic = self._now(), self._monotonic()
            passed = timedelta(seconds=monotonic - since)
            if jumped(wall - before, passed):
                event(logging.WARNING, "clock_jumped", seconds=(wall - before - passed).total_seconds())
                self.rearm()


class _Every(BaseTrigger):  # type: ignore[misc]  # the library has no types
    """A fixed interval that never looks back: however late it is, only one run is due."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> Any:
        if previous_fire_time is None:
            return now
        due: datetime = previous_fire_time + self._interval
        return due if due > now else now + self._interval
