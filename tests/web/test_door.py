"""Edge. Who gets in, over real connections: logins, rights, certificates, origins, limits."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import bcrypt
import httpx
import pytest

from exporter.model import Secret
from exporter.settings import Settings, Token, Web
from tests.running import until
from tests.web.certificates import Files, issue
from tests.web.serving import LOOK, Place, serving

ALICE = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
SILENCE = {"matchers": ["provider=anthropic"], "duration": "2h", "comment": "known"}


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def running() -> Iterator[Place]:
    with serving() as place:
        yield place


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    yield running
    running.adopt()
    running.look, running.reloads = LOOK, None


@pytest.fixture
def users(tmp_path: Path) -> Path:
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{alice: '{ALICE}', prometheus: '{ALICE}'}}\n", encoding="utf-8")
    return file


class TestLogins:
    @pytest.mark.parametrize(
        ("header", "code"),
        [
            ("", 401),
            (basic("alice", "open sesame"), 200),
            (basic("alice", "wrong"), 401),
            (basic("mallory", "open sesame"), 401),
            (basic("", ""), 401),
            ("Basic ???", 401),
            ("Bearer open sesame", 401),
            ("Digest x", 401),
        ],
    )
    def test_a_user_of_the_file(self, place: Place, users: Path, header: str, code: int) -> None:
        place.adopt(config=users)
        answer = place.get("/metrics", **({"authorization": header} if header else {}))
        assert answer.status_code == code
        if code == 401:
            assert answer.headers["www-authenticate"].startswith("Basic")
            assert "0.1" not in answer.text + str(answer.headers)

    def test_a_browser_gives_a_token_as_password(self, place: Place) -> None:
        place.adopt(bearer_token=Secret("right"))
        assert place.get("/", authorization=basic("anybody", "right")).status_code == 200
        assert place.get("/", authorization=basic("anybody", "wrong")).status_code == 401

    def test_a_verified_password_is_checked_once(self, place: Place, tmp_path: Path) -> None:
        costly = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(11)).decode()
        file = tmp_path / "web.yml"
        file.write_text(f"basic_auth_users: {{alice: '{costly}'}}\n", encoding="utf-8")
        place.adopt(config=file)
        times = []
        for _ in range(6):
            begun = time.perf_counter()
            assert place.get("/-/ready", authorization=basic("alice", "open sesame")).status_code == 200
            assert place.get("/api/v1/sd", authorization=basic("alice", "open sesame")).status_code == 200
            times.append(time.perf_counter() - begun)
        assert min(times[1:]) < times[0] / 3

    def test_guessing_is_slowed_down_and_who_is_in_stays_in(self, place: Place, users: Path) -> None:
        place.adopt(config=users)
        assert place.get("/metrics", authorization=basic("alice", "open sesame")).status_code == 200
        codes = [place.get("/metrics", authorization=basic("alice", f"guess {number}")).status_code for number in range(8)]
        assert codes == [401] * 5 + [429] * 3
        refused = place.get("/metrics", authorization=basic("prometheus", "open sesame"))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert place.get("/metrics", authorization=basic("alice", "open sesame")).status_code == 200

    def test_health_needs_no_login_and_tells_no_version(self, place: Place, users: Path) -> None:
        place.adopt(config=users)
        for path in ("/-/healthy", "/-/ready"):
            answer = place.get(path)
            assert answer.status_code == 200
            assert "server" not in answer.headers


class TestRights:
    @pytest.mark.parametrize(
        ("token", "metrics", "page", "change"),
        [("all", 200, 200, 201), ("scraper", 200, 403, 403), ("reader", 403, 200, 403), ("nobody", 401, 401, 401)],
    )
    def test_each_login_may_what_it_is_given(self, place: Place, token: str, metrics: int, page: int, change: int) -> None:
        names = ("all", "scraper", "reader")
        place.adopt(tokens=tuple(Token(name, Secret(name)) for name in names), rights={"scraper": ("metrics",), "reader": ("page",)})
        header = {"authorization": f"Bearer {token}"}
        assert place.get("/metrics", **header).status_code == metrics
        assert place.get("/", **header).status_code == page
        assert place.get("/api/v1/alerts", **header).status_code == page
        assert place.post("/api/v1/silences", SILENCE, **header).status_code == change

    def test_without_any_login_reading_is_free_and_changing_impossible(self, place: Place) -> None:
        assert place.get("/metrics").status_code == 200
        assert place.get("/").status_code == 200
        place.reloads = ""
        for path in ("/api/v1/silences", "/api/v1/alerts/x/ack", "/silences", "/silences/x/end", "/alerts/x/ack", "/-/reload"):
            answer = place.post(path, {})
            assert answer.status_code == 403, path
            assert "login" in answer.text
        assert place.client.delete(place.url + "/api/v1/silences/x").status_code == 403

    def test_who_has_no_login_may_be_let_read(self, place: Place) -> None:
        place.adopt(bearer_token=Secret("right"), rights={"anonymous": ("metrics",)})
        assert place.get("/metrics").status_code == 200
        assert place.get("/").status_code == 401
        assert place.post("/api/v1/silences", SILENCE).status_code == 401


class TestOrigin:
    @pytest.mark.parametrize(
        ("host", "code"),
        [
            ("127.0.0.1:1", 200), ("localhost", 200), ("a.localhost:80", 200), ("[::1]:80", 200), ("192.0.2.7", 200),
            ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("evil.example:10987", 421), ("watch.example", 421),
        ],
    )  # fmt: skip
    def test_a_rebound_name_is_not_answered(self, place: Place, host: str, code: int) -> None:
        for path in ("/metrics", "/", "/-/healthy"):
            assert place.get(path, host=host).status_code == code

    def test_the_outer_name_is_ours(self, place: Place) -> None:
        place.adopt(external_url="https://watch.example/auth/")
        assert place.get("/metrics", host="watch.example").status_code == 200
        assert 'href="/auth/metrics"' in place.get("/", host="watch.example").text

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({}, 201),
            ({"origin": "SELF"}, 201),
            ({"origin": "SELF", "sec-fetch-site": "same-origin"}, 201),
            ({"origin": "https://watch.example"}, 201),
            ({"origin": "null"}, 403),
            ({"origin": "http://evil.example"}, 403),
            ({"origin": "http://127.0.0.1:1"}, 403),
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"origin": "SELF", "sec-fetch-site": "same-site"}, 403),
        ],
    )
    def test_only_our_own_page_and_programs_change_something(self, place: Place, headers: dict[str, str], code: int) -> None:
        place.adopt(bearer_token=Secret("right"), external_url="https://watch.example")
        sent = {name: value.replace("SELF", place.url) for name, value in headers.items()}
        assert place.post("/api/v1/silences", SILENCE, authorization="Bearer right", **sent).status_code == code

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
    def test_json_has_to_say_so(self, place: Place, kind: str) -> None:
        place.adopt(bearer_token=Secret("right"))
        headers = {"authorization": "Bearer right", "content-type": kind}
        assert place.client.post(place.url + "/api/v1/silences", content=b"{}", headers=headers).status_code == 415


class TestLimits:
    def test_a_large_body_is_refused(self, place: Place) -> None:
        place.adopt(bearer_token=Secret("right"))
        headers = {"authorization": "Bearer right", "content-type": "application/json"}
        url = place.url + "/api/v1/silences"
        assert place.client.post(url, content=b"x" * 70_000, headers=headers).status_code == 413
        assert place.client.post(url, content=iter([b"x" * 40_000] * 2), headers=headers).status_code == 413

    def test_a_large_head_is_refused(self, place: Place) -> None:
        try:
            assert place.get("/metrics", x="y" * 20_000).status_code in {400, 431}
        except httpx.TransportError:  # it was ended before all of it was sent
            pass
        assert place.get("/metrics").status_code == 200

    def test_the_rate_of_the_file_holds_for_all(self, place: Place, tmp_path: Path) -> None:
        file = tmp_path / "web.yml"
        file.write_text("rate_limit: {burst: 3, interval: 10s}\n", encoding="utf-8")
        place.adopt(config=file)
        assert [place.get("/-/ready").status_code for _ in range(5)] == [200] * 3 + [429] * 2

    def test_headers_of_the_file_win(self, place: Place, tmp_path: Path) -> None:
        file = tmp_path / "web.yml"
        file.write_text(
            "http_server_config: {headers: {X-Frame-Options: sameorigin, Strict-Transport-Security: max-age=9}}\n", encoding="utf-8"
        )
        place.adopt(config=file)
        headers = place.get("/metrics").headers
        assert headers.get_list("x-frame-options") == ["sameorigin"]
        assert headers["strict-transport-security"] == "max-age=9"


def test_the_reload_is_off_until_it_is_asked_for(place: Place) -> None:
    place.adopt(bearer_token=Secret("right"))
    header = {"authorization": "Bearer right"}
    assert place.post("/-/reload", **header).status_code == 404
    place.reloads = ""
    assert place.post("/-/reload", **header).status_code == 200
    place.reloads = "settings.yaml:1: no such setting"
    answer = place.post("/-/reload", **header)
    assert answer.status_code == 500
    assert "no such setting" in answer.text


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(tmp_path_factory.mktemp("tls"))


def _web(files: Files, more: str = "", rest: str = "") -> Path:
    file = files.ca.parent / "web.yml"
    file.write_text(f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem{more}}}\n{rest}", encoding="utf-8")
    return file


def _trust(files: Files, client: str = "") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.ca))
    if client:
        context.load_cert_chain(files.ca.parent / f"{client}.pem", files.ca.parent / f"{client}.key")
    return context


def _let_in(place: Place, trust: ssl.SSLContext) -> bool:
    try:
        with httpx.Client(verify=trust, trust_env=False) as asking:
            return asking.get(place.url + "/metrics").status_code == 200
    except httpx.TransportError:
        return False


CLIENT_CA = ", client_ca_file: ca.pem, client_auth_type: "


class TestEncryption:
    def test_curl_trusts_it_and_plain_text_gets_nothing(self, files: Files, program: Callable[..., str]) -> None:
        curl = program("curl")
        with serving(Settings(web=Web(config=_web(files))), scheme="https") as place:
            whole = ["curl", "--silent", "--noproxy", "*", "--max-time", "10"]
            assert subprocess.run([curl, *whole[1:], "--cacert", str(files.ca), f"{place.url}/-/ready"], check=False).returncode == 0
            assert subprocess.run([curl, *whole[1:], f"{place.url}/-/ready"], check=False, stderr=subprocess.DEVNULL).returncode == 60
            plain = place.url.replace("https", "http")
            assert subprocess.run([curl, *whole[1:], plain], check=False, stderr=subprocess.DEVNULL).returncode != 0

    @pytest.mark.parametrize(
        ("kind", "client", "welcome"),
        [
            ("RequireAndVerifyClientCert", "client", True),
            ("RequireAndVerifyClientCert", "stranger", False),
            ("RequireAndVerifyClientCert", "", False),
            ("VerifyClientCertIfGiven", "client", True),
            ("VerifyClientCertIfGiven", "stranger", False),
        ],
    )
    def test_a_client_shows_its_certificate(self, files: Files, kind: str, client: str, welcome: bool) -> None:
        with serving(Settings(web=Web(config=_web(files, CLIENT_CA + kind))), scheme="https") as place:
            assert _let_in(place, _trust(files, client)) == welcome

    def test_a_verified_certificate_is_a_login_with_the_rights_of_its_name(self, files: Files) -> None:
        config = _web(files, CLIENT_CA + "RequireAndVerifyClientCert")
        with (
            serving(Settings(web=Web(config=config)), scheme="https") as place,
            httpx.Client(verify=_trust(files, "client"), trust_env=False) as asking,
        ):
            assert asking.post(place.url + "/api/v1/silences", json=SILENCE).status_code == 201
            assert place.board.view().silences[0].author == "prometheus"
            place.adopt(config=config, rights={"prometheus": ("metrics",)})
            assert asking.get(place.url + "/metrics").status_code == 200
            assert asking.get(place.url + "/").status_code == 403

    def test_without_a_certificate_where_one_may_be_shown_a_login_is_needed(self, files: Files) -> None:
        with (
            serving(Settings(web=Web(config=_web(files, CLIENT_CA + "VerifyClientCertIfGiven"))), scheme="https") as place,
            httpx.Client(verify=_trust(files), trust_env=False) as asking,
        ):
            assert asking.get(place.url + "/metrics").status_code == 401

    @pytest.mark.parametrize(("sans", "welcome"), [("[prometheus.example]", True), ("[other.example]", False)])
    def test_only_named_clients(self, files: Files, sans: str, welcome: bool) -> None:
        config = _web(files, f"{CLIENT_CA}RequireAndVerifyClientCert, client_allowed_sans: {sans}")
        with serving(Settings(web=Web(config=config)), scheme="https") as place:
            assert _let_in(place, _trust(files, "client")) == welcome

    def test_versions_are_kept(self, files: Files) -> None:
        with serving(Settings(web=Web(config=_web(files, ", min_version: TLS13"))), scheme="https") as place:
            old = _trust(files)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            with httpx.Client(verify=old, trust_env=False) as asking, pytest.raises(httpx.TransportError):
                asking.get(place.url)

    def test_encryption_comes_and_goes_with_the_file_on_the_same_port(self, files: Files, tmp_path: Path) -> None:
        config = _web(files)
        text = config.read_text(encoding="utf-8")
        with (
            serving(Settings(web=Web(config=config)), scheme="https") as place,
            httpx.Client(verify=_trust(files), trust_env=False) as asking,
        ):
            assert asking.get(place.url + "/-/ready").status_code == 200
            config.write_text("{}\n", encoding="utf-8")
            plain = place.url.replace("https", "http")
            until("plain text is answered", lambda: _answers(plain), 6)
            config.write_text(text, encoding="utf-8")
            until("it is encrypted again", lambda: not _answers(plain) and asking.get(place.url + "/-/ready").status_code == 200, 6)
            config.write_text("tls_server_config: {cert_file: gone.pem}\n", encoding="utf-8")
            until("the fault shows", lambda: place.door.fault, 6)
            assert asking.get(place.url + "/-/ready").status_code == 200


def _answers(url: str) -> bool:
    try:
        return httpx.get(url + "/-/ready", trust_env=False, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def test_what_is_no_http_is_ended(place: Place) -> None:
    host, _, port = place.url.removeprefix("http://").partition(":")
    for noise in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 80, b"GET / HTTP/x.y\r\n\r\n", b"\0" * 5000):
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(noise)
            taken = sock.recv(4096)
            assert taken == b"" or taken.startswith(b"HTTP/1.1 400")
    assert place.get("/-/ready").status_code == 200
