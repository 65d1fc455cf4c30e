"""Provider keys in several places: which disagreement matters, and which does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporter.judging.history import History
from exporter.model import AuthDocument, Environment, EnvLayer, EnvPlace, GatewayReading, Secret
from exporter.traces import GatewayRun, HostFacts
from exporter.verdict import DriftFact, Snapshot
from tests.builders import HOUR, NOW, agent, at, config, document, gateway, judged, profile, token

P, U, G, D, OWN, L = (
    EnvPlace.PROCESS, EnvPlace.UNIT, EnvPlace.SERVICE_ENV, EnvPlace.STATE_DOTENV, EnvPlace.OWN, EnvPlace.LOGIN_SHELL,
)  # fmt: skip
KEY, A, B = "ANTHROPIC_API_KEY", "sk-canary-one-0123456789", "sk-canary-two-0123456789"
STARTED = NOW - 2 * HOUR


def layer(place: EnvPlace, values: Mapping[str, str], *, counts: bool = True, changed: datetime | None = None) -> EnvLayer:
    secrets = {name: Secret(value) for name, value in values.items()}
    return EnvLayer(place, secrets, None, "" if place in (P, OWN, L) else f"/x/{place.value}", counts, changed)


def reading(*layers: EnvLayer, asides: tuple[EnvLayer, ...] = (), local: AuthDocument | None = None, run: bool = True) -> GatewayReading:
    facts = HostFacts(GatewayRun(41, STARTED)) if run else HostFacts()
    return gateway(agent(local=local), environment=Environment(True, "seen", layers, asides), host=facts)


def drift(found: GatewayReading) -> list[DriftFact]:
    return [fact for fact in judged(found).drift if fact.kind == "env"]


YOUNG, AGED = NOW - HOUR, NOW - 3 * HOUR
CASES = [
    # id, reading, words or None
    ("one place only", reading(layer(P, {KEY: A})), None),
    ("every place agrees", reading(layer(P, {KEY: A}), layer(U, {KEY: A}, counts=False), layer(D, {KEY: A}, changed=AGED)), None),
    ("the unit was changed since", reading(layer(P, {KEY: A}), layer(U, {KEY: B}, counts=False, changed=YOUNG)), "still has the old key"),
    ("the unit got it since", reading(layer(P, {}), layer(U, {KEY: B}, counts=False, changed=YOUNG)), "was started without it"),
    ("another key in .env", reading(layer(P, {KEY: A}), layer(D, {KEY: B}, changed=AGED)), "another key than the one in force"),
    (".env edited after the start", reading(layer(P, {}), layer(D, {KEY: A}, changed=YOUNG)), "was changed after the gateway started"),
    (".env older than the process", reading(layer(P, {}), layer(D, {KEY: A}, changed=AGED)), None),
    (".env edited, no key in it", reading(layer(P, {KEY: A}), layer(D, {"EDITOR": "vi"}, changed=YOUNG), layer(U, {KEY: A}, counts=False)), None),
    ("no process", reading(layer(U, {KEY: A}), layer(D, {KEY: A}, changed=YOUNG), run=False), None),
    ("another key in the shell", reading(layer(P, {KEY: A}), asides=(layer(OWN, {KEY: B}, counts=False),)), "not the key the service has"),
    ("the same key in the shell", reading(layer(P, {KEY: A}), asides=(layer(OWN, {KEY: A}, counts=False),)), None),
    ("in the shell alone", reading(layer(P, {}), asides=(layer(OWN, {KEY: A}, counts=False),)), "nowhere the service reads it"),
    ("in the login shell alone", reading(layer(P, {}), asides=(layer(L, {KEY: A}, counts=False),)), "the login shell and nowhere"),
    (
        "in the shell alone, not needed",
        reading(layer(P, {}), asides=(layer(OWN, {KEY: A}, counts=False),), local=document(profile())),
        None,
    ),
    ("a leftover of the generated file", reading(layer(P, {}), layer(G, {KEY: A}, counts=False)), "which the service does not read"),
    (
        "taken out of the unit",
        reading(layer(P, {KEY: A}), layer(U, {}, counts=False, changed=YOUNG)),
        "taken out of its service definition, the running gateway still has it",
    ),
    ("never in the unit", reading(layer(P, {KEY: A}), layer(U, {}, counts=False, changed=AGED)), None),
    ("another provider's", reading(layer(P, {"GROQ_API_KEY": A}), layer(D, {"GROQ_API_KEY": B}, changed=AGED)), None),
    ("written around with blanks", reading(layer(P, {KEY: A}), layer(D, {KEY: f" {A}\n"}, changed=AGED)), None),
    ("no service here", reading(layer(OWN, {KEY: A}), layer(D, {KEY: B}, changed=YOUNG), run=False), None),
]  # fmt: skip


@pytest.mark.parametrize(("found", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_places(found: GatewayReading, words: str | None) -> None:
    facts = drift(found)
    assert len(facts) == (0 if words is None else 1)
    assert words is None or words in facts[0].why
    assert all((fact.name, fact.provider) == ("EnvDrift", "anthropic") for fact in facts)
    assert "canary" not in repr(judged(found))


def test_an_unseen_environment_says_nothing() -> None:
    found = replace(reading(layer(P, {KEY: A}), layer(D, {KEY: B})), environment=Environment(False, "hidden", (layer(D, {KEY: A}),)))
    assert drift(found) == []


SUBSCRIPTIONS = [
    ("expired", token(at(-HOUR), "t-1"), True),
    ("good", token(at(HOUR), "t-1"), False),
    ("absent", None, False),
]


@pytest.mark.parametrize(("credential", "shadowed"), [row[1:] for row in SUBSCRIPTIONS], ids=[row[0] for row in SUBSCRIPTIONS])
def test_an_api_key_billed_in_place_of_a_subscription(credential: object, shadowed: bool) -> None:
    local = document(profile("anthropic:sub", credential)) if credential is not None else None  # type: ignore[arg-type]
    facts = drift(reading(layer(P, {KEY: A}), local=local))
    assert [f"{KEY} is used and billed in place of the subscription anthropic:sub" in fact.why for fact in facts] == [True] * shadowed


def test_claude_code_started_by_the_gateway_bills_the_key() -> None:
    found = replace(reading(layer(P, {KEY: A})), config=config("claude-cli/opus"))
    assert any("bills ANTHROPIC_API_KEY instead of its own subscription" in fact.why for fact in drift(found))
    assert drift(replace(found, environment=Environment(True, "seen", (layer(P, {}),)))) == []


def keys(snapshot: Snapshot) -> list[tuple[str, str, bool, int]]:
    return [(key.variable, key.place.value, key.in_force, key.position) for key in snapshot.gateways[0].keys]


def test_every_place_is_listed_with_the_one_in_force() -> None:
    found = reading(layer(P, {KEY: A}), layer(D, {KEY: B, "GROQ_API_KEY": A}), asides=(layer(OWN, {KEY: A}, counts=False),))
    assert keys(judged(found)) == [
        (KEY, "process", True, 1),
        (KEY, "state-dotenv", False, 2),
        ("GROQ_API_KEY", "state-dotenv", True, 2),
        (KEY, "own", False, 0),
    ]


def test_fingerprints_are_shown_with_a_salt_only_and_are_equal_for_equal_keys() -> None:
    found = reading(layer(P, {KEY: A}), layer(D, {KEY: A}))
    assert {key.fingerprint for key in judged(found).gateways[0].keys} == {""}
    salted = judged(found, history=History(b"salt")).gateways[0].keys
    other = judged(found, history=History(b"pepper")).gateways[0].keys
    assert len({key.fingerprint for key in salted}) == 1
    assert salted[0].fingerprint not in ("", other[0].fingerprint)


def test_the_age_of_a_file_is_told_from_the_youngest() -> None:
    facts = drift(reading(layer(P, {}), layer(D, {KEY: A}, changed=NOW - timedelta(minutes=3))))
    assert (facts[0].since, facts[0].places) == (NOW - timedelta(minutes=3), ("/x/state-dotenv",))
