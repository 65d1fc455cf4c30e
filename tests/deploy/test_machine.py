"""Edge. The units and install.sh on a whole machine: a fresh Debian, first as a bare directory, then booted with systemd.

Minutes long; wants root, debootstrap and systemd-nspawn (Debian: systemd-container).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.machine import Machine, booted, debian
from tests.deploy.scratch import tree
from tests.running import until

pytestmark = [pytest.mark.soak, pytest.mark.real]

USER = "claw"
HOME = f"/home/{USER}"
CONFIG = f"{HOME}/.config/model-auth-exporter/config.yaml"
STORE = f"{HOME}/.openclaw/agents/main/agent/auth-profiles.json"
SERVICE = "model-auth-exporter"
PLACES = ("etc", "opt", "usr/local", "home", "var/lib/model-auth-exporter", "var/spool/cron")
GET = """python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:10987/metrics").read().decode())'"""


def _document(profile: str) -> str:
    key = {"type": "api_key", "provider": "openai", "key": "sk-fake-not-a-key-0000000000"}
    return json.dumps({"version": 1, "profiles": {profile: key}})


def _quiet(machine: Machine, more: str = "") -> None:
    machine.write(CONFIG, f"host: box\nprobes: {{enabled: false}}\nstate_dir: /var/lib/model-auth-exporter\n{more}", USER, 0o600)


@pytest.fixture(scope="module")
def made(program: Callable[..., str]) -> Iterator[Machine]:
    """A fresh machine with one user who has a gateway."""
    for name in ("debootstrap", "systemd-nspawn", "nsenter"):
        program(name)
    with tempfile.TemporaryDirectory(prefix="model-auth-exporter-", ignore_cleanup_errors=True) as folder:
        machine = debian(Path(folder) / "root")
        machine.run(f"useradd --create-home {USER}; useradd --create-home other")
        machine.write(STORE, _document("openai:one"), USER, 0o600)
        machine.write(f"{HOME}/.openclaw/openclaw.json", "{}", USER, 0o600)
        yield machine


@pytest.fixture(scope="module")
def bare(made: Machine) -> None:
    """An installation in the bare directory, nothing running there; it leaves nothing behind."""
    places = [made.root / place for place in PLACES]
    before = tree(*places)
    said = made.run("/srv/deploy/install.sh --from model-auth-exporter --scheduler none")
    assert f"{HOME}/.openclaw" in said
    checked = made.ask(f"runuser -u {USER} -- env HOME={HOME} MODEL_AUTH_EXPORTER_PROBES__ENABLED=false model-auth-exporter check")
    assert (checked.returncode, "1 profile" in checked.stdout) == (0, True), checked.stdout + checked.stderr
    made.run("/srv/deploy/install.sh --uninstall --purge")
    assert tree(*places) == before


@pytest.fixture(scope="module")
def host(made: Machine, bare: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """That machine, booted; a gateway runs, and install.sh has installed the service."""
    with booted(made, tmp_path_factory.mktemp("machine") / "console.log") as running:
        running.run(
            f"runuser -u {USER} -- env OPENAI_API_KEY=sk-fake-of-the-process"
            " setsid bash -c 'exec -a openclaw-gateway sleep 100000' >/dev/null 2>&1 </dev/null &"
        )
        running.run("/srv/deploy/install.sh --from model-auth-exporter")
        _quiet(running)
        running.run(f"systemctl restart {SERVICE}")
        yield running
        running.run("/srv/deploy/install.sh --uninstall --purge")
        assert [path for path in tree(*(running.root / place for place in PLACES)) if "model-auth" in path[len(str(running.root)) :]] == []


def _shown(host: Machine, unit: str, *properties: str) -> list[str]:
    asked = " ".join(f"--property={name}" for name in properties)
    pairs = dict(line.split("=", 1) for line in host.run(f"systemctl show {asked} {unit}").splitlines())
    return [pairs[name] for name in properties]


@pytest.fixture
def drop_in(host: Machine) -> Iterator[Callable[[str], None]]:
    """Return a function that adds settings to the service until the test is over; then it runs again as it was."""
    path = f"/run/systemd/system/{SERVICE}.service.d/test.conf"

    def add(text: str) -> None:
        host.write(path, text)
        host.run("systemctl daemon-reload")

    yield add
    host.run(f"rm -rf /run/systemd/system/{SERVICE}.service.d")
    _quiet(host)
    host.run(f"systemctl daemon-reload; systemctl reset-failed '{SERVICE}*' || true; systemctl restart {SERVICE}")


def test_in_its_box_the_service_sees_the_gateway_and_cannot_touch_it(host: Machine) -> None:
    metrics = host.run(GET)
    assert 'profile="openai:one"' in metrics
    assert 'profile="env:OPENAI_API_KEY"' in metrics  # only the process has it
    assert "process_start_time_seconds" in metrics
    pid = _shown(host, SERVICE, "MainPID")[0]
    inside = f"nsenter --target={pid} --mount"
    assert host.run(f"{inside} ls /home") == USER
    assert "Read-only" in host.ask(f"{inside} touch {HOME}/.openclaw/x").stderr
    assert "Read-only" in host.ask(f"{inside} touch /etc/x").stderr


def test_a_store_that_its_owner_replaces_is_read_again(host: Machine) -> None:
    host.write(STORE, _document("openai:two"), USER, 0o600)
    until("the new profile", lambda: 'profile="openai:two"' in host.run(GET), 60, 1)
    host.write(STORE, _document("openai:one"), USER, 0o600)


def test_a_user_namespace_would_hide_the_environment_of_the_gateway(host: Machine, drop_in: Callable[[str], None]) -> None:
    drop_in("[Service]\nPrivateUsers=yes")
    host.run(f"systemctl restart {SERVICE}")
    assert 'profile="env:OPENAI_API_KEY"' not in host.run(GET)


def test_reload_waits_until_it_is_done(host: Machine) -> None:
    pid = _shown(host, SERVICE, "MainPID")
    host.run(f"systemctl reload {SERVICE}")
    until("it says so", lambda: "event=reloaded" in host.run(f"journalctl --unit={SERVICE} --no-pager"), 30, 1)
    until("it is active again", lambda: _shown(host, SERVICE, "ActiveState") == ["active"], 30, 1)
    assert _shown(host, SERVICE, "MainPID", "NRestarts") == [*pid, "0"]
    assert "1 agent" in _shown(host, SERVICE, "StatusText")[0]


def test_the_watchdog_ends_what_hangs_and_starts_it_anew(host: Machine, drop_in: Callable[[str], None]) -> None:
    drop_in("[Service]\nWatchdogSec=5s\nRestartSec=1s\nTimeoutAbortSec=2s")
    host.run(f"systemctl restart {SERVICE}; sleep 10")
    assert _shown(host, SERVICE, "NRestarts", "ActiveState") == ["0", "active"]  # fed in time
    host.run(f"kill -STOP $(systemctl show --property=MainPID --value {SERVICE})")
    until("it was started anew", lambda: _shown(host, SERVICE, "NRestarts", "ActiveState") == ["1", "active"], 60, 1)
    assert "Watchdog timeout" in host.run(f"journalctl --unit={SERVICE} --no-pager")


def test_bad_settings_are_not_tried_again(host: Machine, drop_in: Callable[[str], None]) -> None:
    drop_in("[Service]\nRestartSec=100ms")
    _quiet(host, "nonsense: 1\n")
    assert host.ask(f"systemctl restart {SERVICE}").returncode != 0
    assert _shown(host, SERVICE, "ActiveState", "NRestarts", "ExecMainStatus") == ["failed", "0", "78"]


def test_when_it_fails_for_good_every_channel_is_told(host: Machine, drop_in: Callable[[str], None]) -> None:
    told = "/var/lib/model-auth-exporter/told"
    host.run(f"systemctl stop {SERVICE}")
    drop_in("[Unit]\nStartLimitBurst=2\n[Service]\nRestartSec=100ms")
    _quiet(host, f"channels:\n  - {{name: file, command: [tee, {told}]}}\n")
    host.run("python3 -m http.server --bind 127.0.0.1 10987 >/dev/null 2>&1 </dev/null & echo $! >/run/taker; sleep 2")
    host.ask(f"systemctl restart {SERVICE}")
    try:
        words = until("the channel has it", lambda: host.ask(f"cat {told}").stdout, 60, 1)
    finally:
        host.run("kill $(cat /run/taker)")
    assert json.loads(words)["plain"].startswith(f"{SERVICE}.service has failed: exit-code 70\n")


def test_secrets_come_as_credentials_plain_and_encrypted(host: Machine, drop_in: Callable[[str], None]) -> None:
    folder = "/etc/model-auth-exporter/credentials"
    token = "tok-fake-0123456789"
    host.run(f"mkdir -p -m 700 {folder}; systemd-creds setup 2>&1")
    host.run(f"echo json://127.0.0.1:1/ >{folder}/channels.ops.url")
    host.run(f"echo {token} | systemd-creds encrypt --with-key=host --name=web.bearer_token - {folder}/web.bearer_token.cred 2>&1")
    drop_in(
        f"[Service]\nLoadCredential=channels.ops.url:{folder}/channels.ops.url\n"
        f"LoadCredentialEncrypted=web.bearer_token:{folder}/web.bearer_token.cred"
    )
    _quiet(host, "channels:\n  - {name: ops}\n")
    host.run(f"systemctl restart {SERVICE}")
    assert "401" in host.ask(GET).stderr
    fetch = f"urllib.request.Request('http://127.0.0.1:10987/metrics', headers={{'Authorization': 'Bearer {token}'}})"
    assert host.run(f'python3 -c "import urllib.request; print(urllib.request.urlopen({fetch}).status)"') == "200"
    host.run("rm -r /etc/model-auth-exporter /var/lib/systemd/credential.secret")


def test_installing_again_as_a_timer_and_back(host: Machine) -> None:
    host.run("/srv/deploy/install.sh --from model-auth-exporter --mode timer")
    assert host.ask(f"systemctl cat {SERVICE}.service").returncode != 0
    assert host.run(f"systemctl is-enabled {SERVICE}-check.timer; systemctl is-active {SERVICE}-check.timer").split() == [
        "enabled",
        "active",
    ]
    host.write(STORE, json.dumps({"version": 1, "profiles": {}}), USER, 0o600)
    host.run(f"systemctl start {SERVICE}-check.service")
    assert _shown(host, f"{SERVICE}-check.service", "Result", "ExecMainStatus") == ["success", "0"]
    assert "model_auth_profile_info" in host.run("runuser -u other -- cat /run/model-auth-exporter/model-auth.prom")
    host.write(STORE, "{", USER, 0o600)
    host.run(f"systemctl start {SERVICE}-check.service")
    assert _shown(host, f"{SERVICE}-check.service", "Result", "ExecMainStatus") == ["success", "1"]  # a verdict, no failure
    host.write(STORE, _document("openai:one"), USER, 0o600)
    host.run("/srv/deploy/install.sh --from model-auth-exporter --mode serve")
    assert host.run(f"systemctl is-active {SERVICE}") == "active"


def test_another_user_installs_units_of_their_own(host: Machine) -> None:
    home = "/home/other"
    host.write(f"{home}/.openclaw/agents/main/agent/auth-profiles.json", _document("openai:other"), "other", 0o600)
    host.run("loginctl enable-linger other")
    until("a manager for that user", lambda: host.ask("systemctl --user is-system-running", "other").stdout.strip() == "running", 60, 1)
    script = "/srv/deploy/install.sh --from model-auth-exporter --listen 127.0.0.1:10988"
    host.run(f"{script} && sed -i 's/^  enabled: true/  enabled: false/' ~/.config/model-auth-exporter/config.yaml", "other")
    assert host.run(f"systemctl --user restart {SERVICE}; systemctl --user is-active {SERVICE}", "other") == "active"
    assert 'profile="openai:other"' in host.run(GET.replace("10987", "10988"))
    host.run(f"systemctl --user reload {SERVICE}; sleep 1; systemctl --user is-active {SERVICE}", "other")
    host.run("/srv/deploy/install.sh --uninstall --purge", "other")
    assert host.run(f"find {home} -name '*model-auth*'") == ""
    host.run("loginctl disable-linger other")
