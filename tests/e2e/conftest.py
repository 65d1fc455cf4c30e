"""Edge. A home with a few credentials, and a serving exporter over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Serving, ms, serving, write_json


def store(**profiles: object) -> dict[str, object]:
    """Return the document of one auth-profiles.json; `_` in a name stands for the colon of an id."""
    return {"version": 1, "profiles": {name.replace("__", ":"): profile for name, profile in profiles.items()}}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with one OpenClaw gateway: a token with a date, a key, and a login that renews itself."""
    home = tmp_path / "home"
    agent = home / ".openclaw" / "agents" / "main" / "agent"
    write_json(
        home / ".openclaw" / "openclaw.json",
        {"agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5", "fallbacks": ["openai/gpt-5.2"]}}}},
    )
    write_json(
        agent / "auth-profiles.json",
        store(
            anthropic__manual={"type": "token", "provider": "anthropic", "token": "fake-token-of-anthropic", "expires": ms(90 * 86400)},
            openai__default={"type": "api_key", "provider": "openai", "key": "fake-key-of-openai"},
            anthropic__login={
                "type": "oauth",
                "provider": "anthropic",
                "access": "fake-access",
                "refresh": "fake-refresh",
                "expires": ms(3600),
            },
        ),
    )
    return home


@pytest.fixture
def auth_profiles(home: Path) -> Path:
    """Return the path of the store of `home`."""
    return home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json"


@pytest.fixture
def exporter(home: Path) -> Iterator[Serving]:
    """Return a ready exporter over `home`."""
    with serving(home) as server:
        yield server
