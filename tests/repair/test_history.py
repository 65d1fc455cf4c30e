"""Edge. Every change is on record: who, when, what; never the secret."""

from __future__ import annotations

import getpass
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.journal import Journal
from exporter.journal.changes import KEPT, Change, Unrecorded, changes, record
from exporter.journal.file import FILE_NAME, opened, transaction
from tests.repair.driving import TOKEN, Driver
from tests.repair.test_terminal import json_home

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PASTED = Change(NOW, "ann", "paste-token", "openclaw", "main", "anthropic", ("anthropic:work",), "file")


def test_repairs_are_listed_with_whom_and_what_newest_first(driver: Driver) -> None:
    json_home(driver.home, {})
    assert driver.run("auth", "history").out == "nothing was changed yet\n"
    assert driver.run("auth", "paste-token", "--provider", "anthropic", piped=f"{TOKEN}\n").code == 0
    assert driver.run("auth", "order", "set", "--provider", "anthropic", "anthropic:manual").code == 0
    assert driver.run("auth", "order", "clear", "--provider", "anthropic").code == 0
    listed = driver.run("auth", "history")
    assert [line.split()[-4:] for line in listed.out.splitlines()[1:]] == [
        ["clear", "openclaw/main", "anthropic", "file"],
        ["set", "openclaw/main", "anthropic:manual", "file"],
        ["paste-token", "openclaw/main", "anthropic:manual", "file"],
    ]
    (newest,) = json.loads(driver.run("auth", "history", "--json", "-n", "1").out)["changes"]
    assert newest["action"] == "order clear"
    assert getpass.getuser() in newest["who"]
    assert b"CANARY" not in (driver.home / "our-state/model-auth-exporter" / FILE_NAME).read_bytes()


def test_what_is_refused_is_no_change(driver: Driver) -> None:
    json_home(driver.home, {})
    assert driver.run("auth", "paste-token", "--provider", "anthropic", piped="short\n").code == 1
    assert driver.run("auth", "history").out == "nothing was changed yet\n"


def test_a_change_stands_although_it_cannot_be_recorded_and_that_is_said(driver: Driver) -> None:
    store = json_home(driver.home, {})
    (driver.home / "our-state").write_text("in the way")
    ran = driver.run("auth", "paste-token", "--provider", "anthropic", piped=f"{TOKEN}\n")
    assert ran.code == 0
    assert "the change is not recorded: " in ran.err
    assert json.loads(store.read_text())["profiles"]["anthropic:manual"]["token"] == TOKEN


def test_without_a_place_nothing_is_recorded() -> None:
    with pytest.raises(Unrecorded, match="no state directory"):
        record(None, PASTED)


def test_a_record_lies_in_the_journal_and_disturbs_nothing_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    salt = journal.history.salt
    record(tmp_path, PASTED)
    journal.save(journal.history, NOW)
    assert journal.fault == ""
    journal.close()
    assert changes(tmp_path, 10) == (PASTED,)
    again = Journal(tmp_path)
    assert again.history.salt == salt
    again.close()


def test_the_oldest_are_let_go(tmp_path: Path) -> None:
    record(tmp_path, PASTED)
    file = opened(tmp_path)
    with transaction(file):
        file.executemany(
            "INSERT INTO changes (at_ms, who, action, gateway, agent, provider, profiles, how) VALUES (?, 'a', 'b', 'c', 'd', 'e', '[]', 'f')",
            [(number,) for number in range(KEPT)],
        )
    file.close()
    record(tmp_path, Change(NOW + timedelta(hours=1), "bob", "order set", "openclaw", "main", "anthropic", (), "file"))
    kept = changes(tmp_path, 2 * KEPT)
    assert len(kept) == KEPT
    assert kept[0].who == "bob"
    assert PASTED not in kept


def test_a_file_of_another_user_stays_usable_for_them(tmp_path: Path) -> None:
    record(tmp_path, PASTED)
    owner = 1234 if os.geteuid() == 0 else os.geteuid()
    for path in (tmp_path, tmp_path / FILE_NAME):
        os.chown(path, owner, -1)
    record(tmp_path, PASTED)
    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {owner}
    assert len(changes(tmp_path, 10)) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory of somebody else")
def test_no_file_is_made_in_a_directory_of_another_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, -1)
    with pytest.raises(Unrecorded, match="another user"):
        record(tmp_path, PASTED)
    assert list(tmp_path.iterdir()) == []
