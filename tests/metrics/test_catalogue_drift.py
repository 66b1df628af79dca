"""Drift distances: numbers worked out by hand, SciPy as oracle, and the traps that peers fall into."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from aimsight.metrics.inputs import ColumnBaseline, ColumnPair, coarse_groups
from aimsight.metrics.registry import METRICS
from aimsight.metrics.values import Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.metrics.plan import ColumnPlan
    from aimsight.tests.metrics.conftest import Counting

DRIFT = [name for name, unit in METRICS.items() if unit.kind == "distribution"]
ON_SHARES = [
    "psi",
    "jensen_shannon_distance",
    "jensen_shannon_divergence",
    "kl_divergence",
    "hellinger",
    "cramers_v",
    "total_variation",
    "l_infinity",
    "chi_square",
]
ON_CURVES = ["ks", "wasserstein_normed", "energy_distance", "cramer_von_mises", "anderson_darling"]
STATISTICS = {"drift.chi_square", "drift.anderson_darling"}
"""These grow with the rows: by n m / (n + m)."""


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
    """Reference 5 a, 3 b, 2 missing; window 2 a, 2 b, 1 unseen, 5 missing."""
    plan = counting.category("k", ("a", "b"))
    reference = ["a"] * 5 + ["b"] * 3 + [None] * 2
    return pair_of(counting, plan, reference, ["a"] * 2 + ["b"] * 2 + ["z"] + [None] * 5)


def test_psi_by_hand(categories: ColumnPair) -> None:
    """Half a row on each of four groups: p = (5.5, 3.5, 2.5, .5) / 12, q = (2.5, 2.5, 5.5, 1.5) / 12."""
    expected = sum((y - x) / 12 * math.log(y / x) for x, y in ((5.5, 2.5), (3.5, 2.5), (2.5, 5.5), (0.5, 1.5)))
    assert value_of("psi", categories).value == pytest.approx(expected, abs=1e-14)


def test_jensen_shannon_by_hand_and_by_scipy(categories: ColumnPair) -> None:
    """With p = (.5, .3, .2, 0), q = (.2, .2, .5, .1), no smoothing."""
    p, q = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.2, 0.2, 0.5, 0.1])
    found = value_of("jensen_shannon_distance", categories)
    assert found.value == pytest.approx(float(jensenshannon(p, q)), abs=1e-12)
    m = (p + q) / 2
    kl = [sum(a * math.log(a / b) for a, b in zip(x, m, strict=True) if a > 0) for x in (p, q)]
    assert found.value == pytest.approx(math.sqrt(sum(kl) / 2), abs=1e-12)


def test_missing_share_change_by_hand(categories: ColumnPair) -> None:
    """5 of 10 now, 2 of 10 before: + 0.3."""
    found = value_of("missing_share_change", categories)
    assert found.value == pytest.approx(0.3)
    assert found.n == 10


def test_gap_and_area_by_hand(counting: Counting) -> None:
    """Reference 0 1 2 3, window 2 3 4 5 (exact): gap 1/2 after 1; moved by 2 on average, deviation sqrt(1.25)."""
    reference, window = [0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0]
    pair = pair_of(counting, counting.numeric("x", reference), reference, window, exact=True)
    assert value_of("ks", pair).value == pytest.approx(0.5)
    assert value_of("wasserstein_normed", pair).value == pytest.approx(2 / math.sqrt(1.25), abs=1e-12)
    assert value_of("ks", pair).error_bound == value_of("wasserstein_normed", pair).error_bound == 0


SHAPES: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(sigma=1.5, size=n),
    "counts": lambda rng, n: rng.poisson(3, size=n).astype(float),
    "spike": lambda rng, n: np.where(rng.random(n) < 0.6, 0.0, rng.exponential(size=n)),
    "cauchy": lambda rng, n: rng.standard_cauchy(size=n),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_distances_agree_with_scipy_and_keep_their_error_bound(counting: Counting, shape: str, shift: float) -> None:
    """Exact mode equals SciPy; binned mode is off by at most the bound it states."""
    rng = np.random.default_rng(21)
    reference, window = SHAPES[shape](rng, 4000), SHAPES[shape](rng, 700) * (1 + shift) + shift
    plan = counting.numeric("x", reference)
    exact = pair_of(counting, plan, reference, window, exact=True)
    binned = pair_of(counting, plan, reference, window)
    gap = float(stats.ks_2samp(reference, window).statistic)
    area = float(stats.wasserstein_distance(reference, window)) / reference.std()
    assert value_of("ks", exact).value == pytest.approx(gap, abs=1e-12)
    assert value_of("wasserstein_normed", exact).value == pytest.approx(area, rel=1e-9)
    for name, truth in (("ks", gap), ("wasserstein_normed", area)):
        found = value_of(name, binned)
        assert abs(found.value - truth) <= found.error_bound + 1e-9, name
    if shape == "normal":
        assert value_of("wasserstein_normed", binned).error_bound < 0.01
        assert value_of("ks", binned).error_bound < 0.02


def test_psi_groups_are_tenths_of_the_reference(counting: Counting) -> None:
    """A smooth column has ten groups of about a tenth; then missing and non-finite."""
    reference = np.arange(10_000) / 10_000
    plan = counting.numeric("x", reference)
    counts = counting.column(plan, reference).counts
    groups = coarse_groups(plan.cells, counts)
    shares = np.bincount(groups, weights=counts)
    assert shares.size == 12
    assert shares[:10] == pytest.approx(np.full(10, 1000), abs=12)
    assert list(groups[-2:]) == [10, 11]


def test_a_repeated_value_is_a_group_of_its_own(counting: Counting) -> None:
    """A flag that was 0 or 1 becomes 0 or 7: PSI sees it, although 7 lies beyond everything known."""
    reference = np.tile([0.0, 1.0], 500)
    pair = pair_of(counting, counting.numeric("x", reference), reference, np.tile([0.0, 7.0], 100))
    assert value_of("psi", pair).value > 2


def test_a_constant_column_that_stays_constant_has_not_drifted(counting: Counting) -> None:
    """Constant: PSI and Jensen-Shannon 0 without evidence, Wasserstein undefined (no deviation); a change is seen."""
    reference = np.full(500, 3.0)
    plan = counting.numeric("x", reference)
    same, changed = (pair_of(counting, plan, reference, np.full(100, x)) for x in (3.0, 9.0))
    assert (value_of("psi", same).value, value_of("psi", same).p_value) == (0, 1)
    assert value_of("jensen_shannon_distance", same).value == 0
    assert isinstance(METRICS["drift.wasserstein_normed"].compute(same), Undefined)
    assert value_of("psi", changed).value > 5
    assert (value_of("psi", changed).p_value or 1) < 1e-12


@pytest.mark.parametrize("metric", DRIFT)
def test_the_same_distribution_is_no_drift(counting: Counting, metric: str) -> None:
    """Identical counts: distance exactly 0 and not the least evidence."""
    values = [*np.random.default_rng(2).normal(size=300), math.nan, math.inf]
    found = value_of(metric.removeprefix("drift."), pair_of(counting, counting.numeric("x", values), values, values))
    assert found.value == 0
    assert (found.p_value or 0) > 0.9
    assert found.interval is not None
    assert found.interval.low <= 0 <= found.interval.high


@pytest.mark.parametrize("metric", [*ON_SHARES, *ON_CURVES])
def test_distances_grow_with_the_shift(counting: Counting, metric: str) -> None:
    """A growing shift gives growing distances and shrinking p-values."""
    rng = np.random.default_rng(4)
    reference, window = rng.normal(size=5000), rng.normal(size=1000)
    plan = counting.numeric("x", reference)
    found = [value_of(metric, pair_of(counting, plan, reference, window + shift)) for shift in (0, 0.2, 0.5, 1, 2)]
    assert [one.value for one in found] == sorted(one.value for one in found)
    assert [one.p_value or 0 for one in found] == sorted((one.p_value or 0 for one in found), reverse=True)


def test_trap_e3_values_that_go_missing_are_drift(counting: Counting) -> None:
    """60 % of a column becomes missing: peers drop them, see 0.013 and no drift; every distance on shares sees it."""
    rng = np.random.default_rng(3)
    reference, window = rng.normal(size=5000), rng.normal(size=5000)
    window[rng.random(5000) < 0.6] = math.nan
    pair = pair_of(counting, counting.numeric("x", reference), reference, window)
    assert value_of("psi", pair).value > 1
    assert value_of("jensen_shannon_distance", pair).value > 0.4
    assert value_of("missing_share_change", pair).value == pytest.approx(0.6, abs=0.03)
    assert value_of("total_variation", pair).value == pytest.approx(0.6, abs=0.03)
    assert value_of("l_infinity", pair).value == pytest.approx(0.6, abs=0.03)
    for metric in (*ON_SHARES, "missing_share_change"):
        found = value_of(metric, pair)
        assert (found.p_value or 1) < 1e-12
        assert found.interval is not None
        assert found.interval.low > 0.2, metric
    assert (value_of("ks", pair).p_value or 0) > 0.001  # of the values that are left


def test_trap_e4_an_all_null_column_is_undefined(counting: Counting) -> None:
    """All null on both sides: undefined with the reason; null against values is the largest drift there is."""
    null, values = np.full(200, math.nan), np.random.default_rng(1).normal(size=200)
    both = pair_of(counting, counting.numeric("x", null), null, null)
    for metric in ON_SHARES:
        result = METRICS[f"drift.{metric}"].compute(both)
        assert result == Undefined("every value is missing, in the reference and in the window", 200)
    for metric in ON_CURVES:
        assert METRICS[f"drift.{metric}"].compute(both) == Undefined("no finite values in the window", 200)
    emptied = pair_of(counting, counting.numeric("x", values), values, null)
    assert value_of("jensen_shannon_distance", emptied).value == pytest.approx(math.sqrt(math.log(2)), abs=1e-9)


def test_trap_e5_one_outlier_hides_no_shift(counting: Counting) -> None:
    """A shift of one deviation with one value of 10,000 in 5,000 rows: peers drop from 1.0 to 0.00007; ours stays."""
    rng = np.random.default_rng(5)
    reference, window = rng.normal(size=5000), rng.normal(1, size=5000)
    clean = pair_of(counting, counting.numeric("x", reference), reference, window)
    for side in (0, 1):
        dirty = [reference.copy(), window.copy()]
        dirty[side][0] = 1e4
        spoiled = pair_of(counting, counting.numeric("x", dirty[0]), dirty[0], dirty[1])
        for metric in (*ON_SHARES, "ks", "cramer_von_mises", "anderson_darling"):
            assert value_of(metric, spoiled).value == pytest.approx(value_of(metric, clean).value, rel=0.02), metric


def test_values_too_far_for_an_energy_have_a_reason(counting: Counting) -> None:
    """A value of 1e300 among others near 0: its distance has no square, and that is said; 1e100 has one."""
    near = np.linspace(-1, 1, 200)
    for far, reason in ((1e300, "more than 1e+140 standard deviations"), (1e100, "")):
        pair = pair_of(counting, counting.numeric("x", near), near, np.append(near, far), exact=True)
        found = METRICS["drift.energy_distance"].compute(pair)
        assert isinstance(found, Undefined) == bool(reason), found
        assert not isinstance(found, Undefined) or reason in found.reason


def test_trap_e6_one_outlier_is_no_evidence_of_drift(counting: Counting) -> None:
    """No shift and one value of 10,000: the distance is large as it must be, but no evidence."""
    rng = np.random.default_rng(6)
    reference, window = rng.normal(size=5000), rng.normal(size=5000)
    window[0] = 1e4
    found = value_of("wasserstein_normed", pair_of(counting, counting.numeric("x", reference), reference, window))
    assert found.value == pytest.approx(2.0, rel=0.1)
    assert found.interval is not None
    assert found.interval.low == 0
    assert (found.p_value or 0) > 0.05
    for metric in ("psi", *ON_CURVES):
        one = value_of(metric, pair_of(counting, counting.numeric("x", reference), reference, window))
        assert (one.p_value or 0) > 0.05


def test_values_beyond_all_cells_need_exact_drift(counting: Counting) -> None:
    """1e300 among values near 1: cells cannot bound its distance, so binned Wasserstein is undefined; exact is not."""
    reference = np.random.default_rng(7).normal(size=500)
    window = np.append(reference, 1e300)
    plan = counting.numeric("x", reference)
    result = METRICS["drift.wasserstein_normed"].compute(pair_of(counting, plan, reference, window))
    assert isinstance(result, Undefined)
    assert "exact" in result.reason
    assert value_of("wasserstein_normed", pair_of(counting, plan, reference, window, exact=True)).value > 1e290
    assert value_of("ks", pair_of(counting, plan, reference, window)).value < 0.01


@pytest.mark.parametrize("metric", DRIFT)
def test_no_rows_on_a_side_is_undefined(counting: Counting, metric: str) -> None:
    """An empty reference or window is never "no drift"."""
    plan = counting.numeric("x", [1.0, 2.0, 3.0])
    some: NDArray[np.float64] = np.array([1.0, 2.0])
    empty: NDArray[np.float64] = np.array([])
    assert METRICS[metric].compute(pair_of(counting, plan, some, empty)) == Undefined("no rows in the window")
    assert METRICS[metric].compute(pair_of(counting, plan, empty, some)) == Undefined("no rows in the reference", 2)


@pytest.mark.parametrize(("n", "m"), [(1000, 300), (300, 300), (20_000, 30_000)])
def test_the_intervals_of_distances_cover_the_truth(counting: Counting, n: int, m: int) -> None:
    """A real shift with more missing values: coverage of at least 93 % less chance; KS's band is wider by design."""
    rng = np.random.default_rng(n + m)

    def draw(size: int, shift: float, missing: float) -> NDArray[np.float64]:
        values = rng.normal(shift, 1 + shift / 3, size=size)
        values[rng.random(size) < missing] = math.nan
        return values

    truth_reference = draw(400_000, 0, 0.02)
    plan = counting.numeric("x", truth_reference)
    whole = pair_of(counting, plan, truth_reference, draw(400_000, 0.3, 0.06))
    # a statistic is about so many rows on either side, and is 400,000 times as large with 400,000 times as many
    scaled = ColumnPair(
        ColumnBaseline(plan, whole.base.counts * n, whole.base.groups, whole.base.grouped * n), whole.counts * m
    )
    hits, repetitions = dict.fromkeys(DRIFT, 0), 150
    for _ in range(repetitions):
        counts = counting.column(plan, draw(n, 0, 0.02)).counts
        grouped = np.zeros(whole.base.grouped.size, dtype=np.int64)
        np.add.at(grouped, whole.base.groups, counts)
        base = ColumnBaseline(plan, counts, whole.base.groups, grouped)  # the groups of the truth
        pair = ColumnPair(base, counting.column(plan, draw(m, 0.3, 0.06)).counts)
        for metric in DRIFT:
            found = METRICS[metric].compute(pair)
            truth = METRICS[metric].compute(scaled if metric in STATISTICS else whole)
            assert isinstance(found, Value)
            assert isinstance(truth, Value)
            assert found.interval is not None
            true = truth.value / (400_000 if metric in STATISTICS else 1)
            hits[metric] += found.interval.low <= true <= found.interval.high
    assert min(hits.values()) / repetitions >= 0.88, hits
