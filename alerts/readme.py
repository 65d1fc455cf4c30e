"""Pure. The table of rules in this directory's README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alerts.rule import Alert, Group, seconds


def table(groups: Sequence[Group]) -> list[str]:
    """Write one row per alert; the severities and stages of one name share it."""
    rows = ["| Alert | Severity | After | Means |", "|---|---|---|---|"]
    return rows + list(_rows([rule for group in groups for rule in group.rules if isinstance(rule, Alert)]))


def _rows(alerts: Sequence[Alert]) -> Iterator[str]:
    for name in dict.fromkeys(alert.name for alert in alerts):
        same = [alert for alert in alerts if alert.name == name]
        severities = ", ".join(dict.fromkeys(alert.severity for alert in same))
        holds = ", ".join(dict.fromkeys(seconds(alert.hold) for alert in same))
        yield f"| [{name}](runbooks/{name}.md) | {severities} | {holds} | {' '.join(dict.fromkeys(alert.summary for alert in same))} |"
