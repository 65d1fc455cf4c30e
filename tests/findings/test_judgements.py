"""The finer judgements: what an accepted probe disproves, what is only suspected, what is said of whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model import Credential, ProblemReason, Usage
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota
from tests.builders import HOUR, NOW, agent, at, document, gateway, key, oauth, profile
from tests.troubles import KEY, MINUTE, NEW, ago, store
from tests.virtual import World, outcome, subject

OK = outcome(KEY, ProbeStatus.OK)
PARKED = Usage(last_failure_at=ago(MINUTE))
WINDOW = NOW + 2 * HOUR


def _found(usage: Usage, probe: Outcome | None, credential: Credential = KEY, provider: str = "anthropic") -> set[str]:
    name = f"{provider}:a"
    seen = store(profile(name, credential), usage={name: usage})
    world = World()
    world.look(seen, outcomes={subject(name): probe} if probe else {})
    return {finding.name for finding in world.found.findings}


DISPROOFS = (
    ("cooldown without a reason", replace(PARKED, cooldown_until=WINDOW), OK, True),
    ("about to end", replace(PARKED, cooldown_until=NOW + 4 * MINUTE), OK, False),
    ("one model only", replace(PARKED, cooldown_until=WINDOW, cooldown_reason="rate_limit", cooldown_model="claude-opus-4-5"), OK, False),
    ("probe before the failure", replace(PARKED, cooldown_until=WINDOW), replace(OK, at=ago(HOUR)), False),
    ("probe got no word", replace(PARKED, cooldown_until=WINDOW), outcome(KEY, ProbeStatus.TIMEOUT), False),
    ("billing, nothing known of money", replace(PARKED, disabled_until=WINDOW, disabled_reason="billing"), OK, False),
    ("billing, money is there", replace(PARKED, disabled_until=WINDOW, disabled_reason="billing"), replace(OK, balances=(Balance("USD", 9),)), True),
    ("billing, money is gone", replace(PARKED, disabled_until=WINDOW, disabled_reason="billing"), replace(OK, balances=(Balance("USD", 0),)), False),
    ("subscription, no quota known", replace(PARKED, blocked_until=WINDOW, blocked_reason="subscription_limit"), OK, False),
    ("subscription, quota free", replace(PARKED, blocked_until=WINDOW), replace(OK, quotas=(Quota("5h", 0.1),)), True),
    ("subscription, quota full", replace(PARKED, blocked_until=WINDOW), replace(OK, quotas=(Quota("5h", 1.0),)), False),
)  # fmt: skip


@pytest.mark.parametrize(("usage", "probe", "disproved"), [case[1:] for case in DISPROOFS], ids=[case[0] for case in DISPROOFS])
def test_an_accepted_probe_contradicts_only_what_it_can_see(usage: Usage, probe: Outcome, disproved: bool) -> None:
    assert ("CooldownContradicted" in _found(usage, probe)) is disproved


MISMATCHES = (
    ("throttle, dead key", "rate_limit", outcome(KEY, ProbeStatus.AUTH, "invalid"), True),
    ("throttle, unconfirmed refusal", "rate_limit", replace(outcome(KEY, ProbeStatus.AUTH, "invalid"), confirmed=False), False),
    ("auth, out of credit", "auth", outcome(KEY, ProbeStatus.BILLING), True),
    ("auth, dead key", "auth", outcome(KEY, ProbeStatus.AUTH, "revoked"), False),
    ("overload, throttled", "overloaded", outcome(KEY, ProbeStatus.RATE_LIMIT), False),
    ("unknown word", "weather", outcome(KEY, ProbeStatus.RATE_LIMIT), False),
)


@pytest.mark.parametrize(("reason", "probe", "mismatch"), [case[1:] for case in MISMATCHES], ids=[case[0] for case in MISMATCHES])
def test_reasons_are_compared_by_class(reason: str, probe: Outcome, mismatch: bool) -> None:
    assert ("ReasonMismatch" in _found(replace(PARKED, cooldown_until=WINDOW, cooldown_reason=reason), probe)) is mismatch


def test_a_refusal_for_billing_is_a_matter_of_money_not_of_the_key() -> None:
    found = _found(Usage(), outcome(KEY, ProbeStatus.BILLING, "balance", words="credit balance is too low"))
    assert found == {"BillingDisabled", "RedundancyLost"}


def test_a_scope_or_region_restriction_is_no_refusal() -> None:
    assert _found(Usage(), outcome(KEY, ProbeStatus.AUTH, "scope")) == set()


def test_a_failure_that_the_gateway_hid_is_only_suspected() -> None:
    hidden = Usage(last_used_at=ago(MINUTE) + timedelta(milliseconds=30), last_failure_at=ago(MINUTE))
    assert _found(hidden, None, oauth(at(-HOUR))) == {"RefreshOverdue"}
    assert _found(hidden, None, oauth(at(HOUR))) == set()


def test_one_limited_model_leaves_the_provider_up() -> None:
    limited = Usage(cooldown_until=WINDOW, cooldown_reason="rate_limit", cooldown_model="another-model", last_failure_at=ago(MINUTE))
    world = World()
    world.settle(gateway(agent(local=document(profile("anthropic:a", KEY), usage={"anthropic:a": limited}))))
    assert {name for notice in world.told for name in notice.names()} == {"CooldownLong"}


def test_a_provider_in_use_without_any_credential_is_told_with_the_command_that_stores_one() -> None:
    world = World()
    world.settle(gateway(agent(local=document(profile("openai:a", key())))))
    assert "there is no credential" in world.told[0].plain
    assert "openclaw models auth login --provider anthropic" in world.told[0].plain


def test_every_reason_of_an_unreadable_store_has_words() -> None:
    from exporter.findings.stores import _WORDS

    fatal = set(ProblemReason) - {
        ProblemReason.BAD_ENTRY, ProblemReason.DUPLICATE_KEY, ProblemReason.BAD_VALUE, ProblemReason.OAUTH_SECRET_REF,
        ProblemReason.MIGRATION_REQUIRED, ProblemReason.ENVIRONMENT_UNSEEN, ProblemReason.NO_GATEWAY,
    }  # fmt: skip
    assert set(_WORDS) >= fatal


def test_a_replaced_credential_ends_its_refusal_before_it_is_probed() -> None:
    world = World()
    refused = {subject("anthropic:a"): outcome(NEW, ProbeStatus.AUTH, "revoked")}
    world.settle(store(profile("anthropic:a", NEW)), outcomes=refused)
    world.settle(store(profile("anthropic:a", KEY)), outcomes=refused)
    assert dict(world.book.alerts) == {}
