"""Edge. Our unit files as data: every setting in its order, comments left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.running import ROOT

UNITS = ROOT / "deploy" / "systemd"


@dataclass(frozen=True)
class Unit:
    """One file: its name with its manager's directory, and its settings."""

    path: Path
    settings: tuple[tuple[str, str, str], ...]  # section, key, value

    @property
    def id(self) -> str:
        """Return a name for tests."""
        return f"{self.path.parent.name}/{self.path.name}"

    def all(self, key: str) -> list[str]:
        """Return every value of one key."""
        return [value for _, found, value in self.settings if found == key]

    def one(self, key: str) -> str | None:
        """Return the value of a key that stands at most once."""
        found = self.all(key)
        assert len(found) < 2, f"{key} stands {len(found)} times"
        return found[0] if found else None

    def sandbox(self) -> list[tuple[str, str]]:
        """Return what says who the service is, what it sees and what it may do."""
        of_the_job = ("Type", "NotifyAccess", "Exec", "Restart", "Watchdog", "Timeout", "SuccessExitStatus", "RuntimeDirectory")
        return [(key, value) for section, key, value in self.settings if section == "Service" and not key.startswith(of_the_job)]


def read(path: Path) -> Unit:
    """Read one file; a line that is no setting is an error."""
    section, settings = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            settings.append((section, key, value))
    return Unit(path, tuple(settings))


ALL = [read(path) for path in sorted(UNITS.glob("*/*.*")) if path.suffix in {".service", ".timer"}]
SERVICES = [unit for unit in ALL if unit.path.suffix == ".service"]
SYSTEM = [unit for unit in SERVICES if unit.path.parent.name == "system"]
USER = [unit for unit in SERVICES if unit.path.parent.name == "user"]
