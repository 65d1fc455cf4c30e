"""Pure. What a condition is: one entry of the catalogue, and the findings it makes of its hits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporter.finding import AT_ONCE, Evidence, Finding, FindingScope, Fix, Severity, Text
from exporter.findings.view import View


@dataclass(frozen=True, slots=True)
class Draft:
    """One hit of a condition: what differs from hit to hit. None takes the condition's own value."""

    key: str  # makes the identity, together with the condition's matter
    what: str
    fix: Fix
    why: Text = ()
    what_works: Text = ()
    when: datetime | None = None
    since: datetime | None = None
    gateway: str = ""
    agents: tuple[str, ...] = ()
    provider: str = ""
    profile: str = ""
    detail: str = ""
    stage: str = ""
    urgency: int = 0
    severity: Severity | None = None
    hold: timedelta | None = None
    lapse_hold: timedelta | None = None
    evidence: Evidence | None = None
    fingerprint: str = ""
    rests_on: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of the catalogue. Conditions of one `matter` are its stages: their findings share identities."""

    name: str
    severity: Severity  # the worst it can be
    scope: FindingScope
    summary: str  # one sentence for the documentation and the runbook
    look: Callable[[View], Iterable[Draft]]
    hold: timedelta = AT_ONCE
    resolve_hold: timedelta = AT_ONCE
    lapse_hold: timedelta = AT_ONCE
    evidence: Evidence = Evidence.STORE
    matter: str = ""

    def findings(self, view: View) -> Iterator[Finding]:
        """Return every hit as a finding."""
        for draft in self.look(view):
            yield self._finding(draft)

    def _finding(self, draft: Draft) -> Finding:
        return Finding(
            name=self.name,
            severity=draft.severity or self.severity,
            scope=self.scope,
            identity=f"{self.matter or self.name}/{draft.key}",
            what=draft.what,
            fix=draft.fix,
            why=draft.why,
            what_works=draft.what_works,
            when=draft.when,
            gateway=draft.gateway,
            agents=draft.agents,
            provider=draft.provider,
            profile=draft.profile,
            detail=draft.detail,
            since=draft.since,
            stage=draft.stage,
            urgency=draft.urgency,
            hold=self.hold if draft.hold is None else draft.hold,
            resolve_hold=self.resolve_hold,
            lapse_hold=self.lapse_hold if draft.lapse_hold is None else draft.lapse_hold,
            cause=_cause(draft),
            evidence=draft.evidence or self.evidence,
            rests_on=self._rests_on(draft),
        )

    def _rests_on(self, draft: Draft) -> tuple[tuple[str, str, str], ...]:
        probed = (draft.evidence or self.evidence) is Evidence.PROBE
        return tuple((agent, draft.profile, draft.fingerprint) for agent in draft.agents) if probed else draft.rests_on


def _cause(draft: Draft) -> str:
    if draft.provider:
        return f"provider/{draft.provider}"
    return f"gateway/{draft.gateway}" if draft.gateway else "exporter"
