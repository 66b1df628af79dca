"""Fairness metrics: numbers worked out by hand, and fairlearn as oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import fairlearn.metrics as oracle
import numpy as np
import pytest
from sklearn import metrics as sklearn

from aimsight.metrics import intervals
from aimsight.metrics.catalogue.fairness import RATES
from aimsight.metrics.comparisons import Groups
from aimsight.metrics.registry import METRICS, find
from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics
from aimsight.metrics.values import ALL_ROWS, Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

FAIRNESS = [name for name in METRICS if name.startswith("fairness.")]


def group(tp: int, fp: int, fn: int, tn: int) -> SegmentStatistics:
    """A fully labelled group from its confusion matrix."""
    n = tp + fp + fn + tn
    return SegmentStatistics(rows=n, labelled=n, binary=BinaryCounts(n, tp + fp, tp, fp, fn, tn))


def value_of(metric: str, groups: dict[str, SegmentStatistics], **options: Any) -> Value:
    """Compute a metric that must have a value."""
    result = find(f"fairness.{metric}").compute(Groups(groups, **options))
    assert isinstance(result, Value), result
    return result


# selected / n: F 40/100, M 60/100; recall: F 30/40, M 45/50; false positive rate: F 10/60, M 15/50
GROUPS = {"F": group(30, 10, 10, 50), "M": group(45, 15, 5, 35)}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("demographic_parity_difference", 0.2),  # 0.6 - 0.4
        ("demographic_parity_ratio", 2 / 3),  # 0.4 / 0.6
        ("disparate_impact", 2 / 3),
        ("equal_opportunity_difference", 0.15),  # 45/50 - 30/40
        ("equal_opportunity_ratio", 5 / 6),  # 0.75 / 0.9
        ("predictive_equality_difference", 2 / 15),  # 15/50 - 10/60
        ("predictive_equality_ratio", 5 / 9),  # (10/60) / (15/50)
        ("equalized_odds_difference", 0.15),  # max(0.9 - 0.75, 0.3 - 0.1667)
        ("equalized_odds_ratio", 5 / 9),  # min(0.75 / 0.9, 0.1667 / 0.3)
        ("predictive_parity_difference", 0.0),  # 45/60 - 30/40
        ("predictive_parity_ratio", 1.0),
        ("false_discovery_rate_difference", 0.0),  # 15/60 - 10/40
        ("false_discovery_rate_ratio", 1.0),
        ("false_omission_rate_difference", 1 / 24),  # 10/60 - 5/40
        ("false_omission_rate_ratio", 0.75),  # (5/40) / (10/60)
        ("false_negative_rate_difference", 0.15),  # 10/40 - 5/50
        ("false_negative_rate_ratio", 0.4),  # 0.1 / 0.25
        ("accuracy_difference", 0.0),  # (45 + 35)/100 - (30 + 50)/100
        ("accuracy_ratio", 1.0),
    ],
)
def test_two_groups_by_hand(metric: str, expected: float) -> None:
    """Two groups of 100; the working stands beside each number; the interval holds the value."""
    found = value_of(metric, GROUPS)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.interval is not None
    assert found.interval.low <= expected <= found.interval.high
    assert found.interval.low < found.interval.high


def test_the_interval_of_two_groups_is_newcombes() -> None:
    """One pair needs no correction: 60/100 against 40/100."""
    found = value_of("demographic_parity_difference", GROUPS).interval
    plain = intervals.newcombe(60, 100, 40, 100)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-12)


def test_equalized_odds_corrects_for_both_rates() -> None:
    """Two pairs (TPR and FPR): the lower end at the level sqrt(0.95) for each; the bounds are the larger ones."""
    found = value_of("equalized_odds_difference", GROUPS).interval
    z = intervals.normal_quantile(2)
    tpr, fpr = intervals.newcombe(45, 50, 30, 40, z), intervals.newcombe(15, 50, 10, 60, z)
    assert found is not None
    assert found.low == pytest.approx(max(tpr.low, fpr.low, 0), abs=1e-12)
    tpr, fpr = intervals.newcombe(45, 50, 30, 40), intervals.newcombe(15, 50, 10, 60)
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
        "equalized_odds_ratio": oracle.equalized_odds_ratio,
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
        result = METRICS[metric].compute(Groups(groups))
        assert isinstance(result, Undefined)
        assert result.cause == Cause.TOO_FEW


def test_a_group_without_positives_has_no_recall() -> None:
    """A group without positive labels takes no part in equal opportunity: with one group left there is no gap."""
    groups = {"F": group(0, 3, 0, 97), "M": GROUPS["M"]}
    assert isinstance(METRICS["fairness.equal_opportunity_difference"].compute(Groups(groups)), Undefined)
    assert isinstance(METRICS["fairness.equalized_odds_difference"].compute(Groups(groups)), Undefined)
    assert METRICS["fairness.equal_opportunity_difference"].rests_on is not None
    assert METRICS["fairness.equal_opportunity_difference"].rests_on(groups["F"]) == 0
    assert value_of("demographic_parity_difference", groups).value == pytest.approx(0.57)


def test_a_ratio_without_any_selected_row_is_undefined() -> None:
    """0 / 0 is neither 1 nor 0."""
    groups = {"F": group(0, 0, 10, 50), "M": group(0, 0, 10, 50)}
    result = METRICS["fairness.demographic_parity_ratio"].compute(Groups(groups))
    assert isinstance(result, Undefined)
    assert "no group was ever selected" in result.reason
    assert value_of("demographic_parity_difference", groups).value == 0


def counted(counting: Counting, n: int = 3000, seed: int = 5) -> tuple[dict[str, SegmentStatistics], dict[str, Any]]:
    """Three groups of unequal size and treatment, counted; and their arrays as fairlearn takes them."""
    rng = np.random.default_rng(seed)
    names = rng.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1])
    y = (rng.random(n) < 0.3 + 0.1 * (names == "C")).astype(int)
    s = np.clip(rng.normal(0.35 + 0.3 * y - 0.05 * (names == "B"), 0.2), 0, 1)
    p = (s > 0.5).astype(int)
    segments = counting.groups(names, "g", y=y, predicted=p, scores=s)
    groups = {seg.conditions[0][1]: part for seg, part in segments.items() if seg != ALL_ROWS}
    return groups, {"y_true": y, "y_pred": p, "sensitive_features": names, "scores": s}


def _precision(y: Any, p: Any) -> float:
    return float(sklearn.precision_score(y, p))


def _npv(y: Any, p: Any) -> float:
    return float(sklearn.precision_score(1 - y, 1 - p))


ORACLES: dict[str, Any] = {
    "demographic_parity": oracle.selection_rate,
    "equal_opportunity": oracle.true_positive_rate,
    "predictive_equality": oracle.false_positive_rate,
    "predictive_parity": _precision,
    "false_discovery_rate": lambda y, p: 1 - _precision(y, p),
    "false_omission_rate": lambda y, p: 1 - _npv(y, p),
    "false_negative_rate": oracle.false_negative_rate,
    "accuracy": sklearn.accuracy_score,
}


@pytest.mark.parametrize("rate", [rate.id for rate in RATES])
@pytest.mark.parametrize(("against", "method"), [("largest_gap", "between_groups"), ("overall", "to_overall")])
def test_every_rate_agrees_with_fairlearn(counting: Counting, rate: str, against: str, method: Any) -> None:
    """Difference and ratio of each rate, between groups and to overall, by fairlearn's frames and scikit-learn."""
    groups, data = counted(counting)
    frame = oracle.MetricFrame(
        metrics=ORACLES[rate], **{key: data[key] for key in ("y_true", "y_pred", "sensitive_features")}
    )
    argument = "" if against == "largest_gap" else f"(against={against})"
    gap, ratio = value_of(f"{rate}_difference{argument}", groups), value_of(f"{rate}_ratio{argument}", groups)
    assert gap.value == pytest.approx(frame.difference(method=method), abs=1e-12)
    assert ratio.value == pytest.approx(frame.ratio(method=method), abs=1e-12)


@pytest.mark.parametrize("rate", [rate.id for rate in RATES])
def test_every_rate_against_one_group(counting: Counting, rate: str) -> None:
    """Against the largest group (A) and against group B by name: the definition of Aequitas, worked out by frame."""
    groups, data = counted(counting)
    frame = oracle.MetricFrame(
        metrics=ORACLES[rate], **{key: data[key] for key in ("y_true", "y_pred", "sensitive_features")}
    ).by_group
    for against, reference in (("largest", "A"), ("B", "B")):
        others = frame.drop(reference)
        gap = value_of(f"{rate}_difference(against={against})", groups).value
        ratio = value_of(f"{rate}_ratio(against={against})", groups).value
        assert gap == pytest.approx((others - frame[reference]).abs().max(), abs=1e-12)
        disparity = others / frame[reference]
        assert ratio == pytest.approx(min(disparity.min(), (1 / disparity).min()), abs=1e-12)


def test_disparate_impact_keeps_its_direction(counting: Counting) -> None:
    """Against a named group the ratio is that group's disparity, above 1 where all others are selected more."""
    groups = {"F": group(30, 10, 10, 50), "M": group(45, 15, 5, 35)}
    found = value_of("disparate_impact(against=F)", groups)
    assert found.value == pytest.approx(1.5)
    assert found.detail == "smallest ratio between M (0.6) and F (0.4); four-fifths rule: met"
    never = {"F": group(0, 0, 40, 60), "M": GROUPS["M"]}
    assert isinstance(find("fairness.disparate_impact(against=F)").compute(Groups(never)), Undefined)


@pytest.mark.parametrize(
    ("selected", "n", "reading"),
    [
        (80, 100, "four-fifths rule: met, but the interval reaches below 0.8"),
        (70, 100, "four-fifths rule: below 0.8, which may be chance"),
        (600, 1000, "four-fifths rule: adverse impact, the whole interval lies below 0.8"),
        (980, 1000, "four-fifths rule: met"),
    ],
)
def test_the_four_fifths_reading(selected: int, n: int, reading: str) -> None:
    """Against a group of which 900 of 1000 are selected."""
    groups = {"F": group(selected, 0, n - selected, 0), "M": group(900, 0, 100, 0)}
    found = value_of("demographic_parity_ratio", groups)
    assert found.detail.endswith(reading)


def test_an_unknown_group_is_told(counting: Counting) -> None:
    """Comparing with a group that does not exist is no value, and the groups there are stand in the reason."""
    result = find("fairness.accuracy_difference(against=Q)").compute(Groups(GROUPS))
    assert result == Undefined('no group "Q" to compare with; there are F, M', 200)


def test_the_auc_gap_agrees_with_scikit_learn(counting: Counting) -> None:
    """Between groups, against all rows, against one group: AUC of each group by scikit-learn."""
    groups, data = counted(counting)
    names, y, s = data["sensitive_features"], data["y_true"], data["scores"]
    aucs = {g: sklearn.roc_auc_score(y[names == g], s[names == g]) for g in "ABC"}
    overall = sklearn.roc_auc_score(y, s)
    assert value_of("auc_difference", groups).value == pytest.approx(max(aucs.values()) - min(aucs.values()))
    assert value_of("auc_ratio", groups).value == pytest.approx(min(aucs.values()) / max(aucs.values()))
    expected = max(abs(a - overall) for a in aucs.values())
    assert value_of("auc_difference(against=overall)", groups).value == pytest.approx(expected)
    expected = max(abs(a - aucs["B"]) for a in aucs.values())
    assert value_of("auc_difference(against=B)", groups).value == pytest.approx(expected)


def test_the_auc_gap_from_cells_is_within_its_error_bound(counting: Counting) -> None:
    """Groups whose scores are kept in cells: off by no more than the bound says."""
    groups, _ = counted(counting)
    cells = {
        name: replace(part, scores={"": part.scores[""].cells()})
        for name, part in groups.items()
        if part.scores is not None
    }
    for metric in ("auc_difference", "auc_ratio"):
        exact, binned = value_of(metric, groups), value_of(metric, cells)
        assert exact.error_bound == 0
        assert abs(exact.value - binned.value) <= binned.error_bound < 0.01


def test_the_auc_of_a_group_and_of_all_rows_are_correlated(counting: Counting) -> None:
    """The interval of their gap, whose group is 60 % of the rows, matches the spread of a bootstrap of the rows."""
    groups, data = counted(counting, 600)
    found = value_of("auc_difference(against=overall)", {"A": groups["A"], "rest": groups["B"] + groups["C"]})
    rng, y, s = np.random.default_rng(3), data["y_true"], data["scores"]
    is_rest = data["sensitive_features"] != "A"
    gaps = []
    for _ in range(400):
        rows = rng.integers(0, 600, 600)
        inside = rows[is_rest[rows]]
        gaps.append(sklearn.roc_auc_score(y[inside], s[inside]) - sklearn.roc_auc_score(y[rows], s[rows]))
    assert found.interval is not None
    half = intervals.normal_quantile(2) * float(np.std(gaps))
    assert found.interval.high == pytest.approx(found.value + half, rel=0.25)


def test_calibration_within_groups_by_hand(counting: Counting) -> None:
    """Two bins a group: F |1/4 - .1| and |3/4 - .9| (mean .15), M |1/2 - .1| and |3/4 - .9| (mean .275)."""
    groups = {
        "F": counting.binary([1, 0, 0, 0, 1, 1, 1, 0], scores=[0.1] * 4 + [0.9] * 4),
        "M": counting.binary([1, 1, 0, 0, 1, 1, 1, 0], scores=[0.1] * 4 + [0.9] * 4),
    }
    found = value_of("calibration_within_groups", groups)
    assert found.value == pytest.approx(0.275)
    assert found.interval is not None
    assert found.interval.low < 0.275 < found.interval.high


def test_calibration_of_classes_within_groups_by_rows(counting: Counting) -> None:
    """Three classes: gaps of each against the rest, and their mean error over ten bins, row by row in NumPy."""
    rng = np.random.default_rng(71)
    groups, gaps, errors = {}, {}, {}
    for name, power in (("F", 1.0), ("M", 2.5)):
        s = rng.dirichlet([1.5, 1.0, 0.7], 400)
        true = s**power / (s**power).sum(axis=1, keepdims=True)
        y = np.array([rng.choice(3, p=row) for row in true])
        groups[name] = counting.classes(y, s.argmax(axis=1), 3, s)
        truth = np.eye(3)[y]
        for c in range(3):
            gaps[name, f"c{c}"] = float((truth[:, c] - s[:, c]).mean())
        bins = np.minimum((s * 10).astype(int), 9)
        errors[name] = np.mean(
            [
                sum(abs((truth[bins[:, c] == b, c] - s[bins[:, c] == b, c]).sum()) for b in range(10)) / 400
                for c in range(3)
            ]
        )
    where, label = max(gaps, key=lambda key: abs(gaps[key]))
    found = value_of("calibration_gap", groups)
    assert found.value == pytest.approx(abs(gaps[where, label]))
    assert found.detail == f"largest in {where} for class {label} (label - score: {gaps[where, label]:+.4g})"
    assert found.n == 800
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high
    within = value_of("calibration_within_groups", groups)
    assert within.value == pytest.approx(max(errors.values()))
    assert within.detail == "largest in M"
    cells = {
        name: replace(part, scores={k: c.cells() for k, c in (part.scores or {}).items()})
        for name, part in groups.items()
    }
    for metric, value in (("calibration_gap", found.value), ("calibration_within_groups", within.value)):
        read = value_of(metric, cells)
        assert read.error_bound == 0.0005
        assert abs(read.value - value) < 0.005


@pytest.mark.parametrize(
    ("metric", "rows", "rare"), [("within_groups", 200, 1.0), ("gap", 200, 1.0), ("gap", 30, 0.06)]
)
def test_calibrated_groups_keep_zero_in_the_interval(counting: Counting, metric: str, rows: int, rare: float) -> None:
    """Scores that are the true probabilities: in most of 100 draws the interval reaches down to 0, rare positives too.

    95 % are promised, less what chance does to 100 draws at two standard deviations.
    """
    rng, reached = np.random.default_rng(9), 0
    for _ in range(100):
        s = rare * rng.random(2 * rows)
        y = (rng.random(2 * rows) < s).astype(int)
        groups = {"F": counting.binary(y[:rows], scores=s[:rows]), "M": counting.binary(y[rows:], scores=s[rows:])}
        found = value_of(f"calibration_{metric}", groups).interval
        assert found is not None
        reached += found.low == 0
    assert reached >= (95 if metric == "within_groups" else 91)


def regression(counting: Counting, errors: dict[str, Any]) -> dict[str, SegmentStatistics]:
    """Groups of a regression model from the errors of their rows; every label is 10."""
    return {
        name: SegmentStatistics(len(e), len(e), errors=counting.errors(np.asarray(e) + 10.0, np.full(len(e), 10.0)))
        for name, e in errors.items()
    }


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("mean_error_difference", 2.0),  # 1 - (-1)
        ("mean_error_difference(against=overall)", 4 / 3),  # |-1 - 2/6|
        ("mae_difference", 1.0),  # 2 - 1
        ("mae_ratio", 0.5),  # 1 / 2
    ],
)
def test_gaps_of_errors_by_hand(counting: Counting, metric: str, expected: float) -> None:
    """F errs by -3 and 1 (mean -1, size 2); M by 1, 1, 2, 0 (mean 1, size 1); all rows by 2/6."""
    groups = regression(counting, {"F": [-3.0, 1.0], "M": [1.0, 1.0, 2.0, 0.0]})
    found = value_of(metric, groups, unit=2.0**-40)
    assert found.value == pytest.approx(expected)
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high


def test_gaps_of_errors_agree_with_fairlearn(counting: Counting) -> None:
    """Mean error and mean absolute error of three groups, between groups and to overall."""
    rng = np.random.default_rng(4)
    names = rng.choice(["A", "B", "C"], 900, p=[0.5, 0.3, 0.2])
    e = rng.normal(0.1 * (names == "C"), 1 + 0.5 * (names == "B"))
    groups = regression(counting, {g: e[names == g] for g in "ABC"})
    for metric, function in (("mae", sklearn.mean_absolute_error), ("mean_error", lambda y, p: float(np.mean(p - y)))):
        frame = oracle.MetricFrame(
            metrics=function, y_true=np.full(900, 10.0), y_pred=e + 10.0, sensitive_features=names
        )
        for against, method in (("largest_gap", "between_groups"), ("overall", "to_overall")):
            argument = "" if against == "largest_gap" else f"(against={against})"
            found = value_of(f"{metric}_difference{argument}", groups, unit=2.0**-40)
            assert found.value == pytest.approx(frame.difference(method=method), rel=1e-6)
            if metric == "mae":
                ratio = value_of(f"mae_ratio{argument}", groups, unit=2.0**-40)
                assert ratio.value == pytest.approx(frame.ratio(method=method), rel=1e-6)


def test_extreme_errors_leave_a_group_out(counting: Counting) -> None:
    """A group with a row too extreme for fixed point has no mean: it is not compared."""
    groups = regression(counting, {"F": [-3.0, 1.0], "M": [1.0, 1.0]})
    assert groups["F"].errors is not None
    groups["F"] = replace(groups["F"], errors=replace(groups["F"].errors, overflow=1))
    rests_on = METRICS["fairness.mae_difference"].rests_on
    assert rests_on is not None
    assert (rests_on(groups["F"]), rests_on(groups["M"])) == (0, 2)
    assert isinstance(METRICS["fairness.mae_difference"].compute(Groups(groups)), Undefined)


def test_multiclass_takes_the_most_extreme_class(counting: Counting) -> None:
    """Each class against the rest, by scikit-learn's recall of each class; the class is named."""
    rng = np.random.default_rng(6)
    names, y = rng.choice(["A", "B"], 900), rng.integers(0, 3, 900)
    p = np.where(rng.random(900) < 0.7 - 0.3 * ((names == "B") & (y == 2)), y, rng.integers(0, 3, 900))
    groups = {g: counting.classes(y[names == g], p[names == g], 3) for g in "AB"}
    recalls = {g: sklearn.recall_score(y[names == g], p[names == g], average=None) for g in "AB"}
    found = value_of("equal_opportunity_difference", groups, classes=("low", "mid", "high"))
    assert found.value == pytest.approx(np.abs(recalls["A"] - recalls["B"]).max())
    assert found.detail.endswith("for class high")
    rates = {g: np.bincount(p[names == g], minlength=3) / (names == g).sum() for g in "AB"}
    found = value_of("demographic_parity_ratio", groups)
    assert found.value == pytest.approx(min(min(a / b, b / a) for a, b in zip(rates["A"], rates["B"], strict=True)))
    accuracy = [sklearn.accuracy_score(y[names == g], p[names == g]) for g in "AB"]
    assert value_of("accuracy_difference", groups).value == pytest.approx(abs(accuracy[0] - accuracy[1]))


def test_many_groups_are_quick() -> None:
    """200 groups (19,900 pairs) with their simultaneous intervals stay far below a second: no loop over pairs."""
    rng = np.random.default_rng(1)
    groups = {str(i): group(*rng.integers(5, 60, 4).tolist()) for i in range(200)}
    found = value_of("equalized_odds_difference", groups)
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high
