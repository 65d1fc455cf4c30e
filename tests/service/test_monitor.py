"""Edge. Passes over real homes, with the clock turned by hand."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from exporter.chronicle import subject_of
from exporter.journal import FILE_NAME
from exporter.metrics.families import render
from exporter.model import Secret
from exporter.monitor import Clocks, Monitor
from exporter.settings import Metrics, Read, Settings
from exporter.verdict import ProfileVerdict
from tests.metrics.shown import HOUR, NOW


@dataclass
class Clock:
    at: datetime = NOW
    ticks: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.ticks


@dataclass
class House:
    """A home with one gateway, and a monitor over it."""

    home: Path
    clock: Clock = field(default_factory=Clock)

    @property
    def store(self) -> Path:
        return self.home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json"

    def write(self, **profiles: dict[str, object]) -> None:
        self.store.parent.mkdir(parents=True, exist_ok=True)
        tree = {"version": 1, "profiles": {name.replace("_", ":"): value for name, value in profiles.items()}}
        draft = self.store.with_suffix(".draft")
        draft.write_text(json.dumps(tree), encoding="utf-8")
        draft.chmod(0o600)
        draft.replace(self.store)

    def monitor(self, settings: Settings | None = None) -> Monitor:
        environ = {"HOME": str(self.home), "STATE_DIRECTORY": str(self.home / "state")}
        return Monitor(settings or Settings(), environ, self.home, Clocks(self.clock.now, self.clock.monotonic))


def token(ends: datetime | None = None, secret: str = "sk-ant-fake-0123456789") -> dict[str, object]:
    expires = {"expires": int(ends.timestamp() * 1000)} if ends else {}
    return {"type": "token", "provider": "anthropic", "token": secret, **expires}


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    (tmp_path / ".openclaw").mkdir()
    (tmp_path / ".openclaw" / "openclaw.json").write_text("{}", encoding="utf-8")
    made.write(anthropic_a=token())
    return made


def only(monitor: Monitor) -> ProfileVerdict:
    profiles = monitor.look().snapshot.all_profiles()
    assert len(profiles) == 1
    return profiles[0]


def test_nothing_is_claimed_before_the_first_pass(house: House) -> None:
    look = house.monitor().look()
    assert not look.ready
    assert look.snapshot.gateways == ()


def test_a_sweep_reads_only_when_something_changed(house: House) -> None:
    monitor = house.monitor()
    assert monitor.sweep()
    old = time.time() - 60
    os.utime(house.store, (old, old))
    monitor.full_pass()
    time.sleep(0.01)
    house.write(anthropic_a=token(), anthropic_b=token())
    assert monitor.sweep()
    assert len(monitor.look().snapshot.all_profiles()) == 2


def test_an_unchanged_pass_keeps_the_very_verdicts(house: House) -> None:
    monitor = house.monitor()
    monitor.full_pass()
    monitor.full_pass()
    before = monitor.look().snapshot
    house.clock.at += timedelta(seconds=15)
    monitor.full_pass()
    after = monitor.look().snapshot
    assert after.at > before.at
    assert after.gateways[0].agents[0] is before.gateways[0].agents[0]


def test_a_date_that_passes_changes_the_verdict_and_its_instant_is_known_before(house: House) -> None:
    house.write(anthropic_a=token(NOW + HOUR))
    monitor = house.monitor()
    assert monitor.full_pass().until == NOW + HOUR
    assert only(monitor).health == "expiring"
    house.clock.at = NOW + HOUR
    monitor.full_pass()
    assert only(monitor).health == "expired"


def test_since_when_survives_a_restart(house: House) -> None:
    first = house.monitor()
    first.full_pass()
    first.close()
    house.clock.at += HOUR
    second = house.monitor()
    second.full_pass()
    assert only(second).first_seen_at == NOW
    second.close()


def test_what_changed_survives_a_restart_and_names_what_happened_meanwhile(house: House) -> None:
    house.write(anthropic_a=token(NOW + HOUR))
    first = house.monitor()
    first.full_pass()
    house.clock.at += 2 * HOUR
    first.full_pass()
    subject = subject_of(only(first))
    told = first.look().chronicle.changes(subject)
    assert [(change.what, change.after) for change in told][:1] == [("health", "expired")]
    first.close()
    house.write(anthropic_a=token(NOW + 9 * HOUR, "sk-ant-fake-9876543210"))
    house.clock.at += HOUR
    second = house.monitor()
    second.full_pass()
    again = second.look().chronicle
    assert again.since == NOW
    assert again.changes(subject)[: len(told)] == told
    assert {"credential", "health"} <= {change.what for change in again.changes(subject)[len(told) :]}
    second.close()


def test_without_a_place_of_its_own_what_changed_lasts_as_long_as_the_process(house: House) -> None:
    homeless = Monitor(Settings(), {}, house.home, Clocks(house.clock.now, house.clock.monotonic))
    house.write(anthropic_a=token(NOW + HOUR))
    homeless.full_pass()
    house.clock.at += 2 * HOUR
    homeless.full_pass()
    assert homeless.look().chronicle.changes(subject_of(only(homeless)))
    assert not list(house.home.rglob(FILE_NAME))
    homeless.close()


def test_a_replaced_credential_is_dated_in_the_same_pass(house: House) -> None:
    monitor = house.monitor()
    monitor.full_pass()
    assert only(monitor).changed_at is None
    house.clock.at += HOUR
    house.write(anthropic_a=token(secret="sk-ant-fake-another-value"))
    monitor.full_pass()
    assert only(monitor).changed_at == NOW + HOUR


def test_a_clock_before_our_last_write_holds_the_verdicts(house: House) -> None:
    house.write(anthropic_a=token(NOW + 2 * HOUR))
    monitor = house.monitor()
    monitor.full_pass()
    house.clock.at = NOW + 3 * HOUR
    monitor.full_pass()
    assert only(monitor).health == "expired"
    house.clock.at = NOW
    monitor.full_pass()
    assert only(monitor).health == "expired"
    assert "our own last write" in monitor.look().snapshot.clock_held
    house.clock.at = NOW + 3 * HOUR
    monitor.full_pass()
    assert monitor.look().snapshot.clock_held == ""


def test_no_secret_is_in_the_journal(house: House) -> None:
    monitor = house.monitor()
    monitor.full_pass()
    monitor.close()
    kept = (house.home / "state" / FILE_NAME).read_bytes()
    assert b"anthropic:a" in kept
    assert b"sk-ant" not in kept


def test_a_journal_that_cannot_be_had_is_told_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    (house.home / "state").touch()
    with caplog.at_level(logging.INFO, "exporter"):
        monitor = house.monitor()
        monitor.full_pass()
        monitor.full_pass()
    assert [record.getMessage() for record in caplog.records].count("journal_in_memory_only") == 1
    assert only(monitor).first_seen_at == NOW


def test_a_problem_is_told_when_it_comes_and_when_all_are_gone(house: House, caplog: pytest.LogCaptureFixture) -> None:
    monitor = house.monitor()
    with caplog.at_level(logging.INFO, "exporter"):
        house.store.write_text("{", encoding="utf-8")
        monitor.full_pass()
        monitor.full_pass()
        house.write(anthropic_a=token())
        monitor.full_pass()
    told = [record.getMessage() for record in caplog.records]
    assert told.count("problem") == 1
    assert told[-1] == "no_more_problems"


def test_no_gateway_is_told_with_the_places(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "exporter"):
        House(tmp_path).monitor().full_pass()
    told = next(record for record in caplog.records if record.getMessage() == "no_gateway_found")
    assert ".openclaw" in str(getattr(told, "fields", {}))


def test_health_follows_the_tasks(house: House) -> None:
    monitor = house.monitor()
    house.clock.ticks += 44
    assert monitor.look().fault == ""
    house.clock.ticks += 2
    assert "46 s" in monitor.look().fault
    monitor.book.count("sweep", "ok", NOW, 0.1)
    assert monitor.look().fault == ""


def test_a_slow_interval_is_waited_for(house: House) -> None:
    monitor = house.monitor(replace(Settings(), read=Read(interval=timedelta(minutes=5))))
    house.clock.ticks += 14 * 60
    assert monitor.look().fault == ""


def test_other_settings_are_adopted(house: House) -> None:
    monitor = house.monitor()
    monitor.full_pass()
    house.clock.at += HOUR
    monitor.reload_successful = False
    web = replace(Settings().web, bearer_token=Secret("x"))
    monitor.adopt(replace(Settings(), web=web))
    assert monitor.settings.web is web
    page = render(monitor.look().snapshot, NOW, monitor.look().counters).decode()
    assert "model_auth_exporter_config_last_reload_successful 1" in page
    assert f"success_timestamp_seconds {int((NOW + HOUR).timestamp())}" in page
    monitor.full_pass()
    assert only(monitor).profile == "anthropic:a"


def test_the_textfile_is_written(house: House) -> None:
    target = house.home / "out.prom"
    monitor = house.monitor(replace(Settings(), metrics=Metrics(textfile=target)))
    monitor.full_pass()
    monitor.export()
    assert "model_auth_exporter_run_timestamp_seconds" in target.read_text(encoding="utf-8")


def test_a_subject_whose_store_is_down_is_not_forgotten(house: House) -> None:
    first = house.monitor()
    first.full_pass()
    first.close()
    house.store.write_text("{", encoding="utf-8")
    house.clock.at += HOUR
    second = house.monitor()
    second.full_pass()
    second.close()
    house.write(anthropic_a=token())
    third = house.monitor()
    third.full_pass()
    assert only(third).first_seen_at == NOW
    third.close()
