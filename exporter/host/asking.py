"""Edge. What the host says of a gateway as a program: its process, whether it starts by itself, whether its port answers."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from exporter.host import package
from exporter.host.processes import GatewayProcess, started_at
from exporter.host.services import Service
from exporter.model import GatewayConfig
from exporter.traces import GatewayRun, HostFacts, KeychainLogin

_EVERY: Final = 60.0  # seconds between two looks at one port, or at the keychain


class Asker:
    """Remembers what cannot change while a process lives, and how a port answered last."""

    def __init__(self, proc_root: Path, *, ask_port: bool, security: Path | None = None) -> None:
        """Look below `proc_root`; connect only with `ask_port`; `security` is where the system's library of keychains is, if it has one."""
        self._proc = proc_root
        self._ask_port = ask_port
        self._security = security
        self._runs: dict[tuple[int, str], GatewayRun] = {}
        self._ports: dict[int, tuple[float, bool]] = {}
        self._keychain: tuple[float, tuple[KeychainLogin, ...]] | None = None

    def facts(self, running: GatewayProcess | None, service: Service | None) -> HostFacts:
        """Say what is known of a gateway's process and service."""
        run = self._run(running) if running is not None else None
        return HostFacts(run, service.name if service else "", service.enabled if service else None)

    def port(self, facts: HostFacts, config: GatewayConfig | None) -> HostFacts:
        """Add whether the configured port answers; one that nobody configured is not asked."""
        if not self._ask_port or config is None or config.port is None:
            return facts
        now = time.monotonic()
        asked = self._ports.get(config.port)
        if asked is None or now - asked[0] > _EVERY:
            from exporter.host.port import answers  # sockets: most commands need none

            asked = self._ports[config.port] = now, answers(config.port)
        return replace(facts, port=config.port, answers=asked[1])

    def keychain(self, facts: HostFacts) -> HostFacts:
        """Add the logins that lie in this user's keychain, where the system has one."""
        if self._security is None or not self._security.is_dir():
            return facts
        now = time.monotonic()
        if self._keychain is None or now - self._keychain[0] > _EVERY:
            from exporter.host.keychain import framework, logins  # the C interface: other systems need none

            security = framework(self._security)
            self._keychain = now, logins(security) if security is not None else ()
        return replace(facts, keychain=self._keychain[1])

    def _run(self, process: GatewayProcess) -> GatewayRun:
        key = process.pid, process.started
        if key not in self._runs:
            if len(self._runs) > 64:
                self._runs.clear()
            self._runs[key] = GatewayRun(process.pid, started_at(process, self._proc), package.version(process))
        return self._runs[key]
