"""Edge. A home whose login has expired, settings with channels, and what the channels got."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.servers import Web, web
from tests.running import ms, write_json


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with one OpenClaw gateway whose only token has expired."""
    home = tmp_path / "home"
    write_json(home / ".openclaw" / "openclaw.json", {"agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}})
    store(home, -3600)
    return home


def store(home: Path, seconds: float) -> None:
    """Write the store: a token that ends so many seconds from now."""
    profile = {"type": "token", "provider": "anthropic", "token": "fake-token-of-anthropic", "expires": ms(seconds)}
    path = home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json"
    write_json(path, {"version": 1, "profiles": {"anthropic:manual": profile}})


@pytest.fixture
def hook() -> Iterator[Web]:
    """Return a web hook."""
    with web() as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a settings file with these channels."""

    def write(*channels: str, alerts: str = "startup_grace: 0s, group_wait: 0s, group_interval: 0s") -> Path:
        path = tmp_path / "config.yaml"
        lines = ["host: box", f"state_dir: {tmp_path / 'state'}", f"alerts: {{{alerts}}}", "read: {interval: 1s, poll: 500ms}", "channels:"]
        path.write_text("\n".join([*lines, *(f"  - {{{channel}}}" for channel in channels)] if channels else lines[:-1]) + "\n")
        return path

    return write
