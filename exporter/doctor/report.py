"""Pure. The nouns of a doctor's report: checks with stable ids, what each found, and what may be repaired here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from exporter.verdict import GatewayVerdict, Snapshot


class Level(StrEnum):
    """How much a result matters; `unknown` is a check that could not be made."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    INFO = "info"
    OK = "ok"


class Group(StrEnum):
    """What a check is about, in the order of the report."""

    INSTALLATION = "installation"
    GATEWAYS = "gateways"
    AGENTS = "agents"
    CREDENTIALS = "credentials"
    ENVIRONMENT = "environment"
    STORES = "stores"
    SCHEDULE = "schedule"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """A file or directory of our own. `mode` None: it is not there."""

    what: str
    path: str
    mode: int | None = None
    directory: bool = False
    private: bool = True  # nobody else may read it
    fault: str = ""  # why it cannot be used

    @property
    def wanted(self) -> int:
        """The permission bits it should have."""
        return 0o700 if self.directory else 0o600

    @property
    def exposed(self) -> bool:
        """Say whether others have a right on what is private."""
        return self.mode is not None and self.private and bool(self.mode & 0o077)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One way to reach people. `reachable` None: not asked, or only a message could tell."""

    name: str
    reachable: bool | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class OwnUnit:
    """One unit of ours. `fired_at` is a timer's last run, as far as its stamp file tells; `every` is None when it does not say."""

    name: str
    path: str
    enabled: bool
    fired_at: datetime | None = None
    system: bool = False  # of the system's manager, not of a user's
    every: timedelta | None = None

    @property
    def is_timer(self) -> bool:
        """Say whether it starts something else."""
        return self.name.endswith(".timer")


@dataclass(frozen=True, slots=True)
class Installation:
    """What there is of ourselves on this machine. None is unknown."""

    settings: str = ""  # the file in effect; "": the defaults
    places: tuple[OwnPlace, ...] = ()
    channels: tuple[ChannelState, ...] = ()
    network: bool = False  # channels were asked
    units: tuple[OwnUnit, ...] = ()
    others: tuple[str, ...] = ()  # what else starts us: a crontab, a launch agent, an init script
    serving: bool | None = None  # something listens on our own address
    written_at: datetime | None = None  # our journal's last write
    time_synchronised: bool | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing a check found. `subject` is a gateway, agent or profile; `paths` are for people on this machine."""

    level: Level
    what: str
    subject: str = ""
    commands: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    repair: OwnPlace | None = None  # something of ours that we may put right


@dataclass(frozen=True, slots=True)
class Patient:
    """Everything a check may look at."""

    snapshot: Snapshot
    installation: Installation

    @property
    def gateways(self) -> Iterator[GatewayVerdict]:
        """The gateways that are programs, not only keys of our settings."""
        return (gateway for gateway in self.snapshot.gateways if gateway.state_dir)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing worth checking. `matters` says why, in one sentence; `fine` what a good result means."""

    id: str
    group: Group
    fine: str
    matters: str
    look: Callable[[Patient], Iterator[Trouble]]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report: a trouble, or that a check found none."""

    check: Check
    trouble: Trouble

    @property
    def level(self) -> Level:
        """How much it matters."""
        return self.trouble.level


@dataclass(frozen=True, slots=True)
class Report:
    """All results, the most serious first."""

    at: datetime
    results: tuple[Result, ...] = field(default=())

    @property
    def exit(self) -> int:
        """0 nothing to do, 1 something is broken, 2 something will be or should be put right."""
        levels = {result.level for result in self.results}
        return 1 if Level.CRITICAL in levels else 2 if Level.WARNING in levels else 0

    def repairs(self) -> tuple[OwnPlace, ...]:
        """List what of our own may be put right."""
        return tuple(dict.fromkeys(result.trouble.repair for result in self.results if result.trouble.repair is not None))
