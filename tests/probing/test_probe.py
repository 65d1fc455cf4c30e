"""Probes over real HTTP on the loopback interface: limits, spacing, redirects, secrets, phases."""

from __future__ import annotations

import gzip
import http.client
import itertools
import socket
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import respx

from exporter.model import CredentialKind, Secret
from exporter.outcome import Outcome, ProbeStatus
from exporter.probing.probe import Job, Limits, send_all
from exporter.providers.request import Access, Request, light
from exporter.providers.table import PROVIDERS
from tests.stub_provider import RECORDED, Play, Seen, Street, Stub, recorded

NOW = datetime(2026, 11, 1, tzinfo=UTC)
KEY = "a-perfectly-good-secret-0123456789"
FAST = Limits(timeout=timedelta(seconds=5), per_host_gap=timedelta(0))


def request(base_url: str, provider: str = "openai", secret: str = KEY) -> Request:
    made = light(Access(provider, CredentialKind.API_KEY, Secret(secret), base_url), NOW)
    assert isinstance(made, Request), made
    return made


def one(base_url: str, limits: Limits = FAST, provider: str = "openai") -> Outcome:
    return send_all([Job("k", request(base_url, provider))], limits)["k"]


def test_a_good_key_is_ok_with_every_phase_timed() -> None:
    with Stub(recorded("openai")) as stub:
        found = one(f"{stub.url}/v1")
    assert found.outcome is ProbeStatus.OK
    assert set(found.phases) == {"connect", "wait", "transfer", "total"}
    assert all(0 <= seconds < 5 for seconds in found.phases.values())
    seen = stub.log[0]
    assert (seen.method, seen.path) == ("GET", "/v1/models")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["user-agent"].startswith("model-auth-exporter/")
    assert "cookie" not in seen.headers
    assert "origin" not in seen.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int) -> None:
    with Stub(Play()) as thief, Stub(Play(status, b"", {"location": f"{thief.url}/steal"})) as stub:
        found = one(f"{stub.url}/v1")
        assert (found.outcome, found.detail) == (ProbeStatus.FORMAT, "redirect")
        assert thief.log == []


def test_cookies_are_not_carried_from_one_probe_to_the_next() -> None:
    with Stub(Play(headers={"set-cookie": "session=abc; Path=/"})) as stub:
        send_all([Job(str(number), request(f"{stub.url}/v1")) for number in range(3)], FAST)
        assert len(stub.log) == 3
        assert all("cookie" not in seen.headers for seen in stub.log)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Stub(recorded("openai")) as stub, Stub(Play()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert one(f"{stub.url}/v1").outcome is ProbeStatus.OK
        assert proxy.log == []


def test_a_proxy_of_the_settings_is_used() -> None:
    with Stub(recorded("openai")) as proxy:
        limits = Limits(timeout=timedelta(seconds=5), proxy=proxy.url)
        found = send_all([Job("k", request("http://provider.invalid/v1"))], limits)["k"]
    assert found.outcome is ProbeStatus.OK
    assert proxy.log[0].path == "http://provider.invalid/v1/models"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_is_asked_without_the_proxy(name: str) -> None:
    with Stub(recorded("openai")) as stub, Stub(Play()) as proxy:
        limits = Limits(timeout=timedelta(seconds=5), proxy=proxy.url)
        found = send_all([Job("k", request(f"http://{name}:{stub.ports[0]}/v1"))], limits)["k"]
        assert found.outcome is ProbeStatus.OK
        assert proxy.log == []


@pytest.mark.parametrize(
    "play",
    [Play(silent=True), Play(after=30), Play(body=b"x" * 200, drip=0.05), Play(body=b'{"a":' + b" " * 5000 + b"1}", drip=0.01)],
    ids=["silent", "slow-first-byte", "dripping", "dripping-quickly"],
)
def test_the_total_limit_ends_every_wait(play: Play) -> None:
    with Stub(play) as stub:
        started = time.monotonic()
        found = one(f"{stub.url}/v1", Limits(timeout=timedelta(seconds=0.4)))
        assert time.monotonic() - started < 2.5
    assert found.outcome is ProbeStatus.TIMEOUT
    assert found.phases["total"] >= 0.3


def test_dripping_headers_are_ended_too() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        connection.recv(1000)
        try:
            for letter in b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 500:
                connection.send(bytes([letter]))
                if ending.wait(0.05):
                    break
        except OSError:
            pass
        connection.close()

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()
    found = one(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", Limits(timeout=timedelta(seconds=0.4)))
    ending.set()
    thread.join(5)
    listener.close()
    assert found.outcome is ProbeStatus.TIMEOUT
    assert time.monotonic() - started < 2.5


def test_refused_connections_are_the_networks_and_not_the_keys() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = one(f"http://127.0.0.1:{port}/v1")
    assert (found.outcome, found.detail) == (ProbeStatus.NETWORK, "refused")


def test_names_that_do_not_exist_are_our_own_network_when_nothing_else_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = one("http://no-such-host.invalid/v1")
    assert (found.outcome, found.detail) == (ProbeStatus.NETWORK, "own_network")


def test_when_something_answers_a_silent_host_is_blamed_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Stub(recorded("openai")) as stub:
        jobs = [Job("down", request(f"http://127.0.0.1:{port}/v1")), Job("up", request(f"{stub.url}/v1"))]
        found = send_all(jobs, FAST)
    assert found["down"].detail == "refused"
    assert found["up"].outcome is ProbeStatus.OK


@pytest.mark.parametrize(
    "play",
    [
        Play(body=b"{" * 50, cut=True),
        Play(headers={"content-length": "10000"}, body=b"{}"),
        Play(headers={"transfer-encoding": "chunked", "content-length": "x"}),
    ],
    ids=["cut", "short", "nonsense-length"],
)
def test_broken_answers_are_network(play: Play) -> None:
    with Stub(play) as stub:
        found = one(f"{stub.url}/v1")
    assert found.outcome is ProbeStatus.NETWORK


def test_a_huge_body_is_read_up_to_the_cap_only() -> None:
    with Stub(Play(200, b'{"data":[' + b" " * 3_000_000 + b"]}")) as stub:
        started = time.monotonic()
        found = one(f"{stub.url}/v1")
        assert time.monotonic() - started < 3
    assert found.outcome in (ProbeStatus.OK, ProbeStatus.UNKNOWN)


def test_a_compressed_bomb_stays_small() -> None:
    bomb = gzip.compress(b'{"error":{"message":"Incorrect API key"}}' + b" " * 50_000_000)
    with Stub(Play(401, bomb, {"content-encoding": "gzip", "content-type": "application/json"})) as stub:
        found = one(f"{stub.url}/v1")
        assert stub.log[0].headers["accept-encoding"] == "identity"
    assert found.outcome is ProbeStatus.AUTH


def test_a_provider_that_echoes_the_key_does_not_leak_it() -> None:
    def echo(seen: Seen) -> Play:
        return Play(401, b'{"error":{"message":"Incorrect API key provided: ' + seen.headers["authorization"].encode() + b'"}}')

    with Stub(echo) as stub:
        found = one(f"{stub.url}/v1")
    assert found.outcome is ProbeStatus.AUTH
    assert KEY not in repr(found)
    assert KEY[:8] not in found.words


def test_one_host_is_asked_one_at_a_time_and_spaced() -> None:
    with Stub(Play(after=0.05), hosts=3) as stub:
        jobs = [Job(f"{port}-{number}", request(f"http://127.0.0.1:{port}/v1")) for port in stub.ports for number in range(3)]
        send_all(jobs, Limits(timeout=timedelta(seconds=5), concurrency=8, per_host_gap=timedelta(seconds=0.2)))
    for port in stub.ports:
        times = [seen.at for seen in stub.log if seen.port == port]
        assert len(times) == 3
        assert all(later - earlier >= 0.12 for earlier, later in itertools.pairwise(times))


def test_no_more_than_the_concurrency_is_under_way() -> None:
    under_way, most = Counter[str](), Counter[str]()
    lock = threading.Lock()

    def count(seen: Seen) -> Play:
        return Play(after=0.1)

    def before(job: Job) -> None:
        with lock:
            under_way["n"] += 1
            most["n"] = max(most["n"], under_way["n"])

    def after(job: Job, outcome: Outcome) -> None:
        with lock:
            under_way["n"] -= 1

    with Stub(count, hosts=6) as stub:
        jobs = [Job(str(port), request(f"http://127.0.0.1:{port}/v1")) for port in stub.ports]
        send_all(jobs, Limits(concurrency=2, per_host_gap=timedelta(0)), before=before, after=after)
    assert most["n"] == 2


def test_a_job_waits_for_its_own_time() -> None:
    with Stub() as stub:
        started = time.monotonic()
        send_all([Job("k", request(f"{stub.url}/v1"), after=timedelta(seconds=0.3))], FAST)
        assert time.monotonic() - started >= 0.3


def test_a_changed_credential_cancels_its_probe() -> None:
    with Stub() as stub:
        found = send_all([Job("k", request(f"{stub.url}/v1"), prepare=lambda made: None)], FAST)
        assert found == {}
        assert stub.log == []


def test_stopping_ends_a_pass_early() -> None:
    stop = threading.Event()
    with Stub(Play(after=0.1)) as stub:
        jobs = [Job(str(number), request(f"{stub.url}/v1")) for number in range(50)]
        found = send_all(jobs, Limits(per_host_gap=timedelta(seconds=0.2)), stop=stop, after=lambda job, outcome: stop.set())
    assert 1 <= len(found) <= 2


def test_a_bug_in_a_callback_is_raised_and_not_hidden() -> None:
    def broken(job: Job, outcome: Outcome) -> None:
        raise KeyError("bug")

    with Stub() as stub, pytest.raises(KeyError):
        send_all([Job("k", request(f"{stub.url}/v1"))], FAST, after=broken)


@pytest.mark.parametrize(
    "base",
    [
        "http://169.254.169.254/v1",
        "http://[fe80::1]/v1",
        "http://user:pw@127.0.0.1/v1",
        "http://0.0.0.0/v1",
        "http://metadata.google.internal/v1",
    ],
)
def test_addresses_no_provider_has_are_refused(base: str) -> None:
    found = one(base)
    assert (found.outcome, found.detail) == (ProbeStatus.SKIPPED, "address_refused")


def test_certificates_are_verified() -> None:
    import ssl
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{folder}/k", "-out", f"{folder}/c", "-days", "1", "-subj", "/CN=127.0.0.1"],
            capture_output=True, check=False,
        )  # fmt: skip
        if made.returncode:
            pytest.skip("no openssl program here")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/c", f"{folder}/k")
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            connection, _ = listener.accept()
            try:
                context.wrap_socket(connection, server_side=True)
            except (OSError, http.client.HTTPException):
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        found = one(f"https://127.0.0.1:{listener.getsockname()[1]}/v1")
        thread.join(5)
        listener.close()
    assert (found.outcome, found.detail) == (ProbeStatus.NETWORK, "tls")


def test_the_observer_sees_the_raw_answer() -> None:
    seen: list[int] = []
    with Stub(recorded("openai", "invalid-key")) as stub:
        send_all([Job("k", request(f"{stub.url}/v1"))], FAST, observe=lambda job, status, headers, body: seen.append(status))
    assert seen == [401]


def test_a_refusal_at_a_host_nobody_chose_may_be_the_region() -> None:
    made = light(Access("moonshot", CredentialKind.API_KEY, Secret(KEY)), NOW)
    assert isinstance(made, Request)
    with Stub(recorded("moonshot", "invalid")) as stub:
        found = send_all([Job("k", made)], FAST, transport=Street(stub))["k"]
    assert (found.outcome, found.detail) == (ProbeStatus.AUTH, "region")


LIGHT = [row for row in PROVIDERS if row.light is not None and row.ids and (RECORDED / row.id / "ok.json").exists()]


def test_every_row_is_asked_at_its_own_address_and_its_recorded_answer_understood() -> None:
    """All rows at once, over real HTTP: no completion, no token endpoint, every key at the vendor's own host."""
    kinds = {row.id: next(kind for kind in CredentialKind if kind in row.kinds) for row in LIGHT}
    secrets = {
        "anthropic-setup-token": "sk-ant-oat01-stub-token-1234",
        "anthropic-login": "sk-ant-oat01-stub-login-1234",
        "amazon-bedrock-keys": "AKIAIOSFODNN7EXAMPLE",
        "google-vertex": "ya29.stub-token-123456",
    }
    jobs: list[Job] = []
    for row in LIGHT:
        base = {
            "azure-openai": "https://res.openai.azure.com",
            "azure-openai-entra": "https://res.openai.azure.com",
            "clawrouter": "https://router.example",
            "moonshot-cn": row.base_url,
        }.get(row.id, "")
        account = Access(
            row.ids[0], kinds[row.id], Secret(secrets.get(row.id, f"key-of-{row.id}-0123456789")), base,
            attributes={"account": "acct1", "region": "us-east-1"}, extras={"secret_access_key": Secret("half-of-a-pair-0123")},
        )  # fmt: skip
        made = light(account, NOW, named=True)
        assert isinstance(made, Request), (row.id, made)
        assert made.provider.id == row.id
        jobs.append(Job(row.id, made))
    by_path = {(job.request.method, job.request.url.split("://", 1)[1]): job.key for job in jobs}
    street: list[Street] = []

    def play(seen: Seen) -> Play:
        host = street[0].host_of(seen.port)
        for (method, address), row in by_path.items():
            if (method, address) == (seen.method, host + seen.path):
                return recorded(row)
        return Play(404, b"{}")

    hosts = len({job.request.host for job in jobs})
    with Stub(play, hosts=hosts) as stub:
        street.append(Street(stub))
        found = send_all(jobs, Limits(concurrency=16, per_host_gap=timedelta(0)), transport=street[0])
    for row in LIGHT:
        expected = ProbeStatus.UNKNOWN if row.validates.value in ("unproven", "no") else ProbeStatus.OK
        assert found[row.id].outcome is expected, (row.id, found[row.id])
    for seen in stub.log:
        assert not any(word in seen.path for word in ("completions", "/messages", "generateContent", "/oauth/token", "/responses"))


@respx.mock
def test_transport_faults_become_outcomes() -> None:
    for fault, outcome in (
        (httpx.ConnectTimeout, ProbeStatus.TIMEOUT),
        (httpx.ReadTimeout, ProbeStatus.TIMEOUT),
        (httpx.PoolTimeout, ProbeStatus.UNKNOWN),
        (httpx.ReadError, ProbeStatus.NETWORK),
        (httpx.RemoteProtocolError, ProbeStatus.NETWORK),
        (httpx.ProxyError, ProbeStatus.NETWORK),
        (httpx.DecodingError, ProbeStatus.FORMAT),
    ):
        respx.get("http://provider.test/v1/models").mock(side_effect=fault("sk-secret in the words"))
        found = send_all([Job("k", request("http://provider.test/v1"))], FAST)["k"]
        assert found.outcome is outcome
        assert "sk-secret" not in found.words


def test_stopping_does_not_wait_for_answers_and_blames_nobody() -> None:
    stop = threading.Event()
    told: list[Outcome] = []
    with Stub(Play(silent=True)) as stub:
        timer = threading.Timer(0.2, stop.set)
        timer.start()
        begun = time.monotonic()
        found = send_all(
            [Job("k", request(stub.url))], Limits(timeout=timedelta(seconds=30)), stop=stop, after=lambda job, outcome: told.append(outcome)
        )
        timer.join()
    assert time.monotonic() - begun < 2.5
    assert dict(found) == {}
    assert told == []


def test_only_this_machine_is_asked_when_that_is_the_rule() -> None:
    with Stub() as stub:
        limits = Limits(loopback_only=True)
        assert one(stub.url, limits).outcome is ProbeStatus.OK
        for elsewhere in ("https://api.openai.com/v1", "http://localhost:1/v1", "http://192.0.2.1/v1"):
            assert one(elsewhere, limits).detail == "address_refused"
        assert len(stub.log) == 1
