"""Edge. The command channel: real programs."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.alerting.notice import Entry, Notice, NoticeKind
from exporter.delivery.carrier import DeliveryError, Outcome
from exporter.delivery.command import CommandCarrier
from exporter.finding import Severity
from tests.alarm.matters import NOW

NOTICE = Notice(
    "n1", "phone", NoticeKind.FIRING, Severity.CRITICAL, NOW, "-- $(touch nothing) 'quoted'", "plain", "**markdown**",
    entries=(Entry("e", "Expired", Severity.CRITICAL, "it expired", {"profile": "anthropic:a"}, since=NOW),), tags=("critical",),
)  # fmt: skip


def failure(command: tuple[str, ...], seconds: float = 10) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        CommandCarrier(command, os.environ).deliver(NOTICE, seconds)
    return caught.value


def test_it_gets_the_notice_as_json_and_nothing_passes_a_shell(tmp_path: Path) -> None:
    script = "import json,sys; open(sys.argv[1],'w').write(json.dumps([sys.argv[2:], json.load(sys.stdin)]))"
    out = tmp_path / "out"
    CommandCarrier((sys.executable, "-c", script, str(out), "{title}", "{text}", "x{title}", "{severity}"), os.environ).deliver(NOTICE, 10)
    arguments, said = json.loads(out.read_text())
    assert arguments == [NOTICE.title, "plain", "x{title}", "critical"]
    assert said["schema"] == 1
    assert (said["kind"], said["severity"], said["at"]) == ("firing", "critical", "2026-11-20T12:00:00Z")
    assert said["entries"][0]["labels"] == {"profile": "anthropic:a"}
    assert said["entries"][0]["since"] == "2026-11-20T12:00:00Z"
    assert not (tmp_path / "nothing").exists()


def test_a_program_that_reads_nothing_is_fine() -> None:
    CommandCarrier(("true",), os.environ).deliver(replace(NOTICE, plain="x" * 300_000), 10)


def test_its_failure_is_told_without_secrets() -> None:
    error = failure(("sh", "-c", "echo 'token=sk-canary-0123456789abcdef went wrong' >&2; exit 3"))
    assert "exit code 3" in error.words
    assert "went wrong" in error.words
    assert "canary" not in error.words
    assert (error.outcome, error.maybe) == (Outcome.FAILED, False)


def test_one_that_is_not_there_is_named() -> None:
    error = failure(("/nonexistent/program",))
    assert "/nonexistent/program" in error.words
    assert not error.retry


def test_one_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    began = time.monotonic()
    error = failure(("sh", "-c", f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"), 0.5)
    assert (error.outcome, error.maybe) == (Outcome.TIMEOUT, True)
    assert time.monotonic() - began < 5
    for pid in pids.read_text().split():
        deadline = time.monotonic() + 5
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_one_that_leaves_a_child_behind_is_not_waited_for() -> None:
    began = time.monotonic()
    CommandCarrier(("sh", "-c", "sleep 3 >/dev/null & exit 0"), os.environ).deliver(NOTICE, 10)
    assert timedelta(seconds=time.monotonic() - began) < timedelta(seconds=2.5)


def test_it_sees_no_variable_that_may_be_a_key(tmp_path: Path) -> None:
    out = tmp_path / "out"
    environ = {**os.environ, "OPENAI_API_KEY": "sk-canary", "CREDENTIALS_DIRECTORY": "/x"}
    CommandCarrier(("sh", "-c", f"env > {out}"), environ).deliver(NOTICE, 10)
    assert "canary" not in out.read_text()
    assert "CREDENTIALS" not in out.read_text()
    assert "PATH=" in out.read_text()
