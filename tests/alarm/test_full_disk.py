"""Edge. A daemon whose disk is full: it says so, goes on in memory, and brings everything to the disk once there is room."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.alarm.conftest import store
from tests.delivery.servers import Web
from tests.running import fetch, run, serving, until

pytestmark = pytest.mark.slow  # the way back is tried once a minute
_NO_ROOM = 16 * 1024  # beyond it begins the outbox


def _titles(hook: Web) -> list[str]:
    return [json.loads(got.body)["title"] for got in hook.got]


def test_alerting_goes_on_without_room_and_is_kept_once_there_is_some(home: Path, hook: Web, settings: Callable[..., Path]) -> None:
    config = settings(f"name: ops, url: 'json://{hook.address}/', gap: 0s")
    store(home, 90 * 86400)
    with serving(home, "--config", str(config)) as daemon:
        until("a first pass was kept", lambda: daemon.value("model_auth_provider_usable_profiles", provider="anthropic") == 1)
        before = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (_NO_ROOM, resource.RLIM_INFINITY))
        store(home, -3600)
        until("people are told of the outage", lambda: any("is down" in title for title in _titles(hook)))
        until("people are told of the fault", lambda: any("fails in its job alert book" in title for title in _titles(hook)))
        assert "alert_book_in_memory_only" in daemon.words()
        assert "alert book: " in fetch(f"{daemon.url}/")[1]
        told = [title for title in _titles(hook) if "is down" in title]
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, before)
        until("it is kept again", lambda: "alert_book_kept" in daemon.words(), 120, 1)
    listed = json.loads(run("alerts", "list", "--json", "--config", str(config), home=home).stdout)["alerts"]
    assert "ProviderDown" in {alert["name"] for alert in listed}
    assert run("check", "--notify", "--config", str(config), home=home).returncode == 1
    assert [title for title in _titles(hook) if "is down" in title and "RESOLVED" not in title] == told
