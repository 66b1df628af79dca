"""Segments as text, also with awkward values."""

from __future__ import annotations

import pytest

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.segments import parse_segment


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("gender=F", (("gender", "F"),)),
        ("gender=F & age=65+", (("gender", "F"), ("age", "65+"))),
        ("firm=A & B & gender=F", (("firm", "A & B"), ("gender", "F"))),
        ("firm=a=b", (("firm", "a=b"),)),
        ("gender=", (("gender", ""),)),
        ("gender=(missing)", (("gender", "(missing)"),)),
        ("a=b=1", (("a=b", "1"),)),
    ],
)
def test_parse(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    """Values may hold = and &; the columns decide where a value ends."""
    assert parse_segment(text, ["gender", "age", "firm", "a", "a=b"]) == pairs


@pytest.mark.parametrize(
    ("text", "near"), [("gendr=F", "gender=F"), ("gender == 'F'", "gender=F"), ("F", ""), ("", ""), ("gender", "")]
)
def test_refused_with_the_intention(text: str, near: str) -> None:
    """What does not begin with a known column is no segment."""
    with pytest.raises(InvalidTextError, match="is not a segment") as caught:
        parse_segment(text, ["gender", "age"])
    assert caught.value.suggestion == near


def test_a_column_has_one_value() -> None:
    """gender=F & gender=M would be empty."""
    with pytest.raises(InvalidTextError, match="twice"):
        parse_segment("gender=F & gender=M", ["gender"])
