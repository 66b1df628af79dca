"""Fairness metrics: numbers worked out by hand, and fairlearn as oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fairlearn.metrics as oracle
import numpy as np
import pytest

from aimsight.metrics import intervals
from aimsight.metrics.registry import METRICS
from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics
from aimsight.metrics.values import ALL_ROWS, Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

FAIRNESS = [name for name in METRICS if name.startswith("fairness.")]


def group(tp: int, fp: int, fn: int, tn: int) -> SegmentStatistics:
    """A fully labelled group from its confusion matrix."""
    n = tp + fp + fn + tn
    return SegmentStatistics(rows=n, labelled=n, binary=BinaryCounts(n, tp + fp, tp, fp, fn, tn))


def value_of(metric: str, groups: dict[str, SegmentStatistics]) -> Value:
    """Compute a metric that must have a value."""
    result = METRICS[f"fairness.{metric}"].compute(groups)
    assert isinstance(result, Value), result
    return result


# selected / n: F 40/100, M 60/100; recall: F 30/40, M 45/50; false positive rate: F 10/60, M 15/50
GROUPS = {"F": group(30, 10, 10, 50), "M": group(45, 15, 5, 35)}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("demographic_parity_difference", 0.2),  # 0.6 - 0.4
        ("demographic_parity_ratio", 2 / 3),  # 0.4 / 0.6
        ("equal_opportunity_difference", 0.15),  # 0.9 - 0.75
        ("equal_opportunity_ratio", 5 / 6),  # 0.75 / 0.9
        ("equalized_odds_difference", 0.15),  # max(0.9 - 0.75, 0.3 - 0.1667)
    ],
)
def test_two_groups_by_hand(metric: str, expected: float) -> None:
    """Two groups of 100; the working stands beside each number; the interval holds the value."""
    found = value_of(metric, GROUPS)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.interval is not None
    assert found.interval.low < expected < found.interval.high


def test_the_interval_of_two_groups_is_newcombes() -> None:
    """One pair needs no correction: 60/100 against 40/100."""
    found = value_of("demographic_parity_difference", GROUPS).interval
    plain = intervals.newcombe(60, 100, 40, 100)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-12)


def test_equalized_odds_corrects_for_both_rates() -> None:
    """Two pairs (TPR and FPR): each at the level sqrt(0.95); the bounds are the larger ones."""
    found = value_of("equalized_odds_difference", GROUPS).interval
    z = intervals.normal_quantile(2)
    tpr, fpr = intervals.newcombe(45, 50, 30, 40, z), intervals.newcombe(15, 50, 10, 60, z)
    assert found is not None
    assert found.low == pytest.approx(max(tpr.low, fpr.low, 0), abs=1e-12)
    assert found.high == pytest.approx(max(tpr.high, fpr.high), abs=1e-12)


def test_calibration_gap_by_hand(counting: Counting) -> None:
    """Group F: labels 1 0, scores .9 .5 (gap -.2); group M: labels 1 1, scores .5 .9 (gap +.3): the larger is .3."""
    groups = {
        "F": counting.binary([1, 0], scores=[0.9, 0.5]),
        "M": counting.binary([1, 1], scores=[0.5, 0.9]),
    }
    assert value_of("calibration_gap", groups).value == pytest.approx(0.3, abs=1e-12)


def test_four_groups_agree_with_fairlearn(counting: Counting) -> None:
    """2,000 rows in four groups of unequal size: all gaps and ratios to 1e-9."""
    rng = np.random.default_rng(31)
    names = rng.choice(["A", "B", "C", "D"], 2000, p=[0.5, 0.3, 0.15, 0.05])
    y = (rng.random(2000) < 0.4).astype(int)
    p = (rng.random(2000) < 0.2 + 0.4 * y + 0.05 * (names == "B")).astype(int)
    segments = counting.groups(names, "g", y=y, predicted=p)
    groups = {str(segment): s for segment, s in segments.items() if segment != ALL_ROWS}
    arguments: dict[str, Any] = {"y_true": y, "y_pred": p, "sensitive_features": names}
    for metric, function in {
        "demographic_parity_difference": oracle.demographic_parity_difference,
        "demographic_parity_ratio": oracle.demographic_parity_ratio,
        "equal_opportunity_difference": oracle.equal_opportunity_difference,
        "equal_opportunity_ratio": oracle.equal_opportunity_ratio,
        "equalized_odds_difference": oracle.equalized_odds_difference,
    }.items():
        assert value_of(metric, groups).value == pytest.approx(function(**arguments), abs=1e-9), metric


def test_groups_alike_have_gap_zero_and_ratio_one() -> None:
    """Equal rates: 0 and 1, with 0 and 1 inside the intervals."""
    alike = {"F": group(30, 10, 10, 50), "M": group(60, 20, 20, 100)}
    for metric in ("demographic_parity", "equal_opportunity"):
        gap, ratio = value_of(f"{metric}_difference", alike), value_of(f"{metric}_ratio", alike)
        assert gap.value == 0
        assert ratio.value == 1
        assert gap.interval is not None
        assert ratio.interval is not None
        assert gap.interval.low == 0
        assert ratio.interval.high == 1


@pytest.mark.parametrize("metric", FAIRNESS)
def test_fewer_than_two_groups_is_undefined(metric: str) -> None:
    """No gap without two groups: never "perfectly fair"."""
    for groups in ({}, {"F": GROUPS["F"]}):
        result = METRICS[metric].compute(groups)
        assert isinstance(result, Undefined)
        assert result.cause == Cause.TOO_FEW


def test_a_group_without_positives_has_no_recall() -> None:
    """A group without positive labels takes no part in equal opportunity: with one group left there is no gap."""
    groups = {"F": group(0, 3, 0, 97), "M": GROUPS["M"]}
    assert isinstance(METRICS["fairness.equal_opportunity_difference"].compute(groups), Undefined)
    assert isinstance(METRICS["fairness.equalized_odds_difference"].compute(groups), Undefined)
    assert METRICS["fairness.equal_opportunity_difference"].rests_on is not None
    assert METRICS["fairness.equal_opportunity_difference"].rests_on(groups["F"]) == 0
    assert value_of("demographic_parity_difference", groups).value == pytest.approx(0.57)


def test_a_ratio_without_any_selected_row_is_undefined() -> None:
    """0 / 0 is neither 1 nor 0."""
    groups = {"F": group(0, 0, 10, 50), "M": group(0, 0, 10, 50)}
    result = METRICS["fairness.demographic_parity_ratio"].compute(groups)
    assert isinstance(result, Undefined)
    assert "no group was ever selected" in result.reason
    assert value_of("demographic_parity_difference", groups).value == 0


def test_many_groups_are_quick() -> None:
    """200 groups (19,900 pairs) with their simultaneous intervals stay far below a second: no loop over pairs."""
    rng = np.random.default_rng(1)
    groups = {str(i): group(*rng.integers(5, 60, 4).tolist()) for i in range(200)}
    found = value_of("equalized_odds_difference", groups)
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high
