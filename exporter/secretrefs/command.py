"""Edge. SecretRefs of source `exec`: runs the program that the gateway's configuration names, as the gateway's user.

Protocol: one JSON object on stdin, `{"protocolVersion": 1, "provider", "ids"}`; one on stdout,
`{"protocolVersion": 1, "values": {id: text}, "errors": {id: {"code"}}}`. What it writes to stderr is thrown away.
"""

from __future__ import annotations

import json
import os
import pwd
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from exporter.model import Resolution, SecretProvider
from exporter.secretrefs.codes import UNCHECKED, Code, failed, judged

_PROTOCOL: Final = 1
_MAX_REQUEST: Final = 256 << 10
_CHUNK: Final = 1 << 16
_WRITABLE_BY_OTHERS: Final = 0o022


def resolve(
    alias: str, ids: Sequence[str], provider: SecretProvider, environ: Mapping[str, str], base_dir: Path
) -> Mapping[str, Resolution]:
    """Run the provider's program once for all `ids`, with nothing but `environ` around it."""
    request = json.dumps({"protocolVersion": _PROTOCOL, "provider": alias, "ids": list(ids)}).encode()
    if len(request) > _MAX_REQUEST:
        return dict.fromkeys(ids, failed(Code.PROVIDER_ERROR))
    try:
        user = os.stat(base_dir).st_uid
        refused = _refused(provider, user)
        # Whoever wrote the configuration must gain nothing from who reads it: never run their program as another user.
        if refused is None and user != os.geteuid() and os.geteuid() != 0:
            return dict.fromkeys(ids, UNCHECKED)
        output = refused or _run(provider, request, environ, user)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        output = Code.UNAVAILABLE
    if isinstance(output, Code):
        return dict.fromkeys(ids, failed(output))
    return _answers(output, ids, json_only=provider.json_only)


def _refused(provider: SecretProvider, user: int) -> Code | None:
    """Say why the gateway would not run this program."""
    path = Path(provider.command)
    if not path.is_absolute():
        return Code.PROVIDER_INVALID
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode) or info.st_mode & _WRITABLE_BY_OTHERS or info.st_uid != user:
        return Code.PROVIDER_INVALID
    if provider.trusted_dirs:
        real = path.resolve()
        if not any(real.is_relative_to(Path(trusted).resolve()) for trusted in provider.trusted_dirs):
            return Code.PROVIDER_INVALID
    return None


def _run(provider: SecretProvider, request: bytes, environ: Mapping[str, str], user: int) -> bytes | Code:
    as_user: dict[str, Any] = {}
    if user != os.geteuid():
        as_user = {"user": user, "group": pwd.getpwuid(user).pw_gid, "extra_groups": []}
    process = subprocess.Popen(
        [provider.command, *provider.args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(provider.command).parent,
        env=dict(environ),
        start_new_session=True,
        **as_user,
    )
    with process:
        output: bytes | Code = Code.UNAVAILABLE
        try:
            output = _converse(process, request, provider)
        finally:
            if isinstance(output, Code):
                _kill(process)
    if isinstance(output, bytes) and process.returncode != 0:
        return Code.PROVIDER_ERROR
    return output


def _converse(process: subprocess.Popen[bytes], request: bytes, provider: SecretProvider) -> bytes | Code:
    if process.stdin is None or process.stdout is None:
        return Code.UNAVAILABLE
    ends_at = time.monotonic() + provider.timeout_ms / 1000
    with selectors.DefaultSelector() as pipes:
        os.set_blocking(process.stdin.fileno(), False)
        pipes.register(process.stdin, selectors.EVENT_WRITE)
        pipes.register(process.stdout, selectors.EVENT_READ)
        output = _exchange(pipes, process.stdin, request, provider, ends_at)
    if isinstance(output, bytes):
        try:
            process.wait(max(0.0, ends_at - time.monotonic()))
        except subprocess.TimeoutExpired:
            return Code.UNAVAILABLE
    return output


def _exchange(pipes: selectors.BaseSelector, stdin: IO[bytes], request: bytes, provider: SecretProvider, ends_at: float) -> bytes | Code:
    """Write the request and read the answer side by side, until its end, its limit or its time."""
    silence = (provider.timeout_ms if provider.no_output_timeout_ms is None else provider.no_output_timeout_ms) / 1000
    silent_at = time.monotonic() + silence
    pending = memoryview(request)
    output = bytearray()
    while True:
        ready = pipes.select(max(0.0, min(ends_at, silent_at) - time.monotonic()))
        if not ready or time.monotonic() >= ends_at:
            return Code.UNAVAILABLE
        for key, _ in ready:
            if key.fileobj is stdin:
                pending = _write(key.fd, pending)
                if not pending:
                    pipes.unregister(stdin)
                    stdin.close()
                continue
            chunk = os.read(key.fd, _CHUNK)
            if not chunk:
                return bytes(output)
            output += chunk
            silent_at = time.monotonic() + silence
            if len(output) > provider.max_output_bytes:
                return Code.CONTRACT


def _write(fd: int, pending: memoryview) -> memoryview:
    try:
        return pending[os.write(fd, pending) :]
    except BrokenPipeError:  # it answers without reading: its right
        return pending[:0]


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and all it started. It was not waited for, so its process group cannot be anybody else's yet."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()


def _answers(output: bytes, ids: Sequence[str], *, json_only: bool) -> Mapping[str, Resolution]:
    broken = dict.fromkeys(ids, failed(Code.CONTRACT))
    plain = not json_only and len(ids) == 1
    try:
        text = output.decode("utf-8").strip()
    except UnicodeDecodeError:
        return broken
    if not text:
        return broken
    try:
        tree: object = json.loads(text)
    except (ValueError, RecursionError):
        return {ids[0]: judged(text)} if plain else broken
    if plain and isinstance(tree, str):
        return {ids[0]: judged(tree)}
    if not isinstance(tree, dict) or tree.get("protocolVersion") != _PROTOCOL or isinstance(tree["protocolVersion"], bool):
        return broken
    errors = tree.get("errors")
    errors = errors if isinstance(errors, dict) else {}
    values = tree.get("values", {} if errors else None)
    if not isinstance(values, dict):
        return broken
    return {ref: _answer(ref, values, errors) for ref in ids}


def _answer(ref: str, values: Mapping[str, object], errors: Mapping[str, object]) -> Resolution:
    if ref in errors:
        error = errors[ref]
        missing = isinstance(error, dict) and error.get("code") == "NOT_FOUND"
        return failed(Code.NOT_FOUND if missing else Code.PROVIDER_ERROR)
    return judged(values[ref]) if ref in values else failed(Code.NOT_FOUND)
