"""Pure. Where each program of the family keeps its things: directories, configuration files, variables that move them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import Family

_BLANKS = frozenset({"", "undefined", "null"})  # what scripts leave behind when they mean nothing


@dataclass(frozen=True, slots=True)
class FamilyPlaces:
    """The names of one family.

    `prefixes` begin its variables, the family's own first, then those of the releases it grew from.
    `config_names` are tried in order. `home_variable` moves the whole home.
    """

    family: Family
    directories: tuple[str, ...]
    prefixes: tuple[str, ...]
    config_names: tuple[str, ...]
    home_variable: str = ""


FAMILIES: Final = (
    FamilyPlaces(
        Family.OPENCLAW,
        (".openclaw",),
        ("OPENCLAW", "CLAWDBOT"),
        ("openclaw.json", "clawdbot.json", "moltbot.json", "moldbot.json"),
        "OPENCLAW_HOME",
    ),
    FamilyPlaces(Family.CLAWDBOT, (".clawdbot",), ("CLAWDBOT",), ("clawdbot.json",)),
    FamilyPlaces(Family.MOLTBOT, (".moltbot", ".moldbot"), ("MOLTBOT", "CLAWDBOT"), ("moltbot.json", "clawdbot.json", "moldbot.json")),
    FamilyPlaces(Family.REMOTECLAW, (".remoteclaw",), ("REMOTECLAW", "CLAWDBOT"), ("remoteclaw.json",), "REMOTECLAW_HOME"),
)
PLACES: Final[Mapping[Family, FamilyPlaces]] = {places.family: places for places in FAMILIES}
LEGACY_DIRECTORIES: Final = (".clawdbot", ".moltbot", ".moldbot")

# A configuration file that only one family writes.
_TELLING = {"openclaw.json": Family.OPENCLAW, "remoteclaw.json": Family.REMOTECLAW, "moltbot.json": Family.MOLTBOT,
            "moldbot.json": Family.MOLTBOT, "clawdbot.json": Family.CLAWDBOT}  # fmt: skip
_FIRM = frozenset({Family.OPENCLAW, Family.REMOTECLAW})  # older programs never use these directories


def family_by_name(directory: str) -> Family | None:
    """Tell the family from a directory's name, such as `.openclaw-work`; None when the name says nothing."""
    name = f".{directory.removeprefix('.')}"
    for places in FAMILIES:
        if any(name == known or name.startswith(f"{known}-") for known in places.directories):
            return places.family
    return None


def family_of(directory: str, config_name: str, *, shared_database: bool, otherwise: Family) -> Family:
    """Tell which program uses a state directory: newer releases of OpenClaw work in Clawdbot's directory as it is."""
    named = family_by_name(directory)
    if named in _FIRM:
        return named
    written = _TELLING.get(config_name)
    if shared_database or written is Family.OPENCLAW:
        return Family.OPENCLAW
    if written is Family.REMOTECLAW:
        return written
    return named or written or otherwise


def value_of(environ: Mapping[str, str], name: str) -> str:
    """Return a variable's trimmed value; blank ones, `undefined` and `null` are no values."""
    value = environ.get(name, "").strip()
    return "" if value in _BLANKS else value


def first_value(environ: Mapping[str, str], names: Iterable[str]) -> str:
    """Return the first of `names` that has a value, else an empty string."""
    return next((value for value in (value_of(environ, name) for name in names) if value), "")


def expand(value: str, home: Path) -> Path:
    """Expand a leading `~` against `home`; other relative paths are relative to it too, as we do not know the gateway's own."""
    if value == "~" or value.startswith(("~/", "~\\")):
        return home / value[2:]
    return home / value
