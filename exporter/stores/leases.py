"""Pure. Leases in a gateway's own database: who holds what, confirmed when, until when.

Shape:  state_leases(scope, lease_key, owner, expires_at, heartbeat_at, payload_json, created_at, updated_at), times in Unix milliseconds.
Source: src/state/openclaw-state-schema.sql of openclaw; holders confirm every 30 seconds at the latest.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from exporter.stores.sqlite_tables import Tables, text
from exporter.traces import Lock, LockKind

_TABLE: Final = "state_leases"
_WANTED: Final = ("scope", "lease_key", "expires_at", "heartbeat_at", "payload_json", "created_at")
_MOST: Final = 100
_LAST_MS: Final = 253_402_300_799_000


def read(tables: Tables) -> tuple[Lock, ...]:
    """List every lease; whether its holder lives is for others to find out."""
    if not set(_WANTED) <= tables.columns(_TABLE):
        return ()
    rows = tables.rows(_TABLE, _WANTED, f"1 LIMIT {_MOST}")
    found = (_lease(text(scope), beat or made, ends, payload) for scope, _, ends, beat, payload, made in rows)
    return tuple(lease for lease in found if lease is not None)


def _lease(scope: str | None, beat: object, ends: object, payload: object) -> Lock | None:
    since = _instant(beat)
    if not scope or since is None:
        return None
    return Lock(LockKind.LEASE, scope[:64], since=since, ends_at=_instant(ends), pid=_pid(payload))


def _instant(ms: object) -> datetime | None:
    return datetime.fromtimestamp(ms / 1000, UTC) if isinstance(ms, (int, float)) and 0 < ms <= _LAST_MS else None


def _pid(payload: object) -> int | None:
    try:
        tree = json.loads(payload) if isinstance(payload, bytes) else None
    except (ValueError, RecursionError):
        return None
    pid = tree.get("pid") if isinstance(tree, dict) else None
    return pid if isinstance(pid, int) and not isinstance(pid, bool) and 0 < pid < 1 << 31 else None
