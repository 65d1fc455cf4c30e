from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import environment
from exporter.environment import PROVIDER_VARIABLES
from exporter.environment_table import ALIASES, SDK_LOGINS
from exporter.model import (
    CredentialKind,
    Environment,
    EnvLayer,
    EnvPlace,
    Era,
    Family,
    GatewayConfig,
    GatewayReading,
    Secret,
    Source,
    StoreKind,
)

VECTORS = json.loads((Path(__file__).parent / "fixtures" / "vectors" / "vectors-2026.9.6.json").read_text())


def layer(
    variables: Mapping[str, str], place: EnvPlace = EnvPlace.PROCESS, *, counts: bool = True, store: StoreKind | None = None
) -> EnvLayer:
    return EnvLayer(place, {name: Secret(value) for name, value in variables.items()}, store, counts=counts)


def env(*layers: EnvLayer) -> Environment:
    return Environment(True, "a test says so", layers)


def keys(provider: str, variables: Mapping[str, str], family: Family = Family.OPENCLAW) -> list[tuple[str, str]]:
    found = environment.keys(provider, family, environment.variables(env(layer(variables))))
    assert [key.position for key in found] == list(range(1, len(found) + 1))
    return [(key.id, key.secret.reveal()) for key in found]


def gateway(*layers: EnvLayer, family: Family = Family.OPENCLAW) -> GatewayReading:
    return GatewayReading("openclaw", family, "/home/u/.openclaw", Era.NONE, GatewayConfig(), env(*layers), ())


@pytest.mark.parametrize("case", VECTORS["normalizeSecretInput"], ids=lambda case: json.dumps(case["in"]))
def test_values_are_cleaned_as_the_gateway_cleans_them(case: dict[str, object]) -> None:
    assert environment.normalise(case["in"]) == case["out"]


@pytest.mark.parametrize(("provider", "names"), PROVIDER_VARIABLES.items(), ids=PROVIDER_VARIABLES)
def test_every_variable_of_the_table_gives_its_provider_keys_in_that_order(provider: str, names: tuple[str, ...]) -> None:
    assert keys(provider, {name: f"value-of-{name}" for name in reversed(names)}) == [(f"env:{name}", f"value-of-{name}") for name in names]


@pytest.mark.parametrize(("alias", "provider"), ALIASES.items(), ids=ALIASES)
def test_other_spellings_of_a_provider_find_the_same_keys(alias: str, provider: str) -> None:
    everything = {name: f"value-of-{name}" for name in PROVIDER_VARIABLES[provider]}
    assert keys(f" {alias.upper()} ", everything) == keys(provider, everything) != []


CHAIN = {
    "OPENAI_API_KEY_B": "numbered-b",
    "OPENAI_API_KEY": "plain",
    "OPENAI_API_KEYS": "one, two;three\nfour\t one,,",
    "OPENAI_API_KEY_A": "numbered-a",
    "OPENAI_API_KEYRING": "not a key",
    "CODEX_API_KEY": "codex",
}
PAIR = {"ANTHROPIC_API_KEY": "plain", "ANTHROPIC_API_KEYS": "x,y", "ANTHROPIC_API_KEY_2": "numbered", "ANTHROPIC_OAUTH_TOKEN": "token"}


@pytest.mark.parametrize(
    ("provider", "family", "variables", "expected"),
    [
        pytest.param(
            "openai",
            Family.OPENCLAW,
            CHAIN,
            "OPENAI_API_KEYS#1 OPENAI_API_KEYS#2 OPENAI_API_KEYS#3 OPENAI_API_KEYS#4 "
            "CODEX_API_KEY OPENAI_API_KEY OPENAI_API_KEY_B OPENAI_API_KEY_A",
            id="list, own variables, numbered ones in the environment's order",
        ),
        pytest.param(
            "openai", Family.OPENCLAW, {**CHAIN, "OPENCLAW_LIVE_OPENAI_KEY": "live"}, "OPENCLAW_LIVE_OPENAI_KEY", id="override alone"
        ),
        pytest.param(
            "openai", Family.REMOTECLAW, {**CHAIN, "REMOTECLAW_LIVE_OPENAI_KEY": "live"}, "REMOTECLAW_LIVE_OPENAI_KEY", id="remoteclaw"
        ),
        pytest.param(
            "openai",
            Family.CLAWDBOT,
            {**CHAIN, "CLAWDBOT_LIVE_OPENAI_KEY": "live"},
            "CODEX_API_KEY OPENAI_API_KEY",
            id="clawdbot rotates nothing",
        ),
        pytest.param(
            "groq", Family.OPENCLAW, {"OPENCLAW_LIVE_GROQ_KEY": " ", "GROQ_API_KEY": "a"}, "GROQ_API_KEY", id="a blank override is none"
        ),
        pytest.param(
            "google",
            Family.OPENCLAW,
            {"GOOGLE_API_KEY": "g", "GEMINI_API_KEY_1": "n", "GEMINI_API_KEY": "p", "GEMINI_API_KEYS": "l", "GOOGLE_API_KEYS": "no"},
            "GEMINI_API_KEYS#1 GEMINI_API_KEY GEMINI_API_KEY_1 GOOGLE_API_KEY",
            id="google",
        ),
        pytest.param(
            "google",
            Family.OPENCLAW,
            {"OPENCLAW_LIVE_GEMINI_KEY": "x", "GEMINI_API_KEY": "p"},
            "OPENCLAW_LIVE_GEMINI_KEY",
            id="gemini live",
        ),
        pytest.param(
            "google-vertex",
            Family.OPENCLAW,
            {"GEMINI_API_KEY": "p", "GOOGLE_CLOUD_API_KEY": "c", "GOOGLE_API_KEY": "g"},
            "GOOGLE_CLOUD_API_KEY GEMINI_API_KEY GOOGLE_API_KEY",
            id="google-vertex",
        ),
        pytest.param("google-gemini-cli", Family.OPENCLAW, {"GEMINI_API_KEY": "p"}, "", id="a provider of logins takes no keys"),
        pytest.param(
            "anthropic",
            Family.OPENCLAW,
            {**PAIR, "OPENCLAW_LIVE_ANTHROPIC_KEYS": "a b"},
            "OPENCLAW_LIVE_ANTHROPIC_KEYS#1 OPENCLAW_LIVE_ANTHROPIC_KEYS#2 ANTHROPIC_OAUTH_TOKEN ANTHROPIC_API_KEY ANTHROPIC_API_KEY_2",
            id="anthropic has a list of its own name",
        ),
        pytest.param(
            "anthropic",
            Family.CLAWDBOT,
            {**PAIR, "CLAWDBOT_LIVE_ANTHROPIC_KEYS": "a", "OPENCLAW_LIVE_ANTHROPIC_KEYS": "b"},
            "CLAWDBOT_LIVE_ANTHROPIC_KEYS#1 ANTHROPIC_OAUTH_TOKEN ANTHROPIC_API_KEY ANTHROPIC_API_KEY_2",
            id="clawdbot knows the anthropic pair",
        ),
        pytest.param("anthropic", Family.MOLTBOT, {**PAIR, "MOLTBOT_LIVE_ANTHROPIC_KEY": "l"}, "MOLTBOT_LIVE_ANTHROPIC_KEY", id="moltbot"),
        pytest.param(
            "anthropic", Family.MOLTBOT, {**PAIR, "CLAWDBOT_LIVE_ANTHROPIC_KEY": "l"}, "CLAWDBOT_LIVE_ANTHROPIC_KEY", id="moltbot, older"
        ),
        pytest.param(
            "minimax",
            Family.OPENCLAW,
            {"MINIMAX_API_KEY_2": "n", "MINIMAX_API_KEY": "p", "MINIMAX_CODE_PLAN_KEY": "c"},
            "MINIMAX_CODE_PLAN_KEY MINIMAX_API_KEY MINIMAX_API_KEY_2",
            id="numbered ones follow the variable they number",
        ),
        pytest.param(
            "fal",
            Family.OPENCLAW,
            {"FAL_API_KEY_1": "n", "FAL_API_KEY": "p", "FAL_KEY": "f"},
            "FAL_KEY FAL_API_KEY FAL_API_KEY_1",
            id="fal",
        ),
        pytest.param(
            "my.own-provider",
            Family.OPENCLAW,
            {"MY_OWN_PROVIDER_API_KEY": "k", "MY_OWN_PROVIDER_API_KEYS": "l"},
            "MY_OWN_PROVIDER_API_KEYS#1 MY_OWN_PROVIDER_API_KEY",
            id="unknown provider",
        ),
        pytest.param(
            "github-copilot", Family.OPENCLAW, {"GH_TOKEN": "g", "GITHUB_TOKEN": "h"}, "", id="variables the newest release dropped"
        ),
        pytest.param("moonshot", Family.OPENCLAW, {"KIMI_API_KEY": "g"}, "", id="a variable one release borrowed"),
        pytest.param("zai", Family.OPENCLAW, {"Z_AI_API_KEY": "z"}, "ZAI_API_KEY", id="copied at start"),
        pytest.param(
            "zai", Family.OPENCLAW, {"Z_AI_API_KEY": "z", "ZAI_API_KEY": "y"}, "ZAI_API_KEY Z_AI_API_KEY", id="not copied over a value"
        ),
        pytest.param("openai", Family.OPENCLAW, {"OPENAI_API_KEYS": " ,;\n"}, "", id="an empty list"),
    ],
)
def test_keys_are_found_in_the_order_of_the_chain(provider: str, family: Family, variables: Mapping[str, str], expected: str) -> None:
    assert [key for key, _ in keys(provider, variables, family)] == [f"env:{name}" for name in expected.split()]


def test_a_value_met_again_is_not_a_second_key() -> None:
    assert keys("openai", {"OPENAI_API_KEYS": "a,b,a", "OPENAI_API_KEY": "b", "OPENAI_API_KEY_1": "c"}) == [
        ("env:OPENAI_API_KEYS#1", "a"),
        ("env:OPENAI_API_KEYS#2", "b"),
        ("env:OPENAI_API_KEY_1", "c"),
    ]


@pytest.mark.parametrize(
    ("upper", "lower", "place", "expected"),
    [
        ("process", "file", EnvPlace.STATE_DOTENV, "process"),
        ("", "file", EnvPlace.STATE_DOTENV, None),
        ("", "config", EnvPlace.CONFIG, "config"),
        ("process", "config", EnvPlace.CONFIG, "process"),
        (" \n", "shell", EnvPlace.LOGIN_SHELL, "shell"),
    ],
)
def test_the_first_layer_that_sets_a_variable_wins(upper: str, lower: str, place: EnvPlace, expected: str | None) -> None:
    merged = environment.variables(env(layer({"GROQ_API_KEY": upper}), layer({"GROQ_API_KEY": lower}, place)))
    assert (merged["GROQ_API_KEY"][0].reveal() if "GROQ_API_KEY" in merged else None) == expected


def test_a_layer_that_does_not_count_never_hides_one_that_does() -> None:
    own = layer({"GROQ_API_KEY": "ours", "OPENCLAW_LIVE_GROQ_KEY": "ours too", "GROQ_API_KEY_2": "other"}, EnvPlace.OWN, counts=False)
    dotenv = layer({"GROQ_API_KEY": "theirs"}, EnvPlace.STATE_DOTENV)
    found = environment.keys("groq", Family.OPENCLAW, environment.variables(env(own, dotenv)))
    assert [(key.id, key.secret.reveal(), key.counts) for key in found] == [
        ("env:GROQ_API_KEY", "theirs", True),
        ("env:OPENCLAW_LIVE_GROQ_KEY", "ours too", False),
    ]


def test_each_key_becomes_a_profile_that_says_where_it_was_found() -> None:
    reading = gateway(
        layer({"ANTHROPIC_API_KEY": "a"}),
        layer({"GROQ_API_KEYS": "g h"}, EnvPlace.STATE_DOTENV, store=StoreKind.DOTENV),
        layer({"MISTRAL_API_KEY": "m"}, EnvPlace.OWN, counts=False),
    )
    made = environment.profiles(reading, ())
    assert [(p.id, p.provider, p.source, p.store, counts, place) for p, counts, place in made] == [
        ("env:ANTHROPIC_API_KEY", "anthropic", Source.ENV, None, True, EnvPlace.PROCESS),
        ("env:GROQ_API_KEYS#1", "groq", Source.ENV, StoreKind.DOTENV, True, EnvPlace.STATE_DOTENV),
        ("env:GROQ_API_KEYS#2", "groq", Source.ENV, StoreKind.DOTENV, True, EnvPlace.STATE_DOTENV),
        ("env:MISTRAL_API_KEY", "mistral", Source.ENV, None, False, EnvPlace.OWN),
    ]
    assert {p.credential.kind for p, _, _ in made} == {CredentialKind.API_KEY}


@pytest.mark.parametrize(
    ("variable", "wanted", "expected"),
    [
        ("MINIMAX_API_KEY", (), ["minimax"]),
        ("MINIMAX_API_KEY", ("minimax-portal",), ["minimax", "minimax-portal"]),
        ("OPENROUTER_API_KEY", ("perplexity", "openrouter"), ["openrouter", "perplexity"]),
        ("GEMINI_API_KEY", ("google-vertex",), ["google", "google-vertex"]),
        ("QWEN_API_KEY", ("Alibaba",), ["qwen", "alibaba"]),
        ("OPENCODE_API_KEY", ("opencode-go-auth",), ["opencode", "opencode-go-auth"]),
        ("ACME_API_KEY", (), []),
        ("ACME_API_KEY", ("acme",), ["acme"]),
        ("KIMI_API_KEY", ("kimi-coding",), ["kimi-coding"]),
        ("PATH", ("openai",), []),
    ],
)
def test_a_shared_variable_serves_its_first_provider_and_every_wanted_one(
    variable: str, wanted: tuple[str, ...], expected: list[str]
) -> None:
    made = environment.profiles(gateway(layer({variable: "k"})), wanted)
    assert [(p.id, p.provider) for p, _, _ in made] == [(f"env:{variable}", provider) for provider in expected]


def test_an_oauth_token_of_the_environment_is_a_bearer_token_without_a_date() -> None:
    ((profile, _, _),) = environment.profiles(gateway(layer({"ANTHROPIC_OAUTH_TOKEN": "t"})), ())
    assert (profile.credential.kind, profile.credential.attributes) == (CredentialKind.TOKEN, {"mode": "oauth"})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({"AWS_ACCESS_KEY_ID": "i"}, [], id="half a pair"),
        pytest.param({"AWS_ACCESS_KEY_ID": "i", "AWS_SECRET_ACCESS_KEY": "s"}, [("env:AWS_ACCESS_KEY_ID", "aws-sdk")], id="a pair"),
        pytest.param(
            {"AWS_PROFILE": "work", "AWS_BEARER_TOKEN_BEDROCK": "b"},
            [("env:AWS_BEARER_TOKEN_BEDROCK", ""), ("env:AWS_PROFILE", "aws-sdk")],
            id="all",
        ),
        pytest.param({"GOOGLE_APPLICATION_CREDENTIALS": "/f", "GOOGLE_CLOUD_LOCATION": "l"}, [], id="no project"),
        pytest.param({"GOOGLE_APPLICATION_CREDENTIALS": "/f", "GOOGLE_CLOUD_PROJECT": "p"}, [], id="no location"),
        pytest.param(
            {"GOOGLE_APPLICATION_CREDENTIALS": "/f", "GCLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"},
            [("env:GOOGLE_APPLICATION_CREDENTIALS", "gcloud-adc")],
            id="vertex",
        ),
    ],
)
def test_a_cloud_login_is_listed_but_is_no_key(variables: Mapping[str, str], expected: list[tuple[str, str]]) -> None:
    made = environment.profiles(gateway(layer(variables)), ())
    assert [(p.id, p.credential.attributes.get("mode", "")) for p, _, _ in made] == expected
    assert SDK_LOGINS.keys() <= PROVIDER_VARIABLES.keys()


NAMES = [
    *sorted({name for names in PROVIDER_VARIABLES.values() for name in names}),
    "OPENAI_API_KEYS",
    "OPENAI_API_KEY_1",
    "OPENCLAW_LIVE_GROQ_KEY",
    "",
]


@given(
    st.lists(
        st.tuples(st.sampled_from(list(EnvPlace)), st.dictionaries(st.sampled_from(NAMES), st.text(max_size=6)), st.booleans()), max_size=4
    )
)
def test_whatever_the_layers_hold_ids_and_values_are_unique_and_clean(raw: list[tuple[EnvPlace, dict[str, str], bool]]) -> None:
    reading = gateway(*(layer(values, place, counts=counts) for place, values, counts in raw))
    made = [profile for profile, _, _ in environment.profiles(reading, ["openai", "acme", "google-vertex"])]
    pairs = [(profile.provider, profile.id) for profile in made]
    assert len(pairs) == len(set(pairs))
    for profile in made:
        assert profile.credential.secret is not None
        value = profile.credential.secret.reveal()
        assert value
        assert value == environment.normalise(value)
