"""The other distances and tests of drift: by hand, and against SciPy, scikit-learn's neighbours and evidently."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, stats

from aimsight.metrics import curves
from aimsight.metrics.distances import biased_interval
from aimsight.metrics.inputs import ColumnBaseline, ColumnPair
from aimsight.metrics.registry import METRICS
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.metrics.plan import ColumnPlan
    from aimsight.tests.metrics.conftest import Counting

SHAPES: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(sigma=1.5, size=n),
    "counts": lambda rng, n: rng.poisson(3, size=n).astype(float),
    "spike": lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.exponential(size=n)),
}


def pair_of(counting: Counting, plan: ColumnPlan, reference: Any, window: Any, *, exact: bool = False) -> ColumnPair:
    """One column of reference and window, counted."""
    counts = counting.column(plan, reference).counts
    base = ColumnBaseline.of(plan, counts, values=counting.values(reference) if exact else None)
    return ColumnPair(base, counting.column(plan, window).counts, counting.values(window) if exact else None)


def value_of(metric: str, pair: ColumnPair) -> Value:
    """Compute a metric that must have a value."""
    result = METRICS[f"drift.{metric}"].compute(pair)
    assert isinstance(result, Value), result
    return result


@pytest.fixture
def categories(counting: Counting) -> ColumnPair:
    """Reference 5 a, 3 b, 2 missing; window 2 a, 2 b, 1 unseen, 5 missing: p = .5 .3 .2 0, q = .2 .2 .5 .1."""
    plan = counting.category("k", ("a", "b"))
    reference = ["a"] * 5 + ["b"] * 3 + [None] * 2
    return pair_of(counting, plan, reference, ["a"] * 2 + ["b"] * 2 + ["z"] + [None] * 5)


def test_shares_by_hand(categories: ColumnPair) -> None:
    """Differences .3 .1 .3 .1: total variation .4, largest .3; the other distances from their definitions."""
    p, q = [0.5, 0.3, 0.2, 0.0], [0.2, 0.2, 0.5, 0.1]
    assert value_of("total_variation", categories).value == pytest.approx(0.4)
    assert value_of("l_infinity", categories).value == pytest.approx(0.3)
    affinity = sum(math.sqrt(a * b) for a, b in zip(p, q, strict=True))
    assert value_of("hellinger", categories).value == pytest.approx(math.sqrt(1 - affinity), abs=1e-12)
    square = 0.09 / 1.4 + 0.01 / 1.0 + 0.09 / 1.4 + 0.01 / 0.2
    assert value_of("cramers_v", categories).value == pytest.approx(math.sqrt(square), abs=1e-12)
    smoothed = ((5.5, 2.5), (3.5, 2.5), (2.5, 5.5), (0.5, 1.5))
    kl = sum(y / 12 * math.log(y / x) for x, y in smoothed)
    assert value_of("kl_divergence", categories).value == pytest.approx(kl, abs=1e-12)
    distance = value_of("jensen_shannon_distance", categories).value
    assert value_of("jensen_shannon_divergence", categories).value == pytest.approx(distance**2, abs=1e-12)


def test_both_directions_of_kl_make_psi(counting: Counting) -> None:
    """PSI is KL of the window from the reference plus KL the other way round, when both have as many rows."""
    plan = counting.category("k", ("a", "b", "c"))
    x, y = ["a"] * 50 + ["b"] * 30 + ["c"] * 20, ["a"] * 30 + ["b"] * 30 + ["c"] * 40
    there, back = pair_of(counting, plan, x, y), pair_of(counting, plan, y, x)
    both = value_of("kl_divergence", there).value + value_of("kl_divergence", back).value
    assert value_of("psi", there).value == pytest.approx(both, abs=1e-12)


def test_chi_square_and_cramers_v_agree_with_scipy(counting: Counting) -> None:
    """Unequal numbers: SciPy's statistic and p-value; equal numbers: SciPy's association is our Cramér's V."""
    plan = counting.category("k", ("a", "b", "c"))

    def rows(*counts: int) -> list[str]:
        return [name for name, count in zip("abc", counts, strict=True) for _ in range(count)]

    pair = pair_of(counting, plan, rows(5000, 3000, 2000), rows(520, 270, 210))
    oracle = stats.chi2_contingency(np.array([[5000, 3000, 2000], [520, 270, 210]]))
    assert value_of("chi_square", pair).value == pytest.approx(float(oracle.statistic), rel=1e-12)
    assert value_of("chi_square", pair).p_value == pytest.approx(float(oracle.pvalue), rel=2e-2)
    equal = pair_of(counting, plan, rows(500, 300, 200), rows(400, 350, 250))
    association = stats.contingency.association(np.array([[500, 300, 200], [400, 350, 250]]), method="cramer")
    assert value_of("cramers_v", equal).value == pytest.approx(float(association), rel=1e-12)


def test_distances_on_shares_agree_with_evidently(counting: Counting) -> None:
    """Two categories without missing values: evidently's Hellinger, total variation and KL (smoothing apart)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # evidently's own imports are out of date
        from evidently.legacy.calculations.stattests.hellinger_distance import _hellinger_distance
        from evidently.legacy.core import ColumnType

    x, y = ["a"] * 700 + ["b"] * 300, ["a"] * 450 + ["b"] * 550
    pair = pair_of(counting, counting.category("k", ("a", "b")), x, y)
    theirs, _ = _hellinger_distance(pd.Series(x), pd.Series(y), ColumnType.Categorical, 0.1)
    assert value_of("hellinger", pair).value == pytest.approx(theirs, abs=1e-9)
    kl = float(stats.entropy([0.45, 0.55], [0.7, 0.3]))
    assert value_of("kl_divergence", pair).value == pytest.approx(kl, rel=5e-3)


def test_curves_by_hand(counting: Counting) -> None:
    """Reference 0 1 2 3, window 2 3 4 5 (exact): gaps 1/4 1/2 1/2 1/2 1/4, pooled 1 1 2 2 1 1 of 8, deviation 1.118."""
    reference, window = [0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0]
    pair = pair_of(counting, counting.numeric("x", reference), reference, window, exact=True)
    squares = [1 / 16, 1 / 4, 1 / 4, 1 / 4, 1 / 16]
    weights = [1 / 8, 1 / 8, 2 / 8, 2 / 8, 1 / 8]
    level = [1 / 8, 2 / 8, 4 / 8, 6 / 8, 7 / 8]
    mises = sum(s * w for s, w in zip(squares, weights, strict=True))
    darling = 2 * sum(s * w / (h * (1 - h)) for s, w, h in zip(squares, weights, level, strict=True))
    assert value_of("cramer_von_mises", pair).value == pytest.approx(mises, abs=1e-12)
    assert value_of("anderson_darling", pair).value == pytest.approx(darling, abs=1e-12)
    assert value_of("energy_distance", pair).value == pytest.approx(math.sqrt(2 * sum(squares) / math.sqrt(1.25)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.4])
def test_curves_agree_with_scipy_and_keep_their_error_bound(counting: Counting, shape: str, shift: float) -> None:
    """Exact mode equals SciPy's energy distance and criterion T (no ties); binned mode is off by its bound at most."""
    rng = np.random.default_rng(22)
    reference, window = SHAPES[shape](rng, 4000), SHAPES[shape](rng, 700) * (1 + shift) + shift
    plan = counting.numeric("x", reference)
    exact = pair_of(counting, plan, reference, window, exact=True)
    binned = pair_of(counting, plan, reference, window)
    energy = float(stats.energy_distance(reference, window)) / math.sqrt(reference.std())
    assert value_of("energy_distance", exact).value == pytest.approx(energy, rel=1e-9)
    if np.unique(np.concatenate([reference, window])).size == 4700:
        criterion = float(stats.cramervonmises_2samp(reference, window, method="asymptotic").statistic)
        mises = value_of("cramer_von_mises", exact).value
        assert mises * 4000 * 700 / 4700 == pytest.approx(criterion, rel=1e-9, abs=1e-9)
    for name in ("energy_distance", "cramer_von_mises", "anderson_darling"):
        truth, found = value_of(name, exact).value, value_of(name, binned)
        assert value_of(name, exact).error_bound == 0
        assert abs(found.value - truth) <= found.error_bound + 1e-9, name
        assert found.value == pytest.approx(truth, rel=0.05, abs=0.06 if name == "anderson_darling" else 2e-3), name


def test_anderson_darling_agrees_with_scipy(counting: Counting) -> None:
    """SciPy standardises the same statistic by its exact mean 1 and deviation: the same tail within its table."""
    rng = np.random.default_rng(8)
    for shift in (0.05, 0.1, 0.15):
        reference, window = rng.normal(size=900), rng.normal(shift, 1.1, size=700)
        pair = pair_of(counting, counting.numeric("x", reference), reference, window, exact=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its table of p-values ends at 0.001, and its arguments change names
            theirs = stats.anderson_ksamp([reference, window], midrank=False)
        found = value_of("anderson_darling", pair)
        assert (found.value - 1) / 0.76 == pytest.approx(float(theirs.statistic), abs=0.05)
        if 0.001 < theirs.pvalue < 0.25:
            assert found.p_value == pytest.approx(float(theirs.pvalue), rel=0.25)


@pytest.mark.parametrize(("n", "m"), [(1000, 100), (5000, 5000), (300, 40)])
def test_the_law_of_squared_gaps_agrees_with_the_tables(n: int, m: int) -> None:
    """Continuous values: the tabled tail of the Cramér-von Mises criterion (Anderson and Darling 1952), from 0.5 on."""
    level = np.arange(1, n + m) / (n + m)
    law = curves.square_law(level, np.full(n + m - 1, 1 / (n + m)))
    assert law.mean == pytest.approx(1 / 6, rel=0.01)
    for criterion, tail in ((0.11888, 0.5), (0.34730, 0.1), (0.46136, 0.05), (0.74346, 0.01), (1.16786, 0.001)):
        assert law.p_value(criterion * (1 / n + 1 / m), (n, m)) == pytest.approx(tail, rel=0.1)


@pytest.mark.parametrize("name", ["energy_distance", "cramer_von_mises", "anderson_darling"])
@pytest.mark.parametrize("shape", SHAPES)
def test_trap_e2_squared_gaps_keep_the_promised_false_alarms(counting: Counting, name: str, shape: str) -> None:
    """Quiet windows of 60 rows against 1,500, ties and spikes too: 5 % promised, 2 to 9 % given."""
    rng = np.random.default_rng(12)
    plan = counting.numeric("x", SHAPES[shape](rng, 20_000))
    alarms = 0
    for _ in range(250):
        pair = pair_of(counting, plan, SHAPES[shape](rng, 1500), SHAPES[shape](rng, 60))
        alarms += (value_of(name, pair).p_value or 1) <= 0.05
    assert 0.015 <= alarms / 250 <= 0.09


@pytest.mark.parametrize("name", ["energy_distance", "cramer_von_mises", "anderson_darling", "cramers_v", "hellinger"])
def test_windows_that_differ_by_nature_raise_few_alarms(counting: Counting, name: str) -> None:
    """Twelve reference windows whose level varies: taken as independent a fifth alarms, with their effect 12 %."""
    rng = np.random.default_rng(13)
    plan = counting.numeric("x", rng.normal(size=20_000))
    naive = alarms = 0

    def one() -> NDArray[np.int64]:
        return counting.column(plan, rng.normal(0.12 * rng.normal(), 1, size=500)).counts

    for _ in range(200):
        parts, window = [one() for _ in range(12)], one()
        counts = np.sum(parts, axis=0)
        alarms += (value_of(name, ColumnPair(ColumnBaseline.of(plan, counts, parts), window)).p_value or 1) <= 0.05
        naive += (value_of(name, ColumnPair(ColumnBaseline.of(plan, counts), window)).p_value or 1) <= 0.05
    assert naive / 200 > 0.2
    assert alarms / 200 <= 0.12


@settings(max_examples=40)
@given(data=st.data())
def test_distances_keep_their_order(counting: Counting, data: st.DataObject) -> None:
    """Inequalities that hold between distances: Hellinger and Jensen-Shannon bound total variation, which bounds L∞."""
    plan = counting.category("k", ("a", "b", "c"))
    counts = [np.array(data.draw(st.lists(st.integers(0, 60), min_size=5, max_size=5))) for _ in range(2)]
    if not all(int(side[[0, 1, 2, 4]].sum()) for side in counts):
        return
    pair = ColumnPair(ColumnBaseline.of(plan, counts[0]), counts[1])
    variation, hellinger = value_of("total_variation", pair).value, value_of("hellinger", pair).value
    assert hellinger**2 - 1e-9 <= variation <= hellinger * math.sqrt(2) + 1e-9
    assert value_of("l_infinity", pair).value <= variation + 1e-9
    assert value_of("cramers_v", pair).value ** 2 <= variation + 1e-9
    assert value_of("jensen_shannon_divergence", pair).value <= variation * math.log(2) + 1e-9


@pytest.mark.parametrize("freedom", [1, 2, 9, 20])
@pytest.mark.parametrize("beyond", [0, 5, 15, 40, 200])
def test_distances_like_sums_of_squares_are_bounded_as_noncentral_chi_square(freedom: int, beyond: int) -> None:
    """Of a chi-square seen, the greatest noncentrality that 2.5 % would still fall below; and none above the least."""
    seen = freedom + beyond
    found = biased_interval(seen, freedom, 4 * seen, 2 * freedom, "")
    most = optimize.brentq(lambda far: stats.ncx2.cdf(seen, freedom, far) - 0.025, 1e-9, 3 * seen + 60)
    assert found.high == pytest.approx(max(most, seen), rel=0.1)  # it holds the value itself
    assert stats.ncx2.sf(seen, freedom, max(found.low, 1e-9)) <= 0.025 or found.low == 0
