"""Edge. Installs gateways' own programs with npm, in a directory of their own that is kept for the next run.

Nothing of their packages runs while they are installed. They then run without any network but the loopback of a namespace of their own.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_OUTSIDE = dict(os.environ)  # before tests get a home of their own: where npm is set up, and what it fetched stays
# Dependencies that have gone from the registry, or never were there; our commands do not reach them.
_REPLACED = {"libsignal": "6.0.0", "linkedom": "0.18.9"}
_FORGOTTEN = {"clawdbot@2026.1.24-3": {"strip-ansi": "7.2.0"}}
_NODE = "24"
_MACHINES = {"x86_64": "x64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Program:
    """One release of a gateway's own program."""

    name: str
    release: str
    node: Path
    entry: Path

    def put(self, directory: Path) -> Path:
        """Write a command of the gateway's name, cut off from every network, and return it."""
        directory.mkdir(parents=True, exist_ok=True)
        command = directory / self.name
        unshare = shutil.which("unshare")
        assert unshare is not None, "util-linux's unshare keeps the gateway off the network"
        path = f"{self.node.parent}:/usr/local/bin:/usr/bin:/bin"
        command.write_text(f'#!/bin/sh\nPATH={path} CI=1 exec {unshare} --map-root-user --net {self.node} {self.entry} "$@"\n')
        command.chmod(0o755)
        return command


def installed(wanted: str) -> Program:
    """Return the program of `name@release`, installed before or now."""
    name, _, release = wanted.partition("@")
    place = _prefix() / wanted.replace("@", "-")
    package = place / "node_modules" / name
    if not (place / "done").exists():
        _install(place, {name: release, **_FORGOTTEN.get(wanted, {})})
    started = json.loads((package / "package.json").read_text())["bin"][name]
    return Program(name, release, _node(), package / started)


def _prefix() -> Path:
    named = _OUTSIDE.get("GATEWAY_PREFIX")
    cache = _OUTSIDE.get("XDG_CACHE_HOME") or f"{_OUTSIDE['HOME']}/.cache"
    return Path(named or f"{cache}/model-auth-exporter-gateways")


def _node() -> Path:
    """Return the runtime, which the registry has for this kind of machine."""
    place = _prefix() / f"node-{_NODE}"
    package = f"node-linux-{_MACHINES[platform.machine()]}"
    if not (place / "done").exists():
        _install(place, {package: _NODE})
    return place / "node_modules" / package / "bin" / "node"


def _install(place: Path, dependencies: dict[str, str]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / "package.json").write_text(json.dumps({"private": True, "dependencies": dependencies, "overrides": _REPLACED}))
    npm = ["npm", "install", "--prefix", str(place), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(npm, check=True, timeout=1800, env=_OUTSIDE)
    (place / "done").touch()
