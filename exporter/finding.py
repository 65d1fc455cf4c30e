"""Pure. The nouns of what is wrong now: one finding, its severity, the words about it and how to fix it.

A finding holds no relative time and no text in one time zone, so that it stays equal to itself while nothing changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from exporter.words import instant


class Evidence(StrEnum):
    """What a finding rests on: where that was not looked at, it is neither confirmed nor over."""

    STORE = "store"  # stores, configuration, environment: read in every pass
    PROBE = "probe"
    DRIFT = "drift"
    OURSELVES = "ourselves"


Text = tuple[str | datetime, ...]  # words; instants stay instants until they are said in somebody's zone

AT_ONCE = timedelta(0)


class Severity(StrEnum):
    """How much it matters; the value is the `severity` label."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return a number that grows with the severity."""
        return _RANKS[self]


_RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


class FindingScope(StrEnum):
    """What a finding is about."""

    PROFILE = "profile"
    PROVIDER = "provider"
    AGENT = "agent"
    GATEWAY = "gateway"
    SOURCE = "source"
    EXPORTER = "exporter"


@dataclass(frozen=True, slots=True)
class Fix:
    """What repairs it. `command` is ready to paste on the host, `phone` from elsewhere; each may be empty."""

    advice: str
    command: str = ""
    phone: str = ""
    url: str = ""  # a page of the provider


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong now. `what` and `when` make one phrase: "runs out" and an instant.

    Findings that are stages of one matter (Expiring, then Expired) share an identity: the later one continues the earlier.
    """

    name: str
    severity: Severity
    scope: FindingScope
    identity: str  # stable key without time
    what: str
    fix: Fix
    why: Text = ()
    what_works: Text = ()
    when: datetime | None = None
    gateway: str = ""
    agents: tuple[str, ...] = ()
    provider: str = ""
    profile: str = ""
    detail: str = ""  # the store, kind, window, channel or job it is about
    since: datetime | None = None  # the evidence's own instant; None: since we first saw it
    stage: str = ""  # the step of a matter that comes nearer, such as "7d"
    urgency: int = 0  # grows with each stage
    hold: timedelta = AT_ONCE
    resolve_hold: timedelta = AT_ONCE
    lapse_hold: timedelta = AT_ONCE  # instead, when it merely lapsed and nothing proves that it works again
    cause: str = ""  # findings of one cause make one message
    evidence: Evidence = Evidence.STORE
    rests_on: tuple[tuple[str, str, str], ...] = ()  # (agent, profile, fingerprint) whose probes' answers it rests on

    @property
    def id(self) -> str:
        """Return a short name of the identity, safe in a URL."""
        return hashlib.sha256(self.identity.encode(errors="surrogatepass")).hexdigest()[:12]

    def labels(self) -> Mapping[str, str]:
        """Return its labels, named as those of the metrics; empty ones are left out. Several agents are joined by commas."""
        pairs = {
            "name": self.name,
            "severity": self.severity.value,
            "scope": self.scope.value,
            "gateway": self.gateway,
            "agent": ",".join(self.agents),
            "provider": self.provider,
            "profile": self.profile,
            "detail": self.detail,
        }
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class Found:
    """The findings of one pass, and what it could not tell: there, absence proves nothing.

    `scope_*` limit what was looked at at all (empty: everything).
    """

    findings: tuple[Finding, ...] = ()
    nothing_known: bool = False  # the clock cannot be right: nothing is over
    gateways: frozenset[str] = frozenset()  # gateways seen in this pass
    blind_gateways: frozenset[str] = frozenset()  # their configuration cannot be read
    blind_agents: frozenset[tuple[str, str]] = frozenset()  # (gateway, agent): their stores cannot be read
    unprobed: frozenset[tuple[str, str, str, str]] = frozenset()  # (gateway, agent, profile, fingerprint) without a telling probe
    unproven: frozenset[tuple[str, str, str]] = frozenset()  # (gateway, agent, profile or provider): usable, and not used since it failed
    unexamined: frozenset[Evidence] = frozenset()  # not looked at in this pass
    network_down: bool = False  # our own network: what rests on probes is not told
    scope_gateways: frozenset[str] = frozenset()
    scope_agents: frozenset[str] = frozenset()
    scope_providers: frozenset[str] = frozenset()


def alert_name(name: str) -> str:
    """Return the name under which others know a finding: that of its Prometheus rule and of its runbook."""
    return f"ModelAuth{name}"


def runbook(name: str, base_url: str) -> str:
    """Return the page about a finding, "" where nobody published the pages. `base_url` ends without a slash."""
    return f"{base_url}/{alert_name(name)}.md" if base_url else ""


def said(text: Text, zone: tzinfo | None) -> str:
    """Say words with their instants in one zone (None: the machine's)."""
    return "".join(part if isinstance(part, str) else instant(part, zone) for part in text)
