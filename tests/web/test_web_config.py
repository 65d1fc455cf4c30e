"""Edge. The web-config file: what is good and bad, as promtool and we see it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.settings import Settings, Web
from exporter.settings_file.text import SettingsError
from exporter.web.door import Door, read
from tests.web.certificates import Files, issue

HASH = "$2b$04$fTlpnVuSHJ1x0n2Rvhu9VO6hmvEO0yCQX3oJHl1dL5ovVYGc7xSyK"
TLS = "tls_server_config: {cert_file: cert.pem, key_file: key.pem"

GOOD = {
    "empty": "",
    "empty sections": "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\n",
    "certificate and key": f"{TLS}}}\n",
    "versions": f"{TLS}, min_version: TLS13, max_version: TLS13}}\n",
    "old versions": f"{TLS}, min_version: TLS10, max_version: TLS12}}\n",
    "ciphers": f"{TLS}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]}}\n",
    "curves": f"{TLS}, curve_preferences: [X25519, CurveP256]}}\n",
    "one curve": f"{TLS}, curve_preferences: [CurveP384], prefer_server_cipher_suites: false}}\n",
    "clients required": f"{TLS}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}}\n",
    "clients verified if given": f"{TLS}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}}\n",
    "clients of the machine's authorities": f"{TLS}, client_auth_type: RequireAndVerifyClientCert}}\n",
    "no clients": f"{TLS}, client_auth_type: NoClientCert}}\n",
    "headers": "http_server_config: {http2: false, headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=31536000}}\n",
    "users": f"basic_auth_users: {{alice: '{HASH}', bob: '{HASH.replace('2b', '2y')}'}}\n",
    "users and encryption": f"{TLS}}}\nbasic_auth_users: {{alice: '{HASH}'}}\n",
}
BAD = {
    "not YAML": ("a: [\n", "YAML"),
    "a list": ("- a\n", "not a mapping"),
    "unknown section": ("tls_config: {}\n", "no such setting"),
    "unknown key": (f"{TLS}, cert_pem: x}}\n", "no such setting"),
    "set twice": ("basic_auth_users: {}\nbasic_auth_users: {}\n", "twice"),
    "no key": ("tls_server_config: {cert_file: cert.pem}\n", "missing key_file"),
    "no certificate": ("tls_server_config: {key_file: key.pem}\n", "missing cert_file"),
    "only an auth type": ("tls_server_config: {client_auth_type: NoClientCert}\n", "missing cert_file"),
    "no such file": ("tls_server_config: {cert_file: gone.pem, key_file: key.pem}\n", "No such file"),
    "key of another certificate": ("tls_server_config: {cert_file: cert.pem, key_file: client.key}\n", "mismatch"),
    "no certificate at all": ("tls_server_config: {cert_file: key.pem, key_file: key.pem}\n", "cert_file"),
    "version": (f"{TLS}, min_version: TLS14}}\n", "TLS12"),
    "cipher": (f"{TLS}, cipher_suites: [TLS_FAST]}}\n", "unknown word"),
    "curve": (f"{TLS}, curve_preferences: [Curve1]}}\n", "unknown word"),
    "auth type": (f"{TLS}, client_auth_type: Maybe}}\n", "not one of its words"),
    "client CA without a policy": (f"{TLS}, client_ca_file: ca.pem}}\n", "without a client_auth_type"),
    "no such client CA": (f"{TLS}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: gone.pem}}\n", "No such file"),
    "header": ("http_server_config: {headers: {X-Other: a}}\n", "no such setting"),
    "value of a header": ("http_server_config: {headers: {X-Frame-Options: always}}\n", "deny or sameorigin"),
    "password in clear": ("basic_auth_users: {alice: hunter2}\n", "not a bcrypt hash"),
    "another hash": ("basic_auth_users: {alice: '$5$rounds=5000$abcdefgh$0123456789012345678901234567890123456789012'}\n", "not a bcrypt hash"),
    "cost too high": (f"basic_auth_users: {{alice: '{HASH.replace('$04$', '$32$')}'}}\n", "not a bcrypt hash"),
    "flag": ("http_server_config: {http2: maybe}\n", "true or false"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    issue(folder)
    return folder


def _file(folder: Path, text: str) -> Path:
    file = folder / "web.yml"
    file.write_text(text, encoding="utf-8")
    return file


def _door(folder: Path, text: str) -> Door:
    return Door(Settings(web=Web(config=_file(folder, text))))


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_file_is_taken(folder: Path, text: str) -> None:
    assert (_door(folder, text).gate.tls is not None) == ("cert_file" in text)


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_place_and_remedy_and_without_its_values(folder: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        _door(folder, text)
    said = str(caught.value)
    assert said.startswith(str(folder / "web.yml"))
    assert "hunter2" not in said
    assert "alice" not in said


@pytest.mark.real
@pytest.mark.parametrize("text", [*GOOD.values(), *(text for text, _ in BAD.values())], ids=[*GOOD, *BAD])
def test_promtool_sees_the_same_files_as_good_and_bad(folder: Path, text: str, program: Callable[..., str]) -> None:
    file = _file(folder, text)
    theirs = subprocess.run([program("promtool"), "check", "web-config", str(file)], capture_output=True, text=True, check=False)
    try:
        Door(Settings(web=Web(config=file)))
        ours = ""
    except SettingsError as error:
        ours = str(error)
    assert bool(ours) == (theirs.returncode != 0), ours or theirs.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{TLS}, client_auth_type: RequireAnyClientCert}}\n", "needs a client CA"),
        (f"{TLS}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: key.pem}}\n", "no certificate"),
        (f"{TLS}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem, client_allowed_sans: [a]}}\n", "required client"),
    ],
    ids=["any certificate", "authority without a certificate", "names of clients that need not say one"],
)
def test_what_would_only_fail_later_is_refused(folder: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        _door(folder, text)


def test_certificate_and_key_may_stand_in_the_file_itself(folder: Path) -> None:
    cert, key = (folder / name for name in ("cert.pem", "key.pem"))
    indented = ["\n    ".join(path.read_text(encoding="utf-8").splitlines()) for path in (cert, key)]
    door = _door(folder, f"tls_server_config:\n  cert: |\n    {indented[0]}\n  key: |\n    {indented[1]}\n")
    assert door.gate.tls is not None


def test_a_rate_limit_is_a_burst_and_an_interval(folder: Path) -> None:
    config = read(_file(folder, "rate_limit: {burst: 20, interval: 100ms}\n"))
    assert config.rate is not None
    assert (config.rate[0], config.rate[1].total_seconds()) == (20, 0.1)


def test_a_file_that_becomes_bad_keeps_the_gate_and_says_so(folder: Path) -> None:
    door = _door(folder, f"basic_auth_users: {{alice: '{HASH}'}}\n")
    before = door.gate
    _file(folder, "basic_auth_users: {alice: hunter2}\n")
    assert not door.refresh()
    assert door.gate is before
    assert "bcrypt" in door.fault
    _file(folder, f"basic_auth_users: {{bob: '{HASH}'}}\n")
    assert door.refresh()
    assert not door.fault


class TestOpenToTheNetwork:
    @pytest.mark.parametrize("listen", ["0.0.0.0:1", ":1", "[::]:1", "127.evil.example:1", "localhost.evil.example:1"])
    def test_a_file_that_asks_nobody_anything_is_refused_where_the_network_listens(self, folder: Path, listen: str) -> None:
        file = _file(folder, "{}\n")
        with pytest.raises(SettingsError, match=r"open to the network.*allow_insecure_listen"):
            Door(Settings(listen=listen, web=Web(config=file)))
        assert Door(Settings(listen=listen, web=Web(config=file, allow_insecure_listen=True))).is_open

    @pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "localhost:1"])
    def test_on_loopback_it_is_taken(self, folder: Path, listen: str) -> None:
        assert not Door(Settings(listen=listen, web=Web(config=_file(folder, "{}\n")))).is_open

    def test_one_that_loses_its_users_keeps_the_gate(self, folder: Path) -> None:
        file = _file(folder, f"basic_auth_users: {{alice: '{HASH}'}}\n")
        door = Door(Settings(listen="0.0.0.0:1", web=Web(config=file)))
        before = door.gate
        _file(folder, "{}\n")
        assert not door.refresh()
        assert door.gate is before
        assert "open to the network" in door.fault

    def test_with_tls_alone_everybody_may_read_which_is_said(self, folder: Path) -> None:
        assert Door(Settings(listen="0.0.0.0:1", web=Web(config=_file(folder, f"{TLS}}}\n")))).is_open


def test_a_renewed_certificate_is_noticed(tmp_path: Path) -> None:
    files: Files = issue(tmp_path)
    door = _door(tmp_path, f"{TLS}}}\n")
    before = door.gate.tls
    assert not door.refresh()
    issue(tmp_path)
    assert files.cert.exists()
    assert door.refresh()
    assert door.gate.tls is not before
