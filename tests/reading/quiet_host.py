"""Pure. A host without gateway services: our own variables stand for theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from exporter.model import Environment, EnvLayer, EnvPlace, Family, GatewayConfig, Problem, Secret, SourceState
from exporter.reading.discovery import Home
from exporter.traces import HostFacts


@dataclass(frozen=True)
class Report:
    environment: Environment
    sources: tuple[SourceState, ...] = ()
    problems: tuple[Problem, ...] = ()
    facts: HostFacts = field(default_factory=HostFacts)


class QuietHost:
    """Reports the given variables, and the configuration's after them."""

    def __init__(self, variables: Mapping[str, str] | None = None, *, seen: bool = True) -> None:
        self.variables = {name: Secret(value) for name, value in (variables or {}).items()}
        self.seen = seen
        self.asked = 0
        self.facts = HostFacts()
        self.told: tuple[tuple[Family, Path], ...] = ()

    def begin(self) -> None:
        pass

    def running(self, home: Path, /) -> tuple[tuple[Family, Path], ...]:
        return self.told

    def report(self, home: Home, config: GatewayConfig | None, now: datetime, /) -> Report:
        self.asked += 1
        layers = [EnvLayer(EnvPlace.OWN, self.variables, counts=self.seen)]
        if config is not None and config.env:
            layers.append(EnvLayer(EnvPlace.CONFIG, config.env))
        return Report(Environment(self.seen, "a host for tests", tuple(layers)), facts=self.facts)

    def changed(self) -> bool:
        return False
