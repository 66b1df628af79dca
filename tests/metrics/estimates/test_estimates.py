"""Estimates as measured: marked, by segment, mergeable, gated, widened by earlier errors; and what they cannot see."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from aimsight.metrics.estimates.intervals import Variance, bounded, mean, positive, quantile
from aimsight.metrics.estimates.loss_tree import fit_loss_tree
from aimsight.metrics.estimates.losses import LossBaseline
from aimsight.metrics.estimates.scored import ScoreBaseline
from aimsight.metrics.estimates.trust import Circumstances, PastErrors, doubted, excess
from aimsight.metrics.intervals import wilson
from aimsight.metrics.measure import measure
from aimsight.metrics.plan import Reference
from aimsight.metrics.registry import METRICS, find
from aimsight.metrics.statistics import QualityCounts, SegmentStatistics, Statistics, merge
from aimsight.metrics.values import ALL_ROWS, Cause, Interval, Measurement, Segment, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.values import Result
    from aimsight.tests.metrics.conftest import Counting

NEEDED: dict[str, dict[str, Any]] = {
    "cost": {"fp": 1.0, "fn": 5.0},
    "confusion": {"label": "positive", "decision": "negative"},
}
"""Arguments of those that need some."""
AWAITED = Undefined("awaiting labels: 0 of 400 rows have one", 0, Cause.AWAITING_LABELS)


def rows(n: int, seed: int, *, a: float = 2.0, b: float = 3.0, level: float = 0.0) -> tuple[Any, Any]:
    """Labels and scores; the chance of a label is 0.1 + 0.8 score + level."""
    rng = np.random.default_rng(seed)
    s = rng.beta(a, b, n)
    return (rng.random(n) < np.clip(0.1 + 0.8 * s + level, 0, 1)).astype(int), s


def counted(counting: Counting, y: Any, s: Any) -> Statistics:
    """Statistics of one window of decisions at one half."""
    part = replace(counting.binary(y, (s >= 0.5).astype(int), s), score_sums=None)
    return Statistics(QualityCounts(y.size), segments={ALL_ROWS: part})


@cache
def reference_of(counting: Counting, windows: int = 8) -> Reference:
    """A reference of windows of 400 rows."""
    parts = [counted(counting, *rows(400, 100 + k)) for k in range(windows)]
    return Reference("r", "", (), (), 0, 0.0, merge(parts), tuple(parts))


def estimated(
    counting: Counting, y: Any, s: Any, name: str = "accuracy", given: dict[str, Any] | None = None, **around: Any
) -> Value:
    """One estimate of a window, with these arguments."""
    scored = ScoreBaseline(reference_of(counting)).scored(
        counted(counting, y, s).all_rows, ALL_ROWS, Circumstances(**around)
    )
    assert not isinstance(scored, Undefined)
    result = scored.estimate(name, **(given or {}))
    assert isinstance(result, Value)
    assert result.interval is not None
    return result


def width(value: Result) -> float:
    """Width of the interval."""
    assert isinstance(value, Value)
    assert value.interval is not None
    return value.interval.high - value.interval.low


def test_estimates_are_there_while_labels_are_awaited(counting: Counting) -> None:
    """A window without a label has estimates, marked as such; what needs labels awaits them."""
    y, s = rows(400, 1)
    window = counted(counting, np.full(400, -1), s)
    measurements = measure(counting.plan(), window, reference_of(counting), labels=AWAITED)
    found = {m.metric: m for m in measurements if m.estimated}
    assert set(found) == {
        name for name, u in METRICS.items() if u.kind == "estimate" and u.core and "binary" in u.tasks
    }
    assert all(isinstance(m.result, Value) and m.reference == "r" for m in found.values())
    assert {
        m.result
        for m in measurements
        if m.metric.startswith("performance.") and m.metric != "performance.selection_rate"
    } == {AWAITED}
    realised = METRICS["performance.accuracy"].compute(counted(counting, y, s).all_rows)
    assert isinstance(realised, Value)
    result = found["estimated.accuracy"].result
    assert isinstance(result, Value)
    assert result.interval is not None
    assert result.interval.low <= realised.value <= result.interval.high


def test_days_merge_to_the_week(counting: Counting) -> None:
    """Seven days added up give the estimate of the week, bit by bit."""
    days = [counted(counting, *rows(60, 10 + k)) for k in range(7)]
    week = counted(
        counting, *(np.concatenate(part) for part in zip(*(rows(60, 10 + k) for k in range(7)), strict=True))
    )
    baseline = ScoreBaseline(reference_of(counting))
    both = [baseline.scored(one.all_rows, ALL_ROWS, Circumstances()) for one in (merge(days), week)]
    results = [one.estimate("roc_auc") for one in both if not isinstance(one, Undefined)]
    assert len(results) == 2
    assert results[0] == results[1]


def test_labels_of_the_window_play_no_part(counting: Counting) -> None:
    """The same scores with other labels, or none, have the same estimate: concept drift cannot be seen."""
    y, s = rows(400, 2)
    assert estimated(counting, y, s) == estimated(counting, 1 - y, s) == estimated(counting, np.full(400, -1), s)


def test_covariate_shift_is_followed(counting: Counting) -> None:
    """Higher scores have other accuracy and precision: the estimate moves to what labels show, within its interval."""
    y, s = rows(4000, 3, a=5.0, b=2.0)
    whole = counted(counting, y, s).all_rows
    units = [one for one in METRICS.values() if one.kind == "estimate" and "binary" in one.tasks]
    uncounted = {"estimated.brier", "estimated.log_loss"}  # the sums of losses are not counted here
    for unit in (one for one in units if one.id not in uncounted):
        name = unit.id.removeprefix("estimated.")
        given = NEEDED.get(name, {})
        value = estimated(counting, y, s, name, given)
        realised = METRICS[f"performance.{name}"].compute(whole, **given)
        assert isinstance(realised, Value)
        assert value.interval is not None
        assert value.interval.low <= realised.value <= value.interval.high, name


def test_scores_that_the_reference_has_not_are_not_trusted(counting: Counting) -> None:
    """The reference has scores below 0.4; a window of higher ones has no estimate, a few of them widen the interval."""
    y, s = rows(3000, 4)
    low = s < 0.4
    before = counted(counting, y[low], s[low])
    baseline = ScoreBaseline(Reference("r", "", (), (), 0, 0.0, before, ()))
    now_y, now = rows(1000, 5)
    few = np.concatenate([np.flatnonzero(now < 0.4), np.flatnonzero(now >= 0.45)[:40]])
    results = []
    for chosen in (np.flatnonzero(now < 0.4), few, np.arange(1000)):
        scored = baseline.scored(counted(counting, now_y[chosen], now[chosen]).all_rows, ALL_ROWS, Circumstances())
        assert not isinstance(scored, Undefined)
        results.append(scored.estimate("accuracy"))
    assert width(results[1]) > width(results[0])
    assert isinstance(results[2], Undefined)
    assert results[2].cause is Cause.TOO_FEW
    assert results[2].reason.startswith("not to be trusted: ")
    assert results[2].reason.endswith("of the rows have scores that the reference has no labels of")


def test_features_that_the_reference_has_not_are_not_trusted(counting: Counting) -> None:
    """A column that was never missing is missing in a fifth of the rows: no estimate; in a twentieth: a wider one."""
    y, s = rows(400, 6)
    plan = counting.plan(counting.model(), [counting.numeric("x", np.linspace(0, 1, 400))])
    base = reference_of(counting)
    before = replace(base.statistics, columns={"x": counting.column(plan.columns[0], np.linspace(0, 1, 400))})
    reference = replace(base, columns=plan.columns, statistics=before)
    found = []
    for missing in (0, 20, 80):
        x = np.linspace(0, 1, 400)
        x[:missing] = np.nan
        window = replace(counted(counting, y, s), columns={"x": counting.column(plan.columns[0], x)})
        measurements = measure(plan, window, reference, selected=["estimated.accuracy"])
        found.append(measurements[0])
    assert width(found[1].result) > 1.1 * width(found[0].result)
    assert found[1].detail == "5% of the rows have values of x that the reference has not: the interval is wider"
    assert found[2].result == Undefined(
        "not to be trusted: 20% of the rows have values of x that the reference has not", 400, Cause.TOO_FEW
    )


def test_a_window_much_longer_than_those_of_the_reference_is_noted(counting: Counting) -> None:
    """By what long windows differ is not known from short ones; windows as long as they are have no note."""
    reference = reference_of(counting)
    typical = sum(part.quality.rows for part in reference.windows) / len(reference.windows)
    for times, noted in ((1, False), (6, True)):
        window = counted(counting, *rows(round(times * typical), 7))
        plan = counting.plan(counting.model(), [])
        (found,) = measure(plan, window, reference, selected=["estimated.accuracy"])
        assert found.detail.startswith(f"the reference's windows have {typical:,.0f} rows") == noted


def test_earlier_errors_widen_the_interval(counting: Counting) -> None:
    """Five estimates that were 0.1 too high make the next interval reach that far; errors by chance do not."""
    y, s = rows(400, 7)
    plain = estimated(counting, y, s)
    small = estimated(counting, y, s, past=PastErrors((0.01, -0.01, 0.01, -0.02, 0.0)))
    wide = estimated(counting, y, s, past=PastErrors((0.1,) * 5))
    few = estimated(counting, y, s, past=PastErrors((0.1,) * 4))
    assert plain == small == few
    assert wide.interval is not None
    assert wide.interval.low < wide.value - 0.1
    assert PastErrors((0.5, *(0.1,) * 12)).bias == pytest.approx(0.1)


def test_estimates_are_doubted_where_all_features_drift_together(counting: Counting) -> None:
    """Evidence of joint drift, where it is measured, is noted on every estimate, and on nothing else."""
    joint = Measurement("drift.domain_classifier_auc(folds=3)", 1, Value(0.9, 10, p_value=0.001))
    quiet = Measurement("drift.domain_classifier_auc", 1, Value(0.5, 10, p_value=0.4))
    estimate = Measurement("estimated.f1", 1, Value(0.9, 10), estimated=True, detail="noted")
    assert doubted([estimate, quiet]) == [estimate, quiet]
    found = doubted([estimate, joint])
    assert found[0].detail == (
        "noted; the features have drifted together (drift.domain_classifier_auc(folds=3)): trust it less"
    )
    assert found[1] == joint


def test_segments_have_their_own_calibration_where_they_can(counting: Counting) -> None:
    """A segment with a thousand labels is calibrated on its own, a small one on all rows, which its detail says."""
    y, s = rows(2600, 8)
    g = np.array(["A"] * 1300 + ["B"] * 1280 + ["C"] * 20)
    y[:1300] = 1 - y[:1300]

    def split(y: Any, s: Any, g: Any) -> Statistics:
        segments = counting.groups(g, "g", y=y, predicted=(s >= 0.5).astype(int), scores=s)
        return Statistics(QualityCounts(y.size), segments=segments)

    reference = Reference("r", "", (), (), 0, 0.0, split(y, s, g), ())
    _, now = rows(300, 9)
    window = split(np.full(300, -1), now, np.repeat(["A", "B", "C"], 100))
    measurements = measure(counting.plan(), window, reference, selected=["estimated.roc_auc"])
    by_segment = {str(m.segment): m for m in measurements}
    values = {name: m.result.value for name, m in by_segment.items() if isinstance(m.result, Value)}
    assert values["g=A"] < 0.52
    assert values["g=B"] > 0.6
    assert by_segment["g=A"].detail == ""
    assert by_segment["g=C"].detail == ("calibrated on all rows of the reference: it has too few labels of the segment")


def test_what_windows_differ_by_is_learned_out_of_sample(counting: Counting) -> None:
    """Windows whose chances differ by 0.15 up and down make wider intervals than windows that are alike."""
    widths = []
    for wobble in (0.0, 0.15):
        parts = [counted(counting, *rows(400, 200 + k, level=wobble * (-1) ** k)) for k in range(12)]
        baseline = ScoreBaseline(Reference("r", "", (), (), 0, 0.0, merge(parts), tuple(parts)))
        scored = baseline.scored(parts[0].all_rows, ALL_ROWS, Circumstances())
        assert not isinstance(scored, Undefined)
        result = scored.estimate("precision")
        assert isinstance(result, Value)
        widths.append(width(result))
    assert widths[1] > 2 * widths[0]


def test_a_reference_without_labels_says_so(counting: Counting) -> None:
    """No label, or too few, and statistics of an older kind: each has its reason."""
    y, s = rows(300, 10)
    without = counted(counting, np.full(300, -1), s)
    for whole, reason in (
        (without, "the reference has too few labels to calibrate scores"),
        (Statistics(QualityCounts(1), segments={}), "the reference has no labelled row with a valid score"),
    ):
        baseline = ScoreBaseline(Reference("r", "", (), (), 0, 0.0, whole, ()))
        found = baseline.scored(without.all_rows, ALL_ROWS, Circumstances())
        assert isinstance(found, Undefined)
        assert found.reason == reason
    old = replace(counted(counting, y, s).all_rows, score_decisions=None)
    found = ScoreBaseline(reference_of(counting)).scored(old, ALL_ROWS, Circumstances())
    assert found == Undefined("the rows are not counted by score and prediction", 300)


def regression(n: int, seed: int, *, a: float = 2.0) -> tuple[Any, Any, Any]:
    """A feature, errors that grow with it and have a bias, and labels between 20 and 40 that do too."""
    rng = np.random.default_rng(seed)
    x = rng.beta(a, 2, n)
    return x, rng.normal(x / 2, 0.2 + 2 * x), 20 + 20 * x


def test_direct_loss_estimation_follows_the_features(counting: Counting) -> None:
    """Windows of larger x have larger errors, within the interval; unknown features and no rows have none."""
    learned, errors, labels = regression(6000, 0)
    tree = fit_loss_tree({"x": learned}, errors, labels)
    assert tree is not None

    def window(x: Any, e: Any, y: Any) -> Statistics:
        part = SegmentStatistics(e.size, e.size, errors=counting.errors(y + e, y))
        leaves = {ALL_ROWS: np.bincount(tree.leaf({"x": x}, e.size), minlength=tree.size)}
        return Statistics(QualityCounts(e.size), segments={ALL_ROWS: part}, leaves=leaves)

    parts = [window(*regression(300, 20 + k)) for k in range(6)]
    reference = Reference("r", "", (), (), -40, 0.0, merge(parts), tuple(parts), loss_tree=tree)
    now = window(*regression(1000, 40, a=6.0))
    plan = counting.plan(counting.model("regression"), [], loss_tree=tree)
    for name in (
        "mae",
        "mse",
        "rmse",
        "mean_error",
        "mape",
        "smape",
        "msle",
        "rmsle",
        "pinball_loss",
        "pinball_loss(level=0.9)",
    ):
        (found,) = measure(plan, now, reference, selected=[f"estimated.{name}"])
        realised, before = (
            find(f"performance.{name}").compute(part.errors, 2.0**-40)
            for part in (now.all_rows, reference.statistics.all_rows)
        )
        assert isinstance(found.result, Value)
        assert isinstance(found.result.interval, Interval)
        assert isinstance(realised, Value)
        assert found.estimated
        assert found.result.interval.low <= realised.value <= found.result.interval.high
        assert isinstance(before, Value)
        assert found.result.value > 1.15 * before.value
    baseline = LossBaseline(reference)
    assert isinstance(baseline.leaves(None, ALL_ROWS, Circumstances()), Undefined)
    empty = baseline.leaves(np.zeros(tree.size, dtype=np.int64), ALL_ROWS, Circumstances())
    assert not isinstance(empty, Undefined)
    assert empty.estimate("mae") == Undefined("no rows")
    strange = baseline.leaves(now.leaves[ALL_ROWS], Segment(), Circumstances(0.2, "x"))  # type: ignore[index]  # it has leaves
    assert not isinstance(strange, Undefined)
    assert isinstance(strange.estimate("mae"), Undefined)
    bare = LossBaseline(replace(reference, loss_tree=None)).leaves(None, ALL_ROWS, Circumstances())
    assert isinstance(bare, Undefined)
    assert bare.cause is Cause.TOO_FEW


def test_intervals_by_hand() -> None:
    """A variance of p(1-p)/n alone is Wilson's interval of n rows, or the normal one where that reaches farther."""
    around, normal = wilson(15, 50), 1.959964 * (0.21 / 50) ** 0.5
    found = bounded(0.3, (0, 1), [Variance(0.21 / 50)], "m")
    assert (found.low, found.high) == pytest.approx((0.3 - normal, around.high), abs=1e-6)
    twice = bounded(-0.4, (-1, 1), [Variance(4 * 0.21 / 50)], "m")
    assert ((twice.low + 1) / 2, (twice.high + 1) / 2) == pytest.approx((found.low, found.high), abs=1e-12)
    assert bounded(0.95, (0, 1), [Variance(0.95 * 0.05 / 30)], "m").high == 1  # all of 30 rows right: one in five
    assert bounded(2.0, (2, 2), [Variance(1.0)], "m") == Interval(2.0, 2.0, "m")
    assert mean(3.0, [Variance(0.25)], "m").high == pytest.approx(3 + 1.95996 / 2, abs=1e-4)
    assert quantile([Variance(1.0, 4)]) == pytest.approx(2.776, abs=0.02)
    assert quantile([Variance(1.0), Variance(0.0, 4)]) == pytest.approx(1.96, abs=0.001)
    assert positive(0.0, [Variance(0.25)], "m").low == 0
    assert positive(2.0, [Variance(0.01)], "m").low == pytest.approx(2 * np.exp(-1.96 * 0.1 / 2), rel=1e-3)
    ends = bounded(1.0, (0, 1), [Variance(1e-4)], "m")
    assert ends.high == 1
    assert 0.9 < ends.low < 1


def test_excess_is_the_posterior_of_a_variance() -> None:
    """Errors of -3 and 3 where a variance of 1 was promised: 8 too much, or more, and less open the more there are."""

    def density(log: float, windows: int) -> float:
        chance = stats.norm(0, np.exp(log / 2)).pdf(3) ** windows
        return float(chance * np.exp(-log / 2))

    for windows in (6, 60):
        logs = np.arange(0, 13, 0.001)
        weights = np.array([density(log, windows) for log in logs])
        spread = np.sqrt(np.expm1(logs))
        found = np.sqrt(excess([(3.0, 1.0), (-3.0, 1.0)] * (windows // 2)).value)
        beyond = float(stats.norm.sf(1.959964 * found / np.maximum(spread, 1e-9)) @ weights / weights.sum())
        assert beyond == pytest.approx(0.025, rel=0.03)


def test_excess_that_chance_may_hide_is_kept() -> None:
    """Errors no larger than promised: some is kept, the less the more windows say so; four windows are too few."""
    few, many = (excess([(3.0, 9.0), (-3.0, 9.0)] * half).value for half in (3, 100))
    assert 9 > few > 2 * many > 0
    assert excess([(3.0, 1.0)] * 4).value == 0
