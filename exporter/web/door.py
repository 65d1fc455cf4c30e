"""Edge. The door: what the settings and the web-config file say of encryption, logins and rights, read again when a file changes.

A file that has become bad keeps what was in force; `fault` says why until it is good again.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from exporter.logs import event
from exporter.model import Secret
from exporter.settings import Settings, Web
from exporter.settings_file.plain_file import read_text
from exporter.settings_file.text import SettingsError, is_loopback, parse_address
from exporter.web import tls, web_config
from exporter.web.logins import TOKEN_USER, Logins, have_bcrypt
from exporter.web.rights import Right
from exporter.web.web_config import WebConfig

_Stamps = tuple[tuple[str, int, int, int] | None, ...]


def _no_rules() -> Mapping[str, frozenset[Right]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Gate:
    """What is in force. `headers` replace our own of the same name; `rate` is a burst and the time between two requests beyond it."""

    logins: Logins = field(default_factory=lambda: Logins({}, {}))
    rules: Mapping[str, frozenset[Right]] = field(default_factory=_no_rules)
    tls: ssl.SSLContext | None = None
    certificates: bool = False  # a verified client certificate is a login: there is no other
    allowed_sans: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rate: tuple[int, timedelta] | None = None
    external_url: str | None = None

    @property
    def logins_exist(self) -> bool:
        """True when somebody can prove who they are."""
        return self.logins.any or self.certificates


class Door:
    """The gate in force, and what it is made from. The address stays what it was at first: only a start listens anew."""

    def __init__(self, settings: Settings) -> None:
        """Read everything; raises SettingsError."""
        self.fault = ""
        self._listen, self._web = settings.listen, settings.web
        self._files: tuple[Path, ...] = ()
        self._stamps: _Stamps = ()
        self.gate = self._made(settings.web)

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings; raises SettingsError and changes nothing when they are bad."""
        before = self._files, self._stamps
        try:
            gate = self._made(settings.web)
        except SettingsError:
            self._files, self._stamps = before
            raise
        self._web, self.gate, self.fault = settings.web, gate, ""

    @property
    def is_open(self) -> bool:
        """True while anybody on the network may read: another address than loopback, and no login."""
        return self._open_to(self.gate)

    def _open_to(self, gate: Gate) -> bool:
        """Tell whether anybody on the network may read when this gate is in force."""
        return not is_loopback(parse_address(self._listen)[0]) and not gate.logins_exist

    def refresh(self) -> bool:
        """Read the files again if one changed; True when the gate is another one now."""
        if self._web.config is None or _stamps(self._files) == self._stamps:
            return False
        try:
            gate = self._made(self._web)
        except SettingsError as error:
            if str(error) != self.fault:
                self.fault = str(error)
                event(logging.ERROR, "web_config_failed", why=self.fault)
            return False
        self.gate, self.fault = gate, ""
        event(logging.INFO, "web_config_read")
        return True

    def _made(self, web: Web) -> Gate:
        config, context = WebConfig(), None
        if web.config is not None:
            config = self._watched(web.config)
            context = tls.context(config.tls, web.config) if config.tls else None
            for words in tls.remarks(config.tls) if config.tls else ():
                event(logging.WARNING, "web_config", why=words)
        logins = Logins(config.users, _tokens(web))
        gate = Gate(
            logins=logins,
            rules={name: frozenset(Right(word) for word in words) for name, words in web.rights.items()},
            tls=context,
            certificates=context is not None and context.verify_mode is not ssl.CERT_NONE and not logins.any,
            allowed_sans=config.tls.client_allowed_sans if config.tls else (),
            headers=config.headers,
            rate=config.rate,
            external_url=web.external_url,
        )
        if self._open_to(gate) and gate.tls is None and not web.allow_insecure_listen:
            remedy = "give it tls_server_config or basic_auth_users, listen on 127.0.0.1, or set web.allow_insecure_listen: true"
            raise SettingsError(str(web.config or "web"), None, "", f"leaves {self._listen} open to the network", remedy)
        return gate

    def _watched(self, file: Path) -> WebConfig:
        """Read the file, and remember how all files stood before they were read: what changes meanwhile is read again."""
        before = _stamps((file,))
        if self._files[:1] != (file,):
            self._files = (file,)
        self._stamps = _stamps(self._files)
        config = read(file)
        self._files = (file, *(config.tls.files if config.tls else ()))
        self._stamps = (*before, *_stamps(self._files[1:]))
        return config


def read(file: Path) -> WebConfig:
    """Read and check a web-config file, without the certificates it names; raises SettingsError."""
    from exporter.settings_file.yaml_lines import parse

    document = parse(file, read_text(file))
    config = web_config.parse(document.values, document.lines, file)
    if config.users and not have_bcrypt():
        remedy = "install it: pip install 'model-auth-exporter[bcrypt]'; or use web.bearer_token instead"
        raise SettingsError(str(file), document.lines.get(("basic_auth_users",)), "basic_auth_users", "needs the package bcrypt", remedy)
    return config


def _tokens(web: Web) -> Mapping[str, Secret]:
    named = {token.name: token.token for token in web.tokens if token.token is not None}
    return {**({TOKEN_USER: web.bearer_token} if web.bearer_token else {}), **named}


def _stamps(files: tuple[Path, ...]) -> _Stamps:
    return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[str, int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return (str(file), found.st_mtime_ns, found.st_size, found.st_ino)
