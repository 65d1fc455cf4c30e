"""An outcome written and read back is the same; anything else reads as nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from exporter.outcome import Balance, Outcome, ProbeStatus, Quota, RateLimit
from exporter.planning import probe_json
from exporter.planning.probe_memory import Remembered

INSTANTS = st.none() | st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(max_size=10)
OUTCOMES = st.builds(
    Outcome,
    outcome=st.sampled_from(ProbeStatus),
    detail=WORDS,
    at=INSTANTS,
    words=WORDS,
    status=st.none() | st.integers(100, 599),
    retry_at=INSTANTS,
    confirmed=st.booleans(),
    fingerprint=WORDS,
    phases=st.dictionaries(WORDS, st.floats(0, 10)),
    last_success_at=INSTANTS,
    expires_at=INSTANTS,
    clock_offset_seconds=NUMBERS,
    rate_limits=st.lists(st.builds(RateLimit, WORDS, WORDS, NUMBERS, NUMBERS, INSTANTS), max_size=2).map(tuple),
    quotas=st.lists(st.builds(Quota, WORDS, NUMBERS, INSTANTS), max_size=2).map(tuple),
    balances=st.lists(st.builds(Balance, WORDS, st.floats(-10, 10)), max_size=2).map(tuple),
)
REMEMBERED = st.builds(
    Remembered,
    fingerprint=WORDS,
    claimed_at=INSTANTS.filter(lambda at: at is not None),
    outcome=st.none() | st.sampled_from(ProbeStatus),
    detail=WORDS,
    answered_at=INSTANTS,
    retry_at=INSTANTS,
    failures=st.integers(0, 20),
    suspected_at=INSTANTS,
    suspicion=st.none() | st.sampled_from(ProbeStatus),
    confirmed=st.booleans(),
    last_success_at=INSTANTS,
)


@given(OUTCOMES)
def test_an_outcome_comes_back(outcome: Outcome) -> None:
    assert probe_json.outcome(probe_json.dump(outcome)) == outcome


@given(REMEMBERED)
def test_what_is_remembered_comes_back(remembered: Remembered) -> None:
    assert probe_json.remembered(probe_json.dump(remembered)) == remembered


@given(st.text() | st.recursive(st.none() | st.integers() | WORDS, lambda inner: st.dictionaries(WORDS, inner)).map(str))
def test_anything_else_is_nothing(document: str) -> None:
    assert probe_json.outcome(document) is None
    assert probe_json.remembered(document) is None
