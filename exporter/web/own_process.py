"""Edge. The client library's process and Python collectors, as text to put before our own families."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.metrics.exposition import EOF

_REGISTRY: Final = CollectorRegistry(auto_describe=True)  # so that name[] finds them
ProcessCollector(registry=_REGISTRY)
PlatformCollector(registry=_REGISTRY)
GCCollector(registry=_REGISTRY)


def render(*, openmetrics: bool, names: frozenset[str] | None) -> bytes:
    """Write what the process uses; no end mark, our own families follow."""
    registry = _REGISTRY if names is None else _REGISTRY.restricted_registry(names)
    if openmetrics:
        written: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # the library left it bare
        return written.removesuffix(EOF)
    return generate_latest(registry)
