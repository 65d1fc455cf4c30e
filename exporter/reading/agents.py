"""Edge. Which agents a gateway has: those its configuration names, those with a directory, those its database lists."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import GatewayConfig, Problem, ProblemReason
from exporter.reading.families import expand
from exporter.reading.files import FileStamp, stamp

MAIN: Final = "main"
AGENT_DATABASE: Final = "openclaw-agent.sqlite"
AUTH_PROFILES: Final = "auth-profiles.json"
AUTH_STATE: Final = "auth-state.json"
AUTH_JSON: Final = "auth.json"
MODELS_JSON: Final = "models.json"
# Exact names only: what migrations and editors leave (`.migrated-*`, `.bak`, `.legacy-flat.*`, `.sqlite-import.*`) is no store.
STORES: Final = (AUTH_PROFILES, AGENT_DATABASE, AUTH_JSON)
_LEFTOVER = re.compile(
    rf"(?:{re.escape(AUTH_PROFILES)}|{re.escape(AUTH_STATE)}|{re.escape(AUTH_JSON)}|oauth\.json|{re.escape(AGENT_DATABASE)}|openclaw\.sqlite)"
    r"[.~-](?!wal\Z|shm\Z|journal\Z|lock\Z).+|.*~\Z"
)
_WELL_FORMED = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z", re.IGNORECASE | re.ASCII)
_OTHERS = re.compile(r"[^a-z0-9_-]+", re.ASCII)
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """One agent and the directory of its stores."""

    id: str
    configured: bool
    default: bool
    directory: Path


def normalize_agent_id(text: str) -> str:
    """Spell an agent id as the gateways do (2026.9.6): lower case, other characters become dashes, nothing left is `main`."""
    trimmed = text.strip()
    if _WELL_FORMED.match(trimmed):
        return trimmed.lower()
    return _OTHERS.sub("-", trimmed.lower()).strip("-")[:_LONGEST] or MAIN


def leftover(name: str) -> bool:
    """Say whether a file of this name is what a migration, a repair or an editor left of a store: never read as live."""
    return _LEFTOVER.match(name) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """The agent directories below a state directory; `agents` is None when they cannot be listed.

    `looked` is everything that decided it, so that a new agent is noticed.
    """

    agents: tuple[tuple[str, Path], ...] | None
    looked: tuple[tuple[Path, FileStamp | None], ...]
    problems: tuple[Problem, ...] = ()


def find(gateway: str, state_dir: Path, stores: Iterable[str] = STORES) -> Found:
    """List the agent directories that hold a store, as (id, directory)."""
    root = state_dir / "agents"
    looked: list[tuple[Path, FileStamp | None]] = [(root, stamp(root))]
    try:
        with os.scandir(root) as entries:
            names = sorted((entry.name for entry in entries), key=lambda name: (name != normalize_agent_id(name), name))
    except (FileNotFoundError, NotADirectoryError):
        return Found((), tuple(looked))
    except (OSError, ValueError) as error:
        place = f"{root}: {error.strerror if isinstance(error, OSError) else 'not a path'}"
        return Found(None, tuple(looked), (Problem(gateway, "", None, ProblemReason.UNREADABLE, place, fatal=True),))
    found: dict[str, Path] = {}
    for name in names:
        directory = root / name / "agent"
        here = [(directory / store, stamp(directory / store)) for store in stores]
        looked += [(root / name, stamp(root / name)), *here]
        if any(seen is not None for _, seen in here):
            found.setdefault(normalize_agent_id(name), directory)
    return Found(tuple(sorted(found.items())), tuple(looked))


def with_registered(
    found: Sequence[tuple[str, Path]], registered: Iterable[tuple[str, str]], state_dir: Path
) -> tuple[tuple[str, Path], ...]:
    """Add the agents a gateway's database lists, whose own database still exists; paths are relative to the state directory."""
    joined = dict(found)
    for name, path in registered:
        database = state_dir / path
        if normalize_agent_id(name) not in joined and stamp(database) is not None:
            joined[normalize_agent_id(name)] = database.parent
    return tuple(sorted(joined.items()))


def plan(
    config: GatewayConfig | None,
    state_dir: Path,
    home: Path,
    found: Sequence[tuple[str, Path]],
    moved: Path | None = None,
) -> tuple[AgentPlan, ...]:
    """Join configured and found agents; `moved` replaces the default agent's directory.

    Without any configured agent there is one, `main`. An unknown configuration (None) makes no orphan: every agent
    found counts as configured.
    """
    places: dict[str, Path] = {}
    entries = config.agents if config else ()
    for entry in entries:
        agent_id = normalize_agent_id(entry.id)
        own = (entry.agent_dir or "").strip()
        places.setdefault(agent_id, expand(own, home) if own else _usual(state_dir, agent_id))
    default = normalize_agent_id(next((entry for entry in entries if entry.default), entries[0]).id) if entries else MAIN
    if config is not None and not entries:
        places[MAIN] = _usual(state_dir, MAIN)
    configured = set(places)
    for agent_id, directory in found:
        places.setdefault(agent_id, directory)
    if not places:
        places[MAIN] = _usual(state_dir, MAIN)
    if moved is not None and default in places:
        places[default] = moved
    return tuple(
        AgentPlan(agent_id, config is None or agent_id in configured, agent_id == default, directory)
        for agent_id, directory in places.items()
    )


def _usual(state_dir: Path, agent_id: str) -> Path:
    return state_dir / "agents" / agent_id / "agent"
