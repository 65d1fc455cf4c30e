"""Edge. The gateways' own programs, for real: what they write we read alike, and what we write they read alike. Only `make test-gateway`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.model import Secret
from exporter.repair import own_cli
from tests.gateway.installing import Program, installed
from tests.running import COMMAND, SILENT, environment

pytestmark = pytest.mark.gateway

RELEASES = ("clawdbot@2026.1.24-3", "openclaw@2026.3.13", "openclaw@2026.5.28", "openclaw@2026.7.1", "openclaw@2026.9.6")
CHOSEN = tuple(os.environ.get("GATEWAY_RELEASES", "").split()) or RELEASES
TOKEN = "sk-ant-oat01-" + "FAKEfake" * 11
CONFIG = {
    "agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}},
    "auth": {"order": {"anthropic": ["anthropic:work"]}},
}
PASTES: tuple[tuple[str, ...], ...] = (
    ("--provider", "anthropic", "--expires-in", "12h"),
    ("--provider", "openrouter", "--profile-id", "openrouter:work", "--expires-in", "30"),
    ("--provider", "anthropic", "--profile-id", "anthropic:bad", "--expires-in", "soon"),
)
ORDERS: tuple[tuple[str, ...], ...] = (
    ("set", "--provider", "anthropic", "anthropic:nosuch"),
    ("set", "--provider", "anthropic", "openrouter:work"),
    ("set", "--provider", "anthropic", "anthropic:manual", "anthropic:manual"),
    ("get", "--provider", "anthropic", "--json"),
    ("clear", "--provider", "anthropic"),
    ("get", "--provider", "anthropic"),
)
_DATED = re.compile(r"20\d\d-\d\d-\d\dT[\d:.]+Z")


@dataclass
class Side:
    """One home, in which either the gateway's program or ours does the work."""

    program: Program
    home: Path

    def __post_init__(self) -> None:
        self.command = self.program.put(self.home / "bin")
        state = self.home / f".{self.program.name}"
        state.mkdir(mode=0o700)
        config = state / f"{self.program.name}.json"
        config.write_text(json.dumps({**CONFIG, "meta": {"lastTouchedVersion": self.program.release}}, indent=2))
        config.chmod(0o600)

    @property
    def databases(self) -> bool:
        return self.program.release >= "2026.7"

    def theirs(self, *arguments: str, typed: str = "") -> tuple[int, str]:
        """Run the gateway's program; a token is typed at its terminal, or piped where it takes that, as our repairs do."""
        if not typed:
            command = [str(self.command), "models", *arguments]
            ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900)
            return ran.returncode, ran.stdout + ran.stderr
        call = own_cli.Command(str(self.command), ("models", *arguments), {})
        lines: list[str] = []
        code = own_cli.run(call, lines.append, Secret(typed), typed=self.program.release < "2026.8")
        return code, "\n".join(lines)

    def ours(self, *arguments: str, piped: str = "") -> tuple[int, str]:
        env = environment(self.home, {**SILENT, "PATH": f"{self.home / 'bin'}:/usr/bin:/bin"})
        ran = subprocess.run(
            [*COMMAND, *arguments],
            env=env,
            input=piped,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=900,
        )
        return ran.returncode, ran.stdout

    def stores(self) -> dict[str, Any]:
        """Return the JSON stores, dates cut to hours."""
        found = {}
        for path in sorted((self.home / f".{self.program.name}").rglob("auth-*.json")):
            tree = json.loads(path.read_text())
            for profile in tree.get("profiles", {}).values():
                if "expires" in profile:
                    profile["expires"] = round(profile["expires"] / 3_600_000)
            found[str(path.relative_to(self.home))] = tree
        return found


@pytest.fixture(scope="module", params=CHOSEN)
def program(request: pytest.FixtureRequest) -> Program:
    return installed(request.param)


@pytest.fixture
def sides(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Side, Side]:
    monkeypatch.setenv("TZ", "UTC")
    theirs, ours = (Side(program, tmp_path / name) for name in ("theirs", "ours"))
    monkeypatch.setenv("HOME", str(theirs.home))
    return theirs, ours


def said(text: str, home: Path) -> list[str]:
    """Return the lines that both must say: homes, dates and what only the gateway says around them taken out."""
    plain = [line.removeprefix("model-auth-exporter: ") for line in _DATED.sub("DATE", text.replace(str(home), "HOME")).splitlines()]
    begins = ("Agent:", "Provider:", "Auth ", "Order override", "Cleared", "Error: ", "Invalid", "invalid", "{", "}", " ", "Auth profile")
    return [line.rstrip() for line in plain if line.startswith(begins) and not line.startswith(("  Backup", "    at "))]


def document(text: str) -> Any:
    lines = text.splitlines()
    return json.loads("\n".join(lines[lines.index("{") : len(lines) - lines[::-1].index("}")]))


def test_both_do_say_and_store_the_same(sides: tuple[Side, Side]) -> None:
    theirs, ours = sides
    for arguments in PASTES:
        wanted, _ = theirs.theirs("auth", "paste-token", *arguments, typed=TOKEN)
        code, text = ours.ours("auth", "paste-token", *arguments, piped=f"{TOKEN}\n")
        assert code == wanted, (arguments, text)
        assert TOKEN not in text
    for arguments in ORDERS:
        wanted, answered = theirs.theirs("auth", "order", *arguments)
        code, text = ours.ours("auth", "order", *arguments)
        assert code == wanted, (arguments, text, answered)
        assert said(text, ours.home) == said(answered, theirs.home), arguments
        again, text = theirs.ours("auth", "order", *arguments) if arguments[0] == "get" else (wanted, "")
        assert (again, not text or said(text, theirs.home) == said(answered, theirs.home)) == (wanted, True), arguments
    assert ours.stores() == theirs.stores()
    assert bool(theirs.stores()) is not theirs.databases


def test_what_one_wrote_the_other_reads(sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch) -> None:
    _, ours = sides
    for provider in ("anthropic", "openrouter"):
        code, text = ours.ours("auth", "paste-token", "--provider", provider, "--expires-in", "12h", piped=f"{TOKEN}\n")
        assert code == 0, text
    assert ours.ours("auth", "order", "set", "--provider", "anthropic", "anthropic:manual")[0] == 0
    monkeypatch.setenv("HOME", str(ours.home))
    _, listed = ours.theirs("auth", "order", "get", "--provider", "anthropic", "--json")
    assert document(listed)["order"] == ["anthropic:manual"]
    status = document(ours.theirs("status", "--json")[1])
    rows = {row["profileId"]: (row["type"], row["status"], row["expiresAt"]) for row in status["auth"]["oauth"]["profiles"]}
    assert {name: row[:2] for name, row in rows.items()} == dict.fromkeys(("anthropic:manual", "openrouter:manual"), ("token", "expiring"))
    judged = json.loads(ours.ours("status", "--json")[1])["gateways"][0]["agents"][0]["profiles"]
    assert {row["profile"]: row["gateway_health"] for row in judged if row["profile"] in rows} == {
        name: row[1] for name, row in rows.items()
    }
    if ours.program.release >= "2026.5.7":
        code, text = ours.theirs("auth", "list", "--json")
        assert document(ours.ours("auth", "list", "--json")[1]) == document(text)
