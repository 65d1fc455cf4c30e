"""What one pass hands on to the next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.judging.history import History, Remembered, Sighting, Subject, fingerprint, observe
from tests.builders import HOUR, NOW, at, key, oauth

A = Subject("openclaw", "main", "anthropic", "anthropic:a")
B = Subject("openclaw", "main", "anthropic", "anthropic:b")


def test_the_first_sight_dates_a_subject_and_proves_no_change() -> None:
    history = observe(History(b"salt"), {A: Sighting("f1")}, NOW)
    assert history.subjects[A] == Remembered(NOW, "f1")
    assert history.salt == b"salt"


def test_another_fingerprint_is_a_change() -> None:
    first = observe(History(), {A: Sighting("f1")}, NOW)
    second = observe(first, {A: Sighting("f2")}, NOW + HOUR)
    assert (second.subjects[A].changed_at, second.subjects[A].first_seen_at) == (NOW + HOUR, NOW)


def test_nothing_new_is_the_same_history() -> None:
    first = observe(History(), {A: Sighting("f1", auth_failed_at=NOW, fenced=True, dark_since=NOW)}, NOW)
    assert observe(first, {A: Sighting("f1", auth_failed_at=NOW + HOUR, fenced=True, dark_since=NOW + HOUR)}, NOW + HOUR) is first


def test_failures_count_from_the_first_until_the_credential_is_replaced() -> None:
    failing = observe(History(), {A: Sighting("f1", auth_failed_at=NOW)}, NOW)
    later = observe(failing, {A: Sighting("f1", auth_failed_at=NOW + HOUR)}, NOW + HOUR)
    assert later.subjects[A].auth_failing_since == NOW
    replaced = observe(later, {A: Sighting("f2", auth_failed_at=NOW + HOUR)}, NOW + HOUR)
    assert replaced.subjects[A].auth_failing_since == NOW + HOUR
    assert observe(replaced, {A: Sighting("f2")}, NOW + HOUR).subjects[A].auth_failing_since is None


def test_a_fence_keeps_the_fingerprint_it_hides() -> None:
    first = observe(History(), {A: Sighting("f1")}, NOW)
    fenced = observe(first, {A: Sighting("", fenced=True)}, NOW + HOUR)
    assert (fenced.subjects[A].fingerprint, fenced.subjects[A].fence_seen_at) == ("f1", NOW + HOUR)
    done = observe(fenced, {A: Sighting("f2")}, NOW + 2 * HOUR)
    assert (done.subjects[A].changed_at, done.subjects[A].fence_seen_at) == (NOW + 2 * HOUR, None)


def test_what_is_gone_is_forgotten_unless_its_store_cannot_be_read() -> None:
    first = observe(History(), {A: Sighting("f1"), B: Sighting("f2")}, NOW)
    assert set(observe(first, {A: Sighting("f1")}, NOW).subjects) == {A}
    assert set(observe(first, {A: Sighting("f1")}, NOW, kept=(B,)).subjects) == {A, B}


def test_fingerprints_tell_credentials_apart_and_nothing_else() -> None:
    assert fingerprint(key(), b"x") == fingerprint(key(), b"x") != fingerprint(key(), b"y")
    assert fingerprint(key(None), b"x") == ""
    assert fingerprint(oauth(at(HOUR)), b"x") == fingerprint(oauth(at(2 * HOUR)), b"x") != fingerprint(oauth(access="new"), b"x")


@given(st.lists(st.tuples(st.sampled_from(["f1", "f2", ""]), st.booleans(), st.booleans()), max_size=12))
def test_first_sight_never_moves_and_changes_never_lie_before_it(steps: list[tuple[str, bool, bool]]) -> None:
    history, now = History(), NOW
    for mark, failing, fenced in steps:
        history = observe(history, {A: Sighting(mark, now if failing else None, fenced)}, now)
        found = history.subjects[A]
        assert found.first_seen_at == NOW
        assert found.changed_at is None or found.changed_at > NOW
        assert (found.auth_failing_since is not None) == failing
        assert (found.fence_seen_at is not None) == fenced
        now += HOUR
