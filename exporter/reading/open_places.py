"""Edge. Files and directories of a gateway that others can reach: stores, side files, backups, configuration; nothing is opened.

Source: spec/gateways.md, 11.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from exporter.model import Family
from exporter.reading.agents import AGENT_DATABASE, AUTH_JSON, AUTH_PROFILES, AUTH_STATE, MODELS_JSON, AgentPlan, leftover
from exporter.reading.discovery import Home
from exporter.reading.files import FileStamp, stamp
from exporter.traces import Guarded, OpenPlace

_STORES: Final = (AUTH_PROFILES, AUTH_STATE, AUTH_JSON, MODELS_JSON, AGENT_DATABASE, "openclaw.sqlite", "oauth.json")
_SIDES: Final = ("", "-wal", "-shm", "-journal")
_LIVE: Final = frozenset(name + side for name in _STORES for side in _SIDES)
_ENVIRONMENTS: Final = frozenset({".env", "gateway.systemd.env"})
_MOST: Final = 2000  # entries of one directory

Kind = Callable[[str], Guarded | None]


def open_places(home: Home, plans: tuple[AgentPlan, ...]) -> tuple[OpenPlace, ...]:
    """List what is open to others, or belongs to somebody else than the state directory."""
    root = stamp(home.state_dir)
    if root is None or root.uid < 0:
        return ()
    found = list(_directory(home.state_dir, Guarded.STATE_DIR, _of_state_dir(home), "", root.uid))
    if home.config_path.parent != home.state_dir:
        found += _file(home.config_path, Guarded.CONFIG, "", root.uid)
    credentials = home.oauth_dir or home.state_dir / "credentials"
    found += _directory(credentials, Guarded.CREDENTIALS_DIR, _of_store_dir, "", root.uid)
    found += _directory(home.state_dir / "state", Guarded.STATE_DIR, _of_store_dir, "", root.uid)
    found += _directory(home.state_dir / "service-env", Guarded.STATE_DIR, lambda name: Guarded.ENVIRONMENT, "", root.uid)
    for plan in plans if home.family is not Family.REMOTECLAW else ():
        found += _directory(plan.directory, Guarded.AGENT_DIR, _of_store_dir, plan.id, root.uid)
    return tuple({place.path: place for place in found}.values())


def _of_state_dir(home: Home) -> Kind:
    config = home.config_path.name

    def kind(name: str) -> Guarded | None:
        if name == config:
            return Guarded.CONFIG
        if name in _ENVIRONMENTS:
            return Guarded.ENVIRONMENT
        return Guarded.BACKUP if name.startswith(f"{config}.") and not name.endswith(".lock") else _of_store_dir(name)

    return kind


def _of_store_dir(name: str) -> Guarded | None:
    if name in _LIVE:
        return Guarded.AUTH_STORE
    return Guarded.BACKUP if leftover(name) else None


def _directory(path: Path, what: Guarded, kind: Kind, agent: str, uid: int) -> Iterator[OpenPlace]:
    seen = stamp(path)
    if seen is None or not stat.S_ISDIR(seen.mode):
        return
    yield from _judged(path, seen, what, agent, uid)
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for _, entry in zip(range(_MOST), entries, strict=False))
    except OSError:
        return
    for name in names:
        found = kind(name)
        if found is not None:
            yield from _file(path / name, found, agent, uid)


def _file(path: Path, what: Guarded, agent: str, uid: int) -> Iterator[OpenPlace]:
    seen = stamp(path)
    if seen is not None and stat.S_ISREG(seen.mode):
        yield from _judged(path, seen, what, agent, uid)


def _judged(path: Path, seen: FileStamp, what: Guarded, agent: str, uid: int) -> Iterator[OpenPlace]:
    directory = stat.S_ISDIR(seen.mode)
    place = OpenPlace(what, str(path), stat.S_IMODE(seen.mode), agent, directory, foreign=seen.uid != uid)
    if place.exposed or place.foreign:
        yield place
