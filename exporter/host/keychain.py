"""Edge. Whether the system's keychain (macOS) holds logins of command line programs, and is locked. No value is read, nobody is asked.

Source: spec/gateways.md, 9 (services); Security.framework, <Security/SecKeychain.h>.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from exporter.traces import KeychainLogin

SERVICES: Final[Mapping[str, bytes]] = MappingProxyType({"cli:claude-code": b"Claude Code-credentials", "cli:codex": b"Codex Auth"})
_UNLOCKED: Final = 1  # kSecUnlockStateStatus


def framework(directory: Path) -> Any:
    """Return the system's library; None where it cannot be loaded."""
    try:
        return ctypes.CDLL(str(directory / directory.stem))
    except OSError:
        return None


def logins(security: Any) -> tuple[KeychainLogin, ...]:
    """List the logins that the default keychain holds; attributes stay readable while it is locked."""
    security.SecKeychainSetUserInteractionAllowed(ctypes.c_ubyte(0))  # for our whole process: a dialog would wait for somebody
    status = ctypes.c_uint32(0)
    if security.SecKeychainGetStatus(None, ctypes.byref(status)):
        return ()  # there is no default keychain
    locked = not status.value & _UNLOCKED
    return tuple(KeychainLogin(login, locked) for login, service in SERVICES.items() if _holds(security, service))


def _holds(security: Any, service: bytes) -> bool:
    """Say whether there is an item of this service, whoever's account it names; without a place for the value none is asked for."""
    found = security.SecKeychainFindGenericPassword(
        None, ctypes.c_uint32(len(service)), service, ctypes.c_uint32(0), None, None, None, None
    )
    return not found
