"""Further measures of regression errors: numbers worked out by hand, scikit-learn as oracle, and the traps of zeros."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as oracle

from aimsight.metrics.catalogue.errors import of_mean_square
from aimsight.metrics.intervals import Z
from aimsight.metrics.registry import find
from aimsight.metrics.statistics import IntervalCounts, SegmentStatistics
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

UNIT = 2.0**-40
NEW = ("mape", "smape", "rmsle", "pinball_loss", "max_error", "median_absolute_error")


def value_of(metric: str, *inputs: Any) -> Value:
    """Compute a metric that must have a value inside its interval."""
    result = find(f"performance.{metric}").compute(*inputs)
    assert isinstance(result, Value), result
    assert result.interval is None or result.interval.low <= result.value <= result.interval.high
    return result


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("mape", (1 / 1 + 2 / 4 + 0 / 5) / 3),
        ("smape", (2 * 1 / 3 + 2 * 2 / 6 + 0) / 3),
        ("rmsle", math.sqrt((math.log(3 / 2) ** 2 + math.log(3 / 5) ** 2) / 3)),
        ("pinball_loss", 0.5),  # half the mean absolute error of 1
        ("pinball_loss(level=0.9)", (0.1 * 1 + 0.9 * 2) / 3),  # one too high by 1, one too low by 2
        ("max_error", 2.0),
    ],
)
def test_errors_by_hand(counting: Counting, metric: str, expected: float) -> None:
    """Labels 1, 4, 5 predicted as 2, 2, 5: errors 1, -2, 0."""
    assert value_of(metric, counting.errors([2, 2, 5], [1, 4, 5]), UNIT).value == pytest.approx(expected, abs=1e-8)


def test_errors_agree_with_scikit_learn(counting: Counting) -> None:
    """500 positive labels with skewed errors."""
    rng = np.random.default_rng(31)
    y = rng.gamma(3, 2, 500) + 0.1
    p = y * np.exp(rng.normal(0, 0.3, 500))
    sums = counting.errors(p, y)
    expected = {
        "mape": oracle.mean_absolute_percentage_error(y, p),
        "rmsle": oracle.root_mean_squared_log_error(y, p),
        "pinball_loss(level=0.2)": oracle.mean_pinball_loss(y, p, alpha=0.2),
        "max_error": oracle.max_error(y, p),
    }
    for name, number in expected.items():
        assert value_of(name, sums, UNIT).value == pytest.approx(number, abs=1e-8), name
    assert value_of("smape", sums, UNIT).value == pytest.approx(float(np.mean(2 * abs(p - y) / (y + p))), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 501, 2000])
def test_the_median_is_within_its_bound(counting: Counting, n: int) -> None:
    """Read from cells: not farther from the exact median than it says, and that is less than a hundredth of it.

    Its interval is between two of the rows: of five or fewer, all lie on one side in more than 5 % of cases.
    """
    rng = np.random.default_rng(n)
    y, e = rng.normal(0, 1, n), rng.normal(0, 2, n)
    found = value_of("median_absolute_error", counting.errors(y + e, y), UNIT)
    truth = oracle.median_absolute_error(y, y + e)
    assert abs(found.value - truth) <= found.error_bound
    assert found.error_bound <= 0.01 * truth
    high = value_of("median_absolute_error(level=0.9)", counting.errors(y + e, y), UNIT)
    assert high.value >= found.value
    assert (found.interval is None, high.interval is None) == (n < 6, n < 29)


def test_exact_predictions_have_no_error(counting: Counting) -> None:
    """Every measure is 0, the median but for the width of its first cell."""
    sums = counting.errors([1, 2, 3], [1, 2, 3])
    for name in NEW:
        assert value_of(name, sums, UNIT).value == pytest.approx(0, abs=1e-7), name


def test_trap_mape_with_zero_labels_neither_explodes_nor_vanishes(counting: Counting) -> None:
    """Peers divide by 0 or by a tiny number: 1e15 and more. Here the two rows have no relative error, and n says so."""
    found = value_of("mape", counting.errors([1, 1, 3, 4], [0, 0, 2, 4]), UNIT)
    assert found.value == pytest.approx(0.25)  # (1/2 + 0) / 2
    assert found.n == 2
    assert oracle.mean_absolute_percentage_error([0, 0, 2, 4], [1, 1, 3, 4]) > 1e15
    nothing = find("performance.mape").compute(counting.errors([1, 1], [0, 0]), UNIT)
    assert nothing == Undefined("all 2 labels are 0", 2)
    assert value_of("smape", counting.errors([1, 0], [0, 0]), UNIT).value == pytest.approx(1.0)  # (2 + 0) / 2


def test_relative_errors_beyond_the_fixed_point_are_said(counting: Counting) -> None:
    """An error a billion times its label is not silently left out."""
    result = find("performance.mape").compute(counting.errors([1.0, 2.0], [1e-11, 2.0]), UNIT)
    assert result == Undefined("1 errors are too large beside their label", 2)


def test_logarithms_need_labels_above_minus_one(counting: Counting) -> None:
    """A label of -2 has no logarithm: undefined, and it says how many."""
    result = find("performance.rmsle").compute(counting.errors([1.0, 2.0], [-2.0, 2.0]), UNIT)
    assert result == Undefined("1 rows have a label or prediction of -1 or less", 2)


def test_what_was_not_counted_is_undefined(counting: Counting) -> None:
    """Statistics of an older version lack the details; overflowing rows spoil every measure."""
    sums = counting.errors([1, 2], [1, 1])
    for name in NEW:
        compute = find(f"performance.{name}").compute
        assert compute(replace(sums, details=None), UNIT) == Undefined("counted by a version that did not keep this", 2)
        assert compute(replace(sums, overflow=1), UNIT) == Undefined("1 rows are too extreme for fixed point", 3)
        assert isinstance(compute(counting.errors([], []), UNIT), Undefined)


def test_coverage_of_declared_intervals() -> None:
    """8 of 10 labels within: 0.8, whatever rows without an interval there are."""
    found = value_of("interval_coverage", SegmentStatistics(15, 12, interval=IntervalCounts(8, 1, 1, 5)))
    assert (found.value, found.n) == (0.8, 10)
    unit = find("performance.interval_coverage")
    assert unit.compute(SegmentStatistics(3, 0, interval=IntervalCounts(0, 0, 0, 0))) == Undefined(
        "no labels: 0 of 3 rows are labelled", 3, Cause.TOO_FEW
    )
    assert unit.compute(SegmentStatistics(3, 3, interval=IntervalCounts(0, 0, 0, 3))) == Undefined(
        "no labelled row has a valid prediction interval", 3
    )


def test_the_upper_end_of_a_mean_square_allows_for_heavy_tails() -> None:
    """1,000 errors with a kurtosis of 11: d^2 = 10, so that the upper end is 1.447 x 8 standard errors further out."""
    rows = 1000
    error = rows / (rows - Z) * math.sqrt(10 / (rows - 1))
    plain = float(stats.t.isf(0.025, rows - 1)) * error
    found = of_mean_square(2.0, 44.0, rows)
    assert found is not None
    assert found.low == pytest.approx(2 * math.exp(-plain), rel=1e-6)
    further = (2 * Z**2 + 1) / 6 * 8 * error
    assert further < Z
    assert found.high == pytest.approx(2 * math.exp(plain + further * error), rel=1e-6)
    normal = of_mean_square(2.0, 12.0, rows)
    assert normal is not None
    assert normal.high / 2 == pytest.approx(2 / normal.low, rel=1e-3)  # drawn a little towards heavier tails
