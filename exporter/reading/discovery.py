"""Edge. Which gateways exist on this machine, and where each keeps its things."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import Family, Problem, ProblemReason
from exporter.reading.candidates import (
    SHARED_DATABASE,
    Candidate,
    candidates,
    config_path,
    effective_home,
    holds_stores,
    of_family,
    patterns,
    there,
)
from exporter.reading.families import PLACES, FamilyPlaces, expand, family_by_name, family_of, first_value
from exporter.reading.files import UNSEEN, FileStamp, stamp
from exporter.settings import Gateway

STATIC: Final = "static"  # the gateway that holds keys of our own settings; no other may be called so


@dataclass(frozen=True, slots=True)
class Home:
    """One gateway's places. `home` is the home its `~` means; `user` is set for other users' homes only."""

    gateway: str
    family: Family
    state_dir: Path
    config_path: Path
    user: str | None
    home: Path
    env_file: Path | None
    service: str | None
    explicit: bool
    agent_dir: Path | None = None  # where variables of ours move the default agent
    oauth_dir: Path | None = None  # where variables of ours move `credentials`
    config_named: bool = False  # a setting says that the configuration is there
    running: bool = False  # nothing but the environment of a gateway that runs names it


@dataclass(frozen=True, slots=True)
class Discovery:
    """The gateways found. `searched` are the places looked at, for people; `errors` are faults of our own settings."""

    homes: tuple[Home, ...]
    searched: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    errors: tuple[str, ...] = ()


def discover(
    settings_gateways: Sequence[Gateway],
    environ: Mapping[str, str],
    home: Path,
    *,
    user_home: Callable[[str], Path | None] | None = None,
    running: Iterable[tuple[Family, Path]] = (),
) -> Discovery:
    """List the gateways of the settings, or, when those name none, every gateway of this user.

    `running` are state directories that gateways of this user which run were told to use.
    A directory reached by several names counts once; a directory that holds nothing of a gateway does not count.
    """
    if settings_gateways:
        return _named(settings_gateways, environ, home, user_home or _passwd_home)
    found: list[Home] = []
    searched: list[str] = []
    adopted: set[Path] = set()
    told = [Candidate(state_dir, PLACES[family], home, family, running=True) for family, state_dir in running]
    for candidate in (*candidates(environ, home), *told):
        searched.append(str(candidate.state_dir))
        config = config_path(candidate, environ)
        elsewhere = config.parent != candidate.state_dir
        if holds_stores(candidate.state_dir) or (stamp(config) is not None and (elsewhere or config not in adopted)):
            found.append(_home(candidate, config, environ))
        if elsewhere:
            adopted.add(config)  # a lone configuration that a newer program took over is no gateway of its own
    return _distinct(found, [*searched, *patterns(environ, home)], [])


def _named(gateways: Sequence[Gateway], environ: Mapping[str, str], home: Path, user_home: Callable[[str], Path | None]) -> Discovery:
    named: list[Home] = []
    searched: list[str] = []
    problems: list[Problem] = []
    for gateway in gateways:
        base = home if gateway.user is None else user_home(gateway.user)
        if base is None:
            searched.append(f"~{gateway.user}")
            problems.append(_missing(gateway.name or f"@{gateway.user}", f"there is no user {gateway.user}"))
        else:
            named.append(_explicit(gateway, environ, base))
            searched.append(str(named[-1].state_dir))
    distinct = _distinct(named, searched, problems)
    present = tuple(one for one in distinct.homes if holds_stores(one.state_dir) or stamp(one.config_path) is not None)
    absent = tuple(_missing(one.gateway, str(one.state_dir)) for one in distinct.homes if one not in present)
    return Discovery(present, distinct.searched, (*distinct.problems, *absent), distinct.errors)


def _missing(gateway: str, place: str) -> Problem:
    return Problem(gateway, "", None, ProblemReason.NO_GATEWAY, place, fatal=True)


def _explicit(gateway: Gateway, environ: Mapping[str, str], base: Path) -> Home:
    ours = environ if gateway.user is None else {}
    wanted = gateway.family if gateway.family in PLACES else None
    places = PLACES[wanted or (family_by_name(gateway.state_dir.name) if gateway.state_dir else None) or Family.OPENCLAW]
    if gateway.state_dir is None:
        candidate = _default(places, ours, base)
    else:
        candidate = Candidate(expand(str(gateway.state_dir), base), places, base, places.family)
    config = expand(str(gateway.config), base) if gateway.config else config_path(candidate, ours)
    found = _home(candidate, config, ours)
    user = gateway.user if gateway.user != _own_name() else None
    return Home(
        gateway=gateway.name or (f"{found.gateway}@{user}" if user else found.gateway),
        family=wanted or found.family,
        state_dir=found.state_dir,
        config_path=config,
        user=user,
        home=found.home,
        env_file=expand(str(gateway.env_file), base) if gateway.env_file else None,
        service=gateway.service,
        explicit=True,
        agent_dir=found.agent_dir,
        oauth_dir=found.oauth_dir,
        config_named=gateway.config is not None,
    )


def _default(places: FamilyPlaces, environ: Mapping[str, str], home: Path) -> Candidate:
    """Take the directory the family's program would use by itself: the first that exists of those our variables allow."""
    possible = list(of_family(places, environ, effective_home(places, environ, home)))
    return next((candidate for candidate in possible if stamp(candidate.state_dir) is not None), possible[0])


def _home(candidate: Candidate, config: Path, environ: Mapping[str, str]) -> Home:
    places = candidate.places
    shared = there(candidate.state_dir / SHARED_DATABASE)
    present = config.name if there(config) else ""
    agent_dir = first_value(environ, (f"{places.prefixes[0]}_AGENT_DIR", "PI_CODING_AGENT_DIR")) if candidate.active else ""
    oauth_dir = first_value(environ, (f"{prefix}_OAUTH_DIR" for prefix in places.prefixes)) if candidate.active else ""
    return Home(
        gateway=_label(candidate.state_dir),
        family=family_of(candidate.state_dir.name, present, shared_database=shared, otherwise=candidate.otherwise),
        state_dir=candidate.state_dir,
        config_path=config,
        user=None,
        home=candidate.home,
        env_file=None,
        service=None,
        explicit=False,
        agent_dir=expand(agent_dir, candidate.home) if agent_dir else None,
        oauth_dir=expand(oauth_dir, candidate.home) if oauth_dir else None,
        running=candidate.running,
    )


def _label(state_dir: Path) -> str:
    name = state_dir.name.removeprefix(".")
    return os.fsencode(name).decode(errors="replace") or "gateway"


def _distinct(found: Sequence[Home], searched: Sequence[str], problems: Sequence[Problem]) -> Discovery:
    """Keep the first name of each directory and the first directory of each name."""
    kept: dict[str, Home] = {}
    known: set[object] = set()
    faults: list[Problem] = list(problems)
    errors: list[str] = []
    for home in found:
        identity = _identity(stamp(home.state_dir), home.state_dir)
        if identity in known:
            continue
        known.add(identity)
        other = kept.get(home.gateway)
        if home.gateway == STATIC:
            fault = f"a gateway cannot be called {STATIC!r} ({home.state_dir}): give it another name under `gateways`"
        elif other is not None:
            fault = f"two gateways are called {home.gateway!r} ({other.state_dir} and {home.state_dir}): name them under `gateways`"
        else:
            kept[home.gateway] = home
            continue
        faults.append(Problem(home.gateway, "", None, ProblemReason.BAD_VALUE, fault, fatal=True))
        if not home.running:  # whoever starts a process does not break our settings with it
            errors.append(fault)
    return Discovery(tuple(kept.values()), tuple(dict.fromkeys(searched)), tuple(faults), tuple(errors))


def _identity(seen: FileStamp | None, path: Path) -> object:
    return str(path) if seen is None or seen is UNSEEN else (seen.device, seen.inode)


def _passwd_home(user: str) -> Path | None:
    try:
        return Path(pwd.getpwnam(user).pw_dir)
    except (KeyError, ValueError):
        return None


def _own_name() -> str | None:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None
