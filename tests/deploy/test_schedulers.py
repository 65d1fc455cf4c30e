"""Edge. Cron lines, launchd property lists and the OpenRC service: each command is taken from the file and really run."""

from __future__ import annotations

import plistlib
import re
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.stands import DEPLOY, Host, gateway
from tests.running import SILENT, free_port, started

CRON = sorted((DEPLOY / "cron").iterdir())
PLISTS = sorted((DEPLOY / "launchd").glob("*.plist"))
SERVICE = DEPLOY / "openrc" / "model-auth-exporter"
# man launchd.plist; what is not named there is silently ignored by launchd.
KEYS = {
    "Label": str, "ProgramArguments": list, "RunAtLoad": bool, "KeepAlive": dict, "ThrottleInterval": int, "ExitTimeOut": int,
    "ProcessType": str, "Umask": int, "StartInterval": int,
}  # fmt: skip
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host with our command where install scripts put a user's."""
    host = Host(tmp_path)
    local = host.home / ".local/bin"
    local.mkdir(parents=True)
    (host.bin / "model-auth-exporter").rename(local / "model-auth-exporter")
    return host


def bare(host: Host, **extra: str) -> dict[str, str]:
    """Return what cron and launchd give a job, and where our package and state are."""
    kept = {name: value for name, value in host.environment().items() if name.startswith(("PYTHON", "XDG_"))}
    return {"HOME": str(host.home), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", **kept, **SILENT, **extra}


# ---------------------------------------------------------------- cron


def jobs(path: Path) -> tuple[dict[str, str], list[tuple[list[str], str]]]:
    """Read a crontab as cron does: variables, and per job the time fields and the rest."""
    variables, found = {}, []
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if match := re.fullmatch(r"(\w+)=(\S*)", line):
            variables[match[1]] = match[2]
        else:
            fields = line.split(None, 5)
            found.append((fields[:5], fields[5]))
    return variables, found


@pytest.mark.parametrize("path", CRON, ids=lambda path: path.name)
def test_a_cron_file_is_one_cron_can_read(path: Path) -> None:
    assert path.read_text().endswith("\n")  # cron ignores a last line without its end
    variables, found = jobs(path)
    assert "$" not in variables["PATH"]  # nothing expands it there
    assert found
    for fields, command in found:
        assert "%" not in command  # would become a line break
        for field, (_, lowest, highest) in zip(fields, FIELDS, strict=True):
            assert all(lowest <= int(number) <= highest for number in re.findall(r"\d+", field)), field
            assert re.fullmatch(r"\*|\d+(,\d+)*", field)


@pytest.mark.parametrize(("hours", "code"), [(None, 0), (3, 2), (-1, 1)])
def test_the_users_line_says_nothing_unless_the_exporter_itself_failed(host: Host, hours: float | None, code: int) -> None:
    gateway(host.home, hours)
    variables, ((_, command),) = jobs(DEPLOY / "cron" / "crontab.example")
    settings = host.root / "xdg-config/model-auth-exporter/config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"channels: [{{name: file, command: [sh, -c, 'cat >>{host.root}/told']}}]\n")

    def ran() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command], env=bare(host, **variables), cwd=host.home, capture_output=True, text=True, check=False
        )

    first = ran()
    assert (first.returncode, first.stdout, first.stderr) == (code, "", "")
    assert (host.root / "told").exists() is (code != 0)
    settings.write_text("listn: x\n")
    broken = ran()
    assert broken.returncode == 78
    assert "did you mean listen" in broken.stderr


def test_the_system_line_runs_as_the_gateways_user_and_writes_the_textfile(host: Host) -> None:
    gateway(host.home, None)
    _, ((_, rest),) = jobs(DEPLOY / "cron" / "model-auth-exporter")
    user, command = rest.split(None, 1)
    assert user == "openclaw"
    words = shlex.split(command)
    file = host.root / "model_auth.prom"
    words[words.index("--textfile") + 1] = str(file)
    settings = host.root / "xdg-config/model-auth-exporter/config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("channels: [{name: nobody, command: ['true']}]\n")
    env = bare(host, PATH=f"{host.home}/.local/bin:/usr/bin:/bin")
    ran = subprocess.run(words, env=env, cwd=host.home, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert "model_auth_profile_health" in file.read_text()


# ---------------------------------------------------------------- launchd


def plist(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = plistlib.loads((DEPLOY / "launchd" / name).read_bytes(), fmt=plistlib.FMT_XML)
    return tree


@pytest.mark.parametrize("path", PLISTS, ids=lambda path: path.name)
def test_a_property_list_has_known_keys_of_the_right_type(path: Path) -> None:
    tree = plist(path.name)
    assert {key: type(value) for key, value in tree.items()} == {key: KEYS[key] for key in tree}
    assert f"{tree['Label']}.plist" == path.name
    assert tree["ProgramArguments"][0].startswith("/")  # launchd searches no PATH and expands no ~
    assert tree["Umask"] == 0o077
    shell = subprocess.run(["/bin/sh", "-n", "-c", tree["ProgramArguments"][2]], capture_output=True, check=False)
    assert shell.returncode == 0, shell.stderr


def launched(host: Host, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(plist(name)["ProgramArguments"], env=bare(host), cwd="/", capture_output=True, text=True, check=False, timeout=60)


def log(host: Host) -> str:
    return (host.home / "Library/Logs/model-auth-exporter.log").read_text()


def test_the_check_ends_with_the_verdict_and_logs_its_own_failures_only(host: Host) -> None:
    gateway(host.home, 3)
    ran = launched(host, "model-auth-exporter.check.plist")
    assert (ran.returncode, ran.stdout + ran.stderr) == (2, "")
    assert "no channels are set" in log(host)
    assert "anthropic" not in log(host)


def test_the_daemon_serves_and_ends_on_sigterm(host: Host) -> None:
    gateway(host.home, None)
    tree = plist("model-auth-exporter.serve.plist")
    assert tree["KeepAlive"] == {"SuccessfulExit": False}
    address = f"127.0.0.1:{free_port()}"
    env = bare(host, MODEL_AUTH_EXPORTER_LISTEN=address)
    with started(tree["ProgramArguments"], f"http://{address}", "/-/ready", host.root / "out", env=env) as server:
        assert server.stop(signal.SIGTERM) == 0  # the shell has given way to it
    assert "event=serving" in log(host)


def test_bad_settings_are_no_reason_to_be_started_again(host: Host) -> None:
    settings = host.root / "xdg-config/model-auth-exporter/config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("listn: x\n")
    assert launched(host, "model-auth-exporter.serve.plist").returncode == 0
    assert "did you mean listen" in log(host)


# ---------------------------------------------------------------- OpenRC

_RUN = """
eerror() { echo "error: $*"; }; ebegin() { echo "begin: $*"; }; eend() { return "$1"; }
checkpath() { echo "checkpath $*"; }
need() { :; }; use() { :; }; after() { :; }
getent() { [ "$2" = openclaw ] && echo "openclaw:x:1:1::$GATEWAY_HOME:/bin/sh"; }
RC_SVCNAME=model-auth-exporter
set -u
"""


def openrc(host: Host, call: str, conf: str = "") -> subprocess.CompletedProcess[str]:
    """Source the service as openrc-run does, after its conf.d, with what openrc-run offers, and call one function."""
    ours = f"exporter={shlex.quote(str(host.home / '.local/bin/model-auth-exporter'))}\n"
    confd = (DEPLOY / "openrc" / "model-auth-exporter.confd").read_text()
    program = f"{_RUN}\n{confd}\n{ours}{conf}\n. {SERVICE}\n{call}\n"
    host.stand_in("supervise-daemon")
    env = bare(host, GATEWAY_HOME=str(host.home), PATH=f"{host.bin}:/usr/bin:/bin")
    return subprocess.run(["/bin/sh", "-c", program], env=env, cwd=host.root, capture_output=True, text=True, check=False)


def test_the_service_starts_our_daemon_as_the_gateways_user_in_its_home(host: Host) -> None:
    shown = openrc(host, 'echo "$command_user|$command $command_args|$supervise_daemon_args|$supervisor"; depend').stdout.strip()
    expected = f"--env HOME={host.home} --env STATE_DIRECTORY=/var/lib/model-auth-exporter"
    assert shown == f"openclaw|{host.home}/.local/bin/model-auth-exporter serve|{expected}|supervise-daemon"
    assert "serve --config /etc/x.yaml|" in openrc(host, 'echo "$command_args|"', "config=/etc/x.yaml").stdout


def test_it_makes_its_directories_and_refuses_bad_settings_before_it_starts(host: Host) -> None:
    settings = host.root / "config.yaml"
    settings.write_text("listen: 127.0.0.1:1\n")
    ran = openrc(host, "start_pre", f"config={settings}")
    assert ran.returncode == 0, ran.stderr
    assert "checkpath --directory --owner openclaw --mode 0700 /var/lib/model-auth-exporter /var/log/model-auth-exporter" in ran.stdout
    settings.write_text("listn: x\n")
    ran = openrc(host, "start_pre", f"config={settings}")
    assert ran.returncode == 78
    assert "did you mean listen" in ran.stderr


def test_it_reloads_only_what_is_sound(host: Host) -> None:
    settings = host.root / "config.yaml"
    settings.write_text("listn: x\n")
    assert openrc(host, "reload", f"config={settings}").returncode == 1
    assert not host.calls
    settings.write_text("")
    assert openrc(host, "reload", f"config={settings}").returncode == 0
    assert host.calls == [["supervise-daemon", "model-auth-exporter", "--signal", "HUP", "--pidfile", "/run/model-auth-exporter.pid"]]


def test_a_user_that_is_not_there_is_named(host: Host) -> None:
    ran = openrc(host, "start_pre", "user=nobody-here")
    assert ran.returncode == 1
    assert "nobody-here" in ran.stdout
