"""Numbers, periods and strangers' text in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.metrics.plan import Window
from aimsight.metrics.values import Interval, Undefined, Value
from aimsight.monitors.words import count, elapsed, moment, number, period, plain, result_text, value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.81749, "0.817"),
        (-0.2, "−0.200"),
        (9.8765, "9.877"),
        (10.2888, "10.29"),
        (123.456, "123.5"),
        (12345.6, "12,346"),
        (0.00012, "0.00012"),
        (-0.00000012, "−1.2e−07"),
    ],
)
def test_a_number_shows_the_digits_that_matter(value: float, text: str) -> None:
    """Three digits after the point for shares, fewer for large numbers, none lost for tiny ones."""
    assert number(value) == text


def test_a_value_stands_with_its_interval_and_n() -> None:
    """Value, interval and number of rows always come together; a negative limit is not written with a dash."""
    assert result_text(Value(0.817, 2118, Interval(0.799, 0.834, "test"))) == "0.817 (0.799–0.834), n = 2,118"
    assert value_text(0.1, -0.2, 0.4) == "0.100 (−0.200 to 0.400)"
    assert result_text(Value(12.0, 12)) == "12.00, n = 12"
    assert result_text(Undefined("no rows")) == "no value: no rows"


@pytest.mark.parametrize(
    ("start", "end", "zone", "text"),
    [
        ("2015-01-01T00:00", "2016-01-01T00:00", "UTC", "2015"),
        ("1986-01-01T00:00", "1988-01-01T00:00", "UTC", "1986–1987"),
        ("2015-07-31T22:00", "2015-08-31T22:00", "Europe/Vienna", "Aug 2015"),
        ("2026-01-01T00:00", "2026-04-01T00:00", "UTC", "Jan–Mar 2026"),
        ("2025-12-01T00:00", "2026-02-01T00:00", "UTC", "Dec 2025–Jan 2026"),
        ("2026-11-03T00:00", "2026-11-10T00:00", "UTC", "3–9 Nov 2026"),
        ("2026-10-28T00:00", "2026-11-04T00:00", "UTC", "28 Oct–3 Nov 2026"),
        ("2026-12-28T00:00", "2027-01-04T00:00", "UTC", "28 Dec 2026–3 Jan 2027"),
        ("2026-03-28T23:00", "2026-03-29T22:00", "Europe/Vienna", "29 Mar 2026"),
        ("2026-11-03T10:00", "2026-11-03T11:00", "UTC", "3 Nov 2026, 10:00–11:00"),
        ("2026-11-03T22:00", "2026-11-04T04:00", "UTC", "3 Nov 2026, 22:00–4 Nov 2026, 04:00"),
    ],
)
def test_a_window_is_said_as_people_say_it(start: str, end: str, zone: str, text: str) -> None:
    """Whole years, months, weeks and days by their names, in local time; the last day is the last one inside."""
    window = Window(datetime.fromisoformat(start + "+00:00"), datetime.fromisoformat(end + "+00:00"))
    assert period(window, zone) == text


def test_small_words() -> None:
    """Plural, moments and spans of time."""
    assert [count(1, "row"), count(2118, "row"), count(0, "entry", "entries")] == ["1 row", "2,118 rows", "0 entries"]
    assert moment(datetime(2026, 11, 9, 13, 5, tzinfo=UTC), "Europe/Vienna") == "9 Nov 2026, 14:05"
    assert [elapsed(s) for s in (0.42, 12.3, 180, 7300, 200_000)] == ["0.4 s", "12 s", "3 min", "2 h", "2 d"]


@given(st.text())
def test_strangers_text_stays_on_one_line(text: str) -> None:
    """No line break, escape sequence or change of writing direction survives."""
    shown = plain(text)
    assert len(shown.splitlines()) <= 1
    assert not any(character in shown for character in "\x1b\x00\r\n\t\u202e\u2028")


def test_ordinary_text_is_left_alone() -> None:
    """Letters, signs and markup are text like any other."""
    assert plain('Größe "<b>" [x](y) =1+1 女') == 'Größe "<b>" [x](y) =1+1 女'
    assert plain("a\x1b[31mb\nc") == r"a\x1b[31mb\nc"
