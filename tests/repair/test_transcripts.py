"""Edge. The recorded sessions of the gateways' own programs, repeated with ours: same words, same codes, same stores."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.homes import FIXTURES
from tests.repair.driving import Driver

RELEASES = ["clawdbot-2026.1.24-3", "openclaw-2026.1.30", "openclaw-2026.2.9", "openclaw-2026.2.26", "openclaw-2026.3.13", "openclaw-2026.4.20",
            "openclaw-2026.5.28"]  # fmt: skip
FROZEN_MS = 1793491200000
API_KEY = "sk-fake-openai-0123456789abcdef"
CONFIG = {
    "agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}},
    "auth": {"order": {"anthropic": ["anthropic:work"]}},
}
# Drawings around the question, banners, and lines about writes that only that program makes.
_NOISE = re.compile(r"[│◆◇└]|OpenClaw 2026|Config (overwrite|write)|\[<u|Anthropic s|OpenClaw prefers|\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a transcript, and what was answered."""

    arguments: tuple[str, ...]
    out: tuple[str, ...]
    err: tuple[str, ...]
    code: int
    typed: str


def steps(release: str) -> Iterator[Step]:
    text = (FIXTURES / release / "cli/transcript.txt").read_text()
    for block in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        call, _, rest = block.partition("\n")
        if not call.startswith("models auth "):
            continue
        code = re.search(r"^\[exit (\d+)\]", rest, re.MULTILINE)
        assert code is not None
        answer = rest[: code.start()]
        typed = re.findall(r"^│  ([^\s_]\S+)$", answer, re.MULTILINE)
        err = list(re.findall(r"^\[stderr\] (.*)$", answer, re.MULTILINE)) + re.findall(r"^Error: .*$", answer, re.MULTILINE)
        out = [line for line in answer.splitlines() if not _NOISE.match(line) and not line.startswith(("[stderr]", "Error: ", "Try: "))]
        yield Step(tuple(call.split()[1:]), tuple(out), tuple(err), int(code[1]), typed[-1] if typed else API_KEY)


def begin(release: str, home: Path) -> Path:
    family, _, version = release.partition("-")
    state = home / f".{family}"
    state.mkdir(mode=0o700)
    seen_before = {**CONFIG, "meta": {"lastTouchedVersion": version}}
    (state / f"{family}.json").write_text(json.dumps(seen_before, indent=2))
    (state / f"{family}.json").chmod(0o600)
    return state


def shifted(document: Any, by: int) -> Any:
    """The document as if written at the frozen instant, to the minute."""
    for profile in document["profiles"].values():
        if "expires" in profile:
            profile["expires"] = round((profile["expires"] - by) / 60_000) * 60_000
    return document


@pytest.mark.parametrize("release", RELEASES)
def test_a_recorded_session_gives_the_same_words_codes_and_stores(release: str, driver: Driver) -> None:
    state = begin(release, driver.home)
    by = int(time.time() * 1000) - FROZEN_MS
    recorded_steps = list(steps(release))
    assert len(recorded_steps) >= 16
    for step in recorded_steps:
        if "nosuch" in step.arguments:
            continue  # below: an agent nobody configured
        ran = driver.run(*step.arguments, piped=f"{step.typed}\n")
        assert ran.code == step.code, (step.arguments, ran)
        for line in step.err:
            assert line.replace("@HOME@", str(driver.home)) in ran.err, step.arguments
        if step.code == 0:
            wanted = [line.replace("@HOME@", str(driver.home)) for line in step.out]
            dated = re.compile(r"20\d\d-\d\d-\d\dT[\d:.]+Z")
            assert [dated.sub("DATE", line) for line in ran.out.splitlines()] == [dated.sub("DATE", line) for line in wanted], (
                step.arguments
            )
        assert step.typed not in ran.said
    recorded = FIXTURES / release / "cli/home" / state.name
    agent = "agents/main/agent"
    ours = json.loads((state / agent / "auth-profiles.json").read_text())
    assert shifted(ours, by) == shifted(json.loads((recorded / agent / "auth-profiles.json").read_text()), 0)
    for name in ("auth-state.json",):
        assert (state / agent / name).exists() == (recorded / agent / name).exists()
        if (state / agent / name).exists():
            assert json.loads((state / agent / name).read_text()) == json.loads((recorded / agent / name).read_text())
    config = json.loads((state / f"{state.name[1:]}.json").read_text())
    assert config["auth"] == json.loads((recorded / f"{state.name[1:]}.json").read_text())["auth"]
    assert {oct(path.stat().st_mode & 0o777) for path in state.rglob("*") if path.is_file()} == {"0o600"}
    assert not list(state.rglob("*.lock"))


@pytest.mark.parametrize("release", RELEASES)
def test_an_agent_nobody_configured_is_refused_and_nothing_is_made(release: str, driver: Driver) -> None:
    state = begin(release, driver.home)
    ran = driver.run("auth", "order", "get", "--provider", "anthropic", "--agent", "nosuch")
    assert ran.code == 1
    name = state.name[1:]
    assert f'Error: Unknown agent id "nosuch". Use "{name} agents list" to see configured agents.' in ran.err
    assert not (state / "agents").exists()
