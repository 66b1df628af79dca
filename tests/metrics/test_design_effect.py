"""The design effect against matrices, densities and simulation: what windows that differ by nature say of evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from aimsight.metrics import curves, design_effect, evidence
from aimsight.metrics.design_effect import INDEPENDENT, DesignEffect, learned

Floats = NDArray[np.float64]


def alike(value: float, rows: float, correlation: float = 0.0, windows: int = 1) -> DesignEffect:
    """One value that is certain."""
    return DesignEffect(np.array([value - 1]), np.array([correlation]), np.ones(1), rows, windows)


def test_the_power_of_waves_is_that_of_the_levels_covariance() -> None:
    """Waves of 7 windows: the diagonal of C R C' with the cosine basis C and the matrix R of correlations 0.6^lag."""
    basis = np.sqrt(2 / 7) * np.cos(np.pi / 7 * np.outer(np.arange(1, 7), np.arange(7) + 0.5))
    correlations = 0.6 ** np.abs(np.subtract.outer(np.arange(7), np.arange(7)))
    expected = np.diag(basis @ correlations @ basis.T)
    place = int(np.flatnonzero(np.isclose(design_effect.CORRELATIONS, 0.6))[0])
    assert design_effect._powers(7)[place] == pytest.approx(expected, rel=1e-12)


def test_the_posterior_of_two_windows_by_hand() -> None:
    """Windows (60, 40) and (40, 60): one wave of square 8, normal with variance 1 + e (1 - rho); no scale a priori."""
    found = evidence.effect_of_shares(np.array([[60, 40], [40, 60]]))
    density = stats.norm(0, np.sqrt(1 + found.excess * (1 - found.correlations))).pdf(math.sqrt(8))
    assert found.weights == pytest.approx(density / density.sum(), rel=1e-9)
    assert found.weights.sum() == pytest.approx(1)
    assert (found.rows, found.windows) == (100, 2)
    assert (found.excess.min(), found.excess.max()) == pytest.approx((0, math.exp(4.6) - 1))


def test_the_prior_from_four_windows_on() -> None:
    """Errors 2, 2, 2, 2: normal with variance 1 + e, and a prior on a logarithmic scale of 1 / sqrt(1 + e)."""
    found = design_effect.learned_from_errors(np.full(4, 2.0))
    expected = stats.norm(0, np.sqrt(1 + found.excess)).pdf(2) ** 4 / np.sqrt(1 + found.excess)
    assert found.weights == pytest.approx(expected / expected.sum(), rel=1e-9)


def test_the_deviation_of_a_mixture() -> None:
    """Variances 1 and 9, one certain and then both alike: the same 2.5 % beyond 1.96 deviations."""
    both = DesignEffect(np.zeros(2), np.zeros(2), np.array([0.5, 0.5]), 1.0, 1)
    found = both.deviation(np.array([1.0, 9.0]))
    assert stats.norm.sf(1.959964 * found / np.array([1, 3])).mean() == pytest.approx(0.025, rel=1e-6)
    assert INDEPENDENT.deviation(np.array([4.0])) == 2
    assert INDEPENDENT.deviation(np.zeros(1)) == 0


def test_independent_windows_have_next_to_no_effect() -> None:
    """Multinomial windows: the expected effect is close to 1."""
    rng = np.random.default_rng(3)
    effect = evidence.effect_of_shares(rng.multinomial(1000, np.full(12, 1 / 12), size=30))
    assert effect.mean < 1.15
    assert effect.rows == pytest.approx(1000)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_effect_and_correlation_are_found(correlation: float) -> None:
    """200 windows with excess 4 and this correlation: the posterior is around both."""
    rng = np.random.default_rng(8)
    level = np.zeros(200)
    level[0] = rng.normal()
    for place in range(1, 200):
        level[place] = correlation * level[place - 1] + math.sqrt(1 - correlation**2) * rng.normal()
    residuals = (2 * level + rng.normal(size=200))[:, None]
    found = learned(residuals - residuals.mean(), 0.5, 1000)
    assert found.mean == pytest.approx(5, rel=0.25)
    assert found.average(found.correlations) == pytest.approx(correlation, abs=0.15)


def test_windows_in_order_are_alike_and_in_disorder_not() -> None:
    """Nine windows that rise steadily, and the same windows in disorder: the correlation is likely high, and low."""
    steady = np.linspace(-3, 3, 9)[:, None]
    disorder = steady[[4, 0, 7, 2, 8, 1, 6, 3, 5]]
    trend, varied = (learned(one, 0.5, 1000) for one in (steady, disorder))
    assert trend.average(trend.correlations) > 0.5 > 2 * varied.average(varied.correlations)


def test_few_windows_leave_much_open() -> None:
    """The same variation seen in 4 windows and in 32: the fewer, the wider what the effect can be."""
    few, many = (learned(np.tile([[2.0], [-2.0]], (half, 1)), 0.5, 1000) for half in (2, 16))

    def spread(one: DesignEffect) -> float:
        logs = np.log1p(one.excess)
        return math.sqrt(one.average(np.square(logs - one.average(logs))))

    assert spread(few) > 2 * spread(many)


def test_one_window_says_nothing_of_the_variation_between_windows() -> None:
    """Fewer than two windows, or one group: rows are taken as independent."""
    assert evidence.effect_of_shares(np.array([[5, 5]])) is INDEPENDENT
    assert evidence.effect_of_shares(np.array([[5, 0], [7, 0]])) is INDEPENDENT
    assert curves.curve_effects(np.array([[5, 5]]), np.ones(1)).gap is INDEPENDENT
    assert curves.square_effect(np.array([[5, 5]]), np.ones(2), np.ones(2, dtype=np.bool_)) is INDEPENDENT
    assert INDEPENDENT.inflation(1000, 10) == pytest.approx([1])


def test_the_effect_grows_with_the_window() -> None:
    """Effect 3 at 101 rows: 1 + 2 * 9 / 100 at 10 rows; of 1,000 reference rows every one counts 3 times."""
    effect = alike(3, 101)
    assert effect.effects(10) == pytest.approx([1.18])
    assert effect.by_nature(1000, 10) == pytest.approx([0.18 / 10 + 2 / 1000])
    assert effect.inflation(1000, 10) == pytest.approx([(1.18 / 10 + 3 / 1000) / (1 / 10 + 1 / 1000)])


def test_a_window_of_several_reference_windows_averages_them() -> None:
    """Effect 3 at 101 rows stays 3 at 202 rows; with correlation 0.5 the mean of two varies (1 + 0.5) times as much."""
    plain, remembering = alike(3, 101), alike(3, 101, 0.5)
    assert [float(plain.effects(rows)[0]) for rows in (101, 202, 10_000)] == pytest.approx([3, 3, 3])
    assert remembering.effects(202) == pytest.approx([1 + 2 * 1.5])
    assert remembering.effects(303) == pytest.approx([1 + 2 * (3 + 2 * (2 * 0.5 + 0.25)) / 3])
    assert remembering.effects(51) == pytest.approx(plain.effects(51))


def test_memory_makes_the_reference_worth_less() -> None:
    """Two windows of the reference with correlation 0.5: their mean varies 1.5 times as much, so 1 + 2 * 1.5 each."""
    expected = (1.18 / 10 + 4 / 1000) / (1 / 10 + 1 / 1000)
    assert alike(3, 101, 0.5, windows=2).inflation(1000, 10) == pytest.approx([expected])


def test_strata_are_means_of_equally_likely_parts() -> None:
    """Effects 2 (a half), 4 and 8 (a quarter each), in any order: halves 2 and 6, quarters 2, 2, 4 and 8."""
    effect = DesignEffect(np.array([7.0, 1.0, 3.0]), np.zeros(3), np.array([0.25, 0.5, 0.25]), 10.0, 1)
    assert effect.strata(10, 2) == pytest.approx([2, 6])
    assert effect.strata(10, 4) == pytest.approx([2, 2, 4, 8])
    assert effect.mean == pytest.approx(4)
