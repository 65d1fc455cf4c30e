"""Edge. The service definitions that may run a gateway: systemd units with their drop-ins, launchd property lists."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from exporter.host.recognition import WORDS, plist_profile
from exporter.model import StoreKind, StoreRef
from exporter.reading.files import FileStamp, read_file, stamp

_LARGEST = 1 << 20
_MENTION = re.compile("|".join(WORDS).encode())
_SUFFIX = ".service"


class Manager(StrEnum):
    """Who starts the service."""

    USER = "user"
    SYSTEM = "system"
    LAUNCHD = "launchd"


@dataclass(frozen=True, slots=True)
class UnitPath:
    """A service definition: its file, its drop-ins in the order they apply, and the directories it was looked for in."""

    name: str
    manager: Manager
    path: Path
    drop_ins: tuple[Path, ...] = ()


class UnitIndex:
    """The definitions on this host that speak of a gateway. Remembers which files do, by their stamps."""

    def __init__(self, fs_root: Path = Path("/")) -> None:
        """Look below `fs_root` for what the system holds."""
        self._root = fs_root
        self._mentions: dict[Path, tuple[FileStamp, bool]] = {}
        self._directories: dict[Path, FileStamp | None] = {}
        self._listed: dict[Path, list[str]] = {}

    def refresh(self) -> None:
        """Forget what the directories held: the next look is a fresh one."""
        self._directories.clear()
        self._listed.clear()

    def find(self, home: Path, uid: int, service: str | None = None) -> tuple[UnitPath, ...]:
        """List the definitions that may concern the user of `home`, theirs first; with `service`, only that one."""
        searched = list(self._searched(home, uid))
        if service is None:
            return tuple(unit for manager, directories in searched for unit in self._in(manager, directories))
        return tuple(unit for manager, directories in searched for unit in self._named(service, manager, directories))

    def watched(self) -> Iterator[tuple[Path, FileStamp | None]]:
        """Yield every directory looked at, with the stamp it had."""
        yield from self._directories.items()

    def manager_environment(self, home: Path) -> tuple[Path, ...]:
        """List the files that give every service of the user its variables, the weakest first."""
        directories = (
            home / ".config/environment.d",
            *(self._root / name for name in ("etc/environment.d", "run/environment.d", "usr/lib/environment.d")),
        )
        return self._merged(directories, ".conf")

    def enabled(self, unit: UnitPath) -> bool | None:
        """Say whether a unit starts by itself: some target of its manager links to it. A property list says so itself."""
        if unit.manager is Manager.LAUNCHD:
            return None
        name = unit.name + _SUFFIX
        directories = (unit.path.parent, *(self._root / "etc/systemd" / kind for kind in ("user", "system")))
        return any(
            name in self._names(directory / entry)
            for directory in dict.fromkeys(directories)
            for entry in self._names(directory)
            if entry.endswith((".wants", ".requires"))
        )

    def _searched(self, home: Path, uid: int) -> Iterator[tuple[Manager, tuple[Path, ...]]]:
        shared = [self._root / name / "systemd" for name in ("usr/local/lib", "usr/lib", "lib")]
        etc, run = self._root / "etc/systemd", self._root / "run"
        runtime = run / f"user/{uid}/systemd"
        user = (home / ".config/systemd/user", etc / "user", runtime / "user", runtime / "transient", runtime / "generator")
        data = (run / "systemd/user", home / ".local/share/systemd/user")
        yield Manager.USER, (*user, *data, *(path / "user" for path in shared))
        system = (etc / "system", *(run / "systemd" / name for name in ("system", "transient", "generator")))
        yield Manager.SYSTEM, (*system, *(path / "system" for path in shared))
        launchd = (home / "Library/LaunchAgents", self._root / "Library/LaunchAgents", self._root / "Library/LaunchDaemons")
        yield Manager.LAUNCHD, launchd

    def _in(self, manager: Manager, directories: Sequence[Path]) -> Iterator[UnitPath]:
        suffix = ".plist" if manager is Manager.LAUNCHD else _SUFFIX
        taken: set[str] = set()
        for directory in dict.fromkeys(directories):
            packaged = any(directory.is_relative_to(self._root / top) for top in ("usr", "lib"))
            for name in self._names(directory):
                if not name.endswith(suffix) or name in taken:
                    continue
                if manager is Manager.LAUNCHD:
                    if plist_profile(name.removesuffix(suffix)):
                        yield UnitPath(name.removesuffix(suffix), manager, directory / name)
                    continue
                if self._speaks_of_gateway(name, directory, packaged=packaged):
                    taken.add(name)
                    if not _masked(directory / name):
                        yield UnitPath(name.removesuffix(suffix), manager, directory / name, self._drop_ins(name, directories))

    def _named(self, service: str, manager: Manager, directories: Sequence[Path]) -> Iterator[UnitPath]:
        suffix = ".plist" if manager is Manager.LAUNCHD else _SUFFIX
        name = service.removesuffix(suffix) + suffix
        path = next((directory / name for directory in directories if name in self._names(directory)), None)
        if path is not None and not _masked(path):
            drop_ins = () if manager is Manager.LAUNCHD else self._drop_ins(name, directories)
            yield UnitPath(name.removesuffix(suffix), manager, path, drop_ins)

    def _speaks_of_gateway(self, name: str, directory: Path, *, packaged: bool) -> bool:
        if _MENTION.search(name.encode()):
            return True
        if packaged:
            return False  # packages name their units after themselves
        path = directory / name
        seen = stamp(path)
        known = self._mentions.get(path)
        if seen is None:
            return False
        if known is None or known[0] != seen:
            file = read_file(path, StoreRef("", "", StoreKind.UNIT_ENV, str(path)), _LARGEST, pause=lambda _: None).value
            known = self._mentions[path] = seen, file is not None and _MENTION.search(file.raw) is not None
        return known[1]

    def _drop_ins(self, name: str, directories: Iterable[Path]) -> tuple[Path, ...]:
        stem = name.removesuffix(_SUFFIX)
        parts = stem.split("-")
        prefixes = ["-".join(parts[:count]) + "-" + _SUFFIX for count in range(len(parts) - 1, 0, -1)]
        names = [f"{unit}.d" for unit in (name, *prefixes, _SUFFIX[1:])]
        return self._merged([directory / dropped for dropped in names for directory in directories], ".conf")

    def _merged(self, directories: Iterable[Path], suffix: str) -> tuple[Path, ...]:
        """List the files of several directories by name; of two with one name the first directory's counts."""
        found: dict[str, Path] = {}
        for directory in dict.fromkeys(directories):
            for name in self._names(directory):
                if name.endswith(suffix):
                    found.setdefault(name, directory / name)
        return tuple(path for _, path in sorted(found.items()) if not _masked(path))

    def _names(self, directory: Path) -> list[str]:
        if directory not in self._listed:
            self._directories[directory] = stamp(directory)
            self._listed[directory] = [] if self._directories[directory] is None else _listing(directory)
        return self._listed[directory]


def _listing(directory: Path) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries)
    except OSError:
        return []


def _masked(path: Path) -> bool:
    """Say whether a definition is switched off: a link to /dev/null, or nothing in it."""
    try:
        return os.readlink(path) == "/dev/null"
    except OSError:
        seen = stamp(path)
        return seen is not None and seen.size == 0
