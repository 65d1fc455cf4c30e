"""Edge. One pass over everything: every gateway of this machine into one immutable Reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from exporter.model import GatewayReading, Problem, Reading, RefState, Resolution
from exporter.reading.discovery import STATIC, Home, discover
from exporter.reading.files import FileStamp, stamp
from exporter.reading.gateway import GatewayReader, reuse, unreadable
from exporter.reading.logins import Logins, read_logins
from exporter.reading.shelf import Desk, ErrorKey
from exporter.reading.shelves import Shelves
from exporter.reading.static_keys import run_program, static_gateway
from exporter.reading.surroundings import EXEC_EVERY, Host, ResolveRefs, Surroundings
from exporter.settings import Settings, StaticProfile

_NO_LOGINS: Logins = ((), (), ())
_UNCHECKED = Resolution(RefState.UNCHECKED)


class Reader:
    """Reads again and again; what did not change is not read, and comes back as the very object of the pass before.

    `errors` counts the problems of every try; `configuration_errors` are faults of the settings that discovery met.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        home: Path,
        *,
        host: Host,
        desk: Desk | None = None,
        resolve: ResolveRefs | None = None,
        look_around: bool = True,
    ) -> None:
        """Take this process's variables and home; `host` tells of gateway services, `desk` opens the files.

        `look_around`: also read what lies around the stores, such as locks and open permissions.
        """
        self._settings = settings
        self._environ = environ
        self._home = home
        self._desk = desk or Desk()
        self._host = host
        self._resolve = resolve or _resolver()
        self._shelves = Shelves(self._desk)
        self._look_around = look_around
        self._gateways: dict[tuple[str, Path], GatewayReader] = {}
        self._last: dict[str, GatewayReading] = {}
        self._told: set[Problem] = set()
        self._watched: Mapping[Path, FileStamp | None] | None = None
        self._settles_at: float | None = None
        self._ran: dict[StaticProfile, tuple[float, Resolution]] = {}
        self.configuration_errors: tuple[str, ...] = ()

    def reconfigure(self, settings: Settings) -> None:
        """Use other settings from the next pass on; what is remembered of the disk, and the counters, stay."""
        self._settings = settings
        self._gateways = {}
        self._watched = None

    @property
    def errors(self) -> Counter[ErrorKey]:
        """Problems met since the start, by (gateway, agent, store, reason)."""
        return self._desk.errors

    def read(self, now: datetime) -> Reading:
        """Read everything once; never raises for what is on disk."""
        self._host.begin()
        found = discover(self._settings.gateways, self._environ, self._home, running=self._host.running(self._home))
        self.configuration_errors = found.errors
        known = {(home.gateway, home.state_dir): home for home in found.homes}
        self._gateways = {key: self._gateways.get(key) or self._reader() for key in known}
        readings: list[GatewayReading] = []
        lost: list[Problem] = []
        for key, home in known.items():
            try:
                readings.append(self._gateways[key].read(home, self._logins(home, now), now))
            except (OSError, ValueError, ArithmeticError, RecursionError, MemoryError) as error:
                lost.append(unreadable(home, error))
                if home.gateway in self._last:
                    readings.append(self._last[home.gateway])
        if (static := self._static(found.homes, now)) is not None:
            readings.append(reuse(self._last.get(STATIC), static))
        self._last = {reading.gateway: reading for reading in readings}
        problems = (*found.problems, *lost)
        self._count_new(problems, readings)
        self._shelves.finish()
        self._watched = self._everything_looked_at()
        self._settles_at = self._shelves.settles_at()
        return Reading(now, tuple(readings), found.searched, problems)

    def changed(self) -> bool:
        """Say whether any place looked at in the last pass changed, appeared or went; opens nothing."""
        if self._watched is None:
            return True
        if self._settles_at is not None and self._desk.clock() >= self._settles_at:
            return True
        return any(stamp(path) != seen for path, seen in self._watched.items()) or self._host.changed()

    def _reader(self) -> GatewayReader:
        allow_exec = self._settings.secrets.exec
        surroundings = Surroundings(self._shelves, self._host, self._resolve, allow_exec=allow_exec)
        return GatewayReader(self._shelves, surroundings, look_around=self._look_around)

    def _logins(self, home: Home, now: datetime) -> Logins:
        if not self._settings.read.cli_logins:
            return _NO_LOGINS
        return read_logins(self._shelves, home.gateway, home.home, self._environ if home.user is None else {}, now)

    def _static(self, homes: tuple[Home, ...], now: datetime) -> GatewayReading | None:
        """Make the gateway of our own keys; it also holds the logins of a machine without any gateway."""
        logins = _NO_LOGINS
        if not homes and self._settings.read.cli_logins:
            logins = read_logins(self._shelves, STATIC, self._home, self._environ, now)
        return static_gateway(self._settings.static_profiles, logins, self._environ, self._run)

    def _run(self, wanted: StaticProfile) -> Resolution:
        if not self._settings.secrets.exec:
            return _UNCHECKED
        clock = self._desk.clock()
        if wanted not in self._ran or not 0 <= clock - self._ran[wanted][0] < EXEC_EVERY:
            self._ran[wanted] = (clock, run_program(wanted, self._environ))
        return self._ran[wanted][1]

    def _count_new(self, problems: tuple[Problem, ...], readings: list[GatewayReading]) -> None:
        """Count what no shelf counted, when it begins: missing gateways, directories, migrations."""
        present = {*problems, *(problem for reading in readings for problem in reading.problems)}
        shelved = self._shelves.problems().union(*(reader.counted for reader in self._gateways.values()))
        self._desk.count(tuple(present - shelved - self._told))
        self._told = present - shelved

    def _everything_looked_at(self) -> Mapping[Path, FileStamp | None]:
        looked = dict(self._shelves.watched())
        for reader in self._gateways.values():
            looked |= dict(reader.looked)
        return looked


def _resolver() -> ResolveRefs:
    from exporter.secretrefs import resolve

    return resolve
