"""Pure. Logins in a keychain that is locked for whoever runs the gateway: not missing, and nobody can read them.

Source: spec/gateways.md, 9; spec/incidents.md, I11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from exporter.drift.cli_sync import PROGRAMS
from exporter.drift.scene import Scene
from exporter.verdict import DriftFact

KIND, NAME = "keychain", "SourceLocked"
_UNLOCK: Final = "security unlock-keychain"


def find(scene: Scene) -> Iterator[DriftFact]:
    """Report every locked login that this gateway lives on: it keeps a copy of it, or has nothing else for a provider in use."""
    for login in scene.reading.host.keychain:
        program = PROGRAMS.get(login.login)
        if program is None or not login.locked:
            continue
        copied = any(key in program.synced for _, document in scene.stores() for key in document.profiles)
        bare = sorted(name for name, used in scene.in_use().items() if name in program.providers and any(one.next is None for one in used))
        if copied or bare:
            why = f"the keychain that holds the login of {program.name} is locked for this session; the login is not missing"
            provider = bare[0] if bare else min(program.providers)
            yield scene.fact(KIND, NAME, why, provider=provider, commands=(_UNLOCK,))
