"""Edge. The dead man's switch: which pings come, and when."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from exporter.delivery.beats import Beats, Monitor
from exporter.delivery.carrier import DeliveryError
from exporter.delivery.heartbeat import Beat, ping
from exporter.delivery.sender import Tally
from exporter.journal.ledger import Ledger
from exporter.model import Secret
from tests.alarm.matters import NOW, SECOND
from tests.delivery.servers import Got, web
from tests.delivery.test_sender import Clock


def test_start_success_and_fail_have_their_paths() -> None:
    with web() as server:
        url = Secret(f"http://{server.address}/ping/uuid?x=y")
        for beat in (Beat.START, Beat.SUCCESS):
            ping(url, beat, 5)
        ping(url, Beat.FAIL, 5, "cannot deliver to ops")
        said = [(got.method, got.path, got.body) for got in server.got]
    assert said == [
        ("GET", "/ping/uuid/start?x=y", b""),
        ("GET", "/ping/uuid?x=y", b""),
        ("POST", "/ping/uuid/fail?x=y", b"cannot deliver to ops"),
    ]


def test_a_monitor_that_only_knows_successes_is_content() -> None:
    def plain(got: Got) -> int:
        return 200 if got.path == "/api/push/x" else 404

    with web(plain) as server:
        url = Secret(f"http://{server.address}/api/push/x")
        for beat in Beat:
            ping(url, beat, 5)
    with web(lambda got: 404) as server, pytest.raises(DeliveryError, match="404"):
        ping(Secret(f"http://{server.address}/"), Beat.SUCCESS, 5)


def test_passes_become_at_most_four_pings_a_minute(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()
    with web() as server:
        beats = Beats([Monitor("hc", Secret(f"http://{server.address}/x"), 5 * SECOND)], ledger, Tally(), clock)
        for _ in range(0, 600, 15):
            beats.begun(clock.now)
            beats.done(clock.now)
            beats.send()
            clock.now += 15 * SECOND
        paths = [got.path for got in server.got]
    assert paths[:2] == ["/x/start", "/x"]
    assert 10 * 2 <= len(paths) <= 10 * 4
    assert paths.count("/x/start") == 10
    ledger.close()


def test_what_is_wrong_is_told_at_once_and_so_is_its_end(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()
    with web() as server:
        beats = Beats([Monitor("hc", Secret(f"http://{server.address}/x"), 5 * SECOND)], ledger, Tally(), clock)
        for wrong in ("", "cannot deliver to ops", ""):
            beats.done(clock.now, wrong)
            beats.send()
            clock.now += SECOND
        assert [got.path for got in server.got] == ["/x", "/x/fail", "/x"]
    ledger.close()


def test_a_monitor_that_is_away_is_noted_and_later_is_not(tmp_path: Path) -> None:
    ledger, clock = Ledger(tmp_path), Clock()
    status = [500]
    with web(lambda got: status[0]) as server:
        beats = Beats([Monitor("hc", Secret(f"http://{server.address}/x"), 5 * SECOND)], ledger, Tally(), clock)
        beats.done(clock.now)
        beats.send()
        assert ledger.standings()["hc"].failing_since == NOW
        status[0] = 200
        clock.now += timedelta(minutes=1)
        beats.done(clock.now)
        beats.send()
        assert ledger.standings()["hc"].failing_since is None
    ledger.close()
