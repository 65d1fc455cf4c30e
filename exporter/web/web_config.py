"""Pure. What a web-config file says: the format of Prometheus' exporter toolkit.

Shape:  {"tls_server_config", "http_server_config": {"http2", "headers"}, "basic_auth_users": {name: bcrypt hash}, "rate_limit"}
Errors: SettingsError with file, line, key and remedy; values are never repeated.
Source: prometheus/exporter-toolkit, docs/web-configuration.md and web/tls_config.go.

What it accepts and refuses is what `promtool check web-config` does, except that we also refuse what could only fail later: a client CA
file without a certificate, and RequireAnyClientCert without a client CA (OpenSSL cannot ask for just any certificate).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from exporter.model import Secret
from exporter.settings_file.text import SettingsError
from exporter.words import parse_duration

Lines = Mapping[tuple[str | int, ...], int]

VERSIONS: Final = ("TLS10", "TLS11", "TLS12", "TLS13")
CURVES: Final = MappingProxyType({"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"})
_TLS13_CIPHERS: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
CIPHERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(_TLS13_CIPHERS, ""),  # always on, under TLS 1.3 alone
        **{
            f"TLS_ECDHE_{kind}_WITH_{go}": f"ECDHE-{kind}-{openssl}"
            for kind in ("ECDSA", "RSA")
            for go, openssl in (
                ("AES_128_CBC_SHA", "AES128-SHA"),
                ("AES_256_CBC_SHA", "AES256-SHA"),
                ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
                ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
                ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
            )
        },
        "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    }
)
_NO_CLIENT_CERT: Final = ("", "NoClientCert")
_ANY: Final = ("RequireAnyClientCert", "RequireClientCert")
AUTH_TYPES: Final = (*_NO_CLIENT_CERT, "RequestClientCert", *_ANY, "VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
_REQUIRING: Final = (*_ANY, "RequireAndVerifyClientCert")
_HEADERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Strict-Transport-Security": (),
        "X-Content-Type-Options": ("nosniff",),
        "X-Frame-Options": ("deny", "sameorigin"),
        "X-XSS-Protection": (),
        "Content-Security-Policy": (),
    }
)
_BCRYPT: Final = re.compile(r"\$2[abxy]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections are encrypted, and which client certificates are asked for. Paths are absolute; inline text wins over none."""

    cert_file: Path | None = None
    key_file: Path | None = None
    cert: str = ""
    key: Secret | None = None
    client_auth_type: str = ""
    client_ca_file: Path | None = None
    client_ca: str = ""
    client_allowed_sans: tuple[str, ...] = ()
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    curve_preferences: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True

    @property
    def files(self) -> tuple[Path, ...]:
        """Return every file it names."""
        return tuple(path for path in (self.cert_file, self.key_file, self.client_ca_file) if path is not None)

    @property
    def requires_client(self) -> bool:
        """True when nobody gets in without a certificate."""
        return self.client_auth_type in _REQUIRING


@dataclass(frozen=True, slots=True)
class WebConfig:
    """One web-config file. `rate` is a burst and the time between two requests beyond it."""

    tls: Tls | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    users: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))  # name -> bcrypt hash
    rate: tuple[int, timedelta] | None = None


def parse(values: Mapping[str, Any], lines: Lines, file: Path) -> WebConfig:
    """Check the values of the file; relative paths are seen from it."""
    return _Parser(lines, file).config(values)


class _Parser:
    def __init__(self, lines: Lines, file: Path) -> None:
        self._lines, self._file = lines, file

    def config(self, values: Mapping[str, Any]) -> WebConfig:
        self._known(values, (), ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"))
        http = self._section(values, "http_server_config")
        self._known(http, ("http_server_config",), ("http2", "headers"))
        self._bool(http, ("http_server_config", "http2"), default=True)
        return WebConfig(
            self._tls(self._section(values, "tls_server_config")),
            self._header_values(self._section(http, "headers", ("http_server_config",))),
            self._users(self._section(values, "basic_auth_users")),
            self._rate(self._section(values, "rate_limit")),
        )

    def _tls(self, given: Mapping[str, Any]) -> Tls | None:
        at = ("tls_server_config",)
        self._known(given, at, tuple(setting.name for setting in fields(Tls)))
        text = {name: self._text(given, (*at, name)) for name in ("cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file")}
        auth = self._word(given, (*at, "client_auth_type"), AUTH_TYPES, "")
        folder = self._file.absolute().parent
        paths = {name: folder / text[name] if text[name] else None for name in ("cert_file", "key_file", "client_ca_file")}
        tls = Tls(
            **paths,
            cert=text["cert"],
            key=Secret(text["key"]) if text["key"] else None,
            client_auth_type=auth,
            client_ca=text["client_ca"],
            client_allowed_sans=self._texts(given, (*at, "client_allowed_sans"), None),
            min_version=self._word(given, (*at, "min_version"), VERSIONS, "TLS12"),
            max_version=self._word(given, (*at, "max_version"), VERSIONS, "TLS13"),
            cipher_suites=self._texts(given, (*at, "cipher_suites"), tuple(CIPHERS)),
            curve_preferences=self._texts(given, (*at, "curve_preferences"), tuple(CURVES)),
            prefer_server_cipher_suites=self._bool(given, (*at, "prefer_server_cipher_suites"), default=True),
        )
        if not any((*text.values(), auth)):
            return None
        self._consistent(tls, given)
        return tls

    def _consistent(self, tls: Tls, given: Mapping[str, Any]) -> None:
        at = "tls_server_config"
        if not (tls.cert_file or tls.cert):
            raise self._fault((at,), "missing cert_file", "name the certificate, or remove the section")
        if not (tls.key_file or tls.key):
            raise self._fault((at,), "missing key_file", "name the key, or remove the section")
        has_ca = bool(tls.client_ca_file or tls.client_ca)
        if has_ca and tls.client_auth_type in _NO_CLIENT_CERT:
            raise self._fault((at, "client_ca_file"), "a client CA without a client_auth_type", "write RequireAndVerifyClientCert")
        if tls.requires_client and not has_ca and tls.client_auth_type in _ANY:
            remedy = "set client_ca_file: just any certificate would protect nothing"
            raise self._fault((at, "client_auth_type"), "needs a client CA", remedy)
        if "client_allowed_sans" in given and given["client_allowed_sans"] is not None and not tls.requires_client:
            raise self._fault((at, "client_allowed_sans"), "needs a required client certificate", "write RequireAndVerifyClientCert")

    def _header_values(self, given: Mapping[str, Any]) -> Mapping[str, str]:
        at = ("http_server_config", "headers")
        self._known(given, at, tuple(_HEADERS))
        found = {name: self._text(given, (*at, name)) for name in given}
        for name, value in found.items():
            if (_HEADERS[name] and value not in _HEADERS[name]) or any(char in value for char in "\r\n\0") or not value.isascii():
                raise self._fault((*at, name), "not a value it can have", f"write {' or '.join(_HEADERS[name]) or 'one line of ASCII'}")
        return MappingProxyType(found)

    def _users(self, given: Mapping[str, Any]) -> Mapping[str, Secret]:
        at = "basic_auth_users"
        for name in given:
            if not _BCRYPT.fullmatch(self._text(given, (at, name))):
                raise self._fault((at, name), "not a bcrypt hash", "make one with: htpasswd -nBC 10 ''")
        return MappingProxyType({name: Secret(self._text(given, (at, name))) for name in given})

    def _rate(self, given: Mapping[str, Any]) -> tuple[int, timedelta] | None:
        at = "rate_limit"
        self._known(given, (at,), ("burst", "interval"))
        burst, interval = given.get("burst") or 0, given.get("interval") or 0
        try:
            pause = timedelta(microseconds=interval / 1000) if isinstance(interval, int) else parse_duration(str(interval))
        except (ValueError, OverflowError):
            raise self._fault((at, "interval"), "not a duration", "write one such as 100ms") from None
        if not isinstance(burst, int) or isinstance(burst, bool) or burst < 0:
            raise self._fault((at, "burst"), "not a number", "write a number such as 20")
        return (burst, pause) if pause else None

    def _section(self, values: Mapping[str, Any], key: str, at: tuple[str, ...] = ()) -> Mapping[str, Any]:
        section = values.get(key)
        if section is not None and not isinstance(section, dict):
            raise self._fault((*at, key), "not a section", "write `key: value` lines under it")
        return section or {}

    def _known(self, given: Mapping[str, Any], at: tuple[str, ...], known: tuple[str, ...]) -> None:
        for key in given:
            if key not in known:
                raise self._fault((*at, key), "no such setting", f"known here: {', '.join(known)}")

    def _text(self, given: Mapping[str, Any], path: tuple[str, ...]) -> str:
        value = given.get(path[-1])
        if isinstance(value, dict | list):
            raise self._fault(path, "not text", "write one text, in quotes if need be")
        return "" if value is None else str(value)

    def _texts(self, given: Mapping[str, Any], path: tuple[str, ...], known: tuple[str, ...] | None) -> tuple[str, ...]:
        value = given.get(path[-1])
        if value is None:
            return ()
        if not isinstance(value, list) or any(isinstance(item, dict | list | None) for item in value):
            raise self._fault(path, "not a list of texts", 'write ["a", "b"]')
        texts = tuple(str(item) for item in value)
        if known is not None and not set(texts) <= set(known):
            raise self._fault(path, "has an unknown word", f"known here: {', '.join(known)}")
        return texts

    def _word(self, given: Mapping[str, Any], path: tuple[str, ...], known: tuple[str, ...], default: str) -> str:
        if given.get(path[-1]) is None:
            return default
        word = self._text(given, path)
        if word not in known:
            raise self._fault(path, "not one of its words", f"write {', '.join(filter(None, known))}")
        return word

    def _bool(self, given: Mapping[str, Any], path: tuple[str, ...], *, default: bool) -> bool:
        value = given.get(path[-1])
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._fault(path, "neither true nor false", "write true or false")
        return value

    def _fault(self, path: tuple[str, ...], message: str, remedy: str) -> SettingsError:
        line = next((self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines), None)
        key = path[0] if path[0] == "basic_auth_users" else ".".join(path)
        return SettingsError(str(self._file), line, key, message, remedy)
