"""The finer judgements: what an accepted probe disproves, what is only suspected, what is said of whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.findings.catalogue import find
from exporter.findings.context import Context
from exporter.model import ConfiguredProfile, Credential, ProblemReason, Usage
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota
from exporter.verdict import DriftFact
from tests.builders import HOUR, NOW, agent, at, config, document, environment, gateway, judged, key, oauth, profile, token
from tests.troubles import DAY, KEY, LOGIN, MINUTE, NEW, SPARE, ago, store
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


def test_one_lost_profile_is_told_once_whoever_remembers_it() -> None:
    """The configuration names it, history knows it, and two agents have its use on record."""
    used = {"anthropic:a": Usage(last_used_at=ago(HOUR))}
    named = config(profiles={"anthropic:a": ConfiguredProfile("anthropic", "api_key")})
    world = World()
    world.look(gateway(agent(local=document(SPARE, usage=used)), agent("work", document(usage=used)), config=named))
    found = [(finding.name, set(finding.agents)) for finding in world.found.findings if "gone" in finding.what or "nowhere" in finding.what]
    assert found == [("ProfileVanished", {"main", "work"})]
    world = World()
    world.look(gateway(agent(local=document(SPARE, usage=used)), agent("work", document(usage=used))))
    assert [finding.name for finding in world.found.findings] == ["ProfileVanished"]


def test_a_folder_that_nobody_uses_is_one_finding_whatever_lies_in_it() -> None:
    main = agent(local=document(profile("anthropic:a", LOGIN), SPARE))
    old = agent("old", document(profile("anthropic:a", oauth(at(-HOUR), "access-other", "refresh-old"))), configured=False)
    world = World()
    world.look(gateway(main, old))
    assert {fact.name for fact in world.drift_seen} >= {"AgentDirMismatch", "AgentDrift"}
    assert {finding.name for finding in world.found.findings} == {"AgentDirMismatch"}


def test_what_differs_between_agents_is_repaired_by_the_command_of_the_one_behind() -> None:
    main = agent(local=document(profile("anthropic:a", oauth(at(8 * HOUR), "access-new", "refresh-new")), SPARE))
    work = agent("work", document(profile("anthropic:a", oauth(at(-HOUR), "access-old", "refresh-old"))))
    world = World()
    world.look(gateway(main, work))
    drift = [finding for finding in world.found.findings if finding.name == "AgentDrift"]
    assert [finding.fix.command for finding in drift] == [
        "openclaw models auth login --provider anthropic --profile-id anthropic:a --agent work"
    ]


@pytest.mark.parametrize(
    ("name", "commands", "told"),
    [
        ("SourceLocked", ("security unlock-keychain",), "security unlock-keychain"),
        ("LockStuck", ("rm -r /home/a/.openclaw/x.lock",), "model-auth-exporter doctor"),  # paths stay on their machine
    ],
)
def test_the_command_of_what_was_found_is_the_repair_unless_it_names_a_place(name: str, commands: tuple[str, ...], told: str) -> None:
    seen = judged(gateway(agent(local=document(SPARE))))
    fact = DriftFact("openclaw", "x", "it differs", name=name, commands=commands)
    (found,) = find(replace(seen, drift=(fact,)), Context(host="box")).findings
    assert (found.fix.command, found.fix.phone) == (told, f"ssh -t box '{told}'")


FORECASTS = (
    ("ahead of its time", Quota("7d", 0.91, NOW + 2 * DAY), "used up at 2026-11-01 11:52 UTC, before it resets"),
    ("slow enough", Quota("opus_7d", 0.85, NOW + HOUR), "lasts until then"),
    ("by a name", Quota("month", 0.9, NOW + 15 * DAY), "used up at 2026-11-02 16:00 UTC"),
    ("too early to tell", Quota("7d", 0.9, NOW + 7 * DAY), ""),
    ("reset beyond the window", Quota("5h", 0.9, NOW + 6 * HOUR), ""),
    ("unknown length", Quota("premium", 0.9, NOW + HOUR), ""),
    ("unknown reset", Quota("5h", 0.9), ""),
)


@pytest.mark.parametrize(("quota", "words"), [case[1:] for case in FORECASTS], ids=[case[0] for case in FORECASTS])
def test_a_quota_is_told_with_its_end_at_the_present_pace(quota: Quota, words: str) -> None:
    world = World()
    world.settle(store(profile("anthropic:a", KEY)), outcomes={subject("anthropic:a"): replace(OK, quotas=(quota,))})
    assert words in world.told[0].plain
    assert ("pace" in world.told[0].plain) is bool(words)


def test_a_token_that_was_there_when_we_came_warns_however_soon_it_ends() -> None:
    world = World()
    world.look(store(profile("anthropic:a", token(at(90 * MINUTE)))))
    assert [finding.name for finding in world.found.findings if finding.name == "Expiring"] == ["Expiring"]


def test_a_short_lived_token_that_came_later_does_not_warn_at_birth() -> None:
    world = World()
    world.look(store(profile("anthropic:spare", KEY)))
    world.wait(HOUR)
    world.look(store(profile("anthropic:spare", KEY), profile("anthropic:a", token(at(HOUR + 90 * MINUTE)))))
    assert "Expiring" not in {finding.name for finding in world.found.findings}


def test_a_provider_that_is_down_names_the_key_that_is_not_tried_and_why() -> None:
    usage = {"anthropic:a": replace(PARKED, cooldown_until=WINDOW)}
    world = World()
    only = gateway(agent(local=document(profile("anthropic:a", KEY), usage=usage)))
    world.look(replace(only, environment=environment({"ANTHROPIC_API_KEY": "sk-env"})))
    (down,) = [finding for finding in world.found.findings if finding.name == "ProviderDown"]
    assert "env:ANTHROPIC_API_KEY would work, but: the stored profiles wait" in "".join(str(part) for part in down.why)


def test_a_provider_whose_order_is_dead_names_the_good_profile_left_out_of_it() -> None:
    seen = store(profile("anthropic:a", token(at(-HOUR))), profile("anthropic:b", KEY))
    world = World()
    world.look(replace(seen, config=config(order={"anthropic": ("anthropic:a",)})))
    (down,) = [finding for finding in world.found.findings if finding.name == "ProviderDown"]
    assert "anthropic:b and anthropic:spare would work, but: excluded_by_auth_order" in "".join(str(part) for part in down.why)
