"""Edge. What a profile's page tells of the past."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from exporter import chronicle as chronicles
from exporter.chronicle import Change, Chronicle, Record, note, subject_of
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import AgentVerdict, Cooldown, CooldownKind, CooldownScope, Health, ProfileVerdict, RefreshState, Ruling, Snapshot
from tests.metrics.shown import HOUR, NOW, profile, snapshot

A = profile("anthropic:a", fingerprint="one")
SUBJECT = subject_of(A)


def _then(*rows: ProfileVerdict, hours: int = 1) -> Snapshot:
    return snapshot(*rows, at=NOW + hours * HOUR)


def _noted(*snapshots: Snapshot) -> Chronicle:
    chronicle, before = Chronicle(), None
    for one in snapshots:
        chronicle, before = note(chronicle, before, one), one
    return chronicle


def test_the_first_look_is_no_change() -> None:
    chronicle = _noted(snapshot(A))
    assert chronicle.since == NOW
    assert chronicle.changes(SUBJECT) == ()


@pytest.mark.parametrize(
    ("after", "change"),
    [
        pytest.param(
            replace(A, health=Health.EXPIRED, health_rule=Ruling("r", "its date is past")),
            Change(NOW + HOUR, "health", "static", "expired", "its date is past"), id="health",
        ),
        pytest.param(replace(A, usable=False), Change(NOW + HOUR, "usable", "yes", "no", "why"), id="usable"),
        pytest.param(replace(A, refresh_state=RefreshState.FAILED), Change(NOW + HOUR, "refresh", "none", "failed"), id="refresh"),
        pytest.param(
            replace(A, cooldowns=(Cooldown(CooldownKind.DISABLED, CooldownScope.PROFILE, NOW + 3 * HOUR, "billing"),)),
            Change(NOW + HOUR, "cooldown", "none", "disabled billing"), id="cooldown",
        ),
        pytest.param(
            replace(A, fingerprint="two", changed_at=NOW + HOUR / 2),
            Change(NOW + HOUR / 2, "credential", "one", "another", "the stored credential was replaced"), id="credential",
        ),
        pytest.param(
            replace(A, probe=Outcome(ProbeStatus.AUTH, "revoked", NOW + HOUR / 3, words="no such key")),
            Change(NOW + HOUR / 3, "probe", "none", "auth revoked", "no such key"), id="probe",
        ),
    ],
)  # fmt: skip
def test_what_became_another_is_told_with_its_reason(after: ProfileVerdict, change: Change) -> None:
    assert _noted(snapshot(A), _then(after)).changes(SUBJECT) == (change,)


def test_a_profile_that_goes_and_comes_back_is_told_of() -> None:
    other = profile("anthropic:b")
    chronicle = _noted(snapshot(A, other), _then(other), _then(A, other, hours=2))
    assert [(change.before, change.after, change.at) for change in chronicle.changes(SUBJECT)] == [
        ("present", "absent", NOW + HOUR),
        ("absent", "present", NOW + 2 * HOUR),
    ]


def test_what_changed_while_nobody_watched_is_told_at_the_next_start() -> None:
    stored = _noted(snapshot(A))
    assert [change.what for change in note(stored, None, _then(replace(A, usable=False))).changes(SUBJECT)] == ["usable"]
    assert [change.after for change in note(stored, None, _then()).changes(SUBJECT)] == ["absent"]


def test_nothing_is_told_where_nothing_can_be_known() -> None:
    stored = _noted(snapshot(A))
    lame = replace(A, usable=False)
    assert note(stored, None, replace(_then(lame), clock_held="the clock shows 1970")) is stored
    closed = _then().gateways[0]
    unreadable = replace(closed, agents=(AgentVerdict("openclaw", "main", True, False, (), ()),))
    assert note(stored, None, replace(_then(), gateways=(unreadable,))) is stored
    assert note(stored, None, _then(replace(A, fingerprint=""))) is stored


def test_an_unchanged_snapshot_costs_nothing() -> None:
    first = snapshot(A)
    stored = _noted(first)
    assert note(stored, first, replace(first, at=NOW + HOUR)) is stored
    assert note(stored, None, _then(A)) is stored


def test_only_so_much_is_remembered_of_one_profile_and_of_those_that_went() -> None:
    restless = [_then(replace(A, usable=bool(number % 2)), hours=number) for number in range(100)]
    assert len(_noted(*restless).changes(SUBJECT)) == 40
    crowd = tuple(profile(f"openai:{number}") for number in range(1500))
    chronicle = _noted(snapshot(*crowd), snapshot(A, *crowd), _then(A))
    assert len(chronicle.records) == 1001
    assert chronicle.changes(SUBJECT)


def test_a_record_comes_back_from_json_as_it_was() -> None:
    record = Record({"health": "ok"}, (Change(NOW + timedelta(milliseconds=250), "health", "ok", "expired", "\ud800 it ended"),))
    assert chronicles.from_json(json.loads(json.dumps(chronicles.to_json(record)))) == record
    assert chronicles.from_json(json.loads(json.dumps(chronicles.to_json(Record(None))))) == Record(None)


@pytest.mark.parametrize("document", [None, [], {}, {"standing": 1, "changes": []}, {"standing": None, "changes": {}}])
def test_what_another_release_wrote_is_left_out(document: object) -> None:
    assert chronicles.from_json(document) is None
    assert chronicles.from_json({"standing": None, "changes": [[1, 2], "x"]}) == Record(None)
