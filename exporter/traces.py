"""Pure. The nouns of what lies around a gateway's stores: its process, locks, open permissions, pins of sessions.

Paths here are for people on this machine only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LockKind(StrEnum):
    """What a lock guards."""

    STORE = "store"  # a JSON store, directory or file beside it
    REFRESH = "refresh"  # the renewal of one login
    LEASE = "lease"  # a row of the gateway's own database


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock that is held, or was left. `alive` None: it does not say whose it is, or we cannot tell."""

    kind: LockKind
    place: str  # a path, or the name of a lease
    agent: str = ""
    since: datetime | None = None  # taken, or last confirmed by its holder
    ends_at: datetime | None = None  # leases end by themselves
    pid: int | None = None
    alive: bool | None = None


class Guarded(StrEnum):
    """What others than the owner must not reach: the targets of the gateways' own security audit, and ours."""

    STATE_DIR = "state-dir"
    CONFIG = "config"
    CREDENTIALS_DIR = "credentials-dir"
    AGENT_DIR = "agent-dir"
    AUTH_STORE = "auth-store"  # JSON or database with its side files
    ENVIRONMENT = "environment"
    BACKUP = "backup"  # what migrations, repairs and editors left: it holds live secrets


@dataclass(frozen=True, slots=True)
class OpenPlace:
    """One file or directory that others can reach, or that belongs to another user than the gateway's directory."""

    what: Guarded
    path: str
    mode: int  # permission bits
    agent: str = ""
    directory: bool = False
    foreign: bool = False  # owned by somebody else

    @property
    def exposed(self) -> bool:
        """Say whether group or others have any right on it."""
        return bool(self.mode & 0o077)

    @property
    def writable(self) -> bool:
        """Say whether others than the owner can change it."""
        return bool(self.mode & 0o022)


@dataclass(frozen=True, slots=True)
class SessionPins:
    """How many sessions of one agent are tied to each profile by a person. Not `known`: their store cannot be read."""

    agent: str
    pins: tuple[tuple[str, int], ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class GatewayRun:
    """The gateway's running process. `version` is that of the package it was started from, as it lies on disk now."""

    pid: int
    started_at: datetime | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class KeychainLogin:
    """A login of a command line program, such as `cli:codex`, that lies in the system's keychain. Locked: nobody can read it now."""

    login: str
    locked: bool


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host says of a gateway as a program. None is unknown."""

    run: GatewayRun | None = None
    service: str = ""  # its unit or property list
    enabled: bool | None = None  # starts by itself
    port: int | None = None  # the configured one, when it was asked
    answers: bool | None = None  # something accepts connections there, on loopback
    keychain: tuple[KeychainLogin, ...] = ()


@dataclass(frozen=True, slots=True)
class Traces:
    """What was found around the stores of one gateway."""

    locks: tuple[Lock, ...] = ()
    open_places: tuple[OpenPlace, ...] = ()
    sessions: tuple[SessionPins, ...] = ()
