"""Statistics are a monoid: merging is exact, associative and commutative, and has a neutral element."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.metrics.statistics import (
    BinaryCounts,
    CellCounts,
    ClassCounts,
    ErrorSums,
    Latest,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    ValueCounts,
    merge,
)
from aimsight.metrics.values import ALL_ROWS, Segment
from aimsight.tests.metrics.engine.logs import plain

COUNT = st.integers(0, 2**40)
WHOLE = st.integers(-(2**100), 2**100)
F = Segment((("sex", "F"),))


def _ints(size: int) -> st.SearchStrategy[Any]:
    return st.lists(COUNT, min_size=size, max_size=size).map(lambda values: np.array(values, dtype=np.int64))


def _scores(rows: list[tuple[int, int]]) -> ScoreCounts:
    """Exact counts of rows given as (score in 128ths, label)."""
    table: dict[float, list[int]] = {}
    for place, label in rows:
        table.setdefault(place / 128, [0, 0])[label] += 1
    positions = sorted(table)
    negatives, positives = (np.array([table[p][i] for p in positions], dtype=np.int64) for i in (0, 1))
    return ScoreCounts(np.array(positions, dtype=np.float64), negatives, positives, exact=True)


SCORES = st.lists(st.tuples(st.integers(0, 128), st.integers(0, 1)), max_size=20).map(_scores)
VALUES = st.dictionaries(st.floats(-9, 9), st.integers(1, 9), max_size=9).map(
    lambda table: ValueCounts.of(
        np.array(sorted(table), dtype=np.float64),
        np.array([table[value] for value in sorted(table)], dtype=np.int64),
        1,
        2,
    )
)
SEGMENT = st.builds(
    SegmentStatistics,
    rows=COUNT,
    labelled=COUNT,
    invalid_scores=COUNT,
    binary=st.none() | st.builds(BinaryCounts, *[COUNT] * 6),
    score_sums=st.none() | st.builds(ScoreSums, COUNT, *[WHOLE] * 5),
    scores=st.none() | st.fixed_dictionaries({"": SCORES}),
    classes=st.none() | st.builds(ClassCounts, _ints(4).map(lambda a: a.reshape(2, 2)), _ints(2)),
    errors=st.none() | st.builds(ErrorSums, COUNT, *[WHOLE] * 10, COUNT),
)
STATISTICS = st.builds(
    Statistics,
    quality=st.builds(QualityCounts, COUNT, st.none() | COUNT, st.none() | COUNT, st.none() | COUNT),
    columns=st.dictionaries(st.sampled_from(["x", "y"]), st.builds(CellCounts, _ints(3), st.none() | COUNT)),
    segments=st.fixed_dictionaries({ALL_ROWS: SEGMENT}, optional={F: SEGMENT}),
    values=st.dictionaries(st.just("x"), VALUES),
    latest=st.none() | st.builds(Latest, st.datetimes(timezones=st.just(UTC))),
    column_errors=st.dictionaries(st.sampled_from(["y", "z"]), st.sampled_from(["missing", "wrong type"])),
)


@given(STATISTICS, STATISTICS, STATISTICS)
def test_merging_is_associative_and_commutative(a: Statistics, b: Statistics, c: Statistics) -> None:
    """However parts are grouped and ordered, every bit of the total is the same."""
    expected = plain((a + b) + c)
    assert plain(a + (b + c)) == expected
    assert plain((c + b) + a) == expected
    assert plain(merge([b, c, a])) == expected
    assert plain(merge({1: b, 2: a, 3: c})) == expected


@given(STATISTICS)
def test_an_empty_part_changes_nothing(a: Statistics) -> None:
    """The statistics of no rows are neutral."""
    assert plain(a + Statistics(quality=QualityCounts(0))) == plain(a)


@given(SCORES, SCORES)
def test_scores_become_cells_before_or_after_merging(a: ScoreCounts, b: ScoreCounts) -> None:
    """Cells of the merged scores are the merged cells, and exact with cells gives cells."""
    expected = plain((a + b).cells())
    assert plain(a.cells() + b.cells()) == expected
    assert plain(a + b.cells()) == expected
    assert (a + b).exact
    assert not (a + b.cells()).exact


def test_score_cells_by_hand() -> None:
    """A thousand cells of equal width; 1 belongs to the last one."""
    exact = ScoreCounts(np.array([0.0, 0.0004, 0.5, 1.0]), np.array([1, 2, 3, 4]), np.array([0, 1, 0, 5]), exact=True)
    cells = exact.cells()
    assert cells.positions.tolist() == [0, 500, 999]
    assert cells.negatives.tolist() == [3, 3, 4]
    assert cells.positives.tolist() == [1, 0, 5]


def test_merge_by_hand() -> None:
    """Counts add up, absent parts are neutral, the later time and every error stay."""
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    a = Statistics(
        QualityCounts(2, duplicate_rows=1),
        {"x": CellCounts(np.array([1, 0, 1]), None)},
        {ALL_ROWS: SegmentStatistics(2, 1, binary=BinaryCounts(2, 1, 1, 0, 0, 0))},
        latest=Latest(late),
    )
    b = Statistics(
        QualityCounts(3),
        {"x": CellCounts(np.array([0, 2, 1]), 4)},
        {ALL_ROWS: SegmentStatistics(3, 0), F: SegmentStatistics(1, 0)},
        latest=Latest(early),
        column_errors={"y": "missing"},
    )
    total = a + b
    assert total.quality == QualityCounts(5, duplicate_rows=1)
    assert total.columns["x"].counts.tolist() == [1, 2, 2]
    assert total.columns["x"].out_of_range == 4
    assert total.all_rows.binary == BinaryCounts(2, 1, 1, 0, 0, 0)
    assert total.segments[F].rows == 1
    assert total.latest == Latest(late)
    assert total.column_errors == {"y": "missing"}


def test_nothing_cannot_be_merged() -> None:
    """There are no statistics of no parts."""
    with pytest.raises(ValueError, match="not enough values"):
        merge([])
