"""The health table: a credential, its bookkeeping, and the word each rule gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.judging.health import Rules, gateway_word, health
from exporter.judging.history import Remembered
from exporter.judging.selection import credential_eligibility
from exporter.model import Credential, Expiry, ExpiryKind, Fence, Usage
from exporter.verdict import Health, RefreshState
from tests.builders import HOUR, NOW, at, key, oauth, token

MS = timedelta(milliseconds=1)
DAY = 24 * HOUR
INVALID = Expiry(ExpiryKind.INVALID)
SECONDS = Expiry(ExpiryKind.DATED, 1793664000)
FAR = Expiry(ExpiryKind.DATED, 8.64e15)

DATED = [
    # id, credential, ours, usable, the newest release's word
    ("key", key(), "static", True, "static"),
    ("key absent", key(None), "missing", False, "missing"),
    ("key is a pasted command", key("openclaw onboard --auth-choice openai-api-key"), "missing", False, "missing"),
    ("token undated", token(), "static", True, "static"),
    ("token absent", token(at(DAY), None), "missing", False, "missing"),
    ("token in 48 h", token(at(2 * DAY)), "ok", True, "ok"),
    ("token in 24 h and a millisecond", token(at(DAY + MS)), "ok", True, "ok"),
    ("token in exactly 24 h", token(at(DAY)), "expiring", True, "expiring"),
    ("token in a millisecond", token(at(MS)), "expiring", True, "expiring"),
    ("token now", token(at()), "expired", False, "expired"),
    ("token past", token(at(-HOUR)), "expired", False, "expired"),
    ("token in seconds", token(SECONDS), "expired", False, "expired"),
    ("token beyond every calendar", token(FAR), "ok", True, "ok"),
    ("token with a bad date", token(INVALID), "missing", False, "missing"),
    ("login in 2 h", oauth(at(2 * HOUR)), "ok", True, "expiring"),
    ("login past", oauth(at(-HOUR)), "renewing", True, "expired"),
    ("login long past", oauth(at(-90 * DAY)), "renewing", True, "expired"),
    ("login undated", oauth(), "missing", True, "missing"),
    ("login with a bad date", oauth(INVALID), "missing", True, "missing"),
    ("login with a grant only", oauth(at(DAY * 3), None), "ok", True, "ok"),
    ("login without grant in 2 h", oauth(at(2 * HOUR), refresh=None), "expiring", True, "expiring"),
    ("login without grant in 48 h", oauth(at(2 * DAY), refresh=None), "ok", True, "ok"),
    ("login without grant past", oauth(at(-HOUR), refresh=None), "expired", False, "expired"),
    ("login without grant undated", oauth(refresh=None), "missing", False, "missing"),
    ("login without anything", oauth(at(DAY), None, None), "missing", False, "missing"),
]


@pytest.mark.parametrize(("credential", "word", "usable", "theirs"), [row[1:] for row in DATED], ids=[row[0] for row in DATED])
def test_a_credential_by_its_own_bytes(credential: Credential, word: str, usable: bool, theirs: str) -> None:
    reason = credential_eligibility(credential, NOW)[0]
    verdict = health(credential, reason, Usage(), None, None, NOW, Rules())
    assert (verdict.health, verdict.usable, gateway_word(credential, reason, NOW)) == (word, usable, theirs)


FAILED = Usage(last_failure_at=NOW - HOUR, cooldown_reason="auth", failure_counts={"auth": 1})
PERMANENT = Usage(last_failure_at=NOW - HOUR, disabled_reason="auth_permanent", disabled_until=NOW - HOUR / 2)
LAPSED = oauth(at(-3 * HOUR))
REFRESH = [
    ("idle", LAPSED, Usage(), None, RefreshState.IDLE, "renewing"),
    ("failed on something else", LAPSED, replace(FAILED, cooldown_reason="rate_limit"), None, RefreshState.IDLE, "renewing"),
    ("auth failed long ago", LAPSED, FAILED, None, RefreshState.OVERDUE, "expired"),
    ("auth failed before the date", oauth(at(-HOUR / 2)), FAILED, None, RefreshState.IDLE, "renewing"),
    ("auth failed within the grace", LAPSED, replace(FAILED, last_failure_at=NOW - HOUR / 2), None, RefreshState.IDLE, "renewing"),
    ("keeps failing", LAPSED, replace(FAILED, last_failure_at=NOW), NOW - HOUR, RefreshState.OVERDUE, "expired"),
    ("failed before it was renewed", LAPSED, replace(FAILED, last_failure_at=NOW), NOW - 9 * HOUR, RefreshState.IDLE, "renewing"),
    (
        "mixed failures prove nothing",
        LAPSED,
        Usage(last_failure_at=NOW - HOUR, failure_counts={"auth": 1, "timeout": 1}),
        None,
        RefreshState.IDLE,
        "renewing",
    ),
    (
        "session expired counts as auth",
        LAPSED,
        Usage(last_failure_at=NOW - HOUR, failure_counts={"session_expired": 2}),
        None,
        RefreshState.OVERDUE,
        "expired",
    ),
    ("use is no evidence", LAPSED, replace(FAILED, last_used_at=NOW), None, RefreshState.OVERDUE, "expired"),
    ("failed for good", LAPSED, PERMANENT, None, RefreshState.FAILED, "expired"),
    ("failed for good, then worked", LAPSED, replace(PERMANENT, last_used_at=NOW - HOUR / 4), None, RefreshState.OVERDUE, "expired"),
    (
        "failed for good, window open, date ahead",
        oauth(at(DAY)),
        replace(PERMANENT, disabled_until=NOW + HOUR),
        None,
        RefreshState.FAILED,
        "expired",
    ),
    ("failed for good once, date ahead", oauth(at(DAY)), PERMANENT, None, RefreshState.IDLE, "ok"),
    ("auth failure while the date is ahead", oauth(at(DAY)), FAILED, None, RefreshState.IDLE, "ok"),
]


@pytest.mark.parametrize(("credential", "usage", "since", "state", "word"), [row[1:] for row in REFRESH], ids=[row[0] for row in REFRESH])
def test_a_login_that_renews_itself(credential: Credential, usage: Usage, since: object, state: RefreshState, word: str) -> None:
    remembered = Remembered(NOW - DAY, auth_failing_since=since) if since else None  # type: ignore[arg-type]
    verdict = health(credential, credential_eligibility(credential, NOW)[0], usage, remembered, None, NOW, Rules())
    assert (verdict.refresh, verdict.health) == (state, word)
    assert verdict.usable == (word in {"ok", "renewing"})


@pytest.mark.parametrize(
    ("failed", "written", "first_seen", "state", "word"),
    [
        (False, None, None, "in_progress", "renewing"),
        (False, timedelta(seconds=180), None, "in_progress", "renewing"),
        (False, timedelta(seconds=181), None, "orphaned", "expired"),
        (False, timedelta(seconds=5), timedelta(seconds=200), "orphaned", "expired"),
        (False, timedelta(seconds=200), timedelta(seconds=5), "orphaned", "expired"),
        (True, timedelta(seconds=1), None, "failed", "expired"),
    ],
)
def test_a_fence_ages_from_whatever_is_known_of_it(
    failed: bool, written: timedelta | None, first_seen: timedelta | None, state: str, word: str
) -> None:
    credential = replace(oauth(access=None, refresh=None), fence=Fence(failed))
    remembered = Remembered(NOW - DAY, fence_seen_at=NOW - first_seen) if first_seen else None
    stored_at = NOW - written if written else None
    verdict = health(credential, credential_eligibility(credential, NOW)[0], Usage(), remembered, stored_at, NOW, Rules())
    assert (verdict.refresh, verdict.health, verdict.usable) == (state, word, word == "renewing")


def test_a_verdict_says_when_time_alone_changes_it() -> None:
    verdict = health(token(at(3 * DAY)), credential_eligibility(token(at(3 * DAY)), NOW)[0], Usage(), None, None, NOW, Rules())
    assert verdict.until == NOW + 2 * DAY
    warned = health(token(at(HOUR)), credential_eligibility(token(at(HOUR)), NOW)[0], Usage(), None, None, NOW, Rules())
    assert warned.until == NOW + HOUR


def test_the_warning_window_is_a_rule() -> None:
    wide = Rules(warn=7 * DAY)
    assert (
        health(token(at(3 * DAY)), credential_eligibility(token(at(3 * DAY)), NOW)[0], Usage(), None, None, NOW, wide).health
        is Health.EXPIRING
    )
