"""Edge. What there is of ourselves on this machine: files, units, channels, whether we run; nothing is changed or sent."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from exporter.cli.schedule_here import modified, others, synchronised, units
from exporter.doctor.report import ChannelState, Installation, OwnPlace
from exporter.journal import FILE_NAME, state_directory
from exporter.settings import Channel, Settings
from exporter.settings_file.load import locate

_TIMEOUT: Final = 5.0  # seconds
_PORTS: Final = {"http": 80, "https": 443, "json": 80, "jsons": 443, "form": 80, "forms": 443, "mailto": 587, "mailtos": 465}


def installation(settings: Settings, config: Path | None, environ: Mapping[str, str], home: Path, *, network: bool) -> Installation:
    """Look at everything of our own; `network`: also connect to where channels lead."""
    file = locate(config, environ)
    state = state_directory(settings.state_dir, environ)
    journal = state / FILE_NAME if state is not None else None
    return Installation(
        settings=str(file) if file else "",
        places=tuple(_places(file, settings, state, journal)),
        channels=tuple(_channel(channel, network=network) for channel in settings.channels),
        network=network,
        units=tuple(units(home)),
        others=others(home),
        serving=_accepts(*_address(settings.listen)),
        written_at=modified(journal) if journal is not None else None,
        time_synchronised=synchronised(),
    )


def close(place: OwnPlace) -> str:
    """Take every right of others from one place of ours; returns why that failed, "" when it did not."""
    try:
        fd = os.open(place.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return os.strerror(error.errno or 0)
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            return "it belongs to another user"
        os.fchmod(fd, place.wanted)
    except OSError as error:
        return os.strerror(error.errno or 0)
    finally:
        os.close(fd)
    return ""


def _places(file: Path | None, settings: Settings, state: Path | None, journal: Path | None) -> Iterator[OwnPlace]:
    if file is not None:
        yield _place("the settings file", file, private=bool(settings.channels) or settings.web.bearer_token is not None)
    if state is None:
        yield OwnPlace("our state directory", "", fault="no place for it: set HOME or state_dir")
        return
    yield _place("our state directory", state, directory=True)
    if journal is not None:
        for name, path in (("our journal", journal), ("our journal's log", journal.with_name(f"{journal.name}-wal"))):
            yield _place(name, path)


def _place(what: str, path: Path, *, directory: bool = False, private: bool = True) -> OwnPlace:
    try:
        info = path.stat()
    except FileNotFoundError:
        return OwnPlace(what, str(path), None, directory, private)
    except OSError as error:
        return OwnPlace(what, str(path), None, directory, private, os.strerror(error.errno or 0))
    fault = "" if stat.S_ISDIR(info.st_mode) == directory else "it is something else"
    if not fault and directory and not os.access(path, os.W_OK | os.X_OK):
        fault = "we may not write there"
    return OwnPlace(what, str(path), stat.S_IMODE(info.st_mode), directory, private, fault)


def _channel(channel: Channel, *, network: bool) -> ChannelState:
    if channel.command:
        found = shutil.which(channel.command[0]) is not None
        return ChannelState(channel.name, found, "" if found else "its command is not on the PATH")
    secrets = (*channel.alertmanager, *(secret for secret in (channel.heartbeat, channel.url) if secret is not None))
    targets = [_target(secret.reveal()) for secret in secrets]
    known = [target for target in targets if target is not None]
    if not network or not known:
        return ChannelState(channel.name)
    reached = any(_accepts(host, port) for host, port in known)
    return ChannelState(channel.name, reached, "" if reached else "no connection to where it leads")


def _target(url: str) -> tuple[str, int] | None:
    """Return where a URL of a known kind leads; other kinds keep a token in the host's place."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme.lower())
        known = parts.scheme.lower() in _PORTS
    except ValueError:
        return None
    return (parts.hostname, port) if known and parts.hostname and port else None


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT):
            return True
    except (OSError, UnicodeError, OverflowError):
        return False


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    bare = host.strip("[]")
    return ("127.0.0.1" if bare in ("", "0.0.0.0", "::") else bare), int(port) if port.isdigit() else 0
