"""Edge. The gateway `static`: keys of our own settings, and logins on a machine that has no gateway."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from exporter.model import (
    EMPTY,
    AgentReading,
    AuthDocument,
    Credential,
    CredentialKind,
    Environment,
    Era,
    Expiry,
    ExpiryKind,
    Family,
    GatewayConfig,
    GatewayReading,
    Profile,
    RefSource,
    RefState,
    Resolution,
    Secret,
    SecretRef,
    Source,
    StoreKind,
    StoreRef,
)
from exporter.reading.agents import MAIN
from exporter.reading.discovery import STATIC
from exporter.reading.files import read_file, stamp
from exporter.reading.logins import Logins
from exporter.settings import StaticProfile

_LARGEST_KEY = 64 << 10  # bytes, as much as a pipe takes: a program that prints more never ends
_NOT_FOUND = Resolution(RefState.UNRESOLVED, "SECRET_REF_NOT_FOUND")
_LONGEST_RUN = 5.0  # seconds
_ENVIRONMENT: Final = Environment(seen=True, why="keys of our own settings need no service")

RunProgram = Callable[[StaticProfile], Resolution]


def static_gateway(wanted: Sequence[StaticProfile], logins: Logins, environ: Mapping[str, str], run: RunProgram) -> GatewayReading | None:
    """Make the pseudo gateway; None when it would be empty. `run` gets the key of a profile whose key a program prints."""
    profiles, sources, problems = logins
    if not wanted and not sources:
        return None
    resolutions = {_reference(one): _look_up(one, environ, run) for one in wanted}
    return GatewayReading(
        gateway=STATIC,
        family=Family.STATIC,
        state_dir="",
        era=Era.NONE,
        config=GatewayConfig(),
        environment=_ENVIRONMENT,
        agents=(AgentReading(MAIN, True, True, "", AuthDocument()),),
        cli_logins=profiles,
        static_profiles=tuple(_profile(one, resolutions[_reference(one)]) for one in wanted),
        resolutions=MappingProxyType(resolutions),
        sources=sources,
        problems=problems,
    )


def run_program(wanted: StaticProfile, environ: Mapping[str, str]) -> Resolution:
    """Run the command of our own settings that prints a key; one that takes long, fails or prints too much gives none."""
    try:
        with subprocess.Popen(
            wanted.key.exec,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,
        ) as process:
            try:
                process.wait(_LONGEST_RUN)
            finally:
                _end(process)
            output = _waiting(process)
    except (OSError, ValueError, subprocess.SubprocessError):
        return Resolution(RefState.UNRESOLVED, "SECRET_PROVIDER_UNAVAILABLE")
    if process.returncode != 0:
        return Resolution(RefState.UNRESOLVED, "SECRET_PROVIDER_ERROR")
    return _resolution(output.decode(errors="replace"))


def _waiting(process: subprocess.Popen[bytes]) -> bytes:
    """Take what waits in the pipe; its end may never come, as something that got away may hold it open."""
    if process.stdout is None:
        return b""
    os.set_blocking(process.stdout.fileno(), False)
    try:
        return os.read(process.stdout.fileno(), _LARGEST_KEY)
    except BlockingIOError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the command's behind: what it started may hold its output open for ever."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass


def _look_up(wanted: StaticProfile, environ: Mapping[str, str], run: RunProgram) -> Resolution:
    if wanted.key.exec:
        return run(wanted)
    if wanted.key.env:
        return _resolution(environ.get(wanted.key.env, ""))
    return _from_file(wanted, environ)


def _profile(wanted: StaticProfile, found: Resolution) -> Profile:
    """Make one profile; a key that cannot be had is a reference that does not resolve."""
    credential = Credential(
        CredentialKind.TOKEN if wanted.expires_at else CredentialKind.API_KEY,
        found.secret,
        secret_ref=None if found.secret else _reference(wanted),
        expiry=_expiry(wanted.expires_at),
        attributes=MappingProxyType({"baseUrl": wanted.base_url}) if wanted.base_url else EMPTY,
    )
    return Profile(wanted.id, wanted.provider, credential, Source.STATIC)


def _reference(wanted: StaticProfile) -> SecretRef:
    if wanted.key.exec:
        return SecretRef(RefSource.EXEC, STATIC, wanted.id)
    if wanted.key.env:
        return SecretRef(RefSource.ENV, STATIC, wanted.key.env)
    return SecretRef(RefSource.FILE, STATIC, wanted.id)


def _from_file(wanted: StaticProfile, environ: Mapping[str, str]) -> Resolution:
    path = wanted.key.file
    if path is None:
        return _NOT_FOUND
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    if credentials and path.name == str(path) and stamp(Path(credentials) / path) is not None:
        path = Path(credentials) / path
    found = read_file(path, StoreRef(STATIC, MAIN, StoreKind.CONFIG, str(path)), _LARGEST_KEY)
    return _resolution(found.value.raw.decode(errors="replace")) if found.value else _NOT_FOUND


def _resolution(text: str) -> Resolution:
    stripped = text.strip()
    return Resolution(RefState.RESOLVED, secret=Secret(stripped)) if stripped else _NOT_FOUND


def _expiry(at: datetime | None) -> Expiry:
    return Expiry() if at is None else Expiry(ExpiryKind.DATED, at.timestamp() * 1000)
