"""What `probe` draws on a terminal: once for agents that share a credential, for every width, with marks beside the colour."""

from __future__ import annotations

import pytest

from exporter.cli.asked import Answer
from exporter.cli.probe_table import drawn
from exporter.outcome import Outcome, ProbeStatus
from tests.builders import HOUR, NOW, agent, document, gateway, judged, profile

SHARED = document(profile("openai:a"), profile("groq:b"))
OUTCOMES = {
    "openai:a": Outcome(ProbeStatus.OK, phases={"total": 0.25}, status=200),
    "groq:b": Outcome(ProbeStatus.RATE_LIMIT, "burst", words="slow down please", retry_at=NOW + HOUR, status=429),
}


def table(monkeypatch: pytest.MonkeyPatch, width: int, *, agents: int = 2, unicode: bool = True) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    snapshot = judged(gateway(*(agent(name, SHARED) for name in ("main", "work")[:agents])))
    answers = [Answer(one, OUTCOMES[one.profile], True, "") for one in snapshot.all_profiles()]
    return drawn(answers, NOW, unicode=unicode).splitlines()


def test_a_credential_of_two_agents_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert table(monkeypatch, 120) == [
        "openclaw",
        "  groq",
        "    ! groq:b    rate_limit (burst)          main and work  slow down please; wait 1h",
        "  openai",
        "    ✓ openai:a  ok                  250 ms  main and work",
        "",
    ]


def test_one_agent_needs_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("main" in line for line in table(monkeypatch, 120, agents=1))


@pytest.mark.parametrize("width", [30, 71, 75, 200])
def test_nothing_is_lost_or_too_wide_for_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = table(monkeypatch, width)
    assert all(len(line) <= width and line == line.rstrip() for line in lines)
    said = " ".join(" ".join(lines).split())
    for words in ("openai:a", "ok", "250 ms", "groq:b", "rate_limit (burst)", "slow down please; wait 1h"):
        assert words in said


def test_a_terminal_without_unicode_gets_plain_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "    + openai:a" in table(monkeypatch, 120, unicode=False)[4]
