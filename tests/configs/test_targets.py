"""Targets: three operators, finite numbers, and the distance on the wrong side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.targets import OPERATORS, Target, number_text

finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "target", "normal"),
    [
        (">= 0.83", Target(">=", low=0.83), ">= 0.83"),
        (">=.83", Target(">=", low=0.83), ">= 0.83"),
        ("  <=  1e-1 ", Target("<=", high=0.1), "<= 0.1"),
        ("<= 10", Target("<=", high=10.0), "<= 10"),
        ("<= -0", Target("<=", high=0.0), "<= 0"),
        ("between -1.5 and 1.5", Target("between", low=-1.5, high=1.5), "between -1.5 and 1.5"),
        ("between 2 and 2", Target("between", low=2.0, high=2.0), "between 2 and 2"),
    ],
)
def test_parse(text: str, target: Target, normal: str) -> None:
    """Each form is read, and written in one spelling."""
    assert Target.parse(text) == target
    assert str(target) == normal


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("> 0.5", '">= 0.5"'),
        ("< 0.5", '"<= 0.5"'),
        ("=> 0.5", '">= 0.5"'),
        ("≤ 0,1", '"<= 0.1"'),
        ("at least 3", '">= 3"'),
        ("max 3", '"<= 3"'),
        ("<= 5%", '"<= 0.05"'),
        ("0.1 to 0.3", '"between 0.1 and 0.3"'),
        ("[-1.5, 1.5]", '"between -1.5 and 1.5"'),
        ("0.83", ""),
        ("== 1", ""),
        (">= nan", ""),
        (">= inf", ""),
        (">= 0.8 and <= 0.9", ""),
        ("", ""),
    ],
)
def test_refused_with_the_intention(text: str, near: str) -> None:
    """Other spellings are refused with the valid one; what could mean two things is not guessed at."""
    with pytest.raises(InvalidTextError, match="is not a target") as caught:
        Target.parse(text)
    assert caught.value.suggestion == near


def test_numbers_are_finite() -> None:
    """A number too large for a double is infinite, and refused."""
    with pytest.raises(InvalidTextError, match="finite"):
        Target.parse(">= 1e999")


def test_an_empty_range_is_turned_around() -> None:
    """No value is between 3 and 1."""
    with pytest.raises(InvalidTextError, match="no value is between 3 and 1") as caught:
        Target.parse("between 3 and 1")
    assert caught.value.suggestion == '"between 1 and 3"'


@pytest.mark.parametrize(
    ("operator", "low", "high"), [("=", 1.0, None), (">=", None, 1.0), ("<=", 0.0, 1.0), ("between", 0.0, None)]
)
def test_no_impossible_target_can_be_made(operator: str, low: float | None, high: float | None) -> None:
    """The class itself refuses unknown operators and numbers that do not belong to them."""
    with pytest.raises(InvalidTextError):
        Target(operator, low, high)


@pytest.mark.parametrize(
    ("text", "value", "distance"),
    [
        (">= 0.5", 0.25, 0.25),
        (">= 0.5", 0.75, -0.25),
        (">= 0.5", 0.5, 0.0),
        ("<= 0.5", 0.75, 0.25),
        ("<= 0.5", 0.25, -0.25),
        ("between -1 and 1", 1.5, 0.5),
        ("between -1 and 1", -3.0, 2.0),
        ("between -1 and 1", 0.75, -0.25),
    ],
)
def test_beyond(text: str, value: float, distance: float) -> None:
    """Positive on the wrong side, zero at the limit, negative within."""
    assert Target.parse(text).beyond(value) == distance


def test_words_and_limits() -> None:
    """A target can be read aloud."""
    assert Target.parse(">= 0.83").words == "at least 0.83"
    assert Target.parse("between -1.5 and 2").words == "from -1.5 to 2"
    assert Target.parse("between -1.5 and 2").limits == (-1.5, 2.0)


@given(finite, finite, st.sampled_from(sorted(OPERATORS)))
def test_text_reads_back(first: float, second: float, name: str) -> None:
    """What str writes, parse reads, for every finite number."""
    operator = OPERATORS[name]
    low, high = sorted((first + 0.0, second + 0.0))
    target = Target(name, low if operator.has_low else None, high if operator.has_high else None)
    assert Target.parse(str(target)) == target


@given(finite)
def test_number_text_keeps_every_digit(number: float) -> None:
    """The text of a number is the same number."""
    assert float(number_text(number)) == number
