"""Ranking and calibration of scores: numbers worked out by hand; scikit-learn, SciPy and statsmodels as oracles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import special, stats
from sklearn import metrics as oracle

from aimsight.metrics.ranked import average_precision, top
from aimsight.metrics.registry import find
from aimsight.metrics.reliability import _erf, recalibration
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.tests.metrics.conftest import Counting


def value_of(metric: str, *inputs: Any) -> Value:
    """Compute a metric that must have a value inside its interval."""
    result = find(f"performance.{metric}").compute(*inputs)
    assert isinstance(result, Value), result
    assert result.interval is not None
    assert result.interval.low <= result.value <= result.interval.high
    return result


def drawn(n: int, seed: int, *, decimals: int = 4) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and scores that say something about them."""
    rng = np.random.default_rng(seed)
    s = np.round(np.clip(rng.beta(2, 4, n), 0.001, 0.999), decimals).astype(np.float64)
    return (rng.random(n) < s**1.3).astype(np.int64), s


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("average_precision", 5 / 6),  # 1/2 * 1 + 1/2 * 2/3
        ("gini", 0.75),  # 2 * 3.5 / 4 - 1
        ("score_ks", 0.5),  # at 0.9: 1/2 - 0; at 0.6: 1 - 1/2
        ("precision_at(k=0.25)", 1.0),  # the top row is positive
        ("precision_at(k=0.5)", 0.75),  # and half of the tie, which holds one positive: 1.5 of 2
        ("recall_at(k=0.5)", 0.75),  # 1.5 of 2
        ("lift(k=0.5)", 1.5),  # 0.75 / 0.5
        ("ece", 0.1),  # 1/4 |1 - .9| + 1/2 |.5 - .6| + 1/4 |0 - .1|
        ("brier_reliability", 0.01),  # 1/4 * .01 + 1/2 * .01 + 1/4 * .01
        ("brier_resolution", 0.125),  # 1/4 * .25 + 0 + 1/4 * .25
        ("brier_uncertainty", 0.25),  # 1/2 * 1/2
    ],
)
def test_scores_by_hand(counting: Counting, metric: str, expected: float) -> None:
    """Labels 1 0 1 0 at scores .9 .6 .6 .1; the working stands beside each number."""
    s = counting.binary([1, 0, 1, 0], scores=[0.9, 0.6, 0.6, 0.1])
    assert value_of(metric, s).value == pytest.approx(expected, abs=1e-12)


def test_the_parts_make_the_brier_score(counting: Counting) -> None:
    """Reliability - resolution + uncertainty = Brier, when every bin holds one score."""
    y, s = drawn(500, 1, decimals=1)
    found = counting.binary(y, scores=s)
    parts = [value_of(f"brier_{name}", found).value for name in ("reliability", "resolution", "uncertainty")]
    assert parts[0] - parts[1] + parts[2] == pytest.approx(oracle.brier_score_loss(y, s), abs=1e-12)


def test_ranking_agrees_with_its_oracles(counting: Counting) -> None:
    """800 rows with ties: average precision, Gini and KS."""
    y, s = drawn(800, 2, decimals=2)
    found = counting.binary(y, scores=s)
    assert value_of("average_precision", found).value == pytest.approx(oracle.average_precision_score(y, s), abs=1e-12)
    assert value_of("gini", found).value == pytest.approx(2 * oracle.roc_auc_score(y, s) - 1, abs=1e-12)
    distance = stats.ks_2samp(s[y == 0], s[y == 1]).statistic
    assert value_of("score_ks", found).value == pytest.approx(distance, abs=1e-12)


def test_classes_are_averaged(counting: Counting) -> None:
    """Three classes: macro average precision, and the class-wise calibration error by its definition."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 500)
    s = rng.dirichlet([1, 1, 1], 500) + 0.4 * np.eye(3)[y]
    s /= s.sum(axis=1, keepdims=True)
    found = counting.classes(y, s.argmax(axis=1), 3, s)
    macro = oracle.average_precision_score(np.eye(3)[y], s, average="macro")
    assert value_of("average_precision", found).value == pytest.approx(macro, abs=1e-12)
    errors = [expected_error((y == c).astype(int), s[:, c], np.floor(s[:, c] * 10)) for c in range(3)]
    assert value_of("ece", found).value == pytest.approx(np.mean(errors), abs=1e-12)


def expected_error(y: Any, s: Any, bins: Any) -> float:
    """Expected calibration error by its definition, over the bins that rows were put into."""
    return float(sum((bins == b).mean() * abs(y[bins == b].mean() - s[bins == b].mean()) for b in np.unique(bins)))


@pytest.mark.parametrize("bins", [5, 10, 15])
def test_calibration_error_by_definition(counting: Counting, bins: int) -> None:
    """Bins of equal width, from scores and from cells: the cells are not farther off than they say."""
    y, s = drawn(900, 4)
    truth = expected_error(y, s, np.minimum(np.floor(s * bins), bins - 1))
    exact = value_of(f"ece(bins={bins})", counting.binary(y, scores=s))
    assert exact.value == pytest.approx(truth, abs=1e-12)
    assert exact.error_bound == 0
    cells = value_of(f"ece(bins={bins})", counting.binary(y, scores=s, exact=False))
    assert 0 < abs(cells.value - truth) <= cells.error_bound


def test_bins_of_equal_mass(counting: Counting) -> None:
    """Without ties ten bins of 90 rows each."""
    y, s = drawn(900, 5, decimals=12)
    order = np.empty(900)
    order[np.argsort(s)] = np.arange(900)
    found = value_of("ece(binning=mass)", counting.binary(y, scores=s))
    assert found.value == pytest.approx(expected_error(y, s, np.floor(order / 90)), abs=1e-12)


@pytest.mark.parametrize("rows", [5, 30, 200])
@pytest.mark.parametrize("metric", ["ece", "brier_reliability", "brier_resolution"])
def test_bins_of_equal_mass_from_cells_state_their_error(counting: Counting, metric: str, rows: int) -> None:
    """Scores of few cells, many of which an edge between bins cuts: the bound holds what their order changes."""
    for seed in range(20):
        y, s = drawn(rows, seed, decimals=12)
        s = 0.4 + s / 200
        exact, cells = (
            value_of(f"{metric}(binning=mass)", counting.binary(y, scores=s, exact=known)) for known in (True, False)
        )
        assert abs(cells.value - exact.value) <= cells.error_bound, seed


@pytest.mark.parametrize("exact", [True, False])
def test_classes_that_overlap_within_one_cell_have_no_slope(counting: Counting, exact: bool) -> None:
    """What the cells that are kept cannot tell is not told from the scores either."""
    found = counting.binary([0, 0, 1, 0, 1, 1], scores=[0.1, 0.2, 0.5001, 0.5002, 0.7, 0.8], exact=exact)
    result = find("performance.calibration_slope").compute(found)
    assert isinstance(result, Undefined)


def test_recalibration_agrees_with_statsmodels(counting: Counting) -> None:
    """Slope, intercept and their standard errors of the logistic regression on the logit of the score."""
    y, s = drawn(700, 6)
    x = special.logit(s)
    found = counting.binary(y, scores=s)
    free = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    slope = value_of("calibration_slope", found)
    assert slope.value == pytest.approx(free.params[1], abs=1e-6)
    assert slope.interval is not None
    assert (slope.interval.low, slope.interval.high) == pytest.approx(free.conf_int()[1], abs=1e-5)
    fixed = sm.GLM(y, np.ones((700, 1)), family=sm.families.Binomial(), offset=x)
    fits = [fixed.fit(), fixed.fit(cov_type="HC0")]
    intercept = value_of("calibration_intercept", found)
    assert intercept.value == pytest.approx(fits[0].params[0], abs=1e-6)
    assert intercept.interval is not None
    wider = max((one.conf_int()[0] for one in fits), key=lambda ends: float(ends[1] - ends[0]))
    assert (intercept.interval.low, intercept.interval.high) == pytest.approx(wider, abs=1e-5)


@pytest.mark.parametrize("metric", ["calibration_slope", "calibration_intercept", "average_precision", "score_ks"])
def test_cells_are_not_farther_off_than_they_say(counting: Counting, metric: str) -> None:
    """What the store keeps gives a value within its error bound of the exact one."""
    for seed in range(7, 12):
        y, s = drawn(600, seed)
        exact = value_of(metric, counting.binary(y, scores=s))
        cells = value_of(metric, counting.binary(y, scores=s, exact=False))
        assert abs(exact.value - cells.value) <= cells.error_bound + 1e-12
        assert cells.error_bound < 0.05


def test_the_top_of_the_list_agrees_with_sorting(counting: Counting) -> None:
    """Precision and lift at k by sorting 1000 rows without ties."""
    y, s = drawn(1000, 13, decimals=12)
    found = counting.binary(y, scores=s)
    first = y[np.argsort(-s)[:200]]
    assert value_of("precision_at(k=0.2)", found).value == pytest.approx(first.mean(), abs=1e-12)
    assert value_of("recall_at(k=0.2)", found).value == pytest.approx(first.sum() / y.sum(), abs=1e-12)
    assert value_of("lift(k=0.2)", found).value == pytest.approx(first.mean() / y.mean(), abs=1e-12)
    binned = value_of("precision_at(k=0.2)", counting.binary(y, scores=s, exact=False))
    assert abs(binned.value - first.mean()) <= binned.error_bound + 1e-12


def test_variances_agree_with_resampling(counting: Counting) -> None:
    """Influence functions of average precision, precision and recall at k against 400 bootstrap samples of the rows."""
    y, s = drawn(1500, 14, decimals=12)
    counts = counting.scores(y, s)
    rng = np.random.default_rng(15)
    draws = []
    for _ in range(400):
        rows = rng.integers(0, 1500, 1500)
        first = top(counting.scores(y[rows], s[rows]), 0.1)
        precision = oracle.average_precision_score(y[rows], s[rows])
        draws.append((precision, first.positives / first.rows, first.positives / first.all_positives))
    first = top(counts, 0.1)
    found = [average_precision(counts).variance, first.precision_variance, first.recall_variance]
    assert np.sqrt(found) == pytest.approx(np.std(draws, axis=0), rel=0.15)


def test_a_top_of_less_than_a_row_is_undefined(counting: Counting) -> None:
    """A tenth of five rows is no row."""
    s = counting.binary([1, 0, 1, 0, 0], scores=[0.9, 0.6, 0.5, 0.4, 0.1])
    for name in ("precision_at", "recall_at", "lift"):
        result = find(f"performance.{name}").compute(s)
        assert result == Undefined("a share of 0.1 of 5 rows is less than one row", 5, Cause.TOO_FEW)


def test_trap_one_class_is_undefined_not_zero(counting: Counting) -> None:
    """No positives, or no negatives: peers report 0, NaN or a warning; here the reason is said."""
    for label, which in ((0, "positive"), (1, "negative")):
        s = counting.binary([label] * 20, scores=np.linspace(0.1, 0.9, 20))
        for name in ("average_precision", "gini", "score_ks", "calibration_slope", "calibration_intercept"):
            assert find(f"performance.{name}").compute(s) == Undefined(
                f"one class: no {which} labels", 20, Cause.TOO_FEW
            )
    none = counting.binary([0] * 20, scores=np.linspace(0.1, 0.9, 20))
    assert find("performance.lift").compute(none) == Undefined("one class: no positive labels", 20, Cause.TOO_FEW)


def test_trap_auc_is_of_scores_not_of_hard_labels(counting: Counting) -> None:
    """A peer feeds predicted labels to its AUC, which then is the balanced accuracy; here decisions play no part."""
    y, s = drawn(400, 16)
    decided = (s > 0.8).astype(int)
    found = value_of("roc_auc", counting.binary(y, decided, s)).value
    assert found == pytest.approx(oracle.roc_auc_score(y, s), abs=1e-12)
    assert found - oracle.roc_auc_score(y, decided) > 0.05
    assert value_of("balanced_accuracy", counting.binary(y, decided, s)).value == pytest.approx(
        oracle.roc_auc_score(y, decided)
    )


def test_scores_that_part_the_classes_have_no_slope(counting: Counting) -> None:
    """The likelihood grows without end: undefined, not a huge number."""
    s = counting.binary([0, 0, 1, 1], scores=[0.1, 0.2, 0.7, 0.8])
    result = find("performance.calibration_slope").compute(s)
    assert isinstance(result, Undefined)
    assert "no finite slope" in result.reason
    constant = counting.binary([0, 1, 1, 0], scores=[0.3] * 4)
    assert isinstance(find("performance.calibration_slope").compute(constant), Undefined)
    assert value_of("calibration_intercept", constant).value == pytest.approx(-special.logit(0.3), abs=1e-9)


def test_recalibration_of_far_scores_converges(counting: Counting) -> None:
    """Confident and often wrong: Newton's steps alone would overshoot."""
    y = np.array([0, 1] * 50)
    s = np.where(np.arange(100) % 4 < 2, 0.0001, 0.9999)
    found = recalibration(counting.scores(y, s), slope=True)
    assert found is not None
    assert abs(found.value) < 0.1


@pytest.mark.parametrize("slope", [True, False])
@pytest.mark.parametrize("ends", [(0.0, 0.0), (0.9999, 0.9999), (0.0, 0.9999), (0.9999, 0.0)])
def test_the_error_bound_of_recalibration_holds_wherever_rows_lie_in_their_cells(
    counting: Counting, ends: tuple[float, float], *, slope: bool
) -> None:
    """Negatives and positives at either end of their cells; small scores are moved furthest on the logit scale."""
    rng = np.random.default_rng(4)
    cells = rng.integers(0, 60, 300)
    y = (rng.random(300) < (cells + 0.5) / 100).astype(int)
    counts = counting.scores(y, (cells + np.take(ends, y)) / 1000)
    exact, binned = recalibration(counts, slope=slope), recalibration(counts.cells(), slope=slope)
    assert exact is not None
    assert binned is not None
    assert exact.bound == 0
    assert 0 < abs(exact.value - binned.value) <= binned.bound * (1 + 1e-9) < 1


def test_the_error_bound_of_a_slope_is_anything_where_cells_may_hide_that_scores_tell_the_classes_apart(
    counting: Counting,
) -> None:
    """Two classes that overlap in two neighbouring cells only."""
    counts = counting.scores([0] * 50 + [1] * 50, np.r_[np.linspace(0.1, 0.5014, 50), np.linspace(0.5004, 0.9, 50)])
    found = recalibration(counts.cells(), slope=True)
    assert found is not None
    assert found.bound > 1e6


def test_chance_explains_small_calibration_errors(counting: Counting) -> None:
    """Calibrated scores: the interval of the error reaches 0 in all but 5 % of cases; scores 0.2 too high: never."""
    rng = np.random.default_rng(17)
    reached = dict.fromkeys(("ece", "brier_reliability"), 0)
    for _ in range(40):
        s = np.round(rng.uniform(0.25, 0.95, 1000), 3)
        right = counting.binary((rng.random(1000) < s).astype(int), scores=s)
        wrong = counting.binary((rng.random(1000) < s - 0.2).astype(int), scores=s)
        for name in reached:
            calibrated, off = value_of(name, right), value_of(name, wrong)
            assert calibrated.value > 0
            assert calibrated.interval is not None
            assert off.interval is not None
            reached[name] += calibrated.interval.low == 0
            assert off.interval.low > 0
    assert min(reached.values()) >= 35


def test_the_error_function_is_right() -> None:
    """To 1.5e-7, as its source says."""
    x = np.linspace(0, 8, 500)
    assert np.abs(_erf(x) - special.erf(x)).max() < 1.6e-7
    assert math.isclose(float(_erf(np.array([40.0]))[0]), 1.0)
