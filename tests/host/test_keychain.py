"""Edge. The system's keychain, asked through a stand-in for its library: presence and lock only, never a value, never a dialog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporter.host import keychain
from exporter.host.asking import Asker
from exporter.traces import HostFacts, KeychainLogin

NO_DEFAULT, NOT_FOUND = -25307, -25300


class Library:
    """Answers as Security.framework does; insists that dialogs were switched off first and that nobody wants a value."""

    def __init__(self, *services: bytes, unlocked: bool = True, default: bool = True) -> None:
        self.services, self.unlocked, self.default, self.dialogs = services, unlocked, default, True

    def SecKeychainSetUserInteractionAllowed(self, allowed: Any) -> int:
        self.dialogs = bool(allowed.value)
        return 0

    def SecKeychainGetStatus(self, which: None, status: Any) -> int:
        assert not self.dialogs
        status._obj.value = (1 if self.unlocked else 0) | 6  # readable and writable besides
        return 0 if self.default else NO_DEFAULT

    def SecKeychainFindGenericPassword(
        self, which: None, size: Any, service: bytes, account_size: Any, account: None, length: None, value: None, item: None
    ) -> int:
        assert not self.dialogs
        assert (account_size.value, account, length, value, item) == (0, None, None, None, None)
        assert size.value == len(service)
        return 0 if service in self.services else NOT_FOUND


CLAUDE, CODEX = b"Claude Code-credentials", b"Codex Auth"


@pytest.mark.parametrize(
    ("library", "found"),
    [
        (Library(CLAUDE), (KeychainLogin("cli:claude-code", False),)),
        (Library(CLAUDE, CODEX, unlocked=False), (KeychainLogin("cli:claude-code", True), KeychainLogin("cli:codex", True))),
        (Library(b"something else", unlocked=False), ()),
        (Library(CLAUDE, default=False), ()),
    ],
    ids=["unlocked", "locked", "of others", "no keychain"],
)
def test_what_a_keychain_holds_and_whether_it_is_locked(library: Library, found: object) -> None:
    assert keychain.logins(library) == found


def test_only_where_the_system_has_one(tmp_path: Path) -> None:
    framework, facts = tmp_path / "Security.framework", HostFacts()
    asker = Asker(tmp_path, ask_port=False, security=framework)
    assert asker.keychain(facts) is facts
    framework.mkdir()  # without a library in it
    assert asker.keychain(facts) == facts
    assert keychain.framework(framework) is None
