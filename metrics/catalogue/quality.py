"""Quality of the inference log: volume, gaps, impossible values, duplicates, labels and freshness.

A window without rows has no quality: even its number of rows is undefined there, so that empty is never conforming.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from aimsight.metrics.cells import NumericCells
from aimsight.metrics.intervals import wilson
from aimsight.metrics.registry import ALL_TASKS, CLASSIFICATION, Needs, metric
from aimsight.metrics.values import Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.inputs import ColumnCounts, RowFacts
    from aimsight.metrics.values import Result

ISO_QUALITY = "ISO/IEC 25012:2008, Data quality model"
ISO_MEASURES = "ISO/IEC 5259-2:2024, Data quality for analytics and machine learning: data quality measures"
EMPTY = "no rows in the window"
ALL_MISSING = "every value is missing"


of_column = functools.partial(
    metric, version=1, tasks=ALL_TASKS, kind="column_quality", unit="share", bounds=(0.0, 1.0), direction="lower"
)
"""Declares a share of the rows or values of one column."""
of_rows = functools.partial(
    metric, version=1, tasks=ALL_TASKS, kind="quality", unit="share", bounds=(0.0, 1.0), direction="lower"
)
"""Declares a measure of all rows of the window, a share of them if it says no other."""


def _share(part: int, n: int, reason: str, rows: int = 0) -> Result:
    return Value(part / n, n, wilson(part, n)) if n else Undefined(reason if rows else EMPTY, rows)


@of_rows(
    id="quality.rows",
    unit="rows",
    bounds=(1.0, None),
    direction="none",
    undefined_when=(EMPTY,),
    source=f"{ISO_MEASURES}: volume",
    needs=Needs(),
)
def rows(facts: RowFacts) -> Result:
    """Number of distinct decisions in the window.

    A plain count without interval. A window without rows is undefined rather than 0, so that no objective on it can
    be met by an empty window.
    """
    n = facts.quality.rows
    return Value(float(n), n) if n else Undefined(EMPTY)


@of_column(
    id="quality.missing_share",
    undefined_when=(EMPTY,),
    source=f"{ISO_QUALITY}: completeness",
    needs=Needs(),
)
def missing_share(column: ColumnCounts) -> Result:
    """Share of rows without a value in this column (null or NaN).

    ``missing / rows``. 0: complete; 1: the column is empty. Interval: Wilson.
    """
    return _share(column.missing, column.rows, EMPTY)


@of_column(
    id="quality.non_finite_share",
    undefined_when=(EMPTY, ALL_MISSING),
    source=f"{ISO_QUALITY}: accuracy (syntactic)",
    needs=Needs(column_kinds=frozenset({"numeric"})),
)
def non_finite_share(column: ColumnCounts) -> Result:
    """Share of infinite numbers among the values of a numeric column.

    ``infinite / (rows - missing)``. 0: all are finite; 1: none is. Interval: Wilson.
    """
    return _share(column.odd, column.rows - column.missing, ALL_MISSING, column.rows)


@of_column(
    id="quality.out_of_range_share",
    undefined_when=(EMPTY, ALL_MISSING, "no range or values are declared for the column"),
    source=f"{ISO_QUALITY}: accuracy (semantic)",
    needs=Needs(declared=True),
)
def out_of_range_share(column: ColumnCounts) -> Result:
    """Share of values outside the declared range (numeric) or the declared values (category).

    ``outside / (rows - missing)``; infinite numbers are not counted as outside, they have their own share. 0: all are
    valid; 1: none is. Interval: Wilson.
    """
    if column.counts.out_of_range is None:
        return Undefined("no range or values are declared for the column", column.rows)
    return _share(column.counts.out_of_range, column.rows - column.missing, ALL_MISSING, column.rows)


@of_column(
    id="quality.unseen_category_share",
    undefined_when=(EMPTY, ALL_MISSING),
    source=f"{ISO_QUALITY}: consistency",
    needs=Needs(reference=True, column_kinds=frozenset({"category"})),
)
def unseen_category_share(column: ColumnCounts) -> Result:
    """Share of values whose category is not among those of the reference (its 200 most frequent).

    ``unseen / (rows - missing)``. 0: all are known; 1: none is. Interval: Wilson.
    """
    if isinstance(column.cells, NumericCells):
        return Undefined("a numeric column has no categories", column.rows)
    return _share(column.odd, column.rows - column.missing, ALL_MISSING, column.rows)


@of_column(
    id="quality.most_frequent_share",
    undefined_when=(EMPTY, ALL_MISSING),
    source=f"{ISO_MEASURES}: variability of features",
    needs=Needs(),
    core=False,
)
def most_frequent_share(column: ColumnCounts) -> Result:
    """Share of the most frequent value among the values of a column: near 1 it is almost constant.

    ``most frequent / (rows - missing)``. Numbers within one cell (about a thousandth of the reference's range) count as
    one value. 1: constant. Interval: Wilson.
    """
    return _share(column.most_frequent, column.values, ALL_MISSING, column.rows)


@of_rows(
    id="quality.duplicate_share",
    undefined_when=(EMPTY, "the log has no id"),
    source=f"{ISO_MEASURES}: precision of records, duplicates",
    needs=Needs(id=True),
)
def duplicate_share(facts: RowFacts) -> Result:
    """Share of rows read whose id had been seen before, with the same content or with other content.

    ``(duplicate + conflicting) / (distinct + duplicate + conflicting)``. 0: every id occurs once. Such rows are left
    out of all other metrics. Rows that are alike in everything but their id are not among them: decisions may well be
    alike, and to know all such rows a window would have to be held at once; ``evidently.DuplicatedRowCount`` counts
    them among at most 20,000 rows. Interval: Wilson.
    """
    q = facts.quality
    if q.duplicate_rows is None and q.conflicting_rows is None:
        return Undefined("the log has no id", q.rows) if q.rows else Undefined(EMPTY)
    again = (q.duplicate_rows or 0) + (q.conflicting_rows or 0)
    return _share(again, q.rows + again, EMPTY)


@of_rows(
    id="quality.label_coverage",
    direction="higher",
    undefined_when=(EMPTY,),
    source=f"{ISO_MEASURES}: label completeness",
    needs=Needs(labels=True),
)
def label_coverage(facts: RowFacts) -> Result:
    """Share of rows whose label has arrived and is usable.

    ``labelled / rows``. 1: all are labelled; 0: none is, and no metric that needs labels has a value. Interval: Wilson.
    """
    return _share(facts.all_rows.labelled, facts.all_rows.rows, EMPTY)


@of_rows(
    id="quality.freshness_hours",
    unit="hours",
    bounds=(0.0, None),
    undefined_when=(EMPTY,),
    source=f"{ISO_QUALITY}: currentness",
    needs=Needs(),
)
def freshness_hours(facts: RowFacts) -> Result:
    """Hours from the latest event of the window to its end (or to the moment of the run, when that comes first).

    0: events came until the end; the window's length: they stopped at its beginning. A plain difference without
    interval.
    """
    if facts.latest is None or facts.all_rows.rows == 0:
        return Undefined(EMPTY) if facts.all_rows.rows == 0 else Undefined("no event time", facts.all_rows.rows)
    return Value(max((facts.until - facts.latest).total_seconds(), 0.0) / 3600, facts.all_rows.rows)


@of_rows(
    id="quality.invalid_score_share",
    tasks=CLASSIFICATION,
    undefined_when=(EMPTY,),
    source=f"{ISO_QUALITY}: accuracy (syntactic)",
    needs=Needs(score=True),
)
def invalid_score_share(facts: RowFacts) -> Result:
    """Share of rows whose score is no probability: missing, infinite, or outside [0, 1].

    ``invalid / rows``. 0: every score can be used; 1: none. Interval: Wilson.
    """
    return _share(facts.all_rows.invalid_scores, facts.all_rows.rows, EMPTY)


@of_rows(
    id="quality.invalid_prediction_share",
    undefined_when=(EMPTY,),
    source=f"{ISO_QUALITY}: accuracy (syntactic)",
    needs=Needs(prediction=True),
)
def invalid_prediction_share(facts: RowFacts) -> Result:
    """Share of rows whose prediction is missing, infinite or not one of the classes.

    ``invalid / rows``. 0: every decision can be used. Interval: Wilson.
    """
    return _share(facts.all_rows.invalid_predictions, facts.all_rows.rows, EMPTY)
