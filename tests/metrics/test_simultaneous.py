"""Simultaneous intervals of largest differences and smallest ratios: by hand, by brute force and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from aimsight.metrics import intervals
from aimsight.metrics.simultaneous import (
    largest_difference,
    largest_magnitude,
    means,
    of_pairs,
    positive_means,
    shares,
    smallest_ratio,
    student,
    with_all_rows,
    with_correlated,
    with_one,
)

X, N = np.array([10.0, 20.0, 40.0]), np.array([100.0, 100.0, 100.0])
Z2, Z3 = intervals.normal_quantile(2), intervals.normal_quantile(3)


def test_largest_difference_takes_every_pair_at_once() -> None:
    """Three groups by hand: Newcombe, lower ends at the quantile of three pairs and upper ends at that of one."""
    pairs, each = (
        [intervals.newcombe(a, 100, b, 100, z) for a, b in ((20, 10), (40, 10), (40, 20))] for z in (Z3, intervals.Z)
    )
    found = largest_difference([of_pairs(shares(X, N))])
    assert found.value == pytest.approx(0.3)
    assert found.interval.low == pytest.approx(max(p.low for p in pairs), abs=1e-12)
    assert found.interval.high == pytest.approx(max(p.high for p in each), abs=1e-12)
    assert (found.family, found.i, found.j) == (0, 0, 2)


def test_one_group_is_compared_with_fewer_pairs() -> None:
    """Against the second group there are two comparisons, so the quantile of the lower end is that of two."""
    found = largest_difference([with_one(shares(X, N), 1)])
    first, last = intervals.newcombe(10, 100, 20, 100, Z2), intervals.newcombe(40, 100, 20, 100, Z2)
    assert found.value == pytest.approx(0.2)
    assert found.interval.low == pytest.approx(max(last.low, -first.high, 0), abs=1e-12)
    first, last = intervals.newcombe(10, 100, 20, 100), intervals.newcombe(40, 100, 20, 100)
    assert found.interval.high == pytest.approx(max(last.high, -first.low), abs=1e-12)


def test_families_share_one_level() -> None:
    """Two rates of two groups: the lower end at the level of two pairs, and the more extreme family is named."""
    other = shares(np.array([50.0, 90.0]), np.array([100.0, 100.0]))
    found = largest_difference([of_pairs(shares(X[:2], N[:2])), of_pairs(other)])
    low, high = intervals.newcombe(90, 100, 50, 100, Z2).low, intervals.newcombe(90, 100, 50, 100).high
    assert found.family == 1
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-12)


def test_a_group_against_all_rows_goes_by_its_rest() -> None:
    """Group 30/100 of 90/400 rows: the rest is 60/300, so the gap is 3/4 of 0.3 - 0.2 and so is its interval."""
    side = with_all_rows(
        shares(np.array([30.0]), np.array([100.0])), shares(np.array([60.0]), np.array([300.0])), np.array([0.25])
    )
    found = largest_difference([side])
    around = intervals.newcombe(30, 100, 60, 300)
    assert found.value == pytest.approx(30 / 100 - 90 / 400)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.75 * around.low, 0.75 * around.high))
    ratio = smallest_ratio([side], folded=False)
    apart = intervals.ratio(30, 100, 60, 300)
    assert ratio is not None
    assert apart is not None
    assert ratio.value == pytest.approx(0.3 / 0.225)
    bounds = [r / (0.25 * r + 0.75) for r in (apart.low, apart.high)]
    assert (ratio.interval.low, ratio.interval.high) == pytest.approx(bounds)


def test_the_smallest_ratio_by_hand() -> None:
    """10/100, 20/100 and 40/100: the smallest ratio is 1/4; MOVER-R, its upper end at the quantile of three pairs."""
    found = smallest_ratio([of_pairs(shares(X, N))])
    each, pairs = (
        [intervals.ratio(a, 100, b, 100, z) for a, b in ((10, 40), (10, 20), (20, 40))] for z in (intervals.Z, Z3)
    )
    assert found is not None
    assert found.value == pytest.approx(0.25)
    assert found.interval.low == pytest.approx(min(p.low for p in each if p), abs=1e-12)
    assert found.interval.high == pytest.approx(min(1.0, *(p.high for p in pairs if p)), abs=1e-12)


def test_a_ratio_keeps_its_direction_when_asked() -> None:
    """40/100 over 20/100 is 2, not 1/2; over 0/100 it has no finite bound and is none."""
    both = shares(np.array([40.0, 20.0]), N[:2])
    found = smallest_ratio([with_one(both, 1)], folded=False)
    assert found is not None
    assert found.value == pytest.approx(2)
    assert found.interval.high > 2
    assert smallest_ratio([with_one(shares(np.array([40.0, 0.0]), N[:2]), 1)], folded=False) is None


def test_zero_over_zero_says_nothing() -> None:
    """Two groups without any success have no ratio; a third one with some makes the smallest ratio 0."""
    assert smallest_ratio([of_pairs(shares(np.zeros(2), N[:2]))]) is None
    found = smallest_ratio([of_pairs(shares(np.array([0.0, 0.0, 9.0]), N))])
    assert found is not None
    assert (found.value, found.interval.low) == (0, 0)
    assert 0 < found.interval.high < 1


def test_correlated_estimates_have_narrower_gaps() -> None:
    """MOVER with correlation 0.6, solved by hand: d -+ sqrt(a^2 + b^2 - 2 * 0.6 a b)."""
    first, second = shares(np.array([30.0]), np.array([100.0])), shares(np.array([90.0]), np.array([400.0]))
    found = largest_difference([with_correlated(first, second, np.array([0.6]))])
    one, all_rows = intervals.wilson(30, 100), intervals.wilson(90, 400)
    up, down = one.high - 0.3, 0.225 - all_rows.low
    assert found.interval.high == pytest.approx(0.075 + math.sqrt(up**2 + down**2 - 1.2 * up * down), abs=1e-12)


def test_the_ratio_bounds_solve_the_movers_equation_under_correlation() -> None:
    """A ratio R is a bound exactly when the MOVER bound of first - R second is 0 there, also with correlation."""
    (low1, high1), (low2, high2) = (0.2, 0.5), (0.5, 0.8)
    arrays = [np.array([x]) for x in (0.3, low1, high1, 0.6, low2, high2)]
    low, high = intervals.mover_ratio(arrays[0], (arrays[1], arrays[2]), arrays[3], (arrays[4], arrays[5]), 0.4)

    def lower(r: float) -> float:
        down, up = 0.3 - low1, r * (high2 - 0.6)
        return 0.3 - r * 0.6 - math.sqrt(down**2 + up**2 - 0.8 * down * up)

    def upper(r: float) -> float:
        up, down = high1 - 0.3, r * (0.6 - low2)
        return 0.3 - r * 0.6 + math.sqrt(up**2 + down**2 - 0.8 * up * down)

    assert low[0] == pytest.approx(optimize.brentq(lower, 0, 0.5), abs=1e-9)
    assert high[0] == pytest.approx(optimize.brentq(upper, 0.5, 5), abs=1e-9)


def test_equal_groups_keep_zero_in_the_interval_of_the_largest_gap() -> None:
    """The trap of the naive bootstrap of max - min: with equal groups its interval excludes 0; ours does not."""
    pairs = of_pairs(shares(np.array([30.0, 29.0, 31.0, 33.0, 27.0]), np.full(5, 100.0)))
    assert largest_difference([pairs]).interval.low == 0
    folded = smallest_ratio([pairs])
    assert folded is not None
    assert folded.interval.high == 1


@pytest.mark.parametrize("freedom", [1, 2, 5, 29, 1e6])
def test_student_quantiles_agree_with_scipy(freedom: float) -> None:
    """At the tail of any normal quantile, from one degree of freedom on."""
    for z in (1.96, 2.8, 4.5):
        found = float(student(np.array([freedom]), z)[0])
        assert found == pytest.approx(stats.t.isf(stats.norm.sf(z), freedom), rel=1e-9)


def test_the_largest_magnitude_covers_every_group() -> None:
    """Calibration gaps of three groups: the largest ends of Student intervals, the lower ones at the Šidák level."""
    values, errors = np.array([0.10, -0.20, 0.0]), np.array([0.02, 0.03, 0.05])
    half = stats.t.ppf(0.5 + 0.95 ** (1 / 3) / 2, [50, 60, 70]) * errors
    found = largest_magnitude(values, errors, np.array([50.0, 60.0, 70.0]))
    assert found.low == pytest.approx(0.20 - half[1], rel=1e-9)
    assert found.high == pytest.approx(0.20 + stats.t.ppf(0.975, 60) * 0.03, rel=1e-9)


@pytest.mark.parametrize("n", [30, 300, 30000])
@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.3, 0.5), (0.02, 0.1), (0.3, 0.3, 0.3, 0.3, 0.3)])
def test_gaps_and_ratios_cover_the_truth(n: int, rates: tuple[float, ...]) -> None:
    """A 95 % interval covers in at least 93 % (less chance); few rare rows and many groups cover more."""
    rng = np.random.default_rng(n)
    p, size, repetitions = np.array(rates), np.full(len(rates), float(n)), 600
    gaps = ratios = defined = 0
    for _ in range(repetitions):
        pairs = of_pairs(shares(rng.binomial(n, p).astype(float), size))
        gap = largest_difference([pairs]).interval
        gaps += gap.low <= np.ptp(p) <= gap.high
        ratio = smallest_ratio([pairs])
        if ratio is not None:
            defined += 1
            ratios += ratio.interval.low <= p.min() / p.max() <= ratio.interval.high
    assert gaps / repetitions >= 0.925
    assert ratios / defined >= 0.925
    if n == 30000 and len(rates) == 2:
        assert gaps / repetitions <= 0.98
        assert ratios / defined <= 0.98


@pytest.mark.parametrize("n", [30, 300, 30000])
@pytest.mark.parametrize("alike", [True, False])
def test_gaps_of_means_cover_the_truth(n: int, *, alike: bool) -> None:
    """Mean errors (normal) and their sizes of two groups, alike or not: at least 93 %, less chance."""
    rng = np.random.default_rng(n)
    spread, repetitions, hits = (1.0, 1.0 if alike else 1.5), 600, np.zeros(3)
    size = math.sqrt(2 / math.pi)
    freedoms = np.full(2, n - 1.0)
    for _ in range(repetitions):
        e = [rng.normal(0.2 * k * (not alike), s, n) for k, s in enumerate(spread)]
        values, errors = np.array([x.mean() for x in e]), np.array([x.std(ddof=1) / math.sqrt(n) for x in e])
        gap = largest_difference([of_pairs(means(values, errors, freedoms))]).interval
        hits[0] += gap.low <= 0.2 * (not alike) <= gap.high
        e = [np.abs(rng.normal(0, s, n)) for s in spread]
        values, errors = np.array([x.mean() for x in e]), np.array([x.std(ddof=1) / math.sqrt(n) for x in e])
        pairs = of_pairs(positive_means(values, errors, freedoms))
        gap, ratio = largest_difference([pairs]).interval, smallest_ratio([pairs])
        assert ratio is not None
        hits[1] += gap.low <= size * (spread[1] - spread[0]) <= gap.high
        hits[2] += ratio.interval.low <= spread[0] / spread[1] <= ratio.interval.high
    assert (hits / repetitions >= 0.925).all(), hits
    if not alike and n == 30000:
        assert (hits / repetitions <= 0.975).all(), hits
