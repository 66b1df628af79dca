"""Arrays made of buffers are those that pyarrow makes of the same cells, and cost no import of pandas."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.store.arrays import array

WHOLE = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int": (pa.int64(), WHOLE),
    "float": (pa.float64(), st.floats(allow_nan=False)),
    "bool": (pa.bool_(), st.booleans()),
    "text": (pa.string(), TEXT),
    "bytes": (pa.binary(), st.binary(max_size=20)),
    "moment": (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    "day": (pa.date32(), st.dates()),
    "texts": (pa.list_(pa.string()), st.lists(TEXT, max_size=4)),
    "ints": (pa.list_(pa.int64()), st.lists(WHOLE, max_size=4)),
    "floats": (pa.list_(pa.float64()), st.lists(st.floats(allow_nan=False), max_size=4)),
}


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_same_as_pyarrow(name: str, data: st.DataObject) -> None:
    """Whatever the cells, missing ones among them, and even when there are none."""
    kind, values = KINDS[name]
    cells = data.draw(st.lists(st.none() | values, max_size=30))
    made = array(kind, cells)
    made.validate(full=True)
    assert made.equals(pa.array(cells, kind))


def test_what_does_not_fit_is_refused() -> None:
    """Integers beyond 64 bits, lone surrogates and times without a zone."""
    with pytest.raises(OverflowError):
        array(pa.int64(), [2**63])
    with pytest.raises(UnicodeEncodeError):
        array(pa.string(), ["\ud800"])
    with pytest.raises(ValueError, match="has no time zone"):
        array(pa.timestamp("us", "UTC"), [datetime(2026, 1, 1)])  # noqa: DTZ001  # a naive time is the fault


def test_no_pandas() -> None:
    """The reason for this module: a list becomes an array without pandas."""
    code = (
        "import sys, pyarrow as pa; from aimsight.store.arrays import array; "
        "array(pa.list_(pa.string()), [['a'], None]); assert 'pandas' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_days_before_and_after_1970() -> None:
    """Days count from 1970 in both directions."""
    assert array(pa.date32(), [date(1969, 12, 31), date(1970, 1, 2)]).to_pylist() == [
        date(1969, 12, 31),
        date(1970, 1, 2),
    ]
