"""Pure. Which program a command line or a unit's name is, and which state directory its environment leads to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from exporter.model import Family
from exporter.reading.families import LEGACY_DIRECTORIES, PLACES, FamilyPlaces, expand, first_value, value_of

_FAMILIES: Final[Mapping[str, Family]] = {
    "openclaw": Family.OPENCLAW,
    "clawdbot": Family.CLAWDBOT,
    "moltbot": Family.MOLTBOT,
    "moldbot": Family.MOLTBOT,
    "remoteclaw": Family.REMOTECLAW,
}
WORDS: Final = tuple(_FAMILIES)
_ANY = "|".join(WORDS)
_PROGRAM = re.compile(rf"(?:^|/)@?({_ANY})(?:[.@-][^/]*)?(?:/|$)")
_TITLE = re.compile(rf"(?:.*/)?({_ANY})-gateway(?:[.:-].*)?")
_MENTION = re.compile(rf"(?:^|[^\w.])@?({_ANY})(?![\w])")
_UNIT = re.compile(rf"({_ANY})-gateway(?:-(?P<profile>.+?))?\.service")
_PLIST = re.compile(rf"(?:.*[.-])?(?P<word>{_ANY}|molt)(?:[.-](?P<rest>.+))?")
_INTERPRETERS = re.compile(r"node|nodejs|bun|deno|tsx|python[\d.]*|sh|bash|dash|zsh|env|busybox")
_CONTAINERS = re.compile(r"docker|podman|nerdctl")
_SUBCOMMANDS = frozenset({"gateway", "gateway-daemon"})
_SERVING = frozenset({"run", "daemon"})
_DEFAULT_PROFILE = "default"


def running_gateway(argv: Sequence[str]) -> Family | None:
    """Tell whose gateway a process is; None for everything else, also for the family's short-lived commands.

    A gateway's process may have replaced its command line by a title, in one piece.
    """
    words = list(argv) if len(argv) > 1 else " ".join(argv).split()
    if not words:
        return None
    titled = _TITLE.fullmatch(words[0])
    if titled:
        return _FAMILIES[titled[1]]
    programs = words if _INTERPRETERS.fullmatch(Path(words[0]).name) else words[:1]
    for position, word in enumerate(programs):
        named = None if word.startswith("-") else _PROGRAM.search(word)
        if named:
            return _FAMILIES[named[1]] if _serves(words[position + 1 :]) else None
    return None


def _serves(arguments: Sequence[str]) -> bool:
    position = next((number for number, word in enumerate(arguments) if word in _SUBCOMMANDS), None)
    if position is None:
        return False
    following = arguments[position + 1 : position + 2]
    return not following or following[0].startswith("-") or following[0] in _SERVING


def unit_family(name: str, exec_start: str) -> Family | None:
    """Tell whose gateway a systemd unit runs, by its name or its command line; None for every other unit."""
    named = _UNIT.fullmatch(name)
    if named:
        return _FAMILIES[named[1]]
    stem = name.removesuffix(".service")
    mentioned = _MENTION.search(exec_start)
    if mentioned and (stem in _FAMILIES or re.search(r"(?:^|[\s'\"])gateway(?:-daemon)?(?:$|[\s'\"])|-gateway\b", exec_start)):
        return _FAMILIES[stem if stem in _FAMILIES else mentioned[1]]
    return None


def unit_profile(name: str) -> str:
    """Return the profile that a unit's name carries, else an empty string."""
    named = _UNIT.fullmatch(name)
    return (named["profile"] or "") if named else ""


def plist_profile(label: str) -> tuple[Family, str] | None:
    """Tell whose gateway, and which profile of it, a launchd property list runs, by its label."""
    named = _PLIST.fullmatch(label.lower())
    if named is None:
        return None
    rest = named["rest"] or "gateway"
    return _FAMILIES.get(named["word"], Family.MOLTBOT), "" if rest == "gateway" else rest.removeprefix("gateway.")


def runs_container(exec_start: str) -> bool:
    """Say whether a command line starts a container: its environment is then not the unit's."""
    words = exec_start.lstrip("-@:+!").split()
    return bool(words) and _CONTAINERS.fullmatch(Path(words[0]).name) is not None


def state_dirs(family: Family, environ: Mapping[str, str], arguments: Sequence[str], home: Path, profile: str = "") -> tuple[Path, ...]:
    """List the state directories that a program with this environment may use: one, or the defaults, newest first.

    `home` is the home its user has when `environ` names none; `profile` is used when nothing else names one.
    """
    places = PLACES[family]
    home = _home(places, environ, home)
    named = first_value(environ, (f"{prefix}_STATE_DIR" for prefix in places.prefixes))
    if named:
        return (expand(named, home),)
    chosen = names_profile(arguments) or first_value(environ, (f"{prefix}_PROFILE" for prefix in places.prefixes)) or profile
    if chosen and chosen.lower() != _DEFAULT_PROFILE:
        return tuple(home / f"{directory}-{chosen}" for directory in places.directories)
    match family:
        case Family.CLAWDBOT:
            usual = places.directories
        case Family.MOLTBOT:
            usual = LEGACY_DIRECTORIES  # it moved into its own directory only where there was no older one
        case _:
            usual = (*places.directories, *LEGACY_DIRECTORIES)
    return tuple(home / directory for directory in usual)


def names_profile(arguments: Sequence[str]) -> str:
    """Return the profile that a command line chooses, else an empty string."""
    return next(_profiles(arguments), "")


def _home(places: FamilyPlaces, environ: Mapping[str, str], home: Path) -> Path:
    usual = value_of(environ, "HOME")
    base = expand(usual, home) if usual else home
    moved = value_of(environ, places.home_variable) if places.home_variable else ""
    return expand(moved, base) if moved else base


def _profiles(arguments: Sequence[str]) -> Iterator[str]:
    for position, word in enumerate(arguments):
        if word == "--dev":
            yield "dev"
        elif word.startswith("--profile="):
            yield word.partition("=")[2]
        elif word == "--profile" and position + 1 < len(arguments):
            yield arguments[position + 1]
