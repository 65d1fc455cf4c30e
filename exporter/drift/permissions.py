"""Pure. Files and directories of a gateway that others than its user can reach.

Source: spec/gateways.md, 11 (`security audit`: 0600 files, 0700 directories, databases with their side files).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from exporter.drift.scene import Scene
from exporter.traces import Guarded, OpenPlace
from exporter.verdict import DriftFact
from exporter.words import counted, listing

KIND, NAME = "permissions", "InsecurePermissions"
WORDS = {
    Guarded.STATE_DIR: "the state directory",
    Guarded.CONFIG: "the configuration",
    Guarded.CREDENTIALS_DIR: "the credentials directory",
    Guarded.AGENT_DIR: "an agent's directory",
    Guarded.AUTH_STORE: "a credential store",
    Guarded.ENVIRONMENT: "an environment file",
    Guarded.BACKUP: "a backup that holds credentials",
}


def find(scene: Scene) -> Iterator[DriftFact]:
    """Report one fact per agent, naming what is open."""
    by_agent: dict[str, list[OpenPlace]] = {}
    for place in scene.reading.traces.open_places:
        by_agent.setdefault(place.agent, []).append(place)
    for agent, found in by_agent.items():
        why = "; ".join(says for says in (_exposed(found), _foreign(found)) if says)
        commands = [command for place in found for command in repairs(place)]
        yield scene.fact(KIND, NAME, why, agent=agent, places=tuple(place.path for place in found), commands=commands)


def repairs(place: OpenPlace) -> tuple[str, ...]:
    """Return the command that closes one place; whose it should be only its owner knows."""
    return (f"chmod {'700' if place.directory else '600'} {shlex.quote(place.path)}",) if place.exposed else ()


def _exposed(found: list[OpenPlace]) -> str:
    exposed = [place for place in found if place.exposed]
    if not exposed:
        return ""
    right = "change" if any(place.writable for place in exposed) else "read"
    return f"other users can {right} {_named(exposed)}"


def _foreign(found: list[OpenPlace]) -> str:
    foreign = [place for place in found if place.foreign]
    return f"{_named(foreign)} {'belongs' if len(foreign) == 1 else 'belong'} to another user" if foreign else ""


def _named(found: list[OpenPlace]) -> str:
    counts = {what: sum(1 for place in found if place.what is what) for what in Guarded}
    return listing(WORDS[what] if count == 1 else f"{WORDS[what]} ({counted(count, 'place')})" for what, count in counts.items() if count)
