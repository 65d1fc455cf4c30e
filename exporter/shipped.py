"""Edge. What came with this program beside its code: rules, dashboards, units; and which revision of the source it is.

The build reads this file on its own (.ci/build_hook.py), so it imports nothing of ours before it has to.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Files and directories, from the top of the source; an installed package has them in BUNDLE.
PARTS: Final = ("alerts", "dashboards/README.md", "dashboards/json", "dashboards/previews", "dashboards/provisioning", "deploy")
BUNDLE: Final = "bundle"
_HERE: Final = Path(__file__).parent
_TOP: Final = _HERE.parent
_LEFT_OUT: Final = frozenset({"__pycache__"})


def root() -> Path | None:
    """Find the directory that holds the parts: in the package, else in the source around it; None when they did not come along."""
    places = (_HERE / BUNDLE, _TOP)
    return next((place for place in places if all((place / part).exists() for part in PARTS)), None)


def files(top: Path) -> Iterator[Path]:
    """List the files of every part, relative to `top`, in order."""
    for part in PARTS:
        yield from _below(top, Path(part))


def revision() -> str:
    """Tell which revision of the source this is: as built, else as checked out; "" when nobody knows."""
    from exporter.built import REVISION

    return REVISION or checked_out(_TOP)


def checked_out(top: Path) -> str:
    """Read the commit that a checkout stands on, 12 digits; "" when `top` is none. Source: gitrepository-layout(5)."""
    git = top / ".git"
    head = _text(git / "HEAD")
    name = head.removeprefix("ref: ")
    if name == head:
        return head[:12]
    packed = (line.split(" ") for line in _text(git / "packed-refs").splitlines())
    return (_text(git / name) or next((words[0] for words in packed if words[1:] == [name]), ""))[:12]


def _below(top: Path, name: Path) -> Iterator[Path]:
    if (top / name).is_file():
        yield name
        return
    with os.scandir(top / name) as entries:
        found = sorted(entry.name for entry in entries if entry.name not in _LEFT_OUT and not entry.name.endswith(".pyc"))
    for each in found:
        yield from _below(top, name / each)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
