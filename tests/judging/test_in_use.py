"""Which providers an agent needs, by its configured models."""

from __future__ import annotations

import pytest

from exporter.judging.in_use import in_use, split
from exporter.model import AgentConfig, Family, GatewayConfig, ModelChoice

DEFAULTS = ModelChoice("anthropic/claude-sonnet-4-5", ("openai/gpt-5.2",), "google/gemini-3-flash", (), "anthropic/claude-haiku-4-5")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (ModelChoice(), {"anthropic": ("claude-sonnet-4-5", "claude-haiku-4-5"), "openai": ("gpt-5.2",), "google": ("gemini-3-flash",)}),
        (
            ModelChoice(primary="xai/grok"),
            {"xai": ("grok",), "openai": ("gpt-5.2",), "google": ("gemini-3-flash",), "anthropic": ("claude-haiku-4-5",)},
        ),
        (ModelChoice(fallbacks=()), {"anthropic": ("claude-sonnet-4-5", "claude-haiku-4-5"), "google": ("gemini-3-flash",)}),
        (ModelChoice(utility=""), {"anthropic": ("claude-sonnet-4-5",), "openai": ("gpt-5.2",), "google": ("gemini-3-flash",)}),
        (ModelChoice("xai/grok", (), "", (), ""), {"xai": ("grok",)}),
    ],
    ids=["inherits everything", "own primary", "no fallbacks", "no utility model", "everything its own"],
)
def test_an_agent_fills_its_gaps_from_the_defaults(own: ModelChoice, expected: dict[str, tuple[str, ...]]) -> None:
    need = in_use(GatewayConfig(True, defaults=DEFAULTS), AgentConfig("work", models=own), Family.OPENCLAW)
    assert dict(need.models) == expected
    assert need.configured


def test_without_any_model_nothing_is_configured() -> None:
    need = in_use(GatewayConfig(True), None, Family.OPENCLAW)
    assert (dict(need.models), need.configured) == ({}, False)


def test_an_alias_stands_for_its_model() -> None:
    config = GatewayConfig(True, defaults=ModelChoice("opus"), aliases={"opus": "anthropic/claude-opus-4-5"})
    assert dict(in_use(config, None, Family.OPENCLAW).models) == {"anthropic": ("claude-opus-4-5",)}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("anthropic/claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
        (" OpenRouter/meta/llama ", ("openrouter", "meta/llama")),
        ("claude-sonnet-4-5", ("anthropic", "claude-sonnet-4-5")),
    ],
    ids=["plain", "case, blanks and a model with a slash", "without a provider"],
)
def test_a_reference_is_a_provider_and_a_model(reference: str, expected: tuple[str, str]) -> None:
    assert split(reference) == expected


def test_remoteclaw_names_profiles_instead_of_models() -> None:
    agent = AgentConfig("main", auth=("anthropic:a",))
    assert in_use(GatewayConfig(True, defaults=DEFAULTS), agent, Family.REMOTECLAW).only == ("anthropic:a",)
    assert in_use(GatewayConfig(True, defaults=DEFAULTS), agent, Family.OPENCLAW).only is None
