"""Durations: whole calendar units, and a helpful refusal of everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.durations import UNITS, Duration, Unit
from aimsight.configs.errors import InvalidTextError


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [("1h", 1, "h"), ("30d", 30, "d"), ("2w", 2, "w"), ("1mo", 1, "mo"), ("1q", 1, "q"), ("2y", 2, "y")],
)
def test_parse(text: str, count: int, unit: Unit) -> None:
    """Each unit is read."""
    assert Duration.parse(text) == Duration(count, unit)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("30 days", "30d"),
        ("1 Month", "1mo"),
        ("1hour", "1h"),
        ("monthly", "1mo"),
        ("Daily", "1d"),
        ("week", "1w"),
        ("1D", "1d"),
        ("03d", "3d"),
        ("1m", ""),
        ("1.5d", ""),
        ("0d", ""),
        ("-1d", ""),
        ("d", ""),
        ("", ""),
        ("1d\n", "1d"),
        ("\u0661d", ""),
    ],
)
def test_refused_with_the_intention(text: str, near: str) -> None:
    """Anything else is refused; the ambiguous 1m (minute or month) is not guessed at."""
    with pytest.raises(InvalidTextError, match="is not a duration") as caught:
        Duration.parse(text)
    assert caught.value.suggestion == near


@pytest.mark.parametrize("text", ["101y", "36526d", "9999999h"])
def test_more_than_a_century_is_a_mistake(text: str) -> None:
    """A window that no calendar can hold is refused when it is written."""
    with pytest.raises(InvalidTextError, match="at most 100 years"):
        Duration.parse(text)


@pytest.mark.parametrize(("count", "unit"), [(0, "d"), (-1, "d"), (1, "m")])
def test_no_impossible_duration_can_be_made(count: int, unit: str) -> None:
    """The class itself refuses what the parser would."""
    with pytest.raises(InvalidTextError):
        Duration(count, unit)  # type: ignore[arg-type]  # the wrong unit is the point


@given(st.integers(1, 100), st.sampled_from(UNITS))
def test_text_reads_back(count: int, unit: Unit) -> None:
    """What str writes, parse reads."""
    duration = Duration(count, unit)
    assert Duration.parse(str(duration)) == duration


def test_typical_hours_order_lengths() -> None:
    """Lengths can be compared: a month is longer than four weeks and shorter than five."""
    hours = [Duration.parse(text).typical_hours for text in ("1h", "1d", "1w", "4w", "1mo", "5w", "1q", "1y")]
    assert hours == sorted(hours)
    assert Duration.parse("2d").typical_hours == 48
