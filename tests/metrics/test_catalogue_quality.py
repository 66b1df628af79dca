"""Quality metrics: numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from aimsight.metrics.inputs import ColumnCounts, RowFacts
from aimsight.metrics.registry import METRICS
from aimsight.metrics.statistics import CellCounts, QualityCounts, SegmentStatistics
from aimsight.metrics.values import Result, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

END = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = RowFacts(
    QualityCounts(rows=80, duplicate_rows=15, conflicting_rows=5),
    SegmentStatistics(rows=80, labelled=60, invalid_scores=4, invalid_predictions=2),
    latest=END - timedelta(hours=6),
    until=END,
)
EMPTY = RowFacts(QualityCounts(rows=0, duplicate_rows=0, conflicting_rows=0), SegmentStatistics(0, 0), None, END)


def value_of(result: Result) -> Value:
    """A result that must be a value."""
    assert isinstance(result, Value), result
    return result


@pytest.mark.parametrize(
    ("metric", "expected", "n"),
    [
        ("rows", 80, 80),
        ("duplicate_share", 0.2, 100),  # (15 + 5) / (80 + 15 + 5)
        ("label_coverage", 0.75, 80),  # 60 / 80
        ("freshness_hours", 6, 80),
        ("invalid_score_share", 0.05, 80),  # 4 / 80
        ("invalid_prediction_share", 0.025, 80),  # 2 / 80
    ],
)
def test_rows_by_hand(metric: str, expected: float, n: int) -> None:
    """80 distinct rows of 100 read; the working stands beside each number."""
    found = value_of(METRICS[f"quality.{metric}"].compute(ROWS))
    assert found.value == pytest.approx(expected)
    assert found.n == n


@pytest.mark.parametrize(
    "metric", ["rows", "duplicate_share", "label_coverage", "freshness_hours", "invalid_score_share"]
)
def test_an_empty_window_has_no_quality(metric: str) -> None:
    """Not even a number of rows: empty is never conforming."""
    assert METRICS[f"quality.{metric}"].compute(EMPTY) == Undefined("no rows in the window")


def test_events_after_the_moment_count_as_fresh() -> None:
    """A latest event beyond the end (clocks differ) gives 0 hours, never a negative number."""
    assert value_of(METRICS["quality.freshness_hours"].compute(replace(ROWS, until=END - timedelta(days=1)))).value == 0


def test_columns_by_hand(counting: Counting) -> None:
    """Ten values of a numeric column: 2 missing, 1 infinite of 8, 3 outside the declared range of 8."""
    plan = counting.numeric("x", [0.0, 1.0])
    counts = counting.column(plan, [0.1, 0.2, 0.3, 0.4, 5.0, 6.0, 7.0, float("inf"), None, None]).counts
    column = ColumnCounts(plan.cells, CellCounts(counts, out_of_range=3))
    expected = {"missing_share": (0.2, 10), "non_finite_share": (1 / 8, 8), "out_of_range_share": (3 / 8, 8)}
    for metric, (share, n) in expected.items():
        found = value_of(METRICS[f"quality.{metric}"].compute(column))
        assert found.value == pytest.approx(share), metric
        assert found.n == n


def test_categories_by_hand(counting: Counting) -> None:
    """Five values, one missing: one of four is unseen."""
    plan = counting.category("k", ("a", "b"))
    column = ColumnCounts(plan.cells, counting.column(plan, ["a", "a", "b", "zz", None]))
    assert value_of(METRICS["quality.unseen_category_share"].compute(column)).value == 0.25


def test_shares_of_values_need_values(counting: Counting) -> None:
    """All missing: the missing share is 1, shares of values are undefined with the reason."""
    plan = counting.numeric("x", [0.0, 1.0])
    column = ColumnCounts(plan.cells, CellCounts(counting.column(plan, [None, None]).counts, out_of_range=0))
    assert value_of(METRICS["quality.missing_share"].compute(column)).value == 1
    for metric in ("non_finite_share", "out_of_range_share"):
        assert METRICS[f"quality.{metric}"].compute(column) == Undefined("every value is missing", 2)


def test_no_declared_range_is_undefined(counting: Counting) -> None:
    """Nothing can be outside a range that nobody declared."""
    plan = counting.numeric("x", [0.0, 1.0])
    column = ColumnCounts(plan.cells, counting.column(plan, [0.5]))
    assert isinstance(METRICS["quality.out_of_range_share"].compute(column), Undefined)
