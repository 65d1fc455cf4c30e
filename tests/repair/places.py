"""Edge. JSON stores to write into, without a configuration that would be read first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from exporter.model import CredentialKind, Era, GatewayReading, Secret
from exporter.repair.dialect import dialect
from exporter.repair.store_edit import Pasted
from exporter.repair.target import Target
from tests import builders


def place(home: Path, version: str = "2026.1.30", era: Era = Era.JSON) -> Target:
    directory = home / "agents/main/agent"
    directory.mkdir(parents=True, exist_ok=True)
    reading: GatewayReading = builders.gateway(
        replace(builders.agent(), agent_dir=str(directory)), state_dir=str(home), config_path=str(home / "openclaw.json"), era=era
    )
    return Target(reading, reading.agents[0], dialect(reading.family, era, (version,)), str(home))


def pasted(name: str, secret: str = "or-fake") -> Pasted:
    return Pasted(name, "openrouter", CredentialKind.TOKEN, Secret(secret))


def store_of(target: Target, **more: object) -> Path:
    path = Path(target.profiles_file)
    path.write_text(json.dumps({"version": 1, "profiles": {}, **more}, indent=2) + "\n")
    return path
