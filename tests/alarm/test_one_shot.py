"""Edge. `check --notify` and a daemon on one book: who speaks, what is told once, what is told again."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.journal.file import FILE_NAME
from exporter.journal.speaking import FILE_NAME as LOCK_NAME
from exporter.settings import INSTANCE_HEADER
from tests.alarm.conftest import store
from tests.delivery.servers import Web, web
from tests.running import run, serving, until

Write = Callable[..., Path]
DOWN = 'model_auth_findings{name="ProviderDown",severity="critical"} 1'


def titles(hook: Web) -> list[str]:
    return [json.loads(got.body)["title"] for got in hook.got]


def test_what_is_wrong_is_told_once_and_when_it_is_over(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    first = run("check", "--notify", "--config", str(config), home=home)
    assert (first.returncode, first.stderr) == (1, "")
    assert titles(hook), first
    assert all(title.startswith("[CRITICAL] box · anthropic") for title in titles(hook))
    told = len(hook.got)
    assert run("check", "--notify", "--config", str(config), home=home).returncode == 1
    assert len(hook.got) == told
    store(home, 90 * 86400)
    assert run("check", "--notify", "--config", str(config), home=home).returncode == 0
    assert [title.partition("]")[0] for title in titles(hook)[told:]] == ["[RESOLVED"] * (len(hook.got) - told)
    assert len(hook.got) > told


def test_a_run_waits_for_nothing_that_a_daemon_would_wait_for(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/', gap: 0s", alerts="group_wait: 1h, group_interval: 1h")
    for seconds in (-3600, 90 * 86400, -1800, 80 * 86400):
        store(home, seconds)
        run("check", "--notify", "--config", str(config), home=home)
    told = [title.partition("]")[0] for title in titles(hook)]
    assert told == ["[CRITICAL", "[RESOLVED", "[CRITICAL", "[RESOLVED"]


def test_a_channel_that_fails_gets_it_with_the_next_run(home: Path, settings: Write) -> None:
    answers = [500]
    with web(lambda got: answers[0]) as hook:
        config = settings(f"name: ops, url: 'json://{hook.address}/', gap: 0s")
        failed = run("check", "--notify", "--config", str(config), home=home)
        assert failed.returncode == 1
        assert "wait for the next run" in failed.stderr
        assert "cannot deliver to ops" in failed.stderr
        answers[0] = 200
        before = len(hook.got)
        with sqlite3.connect(config.parent / "state" / FILE_NAME) as book:  # time passes
            book.execute("UPDATE channels SET next_try_ms = 0")
            book.execute("UPDATE outbox SET next_try_ms = 0")
        book.close()
        assert run("check", "--notify", "--config", str(config), home=home).stderr == ""
        assert len(hook.got) > before
        assert not any(title.startswith("(possible repeat)") for title in titles(hook))


@pytest.mark.parametrize("broken", ["a file", "newer"])
def test_without_a_book_it_is_a_70_and_the_verdict_is_still_printed(home: Path, hook: Web, settings: Write, broken: str) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    state = config.parent / "state"
    if broken == "a file":
        state.write_text("")
    else:
        state.mkdir()
        with sqlite3.connect(state / FILE_NAME) as book:
            book.execute("PRAGMA application_id = 1835103608")
            book.execute("PRAGMA user_version = 99")
            book.execute("CREATE TABLE x (y)")
        book.close()
    ended = run("check", "--notify", "--config", str(config), home=home)
    assert ended.returncode == 70
    assert "anthropic" in ended.stdout
    assert "nothing can be notified" in ended.stderr
    assert not hook.got


def test_without_any_place_for_a_state_it_is_a_70(home: Path, settings: Write) -> None:
    config = settings()
    config.write_text("host: box\n")
    env = {"HOME": "", "XDG_STATE_HOME": ""}
    assert run("check", "--notify", "--config", str(config), home=home, env=env).returncode in {70, 78}


@pytest.mark.parametrize("other", ["--at=2026-11-20", "--from=http://127.0.0.1:1"])
def test_judging_elsewhere_excludes_telling(home: Path, other: str) -> None:
    assert run("check", "--notify", other, home=home).returncode == 64


def test_a_filter_resolves_nothing_outside_its_scope(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    run("check", "--notify", "--config", str(config), home=home)
    told = len(hook.got)
    store(home, 90 * 86400)
    run("check", "--notify", "--provider", "openai", "--config", str(config), home=home)
    assert len(hook.got) == told
    run("check", "--notify", "--provider", "anthropic", "--config", str(config), home=home)
    assert len(hook.got) > told


def test_two_runs_at_once_tell_once(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    threads = [threading.Thread(target=run, args=("check", "--notify", "--config", str(config)), kwargs={"home": home}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(titles(hook)) == len(set(titles(hook)))


def test_a_daemon_tells_and_a_one_shot_leaves_it_to_it(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    with serving(home, "--config", str(config)) as daemon:
        until("the daemon told it", lambda: titles(hook))
        told = len(hook.got)
        asked = run("check", "--notify", "--config", str(config), home=home)
        assert asked.returncode == 1
        assert f"the running exporter (process {daemon.process.pid}) does the alerting" in asked.stderr
        assert len(hook.got) == told
        until("it is counted", lambda: daemon.value("model_auth_notifications_total", channel="ops", outcome="delivered"))
        assert daemon.value("model_auth_notifications_total", channel="ops", outcome="failed") == 0
        assert daemon.value("model_auth_outbox_notices") == 0
        assert DOWN in daemon.metrics()
        alert = json.loads(run("alerts", "list", "--json", "--config", str(config), home=home).stdout)["alerts"][0]
        assert run("alerts", "ack", alert["id"], "--comment", "on it", "--config", str(config), home=home).returncode == 0
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
    again = run("check", "--notify", "--config", str(config), home=home)
    assert again.stderr == ""
    assert len(hook.got) == told
    listed = json.loads(run("alerts", "list", "--json", "--config", str(config), home=home).stdout)["alerts"]
    assert [entry["acked_by"] is not None for entry in listed if entry["id"] == alert["id"]] == [True]


def test_a_daemon_tells_of_an_expiry_by_itself(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    store(home, 90 * 86400)
    with serving(home, "--config", str(config)):
        store(home, 4)
        until("it expired and was told", lambda: any("[CRITICAL]" in title for title in titles(hook)))


def test_a_daemon_tells_who_it_is_where_locks_do_not_work(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    with serving(home, "--config", str(config)) as daemon:
        lock = config.parent / "state" / LOCK_NAME
        named = json.loads(until("it speaks", lambda: lock.read_text() if lock.exists() else ""))
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{daemon.url}/-/healthy", timeout=5) as answer:
            assert answer.headers[INSTANCE_HEADER] == named["id"]
        assert f"http://{named['listen']}" == daemon.url
        assert named["pid"] == daemon.process.pid


def test_a_silence_keeps_a_daemon_quiet(home: Path, hook: Web, settings: Write) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/'")
    made = run("alerts", "silence", "gateway=openclaw", "--for", "1h", "--comment", "moving house", "--config", str(config), home=home)
    assert made.returncode == 0
    with serving(home, "--config", str(config)) as daemon:
        until("it is found", lambda: DOWN in daemon.metrics())
        assert run("alerts", "unsilence", made.stdout.strip(), "--config", str(config), home=home).returncode == 0
        until("it is told", lambda: titles(hook))
        assert "moving house" in run("alerts", "list", "--all", "--config", str(config), home=home).stdout
