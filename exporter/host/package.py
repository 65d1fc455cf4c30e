"""Edge. The release of a running gateway, by the package it was started from: nothing of it is ever run to ask."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from exporter.host.processes import GatewayProcess
from exporter.host.recognition import WORDS
from exporter.model import StoreKind, StoreRef
from exporter.reading.files import read_file

_LARGEST: Final = 1 << 20
_LEVELS: Final = 5
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")


def version(process: GatewayProcess) -> str | None:
    """Look for `package.json` in the directories above every file that its command line names, as the process sees them."""
    for word in process.argv[:4]:
        path = Path(word)
        if not path.is_absolute() or ".." in path.parts:
            continue
        for directory in (_seen(process, path).resolve(), _seen(process, path)):
            for parent in list(directory.parents)[:_LEVELS]:
                found = _declared(parent / "package.json")
                if found is not None:
                    return found
    return None


def _seen(process: GatewayProcess, path: Path) -> Path:
    try:
        ours = process.root.resolve(strict=True) == Path("/")
    except OSError:
        ours = True
    return path if ours else process.root / str(path).lstrip("/")


def _declared(path: Path) -> str | None:
    """Return the version of one package file, when it is the gateway's own."""
    file = read_file(path, StoreRef("", "", StoreKind.CONFIG, str(path)), _LARGEST, pause=lambda _: None).value
    if file is None:
        return None
    try:
        tree = json.loads(file.raw)
    except (ValueError, RecursionError):
        return None
    name, said = (tree.get("name"), tree.get("version")) if isinstance(tree, dict) else (None, None)
    known = isinstance(name, str) and name.rpartition("/")[2] in WORDS
    return said if known and isinstance(said, str) and _VERSION.fullmatch(said) else None
