"""Pure. Two generations of store beside each other: which one the gateway reads, and which was written later.

Source: spec/gateways.md, 0 (which store is in force), 2.5 (migration).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.drift.scene import Scene
from exporter.model import Era, ProblemReason, SourceState, StoreKind
from exporter.verdict import DriftFact
from exporter.words import instant

KIND, NAME = "store", "StoreSplit"
_DATABASES = frozenset({Era.AGENT_DB, Era.SHARED_DB})


def find(scene: Scene) -> Iterator[DriftFact]:
    """Look for a JSON store beside a database, and for the half of a migration that never came."""
    if scene.reading.era not in _DATABASES:
        return
    halves = {problem.agent for problem in scene.reading.problems if problem.reason is ProblemReason.MIGRATION_REQUIRED}
    for agent in sorted(halves):
        why = "the migration is half done: its database is empty, the JSON store beside it holds profiles the gateway refuses"
        yield scene.fact(KIND, "MigrationRequired", why, agent=agent)
    for source in scene.reading.sources:
        if source.ref.store is StoreKind.AUTH_PROFILES and source.ref.agent not in halves:
            yield _beside(scene, source)


def _beside(scene: Scene, source: SourceState) -> DriftFact:
    agent, written = source.ref.agent, _database_at(scene, source.ref.agent)
    if source.modified_at is not None and written is not None and source.modified_at > written:
        why = (
            f"the gateway reads its database, written {instant(written)}; the JSON store beside it was written later, "
            f"{instant(source.modified_at)}: a login went to the wrong one"
        )
        return scene.fact(KIND, NAME, why, agent=agent, since=source.modified_at, places=(source.ref.path,))
    why = "the gateway reads its database; a JSON store of an older release still lies beside it, with credentials nobody renews"
    return scene.fact(KIND, NAME, why, agent=agent, since=written, places=(source.ref.path,))


def _database_at(scene: Scene, agent: str) -> datetime | None:
    """Return when the credentials of an agent's database, or the shared one, were last written."""
    local = next((one.local for one in scene.reading.agents if one.agent == agent), None)
    shared = scene.reading.shared
    times = [document.updated_at for document in (local, shared) if document is not None and document.profiles and document.updated_at]
    return max(times, default=None)
