"""Every recorded answer under `tests/providers/<row>/` is read as its `expected` says; answers are found, not listed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from exporter.model import Secret
from exporter.providers.classify import classify, expires_at
from exporter.providers.row import Purpose
from exporter.providers.table import BY_ID, PROVIDERS

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ANSWERS = sorted(HERE.glob("*/*.json"))


def _load(path: Path) -> tuple[dict[str, Any], bytes]:
    case = json.loads(path.read_text("utf-8"))
    body = case["text"].encode() if "text" in case else json.dumps(case["body"]).encode()
    return case, body


@pytest.mark.parametrize("path", ANSWERS, ids=[f"{path.parent.name}/{path.stem}" for path in ANSWERS])
def test_recorded_answer_is_read_as_expected(path: Path) -> None:
    case, body = _load(path)
    row = BY_ID[path.parent.name]
    headers = case.get("headers", {})
    found = classify(row, case["status"], headers, body, NOW, purpose=Purpose(case.get("purpose", "light")))
    expected = case["expected"]
    shown: dict[str, object] = {"outcome": found.outcome.value}
    readings: dict[str, object] = {
        "detail": found.detail,
        "retry_at": found.retry_at.isoformat() if found.retry_at else None,
        "quotas": [
            [q.window, None if q.used is None else round(q.used, 6), q.reset_at.isoformat() if q.reset_at else None] for q in found.quotas
        ],
        "balances": [[b.currency, b.amount] for b in found.balances],
        "rate_limits": [
            [r.resource, r.window, r.limit, r.remaining, r.reset_at.isoformat() if r.reset_at else None] for r in found.rate_limits
        ],
        "clock_offset": found.clock_offset_seconds,
    }
    if "expires_at" in expected:
        ends = expires_at(row, headers, body, NOW)
        readings["expires_at"] = ends.isoformat() if ends else None
    shown |= {name: value for name, value in readings.items() if name in expected}
    assert shown == expected


@pytest.mark.parametrize("row", PROVIDERS, ids=[row.id for row in PROVIDERS])
def test_every_row_has_recorded_answers(row: object) -> None:
    name = getattr(row, "id", "")
    recorded = {path.stem for path in (HERE / name).glob("*.json")}
    assert recorded, f"record an answer under tests/providers/{name}/"
    assert "ok" in recorded or BY_ID[name].light is None, f"{name} has a light probe and no recorded success"


def test_every_recorded_directory_belongs_to_a_row() -> None:
    assert {path.parent.name for path in ANSWERS} <= set(BY_ID)


KEY = "Zq7vW2mX9kLp4RtY8sBn"


@pytest.mark.parametrize("path", ANSWERS, ids=[f"{path.parent.name}/{path.stem}" for path in ANSWERS])
def test_a_key_in_any_field_of_an_answer_comes_out_nowhere(path: Path) -> None:
    """Names of windows, resources and currencies become labels: an answer that puts the key there must not."""
    case = json.loads(path.read_text("utf-8"))
    answers = [(case.get("headers", {}), body) for body in _echoes(case.get("body", case.get("text", "")))]
    answers += [({**case.get("headers", {}), f"x-ratelimit-limit-{KEY}": "5", "retry-after": KEY}, case.get("body", ""))]
    for headers, body in answers:
        raw = json.dumps(body).encode()
        found = classify(BY_ID[path.parent.name], case["status"], headers, raw, NOW, secrets=[Secret(KEY)])
        shown = repr(found).lower()
        assert not any(KEY[start : start + 8].lower() in shown for start in range(len(KEY) - 7)), body


def _echoes(value: Any) -> Iterator[Any]:
    """The same JSON with the key in place of one text, or of one name, at a time."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from ({**value, name: changed} for changed in _echoes(inner))
                yield {KEY if other == name else other: kept for other, kept in value.items()}
        case list():
            for index, inner in enumerate(value):
                yield from ([*value[:index], changed, *value[index + 1 :]] for changed in _echoes(inner))
        case str():
            yield KEY
            yield f"{value} {KEY}"


DECISIONS = [json.loads(line) for line in (HERE / "decisions.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", DECISIONS, ids=[f"{case['row']}-{case['status']}-{case['expected'][0]}" for case in DECISIONS])
def test_a_vendors_own_words_decide(case: dict[str, Any]) -> None:
    """One line per rule of a vendor: its status, the smallest body that carries the word, the class and, where it is named, the detail."""
    found = classify(
        BY_ID[case["row"]], case["status"], {}, json.dumps(case["body"]).encode(), NOW, purpose=Purpose(case.get("purpose", "light"))
    )
    assert [found.outcome.value, found.detail][: len(case["expected"])] == case["expected"]
