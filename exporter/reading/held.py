"""Pure. What one place on disk gives, now or the last time it could be read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from exporter.model import Problem, SourceState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """`source` is None when nothing is there; `value` may be older than the last try."""

    value: T | None = None
    source: SourceState | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def unknown(self) -> bool:
        """True when something is there, cannot be read, and nothing older is known."""
        return self.source is not None and not self.source.up and self.value is None

    @property
    def stale_since(self) -> datetime | None:
        """Since when the value is older than the last try."""
        return self.source.stale_since if self.source else None


def one_per_store(sources: Iterable[SourceState]) -> tuple[SourceState, ...]:
    """Join the states of places that share their labels, such as several login files, into the worst of each."""
    joined: dict[tuple[str, str, str], SourceState] = {}
    for source in sources:
        key = (source.ref.gateway, source.ref.agent, source.ref.store)
        joined[key] = _worse(joined[key], source) if key in joined else source
    return tuple(joined.values())


def _worse(a: SourceState, b: SourceState) -> SourceState:
    return replace(
        a if not a.up else b if not b.up else a,
        modified_at=max((at for at in (a.modified_at, b.modified_at) if at), default=None),
        read_at=max((at for at in (a.read_at, b.read_at) if at), default=None) if a.up and b.up else (b.read_at if a.up else a.read_at),
        stale_since=min((at for at in (a.stale_since, b.stale_since) if at), default=None),
        insecure=a.insecure or b.insecure,
    )
