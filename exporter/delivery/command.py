"""Edge. The command channel: a program of the person's own, without a shell, with the notice as JSON on its standard input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO, Final

from exporter.alerting.notice import Notice
from exporter.delivery.carrier import DeliveryError, shown, timed_out
from exporter.delivery.child_environment import child_environment

_HEARD_BYTES: Final = 2000


class CommandCarrier:
    """A channel that is a program. `{title}`, `{text}`, `{severity}`, `{kind}` and `{id}` in its arguments become the notice's own."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Take the argument list."""
        self._command, self._environ = tuple(command), environ

    def deliver(self, notice: Notice, seconds: float) -> None:
        """Run it to its end; another exit code than 0, or none in time, raises DeliveryError; when late it is ended with all it started."""
        arguments = [self._command[0], *(filled(argument, notice) for argument in self._command[1:])]
        with tempfile.TemporaryFile() as errors:
            process = self._started(arguments, errors)
            try:
                process.communicate(as_json(notice).encode(), seconds)
            except subprocess.TimeoutExpired:
                _kill(process)
                raise timed_out(seconds, "did not end") from None
            errors.seek(0)
            heard = errors.read(_HEARD_BYTES).decode("utf-8", "replace").strip()
        if process.returncode != 0:
            raise DeliveryError(": ".join(filter(None, (_ending(process.returncode), heard and shown(heard)))))

    def _started(self, arguments: Sequence[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=child_environment(self._environ),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or type(error).__name__
            raise DeliveryError(f"cannot start {self._command[0]}: {words}", retry=False) from None


def as_json(notice: Notice) -> str:
    """Write a notice for programs: the attribute names are the keys, instants are RFC 3339."""
    return json.dumps({"schema": 1, **{field.name: _plain(getattr(notice, field.name)) for field in fields(notice)}}, ensure_ascii=False)


def filled(argument: str, notice: Notice) -> str:
    """Put a notice's words into one argument; NUL, which no argument can hold, is left out."""
    words = {"title": notice.title, "text": notice.plain, "severity": notice.severity.value, "kind": notice.kind.value, "id": notice.id}
    for name, value in words.items():
        if argument == f"{{{name}}}":
            return value.replace("\0", "")
    return argument


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case StrEnum():
            return value.value
        case tuple():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
