"""Edge. A gateway's environment as far as this host shows it, and whether that is what its service really has.

Seen: its process's environment, or its unit with every file that names, can be read; or no gateway is a service here
or runs here, then our own environment is what the gateway's commands would get. Everything else is unseen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from exporter.host import login_shell
from exporter.host.asking import Asker
from exporter.host.processes import GatewayProcess, alive, gateways
from exporter.host.recognition import names_profile, state_dirs
from exporter.host.services import Match, Service, ServiceReader, leads_to
from exporter.host.sheets import Parser, Sheets
from exporter.model import (
    Environment,
    EnvLayer,
    EnvPlace,
    Family,
    GatewayConfig,
    Problem,
    Secret,
    SourceState,
    StoreKind,
    StoreRef,
)
from exporter.reading.discovery import Home
from exporter.reading.families import PLACES, expand, first_value
from exporter.reading.files import stamp
from exporter.reading.shelf import Desk
from exporter.settings import ENV_PREFIX
from exporter.stores.dotenv import parse, parse_systemd
from exporter.traces import HostFacts

_ROOT: Final = Path("/")
_SECURITY: Final = "System/Library/Frameworks/Security.framework"  # of macOS
_LOGIN_EVERY: Final = 900.0  # seconds
_SHELL_SWITCH: Final = "OPENCLAW_LOAD_SHELL_ENV"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_SERVICE_MARK: Final = "INVOCATION_ID"  # systemd gives it to what it starts
_OURS_ALONE: Final = (ENV_PREFIX,)  # settings of this program, secrets among them, are no gateway's


@dataclass(frozen=True, slots=True)
class HostReport:
    """A gateway's environment, and how reading the files behind it went."""

    environment: Environment
    sources: tuple[SourceState, ...] = ()
    problems: tuple[Problem, ...] = ()
    facts: HostFacts = field(default_factory=HostFacts)


@dataclass(frozen=True, slots=True)
class _Finding:
    """Where the service's own environment is. `hidden` says why it is not known; `service` covers generated files too."""

    layers: tuple[EnvLayer, ...] = ()
    why: str = ""
    hidden: str = ""
    process: bool = False
    service: bool = False
    facts: HostFacts = field(default_factory=HostFacts)


def gateway_environment(home: Home, config: GatewayConfig | None, own: Mapping[str, str], fs_root: Path = _ROOT) -> Environment:
    """Return the environment of one gateway, looked up afresh."""
    return HostReader(own, fs_root=fs_root).environment(home, config)


class HostReader:
    """Looks every gateway's environment up, pass after pass. An unchanged one is the very object of the last pass."""

    def __init__(
        self,
        own: Mapping[str, str],
        *,
        fs_root: Path = _ROOT,
        proc_root: Path | None = None,
        desk: Desk | None = None,
        ask_login_shell: bool = False,
        ask_port: bool = False,
    ) -> None:
        """Take our own variables, and other roots than the system's for what the system holds.

        `ask_login_shell`: run it, for gateways of this user. `ask_port`: connect to the configured port, on loopback.
        """
        self._own = {name: Secret(value) for name, value in own.items() if not name.startswith(_OURS_ALONE)}
        self._root = fs_root
        self._proc = proc_root or fs_root / "proc"
        self._sheets = Sheets(desk or Desk())
        self._services = ServiceReader(self._sheets, fs_root)
        self._ask_login_shell = ask_login_shell
        self._is_shell = _SERVICE_MARK not in own
        self._asker = Asker(self._proc, ask_port=ask_port, security=fs_root / _SECURITY)
        self._login: tuple[float, Mapping[str, Secret]] | None = None
        self._processes: tuple[GatewayProcess, ...] | None = None
        self._reports: dict[tuple[str, bool], HostReport] = {}

    def begin(self) -> None:
        """Start a pass: processes and directories are listed once, for all gateways that are asked for until the next one."""
        self._services.index.refresh()
        self._sheets.forget()
        self._processes = gateways(self._proc)

    def running(self, home: Path) -> Iterator[tuple[Family, Path]]:
        """List the state directories that running gateways were told to use: our user's, with this home, seen as we see them."""
        for process in self._processes or ():
            if process.environ is None or process.uid != os.geteuid():
                continue
            environ = {name: value.reveal() for name, value in process.environ.items()}
            if Path(environ.get("HOME", "")) != home:
                continue
            named = first_value(environ, (f"{prefix}_STATE_DIR" for prefix in PLACES[process.family].prefixes))
            state_dir = expand(named, home) if named else None
            if state_dir is not None and state_dir.is_absolute() and leads_to([state_dir], state_dir, process.root):
                yield process.family, state_dir

    def environment(self, home: Home, config: GatewayConfig | None, now: datetime | None = None) -> Environment:
        """Return the environment of one gateway; without its configuration, what is known before that is read."""
        return self.report(home, config, now).environment

    def report(self, home: Home, config: GatewayConfig | None, now: datetime | None = None) -> HostReport:
        """Return the environment of one gateway with the state of the files behind it. `now` dates what is read."""
        if self._processes is None:
            self.begin()
        self._sheets.begin()
        environment, facts = self._environment(home, config, now or datetime.now(UTC))
        found = HostReport(environment, self._sheets.sources(), self._sheets.problems(), facts)
        before = self._reports.setdefault((home.gateway, config is not None), found)
        if before != found:
            self._reports[home.gateway, config is not None] = found
            return found
        return before

    def changed(self) -> bool:
        """Say whether a file, a directory or a gateway's process that the last pass looked at is another one now."""
        if self._processes is None or not all(alive(process, self._proc) for process in self._processes):
            return True
        return any(stamp(path) != seen for path, seen in self._watched())

    def _watched(self) -> Iterator[tuple[Path, object]]:
        yield from self._sheets.watched()
        yield from self._services.index.watched()

    def _environment(self, home: Home, config: GatewayConfig | None, now: datetime) -> tuple[Environment, HostFacts]:
        finding = self._finding(home, now)
        ours_counts = not (finding.process or finding.service or finding.hidden)
        own = EnvLayer(EnvPlace.OWN, self._own, counts=ours_counts)
        layers = [own] if ours_counts else []
        layers += finding.layers
        layers += self._generated(home, finding, now)
        if home.env_file is not None:
            layers += self._file(home, EnvPlace.SETTINGS, StoreKind.DOTENV, home.env_file, parse_systemd, now)
        layers += self._file(home, EnvPlace.STATE_DOTENV, StoreKind.DOTENV, home.state_dir / ".env", parse, now)
        if home.family is Family.OPENCLAW and leads_to([home.home / ".openclaw"], home.state_dir):
            path = home.home / ".config" / "openclaw" / "gateway.env"
            layers += self._file(home, EnvPlace.GATEWAY_ENV, StoreKind.DOTENV, path, parse, now)
        if config is not None and config.env:
            layers.append(EnvLayer(EnvPlace.CONFIG, config.env, StoreKind.CONFIG, str(home.config_path)))
        if self._imports_login_shell(home, config, layers):
            layers.append(EnvLayer(EnvPlace.LOGIN_SHELL, self._login_variables()))
        if finding.hidden:
            layers.append(own)
        why = finding.hidden or finding.why
        found = Environment(not finding.hidden, why, tuple(layers), () if ours_counts else self._asides(home))
        return found, self._asker.port(self._asker.keychain(finding.facts) if self._is_ours(home) else finding.facts, config)

    def _asides(self, home: Home) -> tuple[EnvLayer, ...]:
        """What a person's shell has: ours, unless we are a service ourselves, and the login shell where it may be asked."""
        if not self._is_ours(home):
            return ()
        shells = [EnvLayer(EnvPlace.OWN, self._own, counts=False)] if self._is_shell else []
        if self._ask_login_shell:
            shells.append(EnvLayer(EnvPlace.LOGIN_SHELL, self._login_variables(), counts=False))
        return tuple(shells)

    def _is_ours(self, home: Home) -> bool:
        """Say whether a gateway runs as we do, so that what this user has is what it has."""
        return home.user is None and _owner(home) == os.geteuid()

    def _imports_login_shell(self, home: Home, config: GatewayConfig | None, layers: Sequence[EnvLayer]) -> bool:
        if not self._ask_login_shell or not self._is_ours(home):
            return False
        switches = (layer.variables.get(_SHELL_SWITCH) for layer in layers if layer.counts)
        switch = next((value.reveal().strip().lower() for value in switches if value is not None), "")
        return (config is not None and config.shell_env) or switch in _TRUE

    def _login_variables(self) -> Mapping[str, Secret]:
        now = time.monotonic()
        if self._login is None or now - self._login[0] > _LOGIN_EVERY:
            self._login = now, login_shell.variables({name: value.reveal() for name, value in self._own.items()})
        return self._login[1]

    def _finding(self, home: Home, now: datetime) -> _Finding:
        """Find the best witness of the service's environment: its process, else its unit, else that there is none."""
        uid = _owner(home)
        matched = [(_process_match(process, home, uid), process) for process in self._processes or ()]
        running = next((process for match, process in matched if match is Match.OURS), None)
        services = self._services.services(home, uid, now)
        ours = [service for service in services if service.match is Match.OURS]
        known = next((service for service in ours if not service.hidden), None)
        facts = self._asker.facts(running, known or _first(ours))
        if running is not None:
            process = EnvLayer(EnvPlace.PROCESS, running.environ or {})
            later = tuple(_not_counting(layer) for service in (known or _first(ours),) if service for layer in service.layers)
            why = f"read from the gateway's process {running.pid}"
            return _Finding((process, *later), why, process=True, service=bool(ours), facts=facts)
        if known is not None:
            return _Finding(known.layers, f"read from {known.name}", service=True, facts=facts)
        hidden = _first([*ours, *services])
        if hidden is not None:
            return _Finding(hidden.layers if hidden.match is Match.OURS else (), hidden=hidden.hidden, facts=facts)
        if home.service is not None:
            return _Finding(hidden=f"{home.service} is not on this host")
        unknown = next((process for match, process in matched if match is Match.UNKNOWN), None)
        if unknown is not None:
            return _Finding(hidden=f"process {unknown.pid} runs a gateway, and its environment cannot be read")
        return _Finding(why="no gateway service or process on this host: our own environment stands for it")

    def _generated(self, home: Home, finding: _Finding, now: datetime) -> list[EnvLayer]:
        """Read the files the gateway generates for its service; those it no longer uses are leftovers."""
        counts = not (finding.process or finding.service)
        named = {layer.path for layer in finding.layers}
        layers = []
        for path, parser in _generated_files(home.state_dir):
            if str(path) not in named:
                found = self._file(home, EnvPlace.SERVICE_ENV, StoreKind.UNIT_ENV, path, parser, now)
                layers += found if counts else [_not_counting(layer) for layer in found]
        return layers

    def _file(self, home: Home, place: EnvPlace, store: StoreKind, path: Path, parser: Parser, now: datetime) -> list[EnvLayer]:
        sheet = self._sheets.variables(StoreRef(home.gateway, "", store, str(path)), parser, now)
        return [EnvLayer(place, sheet.variables, store, str(path), modified_at=sheet.modified_at)] if sheet.variables else []


def _process_match(process: GatewayProcess, home: Home, uid: int) -> Match:
    if process.environ is None:
        if process.uid != uid:
            return Match.OTHER
        dirs = state_dirs(process.family, {}, process.argv, home.home)
        return Match.OTHER if names_profile(process.argv) and not leads_to(dirs, home.state_dir) else Match.UNKNOWN
    environ = {name: value.reveal() for name, value in process.environ.items()}
    dirs = state_dirs(process.family, environ, process.argv, home.home)
    return Match.OURS if leads_to(dirs, home.state_dir, process.root) else Match.OTHER


def _owner(home: Home) -> int:
    for path in (home.state_dir, home.config_path, home.home):
        seen = stamp(path)
        if seen is not None and seen.uid >= 0:
            return seen.uid
    return os.geteuid()


def _first(services: Sequence[Service]) -> Service | None:
    return services[0] if services else None


def _not_counting(layer: EnvLayer) -> EnvLayer:
    return replace(layer, counts=False)


def _generated_files(state_dir: Path) -> Iterator[tuple[Path, Parser]]:
    yield state_dir / "gateway.systemd.env", parse_systemd
    directory = state_dir / "service-env"
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.endswith(".sh"))
    except OSError:
        return
    for name in names[:32]:
        yield directory / name, parse
