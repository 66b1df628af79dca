"""Intervals against statsmodels, SciPy, brute force and simulation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from aimsight.metrics import intervals
from aimsight.metrics.statistics import ScoreCounts

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting


@pytest.mark.parametrize(("x", "n"), [(0, 1), (1, 1), (3, 20), (19, 20), (20, 20), (0, 300), (12345, 30000)])
def test_wilson_agrees_with_statsmodels(x: int, n: int) -> None:
    """One proportion: Wilson's bounds, exactly 0 or 1 at the ends, alone and in an array."""
    low, high = proportion_confint(x, n, method="wilson")
    found = intervals.wilson(x, n)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    lows, highs = intervals.wilson_bounds(np.array([float(x)]), np.array([float(n)]))
    assert (lows[0], highs[0]) == (found.low, found.high)


@pytest.mark.parametrize(("x", "n"), [(0, 1), (1, 1), (2, 3), (3, 20), (20, 20), (12345, 30000)])
def test_clopper_pearson_agrees_with_statsmodels(x: int, n: int) -> None:
    """The exact interval of one proportion, 0 and 1 at the ends."""
    found = intervals.clopper_pearson(x, n)
    assert (found.low, found.high) == pytest.approx(proportion_confint(x, n, method="beta"), abs=1e-12)


def test_a_mean_of_shares_by_hand() -> None:
    """4 of 5 and 9 of 10: a row each way more for both, 5/7 and 10/12, whose mean is 0.77381 and its error 0.10091."""
    found = intervals.mean_of_shares(np.array([4.0, 9.0]), np.array([5.0, 10.0]))
    assert (found.low, found.high) == pytest.approx((0.57603, 0.97159), abs=1e-4)


@pytest.mark.parametrize("shape", [1.0, 3.0, 30.0])
def test_a_skewed_interval_is_that_of_a_gamma_law(shape: float) -> None:
    """Wilson and Hilferty's cube root against SciPy's quantiles, to within 3 % of the mean."""
    found = intervals.skewed(2.0, 4.0 / shape, "test")
    low, high = stats.gamma.ppf([0.025, 0.975], shape, scale=2.0 / shape)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.06)


@pytest.mark.parametrize(("x1", "n1", "x2", "n2"), [(56, 70, 48, 80), (9, 10, 3, 10), (0, 10, 0, 20), (10, 10, 0, 20)])
def test_newcombe_agrees_with_statsmodels(x1: int, n1: int, x2: int, n2: int) -> None:
    """Difference of proportions: the first case is Newcombe's own, [0.0524, 0.3339]."""
    found = intervals.newcombe(x1, n1, x2, n2)
    low, high = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    if (x1, n1) == (56, 70):
        assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


@pytest.mark.parametrize(("x1", "n1", "x2", "n2"), [(10, 50, 20, 60), (50, 50, 1, 4), (3, 400, 9, 300), (0, 20, 9, 30)])
def test_ratio_bounds_solve_the_movers_equation(x1: int, n1: int, x2: int, n2: int) -> None:
    """A ratio R is a bound exactly when the MOVER bound of p1 - R p2 is 0 there."""
    p1, p2 = x1 / n1, x2 / n2
    first, second = intervals.wilson(x1, n1), intervals.wilson(x2, n2)
    found = intervals.ratio(x1, n1, x2, n2)
    assert found is not None

    def lower(r: float) -> float:
        return p1 - r * p2 - math.hypot(p1 - first.low, r * (second.high - p2))

    def upper(r: float) -> float:
        return p1 - r * p2 + math.hypot(first.high - p1, r * (p2 - second.low))

    if x1:
        assert found.low == pytest.approx(optimize.brentq(lower, 0, p1 / p2), abs=1e-9)
    else:
        assert found.low == 0
    assert found.high == pytest.approx(optimize.brentq(upper, p1 / p2, 1000), abs=1e-9)


def test_a_ratio_has_no_interval_when_the_denominator_may_be_zero() -> None:
    """0 of 20 in the denominator: no finite upper bound, so no interval."""
    assert intervals.ratio(5, 20, 0, 20) is None


@pytest.mark.parametrize(
    ("freedom", "tolerance"), [(1, 1e-9), (2, 1e-9), (3, 2e-3), (5, 2e-4), (10, 1e-5), (400, 1e-9)]
)
def test_student_quantile_agrees_with_scipy(freedom: int, tolerance: float) -> None:
    """The quantile of Student's t is as right as its documentation says."""
    assert intervals.student_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=tolerance)


def test_quantile_for_many_comparisons() -> None:
    """Three intervals at once: each at level 0.95 ** (1/3) = 0.98305, normal quantile 2.3877."""
    assert intervals.normal_quantile(3) == pytest.approx(stats.norm.ppf(0.5 + 0.95 ** (1 / 3) / 2), abs=1e-9)
    assert intervals.normal_quantile() == pytest.approx(1.959964, abs=1e-6)


def test_auc_and_its_variance_agree_with_brute_force(counting: Counting) -> None:
    """AUC over all pairs and DeLong's variance from its placement values, with many ties."""
    rng = np.random.default_rng(7)
    y = rng.random(200) < 0.3
    s = np.round(np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1), 1)
    value, variance, ups, downs = intervals.auc(counting.scores(y, s))
    wins = (s[y][:, None] > s[~y][None, :]) + 0.5 * (s[y][:, None] == s[~y][None, :])
    assert (ups, downs) == (y.sum(), (~y).sum())
    assert value == pytest.approx(roc_auc_score(y, s), abs=1e-12)
    expected = wins.mean(axis=1).var(ddof=1) / ups + wins.mean(axis=0).var(ddof=1) / downs
    assert variance == pytest.approx(expected, rel=1e-12)


def test_auc_from_cells_is_within_its_error_bound(counting: Counting) -> None:
    """Scores in cells: at most half the share of pairs within one cell away from the exact value."""
    rng = np.random.default_rng(8)
    y = rng.random(3000) < 0.4
    s = np.clip(rng.normal(0.5 + 0.002 * y, 0.002), 0, 1)
    exact, *_ = intervals.auc(counting.scores(y, s))
    cells = counting.scores(y, s, exact=False)
    assert intervals.auc_error_bound(counting.scores(y, s)) == 0
    assert 0 < abs(intervals.auc(cells)[0] - exact) <= intervals.auc_error_bound(cells)


def test_perfect_ranking_keeps_an_interval_below_one() -> None:
    """AUC 1 from 5 and 5 rows is no proof of perfection: the interval reaches down."""
    found = intervals.auc_interval(1.0, 0.0, 5, 5)
    assert found.high == 1
    assert 0.5 < found.low < 0.8


def _share(hits: int, repetitions: int) -> float:
    return hits / repetitions


@pytest.mark.parametrize("n", [30, 300, 30000])
@pytest.mark.parametrize("positives", [0.5, 0.1, 0.03])
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.5])
def test_the_auc_interval_covers_the_truth(n: int, positives: float, shift: float) -> None:
    """Normal scores, rare positives among the cases: coverage of at least 92.5 %, over 97 % only for few rows."""
    rng = np.random.default_rng(int(n * 10 + positives * 100 + shift))
    truth, hits, repetitions = stats.norm.cdf(shift / math.sqrt(2)), 0, 600 if n < 1000 else 60
    done = 0
    while done < repetitions:
        y = rng.random(n) < positives
        if not 0 < y.sum() < n:
            continue
        order = np.argsort(rng.normal(size=n) + shift * y)
        ups = y[order].astype(np.int64)
        found = intervals.auc_interval(*intervals.auc(ScoreCounts(np.arange(float(n)), 1 - ups, ups, exact=True)))
        hits += found.low <= truth <= found.high
        done += 1
    slack = 3 * math.sqrt(0.05 * 0.95 / repetitions)
    assert 0.945 - slack <= _share(hits, repetitions)
    if n == 30000:
        assert _share(hits, repetitions) <= min(0.95 + slack, 1.0)


@pytest.mark.parametrize("n", [30, 300, 1000])
def test_the_mean_of_losses_is_covered(n: int) -> None:
    """Skewed losses of calibrated, confident scores: 93 to 97 % on the log scale (less 1.5 of chance)."""
    rng = np.random.default_rng(n)
    hits, repetitions = 0, 600
    grid = stats.beta.ppf((np.arange(200_000) + 0.5) / 200_000, 0.5, 1.5)
    truth = float(stats.bernoulli.entropy(grid).mean())
    for _ in range(repetitions):
        s = rng.choice(grid, n)
        losses = -np.log(np.where(rng.random(n) < s, s, 1 - s))
        found = intervals.positive(float(losses.mean()), float(losses.std(ddof=1) / math.sqrt(n)), n, "")
        assert found is not None
        hits += found.low <= truth <= found.high
    assert 0.915 <= _share(hits, repetitions) <= 0.98
