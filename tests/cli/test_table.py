"""Edge. The table fits its terminal, colour is never the only sign, and hostile ids stay harmless."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len

from exporter.cli.plain import HEADINGS, plain
from exporter.cli.rows import ASCII_MARKS, MARKS
from exporter.cli.table import drawn
from exporter.demo import documents
from exporter.demo.home import write
from exporter.verdict import Health, Snapshot
from tests import builders
from tests.builders import HOUR, NOW
from tests.running import environment


def _shown(snapshot: Snapshot, width: int, monkeypatch: pytest.MonkeyPatch, *, unicode: bool = True) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    return drawn(snapshot, NOW, None, unicode=unicode)


@pytest.mark.parametrize("width", [24, 40, 71, 72, 80, 100, 120, 200])
def test_it_fits_and_says_everything(width: int, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _shown(snapshot, width, monkeypatch)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    unbroken = re.sub(r"\s+", "", text)
    for profile in snapshot.all_profiles():
        assert profile.profile in unbroken
    for words in ("rate_limitforgemini-3-flash,20mleft", "2026-11-0110:00UTC", "in10h", "excluded_by_auth_order"):
        assert words in unbroken


def test_every_health_has_a_mark_of_its_own_and_its_word(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _shown(snapshot, 120, monkeypatch)
    for health in Health:
        assert f"{MARKS[health]} {health}" in text
    plain_text = _shown(snapshot, 120, monkeypatch, unicode=False)
    assert plain_text.isascii()
    for health in Health:
        assert f"{ASCII_MARKS[health]} {health}" in plain_text
    for marks in (MARKS, ASCII_MARKS):
        assert len(set(marks.values())) == len(marks) == len(Health)


def test_the_next_profile_of_every_provider_in_use_is_pointed_at(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _shown(snapshot, 120, monkeypatch)
    assert re.findall(r"→ (\S+)", text) == ["anthropic:ops@example.com", "google:default", "openai:default"]


def test_ids_that_would_steer_the_terminal_are_shown_as_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "anthropic:\x1b[2J\u202e[red]日本\ud800"
    store = builders.document(builders.profile(evil, builders.token(builders.at(HOUR)), "anthropic"))
    snapshot = builders.judged(builders.gateway(builders.agent(local=store)))
    monkeypatch.setenv("COLUMNS", "100")
    text = drawn(snapshot, NOW, None, unicode=True) + "\n".join(plain(snapshot, NOW, None))
    assert "\x1b" not in text
    assert text.count("anthropic:\\x1b[2J\\u202e[red]日本\\ud800") >= 2


def test_plain_lines_stand_alone(snapshot: Snapshot) -> None:
    head, *lines = plain(snapshot, NOW, None)
    assert tuple(head.split()) == HEADINGS
    assert len(lines) == len(snapshot.all_profiles())
    for line in lines:
        assert len(re.split(r"\s{2,}", line)) == len(HEADINGS)


def test_a_provider_in_use_without_any_credential_is_listed() -> None:
    snapshot = builders.judged(builders.gateway())
    assert any("in use, there is no credential" in line for line in plain(snapshot, NOW, None))
    unseen = builders.judged(builders.gateway(environment=builders.environment(seen=False)))
    assert any("no credential can be seen from here" in line for line in plain(unseen, NOW, None))


def _on_a_terminal(home: Path, *arguments: str, **env: str) -> str:
    """Run a command with a terminal as its output and return what came out."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", *arguments],
        env=environment(home, {"TERM": "xterm-256color", "COLUMNS": "80", **env}),
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.PIPE,
    )
    os.close(follower)
    parts = []
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        parts.append(part)
    os.close(leader)
    process.communicate(timeout=30)
    assert process.returncode == 0
    return b"".join(parts).decode()


def test_a_terminal_gets_colours_and_no_color_takes_them_away(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home, NOW)
    at = ("--at", "2026-11-01")
    coloured = _on_a_terminal(home, "status", *at)
    assert "\x1b[3" in coloured
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in _on_a_terminal(home, "status", *at, **env)
    assert "x expired" in _on_a_terminal(home, "status", *at, PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert "\x1b" not in _on_a_terminal(home, "status", "--plain", *at)
    assert json.loads(_on_a_terminal(home, "status", "--json", *at))["schema"] == 1
    for output in (coloured, _on_a_terminal(home, "status", "--json", *at)):
        for secret in _secrets():
            assert secret not in output


def _secrets() -> set[str]:
    entries = [*documents.shared_profiles(NOW).values(), *documents.pending_profiles().values(), *documents.work_profiles().values()]
    found = {str(entry[name]) for entry in entries for name in ("key", "token", "access", "refresh") if str(entry.get(name, "")).strip()}
    assert len(found) > 10
    return found
