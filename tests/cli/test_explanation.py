"""Pure. `explain` names every fact, the rule of every word, and what to do."""

from __future__ import annotations

import pytest

from exporter.cli.explanation import explanation
from exporter.cli.matching import matches, near
from exporter.verdict import Snapshot
from tests.builders import NOW


def _explained(snapshot: Snapshot, profile_id: str) -> str:
    one = matches(snapshot, profile_id)[0]
    return "\n".join(explanation(one.profile, one.gateway, one.agent, NOW, None))


def test_every_profile_is_explained_with_its_rules(snapshot: Snapshot) -> None:
    for verdict in snapshot.all_profiles():
        text = _explained(snapshot, verdict.profile)
        for ruling in (verdict.health_rule, verdict.reason_rule, verdict.usable_rule):
            assert f"[{ruling.rule}]" in text
        assert "what to do" in text


@pytest.mark.parametrize(
    ("profile_id", "words"),
    [
        ("anthropic:idle", ["renewing", "expired (release 2026.9); ours: renewing", "a refresh grant is stored", "2026.1.30 to 2026.4.12"]),
        ("anthropic:manual", ["expiring", "in 10h (2026-11-01 10:00 UTC)", "paste-token --provider anthropic"]),
        ("anthropic:overdue", ["overdue", "failing since", "models auth login --provider anthropic --profile-id anthropic:overdue"]),
        ("anthropic:renewing", ["in progress", "a refresh marker stands"]),
        ("minimax-portal:default", ["failed: the gateway gave up"]),
        ("openai:spare", ["not tried: ", "models auth order set"]),
        ("google:default", ["cooldown: rate_limit for gemini-3-flash, 20m left", "other models still use it"]),
        ("xai:default", ["disabled: billing", "Top up"]),
        ("zai:seconds", ["what is stored cannot be a date"]),
        ("zai:text", ["before 2026.3.8 they say static"]),
        ("anthropic:old", ["3d ago", "expired"]),
        ("env:MISTRAL_API_KEY", ["source         env"]),
    ],
)
def test_the_words_that_matter_are_said(snapshot: Snapshot, profile_id: str, words: list[str]) -> None:
    text = _explained(snapshot, profile_id)
    for word in words:
        assert word in text


def test_a_profile_is_found_by_id_by_agent_and_by_full_path(snapshot: Snapshot) -> None:
    for wanted in ("anthropic:old", "main/anthropic:old", "openclaw/main/anthropic:old", "ANTHROPIC:Old"):
        assert [one.path for one in matches(snapshot, wanted)] == ["openclaw/main/anthropic:old"]


@pytest.mark.parametrize(
    ("wanted", "likely"),
    [("antropic:old", "anthropic:old"), ("openclaw/main/anthropic:od", "openclaw/main/anthropic:old"), ("xai", "xai:default")],
)
def test_a_misspelt_profile_gets_near_matches(snapshot: Snapshot, wanted: str, likely: str) -> None:
    assert matches(snapshot, wanted) == []
    assert likely in near(snapshot, wanted)


def test_nothing_alike_gives_no_suggestion(snapshot: Snapshot) -> None:
    assert near(snapshot, "~~~~~~~~~~") == []
