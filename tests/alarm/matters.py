"""Pure. Findings made by hand, and settings with channels: what alerting is fed in these tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from exporter.finding import Finding, FindingScope, Fix, Found, Severity
from exporter.model import Secret
from exporter.settings import Alerts, Channel, Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PROMPT = Alerts(group_wait=timedelta(0), group_interval=timedelta(0), startup_grace=timedelta(0))


def finding(name: str = "Expired", severity: Severity = Severity.CRITICAL, profile: str = "anthropic:work", **changes: object) -> Finding:
    made: dict[str, object] = {
        "name": name,
        "severity": severity,
        "scope": FindingScope.PROFILE,
        "identity": f"{name}/{profile}",
        "what": "has expired",
        "fix": Fix("Log in again.", "openclaw models auth login --provider anthropic", "ssh box openclaw models auth login"),
        "why": ("The date in the store has passed.",),
        "what_works": ("openai answers instead.",),
        "when": NOW - timedelta(minutes=5),
        "gateway": "openclaw",
        "agents": ("main",),
        "provider": "anthropic",
        "profile": profile,
        "cause": f"{name}/{profile}",
        **changes,
    }
    return Finding(**made)  # type: ignore[arg-type]  # a test's own words


def found(*findings: Finding) -> Found:
    return Found(findings, gateways=frozenset({"openclaw"}))


def url_channel(name: str, url: str, **changes: object) -> Channel:
    return Channel(name=name, url=Secret(url), **{"gap": timedelta(0), **changes})  # type: ignore[arg-type]


def settings(*channels: Channel, alerts: Alerts = PROMPT) -> Settings:
    return Settings(channels=channels, alerts=alerts, host="box")
