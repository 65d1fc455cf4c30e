"""Edge. What runs on a phone in the background: job, boot, and notices that become notifications."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.deploy.phones import NO_ROUTE, TERMUX, configured, notified, ours
from tests.deploy.stands import Host, gateway
from tests.running import run

JOB, BOOT, NOTIFY = (TERMUX / f"{name}.sh" for name in ("job", "boot", "notify"))


def test_the_job_tells_a_change_once_and_the_end_of_it(phone: Host) -> None:
    configured(phone, SERVER="gateway")
    bad, soon, fine = "exit 1\nanthropic: nothing usable\n", "exit 2\nanthropic ends\n", "fine: all\n"
    phone.stand_in("ssh", fine, soon, soon, bad, bad, fine, fine)
    codes = [phone.run(JOB).returncode for _ in range(7)]
    assert codes == [0, 2, 2, 1, 1, 0, 0]
    told = [(note["--title"], note["--priority"]) for note in notified(phone)]
    assert told == [
        ("A model login ends soon", "default"),
        ("A model login needs renewing", "high"),
        ("Model logins are fine again", "low"),
    ]
    assert {note["--id"] for note in notified(phone)} == {"model-auth"}


def test_one_lost_connection_is_nothing_and_the_second_is_told_once(phone: Host) -> None:
    configured(phone, SERVER="gateway")
    phone.stand_in("ssh", "fine: all\n", NO_ROUTE, NO_ROUTE, NO_ROUTE, "fine: all\n")
    assert [phone.run(JOB).returncode for _ in range(4)] == [0, 255, 255, 255]
    (note,) = notified(phone)
    assert (note["--title"], note["--id"]) == ("No answer from gateway", "model-auth-reach")
    phone.run(JOB)
    assert phone.called("termux-notification-remove") == [["model-auth-reach"]]
    assert len(notified(phone)) == 1


def channel(phone: Host) -> None:
    installed = "/data/data/com.termux/files/home/.local/share/model-auth-exporter/termux"
    ours(phone, "config.yaml").write_text((TERMUX / "channel.yaml.example").read_text().replace(installed, str(TERMUX)))


def test_the_sample_channel_is_one_our_settings_accept(phone: Host) -> None:
    channel(phone)
    ran = run("config", "check", str(ours(phone, "config.yaml")), home=phone.home)
    assert ran.returncode == 0, ran.stderr


def test_on_the_phones_own_gateway_findings_become_notifications_and_a_repair_replaces_them(phone: Host) -> None:
    channel(phone)
    gateway(phone.home, -1)
    assert phone.run(JOB).returncode == 1
    (down,) = notified(phone)
    assert (down["--id"], down["--priority"]) == ("model-auth-provider-anthropic", "max")
    assert "anthropic is down" in down["--title"]
    assert "Fix:" in down["--content"]
    assert phone.run(JOB).returncode == 1
    assert len(notified(phone)) == 1
    gateway(phone.home, None)
    assert phone.run(JOB).returncode == 0
    again = notified(phone)[1]
    assert (again["--id"], again["--priority"]) == (down["--id"], "low")
    assert "--button1" not in again


def test_the_repair_on_the_button_survives_two_shells(phone: Host) -> None:
    words = 'it\'s "quoted"; $(touch hacked) `id`'
    notice = {
        "kind": "firing", "severity": "warning", "title": "-t $HOME", "plain": "a\nb", "cause": "profile/a b", "entries": [{"command": words, "url": "https://x/?a=1&b='"}],
    }  # fmt: skip
    assert phone.run(NOTIFY, typed=json.dumps(notice)).returncode == 0
    (note,) = notified(phone)
    assert (note["--title"], note["--content"], note["--id"], note["--priority"]) == ("-t $HOME", "a\nb", "model-auth-profile-a-b", "high")
    for action, expected in (
        (note["--button1-action"], ["termux-clipboard-set", words]),
        (note["--action"], ["termux-open-url", "https://x/?a=1&b='"]),
    ):
        subprocess.run(["/bin/sh", "-c", action], env={"PATH": "/nowhere"}, check=True)  # as Android runs it
        assert phone.calls[-1] == expected
    assert not (phone.root / "hacked").exists()


@pytest.mark.parametrize(
    ("kind", "severity", "priority"),
    [("firing", "critical", "max"), ("reminder", "warning", "high"), ("canary", "info", "min"), ("resolved", "critical", "low")],
)
def test_the_priority_follows_kind_and_severity(phone: Host, kind: str, severity: str, priority: str) -> None:
    notice = {"kind": kind, "severity": severity, "title": "t", "plain": "p", "cause": "", "entries": []}
    phone.run(NOTIFY, typed=json.dumps(notice))
    assert notified(phone)[0]["--priority"] == priority


def test_a_phone_that_cannot_notify_makes_the_notice_due_again(phone: Host) -> None:
    phone.stand_in("termux-notification", "exit 1")
    notice = {"kind": "firing", "severity": "warning", "title": "t", "plain": "p", "cause": "", "entries": []}
    assert phone.run(NOTIFY, typed=json.dumps(notice)).returncode == 1
    assert phone.run(NOTIFY, typed="no JSON").returncode != 0


def test_an_exporter_that_cannot_judge_is_told_itself(phone: Host) -> None:
    ours(phone, "config.yaml").write_text("listn: x\n")
    assert phone.run(JOB).returncode == 78
    assert "Model logins are not being watched" in phone.called("termux-notification")[0]


def test_boot_asks_for_the_job_or_starts_the_daemon(phone: Host) -> None:
    configured(phone, SERVER="gateway", PERIOD_MINUTES="60")
    assert phone.run(BOOT).returncode == 0
    (job,) = phone.called("termux-job-scheduler")
    asked = dict(zip(job[::2], job[1::2], strict=True))
    assert (asked["--script"], asked["--period-ms"], asked["--persisted"], asked["--network"]) == (str(JOB), "3600000", "true", "any")
    configured(phone, SERVE="yes", EXPORTER="recorded-exporter")
    phone.stand_in("recorded-exporter")
    phone.forget()
    assert phone.run(BOOT).returncode == 0
    assert phone.called("termux-wake-lock") == [[]]
    assert not phone.called("termux-job-scheduler")
