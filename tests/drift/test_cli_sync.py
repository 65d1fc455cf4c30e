"""A command line program's login against the gateway's copy: which is newer, and for how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model import Credential, Profile, Source, StoreKind
from exporter.verdict import DriftFact
from tests.builders import HOUR, NOW, agent, at, document, gateway, judged, key, oauth, profile, token

MINUTE = timedelta(minutes=1)
OURS = oauth(at(HOUR), "access-old", "refresh-old")
THEIRS = oauth(at(8 * HOUR), "access-new", "refresh-new")
LAPSED = oauth(at(-HOUR), "access-old", "refresh-old")


def login(credential: Credential, program: str = "claude-code", provider: str = "anthropic", age: timedelta = HOUR) -> Profile:
    return Profile(f"cli:{program}", provider, credential, Source.CLI_LOGIN, StoreKind.CLI_LOGIN, modified_at=NOW - age)


def facts(copy: Profile, theirs: Profile, stored: timedelta = 2 * HOUR) -> list[DriftFact]:
    local = replace(document(copy), updated_at=NOW - stored)
    reading = gateway(agent(local=local), cli_logins=(theirs,))
    return [fact for fact in judged(reading).drift if fact.kind == "cli"]


CASES = [
    # id, profile, copy, program, provider, login, drift
    ("claude: newer", "anthropic:claude-cli", OURS, "claude-code", "anthropic", THEIRS, True),
    ("claude: the same", "anthropic:claude-cli", THEIRS, "claude-code", "anthropic", THEIRS, False),
    ("claude: the gateway's is newer", "anthropic:claude-cli", THEIRS, "claude-code", "anthropic", OURS, False),
    ("claude: another login of the gateway's own", "anthropic:default", OURS, "claude-code", "anthropic", THEIRS, False),
    ("claude: a key", "anthropic:claude-cli", key(), "claude-code", "anthropic", THEIRS, False),
    (
        "claude: a token without a date",
        "anthropic:claude-cli",
        token(None, "t-old"),
        "claude-code",
        "anthropic",
        token(None, "t-new"),
        True,
    ),
    ("codex: newer", "openai-codex:codex-cli", OURS, "codex", "openai-codex", THEIRS, True),
    ("codex: bootstrapped, still good", "openai:default", OURS, "codex", "openai-codex", THEIRS, False),
    ("codex: bootstrapped, lapsed", "openai:default", LAPSED, "codex", "openai-codex", THEIRS, True),
    ("codex: both lapsed", "openai:default", LAPSED, "codex", "openai-codex", oauth(at(-MINUTE), "a2", "r2"), False),
    ("qwen: newer", "qwen-portal:qwen-cli", OURS, "qwen", "qwen-portal", THEIRS, True),
    ("minimax: newer", "minimax-portal:minimax-cli", OURS, "minimax", "minimax-portal", THEIRS, True),
    ("gemini: another account", "google-gemini-cli:a@x", LAPSED, "gemini-cli", "google-gemini-cli", THEIRS, False),
    ("of another program", "qwen-portal:qwen-cli", OURS, "minimax", "minimax-portal", THEIRS, False),
]


@pytest.mark.parametrize(
    ("name", "copy", "program", "provider", "theirs", "drift"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_which_is_newer(name: str, copy: Credential, program: str, provider: str, theirs: Credential, drift: bool) -> None:
    found = facts(profile(name, copy), login(theirs, program, provider))
    assert [(fact.name, fact.profile) for fact in found] == ([("CliSyncStale", name)] if drift else [])


def test_the_same_account_is_told_by_its_address() -> None:
    copy = replace(profile("google-gemini-cli:a@x", LAPSED), email="a@x")
    theirs = replace(login(THEIRS, "gemini-cli", "google-gemini-cli"), email="a@x")
    assert len(facts(copy, theirs)) == 1


@pytest.mark.parametrize(("age", "drift"), [(14 * MINUTE, False), (15 * MINUTE, True)], ids=["within", "after"])
def test_the_gateway_has_a_quarter_of_an_hour(age: timedelta, drift: bool) -> None:
    assert bool(facts(profile("anthropic:claude-cli", OURS), login(THEIRS, age=age))) is drift


def test_it_is_looked_at_again_when_the_time_is_over() -> None:
    reading = gateway(agent(local=document(profile("anthropic:claude-cli", OURS))), cli_logins=(login(THEIRS, age=5 * MINUTE),))
    snapshot = judged(reading)
    assert (snapshot.drift, snapshot.until) == ((), NOW + 10 * MINUTE)
