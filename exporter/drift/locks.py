"""Pure. Locks and leases whose owner is gone.

Source: spec/gateways.md, 12.3 (forms and stale rules); spec/incidents.md, I16 (180 s and a dead owner).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from exporter.drift.scene import Scene
from exporter.traces import Lock, LockKind
from exporter.verdict import DriftFact
from exporter.words import instant

KIND, NAME = "lock", "LockStuck"
STUCK_AFTER: Final = timedelta(seconds=180)
_WORDS = {LockKind.STORE: "the lock of a store", LockKind.REFRESH: "the lock of a renewal", LockKind.LEASE: "a lease"}


def find(scene: Scene) -> Iterator[DriftFact]:
    """Report what is older than any honest use and whose owner does not live."""
    for lock in scene.reading.traces.locks:
        if lock.since is None or lock.alive or (lock.ends_at is not None and lock.ends_at <= scene.now):
            continue
        if lock.ends_at is not None:
            scene.is_past(lock.ends_at)
        if scene.is_past(lock.since + STUCK_AFTER):
            yield _stuck(scene, lock)


def _stuck(scene: Scene, lock: Lock) -> DriftFact:
    holder = f"process {lock.pid}, which is gone" if lock.pid is not None else "nobody that confirms it any more"
    why = f"{_WORDS[lock.kind]} is held by {holder}, since {instant(lock.since)}" if lock.since else ""
    commands: tuple[str, ...] = ()
    if lock.kind is LockKind.LEASE:
        why += f" ({lock.place})" + (f"; it ends by itself at {instant(lock.ends_at)}" if lock.ends_at else "")
    else:
        commands = (f"rm -r {shlex.quote(lock.place)}",)
    places = () if lock.kind is LockKind.LEASE else (lock.place,)
    return scene.fact(KIND, NAME, why, agent=lock.agent, since=lock.since, places=places, commands=commands)
