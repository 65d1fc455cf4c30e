"""Edge. One source distribution, two wheels made from it apart, and one installation as the image makes it."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.image import copy_context, steps
from tests.running import ROOT


@dataclass(frozen=True)
class Built:
    """What came out of the builds."""

    sdist: Path
    source: Path  # the unpacked sdist
    wheel: Path
    again_sdist: Path  # of the unpacked sdist
    again_wheel: Path  # of another copy, in another place, with other times and modes


def _build(source: Path, target: str, into: Path) -> Path:
    env = {name: value for name, value in os.environ.items() if not name.startswith("SOURCE_")}
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=source, env=env, capture_output=True, text=True, check=True)
    (found,) = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return found


def _unpacked(archive: Path, into: Path) -> Path:
    with tarfile.open(archive) as opened:
        opened.extractall(into, filter="data")
    (source,) = into.iterdir()
    return source


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build once for all tests."""
    place = tmp_path_factory.mktemp("built")
    sdist = _build(ROOT, "sdist", place / "sdist")
    source = _unpacked(sdist, place / "one")
    other = _unpacked(sdist, place / "somewhere" / "else")
    for path in other.rglob("*"):
        path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o100 else 0o600)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return Built(
        sdist,
        source,
        _build(source, "wheel", place / "wheel"),
        _build(source, "sdist", place / "again"),
        _build(other, "wheel", place / "other"),
    )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run what the image's first stage runs, over its build context, and return the `bin` of the virtual environment it leaves."""
    place = tmp_path_factory.mktemp("installed")
    (command,) = [step.text for step in steps() if step.word == "RUN" and step.stage == 0]
    assert "/opt/model-auth-exporter" in command
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SOURCE_REVISION": "0123456789ab",
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    subprocess.run(
        ["sh", "-ec", command.replace("/opt/model-auth-exporter", str(place / "venv"))],
        cwd=copy_context(place / "src"), env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return place / "venv" / "bin"
