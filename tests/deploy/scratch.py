"""Edge. A throw-away place to install into: a wheel made here, a user of no power, and what may be seen of the result."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sysconfig
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from exporter import __version__
from tests.running import ROOT

INSTALL = ROOT / "deploy" / "install.sh"
_INFO = f"model_auth_exporter-{__version__}.dist-info"
_METADATA = f"Metadata-Version: 2.1\nName: model-auth-exporter\nVersion: {__version__}\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_ENTRY = "[console_scripts]\nmodel-auth-exporter = exporter.cli.main:run\n"


def wheel(directory: Path) -> Path:
    """Write a wheel of the working tree that asks for no other: the tests' own libraries are lent to it (`lent`)."""
    path = directory / f"model_auth_exporter-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((ROOT / "exporter").rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(ROOT))
        for name, text in {"METADATA": _METADATA, "WHEEL": _WHEEL, "entry_points.txt": _ENTRY}.items():
            archive.writestr(f"{_INFO}/{name}", text)
        archive.writestr(f"{_INFO}/RECORD", "".join(f"{name},,\n" for name in [*archive.namelist(), f"{_INFO}/RECORD"]))
    return path


def lent() -> dict[str, str]:
    """Return variables that let an installed program use the libraries of the tests, and keep pip at home."""
    return {"PYTHONPATH": sysconfig.get_path("purelib"), "PIP_NO_INDEX": "1", "PIP_NO_COMPILE": "1", "PIP_CONFIG_FILE": os.devnull}


def ordinary() -> tuple[str, ...]:
    """Return what makes a program run as somebody who is not root."""
    if os.geteuid() != 0:
        return ()
    command = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("root, and no user namespaces here: nobody is there who is not root")
    return command


def install(
    *arguments: str, env: Mapping[str, str], under: Iterable[str] = (), typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run install.sh to its end; `typed` is what somebody types at a terminal, else there is none."""
    command = [*under, "bash", str(INSTALL), *arguments]
    if typed is None:
        return subprocess.run(command, env=dict(env), text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    leader, follower = os.openpty()
    try:
        process = subprocess.Popen(command, env=dict(env), stdin=follower, stdout=follower, stderr=subprocess.STDOUT)
        os.write(leader, typed.encode())
        os.close(follower)
        return subprocess.CompletedProcess(command, process.wait(300), _all(leader), "")
    finally:
        os.close(leader)


def _all(terminal: int) -> str:
    said = b""
    try:
        while chunk := os.read(terminal, 4096):
            said += chunk
    except OSError:  # the other end is closed
        pass
    return said.decode()


def tree(*places: Path, but: Iterable[Path] = ()) -> dict[str, str]:
    """Return every file below some places with its mode and content, every link with its target, every directory."""
    found = {}
    for place in places:
        for path in sorted((place, *place.rglob("*"))):
            if any(path.is_relative_to(each) for each in but) or not os.path.lexists(path):
                continue
            if path.is_symlink():
                found[str(path)] = f"-> {os.readlink(path)}"
            elif path.is_dir():
                found[str(path)] = "directory"
            else:
                found[str(path)] = f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return found
