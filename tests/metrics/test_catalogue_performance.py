"""Performance metrics: numbers worked out by hand, and scikit-learn as oracle."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from aimsight.metrics.registry import METRICS
from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

# 10 decisions: TP 3, FP 1, FN 2, TN 4
BY_HAND = BinaryCounts(predicted=10, selected=4, true_positive=3, false_positive=1, false_negative=2, true_negative=4)


def value_of(metric: str, *inputs: Any) -> Value:
    """Compute a metric that must have a value."""
    result = METRICS[metric].compute(*inputs)
    assert isinstance(result, Value), result
    return result


@pytest.mark.parametrize(
    ("metric", "expected", "n"),
    [
        ("performance.accuracy", 0.7, 10),  # (3 + 4) / 10
        ("performance.precision", 0.75, 4),  # 3 / (3 + 1)
        ("performance.recall", 0.6, 5),  # 3 / (3 + 2)
        ("performance.f1", 2 / 3, 10),  # 2 * 3 / (2 * 3 + 1 + 2)
        ("performance.selection_rate", 0.4, 10),  # 4 / 10
        ("performance.false_positive_rate", 0.2, 5),  # 1 / (1 + 4)
    ],
)
def test_decisions_by_hand(metric: str, expected: float, n: int) -> None:
    """A confusion matrix of ten rows; the working stands beside each number."""
    found = value_of(metric, SegmentStatistics(rows=10, labelled=10, binary=BY_HAND))
    assert found.value == pytest.approx(expected, abs=1e-15)
    assert found.n == n
    assert found.interval is not None
    assert found.interval.low < expected < found.interval.high


def test_the_interval_of_f1_by_hand() -> None:
    """TP 3 of t = 6: Wilson of 3/6 at z = 1.96 is [0.1876, 0.8124]; carried over by 2J / (1 + J)."""
    found = value_of("performance.f1", SegmentStatistics(rows=10, labelled=10, binary=BY_HAND))
    assert found.interval is not None
    assert found.interval.low == pytest.approx(2 * 0.18762 / 1.18762, abs=1e-4)
    assert found.interval.high == pytest.approx(2 * 0.81238 / 1.81238, abs=1e-4)


def test_scores_by_hand(counting: Counting) -> None:
    """Labels 1 0 1 0, scores .9 .6 .6 .1: AUC 3.5 of 4 pairs, Brier (.01 + .36 + .16 + .01) / 4, gap .5 - .55."""
    s = counting.binary([1, 0, 1, 0], scores=[0.9, 0.6, 0.6, 0.1])
    assert value_of("performance.roc_auc", s).value == 3.5 / 4
    assert value_of("performance.brier", s).value == pytest.approx(0.135, abs=1e-14)
    assert value_of("performance.calibration_gap", s).value == pytest.approx(-0.05, abs=1e-14)
    losses = [-math.log(0.9), -math.log(0.4), -math.log(0.6), -math.log(0.9)]
    assert value_of("performance.log_loss", s).value == pytest.approx(sum(losses) / 4, abs=1e-11)


def test_errors_by_hand(counting: Counting) -> None:
    """Errors 1, -2, 3, 0 on labels 1, 2, 3, 6: MAE 6/4, bias 2/4, RMSE sqrt(14/4), R2 = 1 - 14 / 14 = 0."""
    sums = counting.errors([2, 0, 6, 6], [1, 2, 3, 6])
    assert value_of("performance.mae", sums, 2.0**-40).value == pytest.approx(1.5, abs=1e-12)
    assert value_of("performance.mean_error", sums, 2.0**-40).value == pytest.approx(0.5, abs=1e-12)
    assert value_of("performance.rmse", sums, 2.0**-40).value == pytest.approx(math.sqrt(3.5), abs=1e-12)
    assert value_of("performance.r2", sums, 2.0**-40).value == pytest.approx(0.0, abs=1e-12)


def test_classes_by_hand(counting: Counting) -> None:
    """Three classes: recalls 1, 1/2, 1; precisions 2/3, 1, 1/1; F1 4/5, 2/3, 1."""
    s = counting.classes([0, 0, 1, 1, 2], [0, 0, 0, 1, 2], 3)
    assert value_of("performance.accuracy", s).value == 4 / 5
    assert value_of("performance.recall", s).value == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert value_of("performance.precision", s).value == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert value_of("performance.f1", s).value == pytest.approx((4 / 5 + 2 / 3 + 1) / 3)


def test_binary_agrees_with_scikit_learn(counting: Counting) -> None:
    """700 rows with tied scores: all binary metrics to 1e-9."""
    rng = np.random.default_rng(11)
    y = (rng.random(700) < 0.3).astype(int)
    s = np.round(np.clip(rng.beta(2, 4, 700) + 0.2 * y, 0.001, 0.999), 3)
    p = (s > 0.45).astype(int)
    found = counting.binary(y, p, s)
    expected = {
        "accuracy": oracle.accuracy_score(y, p),
        "precision": oracle.precision_score(y, p),
        "recall": oracle.recall_score(y, p),
        "f1": oracle.f1_score(y, p),
        "roc_auc": oracle.roc_auc_score(y, s),
        "log_loss": oracle.log_loss(y, s),
        "brier": oracle.brier_score_loss(y, s),
    }
    for name, number in expected.items():
        assert value_of(f"performance.{name}", found).value == pytest.approx(number, abs=1e-9), name


def test_multiclass_agrees_with_scikit_learn(counting: Counting) -> None:
    """500 rows, three classes: macro averages, one-vs-rest AUC, log loss and Brier to 1e-9."""
    rng = np.random.default_rng(12)
    y = rng.integers(0, 3, 500)
    s = rng.dirichlet([1, 1, 1], 500) + 0.5 * np.eye(3)[y]
    s = s / s.sum(axis=1, keepdims=True)
    p = s.argmax(axis=1)
    found = counting.classes(y, p, 3, s)
    expected = {
        "accuracy": oracle.accuracy_score(y, p),
        "precision": oracle.precision_score(y, p, average="macro"),
        "recall": oracle.recall_score(y, p, average="macro"),
        "f1": oracle.f1_score(y, p, average="macro"),
        "roc_auc": oracle.roc_auc_score(y, s, multi_class="ovr", average="macro"),
        "log_loss": oracle.log_loss(y, s),
        "brier": float(np.square(s - np.eye(3)[y]).sum(axis=1).mean()),
    }
    for name, number in expected.items():
        one = value_of(f"performance.{name}", found)
        assert one.value == pytest.approx(number, abs=1e-9), name
        assert one.interval is not None
        assert one.interval.low < one.value < one.interval.high


def test_regression_agrees_with_scikit_learn(counting: Counting) -> None:
    """400 rows whose labels lie far from 0: MAE, RMSE and R2 to 1e-9."""
    rng = np.random.default_rng(13)
    y = rng.normal(1000, 40, 400)
    p = y + rng.normal(2, 10, 400)
    sums = counting.errors(p, y, centre=1000.0)
    assert value_of("performance.mae", sums, 2.0**-40).value == pytest.approx(
        oracle.mean_absolute_error(y, p), abs=1e-9
    )
    assert value_of("performance.rmse", sums, 2.0**-40).value == pytest.approx(
        oracle.root_mean_squared_error(y, p), abs=1e-9
    )
    assert value_of("performance.r2", sums, 2.0**-40).value == pytest.approx(oracle.r2_score(y, p), abs=1e-9)


def test_the_standard_error_of_r2_is_that_of_its_influence(counting: Counting) -> None:
    """The delta method from sums equals the one from rows: the deviation of e^2 - (1 - R2) (y - mean)^2."""
    rng = np.random.default_rng(14)
    y = rng.normal(50, 5, 5000)
    e = rng.normal(1, 2, 5000)
    found = value_of("performance.r2", counting.errors(y + e, y, centre=50.0), 2.0**-40)
    ratio = 1 - found.value
    influence = (np.square(e) - ratio * np.square(y - y.mean())) / y.var()
    spread = 1.960 * influence.std() / math.sqrt(5000) / ratio
    assert found.interval is not None
    assert math.log((1 - found.interval.low) / ratio) == pytest.approx(spread, rel=5e-3)


def test_trap_e10_one_class_is_undefined_not_zero(counting: Counting) -> None:
    """No positive labels: recall, AUC are undefined with the reason, where peers report 0.0."""
    s = counting.binary([0, 0, 0, 0], [0, 0, 0, 0], [0.1, 0.2, 0.3, 0.4])
    for name in ("recall", "precision", "f1", "roc_auc"):
        result = METRICS[f"performance.{name}"].compute(s)
        assert isinstance(result, Undefined), name
        assert result.cause == Cause.TOO_FEW
        assert "positive" in result.reason
    assert value_of("performance.accuracy", s).value == 1
    assert value_of("performance.false_positive_rate", s).value == 0


def test_trap_e9_no_labels_is_undefined_not_a_crash(counting: Counting) -> None:
    """All labels missing: every metric that needs them says so."""
    s = counting.binary([-1, -1, -1], [1, 0, 1], [0.9, 0.2, 0.7])
    for name in ("accuracy", "recall", "precision", "f1", "roc_auc", "log_loss", "brier", "calibration_gap"):
        result = METRICS[f"performance.{name}"].compute(s)
        assert isinstance(result, Undefined), name
        assert result.reason == "no labels: 0 of 3 rows are labelled"
    assert value_of("performance.selection_rate", s).value == pytest.approx(2 / 3)


def test_a_class_that_was_never_predicted_has_no_precision(counting: Counting) -> None:
    """Class 2 occurs but is never predicted: 0/0 is no zero; recall and F1 are defined."""
    s = counting.classes([0, 1, 2, 2], [0, 1, 0, 1], 3)
    assert isinstance(METRICS["performance.precision"].compute(s), Undefined)
    assert value_of("performance.recall", s).value == pytest.approx((1 + 1 + 0) / 3)
    assert value_of("performance.f1", s).value == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_classes_without_labels_are_left_out_of_the_mean(counting: Counting) -> None:
    """Class 2 does not occur among the labels: the mean is over the two that do."""
    s = counting.classes([0, 0, 1, 1], [0, 0, 1, 2], 3)
    assert value_of("performance.recall", s).value == pytest.approx((1 + 1 / 2) / 2)


def test_constant_labels_have_no_r2(counting: Counting) -> None:
    """All labels equal: nothing to explain; the error metrics stay."""
    sums = counting.errors([1, 2, 3], [5, 5, 5])
    result = METRICS["performance.r2"].compute(sums, 2.0**-40)
    assert result == Undefined("all labels are equal", 3, Cause.TOO_FEW)
    assert value_of("performance.mae", sums, 2.0**-40).value == pytest.approx(3)


def test_rows_too_extreme_for_fixed_point_make_errors_undefined(counting: Counting) -> None:
    """One overflowing row is never silently dropped."""
    sums = replace(counting.errors([1, 2], [1, 1]), overflow=1)
    for name in ("mae", "rmse", "r2", "mean_error"):
        assert METRICS[f"performance.{name}"].compute(sums, 1.0) == Undefined(
            "1 rows are too extreme for fixed point", 3
        )


def test_auc_from_cells_states_its_error_bound(counting: Counting) -> None:
    """Above a million rows scores come in cells: the value carries how far off it can be, and is not farther off."""
    rng = np.random.default_rng(15)
    y = (rng.random(2000) < 0.5).astype(int)
    s = np.clip(rng.normal(0.5 + 0.003 * y, 0.003), 0, 1)
    exact = value_of("performance.roc_auc", counting.binary(y, scores=s))
    binned = value_of("performance.roc_auc", counting.binary(y, scores=s, exact=False))
    assert exact.error_bound == 0
    assert 0 < abs(exact.value - binned.value) <= binned.error_bound


@pytest.mark.parametrize("n", [30, 300, 3000])
def test_the_intervals_of_rmse_and_r2_cover_the_truth(counting: Counting, n: int) -> None:
    """Normal errors: coverage 93 to 97 % (less 2.5 of chance); heavy tails fall short with 30 rows."""
    rng = np.random.default_rng(n)
    hits, repetitions = np.zeros(2), 250 if n < 1000 else 60
    for _ in range(repetitions):
        y = rng.normal(10, 3, n)
        sums = counting.errors(y + rng.normal(0.3, 1, n), y, centre=10.0, exponent=-30)
        for place, (name, truth) in enumerate((("rmse", math.sqrt(1.09)), ("r2", 1 - 1.09 / 9))):
            interval = value_of(f"performance.{name}", sums, 2.0**-30).interval
            assert interval is not None
            hits[place] += interval.low <= truth <= interval.high
    assert (hits / repetitions).min() >= (0.905 if n < 1000 else 0.87)


@pytest.mark.parametrize("n", [30, 300, 30000])
def test_the_interval_of_f1_covers_the_truth(n: int) -> None:
    """Rare and common positives: 93 to 97 %, less 2 of chance."""
    rng = np.random.default_rng(n)
    for cells in ((0.3, 0.1, 0.1, 0.5), (0.02, 0.02, 0.02, 0.94)):
        truth, hits, defined = 2 * cells[0] / (2 * cells[0] + cells[1] + cells[2]), 0, 0
        for tp, fp, fn, tn in rng.multinomial(n, cells, size=800).tolist():
            counts = BinaryCounts(n, tp + fp, tp, fp, fn, tn)
            result = METRICS["performance.f1"].compute(SegmentStatistics(rows=n, labelled=n, binary=counts))
            if isinstance(result, Value):
                assert result.interval is not None
                defined += 1
                hits += result.interval.low <= truth <= result.interval.high
        assert 0.92 <= hits / defined <= 0.985
