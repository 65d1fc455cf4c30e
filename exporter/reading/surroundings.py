"""Edge. What surrounds a gateway's stores: its configuration, the environment its service sees, the secrets it refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from exporter.environment import variables
from exporter.model import (
    Environment,
    EnvPlace,
    Family,
    GatewayConfig,
    Problem,
    ProblemReason,
    RefSource,
    RefState,
    Resolution,
    Secret,
    SecretRef,
    SourceState,
    StoreKind,
    StoreRef,
)
from exporter.reading.config_file import Variables, load_config
from exporter.reading.discovery import Home
from exporter.reading.families import PLACES, expand
from exporter.reading.held import Held
from exporter.reading.shelf import Loaded
from exporter.reading.shelves import Shelves
from exporter.traces import HostFacts

EXEC_EVERY: Final = 900.0  # seconds between two runs of somebody's program
_WITHOUT_CONFIG: Final = frozenset({RefSource.ENV, RefSource.STORE})
_UNCHECKED: Final = Resolution(RefState.UNCHECKED)
_AGENT_DIR: Final = "PI_CODING_AGENT_DIR"


class Found(Protocol):
    """A gateway's environment, and how reading the files behind it went."""

    @property
    def environment(self) -> Environment:
        """What the service sees."""

    @property
    def sources(self) -> tuple[SourceState, ...]:
        """The states of the files."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with them; already counted."""

    @property
    def facts(self) -> HostFacts:
        """What the host says of the gateway as a program."""


class Host(Protocol):
    """Knows what the gateways' services see."""

    def begin(self) -> None:
        """Start a pass."""

    def running(self, home: Path, /) -> Iterable[tuple[Family, Path]]:
        """List the state directories that running gateways of this user were told to use, `home` being the home."""

    def report(self, home: Home, config: GatewayConfig | None, now: datetime, /) -> Found:
        """Find the environment of one gateway; without its configuration, what is known before that is read."""

    def changed(self) -> bool:
        """Say whether anything looked at in the last pass changed; opens nothing."""


class ResolveRefs(Protocol):
    """Looks SecretRefs up."""

    def __call__(
        self,
        refs: Iterable[SecretRef],
        config: GatewayConfig,
        variables: Mapping[str, Secret],
        /,
        *,
        seen: bool,
        store_secrets: Mapping[str, Secret],
        allow_exec: bool,
        base_dir: Path,
        home: Path | None = None,
    ) -> Mapping[SecretRef, Resolution]:
        """Return what each reference leads to."""


@dataclass(frozen=True, slots=True)
class Around:
    """One pass's findings. `config` is None when unknown; `variables` are those that count."""

    config: GatewayConfig | None
    environment: Environment
    variables: Mapping[str, Secret]
    agent_dir: Path | None
    sources: tuple[SourceState, ...]
    problems: tuple[Problem, ...]
    counted: tuple[Problem, ...]  # problems among them that are in the error counter
    host: HostFacts


class Surroundings:
    """Those of one gateway, pass after pass."""

    def __init__(self, shelves: Shelves, host: Host, resolve: ResolveRefs, *, allow_exec: bool) -> None:
        """Take what remembers, and what asks the host."""
        self._shelves = shelves
        self._host = host
        self._resolve = resolve
        self._allow_exec = allow_exec
        self._config: GatewayConfig | None = None
        self._used: Mapping[str, Secret] | None = None  # variables the configuration was last read with; None: it needs none
        self._resolved: Mapping[SecretRef, Resolution] = MappingProxyType({})
        self._ran: tuple[float, tuple[SecretRef, ...], GatewayConfig | None, Mapping[SecretRef, Resolution]] | None = None

    def read(self, home: Home, now: datetime) -> Around:
        """Read the configuration and find the environment; each may need the other, so the last pass's serve as a start."""
        before = self._config
        early: list[Found] = []

        def look() -> Mapping[str, Secret]:
            if not early:
                early.append(self._host.report(home, before, now))
            return counting(early[0].environment, without=EnvPlace.CONFIG)

        held = self._read_config(home, look, now)
        config = held.value if held.source is not None else self._absent(home)
        found = early[0] if early and config is before else self._host.report(home, config, now)
        self._config = config
        sources, problems = ((held.source,) if held.source else ()), held.problems
        if config is None and held.source is None:
            ref = _config_ref(home)
            sources = (SourceState(ref, False),)
            problems = (Problem.at(ref, ProblemReason.NO_GATEWAY, fatal=True),)
        return Around(
            config,
            found.environment,
            counting(found.environment),
            self._agent_dir(home, found.environment),
            (*sources, *found.sources),
            (*problems, *found.problems),
            found.problems,
            found.facts,
        )

    def resolve(
        self, home: Home, refs: tuple[SecretRef, ...], around: Around, store_secrets: Mapping[str, Secret]
    ) -> Mapping[SecretRef, Resolution]:
        """Look every reference up; programs run only where settings allow it, and seldom."""
        config = around.config

        def ask(wanted: tuple[SecretRef, ...], *, allow_exec: bool) -> Mapping[SecretRef, Resolution]:
            return self._resolve(
                wanted,
                config or GatewayConfig(),
                around.variables,
                seen=around.environment.seen,
                store_secrets=store_secrets,
                allow_exec=allow_exec,
                base_dir=home.state_dir,
                home=home.home,
            )

        # Without the configuration nobody knows what a provider's alias means, nor what its variables allow.
        known = tuple(ref for ref in refs if config is not None or ref.source in _WITHOUT_CONFIG)
        programs = tuple(ref for ref in known if ref.source is RefSource.EXEC)
        found = dict.fromkeys(refs, _UNCHECKED)
        if others := tuple(ref for ref in known if ref.source is not RefSource.EXEC):
            found |= ask(others, allow_exec=False)
        if programs and not self._allow_exec:
            found |= ask(programs, allow_exec=False)
        elif programs:
            clock = self._shelves.desk.clock()
            if self._ran is None or self._ran[1:3] != (programs, config) or not 0 <= clock - self._ran[0] < EXEC_EVERY:
                self._ran = (clock, programs, config, ask(programs, allow_exec=True))
            found |= self._ran[3]
        if found != self._resolved:
            self._resolved = MappingProxyType(found)
        return self._resolved

    def _read_config(self, home: Home, look: Callable[[], Mapping[str, Secret]], now: datetime) -> Held[GatewayConfig]:
        ref = _config_ref(home)
        salt = look() if self._used is not None else None

        def load() -> Loaded[GatewayConfig]:
            needed = Variables(look)
            loaded = load_config(self._shelves.desk, ref, needed, home.home)
            self._used = needed.used
            return loaded

        return self._shelves.configs.fetch(ref, load, now, salt)

    def _absent(self, home: Home) -> GatewayConfig | None:
        """Gateways take a missing configuration for an empty one; one that a setting names and that is missing is unknown."""
        if home.config_named:
            return None
        return self._config if self._config is not None and not self._config.present else GatewayConfig()

    def _agent_dir(self, home: Home, environment: Environment) -> Path | None:
        """Return where variables move the default agent: the service's, else ours."""
        theirs = replace(environment, layers=tuple(layer for layer in environment.layers if layer.place is not EnvPlace.OWN))
        found = counting(theirs)
        places = PLACES.get(home.family)
        names = (*(f"{prefix}_AGENT_DIR" for prefix in (places.prefixes if places else ())), _AGENT_DIR)
        named = next((found[name].reveal() for name in names if name in found), "")
        return expand(named, home.home) if named not in ("", "undefined", "null") else home.agent_dir


def counting(environment: Environment, without: EnvPlace | None = None) -> Mapping[str, Secret]:
    """Return the variables that prove something about the gateway, merged by precedence."""
    layers = tuple(layer for layer in environment.layers if layer.counts and layer.place is not without)
    return {name: secret for name, (secret, _) in variables(replace(environment, layers=layers)).items()}


def _config_ref(home: Home) -> StoreRef:
    return StoreRef(home.gateway, "", StoreKind.CONFIG, str(home.config_path))
