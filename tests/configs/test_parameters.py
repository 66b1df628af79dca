"""Metrics with parameters as text: taking it apart, binding it, and the one canonical text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.parameters import Argument, MetricText, Parameter, bind, canonical, parse

BETA = Parameter("beta", "float", 1.0, 0.0, 10.0, "weight of recall")
OF = Parameter("of", "class", None, doc="one class")
AVERAGE = Parameter("average", "word", "macro", choices=("macro", "micro", "weighted"))
BINS = Parameter("bins", "int", 10, 2, 100)
EXACT = Parameter("exact", "bool", default=False)
WHAT = Parameter("what", "metric")
ALL = (BETA, OF, AVERAGE, BINS, EXACT)


def bound(text: str, parameters: tuple[Parameter, ...] = ALL) -> str:
    """The canonical text of a written one."""
    written = parse(text)
    return canonical(written.id, parameters, bind(written, parameters))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b", MetricText("a.b")),
        ("a.b()", MetricText("a.b")),
        (" a.b ( x = 1 , y=two ) ", MetricText("a.b", (("x", "1"), ("y", "two")))),
        ("a.b(x='p, q', y=\"(\")", MetricText("a.b", (("x", "p, q"), ("y", "(")))),
        (r'a.b(x="say \"no\"")', MetricText("a.b", (("x", 'say "no"'),))),
        ("a.b(of=c.d(x=1, y=2), z=3)", MetricText("a.b", (("of", "c.d(x=1, y=2)"), ("z", "3")))),
        ("a.b(x=New York)", MetricText("a.b", (("x", "New York"),))),
    ],
)
def test_a_text_is_taken_apart(text: str, expected: MetricText) -> None:
    """Blanks, quotes, brackets and commas within arguments."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a.b(x=1", "no closing bracket"),
        ("a.b(1)", "names its arguments not as a.b(key=value, ...)"),
        ("a.b(x=1))", "closes more brackets"),
        ("a.b(x=(1)", "opens more brackets"),
    ],
)
def test_a_broken_text_is_refused(text: str, problem: str) -> None:
    """It says what is broken."""
    with pytest.raises(InvalidTextError) as caught:
        parse(text)
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b", "a.b"),
        ("a.b(beta=1)", "a.b"),
        ("a.b(beta=1.0, bins=10, average=macro, exact=FALSE)", "a.b"),
        ("a.b(bins=20, beta=0.50)", "a.b(beta=0.5, bins=20)"),
        ("a.b(beta=2)", "a.b(beta=2)"),
        ("a.b(of=c1)", "a.b(of=c1)"),
        ("a.b(of='New York')", 'a.b(of="New York")'),
        ('a.b(of="a \\"b\\"")', 'a.b(of="a \\"b\\"")'),
        ("a.b(exact=true)", "a.b(exact=true)"),
    ],
)
def test_one_measurement_has_one_text(text: str, expected: str) -> None:
    """Defaults vanish, the order is that of the declaration, numbers are shortest, names are bare where they can be."""
    assert bound(text) == expected
    assert bound(expected) == expected


def test_a_metric_may_be_an_argument() -> None:
    """It needs no quotes, however it was written."""
    assert bound("a.b(what='c.d(x=1)')", (WHAT,)) == bound("a.b(what=c.d(x=1))", (WHAT,)) == "a.b(what=c.d(x=1))"


@pytest.mark.parametrize(
    ("text", "problem", "near"),
    [
        ("a.b(bta=1)", "a.b has no parameter bta; it takes beta, of, average, bins, exact", "beta"),
        ("a.b(beta=x)", "beta must be a number from 0 to 10, not x", ""),
        ("a.b(beta=11)", "beta must be a number from 0 to 10, not 11", ""),
        ("a.b(beta=nan)", "beta must be a number from 0 to 10, not nan", ""),
        ("a.b(bins=2.5)", "bins must be a whole number from 2 to 100, not 2.5", ""),
        ("a.b(average=marco)", "average must be one of macro, micro, weighted, not marco", "macro"),
        ("a.b(exact=maybe)", "exact must be true or false, not maybe", ""),
        ("a.b(beta=1, beta=2)", "a.b is given beta twice", ""),
    ],
)
def test_arguments_are_checked(text: str, problem: str, near: str) -> None:
    """What is wrong, what is valid, what was meant."""
    with pytest.raises(InvalidTextError) as caught:
        bound(text)
    assert (caught.value.problem, caught.value.suggestion) == (problem, near)


def test_a_required_parameter_is_asked_for() -> None:
    """The message shows how to write it."""
    with pytest.raises(InvalidTextError) as caught:
        bound("a.b", (WHAT,))
    assert caught.value.problem == "a.b needs what, a metric: write a.b(what=...)"


@given(st.dictionaries(st.sampled_from(["beta", "of", "average", "bins", "exact"]), st.data()))
def test_canonical_text_reads_back(drawn: dict[str, st.DataObject]) -> None:
    """Whatever the arguments, also class names with quotes and brackets: the text stands for exactly them."""
    kinds: dict[str, st.SearchStrategy[Argument]] = {
        "beta": st.floats(0, 10),
        "of": st.text(min_size=1).filter(lambda text: bool(text.strip())),
        "average": st.sampled_from(AVERAGE.choices),
        "bins": st.integers(2, 100),
        "exact": st.booleans(),
    }
    arguments = {one.name: one.default for one in ALL} | {k: data.draw(kinds[k]) for k, data in drawn.items()}
    text = canonical("a.b", ALL, arguments)  # type: ignore[arg-type]  # no parameter here is required
    assert bind(parse(text), ALL) == arguments
