"""Properties of the performance catalogue with its arguments: order, merging, bounds, extreme numbers, determinism."""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimsight.metrics import bootstrap
from aimsight.metrics.confusion import one_against_rest
from aimsight.metrics.kinds.segments import in_cells
from aimsight.metrics.registry import METRICS, Metric, find
from aimsight.metrics.statistics import IntervalCounts, SegmentStatistics
from aimsight.metrics.values import Result, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

WITH_ARGUMENTS = """
cost(fp=1, fn=5) cost(fp=1, fn=5, tp=-2) f_beta(beta=0.5) f_beta(average=weighted) f1(average=micro)
precision(average=micro) precision(average=weighted) recall(average=weighted) specificity(average=micro)
precision(of=c1) recall(of=c2) roc_auc(of=c1) average_precision(of=c0) mcc(of=c1) lift(of=c1) score_ks(of=c2)
calibration_slope(of=c0) brier_reliability(of=c1) ece(bins=15) ece(binning=mass) ece(of=c1) brier_resolution(bins=4)
precision_at(k=0.3) lift(k=1) recall_at(k=0.05) pinball_loss(level=0.9) median_absolute_error(level=0.9)
skill(of=accuracy) skill(of=balanced_accuracy) skill(of=precision) skill(of=f1) skill(of=roc_auc) skill(of=log_loss)
skill(of=brier) skill(of=rmse)
"""
UNITS = [
    *(
        unit
        for name, unit in METRICS.items()
        if name.startswith("performance.") and not any(p.required for p in unit.parameters)
    ),
    *(find(f"performance.{text}") for text in re.findall(r"\w+\([^)]*\)", WITH_ARGUMENTS)),
]
ids = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.text)


def statistics(counting: Counting, n: int, seed: int, task: str) -> SegmentStatistics:
    """The statistics of some rows of a model of each task."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    if task == "regression":
        z = rng.gamma(3, 1, n)
        return SegmentStatistics(
            n, n, errors=counting.errors(z * rng.uniform(0.8, 1.3, n), z), interval=IntervalCounts(n, 0, 0, 0)
        )
    s = rng.dirichlet([1, 1, 1], n) + 0.6 * np.eye(3)[y]
    s = np.round(s / s.sum(axis=1, keepdims=True), 3)
    if task == "multiclass":
        return counting.classes(y, s.argmax(axis=1), 3, s)
    return counting.binary(y == 1, s[:, 1] > 0.5, s[:, 1])


def results(unit: Metric, s: SegmentStatistics, task: str) -> Result:
    """The result of a metric from the statistics of a segment, as it is measured."""
    if unit.one_class is not None:
        part = one_against_rest(s, ("c0", "c1", "c2"), unit.one_class)
        assert part is not None
        return unit.compute(part)
    if unit.kind == "errors":
        assert s.errors is not None
        return unit.compute(s.errors, 2.0**-40)
    return unit.compute(s)


def check(unit: Metric, result: Result) -> None:
    """A value is finite, within bounds and inside its interval; else there is a reason, and no error."""
    if isinstance(result, Undefined):
        assert result.reason
        return
    low, high = unit.bounds
    ends = (result.interval.low, result.interval.high) if result.interval else ()
    for number in (result.value, *ends, result.error_bound):
        assert math.isfinite(number)
    for number in (result.value, *ends):
        assert low is None or number >= low - 1e-12
        assert high is None or number <= high + 1e-12
    if result.interval is not None:
        assert result.interval.low - 1e-12 <= result.value <= result.interval.high + 1e-12
    assert result.n >= 1
    assert result.error_bound >= 0


@ids
@pytest.mark.parametrize("n", [0, 1, 2, 7, 60, 400])
def test_values_are_finite_within_bounds_and_inside_their_interval(counting: Counting, unit: Metric, n: int) -> None:
    """Whatever the number of rows; 400 rows give a value, none is undefined."""
    for task in sorted(unit.tasks):
        for seen in (statistics(counting, n, n, task), in_cells(statistics(counting, n, n, task))):
            result = results(unit, seen, task)
            check(unit, result)
            if n in (0, 400):
                assert isinstance(result, Value if n else Undefined), result


@ids
def test_parts_merge_to_the_whole_bit_by_bit(counting: Counting, unit: Metric) -> None:
    """Two halves in either order give the same result, the bootstrap included: its seed is the counts."""
    for task in sorted(unit.tasks):
        first, second = (statistics(counting, 150, seed, task) for seed in (1, 2))
        assert results(unit, first + second, task) == results(unit, second + first, task)


@ids
@settings(max_examples=20)
@given(data=st.data())
def test_degenerate_rows_never_break_a_metric(counting: Counting, unit: Metric, data: st.DataObject) -> None:
    """One class, one decision, scores of 0 and 1 only, a few rows: a checked value or a reason, and no warning."""
    n = data.draw(st.integers(1, 12), label="n")
    for task in sorted(unit.tasks - {"regression"}):
        k = 2 if task == "binary" else 3
        y, p = (data.draw(st.lists(st.integers(-1, k - 1), min_size=n, max_size=n)) for _ in range(2))
        score = st.sampled_from([0.0, 1.0, 0.5, 5e-324, 1 - 2**-53, 0.001])
        if task == "binary":
            valid = st.one_of(score, st.sampled_from([math.nan, math.inf, -0.1, 2.0]))
            seen = counting.binary(y, p, data.draw(st.lists(valid, min_size=n, max_size=n)))
        else:
            ones = np.eye(3)[data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))]
            seen = counting.classes(y, p, 3, ones)
        check(unit, results(unit, seen, task))
        check(unit, results(unit, in_cells(seen), task))


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.kind == "errors"], ids=lambda unit: unit.text)
@settings(max_examples=60)
@given(data=st.data())
def test_extreme_labels_never_break_a_metric(counting: Counting, unit: Metric, data: st.DataObject) -> None:
    """Zeros, tiny and huge numbers of both signs, as far as fixed point goes."""
    number = st.one_of(st.sampled_from([0.0, -1.0, 1.0, 1e-300, -5e-324]), st.floats(-(2.0**20), 2.0**20))
    rows = data.draw(st.lists(st.tuples(number, number), min_size=1, max_size=8))
    check(unit, unit.compute(counting.errors([p for p, _ in rows], [y for _, y in rows]), 2.0**-40))


@ids
def test_a_metric_takes_little_time(counting: Counting, unit: Metric) -> None:
    """Less than 5 ms of the processor a metric and window from what the store keeps: best of five, with some room."""
    for task in sorted(unit.tasks):
        seen = in_cells(statistics(counting, 2000, 5, task))
        best = math.inf
        for _ in range(5):
            begun = time.process_time()
            results(unit, seen, task)
            best = min(best, time.process_time() - begun)
        assert best < 0.02


def test_the_bootstrap_depends_on_its_counts_alone() -> None:
    """The same counts give the same draws, whatever was drawn before and however the array lies in memory."""
    counts = np.array([[40, 3], [5, 20]], dtype=np.int64)
    first = bootstrap.shares_of(counts)
    np.random.default_rng(0).random(10)
    bootstrap.shares_of(counts.T.copy())
    assert np.array_equal(first, bootstrap.shares_of(np.asfortranarray(counts)))
    assert not np.array_equal(first, bootstrap.shares_of(counts + 1))
    assert first.sum(axis=(1, 2)) == pytest.approx(1.0)


def test_the_bootstrap_has_the_spread_of_a_proportion() -> None:
    """Mean and deviation of drawn shares are those of the Dirichlet distribution around the counts."""
    draws = bootstrap.shares_of(np.array([300, 100], dtype=np.int64))[:, 0]
    mean, total = 300.5 / 401, 401
    assert draws.mean() == pytest.approx(mean, abs=0.004)
    assert draws.std() == pytest.approx(math.sqrt(mean * (1 - mean) / (total + 1)), rel=0.1)


def test_many_cells_leave_the_empty_ones_empty() -> None:
    """A large matrix is drawn where it has rows."""
    counts: Any = np.zeros((20, 20), dtype=np.int64)
    counts[3, 4], counts[5, 5] = 7, 9
    draws = bootstrap.shares_of(counts)
    assert draws.shape == (bootstrap.FEWER_DRAWS, 20, 20)
    assert np.flatnonzero(draws.sum(axis=0)).size == 2
