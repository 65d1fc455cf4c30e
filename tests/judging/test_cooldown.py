"""Which windows are open, and whom they park."""

from __future__ import annotations

from datetime import timedelta

import pytest

from exporter.judging.cooldown import auth_failure_at, counters, masked_failure, open_windows, parked_for_any, parked_until
from exporter.model import Usage
from tests.builders import HOUR, NOW

LATER, LATEST = NOW + HOUR, NOW + 2 * HOUR


@pytest.mark.parametrize(
    ("usage", "provider", "kinds"),
    [
        (Usage(), "anthropic", []),
        (Usage(cooldown_until=LATER), "anthropic", ["cooldown"]),
        (Usage(cooldown_until=NOW), "anthropic", []),
        (Usage(cooldown_until=NOW - HOUR, disabled_until=LATER, disabled_reason="billing"), "anthropic", ["disabled"]),
        (Usage(cooldown_until=LATER, disabled_until=LATER, blocked_until=LATER), "openai", ["cooldown", "disabled", "blocked"]),
        (Usage(cooldown_until=LATER, disabled_until=LATER), "openrouter", []),
        (Usage(cooldown_until=LATER), "kilocode", []),
    ],
    ids=["none", "open", "ends now", "one of two open", "all three", "openrouter is never parked", "kilocode is never parked"],
)
def test_windows_open_at_an_instant(usage: Usage, provider: str, kinds: list[str]) -> None:
    assert [window.kind for window in open_windows(usage, provider, NOW)] == kinds


@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        ("rate_limit", "model"),
        ("timeout", "model"),
        ("model_not_found", "model"),
        ("auth", "profile"),
        ("overloaded", "profile"),
        (None, "profile"),
    ],
)
def test_only_some_reasons_are_limited_to_a_model(reason: str | None, scope: str) -> None:
    (window,) = open_windows(Usage(cooldown_until=LATER, cooldown_reason=reason, cooldown_model="m1"), "openai", NOW)
    assert window.scope == scope
    assert bool(window.model) == (scope == "model")


SCOPED = Usage(cooldown_until=LATER, cooldown_reason="rate_limit", cooldown_model="m1")
BOTH = Usage(cooldown_until=LATER, cooldown_reason="rate_limit", cooldown_model="m1", blocked_until=LATEST, blocked_model="m2")


@pytest.mark.parametrize(
    ("usage", "models", "until"),
    [
        (SCOPED, ("m2",), None),
        (SCOPED, ("m1", "m2"), None),
        (SCOPED, (), None),
        (SCOPED, ("m1",), LATER),
        (BOTH, ("m1", "m2"), LATER),
        (BOTH, ("m2",), LATEST),
        (Usage(cooldown_until=LATER, disabled_until=LATEST), ("m1",), LATEST),
        (Usage(cooldown_until=LATER, cooldown_reason="rate_limit", cooldown_model="m1", disabled_until=LATEST), ("m1",), LATEST),
        (Usage(cooldown_until=LATEST, cooldown_reason="rate_limit", cooldown_model="m1", disabled_until=LATER), ("m2",), LATER),
    ],
    ids=[
        "other model in use",
        "one of two models free",
        "no model in use",
        "the only model in use",
        "every model covered: free with the first",
        "the blocked model",
        "the longest window counts",
        "a whole window outlasts the model's",
        "a whole window parks although the model is free",
    ],
)
def test_a_model_window_parks_only_where_it_covers_every_model_in_use(usage: Usage, models: tuple[str, ...], until: object) -> None:
    assert parked_until(open_windows(usage, "openai", NOW), models) == until


def test_asking_for_any_model_counts_every_window() -> None:
    assert parked_for_any(open_windows(BOTH, "openai", NOW)) == LATEST
    assert parked_for_any(()) is None


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(error_count=3, failure_counts={"timeout": 3}, cooldown_until=NOW - timedelta(milliseconds=1)), (0, {})),
        (Usage(error_count=3, failure_counts={"rate_limit": 4, "auth": 1}, cooldown_until=NOW), (0, {"rate_limit": 4})),
        (Usage(error_count=3, failure_counts={"timeout": 3}, cooldown_until=LATER), (3, {"timeout": 3})),
        (Usage(error_count=3, failure_counts={"timeout": 3}, cooldown_until=NOW, disabled_until=LATER), (3, {"timeout": 3})),
        (Usage(error_count=2, failure_counts={"auth": 2}), (2, {"auth": 2})),
        (Usage(), (None, {})),
    ],
    ids=["lapsed", "rate limits survive", "open", "one still open", "no window at all", "nothing recorded"],
)
def test_counters_restart_with_a_lapsed_window(usage: Usage, expected: tuple[int | None, dict[str, int]]) -> None:
    errors, failures = counters(usage, NOW)
    assert (errors, dict(failures)) == expected


def test_the_reason_of_a_failure_is_the_windows_before_the_counters() -> None:
    assert auth_failure_at(Usage(last_failure_at=NOW, cooldown_reason="auth", failure_counts={"timeout": 9})) == NOW
    assert auth_failure_at(Usage(last_failure_at=NOW, cooldown_reason="timeout", failure_counts={"auth": 9})) is None
    assert auth_failure_at(Usage(last_failure_at=NOW)) is None
    assert auth_failure_at(Usage(failure_counts={"auth": 1})) is None


@pytest.mark.parametrize(("gap_ms", "masked"), [(-1, False), (0, True), (999, True), (1000, False)])
def test_a_success_right_after_a_failure_hides_it(gap_ms: int, masked: bool) -> None:
    assert masked_failure(Usage(last_failure_at=NOW, last_used_at=NOW + timedelta(milliseconds=gap_ms))) is masked
