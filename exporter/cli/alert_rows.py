"""Pure. Alerts, silences and the log of notices as rows of a table and as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from exporter.alerting.alert import Alert, Silence
from exporter.journal.records import Line
from exporter.words import duration, instant, rfc3339, visible

Row = tuple[str, ...]


def alert_rows(alerts: Sequence[Alert], now: datetime, zone: tzinfo | None) -> list[Row]:
    """Lay alerts out, one line each."""
    rows: list[Row] = [("ID", "STATE", "SEVERITY", "NAME", "GATEWAY", "AGENTS", "PROFILE", "FOR", "TOLD", "NOTE")]
    for alert in alerts:
        finding = alert.finding
        about = finding.profile or finding.provider or finding.detail
        told = ", ".join(alert.told)
        cells = (alert.id, alert.state, finding.severity, finding.name, finding.gateway, ", ".join(finding.agents), about)
        rows.append(_shown((*cells, duration(now - alert.since), told, _note(alert, zone))))
    return rows


def silence_rows(silences: Sequence[Silence], now: datetime, zone: tzinfo | None) -> list[Row]:
    """Lay silences out, one line each."""
    rows: list[Row] = [("SILENCE", "ENDS", "MATCHERS", "AUTHOR", "COMMENT")]
    for entry in silences:
        ends = f"{instant(entry.ends_at, zone)}{'' if entry.ends_at > now else ' (over)'}"
        matchers = " ".join(f"{matcher.label}{matcher.op}{matcher.value}" for matcher in entry.matchers)
        rows.append(_shown((entry.id, ends, matchers, entry.author, entry.comment)))
    return rows


def line_rows(lines: Sequence[Line], zone: tzinfo | None) -> list[Row]:
    """Lay the log out, one line each."""
    rows: list[Row] = [("AT", "CHANNEL", "KIND", "OUTCOME", "TRY", "TITLE", "WHY")]
    for line in lines:
        rows.append(_shown((instant(line.at, zone), line.channel, line.kind, line.outcome, str(line.attempt), line.title, line.reason)))
    return rows


def alert_document(alert: Alert) -> Mapping[str, object]:
    """Write one alert for programs."""
    finding = alert.finding
    return {
        "id": alert.id,
        "state": alert.state.value,
        "name": finding.name,
        "severity": finding.severity.value,
        "labels": dict(finding.labels()),
        "what": finding.what,
        "when": _instant(finding.when),
        "since": _instant(alert.since),
        "fired_at": _instant(alert.fired_at),
        "resolved_at": _instant(alert.resolved_at),
        "acked_at": _instant(alert.acked_at),
        "acked_by": alert.acked_by or None,
        "comment": alert.ack_comment or None,
        "muted_by": alert.muted_by or None,
        "told": {channel: _instant(told.at) for channel, told in alert.told.items()},
        "fix": {"advice": finding.fix.advice, "command": finding.fix.command or None, "phone": finding.fix.phone or None},
    }


def silence_document(entry: Silence) -> Mapping[str, object]:
    """Write one silence for programs."""
    return {
        "id": entry.id,
        "matchers": [{"label": matcher.label, "op": matcher.op.value, "value": matcher.value} for matcher in entry.matchers],
        "author": entry.author,
        "comment": entry.comment,
        "starts_at": _instant(entry.starts_at),
        "ends_at": _instant(entry.ends_at),
    }


def line_document(line: Line) -> Mapping[str, object]:
    """Write one line of the log for programs."""
    return {
        "at": _instant(line.at),
        "id": line.id,
        "channel": line.channel,
        "kind": line.kind,
        "severity": line.severity,
        "title": line.title,
        "outcome": line.outcome,
        "try": line.attempt,
        "why": line.reason or None,
        "possible_repeat": line.possible_repeat,
    }


def _note(alert: Alert, zone: tzinfo | None) -> str:
    if alert.acked_at is not None:
        comment = f": {alert.ack_comment}" if alert.ack_comment else ""
        return f"acknowledged by {alert.acked_by} {instant(alert.acked_at, zone)}{comment}"
    return f"muted by {alert.muted_by}" if alert.muted_by else ""


def _shown(cells: Sequence[str]) -> Row:
    return tuple(visible(str(cell)) or "-" for cell in cells)


def _instant(at: datetime | None) -> str | None:
    return rfc3339(at) if at is not None else None
