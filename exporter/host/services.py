"""Edge. What the service definitions on this host say of one gateway's environment."""

from __future__ import annotations

import glob
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from exporter.host.recognition import plist_profile, runs_container, state_dirs, unit_family, unit_profile
from exporter.host.sheets import Sheet, Sheets
from exporter.host.units import Manager, UnitIndex, UnitPath
from exporter.model import EnvLayer, EnvPlace, StoreKind, StoreRef
from exporter.reading.discovery import Home
from exporter.reading.files import FileStamp, stamp
from exporter.stores import unit_file
from exporter.stores.dotenv import parse_systemd
from exporter.stores.unit_file import UnitFile, parse_launchd

_GLOB = frozenset("*?[")


class Match(StrEnum):
    """Whose a process or service is, as far as we can tell."""

    OURS = "ours"
    OTHER = "other"
    UNKNOWN = "unknown"  # hidden from us: it may be this gateway's


@dataclass(frozen=True, slots=True)
class Service:
    """One service definition. `hidden` says what of it cannot be read; an empty string: its environment is known."""

    name: str
    match: Match
    hidden: str = ""
    layers: tuple[EnvLayer, ...] = ()
    enabled: bool | None = None  # starts by itself


class ServiceReader:
    """Reads the definitions that may run one gateway."""

    def __init__(self, sheets: Sheets, fs_root: Path) -> None:
        """Read through `sheets`, below `fs_root` for what the system holds."""
        self._sheets = sheets
        self._root = fs_root
        self.index = UnitIndex(fs_root)

    def services(self, home: Home, uid: int, now: datetime) -> tuple[Service, ...]:
        """List every definition of a gateway, those of this one and of unknown ones; the user's own come first."""
        found = []
        for unit in self.index.find(home.home, uid, home.service):
            service = self._plist(unit, home, now) if unit.manager is Manager.LAUNCHD else self._unit(unit, home, uid, now)
            if service is not None and service.match is not Match.OTHER:
                found.append(replace(service, enabled=self.index.enabled(unit)))
        return tuple(found)

    def _unit(self, path: UnitPath, home: Home, uid: int, now: datetime) -> Service | None:
        refs = [StoreRef(home.gateway, "", StoreKind.UNIT_ENV, str(each)) for each in (path.path, *path.drop_ins)]
        held = [self._sheets.raw(ref, now) for ref in refs]
        full_name = f"{path.name}.service"
        profile = unit_profile(full_name)
        if any(each is None for each in held):
            family = unit_family(full_name, "")
            dirs = state_dirs(family, {}, (), home.home, profile) if family and profile else ()
            match = Match.OURS if home.service else Match.OTHER if dirs and not leads_to(dirs, home.state_dir) else Match.UNKNOWN
            return Service(full_name, match, f"{full_name} cannot be read")
        parsed = unit_file.parse([raw for raw in held if raw], refs[0], _specifiers(path, home, uid))
        self._sheets.note(parsed.problems)
        unit = parsed.value or UnitFile()
        family = unit_family(full_name, unit.exec_start) or (home.family if home.service else None)
        if family is None:
            return None
        hidden, layers = self._layers(path, unit, refs[0], home, uid, now)
        if runs_container(unit.exec_start):
            hidden = f"{full_name} starts a container, whose environment it does not show"
        if home.service:
            return Service(full_name, Match.OURS, hidden, layers)
        base, theirs = (home.home, True) if path.manager is Manager.USER else _home_of(unit.user or "root", uid, home)
        environ = {name: value.reveal() for layer in reversed(layers) for name, value in layer.variables.items()}
        if leads_to(state_dirs(family, environ, unit.exec_start.split(), base, profile), home.state_dir):
            return Service(full_name, Match.OURS, hidden, layers)
        # A hidden file could lead a unit of unusual name here; one of the usual names says whose it is.
        unclear = hidden and theirs and unit_family(full_name, "") is None
        return Service(full_name, Match.UNKNOWN if unclear else Match.OTHER, hidden, layers)

    def _layers(
        self, path: UnitPath, unit: UnitFile, ref: StoreRef, home: Home, uid: int, now: datetime
    ) -> tuple[str, tuple[EnvLayer, ...]]:
        """Collect a unit's variables, the strongest first, and say which file is missing to know them all."""
        hidden = ""
        layers = []
        for name, optional in unit.environment_files:
            paths = self._matching(name)
            if not paths and not optional:
                hidden = f"{name} is not there"
            for each in paths:
                if path.manager is Manager.USER and not _open_to(uid, each):
                    hidden = f"{each} cannot be read by its user"
                    continue
                found = self._sheets.variables(StoreRef(home.gateway, "", StoreKind.UNIT_ENV, str(each)), parse_systemd, now)
                layers.append(_layer(found, unit, str(each)))
                if not found.current:
                    hidden = f"{each} cannot be read"
                elif not found.present and not optional:
                    hidden = f"{each} is not there"
        layers.reverse()  # the last file wins
        files = (StoreRef(home.gateway, "", StoreKind.UNIT_ENV, str(each)) for each in (path.path, *path.drop_ins))
        changed = max((at for at in map(self._sheets.modified_at, files) if at), default=None)
        layers.append(EnvLayer(EnvPlace.UNIT, unit.environment, StoreKind.UNIT_ENV, ref.path, modified_at=changed))
        if path.manager is Manager.USER:
            for each in reversed(self.index.manager_environment(home.home)):
                found = self._sheets.variables(StoreRef(home.gateway, "", StoreKind.UNIT_ENV, str(each)), parse_systemd, now)
                layers.append(_layer(found, unit, str(each)))
        return hidden, tuple(layers)

    def _matching(self, name: str) -> list[Path]:
        path = rooted(name, self._root)
        if not _GLOB & set(name):
            return [path]
        return [Path(each) for each in sorted(glob.glob(str(path)))]

    def _plist(self, path: UnitPath, home: Home, now: datetime) -> Service | None:
        ref = StoreRef(home.gateway, "", StoreKind.UNIT_ENV, str(path.path))
        found = self._sheets.variables(ref, parse_launchd, now)
        hidden = "" if found.current else f"{path.name} cannot be read"
        layers = (EnvLayer(EnvPlace.UNIT, found.variables, StoreKind.UNIT_ENV, ref.path, modified_at=found.modified_at),)
        if home.service:
            return Service(path.name, Match.OURS, hidden, layers)
        named = plist_profile(path.name)
        if named is None:
            return None
        family, profile = named
        environ = {name: value.reveal() for name, value in found.variables.items()}
        ours = leads_to(state_dirs(family, environ, (), home.home, profile), home.state_dir)
        return Service(path.name, Match.OURS if ours else Match.UNKNOWN if hidden else Match.OTHER, hidden, layers)


def leads_to(dirs: Sequence[Path], state_dir: Path, root: Path | None = None) -> bool:
    """Say whether the first of `dirs` that exists, as seen below `root`, is this state directory."""
    seen_from = root if root is not None and _identity(root) is not None else None
    views = [(each, seen_from / str(each).lstrip("/") if seen_from else each) for each in dirs]
    named, view = next(((each, view) for each, view in views if _identity(view) is not None), views[0])
    wanted = _identity(state_dir)
    if wanted is None:
        return os.path.realpath(named) == os.path.realpath(state_dir)
    return _identity(view) == wanted


def rooted(name: str, fs_root: Path) -> Path:
    """Find an absolute path below `fs_root`, unless it leads there already."""
    path = Path(name)
    return path if path.is_relative_to(fs_root) else fs_root / str(path).lstrip("/")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return None
    return info.st_dev, info.st_ino


def _layer(sheet: Sheet, unit: UnitFile, path: str) -> EnvLayer:
    unset = frozenset(unit.unset)
    kept = {name: value for name, value in sheet.variables.items() if name not in unset}
    return EnvLayer(EnvPlace.UNIT, kept, StoreKind.UNIT_ENV, path, modified_at=sheet.modified_at)


def _open_to(uid: int, path: Path) -> bool:
    """Say whether the user of a unit can read a file it names: they must not make a more powerful reader read it for them."""
    if uid in (0, os.geteuid()):
        return True
    real = Path(os.path.realpath(path))
    seen = stamp(real)
    if seen is None:
        return True
    parents = (stamp(parent) for parent in real.parents)
    return _allows(seen, uid, 0o004) and all(parent is not None and _allows(parent, uid, 0o001) for parent in parents)


def _allows(seen: FileStamp, uid: int, bit: int) -> bool:
    return seen.uid == uid or bool(seen.mode & bit)


def _home_of(user: str, uid: int, home: Home) -> tuple[Path, bool]:
    """Return the home of the user a system unit runs as, and whether that is the gateway's user."""
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except (KeyError, ValueError, OverflowError):
        known = user in (home.user, str(uid))
        return (home.home if known else Path(f"/nonexistent/{uid}")), known
    return (home.home, True) if entry.pw_uid == uid else (Path(entry.pw_dir), False)


def _specifiers(path: UnitPath, home: Home, uid: int) -> Mapping[str, str]:
    prefix, _, instance = path.name.partition("@")
    named = {"n": f"{path.name}.service", "N": path.name, "p": prefix, "i": instance, "T": "/tmp"}
    if path.manager is Manager.SYSTEM:
        return named | {"h": "/root", "u": "root", "U": "0", "t": "/run", "E": "/etc", "S": "/var/lib", "C": "/var/cache", "L": "/var/log"}
    own = str(home.home)
    user = home.user or _name_of(uid)
    places = {
        "t": f"/run/user/{uid}",
        "E": f"{own}/.config",
        "S": f"{own}/.local/state",
        "C": f"{own}/.cache",
        "L": f"{own}/.local/state/log",
    }
    return named | places | {"h": own, "u": user, "U": str(uid)}


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
