"""Edge. What every command begins with: the settings, the clock, the home."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from exporter.cli.ending import Ending, Failure
from exporter.settings import Settings
from exporter.settings_file.load import load
from exporter.settings_file.text import SettingsError


def settings_of(
    config: Path | None,
    environ: Mapping[str, str] = os.environ,
    *,
    deliverable: bool = False,
    load: Callable[[Path | None, Mapping[str, str]], Settings] = load,
) -> Settings:
    """Load the settings; ends the command with 78 when they are bad. `deliverable` also asks Apprise whether it takes its URLs."""
    try:
        if not deliverable:
            return load(config, environ)
        from exporter.cli.deliverable import load_deliverable  # starts programs, which most commands never do

        return load_deliverable(config, environ, load)
    except SettingsError as error:
        raise Failure(Ending.CONFIG, str(error)) from None


def now() -> datetime:
    """Read the clock, once per command."""
    return datetime.now(UTC)


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return this user's home; ends the command with 78 when there is none."""
    try:
        return Path(environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise Failure(Ending.CONFIG, "this user has no home directory; set HOME") from None
