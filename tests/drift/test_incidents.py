"""What users reported, as files on disk: the fact appears, and goes when it is put right."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.judging.health import Rules
from exporter.judging.history import History, Remembered, Subject
from exporter.model import Environment, EnvLayer, EnvPlace, GatewayConfig, Secret
from exporter.reading.discovery import Home
from exporter.reading.reader import Reader
from exporter.reading.shelf import Desk
from exporter.settings import Settings
from exporter.snapshot import judge
from exporter.traces import GatewayRun, HostFacts, KeychainLogin
from tests.reading.quiet_host import QuietHost, Report

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
REPLACED = {Subject("openclaw", "main", "anthropic", "anthropic:a"): Remembered(NOW - 9 * HOUR, changed_at=NOW - HOUR)}


def ms(offset: timedelta) -> int:
    return int((NOW + offset).timestamp() * 1000)


def canary(name: str) -> str:
    return f"canary-{name}-0123456789abcdef"


class ServiceHost(QuietHost):
    """A gateway whose process started long ago, or just now, with a key of its own."""

    def __init__(self, started: datetime, service: str, shell: str) -> None:
        super().__init__()
        self.facts = HostFacts(GatewayRun(41, started), "openclaw-gateway.service", True)
        self.service, self.shell = ({"ANTHROPIC_API_KEY": Secret(value)} for value in (service, shell))

    def report(self, home: Home, config: GatewayConfig | None, now: datetime, /) -> Report:
        layers, asides = (EnvLayer(EnvPlace.PROCESS, self.service),), (EnvLayer(EnvPlace.OWN, self.shell, counts=False),)
        return Report(Environment(True, "for tests", layers, asides), facts=self.facts)


@dataclass
class Scene:
    """A home to break and repair."""

    home: Path

    @property
    def state(self) -> Path:
        return self.home / ".openclaw"

    def write(self, path: str, tree: object, age: timedelta = 2 * HOUR) -> Path:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(tree if isinstance(tree, str) else json.dumps(tree))
        file.chmod(0o600)
        at = (NOW - age).timestamp()
        os.utime(file, (at, at))
        return file

    def store(self, agent: str = "main", *, usage: object = None, order: object = None, **profiles: object) -> Path:
        named = {name.replace("__", ":").replace("_", "-"): value for name, value in profiles.items()}
        tree = {"version": 1, "profiles": named, "usageStats": usage or {}, "order": order or {}}
        return self.write(f".openclaw/agents/{agent}/agent/auth-profiles.json", tree)

    def config(self, **more: object) -> Path:
        agents = {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}, "list": [{"id": "main"}, {"id": "work"}]}
        return self.write(".openclaw/openclaw.json", {"agents": agents, **more})

    def facts(self, host: QuietHost | None = None, history: History | None = None) -> set[str]:
        for path in (self.state, *self.state.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        reading = Reader(Settings(), {}, self.home, host=host or QuietHost(), desk=Desk(NOW.timestamp)).read(NOW)
        snapshot = judge(reading, NOW, Rules(), history=history or History(b"s"))
        assert "canary" not in repr(snapshot)
        return {fact.name for fact in snapshot.drift}


def token(name: str = "token", expires: timedelta = HOUR * 72) -> dict[str, object]:
    return {"type": "token", "provider": "anthropic", "token": canary(name), "expires": ms(expires)}


def login(name: str = "login", expires: timedelta = HOUR, provider: str = "anthropic") -> dict[str, object]:
    tokens = {"access": canary(f"{name}-access"), "refresh": canary(f"{name}-refresh")}
    return {"type": "oauth", "provider": provider, "expires": ms(expires), **tokens}


def claude(name: str, expires: timedelta) -> dict[str, object]:
    tokens = {"accessToken": canary(f"{name}-access"), "refreshToken": canary(f"{name}-refresh"), "expiresAt": ms(expires)}
    return {"claudeAiOauth": {**tokens, "scopes": ["user:inference"]}}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    found = Scene(tmp_path)
    found.config()
    return found


def i09_stale_copy(scene: Scene) -> Callable[[], object]:
    scene.store(anthropic__claude_cli=login("old", HOUR))
    scene.write(".claude/.credentials.json", claude("new", 8 * HOUR), HOUR)
    return lambda: scene.store(anthropic__claude_cli=login("new", 8 * HOUR))


def i12_copies_apart(scene: Scene) -> Callable[[], object]:
    scene.store(anthropic__a=login("one"))
    scene.store("work", anthropic__a=login("two", -HOUR))
    return (scene.state / "agents/work/agent/auth-profiles.json").unlink


def i12_one_grant_twice(scene: Scene) -> Callable[[], object]:
    scene.store(anthropic__a=login("one"))
    scene.store("work", anthropic__b=login("one"))
    return lambda: scene.store("work", anthropic__b=login("another"))


def i13_a_folder_of_nobody(scene: Scene) -> Callable[[], object]:
    scene.store(anthropic__a=token())
    file = scene.store("removed", anthropic__a=token())
    return file.unlink


def i14_ghost_in_an_order(scene: Scene) -> Callable[[], object]:
    scene.store(anthropic__a=token(), order={"anthropic": ["anthropic:a", "anthropic:ghost"]})
    return lambda: scene.store(anthropic__a=token(), order={"anthropic": ["anthropic:a"]})


def i14_profiles_vanished(scene: Scene) -> Callable[[], object]:
    usage = {"anthropic:lost": {"lastUsed": ms(-HOUR)}}
    scene.store(anthropic__a=token(), usage=usage)
    return lambda: scene.store(anthropic__a=token(), anthropic__lost=token("lost"), usage=usage)


def i15_two_stores(scene: Scene) -> Callable[[], object]:
    path = scene.state / "agents/main/agent/openclaw-agent.sqlite"
    path.parent.mkdir(parents=True)
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE auth_profile_store (store_key TEXT PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL)")
    document = json.dumps({"version": 1, "profiles": {"anthropic:a": token("database")}})
    database.execute("INSERT INTO auth_profile_store VALUES ('primary', ?, ?)", (document, ms(-5 * HOUR)))
    database.commit()
    database.close()
    file = scene.store(anthropic__a=token("json"))
    return lambda: file.rename(file.with_name("auth-profiles.json.migrated-2026-11-20T10-54-28.852Z-8bd0"))


def i16_lock_left_behind(scene: Scene) -> Callable[[], object]:
    scene.store(anthropic__a=token())
    file = scene.write(".openclaw/agents/main/agent/auth-profiles.json.lock", {"pid": 2**31 - 1}, HOUR)
    return file.unlink


def session_pins(scene: Scene) -> Callable[[], object]:
    scene.store(anthropic__a=token())
    pin = {"authProfileOverride": "anthropic:gone", "authProfileOverrideSource": "user"}
    file = scene.write(".openclaw/agents/main/sessions/sessions.json", {"agent:main:main": pin})
    return file.unlink


INCIDENTS = [
    ("I09 a copy of a CLI login gone stale", i09_stale_copy, "CliSyncStale"),
    ("I12 copies of agents apart", i12_copies_apart, "AgentDrift"),
    ("I12 one refresh token in two stores", i12_one_grant_twice, "AgentDrift"),
    ("I13 a folder that no agent uses", i13_a_folder_of_nobody, "AgentDirMismatch"),
    ("I14 a ghost in an order", i14_ghost_in_an_order, "OrderNamesGhost"),
    ("I14 profiles gone", i14_profiles_vanished, "ProfileVanished"),
    ("I15 two stores alive", i15_two_stores, "StoreSplit"),
    ("I16 a lock whose owner is gone", i16_lock_left_behind, "LockStuck"),
    ("sessions tied to a profile that is gone", session_pins, "SessionPinLost"),
]


@pytest.mark.parametrize(("break_it", "name"), [row[1:] for row in INCIDENTS], ids=[row[0] for row in INCIDENTS])
def test_it_is_seen_and_goes_when_put_right(scene: Scene, break_it: Callable[[Scene], Callable[[], object]], name: str) -> None:
    repair = break_it(scene)
    assert scene.facts() == {name}
    repair()
    assert scene.facts() == set()


def test_i10_a_service_with_another_key(scene: Scene) -> None:
    scene.store()
    started = NOW - HOUR
    assert scene.facts(ServiceHost(started, canary("service"), canary("shell"))) == {"EnvDrift"}
    assert scene.facts(ServiceHost(started, canary("same"), canary("same"))) == set()


def test_i10_a_key_billed_instead_of_the_subscription(scene: Scene) -> None:
    same = canary("same")
    scene.store(anthropic__sub=token("sub", -HOUR))
    assert scene.facts(ServiceHost(NOW - HOUR, same, same)) == {"EnvDrift"}
    scene.store(anthropic__sub=token("sub", HOUR * 72))
    assert scene.facts(ServiceHost(NOW - HOUR, same, same)) == set()


def test_i11_a_locked_keychain(scene: Scene) -> None:
    host = QuietHost()
    scene.store(anthropic__claude_cli=login())
    host.facts = HostFacts(keychain=(KeychainLogin("cli:claude-code", True),))
    assert scene.facts(host) == {"SourceLocked"}
    host.facts = HostFacts(keychain=(KeychainLogin("cli:claude-code", False),))
    assert scene.facts(host) == set()


def test_i17_a_gateway_that_keeps_its_old_login(scene: Scene) -> None:
    usage = {"anthropic:a": {"lastFailureAt": ms(-timedelta(minutes=5)), "failureCounts": {"auth": 3}}}
    scene.store(anthropic__a=token(), usage=usage)
    history, same = History(b"s", REPLACED), canary("same")
    assert scene.facts(ServiceHost(NOW - 5 * HOUR, same, same), history) == {"GatewayStale"}
    assert scene.facts(ServiceHost(NOW - timedelta(minutes=1), same, same), history) == set()


@pytest.mark.parametrize("provider", ["anthropic", "openai-codex"])
def test_a_healthy_gateway_has_no_drift(scene: Scene, provider: str) -> None:
    scene.store(anthropic__a=token(), extra__login=login(provider=provider))
    scene.write(".claude/.credentials.json", claude("its own", 8 * HOUR))
    assert scene.facts() == set()
