"""Edge. The main thread's work beside a real monitor, a real web server and a service manager's socket."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exporter.attendant import Attendant
from exporter.monitor import Clocks, Monitor
from exporter.notify_socket import ServiceManager
from exporter.settings import Settings
from exporter.settings_file.text import SettingsError
from exporter.web.server import Server, bind
from exporter.website import Website
from tests.running import until
from tests.service.manager import Manager
from tests.service.test_monitor import Clock, House, token

FED = "WATCHDOG=1"


@dataclass
class Watch:
    """An attendant at work in a thread of its own. `settings` is what a reload reads, or why it cannot."""

    monitor: Monitor
    clock: Clock
    manager: Manager
    settings: Settings | SettingsError = field(default_factory=Settings)
    attendant: Attendant = field(init=False)
    code: list[int] = field(default_factory=list)

    def reload(self) -> Settings:
        if isinstance(self.settings, SettingsError):
            raise self.settings
        return self.settings


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    house = House(tmp_path / "home")
    (house.home / ".openclaw").mkdir(parents=True)
    house.write(anthropic_a=token())
    environ = {"HOME": str(house.home), "STATE_DIRECTORY": str(tmp_path / "state")}
    with closing(Manager(tmp_path / "notify")) as manager:
        monitor = Monitor(Settings(), environ, house.home, Clocks(house.clock.now, house.clock.monotonic))
        made = Watch(monitor, house.clock, manager)
        made.attendant = Attendant(made.reload, ServiceManager({"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "150000"}))
        website = Website(Settings(), monitor, monitor.alarm, made.attendant.reload)
        server = Server(website.app(), bind("127.0.0.1", 0), website.door)
        server.start()
        thread = threading.Thread(target=lambda: made.code.append(made.attendant.attend(monitor, website, server, lambda: None)))
        thread.start()
        yield made
        made.attendant.tell(signal.SIGTERM)
        thread.join(10)
        server.stop()
        monitor.alarm.channels.close()
        monitor.close()
    assert made.code == [0]


def _heard(watch: Watch, what: str, look: Callable[[list[str]], bool]) -> None:
    until(what, lambda: look(watch.manager.datagrams), every=0.02)


def test_it_is_ready_once_a_pass_is_done_and_not_because_of_a_reload(watch: Watch) -> None:
    assert watch.attendant.reload() == ""
    watch.monitor.full_pass()
    _heard(watch, "a status", lambda said: any(line.startswith("STATUS=") for line in said))
    said = watch.manager.datagrams
    assert said[0].startswith("RELOADING=1")
    assert said[1:4] == ["READY=1", FED, "STATUS=Everything works; 1 profile of 1 agent; 1 provider in use"]


def test_a_reload_is_announced_with_its_time_and_ended_well_or_ill(watch: Watch) -> None:
    watch.monitor.full_pass()
    _heard(watch, "READY", lambda said: "READY=1" in said)
    for settings, fault in ((Settings(), ""), (SettingsError("settings.yaml", 1, "x", "no such setting", "take it out"), "no such")):
        watch.settings = settings
        before, heard = time.monotonic_ns() // 1000, len(watch.manager.datagrams)
        assert fault in watch.attendant.reload()
        _heard(watch, "READY again", lambda said, heard=heard: "READY=1" in said[heard:])  # type: ignore[misc]
        said = [line for line in watch.manager.datagrams[heard:] if not line.startswith(("WATCHDOG", "STATUS"))]
        assert said[1:] == ["READY=1"]
        first, _, moment = said[0].partition("\nMONOTONIC_USEC=")
        assert first == "RELOADING=1"
        assert before <= int(moment) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize(
    ("task", "seconds", "words"),
    [("", 100, "no task has ended for 100 s"), ("alert", 400, "alert has been under way for 400 s"), ("deliver", 700, "deliver has been")],
    ids=["no pass ends", "the decision hangs", "the delivery hangs"],
)
def test_the_watchdog_goes_hungry_while_work_hangs_and_is_fed_again(watch: Watch, task: str, seconds: float, words: str) -> None:
    watch.monitor.full_pass()
    _heard(watch, "a sign of life", lambda said: FED in said)
    if task:
        watch.monitor.book.begin(task)
    watch.clock.ticks += seconds
    if task:
        watch.monitor.book.count("pass", "ok", watch.clock.at, 0.1)
    _heard(watch, "the fault", lambda said: any(words in line for line in said))
    place = next(number for number, line in enumerate(watch.manager.datagrams) if words in line)
    watch.monitor.book.count(task or "pass", "ok", watch.clock.at, 0.1)
    _heard(watch, "all well", lambda said: any("Everything works" in line for line in said[place:]))
    after = watch.manager.datagrams[place + 1 :]
    assert after[:1] == [FED], "fed while the work hung"
    assert "Everything works" in after[1]
