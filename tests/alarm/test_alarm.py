"""Edge. Alerting as a whole: failing channels told to the others, canaries, who speaks, memory-only operation."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from exporter.alarm import Alarm, Facts
from exporter.alerting.alert import AlertState
from exporter.findings.context import Ourselves
from exporter.journal.file import FILE_NAME
from exporter.journal.speaking import FILE_NAME as LOCK_NAME
from exporter.journal.speaking import Instance, Kind, Speaker, instance
from exporter.settings import INSTANCE_HEADER, Channel, Settings
from exporter.verdict import Snapshot
from tests.alarm.matters import NOW, PROMPT, SECOND, finding, found
from tests.delivery.test_sender import Clock

NOBODY_ELSE = Facts(ourselves=Ourselves())


def writes(name: str, path: Path, **more: object) -> Channel:
    """A channel that appends what it gets to a file."""
    return Channel(name=name, command=("sh", "-c", f"cat >> {path}; echo >> {path}"), gap=timedelta(0), **more)  # type: ignore[arg-type]


def fails(name: str) -> Channel:
    return Channel(name=name, command=("sh", "-c", "echo no such luck >&2; exit 1"), gap=timedelta(0))


def alarm(directory: Path | None, clock: Clock, *channels: Channel, **alerts: object) -> Alarm:
    settings = Settings(channels=channels, alerts=replace(PROMPT, **alerts), host="box")  # type: ignore[arg-type]
    return Alarm(settings, os.environ, clock, directory)


def heard(path: Path) -> list[str]:
    return [json.loads(line)["title"] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_channel_that_fails_for_long_is_told_to_the_others_and_so_is_its_recovery(tmp_path: Path) -> None:
    clock, box, broken = Clock(), tmp_path / "box", tmp_path / "broken"
    broken.touch()
    ops = Channel(name="ops", command=("sh", "-c", f"test ! -e {broken}"), gap=timedelta(0))
    alerting = alarm(tmp_path, clock, ops, writes("phone", box))
    alerting.decide(found(finding()), clock.now)
    for _ in range(15):
        alerting.deliver()
        alerting.pass_done(Snapshot(clock.now), clock.now, NOBODY_ELSE)
        clock.now += 60 * SECOND
    alerting.deliver()
    titles = [title for title in heard(box) if "cannot deliver" in title]
    assert len(titles) == 1
    assert titles[0].startswith("[CRITICAL] box · model-auth-exporter cannot deliver to channel ops")
    assert not any("DeliveryFailing" in notice.names() for notice in alerting.ledger.waiting() if notice.channel == "ops")
    broken.unlink()
    for _ in range(15):
        alerting.deliver()
        alerting.pass_done(Snapshot(clock.now), clock.now, NOBODY_ELSE)
        clock.now += 60 * SECOND
    alerting.deliver()
    assert any(title.startswith("[RESOLVED]") and "DeliveryFailing" in title for title in heard(box))
    assert alerting.ledger.depth().notices == 0
    alerting.close()


def test_a_reason_is_kept_and_counted(tmp_path: Path) -> None:
    alerting = alarm(tmp_path, Clock(), fails("ops"))
    alerting.decide(found(finding()), NOW)
    assert alerting.depth.notices == 1
    alerting.deliver()
    assert [line.reason for line in alerting.ledger.lines()] == ["ended with exit code 1: no such luck"]
    assert alerting.channels.counts() == {("ops", "delivered"): 0, ("ops", "failed"): 1, ("ops", "timeout"): 0}
    assert alerting.depth.notices == 1
    alerting.close()


def test_a_canary_comes_when_it_is_due(tmp_path: Path) -> None:
    clock, box = Clock(), tmp_path / "box"
    alerting = alarm(tmp_path, clock, writes("ops", box), canary_every=timedelta(hours=24))
    for _ in range(50):
        alerting.decide(found(), clock.now)
        alerting.deliver()
        clock.now += timedelta(hours=1)
    assert [title.partition("]")[0] for title in heard(box)] == ["[TEST"] * 3
    alerting.close()


def test_findings_are_counted_by_name_and_severity(tmp_path: Path) -> None:
    alerting = alarm(tmp_path, Clock())
    alerting.found = found(finding(), finding(profile="anthropic:b"), finding("Rejected"))
    assert alerting.findings() == {("Expired", "critical"): 2, ("Rejected", "critical"): 1}
    alerting.close()


def test_a_book_in_memory_tells_and_says_so(tmp_path: Path) -> None:
    clock, box = Clock(), tmp_path / "box"
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / FILE_NAME) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    alerting = alarm(tmp_path / "state", clock, writes("ops", box))
    alerting.pass_done(Snapshot(clock.now), clock.now, NOBODY_ELSE)
    alerting.deliver()
    assert "is kept in memory only" in box.read_text()
    assert "another program" in alerting.ledger.fault
    alerting.close()


def test_other_settings_are_taken_over_without_losing_what_waits(tmp_path: Path) -> None:
    clock, box = Clock(), tmp_path / "box"
    alerting = alarm(tmp_path, clock, fails("ops"))
    alerting.decide(found(finding()), clock.now)
    alerting.deliver()
    alerting.adopt(Settings(channels=(writes("ops", box),), alerts=PROMPT, host="box"))
    clock.now += timedelta(minutes=1)
    alerting.deliver()
    assert len(heard(box)) == 1
    alerting.close()


def test_a_channel_that_is_gone_from_the_settings_keeps_nothing_open(tmp_path: Path) -> None:
    clock, box = Clock(), tmp_path / "box"
    alerting = alarm(tmp_path, clock, writes("ops", box), writes("old", box))
    alerting.decide(found(finding()), clock.now)
    alerting.adopt(Settings(channels=(writes("ops", box),), alerts=PROMPT, host="box"))
    for _ in range(3):
        clock.now += timedelta(minutes=1)
        alerting.decide(found(), clock.now)
    assert not alerting.ledger.book()[0].alerts
    alerting.close()


def test_one_speaks_and_the_other_takes_over_when_it_is_gone(tmp_path: Path) -> None:
    clock, box = Clock(), tmp_path / "box"
    first, second = (alarm(tmp_path, clock, writes("ops", box)) for _ in range(2))
    first.decide(found(finding()), clock.now)
    second.decide(found(finding(), finding("Rejected")), clock.now)
    second.deliver()
    assert not heard(box)
    first.deliver()
    assert len(heard(box)) == 1
    first.close()
    second.decide(found(finding(), finding("Rejected")), clock.now)
    second.deliver()
    assert len(heard(box)) == 2
    book, _ = second.ledger.book()
    assert {alert.state for alert in book.alerts.values()} == {AlertState.FIRING}
    second.close()


def test_who_left_cleanly_leaves_no_name(tmp_path: Path) -> None:
    speaker = Speaker(tmp_path, instance(Kind.SERVE, "127.0.0.1:1"))
    assert speaker.take() is None
    assert speaker.take() is None
    other = Speaker(tmp_path, instance(Kind.CHECK))
    held = other.take()
    assert held is not None
    assert (held.kind, held.pid, held.listen) == (Kind.SERVE, os.getpid(), "127.0.0.1:1")
    speaker.leave()
    assert (tmp_path / LOCK_NAME).read_text() == ""
    assert other.take() is None
    other.leave()


@pytest.fixture
def told() -> Iterator[tuple[str, dict[str, str]]]:
    """Run something that answers /-/healthy with an instance id that the test sets."""
    header: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in header.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", header
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("kind", "id", "lives"), [(Kind.SERVE, "abc", True), (Kind.SERVE, "other", False), (Kind.CHECK, "abc", False)])
def test_where_locks_do_not_work_the_address_tells(
    tmp_path: Path, told: tuple[str, dict[str, str]], kind: Kind, id: str, lives: bool
) -> None:
    address, header = told
    header[INSTANCE_HEADER] = "abc"
    named = {"kind": kind.value, "id": id, "pid": 1, "listen": address}
    (tmp_path / LOCK_NAME).write_text(json.dumps(named))
    speaker = Speaker(tmp_path, instance(Kind.CHECK))
    assert (speaker.take() == Instance(kind, id, 1, address)) is lives
    speaker.leave()


@pytest.mark.parametrize("content", ["", "nonsense", "{}", '{"kind": "serve"}', '{"kind": "x", "id": "y", "pid": 1, "listen": ""}'])
def test_a_name_that_says_nothing_holds_nobody_up(tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK_NAME).write_text(content)
    speaker = Speaker(tmp_path, instance(Kind.CHECK))
    assert speaker.take() is None
    speaker.leave()
