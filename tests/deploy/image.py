"""Edge. The Dockerfile as data, and the build context that .dockerignore leaves."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.running import ROOT

DOCKERFILE = ROOT / "deploy" / "containers" / "Dockerfile"


@dataclass(frozen=True)
class Step:
    """One instruction; `stage` counts from 0."""

    stage: int
    word: str
    text: str

    @property
    def form(self) -> list[str]:
        """Return the words of the exec form; raises ValueError when it is not that."""
        found = json.loads(self.text[self.text.index("[") :])
        assert all(isinstance(word, str) for word in found)
        return list(found)


def steps() -> list[Step]:
    """Read the instructions, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found, stage = [], -1
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        word, _, text = line.strip().partition(" ")
        stage += word == "FROM"
        if word:
            found.append(Step(stage, word, text.strip()))
    return found


def the(word: str, stage: int = 1) -> Step:
    """Return the one instruction of this word in a stage (the result is stage 1)."""
    (found,) = [step for step in steps() if step.word == word and step.stage == stage]
    return found


def variables() -> dict[str, str]:
    """Return the environment the image sets."""
    return dict(pair.split("=", 1) for pair in shlex.split(the("ENV").text))


def context() -> Iterator[Path]:
    """List the files of the build context, relative to the root: the last matching line of .dockerignore decides."""
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    kept = [ROOT / pattern[1:] for pattern in patterns if pattern.startswith("!")]
    for path in (each for top in kept for each in ([top] if top.is_file() else sorted(top.rglob("*")))):
        name = path.relative_to(ROOT)
        if path.is_file() and not _left_out(name, patterns):
            yield name


def copy_context(target: Path) -> Path:
    """Lay the build context out as a builder does, and return it."""
    for name in context():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def _left_out(name: Path, patterns: list[str]) -> bool:
    out = False
    for pattern in patterns:
        bare = pattern.lstrip("!")
        places = [name, *name.parents][:-1]
        if any(fnmatch(place.name if bare.startswith("**/") else str(place), bare.removeprefix("**/")) for place in places):
            out = not pattern.startswith("!")
    return out
