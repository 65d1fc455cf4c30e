"""Pure. What a person may type, against recorded calls of a gateway."""

from __future__ import annotations

import json

import pytest

from exporter.model import Era, Family
from exporter.repair.arguments import (
    Refusal,
    check_api_key,
    check_profile_id,
    check_setup_token,
    check_token,
    cleaned,
    expires_in,
    shown_id,
)
from exporter.repair.dialect import dialect
from tests.homes import FIXTURES

VECTORS = json.loads((FIXTURES / "vectors/vectors-2026.9.6.json").read_text())


@pytest.mark.parametrize("case", VECTORS["parseDuration"], ids=lambda case: repr(case["in"]))
def test_durations_read_as_the_newest_release_reads_them(case: dict[str, object]) -> None:
    text, out = str(case["in"]), case["out"]
    if isinstance(out, dict):
        with pytest.raises(Refusal) as refused:
            expires_in(text, composite=True)
        assert refused.value.words == out["throws"]
    else:
        assert (expires_in(text, composite=True) or 0) == out


@pytest.mark.parametrize(
    ("text", "ms"),
    [("30", 2_592_000_000), ("12h", 43_200_000), (" 1.5H ", 5_400_000), ("500ms", 500), ("0", None), ("", None), (None, None)],
)
def test_older_releases_read_one_number_and_unit(text: str | None, ms: int | None) -> None:
    assert expires_in(text, composite=False) == ms


@pytest.mark.parametrize("text", ["soon", "1d12h", "2h30m", "-5d", "1w", "1e3", "10 d", "9" * 400, "٣d"])
def test_older_releases_refuse_in_their_own_words(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        expires_in(text, composite=False)
    assert refused.value.words == f"invalid duration: {text if len(text) <= 24 else '***'}"


@pytest.mark.parametrize("case", VECTORS["validateSetupToken"], ids=lambda case: f"{case['prefix']}-{case['len']}")
def test_setup_tokens_are_judged_as_recorded(case: dict[str, object]) -> None:
    length, blanks = int(str(case["trimmedLen"])), int(str(case["len"])) - int(str(case["trimmedLen"]))
    token = str(case["prefix"]).ljust(length, "A")[:length] + " " * blanks
    if case["out"] is None:
        check_setup_token(token)
        return
    with pytest.raises(Refusal) as refused:
        check_setup_token(token)
    assert refused.value.words == case["out"]


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["normalizeSecretInput"] if isinstance(case["in"], str)], ids=lambda case: repr(case["in"])
)
def test_a_pasted_credential_is_cleaned_as_the_gateway_does(case: dict[str, str]) -> None:
    assert cleaned(case["in"]) == case["out"]


@pytest.mark.parametrize(
    ("provider", "key", "fine"),
    [
        ("openai", "sk-abc", True),
        ("openai", "abc", False),
        ("groq", "abc", True),
        ("groq", "", False),
        ("anthropic", "sk-ant-oat01-x", False),
    ],
)
def test_api_keys_must_look_like_keys(provider: str, key: str, fine: bool) -> None:
    if fine:
        check_api_key(provider, key)
    else:
        with pytest.raises(Refusal) as refused:
            check_api_key(provider, key)
        assert not key or key not in refused.value.words


def test_a_token_of_another_provider_only_has_to_be_there() -> None:
    check_token("openrouter", "x")
    with pytest.raises(Refusal, match="Required"):
        check_token("openrouter", "")
    with pytest.raises(Refusal, match="too short"):
        check_token("anthropic", "sk-ant-oat01-short")


@pytest.mark.parametrize("text", ["sk-ant-oat01-FAKEFAKEFAKEFAKEFAKE", "anthropic:sk-ant-oat01-FAKEFAKEFAKEFAKE", "a\nb", ""])
def test_a_credential_is_no_profile_id(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_profile_id(text)
    assert "FAKE" not in refused.value.words


@pytest.mark.parametrize(
    "text", ["anthropic:default", "google-gemini-cli:someone@example.com", "openai:2026-01-01-project-key-of-team-7", "日本"]
)
def test_usual_ids_are_shown_as_they_are(text: str) -> None:
    check_profile_id(text)
    assert shown_id(text) == text


@pytest.mark.parametrize(
    ("release", "typed", "stored"),
    [
        ("2026.1.24-3", "Z.AI", "zai"), ("2026.1.24-3", "qwen", "qwen-portal"), ("2026.1.30", " kimi-code ", "kimi-coding"),
        ("2026.3.13", "bedrock", "amazon-bedrock"), ("2026.4.20", "kimi-coding", "kimi"), ("2026.4.20", "qwen", "qwen"),
        ("2026.4.20", "z-ai", "zai"), ("2026.5.28", "Z.AI", "z.ai"), ("2026.6.1", "z-ai", "z-ai"),
    ],
)  # fmt: skip
def test_providers_are_spelled_as_each_release_stores_them(release: str, typed: str, stored: str) -> None:
    assert dialect(Family.OPENCLAW, Era.JSON, (release,)).provider(typed) == stored


@pytest.mark.parametrize(
    ("family", "era", "versions", "databases", "split", "directory"),
    [
        (Family.CLAWDBOT, Era.JSON, (None, None), False, False, True),
        (Family.OPENCLAW, Era.JSON, (None, "2026.2.17"), False, False, False),
        (Family.OPENCLAW, Era.JSON, ("2026.4.20", "2026.1.30"), False, True, False),
        (Family.OPENCLAW, Era.JSON_SPLIT, (None, None), False, True, False),
        (Family.OPENCLAW, Era.JSON_SPLIT, (None, "2026.6.1"), False, True, False),
        (Family.OPENCLAW, Era.JSON, (None, "2026.6.5"), True, True, False),
        (Family.OPENCLAW, Era.SHARED_DB, (None, None), True, True, False),
        (Family.OPENCLAW, Era.NONE, (None, None), True, False, False),
        (Family.CLAWDBOT, Era.NONE, (None, None), False, False, True),
        (Family.REMOTECLAW, Era.GLOBAL_JSON, ("2026.9.1", "0.3.0"), False, False, False),
        (Family.OPENCLAW, Era.JSON, (None, "dev"), False, False, True),
    ],
)
def test_the_release_tells_who_writes_where_and_how_it_locks(
    family: Family, era: Era, versions: tuple[str | None, ...], databases: bool, split: bool, directory: bool
) -> None:
    spoken = dialect(family, era, versions)
    assert (spoken.databases, spoken.split if not databases else split, spoken.directory_lock) == (databases, split, directory)
