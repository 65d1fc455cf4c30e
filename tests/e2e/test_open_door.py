"""Edge. The serving exporter and the world: service manager, Prometheus with logins, many scrapers, slow and rude clients."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import bcrypt
import pytest

from tests.running import BRISK, COMMAND, SILENT, Serving, environment, fetch, free_port, run, serving, started, until, write_json
from tests.service.manager import Manager
from tests.web.certificates import issue

pytestmark = pytest.mark.slow

HUNG = "STATUS=no task has ended"
_HANG_SECONDS = 7  # BRISK calls it a fault after three
BEARER = {"Authorization": "Bearer open sesame"}


def _resident(server: Serving) -> int:
    """Return how much memory the process has, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with closing(Manager(tmp_path / "notify")) as found:
        yield found


class TestServiceManager:
    def test_it_hears_readiness_status_watchdog_reload_and_the_end(self, home: Path, manager: Manager, tmp_path: Path) -> None:
        config = tmp_path / "settings.yaml"
        config.write_text("{}\n", encoding="utf-8")
        told = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "2000000"}
        with serving(home, "--config", str(config), env={**BRISK, **told}) as exporter:
            until("READY", lambda: "READY=1" in manager.said)
            until("three signs of life", lambda: manager.said.count("WATCHDOG=1") >= 3)
            until("a status", lambda: any(line.startswith("STATUS=") and "profiles" in line for line in manager.said))
            exporter.process.send_signal(signal.SIGHUP)
            until("RELOADING, then READY", lambda: manager.said.count("READY=1") == 2 and "RELOADING=1" in manager.said)
            assert any(line.startswith("MONOTONIC_USEC=") for line in manager.said)
            exporter.stop()
        assert "STOPPING=1" in manager.said

    @pytest.mark.real
    def test_the_watchdog_goes_hungry_while_a_store_hangs(
        self, home: Path, auth_profiles: Path, manager: Manager, program: Callable[..., str]
    ) -> None:
        hang = f"inject=openat:delay_enter={_HANG_SECONDS * 1_000_000}:when=2"  # the second opening of the store: the disk hangs
        strace = [program("strace"), "-D", "-f", "-q", "-o", os.devnull, "-P", str(auth_profiles), "-e", "trace=openat", "-e", hang]
        told = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "2000000"}
        with serving(home, env={**BRISK, **told}, under=strace):
            until("a sign of life", lambda: "WATCHDOG=1" in manager.said)
            document = json.loads(auth_profiles.read_text(encoding="utf-8"))
            write_json(auth_profiles, {**document, "version": 2})
            until("the fault is told", lambda: [line for line in manager.said if HUNG in line][1:])
            until("it goes on", lambda: "profiles" in manager.said[-1])
        said = [line for line in manager.said if not line.startswith("STOPPING")]
        first = next(place for place, line in enumerate(said) if HUNG in line)
        last = max(place for place, line in enumerate(said) if HUNG in line)
        assert "WATCHDOG=1" not in said[first:last]
        assert "WATCHDOG=1" in said[last:]


class TestReload:
    def test_by_http_it_equals_the_signal(self, home: Path, tmp_path: Path) -> None:
        config = tmp_path / "settings.yaml"
        config.write_text("web: {reload: true, bearer_token: open sesame}\n", encoding="utf-8")
        with serving(home, "--config", str(config)) as exporter:
            url = f"{exporter.url}/-/reload"
            assert fetch(url, method="POST")[0] == 401
            assert fetch(url, BEARER, "POST") == (200, "reloaded\n")
            config.write_text("web: {reload: true, bearer_token: open sesame}\nexpiry: {wrn: 1}\n", encoding="utf-8")
            status, words = fetch(url, BEARER, "POST")
            assert status == 500
            assert "wrn" in words
            page = exporter.metrics(**BEARER)
            assert "model_auth_exporter_config_last_reload_successful 0" in page

    def test_a_bad_web_config_keeps_the_old_one_and_shows(self, home: Path, tmp_path: Path) -> None:
        web, hashed = tmp_path / "web.yml", bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
        web.write_text(f"basic_auth_users: {{alice: '{hashed}'}}\n", encoding="utf-8")
        header = {"Authorization": "Basic " + b64encode(b"alice:pw").decode()}
        gauge = "model_auth_exporter_config_last_reload_successful"
        with serving(home, env={"MODEL_AUTH_EXPORTER_WEB__CONFIG": str(web)}) as exporter:
            assert f"{gauge} 1" in exporter.metrics(**header)
            web.write_text("basic_auth_users: {alice: pw}\n", encoding="utf-8")
            until("the gauge falls", lambda: f"{gauge} 0" in exporter.metrics(**header), 6)
            web.write_text(f"basic_auth_users: {{alice: '{hashed}'}}\n", encoding="utf-8")
            until("the gauge rises", lambda: f"{gauge} 1" in exporter.metrics(**header), 6)

    def test_config_check_looks_behind_the_door(self, home: Path, tmp_path: Path) -> None:
        config, web = tmp_path / "settings.yaml", tmp_path / "web.yml"
        config.write_text("web: {config: web.yml}\n", encoding="utf-8")
        web.write_text("tls_server_config: {cert_file: gone.pem, key_file: gone.key}\n", encoding="utf-8")
        result = run("config", "check", str(config), home=home)
        assert result.returncode == 78
        assert "gone.pem" in result.stderr
        web.write_text("{}\n", encoding="utf-8")
        assert run("config", "check", str(config), home=home).returncode == 0
        config.write_text("web: {config: web.yml}\nlisten: ':10987'\n", encoding="utf-8")
        result = run("config", "check", str(config), home=home)
        assert result.returncode == 78
        assert "open to the network" in result.stderr


class TestListening:
    def test_open_to_the_network_needs_to_be_meant_and_is_said_loudly(self, home: Path) -> None:
        address = f"0.0.0.0:{free_port()}"
        refused = run("serve", home=home, env={"MODEL_AUTH_EXPORTER_LISTEN": address})
        assert refused.returncode == 78
        assert "allow_insecure_listen" in refused.stderr
        named = run("serve", "--listen", "127.evil.example:1", home=home)
        assert (named.returncode, "allow_insecure_listen" in named.stderr) == (78, True)
        assert run("serve", "--listen", "nonsense", home=home).returncode == 64
        meant = {"MODEL_AUTH_EXPORTER_WEB__ALLOW_INSECURE_LISTEN": "true"}
        with serving(home, env=meant, address=address) as exporter:
            assert "level=warning event=open_to_the_network" in exporter.words()
            assert "anybody who can reach this address may read this page" in fetch(f"{exporter.url}/")[1]

    def test_a_socket_of_the_service_manager_is_taken(self, home: Path) -> None:
        port = free_port()
        hand_over = (
            "import os, socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); os.dup2(s.fileno(), 3, True);"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])"
        )
        with serving(home, under=[sys.executable, "-c", hand_over, str(port)], address=f"127.0.0.1:{port}") as exporter:
            assert exporter.metrics()


@pytest.mark.real
class TestPrometheus:
    def test_it_scrapes_with_a_login_and_our_authority(self, home: Path, tmp_path: Path, program: Callable[..., str]) -> None:
        files = issue(tmp_path / "tls")
        web = tmp_path / "tls" / "web.yml"
        hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(8)).decode()
        web.write_text(
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n"
            f"basic_auth_users: {{prometheus: '{hashed}'}}\n",
            encoding="utf-8",
        )
        address, listen = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        config = tmp_path / "prometheus.yml"
        tls = {"ca_file": str(files.ca), "cert_file": str(files.client_cert), "key_file": str(files.client_key)}
        job = {
            "job_name": "model-auth", "scheme": "https", "tls_config": tls, "basic_auth": {"username": "prometheus", "password": "pw"},
            "static_configs": [{"targets": [address]}],
        }  # fmt: skip
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}), encoding="utf-8")
        env = {"MODEL_AUTH_EXPORTER_WEB__CONFIG": str(web), "MODEL_AUTH_EXPORTER_WEB__RIGHTS": '{"prometheus": ["metrics"]}'}
        command = [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'db'}",
            f"--web.listen-address={listen}",
        ]
        with ExitStack() as stack:
            stack.enter_context(_encrypted(home, env, address))
            server = stack.enter_context(started(command, f"http://{listen}", "/-/ready", tmp_path / "prometheus.log"))
            until("the target is up", lambda: _up(server), 20)


def _up(server: Serving) -> bool:
    status, text = fetch(f"{server.url}/api/v1/query?query=up")
    return status == 200 and any(row["value"][1] == "1" for row in json.loads(text)["data"]["result"])


@contextmanager
def _encrypted(home: Path, env: dict[str, str], address: str) -> Iterator[None]:
    """Run an exporter that no plain request can ask whether it is ready."""
    child = environment(home, {**SILENT, **env, "MODEL_AUTH_EXPORTER_LISTEN": address})
    with (home.parent / "serve.log").open("wb") as log:
        process = subprocess.Popen([*COMMAND, "serve"], env=child, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(10) == 0


class TestRudeClients:
    def test_five_hundred_scrapers_at_once_are_all_answered_in_little_memory(self, exporter: Serving) -> None:
        exporter.metrics()
        before = _resident(exporter)
        host, _, port = exporter.url.removeprefix("http://").partition(":")
        with ExitStack() as stack:
            socks = [stack.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(500)]
            for sock in socks:
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            heads = [_all(sock)[:15] for sock in socks]
        assert set(heads) == {b"HTTP/1.1 200 OK"}
        assert _resident(exporter) - before < 40 << 20

    @pytest.mark.real
    def test_it_stands_load(self, exporter: Serving, program: Callable[..., str]) -> None:
        exporter.metrics()
        before = _resident(exporter)
        for path in ("/metrics", "/", "/api/v1/snapshot"):
            command = [program("wrk"), "-t1", "-c16", "-d2s", f"{exporter.url}{path}"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            assert "Non-2xx" not in said
            assert "Socket errors" not in said
        assert _resident(exporter) - before < 30 << 20

    def test_those_who_dribble_or_never_read_do_not_keep_others_out(self, exporter: Serving) -> None:
        host, _, port = exporter.url.removeprefix("http://").partition(":")
        before = _resident(exporter)
        with ExitStack() as stack:
            slow = [stack.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(400)]
            for place, sock in enumerate(slow):
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + (b"\r\n" if place % 2 else b"X-Slow: "))
            begun = time.monotonic()
            assert exporter.metrics()
            assert time.monotonic() - begun < 5
            assert _resident(exporter) - before < 60 << 20
            until("the dribblers are ended", lambda: _ended(slow[0]), 15)
            assert exporter.metrics()


def _all(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def _ended(sock: socket.socket) -> bool:
    sock.settimeout(0.2)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
