"""Whatever numbers and texts a log holds, the engine counts each row once, where NumPy's definition puts it."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aimsight.metrics.cells import CategoryCells, LogCells, NumericCells
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.engines.exact import Runs, Sums
from aimsight.metrics.engines.tallies import Tally
from aimsight.metrics.engines.windows import WindowIndex, micros
from aimsight.metrics.plan import ColumnPlan, Plan, Window
from aimsight.tests.configurations import a_model

CELLS = NumericCells.spanning(-3.0, 7.0)
NUMBERS = st.none() | st.floats() | st.sampled_from([-3.0, 7.0, *CELLS.edges()[::97]])
TEXTS = st.none() | st.text(max_size=5) | st.sampled_from(["a", "A", "", "null", "ä", "a\u0308"])
KNOWN = ("a", "", "ä", "null")


@settings(max_examples=30)
@given(st.lists(st.tuples(NUMBERS, TEXTS), min_size=1, max_size=60))
@example([(-0.0, "a"), (5e-324, None), (1.7e308, "\0"), (-1.7e308, "'"), (float("nan"), '"')])
def test_columns_are_counted_as_defined(rows: list[tuple[float | None, str | None]]) -> None:
    """A column's counts are those of its cells' own index, and texts are compared byte by byte."""
    start = WINDOWS[0].start
    with tempfile.TemporaryDirectory() as folder:
        table = pa.table(
            {
                "at": pa.array([start + timedelta(seconds=i) for i in range(len(rows))], pa.timestamp("us", "UTC")),
                "x": pa.array([x for x, _ in rows], pa.float64()),
                "t": pa.array([t for _, t in rows], pa.string()),
            }
        )
        pq.write_table(table, Path(folder, "log.parquet"))
        model = a_model(
            log={"source": "log.parquet", "timestamp": "at"},
            labels=None,
            features={"x": "numeric", "t": "category"},
            protected=["t"],
        )
        columns = (ColumnPlan("x", "feature", CELLS), ColumnPlan("t", "feature", CategoryCells(KNOWN)))
        plan = Plan(model, Path(folder), WINDOWS, WINDOWS[-1].end, columns)
        found = DuckDBEngine(threads=1).profile(plan)[WINDOWS[0]]
    values = np.array([np.nan if x is None else x for x, _ in rows])
    expected = np.bincount(CELLS.index(values), minlength=CELLS.size + 2)
    assert found.columns["x"].counts.tolist() == expected.tolist()
    texts = [t for _, t in rows]
    assert found.columns["t"].counts.tolist() == [
        *(texts.count(name) for name in KNOWN),
        texts.count(None),
        sum(t is not None and t not in KNOWN for t in texts),
    ]
    groups = {segment.conditions[0][1]: part.rows for segment, part in found.segments.items() if segment.conditions}
    named = ["(missing)" if t is None else t for t in texts]
    assert groups == {name: named.count(name) for name in set(named)}


def _windows() -> tuple[Window, ...]:
    from datetime import UTC, datetime

    start = datetime(2026, 3, 1, tzinfo=UTC)
    return tuple(Window(start + timedelta(days=i), start + timedelta(days=i + 1)) for i in range(2))


WINDOWS = _windows()


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=6),
    st.lists(st.integers(0, 9), min_size=6, max_size=6),
    st.lists(st.integers(-20, 400), min_size=1, max_size=40),
)
def test_windows_are_found_as_by_looking_through_them(lengths: list[int], gaps: list[int], times: list[int]) -> None:
    """Each time has the number of the window it lies in, for windows of any lengths and gaps."""
    at, windows = WINDOWS[0].start, []
    second = timedelta(seconds=1)
    for length, gap in zip(lengths, gaps, strict=False):
        windows.append(Window(at, at + length * second))
        at += (length + gap) * second
    moments = [WINDOWS[0].start + time * second for time in times]
    expected = [
        next((i for i, window in enumerate(windows) if window.start <= moment < window.end), -1) for moment in moments
    ]
    found = WindowIndex(windows).index(np.array([micros(moment) for moment in moments]))
    assert found.tolist() == expected


BIG = st.integers(-(2**60) + 1, 2**60 - 1)


@given(st.lists(st.tuples(st.integers(0, 4), BIG, BIG), min_size=1, max_size=50))
def test_sums_by_group_are_exact(rows: list[tuple[int, int, int]]) -> None:
    """Sums and sums of products of large integers are those of Python's unbounded integers."""
    groups, a, b = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    runs = Runs(groups)
    sums = Sums(5, 2)
    sums.add(runs, 0, runs.sort(a))
    sums.add_products(runs, 1, runs.sort(a), runs.sort(b))
    unions = [np.arange(5), *(np.array([group]) for group in range(5)), np.array([3, 1])]
    for union, found in zip(unions, sums.of(unions), strict=True):
        expected = [(x, x * y) for g, x, y in rows if g in union]
        assert found == [sum(pair[0] for pair in expected), sum(pair[1] for pair in expected)]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=40),
        max_size=5,
    ),
    st.integers(0, 6 * 3 * 7 * 8 + 1),
)
def test_tallies_count_within_their_memory(blocks: list[list[tuple[int, int, int]]], budget: int) -> None:
    """Rows by window, leaf and cell are counted the same in any memory; what does not fit is said to be deferred."""
    windows, leaves, size = 6, 3, 7
    table = np.zeros((windows, leaves, size), dtype=np.int64)
    members = [np.array([0, 1, 2]), np.array([1]), np.array([0, 2])]
    first = 0
    for block in blocks:
        for window, leaf, cell in block:
            table[window, leaf, cell] += 1
    while first < windows:
        tally = Tally(windows - first, leaves, size, budget=budget)
        for block in blocks:
            places = np.array([place for place in block if place[0] >= first]).reshape(-1, 3)
            if places.size:
                tally.add((places[:, 0] - first) * leaves + places[:, 1], None, places[:, 2])
        assert tally.deferred > 0
        for number in range(tally.deferred):
            found = tally.window(number, members)
            expected = [table[first + number, union].sum(axis=0).tolist() for union in members]
            assert [part.tolist() for part in found] == expected
        first += tally.deferred


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=50), st.sampled_from([1, 2, 8, 64]), st.integers(1, 40))
@example([0.0, 5e-324, 1.0, 63.0, 64.0, 65.999999999, 66.0, 2.0**40], 64, 8)
def test_log_cells_hold_what_lies_between_their_edges(amounts: list[float], per_octave: int, octaves: int) -> None:
    """Each amount is in the last cell whose lower edge it reaches, and no cell but the open one is wider than said."""
    cells = LogCells(per_octave, octaves)
    edges = cells.edges()
    assert edges.size == cells.size + 1
    expected = [max(i for i in range(cells.size) if edges[i] <= amount) for amount in amounts]
    assert cells.index(np.array(amounts)).tolist() == expected
    widths = np.diff(edges)
    assert (widths[:per_octave] == 1).all()
    assert (widths[per_octave:] <= edges[per_octave:-1] / per_octave).all()


def test_log_cells_need_a_power_of_two() -> None:
    """Other numbers of cells an octave are refused: their edges could not be exact."""
    with pytest.raises(ValueError, match="power of two, not 48"):
        LogCells(48, 8)
