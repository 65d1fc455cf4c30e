"""Findings and steps for tests of the life cycle alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from exporter.alerting.alert import Book, Policy, Route, Silence
from exporter.alerting.life import step
from exporter.alerting.notice import Notice
from exporter.finding import Finding, FindingScope, Fix, Found, Severity

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
POLICY = Policy(routes=(Route("pager"),), host="myhost", zone=UTC)
KNOWN = Found(gateways=frozenset({"openclaw"}))
BLIND = replace(KNOWN, blind_agents=frozenset({("openclaw", "main")}))
NO_WAIT = replace(POLICY, group_wait=timedelta(), group_interval=timedelta())


def finding(name: str = "Expired", profile: str = "anthropic:a", **changes: object) -> Finding:
    provider = profile.partition(":")[0]
    base = Finding(
        name=name,
        severity=Severity.WARNING,
        scope=FindingScope.PROFILE,
        identity=f"{name}/openclaw/{profile}",
        what="ran out",
        fix=Fix("Log in again."),
        gateway="openclaw",
        agents=("main",),
        provider=provider,
        profile=profile,
        cause=f"provider/{provider}",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def outage(provider: str = "anthropic", **changes: object) -> Finding:
    down = finding("ProviderDown", f"{provider}:", scope=FindingScope.PROVIDER, severity=Severity.CRITICAL, what="is down")
    return replace(down, profile="", identity=f"ProviderDown/openclaw/{provider}", **changes)  # type: ignore[arg-type]


@dataclass
class Life:
    """A book that is stepped."""

    policy: Policy = POLICY
    now: datetime = NOW
    book: Book = field(default_factory=Book)
    silences: tuple[Silence, ...] = ()
    started_at: datetime | None = None
    told: list[tuple[datetime, Notice]] = field(default_factory=list)

    def see(self, *findings: Finding, but: Found = KNOWN) -> list[Notice]:
        """One step; `but` says what this pass could not tell."""
        found = replace(but, findings=findings)
        taken = step(self.book, found, self.now, self.policy, silences=self.silences, started_at=self.started_at)
        self.book = taken.book
        self.told.extend((self.now, notice) for notice in taken.notices)
        return list(taken.notices)

    def over(self, span: timedelta, findings: Iterable[Finding] = (), every: timedelta = MINUTE, but: Found = KNOWN) -> list[Notice]:
        """Step every so often for a while, ending `span` later."""
        before, end, findings = len(self.told), self.now + span, tuple(findings)
        while self.now < end:
            self.see(*findings, but=but)
            self.now += every
        return [notice for _, notice in self.told[before:]]
