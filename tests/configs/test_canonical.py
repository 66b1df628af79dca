"""Canonical JSON: the same value always has the same bytes."""

from __future__ import annotations

import json
import math
import struct
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.canonical import LARGEST_INTEGER, canonical_json, decimal_text

text = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | text,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(text.map(lambda t: unicodedata.normalize("NFC", t)), inner)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"null"),
        (True, b"true"),
        (-7, b"-7"),
        ([1, (2, "x")], b'[1,[2,"x"]]'),
        ({"b": 1, "a": {"d": 1, "c": 2}}, b'{"a":{"c":2,"d":1},"b":1}'),
        ('"\\/\b\f\n\r\t\x0f\x7f', b'"\\"\\\\/\\b\\f\\n\\r\\t\\u000f\x7f"'),
        ("\u20ac\u2028", b'"\xe2\x82\xac\xe2\x80\xa8"'),
        ("e\u0301", b'"\xc3\xa9"'),
    ],
)
def test_golden_bytes(value: object, expected: bytes) -> None:
    """These bytes are frozen: ledgers and hashes rest on them."""
    assert canonical_json(value) == expected


def test_keys_are_sorted_by_utf16() -> None:
    """The order of RFC 8785, section 3.2.3: a key beyond the basic plane (a surrogate pair) comes before U+FF21."""
    keys = {"\u20ac": 1, "\r": 2, "\uff21": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    order = [2, 4, 6, 7, 1, 5, 3]
    assert list(json.loads(canonical_json(keys)).values()) == order


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0.5, TypeError, r"\$: float has no canonical form"),
        ({"a": [1, {2, 3}]}, TypeError, r"\$\.a\[1\]: set"),
        ({1: "a"}, TypeError, "a key is text, not int"),
        (2**53, ValueError, "beyond"),
        (-(2**53), ValueError, "beyond"),
        ("\ud800", ValueError, "lone surrogate"),
        ({"\udc00": 1}, ValueError, "lone surrogate"),
        ({"e\u0301": 1, "\u00e9": 2}, ValueError, "two keys are the same"),
    ],
)
def test_refused(value: object, error: type[Exception], message: str) -> None:
    """What has two spellings or none is refused, with its place."""
    with pytest.raises(error, match=message):
        canonical_json(value)


@given(values)
def test_bytes_read_back_and_are_stable(value: object) -> None:
    """Reading the bytes and writing them again gives the same bytes."""
    first = canonical_json(value)
    assert canonical_json(json.loads(first)) == first


@given(st.dictionaries(text.map(lambda t: unicodedata.normalize("NFC", t)), st.integers(0, 9)))
def test_insertion_order_does_not_matter(value: dict[str, int]) -> None:
    """Two dicts that are equal have equal bytes."""
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0.1, "0.1"), (1, "1.0"), (-0.0, "-0.0"), (1e300, "1e+300"), (np.float64(0.25), "0.25"), (1e22, "1e+22")],
)
def test_decimal_text(number: float, expected: str) -> None:
    """The shortest text that is the same double, whatever type carried it."""
    assert decimal_text(number) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimal_text_keeps_every_bit(number: float) -> None:
    """Reading the text gives the same 64 bits."""
    assert struct.pack("d", float(decimal_text(number))) == struct.pack("d", number)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_text(number: float) -> None:
    """NaN and infinity never enter a hash."""
    with pytest.raises(ValueError, match="has no decimal text"):
        decimal_text(number)
