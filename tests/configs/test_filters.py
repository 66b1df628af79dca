"""Filters: a small grammar, read exactly, and errors that say where it was left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.filters import KEYWORDS, All, Among, Any, Compare, Filter, Missing, Not, columns, parse

MEANINGS: dict[str, Filter] = {
    "age >= 60": Compare("age", ">=", 60.0),
    "age == -1.5e3": Compare("age", "=", -1500.0),
    "region <> north": Compare("region", "!=", "north"),
    "region = 'North, by sea'": Compare("region", "=", "North, by sea"),
    "\"pay grade\" = 'O''Neil'": Compare("pay grade", "=", "O'Neil"),
    '"a""b" is missing': Missing('a"b'),
    "x is not missing": Not(Missing("x")),
    "x in (1, two, '3')": Among("x", (1.0, "two", "3")),
    "x not in (1)": Not(Among("x", (1.0,))),
    "x between 1 and 2 and y = 3": All(
        (All((Compare("x", ">=", 1.0), Compare("x", "<=", 2.0))), Compare("y", "=", 3.0))
    ),
    "a = 1 or b = 2 and not c = 3": Any(
        (Compare("a", "=", 1.0), All((Compare("b", "=", 2.0), Not(Compare("c", "=", 3.0)))))
    ),
    "(a = 1 OR b = 2) AND c = 3": All((Any((Compare("a", "=", 1.0), Compare("b", "=", 2.0))), Compare("c", "=", 3.0))),
    "größe > .5": Compare("größe", ">", 0.5),
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_filter_means_what_is_written(text: str) -> None:
    """And binds tighter than or, not tighter than and; words in any case."""
    assert parse(text) == MEANINGS[text]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it ends where there should be a column"),
        ("age", "it ends where there should be an operator"),
        ("age >=", "it ends where there should be a value"),
        ("age >= 60 region = x", 'before "region = x" there should be and, or, or the end'),
        ("age > old", '> compares with a number, not with "old"'),
        ("age ; drop table x", '";" means nothing here'),
        ("lower(x) = 1", 'before "(x) = 1" there should be an operator'),
        ("(age > 1", 'it ends where there should be ")"'),
        ("x in 1, 2", 'before "1, 2" there should be "(" and the values'),
        ("x is 3", 'before "3" there should be missing'),
        ("x not = 3", 'before "= 3" there should be in'),
        ("and = 3", 'before "and = 3" there should be a column'),
        ("x = 1.2.3", "means nothing here"),
        ("job in (admin., services)", "goes into quotes: 'admin.'"),
        ("x between 1 or 2", 'before "or 2" there should be and'),
    ],
)
def test_what_is_no_filter_is_refused_where_it_stops(text: str, said: str) -> None:
    """The message names the rest and what may stand there."""
    with pytest.raises(InvalidTextError) as caught:
        parse(text)
    assert said in str(caught.value)


def test_too_many_conditions_are_refused() -> None:
    """A filter is for people to read."""
    with pytest.raises(InvalidTextError, match="at most 100 conditions"):
        parse(" or ".join(f"x = {i}" for i in range(101)))


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
VALUES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), NAMES)
LEAVES = st.one_of(
    st.builds(Compare, NAMES, st.sampled_from(["=", "!="]), VALUES),
    st.builds(
        Compare, NAMES, st.sampled_from(["<", "<=", ">", ">="]), st.floats(allow_nan=False, allow_infinity=False)
    ),
    st.builds(Among, NAMES, st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
    st.builds(Missing, NAMES),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Any, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


@given(FILTERS)
def test_what_is_written_is_read_again(found: Filter) -> None:
    """Every filter has a spelling that reads as itself, whatever the names and values hold."""
    assert parse(str(found)) == found


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_a_keyword_can_be_a_name_in_quotes(keyword: str) -> None:
    """Columns and values named like keywords stand in quotes."""
    assert parse(f"\"{keyword}\" = '{keyword}'") == Compare(keyword, "=", keyword)


def test_the_columns_of_a_filter() -> None:
    """Each once, as they appear."""
    assert columns(parse("b = 1 and (a is missing or not b in (2, 3)) or c < 4")) == ("b", "a", "c")
