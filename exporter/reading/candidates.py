"""Edge. Directories that may be a gateway's: the defaults, the named profiles, and where our own variables point."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import Family
from exporter.reading.families import FAMILIES, LEGACY_DIRECTORIES, PLACES, FamilyPlaces, expand, first_value, value_of
from exporter.reading.files import UNSEEN, stamp

SHARED_DATABASE: Final = "state/openclaw.sqlite"
_EVIDENCE = ("agents", "state", "credentials", "auth-profiles.json")
_PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z", re.IGNORECASE | re.ASCII)
_DEFAULT_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One such directory. `active`: our own variables are about the program that uses it."""

    state_dir: Path
    places: FamilyPlaces
    home: Path  # the home its `~` means
    otherwise: Family  # when nothing in it tells the family
    active: bool = False
    standard: bool = False  # the family's default directory
    running: bool = False  # a gateway that runs was told to use it


def candidates(environ: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Yield every directory to look at, newest family first; most do not exist."""
    newest = effective_home(PLACES[Family.OPENCLAW], environ, home)
    for places in FAMILIES:
        base = effective_home(places, environ, home)
        for each in [base] if places.home_variable else dict.fromkeys([base, newest]):
            yield from of_family(places, environ, each)
            for directory in places.directories:
                for name in _named_profiles(each, f"{directory}-"):
                    yield Candidate(each / name, places, each, places.family)


def patterns(environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """Yield the patterns of named profiles' directories, for people."""
    for places in FAMILIES:
        for directory in places.directories:
            yield f"{effective_home(places, environ, home) / directory}-*"


def of_family(places: FamilyPlaces, environ: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Yield the directory our variables choose, if they do, then the family's usual ones."""
    chosen = False
    for prefix in places.prefixes:
        if moved := value_of(environ, f"{prefix}_STATE_DIR"):
            chosen = True
            yield Candidate(expand(moved, home), places, home, Family(prefix.lower()), active=True)
            break
    profile = first_value(environ, (f"{prefix}_PROFILE" for prefix in places.prefixes))
    if not chosen and profile.lower() != _DEFAULT_PROFILE and _PROFILE.match(profile):
        chosen = True
        yield Candidate(home / f"{places.directories[0]}-{profile}", places, home, places.family, active=True)
    for position, directory in enumerate(places.directories):
        yield Candidate(home / directory, places, home, places.family, active=not chosen and not position, standard=True)


def effective_home(places: FamilyPlaces, environ: Mapping[str, str], home: Path) -> Path:
    """Return the home a program of this family works in."""
    moved = value_of(environ, places.home_variable) if places.home_variable else ""
    return expand(moved, home) if moved else home


def config_path(candidate: Candidate, environ: Mapping[str, str]) -> Path:
    """Choose the configuration file: named by a variable, else the first that exists, else the one a program would write."""
    own, *older = (f"{prefix}_CONFIG_PATH" for prefix in candidate.places.prefixes)
    if candidate.active and (named := value_of(environ, own)):
        return expand(named, candidate.home)
    for name in _config_names(candidate.places):
        if there(candidate.state_dir / name):
            return candidate.state_dir / name
    if stamp(candidate.state_dir) is not None:
        if candidate.active and (named := first_value(environ, older)):
            return expand(named, candidate.home)
        if (legacy := _legacy_config(candidate)) is not None:
            return legacy
    return candidate.state_dir / candidate.places.config_names[0]


def holds_stores(state_dir: Path) -> bool:
    """Say whether a directory looks like a gateway's even without a configuration; one that we may not look into does."""
    return stamp(state_dir) is UNSEEN or any(stamp(state_dir / name) is not None for name in _EVIDENCE)


def there(path: Path) -> bool:
    """Say whether something is there for certain; what we may not look at tells nothing."""
    return stamp(path) not in (None, UNSEEN)


def _named_profiles(base: Path, prefix: str) -> list[str]:
    try:
        with os.scandir(base) as entries:
            return sorted(entry.name for entry in entries if entry.name.startswith(prefix) and _PROFILE.match(entry.name[len(prefix) :]))
    except (OSError, ValueError):
        return []


def _legacy_config(candidate: Candidate) -> Path | None:
    """Find the configuration a predecessor left in its own directory; releases with a shared database no longer look there."""
    if not candidate.standard or candidate.places.family is not Family.OPENCLAW or stamp(candidate.state_dir / SHARED_DATABASE) is not None:
        return None
    paths = (candidate.home / directory / name for directory in LEGACY_DIRECTORIES for name in candidate.places.config_names)
    return next((path for path in paths if there(path)), None)


def _config_names(places: FamilyPlaces) -> tuple[str, ...]:
    """List the names to look for: a newer program may use the directory of an older one as it is."""
    if places.family is Family.REMOTECLAW:
        return places.config_names
    newest = PLACES[Family.OPENCLAW].config_names
    return tuple(dict.fromkeys([newest[0], *places.config_names, *newest, *PLACES[Family.REMOTECLAW].config_names]))
