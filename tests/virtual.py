"""A host in virtual time: readings go in, notices come out, through the same pure steps as in the service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from exporter.alerting.alert import Book, Policy, Route, Silence
from exporter.alerting.alert_json import alert_from_json, group_from_json, to_json
from exporter.alerting.life import step
from exporter.alerting.notice import Notice, NoticeKind
from exporter.checking import Scope
from exporter.finding import Found, Severity
from exporter.findings.catalogue import find
from exporter.findings.context import Context, Ourselves, Thresholds
from exporter.judging.health import Rules
from exporter.judging.history import History, Subject, fingerprint, observe
from exporter.model import Credential, GatewayReading, Reading
from exporter.outcome import Outcome, ProbeStatus
from exporter.snapshot import judge, sightings, unknown_subjects
from exporter.verdict import DriftFact, Snapshot
from tests.builders import NOW

SALT = b"s" * 32
PAGER = Route("pager")
POLICY = Policy(routes=(PAGER,), host="myhost", zone=UTC)


@dataclass
class World:
    """One monitored host. `told` collects every notice."""

    policy: Policy = POLICY
    now: datetime = NOW
    thresholds: Thresholds = field(default_factory=Thresholds)
    ourselves: Ourselves | None = field(default_factory=Ourselves)
    history: History = field(default_factory=lambda: History(SALT))
    book: Book = field(default_factory=Book)
    told: list[Notice] = field(default_factory=list)
    silences: tuple[Silence, ...] = ()
    started_at: datetime | None = None
    scope: Scope = field(default_factory=Scope)
    clock_held: str = ""
    disabled: frozenset[str] = frozenset()
    found: Found = field(default_factory=Found)
    drift_seen: tuple[DriftFact, ...] = ()

    def look(
        self, *gateways: GatewayReading, outcomes: Mapping[Subject, Outcome] | None = None, drift: Sequence[DriftFact] = ()
    ) -> list[Notice]:
        """One pass at the present instant; returns its notices."""
        reading, outcomes = Reading(self.now, gateways, ("/home/someone/.openclaw",)), outcomes or {}
        snapshot = judge(reading, self.now, Rules(), outcomes=outcomes, history=self.history, clock_held=self.clock_held)
        if not self.clock_held:
            self.history = observe(self.history, sightings(snapshot), self.now, unknown_subjects(snapshot, self.history))
            snapshot = judge(reading, self.now, Rules(), outcomes=outcomes, history=self.history)
        return self.step(replace(snapshot, drift=(*snapshot.drift, *drift)))

    def step(self, snapshot: Snapshot) -> list[Notice]:
        context = Context(self.thresholds, self.ourselves, history=self.history, disabled=self.disabled, host="myhost")
        self.found, self.drift_seen = find(snapshot, context, self.scope), snapshot.drift
        taken = step(self.book, self.found, self.now, self.policy, silences=self.silences, started_at=self.started_at)
        self.book = taken.book
        self.told.extend(taken.notices)
        return list(taken.notices)

    def wait(self, span: timedelta) -> None:
        self.now += span

    def settle(
        self,
        *gateways: GatewayReading,
        outcomes: Mapping[Subject, Outcome] | None = None,
        drift: Sequence[DriftFact] = (),
        span: timedelta = timedelta(minutes=10),
    ) -> list[Notice]:
        """Pass every minute over an unchanging world; returns what was told."""
        before, end = len(self.told), self.now + span
        while self.now < end:
            self.look(*gateways, outcomes=outcomes, drift=drift)
            self.wait(timedelta(minutes=1))
        return self.told[before:]

    def restart(self) -> None:
        """Come back from the disk."""
        alerts = {key: alert_from_json(json.loads(json.dumps(to_json(alert)))) for key, alert in self.book.alerts.items()}
        groups = {key: group_from_json(json.loads(json.dumps(to_json(group)))) for key, group in self.book.groups.items()}
        assert all(alerts.values())
        assert all(groups.values())
        self.book = Book({k: a for k, a in alerts.items() if a}, {k: g for k, g in groups.items() if g}, self.book.at)
        self.started_at = self.now


def subject(profile: str, *, agent: str = "main", gateway: str = "openclaw", provider: str | None = None) -> Subject:
    return Subject(gateway, agent, provider or profile.partition(":")[0], profile)


def outcome(credential: Credential, found: ProbeStatus, detail: str = "", at: datetime = NOW, **changes: object) -> Outcome:
    """A probe of this very credential; refusals are confirmed."""
    base = Outcome(
        found, detail, at=at, confirmed=found in (ProbeStatus.AUTH, ProbeStatus.BILLING), fingerprint=fingerprint(credential, SALT)
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def names(notices: Sequence[Notice]) -> list[tuple[str, str, set[str]]]:
    """What was told, shortly: kind, severity, names."""
    return [(notice.kind.value, notice.severity.value, set(notice.names())) for notice in notices]


def kinds(notices: Sequence[Notice], severity: Severity | None = None) -> list[NoticeKind]:
    return [notice.kind for notice in notices if severity in (None, notice.severity)]
