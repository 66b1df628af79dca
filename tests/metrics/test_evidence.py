"""Evidence against enumeration, SciPy and simulation: the promised rate of false alarms is kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from aimsight.metrics import curves, evidence


def test_the_permutation_moments_are_those_of_all_tables() -> None:
    """Mean and variance of chi-square over every 2 x 3 table with margins (4, 5) and (2, 3, 4), enumerated."""
    column, n, m = np.array([2.0, 3.0, 4.0]), 4, 5
    values, weights = [], []
    for cells in itertools.product(range(3), range(4), range(5)):
        if sum(cells) == n:
            x = np.array(cells)
            values.append(float((np.square(x * m - (column - x) * n) / column).sum()) / (n * m))
            weights.append(math.prod(math.comb(int(c), int(k)) for c, k in zip(column, cells, strict=True)))
    mean = np.average(values, weights=weights)
    variance = np.average(np.square(np.array(values) - mean), weights=weights)
    assert mean == pytest.approx(9 * 2 / 8, rel=1e-12)
    assert evidence._permutation_variance(n, m, column) == pytest.approx(variance, rel=1e-12)


def test_with_many_rows_the_tail_is_that_of_chi_square() -> None:
    """Large counts: the p-value is SciPy's chi-square test of the two rows."""
    x, y = np.array([50_000, 30_000, 20_000]), np.array([24_800, 15_300, 9_900])
    expected = stats.chi2_contingency(np.array([x, y])).pvalue
    assert evidence.change_p_value(x, y) == pytest.approx(expected, rel=1e-3)


def test_a_few_missing_values_where_there_were_none_are_news() -> None:
    """0 of a million missing, then 3 of 100: 2 (100 / 1,000,100)^3 = 2e-12, although 0.0003 rows were expected."""
    p = evidence.change_p_value(np.array([1_000_000, 0]), np.array([97, 3]), alone=(1,))
    assert p == pytest.approx(2 * (100 / 1_000_100) ** 3, rel=1e-6)


def test_one_rare_row_is_no_news() -> None:
    """One row in a group that expects half a row: p is far from small."""
    assert evidence.change_p_value(np.array([9_990, 10]), np.array([499, 1]), alone=(1,)) > 0.3


def test_nothing_to_compare_is_no_evidence() -> None:
    """An empty side or a single group: p = 1."""
    assert evidence.change_p_value(np.array([5, 5]), np.array([0, 0])) == 1
    assert evidence.change_p_value(np.array([5, 0]), np.array([9, 0])) == 1


@pytest.mark.parametrize(("n", "m"), [(1000, 100), (5000, 5000), (300, 40)])
def test_kolmogorov_agrees_with_scipy(n: int, m: int) -> None:
    """Continuous values: SciPy's exact or asymptotic two-sample p-value, to the correction's accuracy."""
    rng = np.random.default_rng(n + m)
    for shift in (0.0, 0.1, 0.3):
        found = stats.ks_2samp(rng.normal(size=n), rng.normal(shift, size=m))
        p = curves.kolmogorov_p_value(float(found.statistic), n, m)
        assert p == pytest.approx(float(found.pvalue), rel=0.12, abs=2e-3)


def test_q_values_agree_with_scipy() -> None:
    """Benjamini-Hochberg in the given order; none for none."""
    p = [0.04, 0.001, 0.2, 0.03, 0.9]
    assert evidence.q_values(p) == pytest.approx(list(stats.false_discovery_control(p)), abs=1e-12)
    assert evidence.q_values([]) == []


def _curves(reference: NDArray[np.float64], window: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    points = np.union1d(reference, window)
    f = np.searchsorted(np.sort(reference), points, side="right") / reference.size
    g = np.searchsorted(np.sort(window), points, side="right") / window.size
    return f[:-1], g[:-1], np.diff(points)


FALSE_ALARMS = [(1000, 50), (1000, 100), (1001, 100), (5000, 50), (5000, 200), (5000, 1000), (300, 300), (1000, 20_000)]


@pytest.mark.parametrize(("n", "m"), FALSE_ALARMS)
@pytest.mark.parametrize("shares", ["equal", "skewed"])
def test_trap_e2_groups_keep_the_promised_false_alarms(n: int, m: int, shares: str) -> None:
    """Peers alarm in 0 to 98 % of quiet windows, jumping at 1,000 reference rows; we promise 5 % and give 2 to 7."""
    rng = np.random.default_rng(n + m)
    p = np.full(20, 0.05) if shares == "equal" else 1 / np.arange(1, 21) ** 2
    p = p / p.sum()
    alarms = sum(evidence.change_p_value(rng.multinomial(n, p), rng.multinomial(m, p)) <= 0.05 for _ in range(1000))
    assert 0.02 <= alarms / 1000 <= 0.07


@pytest.mark.parametrize(("n", "m"), [(1000, 50), (1001, 100), (1500, 1500), (300, 1000)])
@pytest.mark.parametrize("kind", ["normal", "lognormal", "cauchy", "counts"])
def test_trap_e2_area_and_gap_keep_the_promised_false_alarms(n: int, m: int, kind: str) -> None:
    """Wasserstein and KS on quiet windows of any shape: at most 9 % (5 promised); KS far fewer with tied values."""
    rng = np.random.default_rng(n + m)
    shapes: dict[str, Callable[[int], NDArray[np.float64]]] = {
        "normal": lambda size: rng.normal(size=size),
        "lognormal": lambda size: rng.lognormal(size=size),
        "cauchy": lambda size: rng.standard_cauchy(size=size),
        "counts": lambda size: rng.poisson(2, size=size).astype(float),
    }
    draw = shapes[kind]
    area = gap = 0
    for _ in range(300):
        f, g, widths = _curves(draw(n), draw(m))
        area += curves.area_p_value(f, g, widths, (n, m)) <= 0.05
        gap += curves.kolmogorov_p_value(float(np.abs(f - g).max()), n, m) <= 0.05
    assert 0.015 <= area / 300 <= 0.09
    assert gap / 300 <= 0.08


def test_trap_e6_one_far_value_is_no_evidence() -> None:
    """One value of 10,000 in 500 rows that are otherwise alike: a large area, and no evidence at all."""
    rng = np.random.default_rng(6)
    reference, window = rng.normal(size=20_000), rng.normal(size=500)
    window[0] = 1e4
    f, g, widths = _curves(reference, window)
    assert float(np.abs(f - g) @ widths) > 15
    assert curves.area_p_value(f, g, widths, (20_000, 500)) > 0.05


@pytest.mark.parametrize("windows", [8, 30])
def test_windows_that_differ_by_nature_raise_few_alarms(windows: int) -> None:
    """The level varies between windows: taken as independent they alarm in a third, with their effects in 12 %."""
    rng = np.random.default_rng(windows)
    edges = np.linspace(-3.2, 3.2, 65)
    widths = np.full(63, 0.1)
    naive = np.zeros(2)
    alarms = np.zeros(3)
    repetitions = 250

    def one() -> NDArray[np.int64]:
        values = np.clip(rng.normal(rng.normal() * 0.12, 1, size=500), -3.19, 3.19)
        return np.histogram(values, edges)[0].astype(np.int64)

    for _ in range(repetitions):
        parts = np.array([one() for _ in range(windows)])
        x, y = parts.sum(axis=0), one()
        n, m = int(x.sum()), int(y.sum())
        f, g = np.cumsum(x)[:-1] / n, np.cumsum(y)[:-1] / m
        gap = float(np.abs(f - g).max())
        grouped = parts.reshape(windows, 8, 8).sum(axis=2)
        effect, curve = evidence.effect_of_shares(grouped), curves.curve_effects(parts, widths)
        naive += [
            curves.kolmogorov_p_value(gap, n, m) <= 0.05,
            curves.area_p_value(f, g, widths, (n, m)) <= 0.05,
        ]
        alarms += [
            evidence.change_p_value(grouped.sum(axis=0), y.reshape(8, 8).sum(axis=1), effect) <= 0.05,
            curves.kolmogorov_p_value(gap, n, m, curve.gap) <= 0.05,
            curves.area_p_value(f, g, widths, (n, m), curve.area) <= 0.05,
        ]
    assert (naive / repetitions).min() > 0.2
    assert (alarms / repetitions).max() <= 0.12


def test_a_real_shift_is_found() -> None:
    """Half a standard deviation in 200 of 2,000 rows: every kind of evidence is strong."""
    rng = np.random.default_rng(1)
    f, g, widths = _curves(rng.normal(size=2000), rng.normal(0.5, size=200))
    assert curves.area_p_value(f, g, widths, (2000, 200)) < 1e-6
    assert curves.kolmogorov_p_value(float(np.abs(f - g).max()), 2000, 200) < 1e-6


def test_evidence_is_the_same_every_time() -> None:
    """No draws: the same counts give the same p-value, bit by bit."""
    x, y = np.array([400, 300, 2]), np.array([50, 60, 3])
    assert len({evidence.change_p_value(x, y) for _ in range(5)}) == 1


def test_a_window_of_rare_groups_only_has_their_evidence() -> None:
    """All 11 rows missing where none of 500 was: 2 (11 / 511)^11, although no row is left for the other groups."""
    p = evidence.change_p_value(np.array([250, 250, 0]), np.array([0, 0, 11]), alone=(2,))
    assert p == pytest.approx(2 * (11 / 511) ** 11, rel=1e-6)
