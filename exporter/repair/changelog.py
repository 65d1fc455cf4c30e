"""Edge. The record of every change a repair made: who, when, what; never the secret.

One JSON document per line in our own state directory.
"""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from exporter.words import rfc3339

FILE_NAME: Final = "changes.jsonl"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `action` is the command, `how` is `file` or the gateway's own program, `ids` are profile ids."""

    at: datetime
    action: str
    gateway: str
    agent: str
    provider: str
    ids: tuple[str, ...]
    how: str
    outcome: str = "done"


def record_change(directory: Path | None, change: Change) -> str:
    """Append a change; returns what went wrong, in words, else an empty string."""
    if directory is None:
        return "there is no state directory: the change is not recorded"
    line = json.dumps(
        {
            "at": rfc3339(change.at),
            "who": _who(),
            "action": change.action,
            "gateway": change.gateway,
            "agent": change.agent,
            "provider": change.provider,
            "profiles": list(change.ids),
            "how": change.how,
            "outcome": change.outcome,
        }
    )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(directory / FILE_NAME, flags, 0o600), "ab", buffering=0) as file:
            file.write(f"{line}\n".encode())
            os.fsync(file.fileno())
    except OSError as fault:
        return f"the change is not recorded in {directory / FILE_NAME}: {fault.strerror}"
    return ""


def _who() -> str:
    """Name the user, and the one behind sudo."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {name}" if behind and behind != name else name
