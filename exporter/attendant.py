"""Edge. Waits while the threads work: for signals, for reloads, for the end; and tells the service manager how we are."""

from __future__ import annotations

import logging
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final

from exporter.logs import configure, event, place_of
from exporter.monitor import Monitor
from exporter.notify_socket import ServiceManager
from exporter.settings import Settings
from exporter.settings_file.text import SettingsError
from exporter.web.server import Server
from exporter.website import Website

FINE: Final = 0
INTERNAL: Final = 70
CONFIG: Final = 78

_LOOK_EVERY: Final = 5.0
_FIRST_LOOKS: Final = 0.2
_RELOAD_SECONDS: Final = 30.0


class _Wish:
    """A reload that somebody waits for."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.fault = ""


class Attendant:
    """The main thread's work. `reload` reads the settings anew, `rearrange` plans the jobs anew."""

    def __init__(self, reload: Callable[[], Settings] | None, manager: ServiceManager) -> None:
        """Wait for nobody yet."""
        self._reload, self._manager = reload, manager
        self._told: queue.SimpleQueue[int | _Wish] = queue.SimpleQueue()

    def tell(self, number: int) -> None:
        """Take a signal."""
        self._told.put(number)

    def reload(self) -> str:
        """Do what SIGHUP does, from another thread; returns "" or why it failed."""
        wish = _Wish()
        self._told.put(wish)
        return wish.fault if wish.done.wait(_RELOAD_SECONDS) else "it takes too long"

    def attend(self, monitor: Monitor, website: Website, server: Server, rearrange: Callable[[], None]) -> int:
        """Wait until told to end; a web thread that died ends the service too, so that whoever supervises it starts it anew."""
        settled = False
        while True:
            try:
                told = self._told.get(timeout=self._patience(settled=settled))
            except queue.Empty:
                if not server.alive:
                    event(logging.ERROR, "web_server_ended")
                    return INTERNAL
                if not settled and monitor.look().ready:
                    settled = True
                    if errors := monitor.configuration_errors():
                        return refuse(CONFIG, "; ".join(errors))
                    self._manager.ready()
                if settled:
                    self._report(monitor, website, server)
                continue
            if isinstance(told, _Wish) or told == signal.SIGHUP:
                self._reloaded(monitor, website, rearrange, told, settled=settled)
                continue
            event(logging.INFO, "stopping", signal=signal.Signals(told).name)
            return FINE

    def _patience(self, *, settled: bool) -> float:
        if not settled:
            return _FIRST_LOOKS
        watchdog = self._manager.watchdog_seconds
        return _LOOK_EVERY if watchdog is None else min(_LOOK_EVERY, watchdog / 3)

    def _report(self, monitor: Monitor, website: Website, server: Server) -> None:
        """Feed the watchdog while jobs and web server really come round."""
        if not self._manager.listens:
            return
        fault = monitor.look().fault
        if not fault and server.ticking:
            self._manager.alive()
        self._manager.status(fault or website.status())

    def _reloaded(self, monitor: Monitor, website: Website, rearrange: Callable[[], None], told: int | _Wish, *, settled: bool) -> None:
        self._manager.reloading()
        fault = self._reload_now(monitor, website, rearrange)
        if settled:
            self._manager.ready()
        if isinstance(told, _Wish):
            told.fault = fault
            told.done.set()

    def _reload_now(self, monitor: Monitor, website: Website, rearrange: Callable[[], None]) -> str:
        if self._reload is None:
            return "there are no settings to read"
        try:
            settings = self._reload()
            website.adopt(settings)
        except SettingsError as error:
            monitor.reload_successful = False
            event(logging.ERROR, "reload_failed", why=str(error))
            return str(error)
        except Exception as error:
            monitor.reload_successful = False
            event(logging.ERROR, "reload_failed", error=type(error).__name__, trace=place_of(error))
            return type(error).__name__
        if settings.listen != monitor.settings.listen or settings.state_dir != monitor.settings.state_dir:
            event(logging.WARNING, "restart_needed", why="listen and state_dir are read at start only")
        configure(settings.log.level, settings.log.format)
        monitor.adopt(settings)
        rearrange()
        event(logging.INFO, "reloaded")
        return ""


def refuse(code: int, words: str) -> int:
    """Say why we end, and with which code."""
    sys.stderr.write(f"model-auth-exporter: {words}\n")
    return code
