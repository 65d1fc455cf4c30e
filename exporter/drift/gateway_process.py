"""Pure. A running gateway that went on with what it knew before a login was replaced.

Source: spec/incidents.md, I17: caches of a minute, a window of nine; what lasts longer needs a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from exporter.drift.scene import Scene
from exporter.model import Source
from exporter.verdict import DriftFact, ProfileVerdict
from exporter.words import instant

KIND, NAME = "gateway", "GatewayStale"
PICKED_UP_WITHIN: Final = timedelta(minutes=10)
_AUTH = frozenset({"auth", "auth_permanent", "session_expired"})


def find(scene: Scene) -> Iterator[DriftFact]:
    """Look for authentication failures well after a credential was replaced, in a process older than that."""
    run = scene.reading.host.run
    if run is None or run.started_at is None:
        return
    for agent in scene.agents:
        for profile in agent.profiles:
            replaced = _replaced_at(scene, profile)
            if replaced is not None and run.started_at < replaced and _still_fails(profile, replaced):
                why = (
                    f"a new login is stored since {instant(replaced)}, the gateway (started {instant(run.started_at)}) "
                    "still fails to authenticate with the old one"
                )
                yield scene.fact(KIND, NAME, why, agent=agent.agent, provider=profile.provider, profile=profile.profile, since=replaced)


def _replaced_at(scene: Scene, profile: ProfileVerdict) -> datetime | None:
    """Return when a stored credential was replaced, as far as we saw; the inherited are told once, by their owner."""
    return profile.changed_at if profile.source is Source.STORE and profile.changed_at and profile.changed_at <= scene.now else None


def _still_fails(profile: ProfileVerdict, replaced: datetime) -> bool:
    failed = profile.last_failure_at
    if failed is None or failed < replaced + PICKED_UP_WITHIN or profile.fenced:
        return False
    if profile.last_used_at is not None and profile.last_used_at > failed:
        return False
    reasons = {window.reason for window in profile.cooldowns} | set(profile.failures)
    return bool(reasons & _AUTH) or profile.auth_failing_since is not None
