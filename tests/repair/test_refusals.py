"""Edge. What is refused leaves everything as it was, and is never repeated."""

from __future__ import annotations

import json

import pytest

from tests.repair.driving import TOKEN, Driver, everything
from tests.repair.test_terminal import json_home

PROFILES = {
    "anthropic:default": {"type": "token", "provider": "anthropic", "token": "sk-ant-oat01-stored-CANARY"},
    "openrouter:work": {"type": "api_key", "provider": "openrouter", "key": "or-stored-CANARY"},
}


@pytest.mark.parametrize(
    ("arguments", "piped", "code", "words"),
    [
        ("paste-token --provider anthropic", "", 1, "Error: Required"),
        ("paste-token --provider anthropic", " \n", 1, "Error: Required"),
        ("paste-token --provider anthropic", "sk-ant-oat01-CANARY\n", 1, "Error: Token looks too short; paste the full setup-token"),
        ("paste-token --provider anthropic", "sk-ant-api03-CANARY\n", 1, "Error: Expected token starting with sk-ant-oat01-"),
        ("paste-token --provider openrouter", b"\xffCANARY", 1, "no text"),
        ("paste-token --provider openrouter", "CANARY" * 200_000, 1, "More than 1 MiB"),
        ("paste-token --provider openrouter --expires-in soon", "CANARY\n", 1, "Error: invalid duration: soon"),
        ("paste-token --provider openrouter --expires-in 1d12h", "CANARY\n", 1, "Error: invalid duration: 1d12h"),
        ("paste-api-key --provider openai", "CANARY\n", 1, "starting with sk-"),
        ("paste-token --provider openrouter sk-CANARY-typed", "x", 64, "never from here"),
        ("paste-token --provider openrouter --token=CANARY", "x", 64, "never from here"),
        ("paste-token --provider openrouter --sk-CANARY-0123456789", "x", 64, "never from here"),
        ("paste-token --provider openrouter --profile-id sk-ant-oat01-CANARYCANARYCANARY", "x", 1, "looks like a credential"),
        ("paste-token", "CANARY", 64, "--provider"),
        ("setup-token --provider openai", f"{TOKEN}\n", 1, "Only --provider anthropic"),
        ("setup-token", "sk-ant-oat01-CANARY", 1, "too short"),
        ("order set --provider anthropic", "", 1, "error: missing required argument 'profileIds'"),
        ("order set --provider anthropic sk-ant-oat01-CANARYCANARYCANARY", "", 1, 'Auth profile "***" not found'),
        (
            "order set --provider anthropic openrouter:work",
            "",
            1,
            'Error: Auth profile "openrouter:work" is for openrouter, not anthropic.',
        ),
        ("list --gateway nosuch", "", 64, "no gateway 'nosuch' here"),
        ("order clear --provider anthropic --agent nosuch", "", 1, 'Error: Unknown agent id "nosuch".'),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_refused_changes_nothing_and_is_not_repeated(
    arguments: str, piped: str | bytes, code: int, words: str, driver: Driver
) -> None:
    json_home(driver.home, PROFILES)
    before = everything(driver.home)
    ran = driver.run("auth", *arguments.split(), piped=piped)
    assert ran.code == code, ran
    assert words in ran.err
    assert ran.out == ""
    assert "CANARY" not in ran.said
    assert everything(driver.home) == before


def test_a_configuration_that_cannot_be_edited_stops_the_whole_repair(driver: Driver) -> None:
    json_home(driver.home, PROFILES)
    config = driver.home / ".openclaw/openclaw.json"
    config.write_text('{ // mine\n  auth: {"$include": "auth.json5"}, meta: {lastTouchedVersion: "2026.1.30"} }')
    (driver.home / ".openclaw/auth.json5").write_text("{}")
    before = everything(driver.home)
    ran = driver.run("auth", "paste-token", "--provider", "openrouter", piped="CANARY-1\n")
    assert ran.code == 1
    assert "includes other files" in ran.err
    assert everything(driver.home) == before


def test_several_gateways_must_be_told_apart(driver: Driver) -> None:
    json_home(driver.home, PROFILES)
    other = driver.home / ".openclaw-work"
    other.mkdir()
    (other / "openclaw.json").write_text('{"meta": {"lastTouchedVersion": "2026.1.30"}}')
    ran = driver.run("auth", "list")
    assert ran.code == 64
    assert "choose one with --gateway openclaw | openclaw-work" in ran.err
    stored = driver.run("auth", "paste-token", "--gateway", "openclaw-work", "--provider", "openrouter", piped="CANARY-1\n")
    assert stored.code == 0
    assert (other / "agents/main/agent/auth-profiles.json").exists()


def test_one_store_for_all_agents_and_no_entry_in_a_configuration_that_knows_none(driver: Driver) -> None:
    state = driver.home / ".remoteclaw"
    state.mkdir()
    (state / "remoteclaw.json").write_text('{"agents": {"defaults": {}}}')
    store = state / "auth-profiles.json"
    store.write_text(json.dumps({"version": 1, "profiles": PROFILES}))
    before = (state / "remoteclaw.json").read_bytes()
    assert driver.run("auth", "paste-token", "--provider", "openrouter", "--profile-id", "openrouter:new", piped="CANARY-1\n").code == 0
    assert driver.run("auth", "order", "set", "--provider", "openrouter", "openrouter:new").code == 0
    tree = json.loads(store.read_text())
    assert tree["profiles"]["openrouter:new"]["token"] == "CANARY-1"
    assert tree["order"] == {"openrouter": ["openrouter:new"]}
    assert (state / "remoteclaw.json").read_bytes() == before


def test_a_login_that_remoteclaw_inherited_becomes_a_key_as_it_reads_it(driver: Driver) -> None:
    state = driver.home / ".remoteclaw"
    state.mkdir()
    store = state / "auth-profiles.json"
    inherited = {"type": "oauth", "provider": "openrouter", "access": "a-CANARY", "refresh": "r-CANARY", "expires": 1700000000000}
    store.write_text(json.dumps({"version": 1, "profiles": {"openrouter:old": inherited}}))
    ran = driver.run("reauth", "openrouter:old", piped="or-CANARY-1\n")
    assert ran.code == 0, ran.said
    assert json.loads(store.read_text())["profiles"]["openrouter:old"] == {
        "type": "api_key",
        "provider": "openrouter",
        "key": "or-CANARY-1",
    }


def test_a_new_profile_that_an_order_leaves_out_is_said_to_be(driver: Driver) -> None:
    json_home(driver.home, PROFILES)
    driver.run("auth", "order", "set", "--provider", "anthropic", "anthropic:default")
    ran = driver.run("auth", "paste-token", "--provider", "anthropic", piped=f"{TOKEN}\n")
    assert ran.code == 0
    assert "anthropic:manual is stored, but not tried: excluded_by_auth_order" in ran.err


def test_reauth_off_a_terminal_takes_the_credential_from_a_pipe_and_names_what_it_cannot_do(driver: Driver) -> None:
    login = {"type": "oauth", "provider": "openai", "access": "a", "expires": 1700000000000}
    store = json_home(driver.home, {"openai:sub": login, "openai:key": {"type": "api_key", "provider": "openai"}})
    ran = driver.run("reauth", "openai:sub")
    assert ran.code == 1
    assert "run on a terminal: openclaw models auth login --provider openai --profile-id openai:sub" in ran.err
    assert driver.run("reauth", "openai:key", piped="sk-CANARY-1\n").code == 0
    assert json.loads(store.read_text())["profiles"]["openai:key"]["key"] == "sk-CANARY-1"
    assert json.loads(store.read_text())["profiles"]["openai:sub"] == login
    assert driver.run("reauth", "nosuch").code == 64
