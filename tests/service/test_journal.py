"""Edge. The journal: what it keeps, and that it leaves alone what it cannot use."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from exporter.journal import FILE_NAME, Journal, state_directory
from exporter.judging.history import History, Remembered, Subject

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Subject("openclaw", "main", "anthropic", "anthropic:ann")
BOB = Subject("openclaw", "main", "anthropic", "anthropic:bob")


def history(journal: Journal, *subjects: Subject) -> History:
    remembered = Remembered(NOW - HOUR, "abc", NOW, NOW - 2 * HOUR, None, NOW)
    return History(journal.history.salt, MappingProxyType(dict.fromkeys(subjects, remembered)))


def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    kept = history(first, ANN, BOB)
    first.save(kept, NOW)
    first.close()
    second = Journal(tmp_path)
    assert second.fault == ""
    assert second.history == kept
    assert second.written_at == NOW
    second.close()


def test_a_subject_that_is_gone_leaves_the_file(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    first.save(history(first, ANN, BOB), NOW)
    first.save(history(first, BOB), NOW + HOUR)
    first.close()
    second = Journal(tmp_path)
    assert set(second.history.subjects) == {BOB}
    second.close()


def test_an_unchanged_history_is_written_only_now_and_then(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    same = history(journal, ANN)
    journal.save(same, NOW)
    journal.save(same, NOW + timedelta(seconds=15))
    assert journal.written_at == NOW
    journal.save(same, NOW + HOUR)
    assert journal.written_at == NOW + HOUR
    journal.close()


def test_directory_and_file_are_for_their_owner_only(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a" / "b")
    journal.close()
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b" / FILE_NAME).stat().st_mode) == 0o600


def _garbage(file: Path) -> None:
    file.write_bytes(b"this is no database, and it is long enough to be sure of that" * 20)


def _newer(file: Path) -> None:
    Journal(file.parent).close()
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()


def _foreign(file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()


def _half(file: Path) -> None:
    Journal(file.parent).close()
    file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2])


def _without_salt(file: Path) -> None:
    Journal(file.parent).close()
    with sqlite3.connect(file) as other:
        other.execute("DELETE FROM meta")
    other.close()


def _link(file: Path) -> None:
    (file.parent / "elsewhere").touch()
    file.symlink_to(file.parent / "elsewhere")


@pytest.mark.parametrize("damage", [_garbage, _newer, _foreign, _half, _without_salt, _link], ids=lambda damage: damage.__name__.strip("_"))
def test_a_file_that_cannot_be_used_is_left_alone(tmp_path: Path, damage: object) -> None:
    file = tmp_path / FILE_NAME
    assert callable(damage)
    damage(file)
    before = file.read_bytes()
    journal = Journal(tmp_path)
    assert FILE_NAME in journal.fault
    journal.save(history(journal, ANN), NOW)
    assert set(journal.history.subjects) == {ANN}
    journal.close()
    assert file.read_bytes() == before


def test_a_locked_file_is_not_waited_for_long(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert "locked" in Journal(tmp_path).fault
    holder.execute("ROLLBACK")
    holder.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_keeps_the_memory(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "Permission denied" in Journal(tmp_path / "closed").fault


def test_a_place_that_is_no_directory_keeps_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file")
    assert journal.fault
    journal.save(history(journal, ANN), NOW)
    assert set(journal.history.subjects) == {ANN}


def test_a_write_that_fails_is_told_and_made_good_by_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    holder = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, timeout=0)
    holder.execute("BEGIN EXCLUSIVE")
    first = history(journal, ANN)
    journal.save(first, NOW)
    assert "locked" in journal.fault
    assert journal.history is first
    holder.execute("ROLLBACK")
    holder.close()
    journal.save(first, NOW)
    assert journal.fault == ""
    journal.close()
    again = Journal(tmp_path)
    assert set(again.history.subjects) == {ANN}
    again.close()


def test_the_salt_is_made_once_and_stays(tmp_path: Path) -> None:
    salts = set()
    for _ in range(2):
        journal = Journal(tmp_path)
        salts.add(journal.history.salt)
        journal.close()
    assert len(salts) == 1
    assert len(salts.pop()) == 32
    assert Journal(None).history.salt != Journal(None).history.salt


@pytest.mark.parametrize(
    ("configured", "environ", "found"),
    [
        (Path("/x"), {"STATE_DIRECTORY": "/y", "HOME": "/h"}, Path("/x")),
        (None, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "HOME": "/h"}, Path("/var/lib/a")),
        (None, {"XDG_STATE_HOME": "/s", "HOME": "/h"}, Path("/s/model-auth-exporter")),
        (None, {"XDG_STATE_HOME": "relative", "HOME": "/h"}, Path("/h/.local/state/model-auth-exporter")),
        (None, {}, None),
    ],
    ids=["setting", "systemd", "xdg", "home", "nothing"],
)
def test_the_state_directory_is_found_in_order(configured: Path | None, environ: dict[str, str], found: Path | None) -> None:
    assert state_directory(configured, environ) == found
