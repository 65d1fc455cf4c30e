"""Edge. The variables of our own login shell, which gateways import when their configuration says so."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Final

from exporter.model import Secret

_TIMEOUT: Final = 15.0  # seconds, the gateways' own default
_LARGEST: Final = 2 << 20
_FALLBACK: Final = "/bin/sh"


def variables(own: Mapping[str, str], timeout: float = _TIMEOUT) -> Mapping[str, Secret]:
    """Run the shell of `own` as a login shell and take its environment; nothing when it fails or takes too long."""
    shell = own.get("SHELL", "")
    command = [shell if os.path.isabs(shell) else _FALLBACK, "-l", "-c", "env -0"]
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(own), start_new_session=True
        ) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                return {}
            finally:
                _end(process)
    except (OSError, ValueError):
        return {}
    if process.returncode != 0 or len(output) > _LARGEST:
        return {}
    # What a profile prints stands before the first variable, and makes a name that is none.
    pairs = (
        entry.decode(errors="replace").rpartition("\n")[2] if index == 0 else entry.decode(errors="replace")
        for index, entry in enumerate(output.split(b"\0"))
    )
    return {name: Secret(value) for name, equals, value in (pair.partition("=") for pair in pairs) if equals and name.isidentifier()}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
