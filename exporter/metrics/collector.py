"""Pure. The same series for prometheus_client: for registries of others, and to check our text against its renderer."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporter.metrics.exposition import Kind
from exporter.metrics.families import FAMILIES
from exporter.metrics.view import View


class SnapshotCollector:
    """A collector in the sense of prometheus_client over one view."""

    def __init__(self, view: View) -> None:
        """Take the view whose series are wanted."""
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has series."""
        for family in FAMILIES:
            make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
            metric = make(family.name, family.help, labels=family.labels)
            for labels, value in family.series(self._view):
                metric.add_metric(labels, value)
            if metric.samples:
                yield metric
