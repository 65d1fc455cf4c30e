"""Pure. The noun of one message to one channel. Its words are written by `notice_words`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from exporter.finding import Severity

_REPEAT = "(possible repeat) "


class NoticeKind(StrEnum):
    """Why a notice is sent."""

    FIRING = "firing"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RESOLVED = "resolved"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert inside a notice, in words already: for channels that take data instead of text."""

    id: str
    name: str
    severity: Severity
    summary: str  # what and when, one line
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    why: str = ""
    what_works: str = ""
    advice: str = ""
    command: str = ""
    phone: str = ""
    url: str = ""
    runbook: str = ""
    since: datetime | None = None
    fired_at: datetime | None = None
    ended_at: datetime | None = None  # set when it is over


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. `entries` are the news, `covered` belong to them (an outage's causes), `open` are still as told before."""

    id: str
    channel: str
    kind: NoticeKind
    severity: Severity
    at: datetime
    title: str
    plain: str  # the body without the title
    markdown: str  # the same body, formatted
    cause: str = ""  # the group it speaks of; messages of one cause make one thread
    entries: tuple[Entry, ...] = ()
    covered: tuple[Entry, ...] = ()
    open: tuple[Entry, ...] = ()
    tags: tuple[str, ...] = ()  # severity, gateway, agents, provider and names, for routing
    possible_repeat: bool = False

    def names(self) -> frozenset[str]:
        """Return the names of all findings it tells of."""
        return frozenset(entry.name for entry in (*self.entries, *self.covered))


def repeated(notice: Notice) -> Notice:
    """Mark a notice that may have been delivered before: we stopped between sending it and writing that down."""
    if notice.possible_repeat:
        return notice
    return replace(notice, possible_repeat=True, title=_REPEAT + notice.title)
