"""Edge. Reads the settings in a process of its own: the libraries that check them would stay in a daemon's memory for good.

They cost about 14 MiB, a quarter of the whole. The child is `answer`; it has our environment and answers over a pipe.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from exporter.model import Secret
from exporter.settings import Settings
from exporter.settings_file.load import load, needs_checking
from exporter.settings_file.text import SettingsError

_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 60.0  # importing the libraries on a phone; beyond that something is wrong with the child


def load_apart(explicit: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read all settings as `load` does; raises SettingsError. Without a working child it is done here."""
    if not needs_checking(explicit, environ):
        return Settings()
    told = _ask(explicit, environ)
    if isinstance(told, SettingsError):
        raise told
    return told if isinstance(told, Settings) else load(explicit, environ)


def answer() -> None:
    """Be the child: read the settings, of the file that is named as an argument, and write what became of it."""
    told: Settings | SettingsError
    try:
        told = load(Path(sys.argv[1]) if len(sys.argv) > 1 else None, os.environ)
    except SettingsError as error:
        told = error
    _Pickler(sys.stdout.buffer).dump(told)


def _ask(explicit: Path | None, environ: Mapping[str, str]) -> object:
    command = [sys.executable, "-P", "-c", f"from {__name__} import answer; answer()", *([str(explicit)] if explicit else [])]
    paths = [str(_ROOT), *filter(None, [environ.get("PYTHONPATH")])]
    child_environment = {**environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(
            command,
            env=child_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
        return pickle.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, pickle.UnpicklingError, EOFError):
        return None


class _Pickler(pickle.Pickler):
    """Writes settings with their secrets, which nothing else may: the pipe leads from our own child to us."""

    def reducer_override(self, value: Any) -> Any:
        match value:
            case Secret():
                return Secret, (value.reveal(),)
            case MappingProxyType():
                return _frozen, (dict(value),)
            case SettingsError():
                return SettingsError, (value.file, value.line, value.key, value.message, value.remedy)
            case _:
                return NotImplemented


def _frozen(values: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(values)
