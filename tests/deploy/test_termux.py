"""Edge. The home screen's shortcuts over stand-ins of `ssh` and the `termux-*` commands, with our real commands behind them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.deploy.phones import CANCELLED, FRESH, HERE, NO_ROUTE, TERMUX, chosen, configured, notified
from tests.deploy.stands import Host, gateway
from tests.running import free_port, serving

STATUS, REAUTH, SYNC = (TERMUX / "widgets" / f"{name}.sh" for name in ("status", "reauth", "sync"))


# ---------------------------------------------------------------- the status shortcut


def test_fine_is_one_short_toast(phone: Host) -> None:
    gateway(phone.home, None)
    assert phone.run(STATUS).returncode == 0
    assert [call[:2] for call in phone.called("termux-toast")] == [["-s", "fine: 1 gateway, 1 agent, 1 profile, 1 usable"]]
    assert phone.called("termux-vibrate") == [["-d", "50"]]
    assert not phone.called("termux-dialog")
    assert not phone.called("ssh")


@pytest.mark.parametrize(
    ("code", "title", "buzz"),
    [
        pytest.param(2, "A model login ends soon", "100", id="expiring"),
        pytest.param(1, "A model login needs renewing", "300", id="expired"),
    ],
)
def test_what_is_not_fine_asks_what_to_do_and_every_answer_is_taken(phone: Host, code: int, title: str, buzz: str) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", f"exit {code}\nopenclaw/main: anthropic: recorded\n")
    phone.stand_in("termux-dialog", chosen("Renew now"), chosen("Keep a note"), chosen("Dismiss"), CANCELLED)

    assert phone.run(STATUS).returncode == code
    assert phone.called("termux-dialog") == [["radio", "-t", title, "-v", "Renew now,Keep a note,Dismiss"]]
    assert phone.called("termux-vibrate") == [["-d", buzz]]
    assert phone.called("termux-clipboard-set") == [[f"sh {REAUTH}"]]
    assert phone.called("am")[0][:3] == ["start", "-n", "com.termux/com.termux.app.TermuxActivity"]

    phone.forget()
    assert phone.run(STATUS).returncode == code
    (note,) = notified(phone)
    assert (note["--title"], note["--id"]) == (title, "model-auth")
    assert "anthropic" in note["--content"]
    assert str(REAUTH) in note["--button1-action"]
    assert not phone.called("am")

    for _ in ("Dismiss", "back"):
        phone.forget()
        assert phone.run(STATUS).returncode == code
        (toast,) = phone.called("termux-toast")
        assert "anthropic" in toast[0]
        assert not phone.called("am")
        assert not phone.called("termux-notification")


def test_a_server_is_asked_over_ssh_without_a_password_question(phone: Host) -> None:
    gateway(phone.home, None)
    configured(phone, SERVER="gateway")
    assert phone.run(STATUS).returncode == 0
    assert phone.called("ssh") == [["-o", "ConnectTimeout=5", "-o", "BatchMode=yes", "--", "gateway", "model-auth-exporter check"]]


@pytest.mark.parametrize("name", ["OPENCLAW_SERVER", "CLAWDBOT_SERVER"])
def test_the_old_variables_name_the_server_too(phone: Host, name: str) -> None:
    phone.stand_in("ssh", "fine: recorded\n")
    assert phone.run(STATUS, env={name: "l36"}).returncode == 0
    assert "l36" in phone.called("ssh")[0]
    assert phone.called("termux-toast") == [["-s", "fine: recorded"]]


def test_without_a_connection_it_says_what_it_heard_last(phone: Host) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", "exit 2\nopenclaw/main: anthropic: anthropic:a expires soon\n", NO_ROUTE)
    phone.run(STATUS)
    phone.forget()
    assert phone.run(STATUS).returncode == 255
    (toast,) = phone.called("termux-toast")
    assert toast == ["No answer from gateway. Last answer, 0 min ago: openclaw/main: anthropic: anthropic:a expires soon"]
    assert not phone.called("termux-dialog")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(NO_ROUTE, 255, id="no-route"),
        pytest.param("exit 127", 127, id="not-installed"),
        pytest.param("exit 1", 255, id="no-words"),
    ],
)
def test_a_server_that_gives_no_verdict_is_not_taken_for_an_expired_login(phone: Host, answer: str, code: int) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", answer)
    assert phone.run(STATUS).returncode == code
    assert phone.called("termux-toast") == [["No answer from gateway. Last answer, no earlier answer"]]


def test_a_server_named_like_an_option_is_none(phone: Host) -> None:
    gateway(phone.home, None)
    configured(phone, SERVER="-oProxyCommand=touch hacked")
    phone.run(STATUS)
    assert not phone.called("ssh")


def test_a_running_exporter_is_asked_at_its_address(phone: Host) -> None:
    gateway(phone.home, 3)
    with serving(phone.home) as exporter:
        configured(phone, FROM=exporter.url)
        assert phone.run(STATUS).returncode == 2
    assert phone.run(STATUS).returncode == 255
    toasts = phone.called("termux-toast")
    assert "anthropic:manual expires at" in toasts[0][0]
    assert toasts[1][0].startswith(f"No answer from {exporter.url}. Last answer, 0 min ago: openclaw/main: anthropic")


# ---------------------------------------------------------------- the renewal


def test_nothing_is_renewed_when_nothing_is_wrong(phone: Host) -> None:
    gateway(phone.home, None)
    ran = phone.run(REAUTH)
    assert ran.returncode == 0
    assert "[y/N]" not in ran.stdout


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "what?\n"])
def test_a_no_changes_nothing(phone: Host, typed: str) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", "exit 1\nanthropic: nothing usable\n")
    ran = phone.run(REAUTH, typed=typed)
    assert ran.returncode == 1
    assert "Nothing was changed." in ran.stdout
    assert len(phone.called("ssh")) == 1


@pytest.mark.parametrize("typed", ["y\n", "Y\n", "yes\n"])
def test_a_yes_renews_on_the_server_at_a_terminal_and_looks_again(phone: Host, typed: str) -> None:
    configured(phone, SERVER="gateway", REMOTE="/opt/exporter")
    phone.stand_in("ssh", "exit 1\nanthropic: nothing usable\n", "exit 0", "fine: all of it\n")
    ran = phone.run(REAUTH, typed=typed)
    assert ran.returncode == 0
    assert phone.called("ssh")[1] == ["-t", "-o", "ConnectTimeout=5", "--", "gateway", "/opt/exporter reauth"]
    assert "gateway: fine: all of it" in ran.stdout
    assert phone.called("termux-notification-remove") == [["model-auth"]]


def test_a_renewal_that_fails_says_so_and_one_that_did_not_help_points_on(phone: Host) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", "exit 1\nanthropic: nothing usable\n", NO_ROUTE)
    ran = phone.run(REAUTH, typed="y\n")
    assert ran.returncode == 255
    assert "did not succeed" in ran.stdout
    phone.stand_in("ssh", "exit 1\nanthropic: nothing usable\n", "exit 0", "exit 1\nanthropic: nothing usable\n")
    ran = phone.run(REAUTH, typed="y\n")
    assert ran.returncode == 1
    assert "Sync shortcut" in ran.stdout


def test_without_a_connection_nothing_is_asked(phone: Host) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", NO_ROUTE)
    ran = phone.run(REAUTH, typed="y\n")
    assert ran.returncode == 255
    assert "No answer from gateway" in ran.stdout
    assert "[y/N]" not in ran.stdout


def test_an_address_alone_cannot_renew_and_with_a_server_beside_it_can(phone: Host) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    configured(phone, FROM=address, EXPORTER=str(phone.bin / "asked"))
    phone.program("asked", "echo 'anthropic: nothing usable'; exit 1")
    ran = phone.run(REAUTH, typed="y\n")
    assert ran.returncode == 1
    assert "Set SERVER" in ran.stdout
    configured(phone, FROM=address, SERVER="gateway", EXPORTER=str(phone.bin / "asked"))
    phone.stand_in("ssh", "")
    phone.run(REAUTH, typed="y\n")
    assert phone.called("ssh") == [["-t", "-o", "ConnectTimeout=5", "--", "gateway", "model-auth-exporter reauth"]]


@pytest.mark.parametrize("settings", [{}, {"SERVER": "gateway"}], ids=["here", "over-ssh"])
def test_a_pasted_token_ends_in_fine(phone: Host, settings: Mapping[str, str]) -> None:
    gateway(phone.home, -1)
    configured(phone, **settings)
    ran = phone.run(REAUTH, typed="y\n" + FRESH + "\n")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.rstrip().endswith("usable")
    assert FRESH not in ran.stdout + ran.stderr
    assert FRESH in (phone.home / ".openclaw/agents/main/agent/auth-profiles.json").read_text()


# ---------------------------------------------------------------- sync and restart


@pytest.mark.parametrize(("typed", "restarted"), [("n\n", False), ("", False), ("y\n", True)])
def test_sync_shows_what_is_out_of_step_and_restarts_only_on_a_yes(phone: Host, typed: str, restarted: bool) -> None:
    configured(phone, SERVER="gateway", SETTLE_SECONDS="0")
    phone.stand_in("ssh", "doctor's words\n", "exit 1\nanthropic: nothing usable\n", "", "fine: again\n")
    ran = phone.run(SYNC, typed=typed)
    commands = [call[-1] for call in phone.called("ssh")]
    assert commands[:2] == ["model-auth-exporter doctor", "model-auth-exporter check"]
    assert "doctor's words" in ran.stdout
    assert ran.returncode == (0 if restarted else 1)
    assert ("systemctl --user restart" in "".join(commands[2:])) is restarted
    assert ("fine: again" in ran.stdout) is restarted


@pytest.mark.parametrize("active", ["openclaw", "clawdbot", "remoteclaw", None])
def test_the_unit_that_runs_is_the_one_restarted(phone: Host, active: str | None) -> None:
    configured(phone, SERVER="gateway", SETTLE_SECONDS="0")
    phone.stand_in("ssh", "doctor\n", "fine: all\n", HERE, "fine: all\n")
    phone.program(
        "systemctl", f'case "$*" in *is-active*{active}-gateway) exit 0 ;; *is-active*) exit 3 ;; esac; echo "$*" >>{phone.root}/restarts'
    )
    ran = phone.run(SYNC, typed="y\n")
    done = phone.root / "restarts"
    assert (done.read_text() if done.exists() else "") == (f"--user restart {active}-gateway\n" if active else "")
    assert ran.returncode == (0 if active else 1)
    assert ("was not restarted" in ran.stdout) is (active is None)


def test_on_the_phone_the_restart_is_what_the_settings_say(phone: Host) -> None:
    phone.stand_in("model-auth-exporter", "fine: all\n")
    assert "Set RESTART" in phone.run(SYNC, typed="y\n").stdout
    configured(phone, RESTART=f"touch {phone.root}/restarted", SETTLE_SECONDS="0")
    assert phone.run(SYNC, typed="y\n").returncode == 0
    assert (phone.root / "restarted").exists()


def test_sync_without_a_connection_asks_nothing(phone: Host) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", NO_ROUTE)
    ran = phone.run(SYNC, typed="y\n")
    assert ran.returncode == 255
    assert "Restart" not in ran.stdout
