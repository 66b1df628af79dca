"""Performance against the reference and against a dummy: by hand, by oracle, and that no improvement ever alarms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import dummy
from sklearn import metrics as oracle
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from aimsight.configs.errors import NotFoundError
from aimsight.metrics.frames import Frame, FramePair
from aimsight.metrics.measure import chosen, measure
from aimsight.metrics.registry import facts, find
from aimsight.metrics.statistics import SegmentStatistics
from aimsight.metrics.values import ALL_ROWS, Interval, Measurement, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.values import Result
    from aimsight.tests.metrics.conftest import Counting


def value_of(result: Any) -> Value:
    """A result that must be a value inside its interval."""
    assert isinstance(result, Value), result
    assert result.interval is not None
    assert result.interval.low <= result.value <= result.interval.high
    return result


def changed(counting: Counting, metric: str, now: Any, then: Any, task: str = "binary") -> Measurement:
    """One metric measured in a window, against a reference with these labelled rows."""
    model = counting.model(task)
    plans = [counting.numeric("x", [1.0, 2.0])]
    reference = counting.reference(plans, {"x": [1.0, 2.0]})
    reference.statistics.segments[ALL_ROWS] = then
    plan = counting.plan(model, plans, error_exponent=-40, classes=("c0", "c1", "c2"))
    window = counting.window(plans, {"x": [1.0] * now.rows}, {ALL_ROWS: now})
    (found,) = measure(plan, window, reference, selected=[metric])
    return found


def test_a_change_of_proportions_is_newcombe(counting: Counting) -> None:
    """Accuracy 70/100 now, 160/200 then: -0.1 with the interval that statsmodels gives."""
    now = counting.binary([1] * 100, [1] * 70 + [0] * 30)
    then = counting.binary([1] * 200, [1] * 160 + [0] * 40)
    found = changed(counting, "performance.change(of=accuracy)", now, then)
    assert changed(counting, "performance.change(of=performance.accuracy)", now, then) == found
    assert (found.metric, found.reference) == ("performance.change(of=accuracy)", "period 2025")
    value = value_of(found.result)
    assert value.value == pytest.approx(-0.1)
    assert value.n == 100
    assert value.interval is not None
    expected = confint_proportions_2indep(70, 100, 160, 200, method="newcomb", compare="diff")
    assert (value.interval.low, value.interval.high) == pytest.approx(expected, abs=1e-9)


def fieller(first: tuple[float, float, float], second: tuple[float, float, float]) -> tuple[float, float]:
    """Bounds of a ratio from value, low and high of both: MOVER-R as Donner and Zou print it."""
    (a, low1, high1), (b, low2, high2) = first, second
    c, d = high2 * (2 * b - high2), low2 * (2 * b - low2)
    low = (a * b - math.sqrt((a * b) ** 2 - c * low1 * (2 * a - low1))) / c
    high = (a * b + math.sqrt((a * b) ** 2 - d * high1 * (2 * a - high1))) / d
    return low, high


def test_a_relative_change_is_a_share_of_what_was(counting: Counting) -> None:
    """Accuracy 70/100 now, 160/200 then: an eighth less; the miss rate 30/100 and 40/200: half as much again, worse."""
    now = counting.binary([1] * 100, [1] * 70 + [0] * 30)
    then = counting.binary([1] * 200, [1] * 160 + [0] * 40)
    accuracy = value_of(changed(counting, "performance.change(of=accuracy, relative=true)", now, then).result)
    misses = value_of(changed(counting, "performance.change(of=false_negative_rate, relative=true)", now, then).result)
    assert accuracy.value == pytest.approx(-0.125)
    assert misses.value == pytest.approx(-0.5)
    rates = {
        x: (x / n, *proportion_confint(x, n, method="wilson")) for x, n in ((70, 100), (160, 200), (30, 100), (40, 200))
    }
    low, high = fieller(rates[70], rates[160])
    assert accuracy.interval is not None
    assert (accuracy.interval.low, accuracy.interval.high) == pytest.approx((low - 1, high - 1), abs=1e-12)
    low, high = fieller(rates[30], rates[40])
    assert misses.interval is not None
    assert (misses.interval.low, misses.interval.high) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_nothing_is_a_share_of_zero(counting: Counting) -> None:
    """No miss in the reference: the share is undefined and says why; where it was hardly any, there is no interval."""
    now, then = counting.binary([1] * 40, [1] * 30 + [0] * 10), counting.binary([1] * 40, [1] * 40)
    found = changed(counting, "performance.change(of=false_negative_rate, relative=true)", now, then).result
    assert isinstance(found, Undefined)
    assert found.reason == "the reference's value cannot be told from 0, of which nothing is a share"
    now, then = (counting.binary([1] * ups + [0] * (40 - ups), scores=[0.5] * 40) for ups in (30, 21))
    found = changed(counting, "performance.change(of=ece, relative=true)", now, then).result
    assert isinstance(found, Value)
    assert found.value == pytest.approx((0.0245 - 0.2495) / 0.0245)  # from the middle of the cell, 0.5005
    assert found.interval is None


@pytest.mark.parametrize("relative", [False, True])
def test_the_error_bound_of_a_change_holds_whatever_cells_hide(counting: Counting, *, relative: bool) -> None:
    """Scores that lie close together: the AUC of either side by scikit-learn, and what they differ by."""
    rng = np.random.default_rng(6)
    sides = [(rng.integers(0, 2, 80), 0.3 + 0.02 * rng.random(80)) for _ in range(2)]
    now, then = (float(oracle.roc_auc_score(y, s)) for y, s in sides)
    parts = [counting.binary(y, scores=s) for y, s in sides]
    metric = f"performance.change(of=roc_auc{', relative=true' if relative else ''})"
    found = changed(counting, metric, parts[0], parts[1]).result
    assert isinstance(found, Value)
    assert 0 < abs(found.value - (now - then) / (then if relative else 1)) <= found.error_bound < 0.5


def test_trap_e7_improvement_is_never_a_loss(counting: Counting) -> None:
    """0.59 to 0.948 fails a peer's automatic test; here better is above 0, whichever way a metric points."""
    worse = counting.binary([1] * 100, [1] * 59 + [0] * 41, [0.59] * 100)
    better = counting.binary([1] * 100, [1] * 95 + [0] * 5, [0.95] * 100)
    for of in ("accuracy", "recall", "false_negative_rate", "log_loss", "brier", "calibration_gap"):
        up = changed(counting, f"performance.change(of={of})", better, worse).result
        down = changed(counting, f"performance.change(of={of})", worse, better).result
        assert value_of(up).value > 0 > value_of(down).value, of
        assert value_of(up).value == pytest.approx(-value_of(down).value)


def test_errors_change_in_their_unit(counting: Counting) -> None:
    """The mean absolute error falls from 2 to 1: better by 1."""
    y = np.arange(40.0)
    sides = []
    for size in (1.0, 2.0):
        sums = counting.errors(y + size * (-1) ** np.arange(40), y)
        sides.append(SegmentStatistics(40, 40, errors=sums))
    now, then = sides
    found = changed(counting, "performance.change(of=mae)", now, then, task="regression")
    assert value_of(found.result).value == pytest.approx(1.0)
    assert find(found.metric).unit == "label units"


def test_a_class_changes(counting: Counting) -> None:
    """Recall of one class: 1/2 now, 1 then."""
    now = counting.classes([0, 0, 1, 1, 2], [0, 0, 0, 1, 2], 3)
    then = counting.classes([0, 0, 1, 1, 2], [0, 0, 1, 1, 2], 3)
    found = changed(counting, "performance.change(of='recall(of=c1)')", now, then, task="multiclass")
    assert found.metric == "performance.change(of=recall(of=c1))"
    assert value_of(found.result).value == pytest.approx(-0.5)


def test_a_change_needs_both_sides(counting: Counting) -> None:
    """No labels now, or none in the reference: undefined, and it says where."""
    labelled, bare = counting.binary([1, 0], [1, 0]), counting.binary([-1, -1], [1, 0])
    now = changed(counting, "performance.change(of=accuracy)", bare, labelled).result
    then = changed(counting, "performance.change(of=accuracy)", labelled, bare).result
    assert isinstance(now, Undefined)
    assert now.reason == "no labels: 0 of 2 rows are labelled"
    assert isinstance(then, Undefined)
    assert then.reason == "in the reference: no labels: 0 of 2 rows are labelled"


def test_the_distance_from_the_best_value_shrinks() -> None:
    """A slope of 0.8 that was 1.3: closer to 1 by 0.1; its interval is folded at 1."""
    change = find("performance.change(of=calibration_slope)").compute
    now = Value(0.8, 50, Interval(0.7, 1.1, "Wald"))
    then = Value(1.3, 50, Interval(1.2, 1.4, "Wald"))
    found = value_of(change(now, then))
    assert found.value == pytest.approx(0.1)
    # -|b - 1| is in [-0.3, 0] now and in [-0.4, -0.2] then: 0.1 -/+ hypot of the distances
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.1 - np.hypot(0.1, 0.1))
    assert found.interval.high == pytest.approx(0.1 + np.hypot(0.2, 0.1))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("performance.change(of=selection_rate)", "no direction of performance.selection_rate is better"),
        ("performance.change(of=auc_roc)", "did you mean performance.roc_auc"),
        ("performance.change(of=skill(of=accuracy, x=1))", "has no parameter x"),
        ("performance.change(of=change(of=accuracy))", "about change(of=accuracy), which compares with the reference"),
        ("performance.change(of=skill(of=mae))", "about skill(of=mae), which is measured on rows"),
        ("performance.change", "performance.change needs of, a metric"),
        ("performance.change(of=mcc, relative=true)", "performance.mcc can be below 0, so its change is no share"),
        ("performance.skill(of=ece)", "performance.ece has no dummy to be compared with; these have: accuracy"),
    ],
)
def test_what_cannot_be_compared_is_refused(text: str, problem: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(NotFoundError) as caught:
        find(text)
    assert problem in str(caught.value)


def test_the_other_metric_decides_what_is_needed() -> None:
    """Tasks, bounds, unit and needs follow the metric that is compared."""
    known = facts()
    assert known["performance.change(of=mae)"].tasks == {"regression"}
    assert known["performance.change(of=roc_auc)"].needs_score
    assert known["performance.change(of=roc_auc)"].needs_reference
    assert known["performance.change(of=roc_auc)"].bounds == (-1.0, 1.0)
    assert known["performance.change(of=roc_auc, relative=true)"].bounds == (-1.0, None)
    assert known["performance.change(of=mae, relative=true)"].bounds == (None, 1.0)
    assert known["performance.skill(of=rmse)"].tasks == {"regression"}
    assert not known["performance.skill(of=rmse)"].needs_score


def test_objectives_choose_what_is_not_measured_by_default(counting: Counting) -> None:
    """The core set, and what the model's objectives name, each once."""
    objective = {
        "id": "O",
        "statement": "s",
        "metric": "performance.skill(of=log_loss)",
        "target": ">= 0",
        "rationale": "r",
        "owner": "o",
        "due": "2027-01-01",
        "severity": "minor",
    }
    model = counting.model(objectives=[objective])
    texts = [unit.text for unit in chosen(model)]
    assert "performance.skill(of=log_loss)" in texts
    assert "performance.gini" not in texts
    assert {"performance.mcc", "performance.ece", "performance.balanced_accuracy"} <= set(texts)
    assert "performance.gini" in [unit.text for unit in chosen(model, ["performance.*"])]
    assert [unit.text for unit in chosen(model, ["performance.f_beta(beta=2)", "performance.f_beta"])] == [
        "performance.f_beta"
    ]


# 10 decisions: TP 3, FP 1, FN 2, TN 4; half of the labels are positive
DECIDED = ([1] * 5 + [0] * 5, [1, 1, 1, 0, 0, 1, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("accuracy", 0.4),  # (7 - 5) / (10 - 5)
        ("balanced_accuracy", 0.4),  # 2 * 0.7 - 1
        ("precision", 0.5),  # (0.75 - 0.5) / (1 - 0.5)
        ("f1", 0.0),  # F1 is 2/3; selecting all gives 2 * 0.5 / 1.5 = 2/3
    ],
)
def test_skill_of_decisions_by_hand(counting: Counting, of: str, expected: float) -> None:
    """Ten decisions; the working stands beside each number."""
    result = find(f"performance.skill(of={of})").compute(counting.binary(*DECIDED))
    assert value_of(result).value == pytest.approx(expected, abs=1e-12)


def test_skill_of_scores_against_scikit_learns_dummy(counting: Counting) -> None:
    """Log loss, Brier and AUC against the predictor of the prior."""
    rng = np.random.default_rng(41)
    s = np.round(rng.beta(2, 4, 800), 4).clip(0.001, 0.999)
    y = (rng.random(800) < s).astype(int)
    prior = dummy.DummyClassifier(strategy="prior").fit(s[:, None], y).predict_proba(s[:, None])[:, 1]
    found = counting.binary(y, scores=s)
    for of, loss in (("log_loss", oracle.log_loss), ("brier", oracle.brier_score_loss)):
        skill = value_of(find(f"performance.skill(of={of})").compute(found))
        assert skill.value == pytest.approx(1 - loss(y, s) / loss(y, prior), abs=1e-9), of
    auc = value_of(find("performance.skill(of=roc_auc)").compute(found))
    assert auc.value == pytest.approx(2 * oracle.roc_auc_score(y, s) - 1)


def test_the_error_of_a_skill_is_that_of_resampling(counting: Counting) -> None:
    """The delta method for log loss and Brier against 300 bootstrap samples of the rows."""
    rng = np.random.default_rng(42)
    s = np.round(rng.beta(1, 5, 1500), 4).clip(0.001, 0.999)
    y = (rng.random(1500) < s).astype(int)
    draws = []
    for _ in range(300):
        rows = rng.integers(0, 1500, 1500)
        p = y[rows].mean()
        entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
        losses = -np.log(np.where(y[rows] == 1, s[rows], 1 - s[rows]))
        draws.append((losses.mean() / entropy, np.square(s[rows] - y[rows]).mean() / (p * (1 - p))))
    found = counting.binary(y, scores=s)
    for of, spread in zip(("log_loss", "brier"), np.std(np.log(draws), axis=0), strict=True):
        around = value_of(find(f"performance.skill(of={of})").compute(found)).interval
        assert around is not None
        width = np.log((1 - around.low) / (1 - around.high)) / (2 * 1.96)
        assert width == pytest.approx(spread, rel=0.15), of


def test_skill_of_classes(counting: Counting) -> None:
    """Three classes against the most frequent one and against their shares."""
    rng = np.random.default_rng(43)
    y = rng.choice(3, 600, p=[0.6, 0.3, 0.1])
    s = rng.dirichlet([1, 1, 1], 600) + np.eye(3)[y]
    s /= s.sum(axis=1, keepdims=True)
    p = s.argmax(axis=1)
    found, share = counting.classes(y, p, 3, s), np.bincount(y) / 600
    accuracy = value_of(find("performance.skill(of=accuracy)").compute(found)).value
    assert accuracy == pytest.approx(((p == y).mean() - share.max()) / (1 - share.max()))
    loss = value_of(find("performance.skill(of=log_loss)").compute(found)).value
    assert loss == pytest.approx(1 - oracle.log_loss(y, s) / -(share @ np.log(share)), abs=1e-9)
    brier = value_of(find("performance.skill(of=brier)").compute(found)).value
    squares = np.square(s - np.eye(3)[y]).sum(axis=1).mean()
    assert brier == pytest.approx(1 - squares / (1 - share @ share), abs=1e-9)
    balanced = value_of(find("performance.skill(of=balanced_accuracy)").compute(found)).value
    assert balanced == pytest.approx(oracle.balanced_accuracy_score(y, p, adjusted=True))


def test_skill_of_errors_is_against_the_mean(counting: Counting) -> None:
    """RMSE against predicting the mean label."""
    rng = np.random.default_rng(44)
    y = rng.normal(10, 3, 500)
    p = y + rng.normal(0, 1, 500)
    found = value_of(find("performance.skill(of=rmse)").compute(counting.errors(p, y, centre=10.0), 2.0**-40))
    assert found.value == pytest.approx(1 - oracle.root_mean_squared_error(y, p) / y.std(), abs=1e-9)


def on_rows(counting: Counting, predicted: list[float], label: list[float], total: int = 0) -> Result:
    """The skill of the mean absolute error, on rows of a regression model."""
    model = counting.model("regression")
    frame = Frame({str(model.log.prediction): np.array(predicted)}, total or len(label), np.array(label))
    return find("performance.skill(of=mae)").compute(FramePair(frame, None), model)


def test_skill_of_absolute_errors_is_against_the_median(counting: Counting) -> None:
    """Labels 1, 2, 3, 10: the median 2.5 is off by 10 in all, the model by 5; rows with a missing number are none."""
    found = value_of(on_rows(counting, [1, 3, 3, 6, 7, math.nan], [1, 2, 3, 10, math.nan, 4]))
    assert found.value == pytest.approx(1 - 5 / 10)
    assert (found.n, found.detail) == (4, "")
    assert value_of(on_rows(counting, [1, 3], [1, 2], total=50)).detail == "on a sample of 50 rows"


def test_the_skill_of_absolute_errors_agrees_with_scikit_learn(counting: Counting) -> None:
    """D2 of absolute errors on skewed labels; its interval is as wide as the bootstrap's."""
    rng = np.random.default_rng(45)
    y = rng.lognormal(0, 1, 2000)
    p = y * rng.lognormal(0, 0.3, 2000)
    found = value_of(on_rows(counting, list(p), list(y)))
    assert found.value == pytest.approx(oracle.d2_absolute_error_score(y, p))
    draws = [oracle.d2_absolute_error_score(y[rows], p[rows]) for rows in rng.integers(0, 2000, (300, 2000))]
    assert found.interval is not None
    assert found.interval.high - found.interval.low == pytest.approx(4 * np.std(draws), rel=0.15)


@pytest.mark.parametrize(
    ("predicted", "label"), [([1, 2], [3, 3]), ([1], [2]), ([1], [math.nan]), ([1, -1e308], [1e308, 2])]
)
def test_rows_without_a_skill_of_absolute_errors(
    counting: Counting, predicted: list[float], label: list[float]
) -> None:
    """Labels all equal, one alone, none, or too far apart for a number: a reason."""
    assert isinstance(on_rows(counting, predicted, label), Undefined)


def test_nothing_can_be_known_better_when_all_labels_are_equal(counting: Counting) -> None:
    """Whatever is compared, it is undefined."""
    s = counting.binary([1] * 30, [1] * 30, [0.9] * 30)
    for of in ("accuracy", "balanced_accuracy", "precision", "f1", "roc_auc", "log_loss", "brier"):
        assert isinstance(find(f"performance.skill(of={of})").compute(s), Undefined), of
    sums = counting.errors([1, 2, 3], [5, 5, 5])
    assert isinstance(find("performance.skill(of=rmse)").compute(sums, 2.0**-40), Undefined)
