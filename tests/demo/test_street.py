"""Edge. The demo's providers: every outcome a probe can have, over real HTTP, and nothing leaves the machine."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from exporter.cli.asked import Asked, Wish, ask
from exporter.cli.loading import now
from exporter.demo.home import write
from exporter.demo.street import nobody, street
from exporter.document import document
from exporter.host.reader_here import reader_here
from exporter.judging.health import Rules
from exporter.outcome import ProbeStatus
from exporter.planning.targets import aims
from exporter.probing.policy import wishes
from exporter.providers.table import PROVIDERS, is_vendors
from exporter.settings import Probes, Settings
from exporter.snapshot import judge
from tests.running import environment

BRISK = Probes(per_host_gap=timedelta(0), timeout=timedelta(seconds=1.5), concurrency=8)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    home = tmp_path_factory.mktemp("street") / "home"
    with street() as addresses:
        write(home, datetime.now(UTC), addresses)
        return ask(Settings(probes=BRISK), Wish(), environment(home))


def test_every_outcome_is_shown(asked: Asked) -> None:
    assert {answer.outcome.outcome for answer in asked.answers} == set(ProbeStatus)


def test_a_contradicted_cooldown_and_a_pool_are_among_them(asked: Asked) -> None:
    agents = [agent for gateway in document(asked.snapshot, 0)["gateways"] for agent in gateway["agents"]]  # type: ignore[attr-defined]
    assert any(profile["contradiction"] for agent in agents for profile in agent["profiles"])
    assert any(pool["accepted"] == 1 and pool["limited"] == 1 for agent in agents for pool in agent["pools"])
    kinds = {
        name
        for agent in agents
        for p in agent["profiles"]
        if p["probe"]
        for name in ("rate_limits", "quotas", "balances")
        if p["probe"][name]
    }
    assert kinds == {"rate_limits", "quotas", "balances"}


def test_every_address_of_the_demo_is_this_machine(tmp_path: Path) -> None:
    write(tmp_path / "home", datetime.now(UTC), nobody())
    config = json.loads((tmp_path / "home" / ".openclaw" / "openclaw.json").read_text(encoding="utf-8"))
    entries = config["models"]["providers"]
    assert {urlsplit(entry["baseUrl"]).hostname for entry in entries.values()} == {"127.0.0.1"}
    assert not any(is_vendors(row, entry["baseUrl"]) for row in PROVIDERS if not row.local for entry in entries.values())


def test_no_request_of_the_demos_home_would_leave_this_machine(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home, now())
    reading = reader_here(Settings(), environment(home), home).read(now())
    found = aims(reading, judge(reading, now(), Rules()), b"salt", now(), wishes(Probes()))
    hosts = {aim.target.host.partition(":")[0] for aim in found if aim.target is not None}
    assert hosts == {"127.0.0.1"}


def test_it_closes_at_once() -> None:
    with street():
        pass
    begun = time.monotonic()
    with street():
        pass
    assert time.monotonic() - begun < 2


def test_the_street_answers_several_at_once() -> None:
    with street() as addresses:
        for _ in range(3):
            with urllib.request.urlopen(f"{addresses['openai']}/models", timeout=5) as answer:
                assert answer.status == 200
