"""Pure. The nouns of the shipped rules: an alerting rule, a recording rule, a group; and their forms as documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

Severity = Literal["critical", "warning", "info", "none"]
Document = dict[str, object]

NO_TIME = timedelta(0)
COMPONENT = "model-auth"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule. Rules of one name are told apart by severity and `labels`, and share one runbook page.

    `summary` is one sentence without templates, `description` a template; `dashboard` is a path below Grafana's root.
    """

    name: str
    severity: Severity
    expr: str
    summary: str
    description: str
    hold: timedelta = NO_TIME  # becomes `for`
    keep: timedelta = NO_TIME  # becomes `keep_firing_for`
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    dashboard: str = ""

    @property
    def key(self) -> str:
        """Return what no other rule is called: the name, the severity, and what else tells it apart."""
        return ".".join([self.name, self.severity, *self.labels.values()])


@dataclass(frozen=True, slots=True)
class Record:
    """One recording rule, named level:metric:operation."""

    name: str
    expr: str

    @property
    def key(self) -> str:
        """Return what no other rule is called."""
        return self.name.replace(":", ".")


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Alert | Record, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """How the rules are written: with or without `keep_firing_for`, where pages are, and a cap on waits for hurried tests."""

    runbooks: str
    grafana: str
    keep_firing: bool = True
    longest_wait: timedelta | None = None


def document(groups: tuple[Group, ...], form: Form) -> Document:
    """Write a rule file."""
    return {"groups": [{"name": group.name, "rules": [_rule(rule, form) for rule in group.rules]} for group in groups]}


def custom_resource(groups: tuple[Group, ...], form: Form) -> Document:
    """Write the same as an object of the Prometheus operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "model-auth", "labels": {"app.kubernetes.io/name": "model-auth-exporter", "role": "alert-rules"}},
        "spec": document(groups, form),
    }


def seconds(span: timedelta) -> str:
    """Write a duration as Prometheus does: `90s`, `5m`, `2h`, `7d`."""
    left = round(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if left and left % size == 0:
            return f"{left // size}{unit}"
    return f"{left}s"


def _rule(rule: Alert | Record, form: Form) -> Document:
    if isinstance(rule, Record):
        return {"record": rule.name, "expr": rule.expr}
    if form.longest_wait is not None:
        rule = replace(rule, hold=min(rule.hold, form.longest_wait), keep=min(rule.keep, form.longest_wait))
    written: Document = {"alert": rule.name, "expr": rule.expr}
    if rule.hold:
        written["for"] = seconds(rule.hold)
    if rule.keep and form.keep_firing:
        written["keep_firing_for"] = seconds(rule.keep)
    written["labels"] = {"severity": rule.severity, "component": COMPONENT, **rule.labels}
    written["annotations"] = {"summary": rule.summary, "description": rule.description, **_links(rule, form)}
    return written


def _links(rule: Alert, form: Form) -> dict[str, str]:
    links = {"runbook_url": f"{form.runbooks}/{rule.name}.md"}
    return {**links, "dashboard_url": f"{form.grafana}/{rule.dashboard}"} if rule.dashboard else links
