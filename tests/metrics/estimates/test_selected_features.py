"""Which rows got labels, by feature: what differs is named, what does not is left alone, and the counts are SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from aimsight.metrics.estimates.selected_features import by_feature
from aimsight.metrics.registry import METRICS
from aimsight.metrics.samples import SamplePair
from aimsight.metrics.values import Cause, Result, Undefined, Value

UNIT = METRICS["quality.label_selection_features"]
KINDS = {"age": "numeric", "income": "numeric", "region": "category"}


def pair(rng: np.random.Generator, n: int, chance: str = "all") -> SamplePair:
    """Rows of which two fifths have labels: by chance, or more of the old, of one region, or of unknown income."""
    rows: dict[str, NDArray[Any]] = {
        "age": rng.normal(40, 10, n),
        "income": np.where(rng.random(n) < 0.2, np.nan, rng.lognormal(10, 1, n)),
        "region": rng.choice(["north", "south", "east"], n).astype(object),
    }
    rows["region"][rng.random(n) < 0.1] = None
    likely = {
        "all": np.full(n, 0.4),
        "age": np.where(rows["age"] > 40, 0.6, 0.2),
        "income": np.where(np.isnan(rows["income"]), 0.8, 0.3),
        "region": np.where(rows["region"] == "south", 0.7, 0.25),
    }[chance]
    return SamplePair({name: side[:0] for name, side in rows.items()}, rows, KINDS, labelled=rng.random(n) < likely)


def value_of(result: Result) -> Value:
    """A result that must be a value."""
    assert isinstance(result, Value), result
    return result


@pytest.mark.parametrize("name", ["age", "income", "region"])
def test_the_feature_that_labels_depend_on_is_named(name: str) -> None:
    """Labels that come more often for the old, for unknown incomes or in the south: that feature alone is named."""
    found = value_of(UNIT.compute(pair(np.random.default_rng(4), 2000, name)))
    assert found.detail.startswith(f"1 of 3 features differ: {name} (")
    assert (found.p_value or 1) < 1e-6
    assert found.value > 0.1


def test_distances_and_evidence_by_hand() -> None:
    """Numbers: SciPy's KS of labelled rows and all; categories: half the differences of shares."""
    drawn = pair(np.random.default_rng(7), 600, "age")
    assert drawn.labelled is not None
    age, region = drawn.window["age"], drawn.window["region"].astype(str)
    found = {one.name: one for one in by_feature(drawn, drawn.labelled)}
    assert found["age"].distance == pytest.approx(float(stats.ks_2samp(age[drawn.labelled], age).statistic))
    expected = float(stats.ks_2samp(age[drawn.labelled], age[~drawn.labelled], method="asymp").pvalue)
    assert found["age"].p_value == pytest.approx(2 * expected, rel=0.5)
    shares = [
        np.array([(side == one).mean() for one in np.unique(region)]) for side in (region[drawn.labelled], region)
    ]
    assert found["region"].distance == pytest.approx(float(np.abs(shares[0] - shares[1]).sum()) / 2)
    p = [found[name].p_value for name in KINDS]
    assert [found[name].q_value for name in KINDS] == pytest.approx(list(stats.false_discovery_control(p)))


def test_labels_left_to_chance_keep_the_promised_rate() -> None:
    """300 windows in which labels come by chance: at most 8 % have a p-value below 0.05, and none is without value."""
    rng = np.random.default_rng(11)
    found = [value_of(UNIT.compute(pair(rng, 400))) for _ in range(300)]
    assert np.mean([(one.p_value or 1) <= 0.05 for one in found]) <= 0.08


def test_too_few_rows_on_a_side() -> None:
    """No or few labels, or few rows without one: no value; labels for all rows: nothing was selected."""
    drawn = pair(np.random.default_rng(1), 100)
    for labels in (0, 4, 96):
        few = SamplePair(drawn.reference, drawn.window, KINDS, labelled=np.arange(100) < labels)
        result = UNIT.compute(few)
        assert isinstance(result, Undefined)
        assert result.cause is Cause.TOO_FEW
        assert f"{labels} rows of the sample have a label and {100 - labels} have none" in result.reason
    every = value_of(UNIT.compute(SamplePair(drawn.reference, drawn.window, KINDS, labelled=np.ones(100, bool))))
    assert (every.value, every.p_value) == (0.0, 1.0)
    assert isinstance(UNIT.compute(SamplePair(drawn.reference, drawn.window, KINDS)), Undefined)


def test_a_column_of_missing_values_or_one_value_says_nothing() -> None:
    """Constant and empty columns: distance 0, no evidence, no error."""
    nothing: dict[str, NDArray[Any]] = {
        "age": np.full(100, np.nan),
        "income": np.full(100, np.inf),
        "region": np.full(100, None, dtype=object),
    }
    labelled = np.arange(100) % 2 == 0
    found = by_feature(SamplePair(nothing, nothing, KINDS), labelled)
    assert [(one.distance, one.p_value) for one in found] == [(0.0, 1.0)] * 3
