"""Edge. Alertmanager as a channel: what is forwarded, and a real one that groups, de-duplicates and resolves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.alarm import Alarm
from exporter.delivery.alertmanager import RESEND_EVERY, AlertmanagerCarrier
from exporter.delivery.carrier import DeliveryError
from exporter.finding import Severity
from exporter.journal.desk import silence
from exporter.model import Secret
from exporter.settings import Channel, Settings
from exporter.settings import Web as Pages
from tests.alarm.matters import NOW, PROMPT, SECOND, finding, found
from tests.delivery.servers import Got, Web, web
from tests.delivery.test_sender import Clock
from tests.running import fetch, free_port, started, until


def alarm(directory: Path, clock: Callable[[], datetime], *peers: str) -> Alarm:
    channel = Channel(name="am", alertmanager=tuple(map(Secret, peers)), timeout=5 * SECOND)
    pages = Pages(external_url="https://monitor.example/", runbook_base_url="https://runbooks.example/")
    return Alarm(Settings(channels=(channel,), alerts=PROMPT, host="box", web=pages), {}, clock, directory)


def posted(server: Web) -> list[list[dict[str, Any]]]:
    return [json.loads(got.body) for got in server.got]


def test_an_alert_is_told_resent_and_ended(tmp_path: Path) -> None:
    clock = Clock()
    with web() as server:
        alerting = alarm(tmp_path, clock, f"http://{server.address}/prefix/")

        def passes(seen: object, seconds: int, every: int = 15) -> None:
            for _ in range(0, seconds, every):
                alerting.decide(seen, clock.now)  # type: ignore[arg-type]  # what was found
                alerting.deliver()
                clock.now += every * SECOND

        passes(found(finding()), 150)
        assert len(server.got) == 3  # at once, then each minute
        first = posted(server)[0][0]
        assert server.got[0].path == "/prefix/api/v2/alerts"
        assert first["labels"] == {
            "alertname": "ModelAuthExpired", "severity": "critical", "gateway": "openclaw", "agent": "main", "provider": "anthropic",
            "profile": "anthropic:work", "host": "box", "origin": "sidecar",
        }  # fmt: skip
        assert first["startsAt"] == "2026-11-20T12:00:00.000Z"
        assert first["endsAt"] == "2026-11-20T12:04:00.000Z"
        assert "anthropic:work has expired" in first["annotations"]["summary"]
        assert "openclaw models auth login" in first["annotations"]["fix"]
        assert first["annotations"]["runbook_url"] == "https://runbooks.example/ModelAuthExpired.md"
        assert first["generatorURL"] == "https://monitor.example/"
        ended_at = clock.now
        passes(found(), 30)
        over = posted(server)[3][0]
        assert datetime.fromisoformat(over["endsAt"]) == ended_at
        passes(found(), 30 * 60)
        told = len(server.got)
        assert 15 <= told - 4 <= 20  # for a quarter of an hour
        passes(found(), 300)
        assert len(server.got) == told
        alerting.close()


def test_words_do_not_change_with_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    with web() as server:
        alerting = alarm(tmp_path, clock, f"http://{server.address}")
        for _ in range(5):
            alerting.decide(found(finding(what="expired: since")), clock.now)
            alerting.deliver()
            clock.now += 61 * SECOND
        alerting.close()
        assert len({json.dumps({**alert, "endsAt": ""}) for batch in posted(server) for alert in batch}) == 1


def test_an_end_survives_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    with web() as server:
        for seen in (found(finding()), found()):
            alerting = alarm(tmp_path, clock, f"http://{server.address}")
            alerting.decide(seen, clock.now)
            if seen.findings:
                alerting.deliver()
            alerting.close()  # it dies before it tells of the end
            clock.now += 60 * SECOND
        alerting = alarm(tmp_path, clock, f"http://{server.address}")
        alerting.deliver()
        alerting.close()
        assert datetime.fromisoformat(posted(server)[-1][0]["endsAt"]) < clock.now


@pytest.mark.parametrize(
    ("change", "told"),
    [({"severity": Severity.INFO}, False), ({"name": "DeliveryFailing", "detail": "am"}, False), ({"name": "Rejected"}, True)],
    ids=["a severity it does not get", "its own failure", "what it gets"],
)
def test_it_gets_what_its_channel_takes(tmp_path: Path, change: dict[str, object], told: bool) -> None:
    with web() as server:
        alerting = alarm(tmp_path, Clock(), f"http://{server.address}")
        alerting.decide(found(finding(**change)), NOW)  # type: ignore[arg-type]  # a test's own words
        alerting.deliver()
        alerting.close()
        assert bool(server.got) is told


def test_what_is_silenced_is_not_told_and_ends_where_it_was(tmp_path: Path) -> None:
    clock = Clock()
    with web() as server:
        alerting = alarm(tmp_path, clock, f"http://{server.address}")
        alerting.decide(found(finding()), clock.now)
        alerting.deliver()
        from exporter.alerting.alert import parse_matcher

        silence(alerting.ledger, [parse_matcher("name=Expired")], "ann", "", timedelta(hours=1), clock.now)
        clock.now += 60 * SECOND
        alerting.decide(found(finding()), clock.now)
        alerting.deliver()
        alerting.close()
        assert datetime.fromisoformat(posted(server)[-1][0]["endsAt"]) <= clock.now


def test_every_peer_is_told_and_one_that_is_away_is_no_failure(tmp_path: Path) -> None:
    clock = Clock()
    with web() as one, web() as two:
        alerting = alarm(tmp_path, clock, f"http://{one.address}", f"http://127.0.0.1:{free_port()}", f"http://{two.address}")
        alerting.decide(found(finding()), clock.now)
        alerting.deliver()
        assert (len(one.got), len(two.got)) == (1, 1)
        assert alerting.ledger.standings()["am"].failing_since is None
        assert alerting.channels.counts()[("am", "delivered")] == 1
        alerting.close()


def test_when_all_refuse_it_fails_and_is_tried_again(tmp_path: Path) -> None:
    clock = Clock()
    status = [503]
    with web(lambda got: status[0]) as server:
        alerting = alarm(tmp_path, clock, f"http://{server.address}")
        alerting.decide(found(finding()), clock.now)
        alerting.deliver()
        assert alerting.ledger.standings()["am"].reason.startswith("it answered 503")
        status[0] = 200
        clock.now += timedelta(minutes=1)
        alerting.deliver()
        assert alerting.ledger.standings()["am"].failing_since is None
        alerting.close()


def test_a_reason_shows_no_login() -> None:
    def echo(got: Got) -> int:
        return 401

    with web(echo) as server, pytest.raises(DeliveryError) as caught:
        AlertmanagerCarrier((Secret(f"http://ann:s3cret-canary@{server.address}/"),)).tell([{}], 5)
    assert "canary" not in caught.value.words


@contextmanager
def alertmanager(path: str, directory: Path, hook: str) -> Iterator[str]:
    """Run a real Alertmanager that tells a web hook at once."""
    directory.mkdir()
    config = directory / "config.yml"
    config.write_text(
        "route: {receiver: hook, group_by: [host, provider], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: 'http://{hook}/'}}]}}]\n"
    )
    address = f"127.0.0.1:{free_port()}"
    command = [
        path, f"--config.file={config}", f"--storage.path={directory / 'data'}", f"--web.listen-address={address}", "--cluster.listen-address=",
    ]  # fmt: skip
    with started(command, f"http://{address}", "/-/ready", directory / "log"):
        yield address


@pytest.mark.real
@pytest.mark.slow
def test_a_real_alertmanager_groups_deduplicates_and_resolves(program: Callable[..., str], tmp_path: Path) -> None:
    """Two replicas of one host send two alerts each: one message with two alerts, and one when both are over."""

    def now() -> datetime:
        return datetime.now(UTC)

    path = program("prometheus-alertmanager", "alertmanager")
    with web() as hook, alertmanager(path, tmp_path / "am", hook.address) as address:
        replicas = [alarm(tmp_path / name, now, f"http://{address}") for name in ("one", "two")]
        matters = [replace(finding("Rejected"), when=None), replace(finding(profile="anthropic:other"), when=None)]
        for replica in replicas:
            replica.decide(found(*matters), now())
            replica.deliver()
        alerts = json.loads(fetch(f"http://{address}/api/v2/alerts")[1])
        assert {alert["labels"]["alertname"] for alert in alerts} == {"ModelAuthRejected", "ModelAuthExpired"}
        assert len(alerts) == 2
        message = until("it is told", lambda: [json.loads(got.body) for got in hook.got])[0]
        assert (message["status"], len(message["alerts"])) == ("firing", 2)
        for replica in replicas:
            replica.decide(found(), now())
            replica.deliver()
        over = until("it is over", lambda: [m for m in (json.loads(got.body) for got in hook.got) if m["status"] == "resolved"])[0]
        assert len(over["alerts"]) == 2
        assert len([got for got in hook.got if json.loads(got.body)["status"] == "firing"]) == 1
        for replica in replicas:
            replica.close()
    assert timedelta(minutes=1) == RESEND_EVERY
