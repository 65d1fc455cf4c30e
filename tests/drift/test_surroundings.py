"""Two generations of store, pins of sessions, a stale process, locks and permissions: drift, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from exporter.drift.compare import KINDS, compare
from exporter.judging.health import Rules
from exporter.judging.history import History, Remembered, Subject
from exporter.model import AuthDocument, Era, GatewayReading, Problem, ProblemReason, Reading, SourceState, StoreKind, StoreRef, Usage
from exporter.outcome import Outcome
from exporter.snapshot import Previous, judge
from exporter.traces import GatewayRun, Guarded, HostFacts, KeychainLogin, Lock, LockKind, OpenPlace, SessionPins, Traces
from exporter.verdict import DriftFact
from tests.builders import HOUR, NOW, agent, at, document, gateway, judged, profile, token

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def facts(reading: GatewayReading, kind: str, now: datetime = NOW, history: History | None = None) -> list[DriftFact]:
    return [fact for fact in judged(reading, now=now, history=history).drift if fact.kind == kind]


def beside(written: timedelta | None, era: Era = Era.AGENT_DB, database: timedelta = 2 * HOUR) -> GatewayReading:
    source = SourceState(StoreRef("openclaw", "main", StoreKind.AUTH_PROFILES, "/x/auth-profiles.json"), True, NOW - (written or HOUR))
    local = replace(document(profile()), updated_at=NOW - database)
    return gateway(agent(local=local), era=era, sources=(source,) if written is not None else ())


SPLITS = [
    ("JSON written later", beside(HOUR), "was written later"),
    ("JSON left over", beside(9 * HOUR), "still lies beside it"),
    ("no JSON", beside(None), None),
    ("JSON is the store", beside(HOUR, Era.JSON), None),
]


@pytest.mark.parametrize(("reading", "words"), [row[1:] for row in SPLITS], ids=[row[0] for row in SPLITS])
def test_two_generations(reading: GatewayReading, words: str | None) -> None:
    found = facts(reading, "store")
    assert [fact.name for fact in found] == ([] if words is None else ["StoreSplit"])
    assert words is None or words in found[0].why


def test_half_a_migration_is_told_once() -> None:
    problem = Problem("openclaw", "main", StoreKind.AUTH_PROFILES, ProblemReason.MIGRATION_REQUIRED, "/x", True)
    assert [fact.name for fact in facts(replace(beside(HOUR), problems=(problem,)), "store")] == ["MigrationRequired"]


PINS = [
    ("missing", document(), Usage(), "missing"),
    ("expired", document(profile("anthropic:a", token(at(-HOUR)))), Usage(), "expired"),
    ("parked", document(profile("anthropic:a")), Usage(cooldown_until=NOW + HOUR), "parked"),
    ("good", document(profile("anthropic:a")), Usage(), None),
]


@pytest.mark.parametrize(("local", "usage", "words"), [row[1:] for row in PINS], ids=[row[0] for row in PINS])
def test_pinned_sessions(local: AuthDocument, usage: Usage, words: str | None) -> None:
    local = replace(local, state=replace(local.state, usage={"anthropic:a": usage}))
    pins = SessionPins("main", (("anthropic:a", 3),))
    found = facts(gateway(agent(local=local), traces=Traces(sessions=(pins,))), "session")
    assert [(fact.name, fact.profile) for fact in found] == ([] if words is None else [("SessionPinLost", "anthropic:a")])
    assert words is None or (f"3 sessions of agent main are tied to a profile that is {words}" in found[0].why)


@pytest.mark.parametrize("known", [True, False], ids=["store down", "sessions unreadable"])
def test_pins_say_nothing_where_something_cannot_be_read(known: bool) -> None:
    pins = SessionPins("main", (("anthropic:a", 1),), known=known)
    reading = gateway(agent(local=document(), known=not known), traces=Traces(sessions=(pins,)))
    assert facts(reading, "session") == []


def stale(started: timedelta, failed: timedelta | None, used: timedelta | None = None, reason: str = "auth") -> list[DriftFact]:
    usage = Usage(
        last_failure_at=NOW - failed if failed is not None else None,
        last_used_at=NOW - used if used is not None else None,
        failure_counts={reason: 1},
    )
    local = document(profile("anthropic:a"), usage={"anthropic:a": usage})
    history = History(b"s", {Subject("openclaw", "main", "anthropic", "anthropic:a"): Remembered(NOW - 9 * HOUR, changed_at=NOW - HOUR)})
    return facts(gateway(agent(local=local), host=HostFacts(GatewayRun(7, NOW - started))), "gateway", history=history)


STALE = [
    ("fails on", 2 * HOUR, 10 * MINUTE, None, "auth", True),
    ("restarted since", MINUTE, 10 * MINUTE, None, "auth", False),
    ("within its caches", 2 * HOUR, 55 * MINUTE, None, "auth", False),
    ("failed before", 2 * HOUR, 2 * HOUR, None, "auth", False),
    ("never failed", 2 * HOUR, None, None, "auth", False),
    ("used since", 2 * HOUR, 10 * MINUTE, MINUTE, "auth", False),
    ("failed for another reason", 2 * HOUR, 10 * MINUTE, None, "rate_limit", False),
]


@pytest.mark.parametrize(("started", "failed", "used", "reason", "drift"), [row[1:] for row in STALE], ids=[row[0] for row in STALE])
def test_a_gateway_that_went_on(started: timedelta, failed: timedelta | None, used: timedelta | None, reason: str, drift: bool) -> None:
    assert [fact.name for fact in stale(started, failed, used, reason)] == (["GatewayStale"] if drift else [])


LOCKS = [
    ("owner gone", Lock(LockKind.STORE, "/x/a.lock", "main", NOW - 200 * SECOND, pid=9, alive=False), True),
    ("owner gone, young", Lock(LockKind.STORE, "/x/a.lock", "main", NOW - 100 * SECOND, pid=9, alive=False), False),
    ("owner lives", Lock(LockKind.STORE, "/x/a.lock", "main", NOW - HOUR, pid=9, alive=True), False),
    ("a directory nobody touches", Lock(LockKind.STORE, "/x/a.lock", "main", NOW - 200 * SECOND), True),
    ("renewal", Lock(LockKind.REFRESH, "/x/lock-1", "", NOW - HOUR, pid=9, alive=False), True),
    ("lease without a beat", Lock(LockKind.LEASE, "core:x", "", NOW - 200 * SECOND, NOW + MINUTE), True),
    ("lease that ended", Lock(LockKind.LEASE, "core:x", "", NOW - 400 * SECOND, NOW), False),
    ("lease that beats", Lock(LockKind.LEASE, "core:x", "", NOW - 20 * SECOND, NOW + MINUTE), False),
]


@pytest.mark.parametrize(("lock", "drift"), [row[1:] for row in LOCKS], ids=[row[0] for row in LOCKS])
def test_locks(lock: Lock, drift: bool) -> None:
    found = facts(gateway(traces=Traces(locks=(lock,))), "lock")
    assert [(fact.name, fact.agent) for fact in found] == ([("LockStuck", lock.agent)] if drift else [])
    if drift and lock.kind is not LockKind.LEASE:
        assert found[0].commands == (f"rm -r {lock.place}",)


def test_a_lock_is_looked_at_again_when_it_gets_old_and_a_lease_when_it_ends() -> None:
    young = Lock(LockKind.STORE, "/x/a.lock", "main", NOW - 100 * SECOND, pid=9, alive=False)
    lease = Lock(LockKind.LEASE, "core:x", "", NOW - 200 * SECOND, NOW + MINUTE)
    assert judged(gateway(traces=Traces(locks=(young,)))).until == NOW + 80 * SECOND
    assert judged(gateway(traces=Traces(locks=(lease,)))).until == NOW + MINUTE


OPEN = [
    ("a store anybody reads", OpenPlace(Guarded.AUTH_STORE, "/x/a b", 0o644, "main"), "other users can read a credential store", ("chmod 600 '/x/a b'",)),
    ("a directory anybody changes", OpenPlace(Guarded.STATE_DIR, "/x", 0o777, directory=True), "can change the state directory", ("chmod 700 /x",)),
    ("a side file of somebody else", OpenPlace(Guarded.AUTH_STORE, "/x/w", 0o600, foreign=True), "belongs to another user", ()),
]  # fmt: skip


@pytest.mark.parametrize(("place", "words", "commands"), [row[1:] for row in OPEN], ids=[row[0] for row in OPEN])
def test_permissions(place: OpenPlace, words: str, commands: tuple[str, ...]) -> None:
    found = facts(gateway(traces=Traces(open_places=(place,))), "permissions")
    assert [(fact.name, fact.agent, fact.commands, fact.places) for fact in found] == [
        ("InsecurePermissions", place.agent, commands, (place.path,))
    ]
    assert words in found[0].why
    assert place.path not in found[0].why  # a reason goes into notices, a path does not


def test_many_open_places_of_one_agent_are_one_fact() -> None:
    places = tuple(OpenPlace(Guarded.BACKUP, f"/x/{number}", 0o640) for number in range(3))
    found = facts(gateway(traces=Traces(open_places=places)), "permissions")
    assert [fact.why for fact in found] == ["other users can read a backup that holds credentials (3 places)"]


LOCKED, UNLOCKED = KeychainLogin("cli:claude-code", True), KeychainLogin("cli:claude-code", False)
SYNCED, ELSEWHERE = document(profile("anthropic:claude-cli")), document(profile("anthropic:a"))
KEYCHAINS = [
    ("locked, and it has a copy", LOCKED, SYNCED, True),
    ("locked, and it has nothing else", LOCKED, document(), True),
    ("locked, and it has something else", LOCKED, ELSEWHERE, False),
    ("unlocked", UNLOCKED, SYNCED, False),
    ("of a program it does not know", KeychainLogin("cli:other", True), document(), False),
    ("of another provider", KeychainLogin("cli:codex", True), document(), False),
]


@pytest.mark.parametrize(("login", "local", "drift"), [row[1:] for row in KEYCHAINS], ids=[row[0] for row in KEYCHAINS])
def test_a_locked_keychain_matters_where_the_gateway_lives_on_what_is_in_it(login: KeychainLogin, local: AuthDocument, drift: bool) -> None:
    found = facts(gateway(agent(local=local), host=HostFacts(keychain=(login,))), "keychain")
    assert [(fact.name, fact.provider, fact.commands) for fact in found] == (
        [("SourceLocked", "anthropic", ("security unlock-keychain",))] if drift else []
    )
    assert not drift or "Claude Code is locked for this session; the login is not missing" in found[0].why


def test_every_kind_has_a_series() -> None:
    assert set(KINDS) == {"agent", "cli", "env", "gateway", "keychain", "lock", "order", "permissions", "session", "store"}


def test_an_unchanged_gateway_keeps_its_facts_by_identity_until_time_says_otherwise() -> None:
    young = Lock(LockKind.STORE, "/x/a.lock", "main", NOW - 100 * SECOND, pid=9, alive=False)
    reading, rules, history = Reading(NOW, (gateway(traces=Traces(locks=(young,))),)), Rules(), History(b"s")
    outcomes: dict[Subject, Outcome] = {}
    first = judge(reading, NOW, rules, history=history, outcomes=outcomes)
    previous = Previous(reading, first, outcomes, history, rules)
    second = judge(replace(reading, at=NOW + MINUTE), NOW + MINUTE, rules, history=history, outcomes=outcomes, previous=previous)
    assert second.gateways[0] is first.gateways[0]
    third = judge(reading, NOW + 80 * SECOND, rules, history=history, outcomes=outcomes, previous=previous)
    assert [fact.name for fact in third.drift] == ["LockStuck"]


def test_keys_of_our_own_settings_are_compared_with_nothing() -> None:
    from exporter.model import Family

    reading = gateway(family=Family.STATIC, traces=Traces(open_places=(OpenPlace(Guarded.CONFIG, "/x", 0o644),)))
    assert compare(reading, (), NOW, b"").facts == ()
