"""Edge. The ledger: what it keeps, and what it does while its file cannot be used."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.alerting.alert import AlertState, Book, Silence, parse_matcher
from exporter.alerting.life import Step, canary, step
from exporter.alerting.notice import NoticeKind
from exporter.finding import Found
from exporter.journal.desk import acknowledge, silence, unsilence
from exporter.journal.file import FILE_NAME
from exporter.journal.ledger import Ledger
from exporter.journal.records import Standing
from tests.alarm.matters import NOW, SECOND, finding, found
from tests.alarm.scenes import POLICY

MINUTE = 60 * SECOND
LEASE = MINUTE


def passed(ledger: Ledger, seen: Found, now: object = NOW) -> Step:
    assert hasattr(now, "timestamp")
    at = NOW if now is NOW else now

    def think(book: Book, silences: tuple[Silence, ...]) -> Step:
        return step(book, seen, at, POLICY, silences=silences)  # type: ignore[arg-type]  # checked above

    return ledger.decide(think, at)  # type: ignore[arg-type]  # checked above


def deliver_all(ledger: Ledger, channel: str, now: object = NOW) -> list[str]:
    kinds = []
    while (taken := ledger.claim(channel, "me", now, LEASE)) is not None:  # type: ignore[arg-type]  # an instant
        kinds.append(f"{taken.notice.kind}{'?' if taken.notice.possible_repeat else ''}")
        ledger.delivered(taken, Standing(channel), now)  # type: ignore[arg-type]  # an instant
    return kinds


def test_book_outbox_and_silences_are_there_after_a_restart(tmp_path: Path) -> None:
    first = Ledger(tmp_path)
    passed(first, found(finding()))
    made = silence(first, [parse_matcher("provider=openai")], "ann", "upgrade", 2 * MINUTE, NOW)
    before = first.book()
    first.close()
    again = Ledger(tmp_path)
    assert again.book() == before
    assert again.book()[1] == (made,)
    assert again.depth().notices == 2
    assert again.depth().oldest_at == NOW
    assert deliver_all(again, "ops") == ["firing"]
    again.close()


def test_what_one_process_changes_another_sees(tmp_path: Path) -> None:
    daemon, command = Ledger(tmp_path), Ledger(tmp_path)
    passed(daemon, found(finding()))
    alert = acknowledge(command, finding().id, "ann", "on it", NOW)
    assert alert is not None
    assert alert.acked_by == "ann"
    passed(daemon, found(finding()), NOW + timedelta(hours=2))
    book, _ = daemon.book()
    assert book.alerts[finding().identity].acked_by == "ann"
    assert daemon.depth().notices == 2  # no reminder
    daemon.close()
    command.close()


def test_a_silence_can_be_taken_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    made = silence(ledger, [parse_matcher("name=Expired")], "ann", "", 2 * MINUTE, NOW)
    assert not passed(ledger, found(finding())).notices
    assert unsilence(ledger, "nosuch", NOW) is None
    assert unsilence(ledger, made.id, NOW + SECOND) is not None
    assert unsilence(ledger, made.id, NOW + 2 * SECOND) is None
    assert len(passed(ledger, found(finding()), NOW + 3 * SECOND).notices) == 2
    ledger.close()


def test_nobody_claims_what_another_holds_until_its_lease_ends(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()))
    first = ledger.claim("ops", "one", NOW, LEASE)
    assert first is not None
    assert not first.notice.possible_repeat
    assert ledger.claim("ops", "two", NOW + SECOND, LEASE) is None
    second = ledger.claim("ops", "two", NOW + LEASE, LEASE)
    assert second is not None
    assert second.notice.possible_repeat
    assert second.notice.title.startswith("(possible repeat) ")
    ledger.close()


@pytest.mark.parametrize(("maybe", "said"), [(False, ["firing"]), (True, ["firing?"])], ids=["certainly not", "perhaps"])
def test_a_failed_try_is_due_again_and_marked_only_if_it_may_have_arrived(tmp_path: Path, maybe: bool, said: list[str]) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()))
    taken = ledger.claim("ops", "me", NOW, LEASE)
    assert taken is not None
    ledger.failed(taken, Standing("ops", 1, NOW, NOW, "it answered 500"), NOW, "failed", next_at=NOW + MINUTE, maybe=maybe)
    assert deliver_all(ledger, "ops") == []
    assert deliver_all(ledger, "ops", NOW + MINUTE) == said
    assert [(line.outcome, line.attempt, line.reason) for line in ledger.lines()] == [
        ("delivered", 2, ""),
        ("failed", 1, "it answered 500"),
    ]
    ledger.close()


def test_of_one_cause_the_later_waits_for_the_earlier(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding(), finding(profile="anthropic:other")))
    passed(ledger, found(finding(profile="anthropic:other")), NOW + MINUTE)
    first = ledger.claim("ops", "me", NOW + MINUTE, LEASE)
    assert first is not None
    ledger.failed(first, Standing("ops"), NOW + MINUTE, "failed", next_at=NOW + 10 * MINUTE, maybe=False)
    assert deliver_all(ledger, "ops", NOW + MINUTE) == ["firing"]  # the other cause
    assert deliver_all(ledger, "ops", NOW + 10 * MINUTE) == ["firing", "resolved"]
    ledger.close()


def test_a_reminder_takes_the_place_of_one_that_did_not_leave(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for hours in range(6):
        passed(ledger, found(finding()), NOW + timedelta(hours=hours))
    kinds = [notice.kind for notice in ledger.waiting() if notice.channel == "ops"]
    assert kinds == [NoticeKind.FIRING, NoticeKind.REMINDER]
    assert {line.outcome for line in ledger.lines()} == {"superseded"}
    ledger.close()


def test_a_plan_made_under_another_clock_holds_nothing_up(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()), NOW + timedelta(days=400))
    taken = ledger.claim("ops", "me", NOW + timedelta(days=400), LEASE)
    assert taken is not None
    assert deliver_all(ledger, "ops", NOW) == ["firing?"]
    ledger.close()


def test_a_canary_comes_once_in_a_while_even_over_restarts(tmp_path: Path) -> None:
    for hours in (0, 1, 24, 25):
        ledger = Ledger(tmp_path)
        at = NOW + timedelta(hours=hours)
        ledger.post_every("canary_ms", timedelta(hours=24), (canary(at, POLICY, "ops"),), at)
        ledger.close()
    assert Ledger(tmp_path).depth().notices == 2


def _garbage(file: Path) -> None:
    file.write_bytes(b"this is no database, and it is long enough to be sure of that" * 20)


def _newer(file: Path) -> None:
    Ledger(file.parent).close()
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()


def _damaged(file: Path) -> None:
    ledger = Ledger(file.parent)
    passed(ledger, found(*(finding(profile=f"anthropic:{number}") for number in range(50))))
    ledger.close()
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2 :] = b"\xff" * (len(raw) - len(raw) // 2)
    file.write_bytes(raw)


@pytest.mark.parametrize("damage", [_garbage, _newer, _damaged], ids=["no database", "newer", "damaged"])
def test_a_file_that_cannot_be_used_is_left_alone_and_alerting_goes_on(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    file = tmp_path / FILE_NAME
    damage(file)
    before = file.read_bytes()
    ledger = Ledger(tmp_path)
    assert str(file) in ledger.fault
    assert len(passed(ledger, found(finding())).notices) == 2
    assert deliver_all(ledger, "ops") == ["firing"]
    assert not passed(ledger, found(finding()), NOW + SECOND).notices
    ledger.close()
    assert file.read_bytes() == before


def test_without_a_directory_everything_works_in_memory() -> None:
    ledger = Ledger(None)
    assert "state directory" in ledger.fault
    passed(ledger, found(finding()))
    assert deliver_all(ledger, "ops") == ["firing"]
    ledger.close()


def test_a_full_disk_is_told_and_what_happened_meanwhile_is_carried_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()))
    ledger._file.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size: it cannot grow any more
    many = found(finding(), *(finding(profile=f"anthropic:{number}") for number in range(100)))
    assert len(passed(ledger, many, NOW + SECOND).notices) == 200
    assert "full" in ledger.fault
    assert deliver_all(ledger, "ops", NOW + SECOND) == ["firing"] * 101
    passed(ledger, found(finding(profile="anthropic:1")), NOW + 2 * MINUTE)  # room again: it returns by itself
    assert ledger.fault == ""
    ledger.close()
    again = Ledger(tmp_path)
    book, _ = again.book()
    assert [alert.finding.profile for alert in book.alerts.values() if alert.state is AlertState.FIRING] == ["anthropic:1"]
    kinds = [notice.kind for notice in again.waiting() if notice.channel == "ops"]
    assert kinds == [NoticeKind.RESOLVED] * 100
    assert sum(notice.kind is NoticeKind.FIRING for notice in again.waiting()) == 101  # the phone's
    assert sum(line.outcome == "delivered" for line in again.lines(1000)) == 101
    again.close()


def test_a_locked_file_is_told_and_nothing_is_told_twice_once_it_is_free(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()))
    assert deliver_all(ledger, "ops") == ["firing"]
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert not passed(ledger, found(finding()), NOW + SECOND).notices
    assert "locked" in ledger.fault
    other = finding(profile="anthropic:other")
    assert len(passed(ledger, found(finding(), other), NOW + 2 * SECOND).notices) == 2
    assert deliver_all(ledger, "ops", NOW + 2 * SECOND) == ["firing"]
    holder.execute("ROLLBACK")
    holder.close()
    assert not passed(ledger, found(finding(), other), NOW + 2 * MINUTE).notices
    assert ledger.fault == ""
    assert deliver_all(ledger, "ops", NOW + 2 * MINUTE) == []
    assert deliver_all(ledger, "phone", NOW + 2 * MINUTE) == ["firing", "firing"]
    ledger.close()


def test_what_others_did_while_we_were_in_memory_stays(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()))
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    passed(ledger, found(finding(), finding("Rejected")), NOW + SECOND)
    holder.execute("ROLLBACK")
    holder.close()
    other = Ledger(tmp_path)
    made = silence(other, [parse_matcher("profile=x")], "ann", "", timedelta(hours=1), NOW + 2 * SECOND)
    other.close()
    passed(ledger, found(finding(), finding("Rejected")), NOW + 2 * MINUTE)
    book, silences = ledger.book()
    assert silences == (made,)
    assert {alert.finding.name for alert in book.alerts.values()} == {"Expired", "Rejected"}
    ledger.close()


def test_a_row_of_another_release_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()))
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("INSERT INTO alerts VALUES ('x', '{\"finding\": 1}')")
        other.execute("UPDATE outbox SET document = '[]' WHERE channel = 'ops'")
        other.execute("UPDATE meta SET value = value + 1 WHERE key = 'revision'")
    other.close()
    assert set(ledger.book()[0].alerts) == {finding().identity}
    assert deliver_all(ledger, "ops") == []
    assert deliver_all(ledger, "phone") == ["firing"]
    ledger.close()


def test_an_unchanged_book_is_written_only_now_and_then(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(finding()))
    passed(ledger, found(finding()), NOW + SECOND)
    stamp = (tmp_path / FILE_NAME).stat().st_mtime_ns
    for seconds in range(15, 300, 15):
        passed(ledger, found(finding()), NOW + seconds * SECOND)
    assert (tmp_path / FILE_NAME).stat().st_mtime_ns == stamp
    ledger.close()


def test_threads_share_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    passed(ledger, found(*(replace(finding(profile=f"anthropic:{number}"), cause=str(number)) for number in range(40))))
    taken: list[str] = []

    def work() -> None:
        taken.extend(deliver_all(ledger, "ops"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == ["firing"] * 40
    ledger.close()
