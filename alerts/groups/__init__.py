"""Pure. The shipped rules, one module per subject; `every` makes them in the order in which they are written."""

from __future__ import annotations

from alerts.groups import credentials, doubts, exporter, parked, places, providers, quotas, recording, refusals
from alerts.rule import Alert, Group
from alerts.thresholds import Thresholds

_SUBJECTS = (recording, providers, credentials, refusals, parked, quotas, places, doubts)


def every(figures: Thresholds) -> tuple[Group, ...]:
    """Make every group with these figures."""
    groups = [module.group(figures) for module in _SUBJECTS]
    names = {rule.name for group in groups for rule in group.rules if isinstance(rule, Alert)}
    return (*groups, exporter.group(figures, names))
