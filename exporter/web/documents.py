"""Pure. The JSON documents of the API beside the snapshot: findings, alerts, silences, probes; and pages of long lists.

Shape:  a page is {"schema": 1, "at", "items": […], "total", "next"}; `next` is the address of the next page or null.
Units:  instants are RFC 3339 in UTC; what is absent is null. Keys may be added, none is ever renamed or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, TypeVar

from exporter.alerting.alert import Alert, Silence
from exporter.document import SCHEMA, compared, probed
from exporter.finding import Finding, runbook, said
from exporter.verdict import ProfileVerdict
from exporter.words import rfc3339

T = TypeVar("T")

ANSWER: Final = (
    "at", "provider", "host", "purpose", "model", "profiles", "outcome", "detail", "confirmed", "status", "words", "seconds", "retry_at",
)  # fmt: skip
MOST_ITEMS: Final = 1000
USUAL_ITEMS: Final = 100
MOST_OFFSET: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list is wanted."""

    limit: int = USUAL_ITEMS
    offset: int = 0


def parse_slice(limit: str | None, offset: str | None) -> Slice:
    """Read `limit` and `offset`; raises ValueError saying what to write."""
    return Slice(_number("limit", limit, 1, MOST_ITEMS, USUAL_ITEMS), _number("offset", offset, 0, MOST_OFFSET, 0))


def page(items: Sequence[T], part: Slice, at: datetime, path: str, document: Callable[[T], dict[str, object]]) -> dict[str, object]:
    """Write one page of a list."""
    following = part.offset + part.limit
    shown = items[part.offset : following]
    return {
        "schema": SCHEMA,
        "at": rfc3339(at),
        "items": [document(item) for item in shown],
        "total": len(items),
        "next": f"{path}?limit={part.limit}&offset={following}" if following < len(items) and following <= MOST_OFFSET else None,
    }


def finding(found: Finding, zone: tzinfo | None, runbooks: str = "") -> dict[str, object]:
    """Write one finding; sentences say instants in one zone. `runbooks` is where the pages are, "" where nobody published them."""
    return {
        "id": found.id,
        "name": found.name,
        "severity": found.severity.value,
        "scope": found.scope.value,
        "gateway": found.gateway or None,
        "agents": list(found.agents),
        "provider": found.provider or None,
        "profile": found.profile or None,
        "detail": found.detail or None,
        "what": found.what,
        "when": _instant(found.when),
        "since": _instant(found.since),
        "stage": found.stage or None,
        "why": said(found.why, zone) or None,
        "what_works": said(found.what_works, zone) or None,
        "fix": {
            "advice": found.fix.advice,
            "command": found.fix.command or None,
            "phone": found.fix.phone or None,
            "url": found.fix.url or None,
        },
        "runbook": runbook(found.name, runbooks) or None,
    }


def alert(found: Alert, zone: tzinfo | None, runbooks: str = "") -> dict[str, object]:
    """Write one alert with its finding."""
    return {
        "id": found.id,
        "state": found.state.value,
        "since": rfc3339(found.since),
        "fired_at": _instant(found.fired_at),
        "resolved_at": _instant(found.resolved_at),
        "acked_at": _instant(found.acked_at),
        "acked_by": found.acked_by or None,
        "ack_comment": found.ack_comment or None,
        "muted_by": found.muted_by or None,
        "finding": finding(found.finding, zone, runbooks),
    }


def silence(found: Silence, now: datetime) -> dict[str, object]:
    """Write one silence."""
    state = "pending" if now < found.starts_at else "active" if now < found.ends_at else "ended"
    return {
        "id": found.id,
        "state": state,
        "matchers": [{"label": m.label, "op": m.op.value, "value": m.value} for m in found.matchers],
        "author": found.author,
        "comment": found.comment,
        "starts_at": rfc3339(found.starts_at),
        "ends_at": rfc3339(found.ends_at),
    }


def probe(profile: ProfileVerdict, now: datetime) -> dict[str, object]:
    """Write the last probe of one profile, and beside it what the gateway has stored; words are redacted where they are taken."""
    whose = {"gateway": profile.gateway, "agent": profile.agent, "provider": profile.provider, "profile": profile.profile}
    return {**whose, **(probed(profile.probe, profile.fingerprint) or {}), **compared(profile, now)}


def answer(entry: Mapping[str, object]) -> dict[str, object]:
    """Write one answer of a provider, as the log of probes has it."""
    instants = {name: _seconds(entry.get(name)) for name in ("at", "retry_at")}
    return {name: entry.get(name) for name in ANSWER} | instants


def _seconds(value: object) -> str | None:
    return rfc3339(datetime.fromtimestamp(value, UTC)) if isinstance(value, int | float) else None


def _number(name: str, text: str | None, least: int, most: int, usual: int) -> int:
    if text is None:
        return usual
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not least <= int(text) <= most:
        raise ValueError(f"{name}: write a number from {least} to {most}")
    return int(text)


def _instant(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
