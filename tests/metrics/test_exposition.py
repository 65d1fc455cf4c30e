"""Pure. Numbers and labels as text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.exposition import escape, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1.0, "1"), (True, "1"), (-3.0, "-3"), (0.25, "0.25"), (1795233368.9096162, "1795233368.909616"), (1e20, "1e+20"),
        (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (1.5e-7, "1.5e-07"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False))
def test_a_number_reads_back_close_to_what_it_was(value: float) -> None:
    assert float(number(value).replace("Inf", "inf")) == pytest.approx(value, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "text"), [("plain", "plain"), ('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("ü", "ü"), ("", "")]
)
def test_labels_are_escaped(value: str, text: str) -> None:
    assert escape(value) == text


def test_a_lone_surrogate_becomes_text_and_two_of_them_stay_apart() -> None:
    one, other = escape("a\ud800"), escape("a\ud801")
    assert one != other
    assert one.encode()
