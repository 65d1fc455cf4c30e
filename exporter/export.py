"""Edge. Hands the exposition over: an atomic file for node_exporter's textfile collector, a PUT to a Pushgateway."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

JOB = "model_auth_exporter"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PUSH_TIMEOUT_SECONDS = 15.0


class ExportError(Exception):
    """The exposition could not be handed over; the text is for people and holds no credentials of the address."""


def write_textfile(path: Path, content: bytes) -> None:
    """Replace `path` at once: a reader sees the old file or the new one, never a part, and never another's temporary.

    The temporary has no `.prom` ending, so the collector ignores one left behind by a crash.
    Errors: ExportError; the old file then stays and nothing is left over.
    Source: node_exporter, textfile collector.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            _write_new(temporary, content)
            os.replace(temporary, path)
            _sync_directory(path.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror}") from None


def push(url: str, content: bytes, instance: str, job: str = JOB, timeout: float = PUSH_TIMEOUT_SECONDS) -> None:
    """PUT the exposition to a Pushgateway; it replaces what this job and instance pushed before.

    `url` is the Pushgateway's base address; a user and password in it become basic authentication.
    Errors: ExportError for anything but a 2xx answer, a redirect included.
    Source: Pushgateway README, "API".
    """
    request = _request(url, content, instance, job)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(request, timeout=timeout):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise ExportError(f"{_shown(url)} answered {error.code} to the push") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ExportError(f"cannot push to {_shown(url)}: {getattr(reason, 'strerror', None) or type(reason).__name__}") from None


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _request(url: str, content: bytes, instance: str, job: str) -> urllib.request.Request:
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        raise ExportError("the address of the Pushgateway is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ExportError("the address of the Pushgateway must begin with http:// or https://")
    path = f"{parts.path.rstrip('/')}/metrics/{_group('job', job)}/{_group('instance', instance)}"
    request = urllib.request.Request(
        urlunsplit((parts.scheme, host + port, path, "", "")), data=content, method="PUT", headers={"Content-Type": CONTENT_TYPE}
    )
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    return request


def _group(label: str, value: str) -> str:
    """Write one grouping label; values with a slash, and empty ones, need the base64 form."""
    if value and "/" not in value:
        return f"{label}/{quote(value, safe='')}"
    return f"{label}@base64/{base64.urlsafe_b64encode(value.encode()).decode() or '='}"


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port is not None else ''}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Turns every redirect into an error: credentials and content go to the named host only."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None
