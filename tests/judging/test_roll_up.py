"""One provider in one agent's view: who counts, who is next, when nothing is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from exporter.checking import Scope, check
from exporter.judging.history import History, Remembered, Subject
from exporter.model import (
    AgentConfig,
    AuthDocument,
    ConfiguredProfile,
    Era,
    Family,
    Fence,
    GatewayConfig,
    GatewayReading,
    ModelChoice,
    Problem,
    ProblemReason,
    ProviderConfig,
    RefSource,
    RefState,
    Resolution,
    Secret,
    SecretRef,
    StoreKind,
    Usage,
)
from tests.builders import (
    HOUR,
    NOW,
    agent,
    at,
    config,
    document,
    environment,
    gateway,
    judged,
    key,
    oauth,
    profile,
    profiles_of,
    providers_of,
    token,
)

DAY = 24 * HOUR


def one(*profiles: object, **how: object) -> GatewayReading:
    return gateway(agent(local=document(*profiles, **how)))  # type: ignore[arg-type]


PARKED = Usage(cooldown_until=NOW + HOUR, cooldown_reason="rate_limit", last_failure_at=NOW - HOUR)
DARK = [
    ("a key never ends", one(profile()), None, None),
    ("a token ends", one(profile(credential=token(at(HOUR)))), NOW + HOUR, None),
    (
        "the last of two ends",
        one(profile("anthropic:a", token(at(HOUR))), profile("anthropic:b", token(at(5 * HOUR)))),
        NOW + 5 * HOUR,
        None,
    ),
    ("a login renews itself", one(profile(credential=oauth(at(HOUR)))), None, None),
    ("ended already: since its date", one(profile(credential=token(at(-HOUR)))), NOW - HOUR, None),
    ("parked: since it failed, until its window ends", one(profile(), usage={"anthropic:a": PARKED}), NOW - HOUR, NOW + HOUR),
    (
        "a window ends before the token: never dark in between",
        one(profile("anthropic:a", token(at(2 * HOUR))), profile("anthropic:b"), usage={"anthropic:b": PARKED}),
        None,
        None,
    ),
    (
        "a window ends after the token: dark in between",
        one(
            profile("anthropic:a", token(at(HOUR / 2))),
            profile("anthropic:b"),
            usage={"anthropic:b": PARKED},
        ),
        NOW + HOUR / 2,
        NOW + HOUR,
    ),
    (
        "a window that outlasts its token is no recovery",
        one(profile(credential=token(at(HOUR / 2))), usage={"anthropic:a": PARKED}),
        NOW - HOUR,
        None,
    ),
]


@pytest.mark.parametrize(("reading", "dark_at", "recovers_at"), [row[1:] for row in DARK], ids=[row[0] for row in DARK])
def test_when_a_provider_goes_dark(reading: GatewayReading, dark_at: datetime | None, recovers_at: datetime | None) -> None:
    verdict = providers_of(judged(reading))["anthropic"]
    assert (verdict.dark_at, verdict.recovers_at) == (dark_at, recovers_at)


def test_darkness_without_dated_evidence_counts_from_when_it_was_first_seen() -> None:
    subject = Subject("openclaw", "main", "anthropic", "")
    history = History(subjects={subject: Remembered(NOW - DAY, dark_since=NOW - 3 * HOUR)})
    assert providers_of(judged(gateway(), history=history))["anthropic"].dark_at == NOW - 3 * HOUR
    assert providers_of(judged(gateway()))["anthropic"].dark_at == NOW


CHECKS = [
    ("key", one(profile()), 0),
    ("nothing", gateway(), 1),
    ("expiring token first", one(profile("anthropic:a", token(at(HOUR))), profile("anthropic:b")), 2),
    (
        "key first by order",
        one(profile("anthropic:a", token(at(HOUR))), profile("anthropic:b"), order={"anthropic": ("anthropic:b", "anthropic:a")}),
        0,
    ),
    ("expired token, key left", one(profile("anthropic:a", token(at(-HOUR))), profile("anthropic:b")), 0),
    (
        "order lists only the expired one",
        one(profile("anthropic:a", token(at(-HOUR))), profile("anthropic:b"), order={"anthropic": ("anthropic:a",)}),
        1,
    ),
    ("another provider's token", one(profile(), profile("xai:t", token(at(-HOUR)))), 0),
    ("login past its date", one(profile(credential=oauth(at(-HOUR)))), 0),
    ("login near its date", one(profile(credential=oauth(at(HOUR)))), 0),
    ("refresh under way", one(profile(credential=replace(oauth(access=None, refresh=None), fence=Fence(False)))), 0),
    ("refresh failed", one(profile(credential=replace(oauth(access=None, refresh=None), fence=Fence(True)))), 1),
    ("only credential parked", one(profile(), usage={"anthropic:a": PARKED}), 1),
    ("parked for another model", one(profile(), usage={"anthropic:a": replace(PARKED, cooldown_model="other")}), 0),
    ("parked for the model in use", one(profile(), usage={"anthropic:a": replace(PARKED, cooldown_model="claude-sonnet-4-5")}), 1),
    ("environment key", gateway(environment=environment({"ANTHROPIC_API_KEY": "sk-ant-api03-fake"})), 0),
    (
        "environment key, parked",
        gateway(agent(local=document(usage={"inline-api-key:anthropic": PARKED})), environment=environment({"ANTHROPIC_API_KEY": "sk"})),
        1,
    ),
    ("environment unseen", gateway(environment=environment({"ANTHROPIC_API_KEY": "sk"}, seen=False)), 0),
    (
        "orphan agent",
        gateway(agent(local=document(profile())), agent("old", document(profile(credential=token(at(-HOUR)))), configured=False)),
        0,
    ),
    ("no model set: what is stored", replace(one(profile("xai:t", token(at(-HOUR)))), config=GatewayConfig(True)), 1),
    ("local runtime", gateway(config=config("ollama/llama3")), 0),
    ("cloud credential chain", gateway(config=config("amazon-bedrock/claude")), 0),
    ("fallback without credential", replace(one(profile()), config=config("anthropic/a", "openai/b")), 1),
    ("configuration key", gateway(config=config(providers={"anthropic": ProviderConfig("anthropic", api_key=Secret("sk"))})), 0),
    ("configuration unreadable", replace(one(profile(), profile("xai:t", token(at(HOUR)))), config=None), 2),
]


@pytest.mark.parametrize(("reading", "code"), [row[1:] for row in CHECKS], ids=[row[0] for row in CHECKS])
def test_the_exit_code(reading: GatewayReading, code: int) -> None:
    result = check(judged(reading))
    assert result.exit == code
    assert bool(result.lines) == (code != 0 or any("unknown" in line for line in result.lines))


def test_an_unseen_environment_leaves_no_count_and_fails_only_a_strict_check() -> None:
    snapshot = judged(gateway(environment=environment({"ANTHROPIC_API_KEY": "sk"}, seen=False)))
    assert providers_of(snapshot)["anthropic"].usable is None
    assert profiles_of(snapshot)["env:ANTHROPIC_API_KEY"].usable is False
    assert [problem.reason for problem in snapshot.all_problems()] == ["environment_unseen"]
    assert check(snapshot, strict=True).exit == 1


def test_an_unseen_environment_says_nothing_where_a_stored_credential_decides() -> None:
    snapshot = judged(gateway(agent(local=document(profile())), environment=environment(seen=False)))
    assert providers_of(snapshot)["anthropic"].usable == 1
    assert snapshot.all_problems() == ()


def test_judging_everything_looks_at_unused_profiles_too() -> None:
    snapshot = judged(one(profile(), profile("xai:t", token(at(-HOUR))), profile("groq:t", token(at(HOUR)))))
    assert check(snapshot).exit == 0
    assert check(snapshot, all_profiles=True).exit == 1
    assert check(snapshot, all_profiles=True, scope=Scope(providers=frozenset({"groq"}))).exit == 2


def test_a_wider_window_warns_earlier() -> None:
    snapshot = judged(one(profile(credential=token(at(3 * DAY)))))
    assert [check(snapshot, within=span).exit for span in (None, 2 * DAY, 3 * DAY)] == [0, 0, 2]
    assert check(judged(one(profile(credential=oauth(at(HOUR))))), within=3 * DAY).exit == 0


def test_an_unreadable_store_fails_and_says_nothing_about_its_profiles() -> None:
    problem = Problem("openclaw", "main", StoreKind.AUTH_PROFILES, ProblemReason.INVALID_SYNTAX, "auth-profiles.json: line 1", fatal=True)
    reading = gateway(agent(known=False), config=config(profiles={"anthropic:a": ConfiguredProfile("anthropic")}), problems=(problem,))
    snapshot = judged(reading)
    assert providers_of(snapshot)["anthropic"].usable is None
    assert profiles_of(snapshot) == {}
    assert check(snapshot).exit == 1


def test_nothing_at_all_tells_where_we_looked() -> None:
    result = check(judged())
    assert result.exit == 1
    assert "/home/someone/.openclaw" in result.lines[0]


def test_a_named_profile_that_no_store_holds_stays_missing() -> None:
    named = config(profiles={"anthropic:gone": ConfiguredProfile("anthropic"), "anthropic:a": ConfiguredProfile("anthropic")})
    found = profiles_of(judged(replace(one(profile(), order={"anthropic": ("anthropic:a", "anthropic:ghost")}), config=named)))
    assert {key: verdict.reason for key, verdict in found.items()} == {
        "anthropic:a": "ok",
        "anthropic:gone": "profile_missing",
        "anthropic:ghost": "profile_missing",
    }
    assert profiles_of(judged(one())) == {}


def test_a_profile_of_another_agent_is_not_missing() -> None:
    named = config(profiles={"anthropic:b": ConfiguredProfile("anthropic")})
    reading = gateway(agent(local=document(profile())), agent("work", document(profile("anthropic:b"))), config=named)
    assert set(profiles_of(judged(reading))) == {"anthropic:a"}


def test_a_reference_that_leads_nowhere_makes_its_profile_unusable() -> None:
    ref = SecretRef(RefSource.ENV, "default", "NOPE")
    stored = one(profile(credential=replace(key(None), secret_ref=ref)))
    lost = replace(stored, resolutions={ref: Resolution(RefState.UNRESOLVED, "SECRET_REF_NOT_FOUND")})
    verdict = profiles_of(judged(lost))["anthropic:a"]
    assert (verdict.health, verdict.reason, verdict.usable, verdict.gateway_health) == ("static", "unresolved_ref", False, "static")
    assert profiles_of(judged(stored))["anthropic:a"].usable is True
    assert check(judged(lost)).exit == 1


def test_environment_comes_before_configuration() -> None:
    reading = replace(
        one(profile("anthropic:t", token(at(-HOUR)))),
        config=config(providers={"anthropic": ProviderConfig("anthropic", api_key=Secret("sk-config"))}),
        environment=environment({"ANTHROPIC_API_KEY": "sk-env"}),
    )
    snapshot = judged(reading)
    placed = {verdict.position: name for name, verdict in profiles_of(snapshot).items() if verdict.position}
    assert placed == {1: "env:ANTHROPIC_API_KEY", 2: "config:anthropic"}
    assert profiles_of(snapshot)["anthropic:t"].why.startswith("expired")
    assert providers_of(snapshot)["anthropic"].next == "env:ANTHROPIC_API_KEY"


def test_a_model_window_moves_a_profile_back_but_not_out_of_turn() -> None:
    """The shown order is the gateway's own list; who is next is asked for the models in use."""
    usage = {"anthropic:a": Usage(cooldown_until=NOW + HOUR, cooldown_reason="rate_limit", cooldown_model="other")}
    order = {"anthropic": ("anthropic:a", "anthropic:b")}
    snapshot = judged(one(profile("anthropic:a", token(at(HOUR))), profile("anthropic:b"), order=order, usage=usage))
    assert [profiles_of(snapshot)[name].position for name in ("anthropic:b", "anthropic:a")] == [1, 2]
    assert providers_of(snapshot)["anthropic"].next == "anthropic:a"
    assert check(snapshot).exit == 2


def test_spellings_of_one_provider_meet() -> None:
    reading = replace(one(profile("z.ai:manual")), config=config("zai/glm-4.6"))
    verdict = providers_of(judged(reading))["zai"]
    assert (verdict.next, verdict.usable) == ("z.ai:manual", 1)
    assert check(judged(reading)).exit == 0


@pytest.mark.parametrize(
    ("auth", "code", "used"),
    [(None, 0, {"anthropic"}), ((), 1, set()), (("anthropic:a",), 0, {"anthropic"}), (("anthropic:gone",), 1, {"anthropic"})],
    ids=["not set", "no injection", "names one", "names a ghost"],
)
def test_remoteclaw_agents_choose_their_credentials(auth: tuple[str, ...] | None, code: int, used: set[str]) -> None:
    settings = GatewayConfig(True, agents=(AgentConfig("main", True, auth=auth),), defaults=ModelChoice())
    reading = gateway(family=Family.REMOTECLAW, era=Era.GLOBAL_JSON, shared=document(profile()), config=settings)
    snapshot = judged(reading)
    assert {name for name, verdict in providers_of(snapshot).items() if verdict.in_use} == used
    assert check(snapshot).exit == code


@pytest.mark.parametrize("era", [Era.JSON, Era.AGENT_DB])
def test_an_agent_sees_what_main_has_under_its_own(era: Era) -> None:
    main = document(profile("openai:default"), profile("anthropic:default"), order={"anthropic": ("anthropic:default",)})
    work = document(profile("anthropic:default", token(at(-HOUR))), profile("anthropic:work"))
    snapshot = judged(gateway(agent(local=main), agent("work", work), era=era))
    found = profiles_of(snapshot, "work")
    assert {name: verdict.inherited_from for name, verdict in found.items()} == {
        "openai:default": "main",
        "anthropic:default": None,
        "anthropic:work": None,
    }
    assert found["anthropic:default"].health == "expired"
    assert set(profiles_of(snapshot)) == {"openai:default", "anthropic:default"}
    assert found["anthropic:work"].position == (1 if era is Era.AGENT_DB else None)


def test_one_broken_main_store_is_unknown_for_those_who_inherit_it() -> None:
    snapshot = judged(gateway(agent(known=False), agent("work", document(profile()))))
    assert [found.known for found in snapshot.gateways[0].agents] == [False, False]
    assert providers_of(snapshot, "work")["anthropic"].usable == 1


def test_unchanged_readings_keep_their_verdicts_until_time_changes_them() -> None:
    from exporter.judging.health import Rules
    from exporter.model import Reading
    from exporter.snapshot import NO_OUTCOMES, Previous, judge

    reading, history, rules = Reading(NOW, (one(profile(credential=token(at(HOUR)))), one())), History(), Rules()
    first = judge(reading, NOW, rules, history=history)
    previous = Previous(reading, first, NO_OUTCOMES, history, rules)
    second = judge(reading, NOW + HOUR / 2, rules, history=history, previous=previous)
    assert second.gateways is first.gateways
    assert second.at == NOW + HOUR / 2
    third = judge(reading, NOW + HOUR, rules, history=history, previous=previous)
    assert profiles_of(third)["anthropic:a"].health == "expired"
    assert third.gateways[1] is first.gateways[1]


def test_a_clock_that_cannot_be_right_holds_the_verdicts() -> None:
    from exporter.judging.health import Rules
    from exporter.model import Reading
    from exporter.snapshot import NO_OUTCOMES, Previous, judge

    reading = Reading(NOW, (one(profile(credential=token(at(HOUR)))),))
    first = judge(reading, NOW, Rules())
    previous = Previous(reading, first, NO_OUTCOMES, History(), Rules())
    held = judge(reading, NOW - 400 * DAY, Rules(), previous=previous, clock_held="the clock precedes this build")
    assert held.gateways is first.gateways
    assert check(held).exit == 1


def test_a_shared_store_is_read_through() -> None:
    shared = document(profile("anthropic:manual", token(at(HOUR))))
    reading = gateway(agent(local=AuthDocument()), agent("work", document(profile("anthropic:work"))), era=Era.SHARED_DB, shared=shared)
    found = profiles_of(judged(reading), "work")
    assert found["anthropic:manual"].inherited_from == "shared"
    assert check(judged(reading)).exit == 2


def test_a_token_in_seconds_is_expired_and_has_no_date() -> None:
    from exporter.model import Expiry, ExpiryKind

    verdict = profiles_of(judged(one(profile(credential=token(Expiry(ExpiryKind.DATED, 1793664000))))))["anthropic:a"]
    assert (verdict.health, verdict.expires_at, verdict.suspect_expiry) == ("expired", None, True)


def test_a_change_of_one_agent_leaves_the_others_their_verdicts() -> None:
    from exporter.judging.health import Rules
    from exporter.judging.history import observe
    from exporter.model import Reading
    from exporter.snapshot import NO_OUTCOMES, Previous, judge, sightings

    rules, main, idle = Rules(), agent(local=document(profile())), agent("idle", document(profile("xai:a")))
    before = Reading(NOW, (gateway(main, agent("work", document(profile("openai:a"))), idle),))
    first = judge(before, NOW, rules)
    history = observe(History(), sightings(first), NOW)
    previous = Previous(before, judge(before, NOW, rules, history=history), NO_OUTCOMES, history, rules)
    after = Reading(NOW, (gateway(main, agent("work", document(profile("openai:a", token(at(-HOUR))))), idle),))
    second = judge(after, NOW, rules, history=history, previous=previous)
    assert profiles_of(second, "work")["openai:a"].health == "expired"
    kept = [new is old for new, old in zip(second.gateways[0].agents, previous.snapshot.gateways[0].agents, strict=True)]
    assert kept == [True, False, True]
    other_main = Reading(NOW, (gateway(agent(local=document(profile(credential=token(at(-HOUR))))), *before.gateways[0].agents[1:]),))
    third = judge(other_main, NOW, rules, history=history, previous=previous)
    assert profiles_of(third, "idle")["anthropic:a"].health == "expired"


BLANK = profile("anthropic:a", token(at(DAY), None))
NAMED = {"anthropic:b": ConfiguredProfile("anthropic", "token")}
NOBODY = [
    # id, profiles, configuration, the newest release's word; recorded from 2026.9.6
    ("a list in auth.profiles falls back to everything stored", (BLANK, profile("anthropic:b")), config(profiles=NAMED), "missing"),
    (
        "everything stored includes what is eligible",
        (profile("anthropic:a", token(at(90 * DAY))), profile("anthropic:b")),
        config(profiles=NAMED),
        "ok",
    ),
    (
        "a key without a key speaks, too",
        (profile("anthropic:a", key(None)), profile("anthropic:b")),
        config(profiles={"anthropic:a": ConfiguredProfile("anthropic", "oauth"), "anthropic:b": ConfiguredProfile("anthropic", "token")}),
        "missing",
    ),
    (
        "an auth.order does not",
        (BLANK, profile("anthropic:b", token(at(90 * DAY)))),
        config(order={"anthropic": ("anthropic:a",)}),
        "missing",
    ),
]


@pytest.mark.parametrize(("profiles", "settings", "word"), [row[1:] for row in NOBODY], ids=[row[0] for row in NOBODY])
def test_the_word_when_nobody_listed_is_eligible(profiles: tuple[object, ...], settings: GatewayConfig, word: str) -> None:
    reading = gateway(agent(local=document(*profiles)), config=settings)  # type: ignore[arg-type]
    assert providers_of(judged(reading))["anthropic"].health == word


def test_health_is_of_what_is_stored_whatever_the_configuration_calls_it() -> None:
    entry = ConfiguredProfile("anthropic", "api_key")
    verdict = profiles_of(judged(gateway(agent(local=document(BLANK)), config=config(profiles={"anthropic:a": entry}))))["anthropic:a"]
    assert (verdict.health, verdict.gateway_health, verdict.reason) == ("missing", "missing", "mode_mismatch")


def test_parked_until_the_same_instant_they_stand_as_stored() -> None:
    """Recorded from 2026.9.6: the least recently used one is first only among those that are free."""
    used = {"anthropic:a": replace(PARKED, last_used_at=NOW - HOUR), "anthropic:b": PARKED}
    (provider,) = providers_of(judged(one(profile("anthropic:a"), profile("anthropic:b"), usage=used))).values()
    assert provider.candidates == ("anthropic:a", "anthropic:b")
