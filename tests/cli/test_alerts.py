"""Edge. `alerts`: the commands people use on the book."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from exporter.alarm import Alarm
from exporter.settings import Settings
from tests.alarm.matters import PROMPT, finding, found
from tests.delivery.servers import web
from tests.delivery.test_sender import Clock
from tests.running import run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return settings whose book has one firing alert."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "config.yaml"
    path.write_text(f"host: box\nstate_dir: {tmp_path / 'state'}\n")
    alarm = Alarm(Settings(alerts=PROMPT), os.environ, Clock(), tmp_path / "state")
    alarm.decide(found(finding()), Clock().now)
    alarm.close()
    return path


def alerts(config: Path, *arguments: str) -> tuple[int, str, str]:
    ended = run("alerts", *arguments, "--config", str(config), home=config.parent / "home")
    return ended.returncode, ended.stdout, ended.stderr


def test_list_shows_what_fires(config: Path) -> None:
    code, out, _ = alerts(config, "list")
    heading, row = out.splitlines()
    assert code == 0
    assert heading.split()[:4] == ["ID", "STATE", "SEVERITY", "NAME"]
    assert row.split()[:4] == [finding().id, "firing", "critical", "Expired"]


def test_list_as_a_document(config: Path) -> None:
    _, out, _ = alerts(config, "list", "--json")
    alert = json.loads(out)["alerts"][0]
    assert (alert["id"], alert["state"], alert["labels"]["profile"]) == (finding().id, "firing", "anthropic:work")
    assert alert["fix"]["command"] == finding().fix.command


def test_nothing_is_said_so_and_begins_no_book(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    ended = run("alerts", "list", home=tmp_path / "home")
    assert (ended.returncode, ended.stdout) == (0, "nothing fires\n")
    assert run("alerts", "history", home=tmp_path / "home").stdout == "nothing was sent yet\n"
    assert not (tmp_path / "xdg-state").exists()


def test_silence_and_unsilence(config: Path) -> None:
    code, out, err = alerts(
        config, "silence", "provider=anthropic", 'profile=~".*:work"', "--for", "2h", "--author", "ann", "--comment", "move"
    )
    silence = out.strip()
    assert (code, len(silence)) == (0, 8)
    assert "covers 1" in err
    assert "ann" in alerts(config, "list")[1]
    assert alerts(config, "unsilence", silence)[0] == 0
    assert "move" not in alerts(config, "list")[1]
    assert alerts(config, "unsilence", silence)[0] == 64


def test_ack(config: Path) -> None:
    code, _, err = alerts(config, "ack", finding().id, "--author", "ann", "--comment", "on it")
    assert (code, "Expired" in err) == (0, True)
    assert "acknowledged by ann" in alerts(config, "list")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("silence", "nonsense", "--for", "1h"),
        ("silence", "colour=red", "--for", "1h"),
        ("silence", 'name=~"("', "--for", "1h"),
        ("silence", "name=x"),
        ("silence", "name=x", "--for", "0"),
        ("silence", "--for", "1h"),
        ("ack", "nosuch"),
        ("test", "nosuch"),
        ("tell", " "),
        ("history", "-n", "0"),
        (),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(config: Path, arguments: tuple[str, ...]) -> None:
    assert alerts(config, *arguments)[0] == 64


def test_a_book_that_cannot_be_used_is_a_70(config: Path) -> None:
    (config.parent / "state" / "journal.sqlite").write_bytes(b"no database at all, whatever its name says" * 50)
    for arguments in (("list",), ("ack", "x"), ("silence", "name=x", "--for", "1h")):
        code, _, err = alerts(config, *arguments)
        assert (code, "cannot be used" in err) == (70, True)


def test_test_shows_per_channel_what_happened(config: Path) -> None:
    with web() as fine, web(lambda got: 500) as broken:
        config.write_text(
            f"{config.read_text()}channels:\n"
            f"  - {{name: hook, url: 'json://{fine.address}/'}}\n"
            f"  - {{name: am, alertmanager: ['http://{fine.address}']}}\n"
            f"  - {{name: hc, heartbeat: 'http://{broken.address}/s3cret-canary'}}\n"
            "  - {name: sh, command: ['true']}\n"
        )
        code, out, _ = alerts(config, "test")
        rows = {line.split()[0]: line.split()[1] for line in out.splitlines()[1:]}
        assert (code, rows) == (70, {"hook": "delivered", "am": "delivered", "hc": "failed", "sh": "delivered"})
        assert "it answered 500" in out
        assert "canary" not in out
        assert alerts(config, "test", "hook", "sh")[0] == 0
        document = json.loads(alerts(config, "test", "hc", "--json")[1])
        assert document["channels"] == [{"channel": "hc", "outcome": "failed", "why": "it answered 500"}]
        titles = [json.loads(got.body)["title"] for got in fine.got if got.path == "/"]
        assert titles == ["[TEST] box · this channel works"] * 2
    lines = json.loads(alerts(config, "history", "--json")[1])["notices"]
    assert {line["channel"] for line in lines} == {"hook", "am", "hc", "sh"}
    assert "canary" in alerts(config, "history")[1]  # the kind of notice


def test_tell_says_on_every_channel_that_the_watch_has_failed(config: Path, tmp_path: Path) -> None:
    with web() as fine:
        config.write_text(
            f"{config.read_text()}channels:\n"
            f"  - {{name: hook, url: 'json://{fine.address}/'}}\n"
            f"  - {{name: am, alertmanager: ['http://{fine.address}']}}\n"
            f"  - {{name: hc, heartbeat: 'http://{fine.address}/beat'}}\n"
            f"  - {{name: sh, command: [tee, {tmp_path}/told]}}\n"
        )
        code, out, _ = alerts(config, "tell", "some.service: exit-code 70")
        assert (code, out.count("delivered")) == (0, 4)
        by_path = {got.path: got.body.decode() for got in fine.got}
    assert set(by_path) == {"/", "/api/v2/alerts", "/beat/fail"}
    assert json.loads(by_path["/"])["title"] == "[CRITICAL] box · the watch over the model logins has failed"
    assert json.loads(by_path["/api/v2/alerts"])[0]["labels"]["alertname"] == "ModelAuthExporterDown"
    assert all("some.service: exit-code 70" in body for body in by_path.values())
    told = json.loads((tmp_path / "told").read_text())
    assert (told["severity"], "some.service: exit-code 70" in told["plain"]) == ("critical", True)
