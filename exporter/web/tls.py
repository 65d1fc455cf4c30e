"""Edge. Builds the TLS side of the server from what the web-config file says; reads certificates and keys."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from exporter.settings_file.text import SettingsError
from exporter.web.web_config import CIPHERS, CURVES, Tls

_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_OLD: Final = ("TLS10", "TLS11")
_KEY: Final = "tls_server_config"


def context(tls: Tls, file: Path) -> ssl.SSLContext:
    """Build the context of one listening socket; raises SettingsError, without a word of what certificates and keys hold."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _identify(made, tls, file)
    _restrict(made, tls, file)
    _ask_for_clients(made, tls, file)
    made.set_alpn_protocols(["http/1.1"])
    return made


def remarks(tls: Tls) -> tuple[str, ...]:
    """Say what the file asks for and this Python does not do, or what is unwise."""
    found = []
    if len(tls.curve_preferences) > 1 and not hasattr(ssl.SSLContext, "set_groups"):
        found.append("several curve_preferences need a newer Python; OpenSSL's own list is in force")
    if tls.client_auth_type == "RequestClientCert" and not (tls.client_ca_file or tls.client_ca):
        found.append("RequestClientCert without a client CA asks for nothing")
    if tls.min_version in _OLD:
        found.append(f"min_version {tls.min_version} is broken encryption")
    if tls.min_version > tls.max_version:
        found.append("min_version is above max_version: nobody can connect")
    return tuple(found)


def _identify(made: ssl.SSLContext, tls: Tls, file: Path) -> None:
    with contextlib.ExitStack() as stack:
        cert = tls.cert_file or stack.enter_context(_kept(tls.cert))
        key = tls.key_file or stack.enter_context(_kept(tls.key.reveal() if tls.key else ""))
        for name, path in (("cert_file", tls.cert_file), ("key_file", tls.key_file), ("client_ca_file", tls.client_ca_file)):
            if path is not None:
                _readable(path, name, file)
        try:
            made.load_cert_chain(cert, key, password=lambda: "")
        except (ssl.SSLError, OSError, ValueError) as error:
            reason = (getattr(error, "reason", None) or "no certificate and key in PEM form").replace("_", " ").lower()
            raise SettingsError(
                str(file), None, f"{_KEY}.cert_file", reason, "certificate and key must be PEM and belong together"
            ) from None


def _restrict(made: ssl.SSLContext, tls: Tls, file: Path) -> None:
    names = [CIPHERS[name] for name in tls.cipher_suites]
    lowest = tls.min_version
    if names and not any(names):
        lowest = "TLS13"  # only its own suites are wanted
    elif names:
        level = ":@SECLEVEL=0" if lowest in _OLD else ""
        try:
            made.set_ciphers(":".join(filter(None, names)) + level)
        except ssl.SSLError:
            raise SettingsError(str(file), None, f"{_KEY}.cipher_suites", "not offered by this OpenSSL", "leave it out") from None
    elif lowest in _OLD:
        made.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the operator's choice, and told in the log
        made.minimum_version, made.maximum_version = _VERSIONS[lowest], _VERSIONS[tls.max_version]
    if tls.prefer_server_cipher_suites:
        made.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    if len(tls.curve_preferences) == 1:
        made.set_ecdh_curve(CURVES[tls.curve_preferences[0]])
    elif tls.curve_preferences and hasattr(made, "set_groups"):
        made.set_groups(":".join(CURVES[name] for name in tls.curve_preferences))


def _ask_for_clients(made: ssl.SSLContext, tls: Tls, file: Path) -> None:
    if tls.client_ca_file is None and not tls.client_ca:
        if tls.client_auth_type in ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert"):
            made.load_default_certs(ssl.Purpose.CLIENT_AUTH)  # as Go does: the machine's own authorities
            made.verify_mode = ssl.CERT_REQUIRED if tls.requires_client else ssl.CERT_OPTIONAL
        return
    try:
        made.load_verify_locations(cafile=tls.client_ca_file, cadata=None if tls.client_ca_file else tls.client_ca)
    except (ssl.SSLError, OSError, ValueError):
        raise SettingsError(
            str(file), None, f"{_KEY}.client_ca_file", "holds no certificate in PEM form", "name the CA of the clients"
        ) from None
    made.verify_mode = ssl.CERT_REQUIRED if tls.requires_client else ssl.CERT_OPTIONAL


def _readable(path: Path, name: str, file: Path) -> None:
    try:
        with path.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        words = f"{path}: {error.strerror or 'cannot be read'}"
        raise SettingsError(str(file), None, f"{_KEY}.{name}", words, "make it readable, or name another one") from None


@contextlib.contextmanager
def _kept(text: str) -> Iterator[str]:
    """Give inline text a name in the file system, which is all OpenSSL takes: in memory where there is such a place."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("tls", os.MFD_CLOEXEC), "w", encoding="utf-8") as kept:
            kept.write(text)
            kept.flush()
            yield f"/proc/self/fd/{kept.fileno()}"
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as kept:  # 0600
        kept.write(text)
        kept.flush()
        yield kept.name
