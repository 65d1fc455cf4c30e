"""Edge. The contract of the old scripts: variables, words, exit codes and messages, over our own commands on real homes."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import pytest

from tests.delivery.servers import web
from tests.deploy.stands import DEPLOY, SETUP_TOKEN, Host, claude, gateway
from tests.running import write_json

STATUS = DEPLOY / "compat" / "claude-auth-status.sh"
MONITOR = DEPLOY / "compat" / "auth-monitor.sh"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def place(host: Host, claude_hours: float | None, gateway_hours: float | str | None) -> None:
    """Lay out both sides; for the gateway `none` is no gateway at all, None an API key."""
    if claude_hours is not None:
        claude(host.home, claude_hours)
    if not isinstance(gateway_hours, str):
        gateway(host.home, gateway_hours)


SIMPLE = [
    pytest.param(48, 48, "OK", 0, id="both-fine"),
    pytest.param(None, 48, "CLAUDE_EXPIRED", 1, id="claude-missing"),
    pytest.param(-1, 48, "CLAUDE_EXPIRED", 1, id="claude-expired"),
    pytest.param(-1, -1, "CLAUDE_EXPIRED", 1, id="claude-named-first"),
    pytest.param(48, -1, "OPENCLAW_EXPIRED", 1, id="gateway-expired"),
    pytest.param(48, "none", "OPENCLAW_EXPIRED", 1, id="no-gateway"),
    pytest.param(0.5, -1, "OPENCLAW_EXPIRED", 1, id="expired-before-expiring"),
    pytest.param(0.5, 48, "CLAUDE_EXPIRING", 2, id="claude-expiring"),
    pytest.param(0.5, 0.5, "CLAUDE_EXPIRING", 2, id="claude-expiring-named-first"),
    pytest.param(48, 0.5, "OPENCLAW_EXPIRING", 2, id="gateway-expiring"),
]


@pytest.mark.parametrize(("claude_hours", "gateway_hours", "word", "code"), SIMPLE)
def test_simple_says_the_old_word_with_the_old_code(
    host: Host, claude_hours: float | None, gateway_hours: float | str | None, word: str, code: int
) -> None:
    place(host, claude_hours, gateway_hours)
    ran = host.run(STATUS, "simple")
    assert (ran.stdout, ran.returncode) == (f"{word}\n", code), ran.stderr


def test_simple_gives_its_reason_beside_the_word(host: Host) -> None:
    place(host, 48, -1)
    assert "anthropic: nothing usable" in host.run(STATUS, "simple").stderr


def test_the_older_trees_word_can_be_asked_for(host: Host) -> None:
    claude(host.home, 48)
    gateway(host.home, -1, family="clawdbot")
    assert host.run(STATUS, "simple", env={"GATEWAY_WORD": "clawdbot"}).stdout == "CLAWDBOT_EXPIRED\n"
    assert set(json.loads(host.run(STATUS, "json", env={"GATEWAY_WORD": "clawdbot"}).stdout)) == {"claude_code", "clawdbot", "needs_reauth"}


def test_a_host_without_claude_code_is_fine_when_it_says_so(host: Host) -> None:
    place(host, None, 48)
    env = {"CLAUDE_CODE": "optional"}
    assert host.run(STATUS, "simple", env=env).returncode == 0
    said = json.loads(host.run(STATUS, "json", env=env).stdout)
    assert (said["claude_code"]["status"], said["needs_reauth"]) == ("MISSING", False)


JSON = [
    pytest.param(48, 48, r"OK:4[78]h\d+m", r"OK:4[78]h\d+m", False, id="both-fine"),
    pytest.param(-1, 48, "EXPIRED", r"OK:4[78]h\d+m", True, id="claude-expired"),
    pytest.param(None, None, "MISSING", "OK:static", True, id="claude-missing-gateway-on-a-key"),
    pytest.param(48, 0.5, r"OK:4[78]h\d+m", r"EXPIRING:(29|30)m", True, id="gateway-expiring"),
    pytest.param(48, -1, r"OK:4[78]h\d+m", "EXPIRED", True, id="gateway-expired"),
    pytest.param(48, "none", r"OK:4[78]h\d+m", "MISSING", True, id="no-gateway"),
]


@pytest.mark.parametrize(("claude_hours", "gateway_hours", "login", "store", "wanted"), JSON)
def test_json_has_the_old_keys_and_always_ends_with_0(
    host: Host, claude_hours: float | None, gateway_hours: float | str | None, login: str, store: str, wanted: bool
) -> None:
    place(host, claude_hours, gateway_hours)
    ran = host.run(STATUS, "json")
    assert ran.returncode == 0
    said = json.loads(ran.stdout)
    assert list(said) == ["claude_code", "openclaw", "needs_reauth"]
    assert re.fullmatch(login, said["claude_code"]["status"])
    assert re.fullmatch(store, said["openclaw"]["status"])
    assert said["needs_reauth"] is wanted
    for side in (said["claude_code"], said["openclaw"]):
        dated = side["status"].startswith("EXPIRING") or re.match(r"OK:\d", side["status"]) is not None
        assert (side["expires_at_ms"] > 1_700_000_000_000) if dated else isinstance(side["expires_at_ms"], int)


def test_a_login_that_renews_itself_is_not_an_expired_one(host: Host) -> None:
    claude(host.home, -1, refresh=True)
    gateway(host.home, 48)
    assert json.loads(host.run(STATUS, "json").stdout)["claude_code"] == {"status": "OK:renews", "expires_at_ms": 0}


def test_a_dead_profile_no_longer_hides_behind_the_latest_date(host: Host) -> None:
    claude(host.home, 48)
    gateway(host.home, -1)
    state = host.home / ".openclaw"
    store = state / "agents/main/agent/auth-profiles.json"
    tree = json.loads(store.read_text())
    tree["profiles"]["zai:manual"] = {"type": "token", "provider": "zai", "token": "fake", "expires": 4_102_444_800_000}
    write_json(store, tree)
    assert host.run(STATUS, "simple").stdout == "OPENCLAW_EXPIRED\n"


def test_another_provider_in_use_counts_too(host: Host) -> None:
    claude(host.home, 48)
    gateway(host.home, 48, model="openai/gpt-5")
    assert host.run(STATUS, "simple").stdout == "OPENCLAW_EXPIRED\n"


def test_full_is_a_report_with_plan_dates_and_what_to_do(host: Host) -> None:
    host.stand_in("systemctl", code=3)
    place(host, 48, -1)
    ran = host.run(STATUS)
    assert ran.returncode == 0
    for words in (
        "Subscription: max",
        "Rate tier: default_claude_max_5x",
        "Status: OK",
        "Status: EXPIRED",
        "model-auth-exporter reauth",
        "NOT running",
    ):
        assert words in ran.stdout
    assert SETUP_TOKEN not in ran.stdout
    assert "\x1b" not in ran.stdout
    host.stand_in("systemctl")
    assert "openclaw-gateway: running" in host.run(STATUS, "full").stdout
    assert ["--user", "is-active", "--quiet", "openclaw-gateway"] in host.called("systemctl")


def test_failures_of_the_exporter_are_told_apart_from_a_verdict(host: Host) -> None:
    assert host.run(STATUS, "loud").returncode == 64
    ran = host.run(STATUS, "simple", env={"MODEL_AUTH_EXPORTER_LISTEN": "nonsense"})
    assert (ran.returncode, ran.stdout) == (78, "")


WARN = [
    pytest.param("2", 1.5, 0, "Auth expiring", id="within-the-hours"),
    pytest.param("2", 2.5, 0, "Auth OK", id="outside-of-them"),
    pytest.param("004", 2.5, 0, "Auth expiring", id="more-hours-with-zeros"),
    pytest.param("0", 0.5, 0, "Auth OK", id="none-never-warns"),
    pytest.param("2", -1, 1, "Auth EXPIRED or missing", id="expired"),
]


@pytest.mark.parametrize(("hours", "left", "code", "words"), WARN)
def test_the_monitor_judges_by_warn_hours_and_keeps_its_exit_codes(host: Host, hours: str, left: float, code: int, words: str) -> None:
    gateway(host.home, left)
    ran = host.run(MONITOR, env={"WARN_HOURS": hours})
    assert ran.returncode == code
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d - {words}: .+\n", ran.stdout), ran.stdout
    assert not (host.home / ".openclaw" / "auth-monitor-state").exists()


def test_two_hours_are_the_default(host: Host) -> None:
    gateway(host.home, 1.5)
    assert "Auth expiring" in host.run(MONITOR).stdout


@pytest.mark.parametrize("hours", ["soon", "-2", "1.5"])
def test_hours_that_are_none_are_refused(host: Host, hours: str) -> None:
    ran = host.run(MONITOR, env={"WARN_HOURS": hours})
    assert ran.returncode == 64
    assert "WARN_HOURS" in ran.stderr


def watched(host: Host) -> None:
    """Let it have been known for a day already: a credential's own short life is no reason for a warning."""
    journal = sqlite3.connect(host.root / "xdg-state/model-auth-exporter/journal.sqlite")
    with journal:
        journal.execute("UPDATE subjects SET first_seen_ms = first_seen_ms - 86400000")
    journal.close()


def test_one_message_when_it_ends_soon_another_when_it_has_and_one_when_it_is_well_again(host: Host) -> None:
    with web() as ntfy:
        env = {"NOTIFY_NTFY": f"http://{ntfy.address}/openclaw-alerts"}
        gateway(host.home, 1.5)
        host.run(MONITOR, env=env)
        watched(host)
        for expected in (1, 1):  # the second run has nothing new to say
            assert host.run(MONITOR, env=env).returncode == 0
            assert len(ntfy.got) == expected
        gateway(host.home, -0.1)
        assert host.run(MONITOR, env=env).returncode == 1  # the old one-hour throttle would have swallowed this one
        assert len(ntfy.got) == 2
        gateway(host.home, 400)
        assert host.run(MONITOR, env=env).returncode == 0
    warning, down, well = (got.body.decode() + str(got.headers) + got.path for got in ntfy.got)
    assert "openclaw-alerts" in warning
    assert "runs out" in warning
    assert "is down" in down
    assert re.search("resolved", well, re.IGNORECASE)
    assert not any(SETUP_TOKEN in message for message in (warning, down, well))


def test_a_message_that_could_not_be_sent_is_due_again(host: Host) -> None:
    gateway(host.home, -1)
    with web(lambda got: 503) as ntfy:
        env = {"NOTIFY_NTFY": f"ntfy://{ntfy.address}/topic"}
        ran = host.run(MONITOR, env=env)
    assert ran.returncode == 1
    assert "cannot deliver to ntfy" in ran.stderr
    assert not (host.home / ".openclaw" / "auth-monitor-state").exists()


def test_a_bare_number_is_refused_in_words_and_an_address_becomes_a_channel(host: Host) -> None:
    gateway(host.home, -1)
    ran = host.run(MONITOR, env={"NOTIFY_PHONE": "+49123456"})
    assert ran.returncode == 1
    assert "Apprise URL" in ran.stderr
    with web() as phone:
        assert host.run(MONITOR, env={"NOTIFY_PHONE": f"json://{phone.address}/hook"}).returncode == 1
    assert len(phone.got) == 1


@pytest.mark.parametrize("name", ["NOTIFY_NTFY", "NOTIFY_PHONE"])
@pytest.mark.parametrize("value", ['x"}, {"name": "y', "a\\b", "two words", "ntfy://h/t\n"])
def test_what_could_leave_its_string_is_refused(host: Host, name: str, value: str) -> None:
    ran = host.run(MONITOR, env={name: value})
    assert ran.returncode == 64
    assert name in ran.stderr
