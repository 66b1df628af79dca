"""All features at once: what no column shows, which columns it rests on, and encodings that outliers do not upset."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from aimsight.metrics import multivariate
from aimsight.metrics.registry import METRICS, Metric, find
from aimsight.metrics.samples import FARTHEST, SamplePair
from aimsight.metrics.values import Cause, Undefined, Value

CLASSIFIER, ERROR = METRICS["drift.domain_classifier_auc"], METRICS["drift.reconstruction_error_change"]
KINDS = {"a": "numeric", "b": "numeric", "c": "numeric", "k": "category"}


def rows(rng: np.random.Generator, n: int, *, shift: float = 0.0, together: float = 0.9) -> dict[str, NDArray[Any]]:
    """Two numbers that go together, one that does not, and a category."""
    a = rng.normal(shift, 1, n)
    b = together * (a - shift) + math.sqrt(1 - together**2) * rng.normal(size=n)
    return {"a": a, "b": b, "c": rng.normal(size=n), "k": rng.choice(list("xyz"), n).astype(object)}


def value_of(unit: Any, pair: SamplePair) -> Value:
    """Compute a metric that must have a value."""
    result = unit.compute(pair)
    assert isinstance(result, Value), result
    return result


def test_the_same_distribution_cannot_be_told_apart() -> None:
    """Two samples of one distribution: AUC near 0.5, error unchanged, no evidence."""
    rng = np.random.default_rng(2)
    pair = SamplePair(rows(rng, 800), rows(rng, 400), KINDS)
    found = value_of(CLASSIFIER, pair)
    assert found.value == pytest.approx(0.5, abs=0.06)
    assert (found.p_value or 0) > 0.05
    assert found.detail == ""
    change = value_of(ERROR, pair)
    assert change.value == pytest.approx(0, abs=0.1)
    assert (change.p_value or 0) > 0.05


def test_a_shift_is_found_and_its_column_named() -> None:
    """One column moved by one deviation: the AUC is near that of its values alone, and the detail names it first."""
    rng = np.random.default_rng(3)
    before, now = rows(rng, 1000), rows(rng, 600, shift=1.0)
    now["b"] = rows(rng, 600)["b"]
    found = value_of(CLASSIFIER, SamplePair(before, now, KINDS))
    alone = roc_auc_score(np.repeat([0, 1], [1000, 600]), np.concatenate([before["a"], now["a"]]))
    assert found.value > alone - 0.05
    assert (found.p_value or 1) < 1e-6
    assert found.detail.startswith("told apart by a (") or found.detail.startswith("told apart by b (")
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high


def test_columns_that_no_longer_go_together_are_found() -> None:
    """Every column as before, but two of them independent now: no column shows it, both metrics do."""
    rng = np.random.default_rng(4)
    before, now = rows(rng, 2000), rows(rng, 1000, together=0.0)
    for name in "abc":
        assert stats.ks_2samp(before[name], now[name]).pvalue > 0.001
    pair = SamplePair(before, now, KINDS)
    assert (value_of(CLASSIFIER, pair).p_value or 1) < 1e-6
    change = value_of(ERROR, pair)
    assert change.value > 0.05
    assert (change.p_value or 1) < 1e-4
    assert "most in" in change.detail


def test_the_reconstruction_error_is_that_of_scikit_learn() -> None:
    """Numbers only: the two fits' mean distances agree with scikit-learn's PCA on the same standardised halves."""
    rng = np.random.default_rng(5)
    kinds = dict.fromkeys("abc", "numeric")
    pair = SamplePair(rows(rng, 400), rows(rng, 200, together=0.3), kinds)
    reference, window, _ = pair.standardised
    half = np.arange(400) % 2 == 0
    here: list[NDArray[Any]] = []
    there: list[NDArray[Any]] = []
    for fitted in (half, ~half):
        fit = PCA(n_components=0.65, svd_solver="full").fit(reference[fitted])
        for side, out in ((reference[~fitted], here), (window, there)):
            out.append(np.linalg.norm(side - fit.inverse_transform(fit.transform(side)), axis=1))
    expected = np.mean(there) / np.mean(np.concatenate(here)) - 1
    assert value_of(ERROR, pair).value == pytest.approx(float(expected), rel=1e-9)


def test_trap_e6_one_far_row_is_no_drift() -> None:
    """One value of 1e9 and an infinite one change nothing: they are cut off, or read by trees."""
    rng = np.random.default_rng(6)
    before, now = rows(rng, 800), rows(rng, 400)
    now["a"][0], now["c"][1] = 1e9, math.inf
    pair = SamplePair(before, now, KINDS)
    assert np.abs(pair.standardised[1]).max() <= FARTHEST
    assert (value_of(CLASSIFIER, pair).p_value or 0) > 0.005
    assert (value_of(ERROR, pair).p_value or 0) > 0.005


def test_trap_e3_missing_values_are_drift() -> None:
    """Half of a column goes missing: peers drop such rows; both metrics see it."""
    rng = np.random.default_rng(7)
    before, now = rows(rng, 800), rows(rng, 400)
    now["c"][:200] = math.nan
    pair = SamplePair(before, now, KINDS)
    found = value_of(CLASSIFIER, pair)
    assert found.value > 0.7
    assert "told apart by c" in found.detail
    assert (value_of(ERROR, pair).p_value or 1) < 1e-6


def test_an_unseen_category_is_drift() -> None:
    """A third of the rows has a category that the reference never had."""
    rng = np.random.default_rng(8)
    before, now = rows(rng, 800), rows(rng, 400)
    now["k"][:130] = "new"
    found = value_of(CLASSIFIER, SamplePair(before, now, KINDS))
    assert found.value > 0.6
    assert "told apart by k" in found.detail


def test_standardising_by_hand() -> None:
    """Numbers by median and quartiles, categories as indicators of variance 1 together, missing as one more."""
    pair = SamplePair(
        {"a": np.array([0.0, 1.0, 2.0, 3.0, 4.0]), "k": np.array(["x", "x", "y", "y", None], dtype=object)},
        {"a": np.array([2.0, math.nan]), "k": np.array(["x", "z"], dtype=object)},
        {"a": "numeric", "k": "category"},
    )
    reference, window, owners = pair.standardised
    assert list(owners) == [0, 0, 1, 1, 1, 1]
    assert reference[:, 0] == pytest.approx((np.arange(5) - 2) / (2 / 1.349))
    assert list(window[:, 0]) == [0.0, 0.0]
    assert reference[:, 2:].var(axis=0).sum() == pytest.approx(1.0)
    assert list(window[:, 1]) == [0.0, 1.0]


def test_the_design_effect_widens_both() -> None:
    """Windows that vary four times as much as independent rows: half the z, wider intervals, the same values."""
    rng = np.random.default_rng(9)
    before, now = rows(rng, 800), rows(rng, 400, shift=0.4)
    for unit in (CLASSIFIER, ERROR):
        plain, wide = (value_of(unit, SamplePair(before, now, KINDS, inflation)) for inflation in (1.0, 4.0))
        assert plain.value == wide.value
        assert plain.interval is not None
        assert wide.interval is not None
        assert wide.interval.high - wide.interval.low > 1.7 * (plain.interval.high - plain.interval.low)
        assert stats.norm.isf((plain.p_value or 1) / 2) == pytest.approx(2 * stats.norm.isf((wide.p_value or 1) / 2))


def test_the_same_samples_give_the_same_result() -> None:
    """Everything random is seeded: bit by bit."""
    rng = np.random.default_rng(10)
    before, now = rows(rng, 300), rows(rng, 300)
    for unit in (CLASSIFIER, ERROR):
        assert unit.compute(SamplePair(before, now, KINDS)) == unit.compute(SamplePair(before, now, KINDS))


def test_what_cannot_be_compared_is_undefined() -> None:
    """Few rows, no rows, or no error left: the reason instead of a number."""
    rng = np.random.default_rng(11)
    few = SamplePair(rows(rng, 400), rows(rng, 99), KINDS)
    none = SamplePair(rows(rng, 400), rows(rng, 0), KINDS)
    for unit in (CLASSIFIER, ERROR):
        assert unit.compute(few) == Undefined(
            "fewer than 100 rows: 400 of the reference, 99 of the window", 99, Cause.TOO_FEW
        )
        assert unit.compute(none) == Undefined("no rows in the window")
    alone = SamplePair({"a": rng.normal(size=200)}, {"a": rng.normal(size=200)}, {"a": "numeric"})
    result = ERROR.compute(alone)
    assert isinstance(result, Undefined)
    assert "hold all variance" in result.reason


def test_the_share_of_variance_can_be_chosen() -> None:
    """With 95 % of the variance more components are kept."""
    rng = np.random.default_rng(12)
    pair = SamplePair(rows(rng, 400), rows(rng, 200), KINDS)
    few, many = (
        value_of(find(f"drift.reconstruction_error_change(variance={share})"), pair).detail for share in (0.3, 0.9)
    )
    assert int(few.split()[0]) < int(many.split()[0])


@pytest.mark.parametrize(("unit", "repetitions"), [(CLASSIFIER, 20), (ERROR, 200)], ids=["classifier", "error"])
def test_quiet_windows_raise_few_alarms(unit: Metric, repetitions: int) -> None:
    """5 % promised: 3 of 20 quiet windows alarm at most, or 20 of 200, with few rows and columns that are alike."""
    rng = np.random.default_rng(repetitions)
    alarms = sum(
        (value_of(unit, SamplePair(rows(rng, 150), rows(rng, 400), KINDS)).p_value or 1) <= 0.05
        for _ in range(repetitions)
    )
    assert alarms <= max(3, repetitions // 10)


def test_drivers_are_by_the_fall_of_the_auc() -> None:
    """The only column that differs makes all of the AUC above one half."""
    rng = np.random.default_rng(13)
    before, now = rows(rng, 600), rows(rng, 600)
    now["c"] = now["c"] + 2
    found = multivariate.separation(SamplePair(before, now, KINDS), list(KINDS))
    name, loss = found.drivers[0]
    assert name == "c"
    assert loss == pytest.approx(found.auc - 0.5, abs=0.08)
