"""Agents' copies, shared grants, folders and names: what is drift, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model import AgentReading, AuthState, Era, Fence, GatewayReading, Usage
from exporter.verdict import DriftFact
from tests.builders import HOUR, NOW, agent, at, config, document, gateway, judged, key, oauth, profile, token

OLD, NEW = "tok-old-0123456789", "tok-new-0123456789"
LOGIN = oauth(at(HOUR), "access-1", "refresh-1")


def facts(reading: GatewayReading, name: str = "AgentDrift") -> list[DriftFact]:
    return [fact for fact in judged(reading).drift if fact.name == name]


def two(main: object, work: object, era: Era = Era.JSON) -> GatewayReading:
    def one(name: str, credential: object) -> AgentReading:
        return agent(name, document(profile("anthropic:a", credential)) if credential is not None else None)  # type: ignore[arg-type]

    return gateway(one("main", main), one("work", work), era=era)


CASES = [
    # id, main's, the other agent's, generation, drift
    ("another token", token(None, NEW), token(None, OLD), Era.JSON, True),
    ("the same token", token(None, NEW), token(None, NEW), Era.JSON, False),
    ("no copy of its own", token(None, NEW), None, Era.JSON, False),
    ("another token, read through", token(None, NEW), token(None, OLD), Era.AGENT_DB, True),
    ("an older copy of a key", key("sk-new-0123456789"), key("sk-old-0123456789"), Era.JSON, True),
    ("an older copy of a key, split state", key("sk-new-0123456789"), key("sk-old-0123456789"), Era.JSON_SPLIT, True),
    ("a key of its own", key("sk-new-0123456789"), key("sk-old-0123456789"), Era.AGENT_DB, False),
    ("another login", LOGIN, oauth(at(-HOUR), "access-0", "refresh-0"), Era.AGENT_DB, True),
    ("a login during its renewal", replace(LOGIN, fence=Fence(False)), oauth(at(), "a0", "r0"), Era.AGENT_DB, False),
    ("one refresh token twice", LOGIN, oauth(at(-HOUR), "access-0", "refresh-1"), Era.AGENT_DB, True),
    ("the whole login twice", LOGIN, LOGIN, Era.JSON, True),
    ("nothing is stored", token(None, NEW), token(None, None), Era.JSON, False),
]


@pytest.mark.parametrize(("main", "work", "era", "drift"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_copies(main: object, work: object, era: Era, drift: bool) -> None:
    found = facts(two(main, work, era))
    assert [(fact.agent, fact.profile, fact.kind) for fact in found] == ([("work", "anthropic:a", "agent")] if drift else [])


def test_a_copy_that_ends_sooner_is_said_so() -> None:
    found = facts(two(oauth(at(HOUR), "a1", "r1"), oauth(at(-HOUR), "a0", "r0")))
    assert "ends sooner" in found[0].why


def test_a_grant_held_by_the_shared_store_and_an_agent_names_the_agent_once() -> None:
    shared = document(profile("anthropic:a", LOGIN))
    reading = gateway(agent("main"), agent("work", document(profile("anthropic:b", LOGIN))), era=Era.SHARED_DB, shared=shared)
    found = facts(reading)
    assert [(fact.agent, fact.profile) for fact in found] == [("work", "anthropic:b")]
    assert "all agents and agent work" in found[0].why


@pytest.mark.parametrize("stored", [True, False], ids=["with profiles", "empty"])
def test_an_orphan_folder_with_credentials(stored: bool) -> None:
    local = document(profile()) if stored else document()
    found = facts(gateway(agent(), agent("gone", local, configured=False)), "AgentDirMismatch")
    assert [fact.agent for fact in found] == (["gone"] if stored else [])


def test_without_a_configuration_no_folder_is_an_orphan() -> None:
    assert facts(gateway(agent(), agent("gone", document(profile()), configured=False), config=None), "AgentDirMismatch") == []


def test_an_order_that_names_what_no_store_holds() -> None:
    local = document(profile("anthropic:a"), order={"anthropic": ("anthropic:a", "anthropic:gone")})
    found = facts(gateway(agent(local=local)), "OrderNamesGhost")
    assert [(fact.kind, fact.agent, fact.provider, fact.profile) for fact in found] == [("order", "main", "anthropic", "anthropic:gone")]
    assert facts(gateway(agent(local=document(profile("anthropic:a"), order={"anthropic": ("anthropic:a",)}))), "OrderNamesGhost") == []


def test_a_configured_order_counts_too() -> None:
    reading = gateway(agent(local=document(profile())), config=config(order={"anthropic": ("anthropic:gone",)}))
    assert [fact.profile for fact in facts(reading, "OrderNamesGhost")] == ["anthropic:gone"]


VANISHED = [
    ("used an hour ago", "anthropic:gone", HOUR, True, True),
    ("used two days ago", "anthropic:gone", 48 * HOUR, True, False),
    ("used in the future", "anthropic:gone", -HOUR, True, False),
    ("still stored", "anthropic:a", HOUR, True, False),
    ("a key in the configuration", "inline-api-key:anthropic", HOUR, True, False),
    ("another store cannot be read", "anthropic:gone", HOUR, False, False),
]


@pytest.mark.parametrize(("name", "ago", "known", "drift"), [row[1:] for row in VANISHED], ids=[row[0] for row in VANISHED])
def test_a_profile_that_was_in_use_is_gone(name: str, ago: timedelta, known: bool, drift: bool) -> None:
    local = replace(document(profile("anthropic:a")), state=AuthState(usage={name: Usage(last_used_at=NOW - ago)}))
    found = facts(gateway(agent(local=local), agent("work", known=known)), "ProfileVanished")
    assert [fact.profile for fact in found] == ([name] if drift else [])


def test_a_vanished_profile_is_old_news_after_a_day() -> None:
    local = replace(document(profile("anthropic:a")), state=AuthState(usage={"anthropic:gone": Usage(last_used_at=NOW - HOUR)}))
    snapshot = judged(gateway(agent(local=local)))
    assert snapshot.until == NOW + 23 * HOUR
    assert judged(gateway(agent(local=local)), now=NOW + 23 * HOUR).drift == ()
