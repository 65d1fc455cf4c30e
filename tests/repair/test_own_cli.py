"""Edge. Where only the gateway's own program may write: it is called rightly, never hurried, and shows no secret."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.model import Secret
from exporter.repair.own_cli import shown
from tests.homes import FIXTURES, unpack
from tests.repair.driving import TOKEN, Driver, everything


def database_home(driver: Driver, release: str) -> Path:
    unpack(FIXTURES / f"openclaw-{release}/cli/home/.openclaw", driver.home / ".openclaw")
    return driver.home / ".openclaw"


def install(driver: Driver, patch: pytest.MonkeyPatch, release: str, **switches: str) -> None:
    program = driver.home / "bin/openclaw"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I {Path(__file__).with_name("stand_in.py")} "$@"\n')
    program.chmod(0o755)
    patch.setenv("STAND_IN_RELEASE", release)
    for name, value in switches.items():
        patch.setenv(name, value)


def calls(driver: Driver) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (driver.home / "calls.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("release", ["2026.6.11", "2026.7.1", "2026.8.2", "2026.9.6"])
def test_a_token_goes_to_the_gateways_program_over_its_input_or_a_terminal(
    release: str, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_home(driver, release)
    install(driver, monkeypatch, release)
    monkeypatch.setenv("MODEL_AUTH_EXPORTER_HOST", "ours")
    ran = driver.run(
        "auth", "paste-token", "--provider", "anthropic", "--profile-id", "anthropic:new", "--expires-in", "1d12h", piped=f"{TOKEN}\n"
    )
    assert ran.code == 0, ran
    assert "Auth profile: anthropic:new (anthropic/token)" in ran.out
    assert "Warning: Model auth changes were saved" in ran.out
    assert not any(TOKEN[start : start + 8] in ran.said for start in range(13, len(TOKEN) - 8))
    (call,) = calls(driver)
    assert call["argv"] == [
        "models",
        "auth",
        "paste-token",
        "--provider",
        "anthropic",
        "--profile-id",
        "anthropic:new",
        "--expires-in",
        "1d12h",
    ]
    assert call["env"] == {}
    assert call["leader"], "a Ctrl-C at our terminal must not reach it"
    (change,) = json.loads(driver.run("auth", "history", "--json").out)["changes"]
    assert change | {"at": "", "who": ""} == {
        "at": "", "who": "", "action": "paste-token", "gateway": "openclaw", "agent": "main", "provider": "anthropic", "profiles": ["anthropic:new"],
        "how": "openclaw",
    }  # fmt: skip


@pytest.mark.parametrize("release", ["2026.7.1", "2026.9.6"])
def test_keys_and_orders_go_there_too_and_are_read_again(release: str, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    database_home(driver, release)
    install(driver, monkeypatch, release)
    assert driver.run("auth", "paste-api-key", "--provider", "openai", piped="sk-canary-0123456789\n").code == 0
    assert driver.run("auth", "order", "set", "--provider", "OpenAI", "openai:manual", "openai:manual").code == 0
    assert driver.run("auth", "order", "clear", "--provider", "openai").code == 0
    assert [call["argv"][2:] for call in calls(driver)] == [
        ["paste-api-key", "--provider", "openai"],
        ["order", "set", "--provider", "openai", "openai:manual"],
        ["order", "clear", "--provider", "openai"],
    ]


def test_another_state_directory_is_named_to_the_program(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    (driver.home / ".openclaw-work").parent.mkdir(exist_ok=True)
    unpack(FIXTURES / "openclaw-2026.9.6/cli/home/.openclaw", driver.home / ".openclaw-work")
    install(driver, monkeypatch, "2026.9.6")
    assert driver.run("auth", "paste-token", "--provider", "openrouter", piped="or-canary-1\n").code == 0
    assert calls(driver)[0]["env"] == {"OPENCLAW_STATE_DIR": str(driver.home / ".openclaw-work")}


@pytest.mark.parametrize(
    "arguments",
    [
        ("auth", "paste-token", "--provider", "anthropic"),
        ("auth", "paste-api-key", "--provider", "openai"),
        ("auth", "order", "set", "--provider", "anthropic", "anthropic:manual"),
        ("auth", "order", "clear", "--provider", "anthropic"),
    ],
)
def test_without_the_program_it_says_what_to_run_and_changes_nothing(arguments: tuple[str, ...], driver: Driver) -> None:
    database_home(driver, "2026.9.6")
    before = everything(driver.home)
    ran = driver.run(*arguments, piped=f"{TOKEN}\n")
    assert ran.code == 1
    assert "SQLite, which only the gateway itself may write; run on this host as the user of the gateway: openclaw models auth" in ran.err
    assert " ".join(arguments[1:]) in ran.err
    assert everything(driver.home) == before


def test_what_the_program_fails_with_is_shown_without_secrets(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    database_home(driver, "2026.9.6")
    install(driver, monkeypatch, "2026.9.6", STAND_IN_FAILS="1")
    ran = driver.run("auth", "paste-token", "--provider", "anthropic", piped=f"{TOKEN}\n")
    assert ran.code == 1
    assert "Gateway is upgrading; key ***" in ran.out
    assert not (driver.home / "our-state").exists()


def test_a_slow_program_is_waited_for(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    database_home(driver, "2026.9.6")
    install(driver, monkeypatch, "2026.9.6", STAND_IN_SLEEPS="1.5")
    assert driver.run("auth", "paste-token", "--provider", "anthropic", piped=f"{TOKEN}\n").code == 0
    assert (driver.home / "ended").exists()


@pytest.mark.parametrize("release", ["2026.6.11", "2026.8.2", "2026.9.6"])
def test_reading_needs_no_program_and_says_what_the_release_says(release: str, driver: Driver) -> None:
    database_home(driver, release)
    listed = driver.run("auth", "list")
    assert listed.code == 0
    assert "- openai:manual [openai/api_key]" in listed.out.splitlines()
    assert "Auth state store: ~/.openclaw/agents/main/agent/openclaw-agent.sqlite" in listed.out.splitlines()
    got = driver.run("auth", "order", "get", "--provider", "anthropic")
    label = "Order override" if release < "2026.8" else "Auth profile order override"
    assert got.out.splitlines()[-1] == f"{label}: anthropic:manual"
    if release >= "2026.8":
        other = driver.run("auth", "order", "get", "--provider", "openai")
        assert other.out.splitlines()[-1] == "Auth profile order override: none (selecting automatically)"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Auth profile: anthropic:manual (anthropic/token)", "Auth profile: anthropic:manual (anthropic/token)"),
        ("  Backup: ~/.openclaw/openclaw.json.bak", "  Backup: ~/.openclaw/openclaw.json.bak"),
        ("\x1b[32mok\x1b[0m", "ok"),
        ("key sk-ant-oat01-AAAAAAAAAA end", "key *** end"),
        ("mine: hunter2hunter2", "mine: ***"),
        ("Open https://a.example/authorize?client_id=app&state=0123456789abcdef0123456789 now", None),
        ("https://a.example/cb?access_token=abc&x=1", "https://a.example/cb?access_token=***&x=1"),
    ],
)
def test_lines_of_the_program_keep_addresses_and_lose_secrets(line: str, wanted: str | None) -> None:
    assert shown(line, (Secret("hunter2hunter2"),)) == (line if wanted is None else wanted)
