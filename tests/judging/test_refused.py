"""When a provider's answer makes a credential unusable, and when it only speaks of an access token that is renewed anyway."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from exporter.judging.health import Rules
from exporter.judging.history import History, Subject, fingerprint
from exporter.model import Credential, Reading
from exporter.outcome import Outcome, ProbeStatus
from exporter.snapshot import judge
from exporter.verdict import Health, ProfileVerdict
from tests.builders import HOUR, NOW, agent, at, document, gateway, key, oauth, profile, token

SALT = b"salt"
IDLE, LAPSED, UNDATED = oauth(at(8 * HOUR)), oauth(at(-HOUR)), oauth()
BEFORE, AFTER = NOW - 2 * HOUR, NOW - timedelta(minutes=5)


def verdict(
    credential: Credential, detail: str, asked_at: datetime = AFTER, *, of: str | None = None, confirmed: bool = True
) -> ProfileVerdict:
    mark = fingerprint(credential, SALT) if of is None else of
    status = ProbeStatus.BILLING if detail == "balance" else ProbeStatus.AUTH
    outcomes = {
        Subject("openclaw", "main", "anthropic", "anthropic:a"): Outcome(status, detail, asked_at, confirmed=confirmed, fingerprint=mark)
    }
    reading = Reading(NOW, (gateway(agent(local=document(profile("anthropic:a", credential)))),))
    return judge(reading, NOW, Rules(), history=History(SALT), outcomes=outcomes).all_profiles()[0]


@pytest.mark.parametrize(
    ("credential", "detail", "asked_at"),
    [
        (key(), "invalid", AFTER),
        (token(at(30 * 24 * HOUR)), "expired", AFTER),
        (IDLE, "revoked", AFTER),
        (IDLE, "expired", AFTER),
        (LAPSED, "revoked", BEFORE),
        (LAPSED, "invalid", BEFORE),
        (LAPSED, "balance", AFTER),
    ],
    ids=["key", "token", "login", "login-ended-early", "login-revoked-then-lapsed", "login-dead-then-lapsed", "login-unpaid"],
)
def test_a_confirmed_refusal_makes_it_unusable(credential: Credential, detail: str, asked_at: datetime) -> None:
    found = verdict(credential, detail, asked_at)
    assert (found.refused, found.usable, found.usable_rule.rule) == (True, False, "usable.refused")


@pytest.mark.parametrize(
    ("credential", "detail", "asked_at"),
    [(LAPSED, "expired", AFTER), (LAPSED, "expired", BEFORE), (LAPSED, "invalid", AFTER), (UNDATED, "expired", AFTER)],
    ids=["asked-after-its-end", "asked-before-its-end", "called-invalid-after-its-end", "undated"],
)
def test_an_access_token_past_its_end_says_nothing_about_the_login(credential: Credential, detail: str, asked_at: datetime) -> None:
    found = verdict(credential, detail, asked_at)
    assert (found.refused, found.usable) == (False, True)
    assert found.health in (Health.RENEWING, Health.MISSING)


def test_without_a_refresh_grant_nothing_renews_it() -> None:
    found = verdict(oauth(at(HOUR), refresh=None), "expired")
    assert (found.refused, found.usable) == (True, False)


def test_a_refusal_of_another_credential_or_seen_once_does_not_count() -> None:
    assert verdict(key(), "invalid", of="another").usable
    assert verdict(key(), "invalid", confirmed=False).usable
