from __future__ import annotations

import os
import plistlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exporter.environment import variables
from exporter.host import login_shell
from exporter.host.environment import HostReader, gateway_environment
from exporter.host.processes import alive, gateways
from exporter.model import Environment, EnvPlace, Family, GatewayConfig, ProblemReason, Secret
from exporter.reading.discovery import Home

OWN = {"OWN_KEY": "own", "SHARED": "own", "MODEL_AUTH_EXPORTER_TOKEN": "ours alone"}


class Host:
    """A machine in a directory: a home with a gateway, and the system's own files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home/u"
        self.state = self.home / ".openclaw"
        self.state.mkdir(parents=True)
        (root / "proc").mkdir()

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
        return target

    def process(self, pid: int, argv: str, environ: Mapping[str, str] | None, started: int = 100, name: str = "node") -> None:
        words = argv.split()
        self.write(f"proc/{pid}/cmdline", b"".join(word.encode() + b"\0" for word in words))
        self.write(f"proc/{pid}/stat", f"{pid} ({name}) S " + " ".join(["0"] * 18) + f" {started} 0 0\n")
        if environ is not None:
            self.write(f"proc/{pid}/environ", b"".join(f"{key}={value}\0".encode() for key, value in environ.items()))

    def unit(self, text: str, name: str = "openclaw-gateway.service", where: str = "home/u/.config/systemd/user") -> Path:
        return self.write(f"{where}/{name}", f"[Service]\nExecStart=/usr/bin/openclaw gateway\n{text}\n")

    def gateway(self, state: str = ".openclaw", **changes: object) -> Home:
        values: dict[str, object] = {
            "gateway": "openclaw",
            "family": Family.OPENCLAW,
            "state_dir": self.home / state,
            "config_path": self.home / state / "openclaw.json",
            "user": None,
            "home": self.home,
            "env_file": None,
            "service": None,
            "explicit": False,
        }
        return Home(**(values | changes))  # type: ignore[arg-type]

    def look(self, config: GatewayConfig | None = None, **changes: object) -> Environment:
        return gateway_environment(self.gateway(**changes), config, OWN, self.root)  # type: ignore[arg-type]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def counting(environment: Environment) -> dict[str, str]:
    return {name: secret.reveal() for name, (secret, layer) in variables(environment).items() if layer.counts}


def listed(environment: Environment) -> dict[str, str]:
    return {name: secret.reveal() for name, (secret, layer) in variables(environment).items() if not layer.counts}


def test_without_any_gateway_on_the_host_our_own_environment_counts(host: Host) -> None:
    environment = host.look()
    assert environment.seen
    assert counting(environment) == {"OWN_KEY": "own", "SHARED": "own"}


def test_the_process_environment_is_the_services_and_ours_is_not(host: Host) -> None:
    host.process(41, "openclaw-gateway", {"HOME": str(host.home), "K": "v", "SHARED": "theirs"})
    environment = host.look()
    assert (environment.seen, environment.why) == (True, "read from the gateway's process 41")
    assert counting(environment) == {"HOME": str(host.home), "K": "v", "SHARED": "theirs"}
    assert listed(environment) == {}


@pytest.mark.parametrize(
    ("argv", "environ", "state", "ours"),
    [
        ("openclaw-gateway", {"OPENCLAW_STATE_DIR": "{state}"}, ".openclaw-x", True),
        ("openclaw-gateway", {"OPENCLAW_PROFILE": "x"}, ".openclaw-x", True),
        ("node /a/openclaw/dist/index.js --profile x gateway", {}, ".openclaw-x", True),
        ("openclaw-gateway", {}, ".openclaw-x", False),
        ("openclaw-gateway", {"OPENCLAW_PROFILE": "x"}, ".openclaw", False),
        ("clawdbot gateway", {"CLAWDBOT_STATE_DIR": "{state}"}, ".openclaw-x", True),
        ("openclaw gateway status", {"OPENCLAW_PROFILE": "x"}, ".openclaw-x", False),
    ],
)
def test_a_process_belongs_to_the_home_its_environment_leads_to(
    host: Host, argv: str, environ: Mapping[str, str], state: str, ours: bool
) -> None:
    (host.home / state).mkdir(exist_ok=True)
    values = {name: value.replace("{state}", str(host.home / state)) for name, value in environ.items()}
    host.process(41, argv, {"HOME": str(host.home), **values, "K": "v"})
    environment = host.look(state=state)
    assert environment.seen
    assert ("K" in counting(environment), "OWN_KEY" in counting(environment)) == (ours, not ours)


def test_of_several_processes_the_last_started_speaks(host: Host) -> None:
    for pid, started in ((9, 1000), (10, 99), (11, 200)):
        host.process(pid, "openclaw-gateway", {"HOME": str(host.home), "PID": str(pid)}, started, name="a) Z (b")
    assert counting(host.look())["PID"] == "9"


def test_a_process_that_hides_its_environment_makes_it_unseen(host: Host) -> None:
    host.process(41, "openclaw-gateway", None)
    environment = host.look()
    assert (environment.seen, environment.why) == (False, "process 41 runs a gateway, and its environment cannot be read")
    assert (counting(environment), listed(environment)) == ({}, {"OWN_KEY": "own", "SHARED": "own"})


def test_a_hidden_process_of_another_profile_is_not_ours(host: Host) -> None:
    host.process(41, "openclaw --profile other gateway", None)
    assert host.look().seen


def test_a_unit_shows_the_environment_through_a_hidden_process(host: Host) -> None:
    host.process(41, "openclaw-gateway", None)
    host.unit("Environment=K=v")
    environment = host.look()
    assert (environment.seen, environment.why, counting(environment)) == (True, "read from openclaw-gateway.service", {"K": "v"})


@pytest.mark.parametrize(
    "where",
    [
        "home/u/.config/systemd/user",
        "home/u/.local/share/systemd/user",
        "etc/systemd/user",
        "usr/lib/systemd/user",
        f"run/user/{os.geteuid()}/systemd/transient",
    ],
)
def test_user_units_are_found_wherever_systemd_looks(host: Host, where: str) -> None:
    host.unit("Environment=K=v", where=where)
    assert counting(host.look()) == {"K": "v"}


@pytest.mark.parametrize("where", ["etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"])
def test_system_units_are_the_gateways_of_the_user_they_run_as(host: Host, where: str) -> None:
    host.unit(f"User={os.geteuid()}\nEnvironment=K=v", where=where)
    assert counting(host.look()) == {"K": "v"}


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        ("openclaw-gateway-work.service", "", ".openclaw-work"),
        ("openclaw-gateway.service", "Environment=OPENCLAW_PROFILE=work", ".openclaw-work"),
        ("openclaw-gateway.service", "Environment=OPENCLAW_STATE_DIR=%h/elsewhere", "elsewhere"),
        ("openclaw-gateway.service", "ExecStart=\nExecStart=/usr/bin/openclaw --profile work gateway", ".openclaw-work"),
        ("mine.service", "ExecStart=/usr/bin/node /x/openclaw/dist/index.js gateway --port 1", ".openclaw"),
        ("clawdbot-gateway.service", "Environment=CLAWDBOT_STATE_DIR=%h/.openclaw", ".openclaw"),
    ],
)
def test_a_unit_belongs_to_the_home_its_environment_leads_to(host: Host, name: str, text: str, state: str) -> None:
    (host.home / state).mkdir(exist_ok=True)
    (host.home / "other").mkdir()
    host.unit(f"{text}\nEnvironment=K=v", name)
    assert counting(host.look(state=state))["K"] == "v"
    other = host.look(state="other")
    assert other.seen
    assert "OWN_KEY" in counting(other)


def test_what_a_unit_names_is_read_and_the_last_word_wins(host: Host) -> None:
    env = host.write("home/u/gateway.env", "FILE=file\nBOTH=file\nGONE=file\n")
    host.write("etc/extra/one.env", "EXTRA=extra\nBOTH=extra\n")
    host.unit(f"Environment=INLINE=inline BOTH=inline DROPPED=unit\nEnvironmentFile={env}\nEnvironmentFile=/etc/extra/*.env")
    host.write(
        "home/u/.config/systemd/user/openclaw-gateway.service.d/10-a.conf", "[Service]\nEnvironment=DROPPED=first\nUnsetEnvironment=GONE\n"
    )
    host.write("etc/systemd/user/openclaw-gateway.service.d/20-b.conf", "[Service]\nEnvironment=DROPPED=second\n")
    host.write("etc/systemd/user/openclaw-gateway.service.d/10-a.conf", "[Service]\nEnvironment=DROPPED=shadowed\n")
    host.write("home/u/.config/environment.d/keys.conf", "MANAGER=manager\nINLINE=manager\n")
    assert counting(host.look()) == {
        "FILE": "file",
        "EXTRA": "extra",
        "BOTH": "extra",
        "INLINE": "inline",
        "DROPPED": "second",
        "MANAGER": "manager",
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("EnvironmentFile=/etc/openclaw/absent.env", "absent.env is not there"),
        ("EnvironmentFile=-/etc/openclaw/directory", "directory cannot be read"),
        ("ExecStart=\nExecStart=/usr/bin/docker run openclaw/openclaw gateway", "starts a container"),
    ],
)
def test_a_unit_that_hides_something_makes_it_unseen(host: Host, text: str, why: str) -> None:
    (host.root / "etc/openclaw/directory").mkdir(parents=True)
    host.unit(f"{text}\nEnvironment=K=v")
    environment = host.look()
    assert not environment.seen
    assert why in environment.why
    assert counting(environment) == {"K": "v"}
    assert listed(environment) == {"OWN_KEY": "own", "SHARED": "own"}


def test_an_optional_file_may_be_absent(host: Host) -> None:
    host.unit("EnvironmentFile=-/etc/openclaw/absent.env\nEnvironment=K=v")
    assert (host.look().seen, counting(host.look())) == (True, {"K": "v"})


def test_a_unit_that_cannot_be_read_makes_it_unseen(host: Host) -> None:
    (host.root / "etc/systemd/system/openclaw-gateway.service").mkdir(parents=True)
    environment = host.look()
    assert (environment.seen, environment.why) == (False, "openclaw-gateway.service cannot be read")


@pytest.mark.parametrize("target", ["/dev/null", ""])
def test_a_masked_unit_is_none(host: Host, target: str) -> None:
    path = host.unit("Environment=K=v")
    host.unit("Environment=K=vendor", where="usr/lib/systemd/user")
    path.unlink()
    if target:
        path.symlink_to(target)
    else:
        path.touch()
    assert "OWN_KEY" in counting(host.look())


def test_a_service_that_settings_name_is_the_gateways_without_a_question(host: Host) -> None:
    host.unit("Environment=K=v OPENCLAW_STATE_DIR=/elsewhere", "assistant.service", "etc/systemd/system")
    assert counting(host.look(service="assistant"))["K"] == "v"
    assert counting(host.look(service="assistant.service"))["K"] == "v"
    missing = host.look(service="nothing")
    assert (missing.seen, missing.why) == (False, "nothing is not on this host")


def test_a_running_process_outranks_its_edited_unit(host: Host) -> None:
    host.process(41, "openclaw-gateway", {"HOME": str(host.home), "K": "running"})
    host.unit("Environment=K=edited NEW=edited")
    environment = host.look()
    assert (counting(environment)["K"], listed(environment)) == ("running", {"NEW": "edited"})


def test_launchd_property_lists(host: Host) -> None:
    plist = plistlib.dumps({"Label": "ai.openclaw.gateway", "EnvironmentVariables": {"K": "v"}})
    host.write("home/u/Library/LaunchAgents/ai.openclaw.gateway.plist", plist)
    host.write("home/u/Library/LaunchAgents/ai.openclaw.other.plist", plistlib.dumps({"EnvironmentVariables": {"K": "other"}}))
    environment = host.look()
    assert (environment.seen, counting(environment)) == (True, {"K": "v"})


def test_the_files_of_the_gateway_stand_in_their_order(host: Host) -> None:
    host.unit("Environment=A=unit")
    settings = host.write("etc/mine.env", "A=settings\nB=settings\n")
    host.write("home/u/.openclaw/.env", "A=dotenv\nB=dotenv\nC=dotenv\n")
    host.write("home/u/.config/openclaw/gateway.env", "B=gateway\nC=gateway\nD=gateway\n")
    config = GatewayConfig(env={"D": Secret("config"), "E": Secret("config")})
    environment = host.look(config, env_file=settings)
    assert counting(environment) == {"A": "unit", "B": "settings", "C": "dotenv", "D": "gateway", "E": "config"}
    assert [layer.place for layer in environment.layers] == [
        EnvPlace.UNIT,
        EnvPlace.SETTINGS,
        EnvPlace.STATE_DOTENV,
        EnvPlace.GATEWAY_ENV,
        EnvPlace.CONFIG,
    ]


def test_gateway_env_belongs_to_the_default_state_directory(host: Host) -> None:
    (host.home / ".openclaw-work").mkdir()
    host.write("home/u/.config/openclaw/gateway.env", "K=v\n")
    assert "K" not in counting(host.look(state=".openclaw-work"))
    assert "K" in counting(host.look())


def test_generated_service_files_count_until_a_unit_says_otherwise(host: Host) -> None:
    host.write("home/u/.openclaw/gateway.systemd.env", "K=systemd\n")
    host.write("home/u/.openclaw/service-env/ai.openclaw.gateway.env", "export L='launchd'\n")
    host.write("home/u/.openclaw/service-env/ai.openclaw.gateway-env-wrapper.sh", "export M=x\n")
    assert {"K": "systemd", "L": "launchd"}.items() <= counting(host.look()).items()
    host.unit("")
    assert (counting(host.look()), listed(host.look())) == ({}, {"K": "systemd", "L": "launchd"})
    host.unit("EnvironmentFile=-%h/.openclaw/gateway.systemd.env")
    assert (counting(host.look()), listed(host.look())) == ({"K": "systemd"}, {"L": "launchd"})


def test_a_damaged_file_is_a_problem_and_keeps_its_last_known_values(host: Host) -> None:
    dotenv = host.write("home/u/.openclaw/.env", "K=v\n")
    reader = HostReader({}, fs_root=host.root)
    assert counting(reader.environment(host.gateway(), None)) == {"K": "v"}
    dotenv.unlink()
    dotenv.mkdir()
    reader.begin()
    report = reader.report(host.gateway(), None)
    assert counting(report.environment) == {"K": "v"}
    assert [problem.reason for problem in report.problems] == [ProblemReason.NOT_A_FILE]
    assert [(source.ref.path, source.up) for source in report.sources] == [(str(dotenv), False)]


def test_a_huge_dotenv_is_ignored_as_the_gateway_ignores_it(host: Host) -> None:
    host.write("home/u/.openclaw/.env", "K=v\n" + "#" * (1 << 20))
    report = HostReader({}, fs_root=host.root).report(host.gateway(), None)
    assert (counting(report.environment), [problem.reason for problem in report.problems]) == ({}, [ProblemReason.TOO_LARGE])


def test_what_did_not_change_is_the_same_object(host: Host) -> None:
    host.process(41, "openclaw-gateway", {"HOME": str(host.home), "K": "v"})
    dotenv = host.write("home/u/.openclaw/.env", "L=v\n")
    os.utime(dotenv, (1_700_000_000, 1_700_000_000))
    reader = HostReader(OWN, fs_root=host.root)
    first = reader.environment(host.gateway(), GatewayConfig())
    assert not reader.changed()
    reader.begin()
    assert reader.environment(host.gateway(), GatewayConfig()) is first
    dotenv.write_text("L=w\n")
    assert reader.changed()
    reader.begin()
    assert counting(reader.environment(host.gateway(), GatewayConfig()))["L"] == "w"
    host.process(41, "openclaw-gateway", {"HOME": str(host.home), "K": "w"}, started=200)
    assert reader.changed()
    reader.begin()
    assert counting(reader.environment(host.gateway(), GatewayConfig()))["K"] == "w"


def test_a_new_unit_shows_in_the_sweep(host: Host) -> None:
    reader = HostReader(OWN, fs_root=host.root)
    reader.environment(host.gateway(), None)
    assert not reader.changed()
    host.unit("Environment=K=v")
    assert reader.changed()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    script = tmp_path / "bin/openclaw"
    script.parent.mkdir()
    script.write_text("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    state = tmp_path / "home/u/.openclaw"
    environ = {"OPENCLAW_STATE_DIR": str(state), "GROQ_API_KEY": "of the child"}
    with subprocess.Popen([sys.executable, "-IS", str(script), "gateway", "--port", "1"], env=environ, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc on this system")
def test_a_real_process_is_found_and_read(host: Host, child: subprocess.Popen[bytes]) -> None:
    reader = HostReader(OWN, fs_root=host.root, proc_root=Path("/proc"))
    environment = reader.environment(host.gateway(), None)
    assert environment.why == f"read from the gateway's process {child.pid}"
    assert counting(environment)["GROQ_API_KEY"] == "of the child"
    assert not reader.changed()
    (process,) = [each for each in gateways() if each.pid == child.pid]
    child.kill()
    child.wait()
    assert not alive(process)
    assert reader.changed()
    reader.begin()
    assert counting(reader.environment(host.gateway(), None)) == {"OWN_KEY": "own", "SHARED": "own"}


@pytest.mark.parametrize(
    ("name", "where", "text", "seen"),
    [
        ("openclaw-gateway-work.service", "home/u/.config/systemd/user", "EnvironmentFile=/etc/absent", True),
        ("assistant.service", "home/u/.config/systemd/user", "EnvironmentFile=/etc/absent\nEnvironment=OPENCLAW_PROFILE=x", False),
        ("assistant.service", "etc/systemd/system", "EnvironmentFile=/etc/absent\nUser=nobody\nEnvironment=OPENCLAW_PROFILE=x", True),
    ],
)
def test_what_a_foreign_unit_hides_says_nothing_about_this_gateway(host: Host, name: str, where: str, text: str, seen: bool) -> None:
    host.unit(text, name, where)
    assert host.look().seen is seen


@pytest.mark.parametrize(("asked", "config", "expected"), [(True, True, "v"), (False, True, None), (True, False, None)])
def test_the_login_shell_is_asked_only_when_settings_and_gateway_both_say_so(
    host: Host, asked: bool, config: bool, expected: str | None
) -> None:
    host.write("home/u/.profile", "echo hello from the profile\nexport FROM_SHELL=v\n")
    own = {"HOME": str(host.home), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    reader = HostReader(own, fs_root=host.root, ask_login_shell=asked)
    assert counting(reader.environment(host.gateway(), GatewayConfig(shell_env=config))).get("FROM_SHELL") == expected


@pytest.mark.parametrize("body", ["sleep 60", "exit 3"])
def test_a_login_shell_that_fails_gives_nothing(host: Host, body: str) -> None:
    host.write("home/u/.profile", f"{body}\n")
    assert login_shell.variables({"HOME": str(host.home), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}, timeout=0.3) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be more powerful than the gateway's user")
@pytest.mark.parametrize(("owner", "mode", "seen"), [(0, 0o600, False), (12345, 0o600, True), (0, 0o644, True)])
def test_a_user_cannot_make_root_read_a_file_for_them(owner: int, mode: int, seen: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        host = Host(root)
        secret = host.write("etc/secret.env", "K=v\n")
        host.unit("EnvironmentFile=/etc/secret.env")
        secret.chmod(mode)
        os.chown(secret, owner, owner)
        os.chown(host.state, 12345, 12345)
        assert (host.look().seen, "K" in counting(host.look())) == (seen, seen)


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"HOME": "{home}", "OPENCLAW_STATE_DIR": "{home}/gw"}, True),
        ({"HOME": "{home}", "OPENCLAW_STATE_DIR": "~/gw"}, True),
        ({"HOME": "/home/other", "OPENCLAW_STATE_DIR": "{home}/gw"}, False),
        ({"HOME": "{home}"}, False),
        ({"OPENCLAW_STATE_DIR": "{home}/gw"}, False),
        (None, False),
    ],
    ids=["named", "below the home", "another home", "nothing named", "no home", "hidden"],
)
def test_a_running_gateway_tells_its_state_directory(host: Host, environ: Mapping[str, str] | None, found: bool) -> None:
    told = None if environ is None else {name: value.format(home=host.home) for name, value in environ.items()}
    host.process(7, "node /usr/lib/openclaw/openclaw.mjs gateway", told)
    reader = HostReader({}, fs_root=host.root)
    reader.begin()
    assert list(reader.running(host.home)) == ([(Family.OPENCLAW, host.home / "gw")] if found else [])
