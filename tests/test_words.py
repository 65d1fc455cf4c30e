"""Pure. Durations and instants as people say and type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import words

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (65, "1m 5s"),
        (3599, "59m"),
        (7500, "2h 5m"),
        (86400, "1d"),
        (-90061, "1d 1h"),
        (86400 * 12, "12d"),
        (86400 * 400, "1y 35d"),
        (86400 * 365 * 7973, "7973y"),
    ],
)
def test_a_duration_is_said_by_its_two_largest_units(seconds: int, said: str) -> None:
    assert words.duration(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (timedelta(hours=3), "in 3h"),
        (timedelta(hours=-3), "3h ago"),
        (timedelta(milliseconds=900), "now"),
    ],
    ids=["future", "past", "now"],
)
def test_an_instant_is_said_from_now(offset: timedelta, said: str) -> None:
    assert words.relative(NOW + offset, NOW) == said


def test_an_instant_names_its_zone() -> None:
    assert words.instant(NOW) == "2026-11-01 00:00 UTC"
    assert words.instant(NOW, timezone(timedelta(hours=1), "CET")) == "2026-11-01 01:00 CET"
    assert words.when(NOW + timedelta(days=2), NOW) == "in 2d (2026-11-03 00:00 UTC)"


def test_an_instant_at_the_end_of_the_calendar_is_said_in_utc() -> None:
    assert words.instant(datetime.max.replace(tzinfo=UTC), timezone(timedelta(hours=9))) == "9999-12-31 23:59 UTC"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0", timedelta(0)),
        ("72h", timedelta(hours=72)),
        ("1h30m", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("1.5d", timedelta(hours=36)),
        (" 2w ", timedelta(days=14)),
    ],
)
def test_a_duration_is_read(text: str, span: timedelta) -> None:
    assert words.parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "72", "h", "-1h", "1e3h", "1h 30", "1x", "999999w", "inf"])
def test_what_is_no_duration_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="duration") as caught:
        words.parse_duration(text)
    assert not text or repr(text) not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01T00:00:00Z", NOW),
        ("2026-11-01T01:00:00+01:00", NOW),
        ("2026-11-01 00:00", NOW),
        ("2026-11-01", NOW),
        ("@1793491200", NOW),
    ],
)
def test_an_instant_is_read(text: str, at: datetime) -> None:
    assert words.parse_instant(text) == at


@pytest.mark.parametrize("text", ["", "now", "@", "@nan", "@inf", "@1e99", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="instant"):
        words.parse_instant(text)


@given(st.text())
def test_parsers_raise_nothing_but_value_errors(text: str) -> None:
    for parse in (words.parse_duration, words.parse_instant):
        try:
            parse(text)
        except ValueError:
            pass


@given(st.text(alphabet=st.characters()))
def test_text_made_visible_is_printable_and_harmless_text_is_left_alone(text: str) -> None:
    shown = words.visible(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_escape_sequences_and_hidden_characters_become_visible() -> None:
    assert words.visible("a\x1b[31m\u202eb\ud800\n") == "a\\x1b[31m\\u202eb\\ud800\\n"


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_for_machines_read_back_to_the_millisecond(at: datetime) -> None:
    assert abs(words.parse_instant(words.rfc3339(at)) - at) < timedelta(milliseconds=1)


@pytest.mark.parametrize(("items", "said"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_lists_are_said(items: list[str], said: str) -> None:
    assert words.listing(items) == said


def test_nouns_are_counted() -> None:
    assert [words.counted(1, "agent"), words.counted(2, "agent"), words.counted(0, "story", "stories")] == [
        "1 agent",
        "2 agents",
        "0 stories",
    ]
