"""Edge. The outbox and its log: notices that are written down before they are sent, and what became of them.

Every function works inside a transaction of its caller. A notice leaves the outbox only when its delivery is written into the log.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from exporter.alerting.alert_json import notice_from_json, to_json
from exporter.alerting.notice import Notice, NoticeKind, repeated
from exporter.journal.file import storable, to_instant, to_ms
from exporter.journal.records import Claim, Depth, Line

_LONGEST_WAIT: Final = timedelta(hours=1)  # a time further ahead than this was written under another clock
_KEPT_LINES: Final = 2000
_NEXT: Final = """
    SELECT sequence, document, attempts, claimed_by, possible_repeat FROM outbox AS o
    WHERE channel = :channel
    AND (next_try_ms <= :now OR next_try_ms > :far)
    AND (claimed_until_ms IS NULL OR claimed_until_ms <= :now OR claimed_until_ms > :far)
    AND NOT EXISTS (
        SELECT 1 FROM outbox AS e WHERE e.channel = o.channel AND e.cause = o.cause AND e.cause <> '' AND e.sequence < o.sequence
    )
    ORDER BY attempts, sequence LIMIT 1
"""


def put(file: sqlite3.Connection, notices: Iterable[Notice], now: datetime) -> None:
    """Write notices down. A reminder takes the place of an older one of the same cause that has not left yet."""
    for notice in notices:
        if notice.kind is NoticeKind.REMINDER:
            _supersede(file, notice, now)
        row = (storable(notice.channel), storable(notice.cause), notice.kind.value, to_ms(now), json.dumps(to_json(notice)), to_ms(now))
        file.execute("INSERT INTO outbox (channel, cause, kind, written_ms, document, next_try_ms) VALUES (?, ?, ?, ?, ?, ?)", row)


def claim(file: sqlite3.Connection, channel: str, claimant: str, now: datetime, lease: timedelta) -> Claim | None:
    """Take the next notice of a channel: of one cause in order, of several the least tried. None: nothing is due."""
    row = file.execute(_NEXT, {"channel": storable(channel), "now": to_ms(now), "far": to_ms(now + _LONGEST_WAIT)}).fetchone()
    if row is None:
        return None
    sequence, document, attempts, before, possible = row
    notice = notice_from_json(json.loads(document))
    if notice is None:  # of a release that wrote it otherwise; what it said is in the book, which tells it again
        file.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))
        return claim(file, channel, claimant, now, lease)
    again = before is not None or bool(possible)  # whoever claimed it never said how it ended
    file.execute(
        "UPDATE outbox SET claimed_by = ?, claimed_until_ms = ?, possible_repeat = ? WHERE sequence = ?",
        (claimant, to_ms(now + lease), again, sequence),
    )
    return Claim(sequence, repeated(notice) if again else notice, attempts)


def delivered(file: sqlite3.Connection, taken: Claim, now: datetime) -> None:
    """Write down that a notice arrived."""
    file.execute("DELETE FROM outbox WHERE sequence = ?", (taken.sequence,))
    _log(file, taken.notice, now, "delivered", taken.attempts + 1, "")


def failed(file: sqlite3.Connection, taken: Claim, now: datetime, outcome: str, reason: str, *, next_at: datetime, maybe: bool) -> None:
    """Write down that a try failed; `maybe` when it cannot be excluded that it arrived all the same."""
    file.execute(
        "UPDATE outbox SET attempts = attempts + 1, next_try_ms = ?, claimed_by = NULL, claimed_until_ms = NULL,"
        " possible_repeat = possible_repeat OR ? WHERE sequence = ?",
        (to_ms(next_at), maybe, taken.sequence),
    )
    _log(file, taken.notice, now, outcome, taken.attempts + 1, reason)


def release(file: sqlite3.Connection) -> None:
    """End the leases of processes that are gone; what they claimed stays marked."""
    file.execute("UPDATE outbox SET claimed_until_ms = 0 WHERE claimed_by IS NOT NULL")


def depth(file: sqlite3.Connection) -> Depth:
    """Tell how much waits, and since when."""
    notices, oldest = file.execute("SELECT count(*), min(written_ms) FROM outbox").fetchone()
    return Depth(notices, to_instant(oldest))


def stuck(file: sqlite3.Connection) -> tuple[tuple[str, datetime, str], ...]:
    """Return, for each channel with a notice that failed before and still waits: the channel, since when, and the last reason."""
    rows = file.execute(
        "SELECT channel, min(written_ms), coalesce((SELECT reason FROM notice_log AS l WHERE l.channel = o.channel AND l.reason <> ''"
        " ORDER BY sequence DESC LIMIT 1), '') FROM outbox AS o WHERE attempts > 0 GROUP BY channel"
    ).fetchall()
    return tuple((channel, datetime.fromtimestamp(since / 1000, UTC), reason) for channel, since, reason in rows)


def waiting(file: sqlite3.Connection) -> tuple[Notice, ...]:
    """Return every notice that has not left, oldest first."""
    rows = file.execute("SELECT document FROM outbox ORDER BY sequence").fetchall()
    return tuple(notice for (document,) in rows if (notice := notice_from_json(json.loads(document))) is not None)


def lines(file: sqlite3.Connection, most: int) -> tuple[Line, ...]:
    """Return the newest lines of the log, newest first."""
    rows = file.execute(
        "SELECT at_ms, id, channel, kind, severity, title, outcome, attempt, reason, possible_repeat FROM notice_log"
        " ORDER BY sequence DESC LIMIT ?",
        (most,),
    ).fetchall()
    return tuple(_line(*row) for row in rows)


def log_test(file: sqlite3.Connection, notice: Notice, now: datetime, outcome: str, reason: str) -> None:
    """Write down what became of a notice that was sent without the outbox."""
    _log(file, notice, now, outcome, 1, reason)


def _line(
    at_ms: int, id: str, channel: str, kind: str, severity: str, title: str, outcome: str, attempt: int, why: str, again: int
) -> Line:
    return Line(datetime.fromtimestamp(at_ms / 1000, UTC), id, channel, kind, severity, title, outcome, attempt, why, bool(again))


def _supersede(file: sqlite3.Connection, notice: Notice, now: datetime) -> None:
    rows = file.execute(
        "SELECT sequence, document, attempts FROM outbox WHERE channel = ? AND cause = ? AND kind = ? AND claimed_by IS NULL",
        (storable(notice.channel), storable(notice.cause), NoticeKind.REMINDER.value),
    ).fetchall()
    for sequence, document, attempts in rows:
        file.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))
        if (older := notice_from_json(json.loads(document))) is not None:
            _log(file, older, now, "superseded", attempts, "a newer reminder says it")


def _log(file: sqlite3.Connection, notice: Notice, now: datetime, outcome: str, attempt: int, reason: str) -> None:
    words = (notice.id, notice.channel, notice.kind.value, notice.severity.value, notice.title, outcome)
    row = (to_ms(now), *map(storable, words), attempt, storable(reason), notice.possible_repeat)
    file.execute(
        "INSERT INTO notice_log (at_ms, id, channel, kind, severity, title, outcome, attempt, reason, possible_repeat)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    file.execute("DELETE FROM notice_log WHERE sequence <= (SELECT max(sequence) FROM notice_log) - ?", (_KEPT_LINES,))
