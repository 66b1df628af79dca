"""What a plan says is what the metric, the verdict and the rule do: against exact binomials and against simulation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy import stats

from aimsight.aims.evaluation import OpeningRule
from aimsight.aims.planning.plan import plan_objective
from aimsight.aims.planning.power import draws
from aimsight.aims.planning.rule import within
from aimsight.aims.planning.standing import COARSE, ENOUGH, NOT_JUDGED, NOT_PLANNED
from aimsight.aims.planning.volume import calendar_volume
from aimsight.aims.verdicts import Verdict
from aimsight.configs.durations import Duration
from aimsight.metrics.estimates.loss_tree import fit_loss_tree
from aimsight.metrics.plan import Reference
from aimsight.metrics.statistics import IntervalCounts, QualityCounts, SegmentStatistics, Statistics, merge
from aimsight.metrics.values import ALL_ROWS
from aimsight.tests.configurations import a_model, an_objective
from aimsight.tests.metrics.conftest import Counting

RULE = OpeningRule(2, 3)
ROWS = 1200


def wilson_high(right: np.ndarray[Any, np.dtype[np.float64]], rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Upper end of the 95 % Wilson interval, from the textbook formula."""
    z, p = stats.norm.ppf(0.975), right / rows
    centre = p + z * z / (2 * rows)
    return np.asarray((centre + z * np.sqrt(p * (1 - p) / rows + z * z / (4 * rows * rows))) / (1 + z * z / rows))


def exact_failing(share: float, rows: int, limit: float) -> float:
    """Probability that a binomial share's whole interval lies below the limit: all outcomes added up."""
    counts = np.arange(rows + 1)
    fails = wilson_high(counts.astype(np.float64), rows) < limit
    return float(stats.binom.pmf(counts, rows, share)[fails].sum())


def test_the_found_deterioration_is_the_exact_one(references: Any) -> None:
    """Accuracy of independent rows: at the found value, 2 of 3 exact binomial windows fail with 80 and 95 %."""
    plan = references.steady(80).plan(ROWS, tolerance=0.05)
    (own, *_) = plan.found
    assert plan.standing == ENOUGH
    assert (plan.value, plan.limit, own.windows) == (pytest.approx(0.9), pytest.approx(0.75), 3)
    for value, probability in ((own.likely, 0.8), (own.nearly_sure, 0.95)):
        # 80 windows without any excess leave a design effect close to 1
        assert within(RULE, exact_failing(value, ROWS, 0.75), 3) == pytest.approx(probability, abs=0.06)


def test_more_windows_find_smaller_deteriorations(references: Any) -> None:
    """Six windows find less than three do; one window finds nothing where the rule needs two."""
    found = {one.windows: one for one in references.steady().plan(ROWS).found}
    assert found[1].likely is None
    assert 0.8 > found[6].likely > found[3].likely > found[3].nearly_sure


@pytest.mark.parametrize(
    "objective",
    [
        {"metric": "performance.accuracy", "target": ">= 0.8", "tolerance": 0.02},
        {"metric": "fairness.equal_opportunity_difference", "over": "gender", "target": "<= 0.1"},
        {"metric": "drift.psi", "column": "colour", "target": "<= 0.1"},
        {"metric": "performance.false_positive_rate", "target": "<= 0.2", "zero_tolerance": True},
    ],
    ids=lambda one: str(one["metric"]),
)
def test_the_fast_path_agrees_with_simulated_windows(references: Any, objective: dict[str, Any]) -> None:
    """Windows drawn one by one, measured, judged and given to the rule open as often as the plan says."""
    power = references.steady().power(ROWS, **objective)
    value = power.found(0.8, power.rule.of)
    population = power._population(value)
    random, opened, paths = np.random.default_rng(5), 0, 240
    for path in range(paths):
        inflation = power.inflation(ROWS)[path % power.inflation(ROWS).size]
        reference = population.rows / power.effect.mean if power.distance else None
        counts = draws(population.shares, power.rows, float(inflation), power.rule.of, random, reference)
        verdicts = [power.judging.judged(population.statistics(one)).verdict for one in counts]
        opened += any(power.rule.due(verdicts[: place + 1], Verdict.NONCONFORMING) for place in range(power.rule.of))
    assert opened / paths == pytest.approx(0.8, abs=0.09)


def test_false_alarms_at_the_target_are_those_of_the_exact_binomial(references: Any) -> None:
    """At the very target two of three windows fail by chance as often as two binomial tails do."""
    plan = references.steady(80).plan(ROWS)
    fails = exact_failing(0.8, ROWS, 0.8)
    yearly = 365.25 / (1 / (2 * fails * fails))
    assert plan.false_now < 1e-6
    assert plan.false_at_target == pytest.approx(yearly, rel=0.7)


def test_windows_that_differ_by_nature_find_less_and_alarm_more(references: Any) -> None:
    """A restless reference has a design effect, and what is found falls with it."""
    steady, restless = references.steady().plan(ROWS), references.restless().plan(ROWS)
    assert steady.effect < 2
    assert restless.effect > 10
    assert restless.found[0].likely < steady.found[0].likely
    assert restless.false_at_target >= steady.false_at_target


def test_too_few_rows_are_said_with_the_window_that_would_do(references: Any) -> None:
    """120 rows a day cannot be judged by an objective that wants 500; a week or so could."""
    plan = references.steady().plan(120, min_rows=500)
    assert plan.standing == NOT_JUDGED
    assert "120 rows" in plan.sentence
    assert "cannot be judged" in plan.sentence
    assert "minimum of 500" in plan.sentence
    assert plan.rows_needed >= 500
    assert plan.window in {"1 week", "2 weeks", "1 month"}


def test_a_tolerance_that_the_volume_cannot_show_is_said(references: Any) -> None:
    """At 200 rows one tolerance of 0.01 beyond the limit is not found; the plan says how many rows would."""
    plan = references.steady(80).plan(200, tolerance=0.01)
    assert plan.standing == COARSE
    assert plan.asked == pytest.approx(0.78)
    assert plan.found[0].likely < plan.asked
    again = references.steady(80).plan(plan.rows_needed, tolerance=0.01)
    assert again.found[0].likely == pytest.approx(plan.asked, abs=0.005)


def test_overlapping_windows_are_planned_too(references: Any) -> None:
    """A week every day: 365 windows a year that share their rows; false alarms stay below those of separate ones."""
    plan = references.steady().plan(8400, length=Duration(1, "w"))
    assert plan.overlap == 7
    assert plan.windows_a_year == pytest.approx(365.25)
    assert plan.false_at_target < 365.25 * exact_failing(0.8, 8400, 0.8) * 2


def test_a_target_that_the_reference_misses_is_told(references: Any) -> None:
    """At release 0.9, wanted 0.95: what opens now is not false."""
    plan = references.steady().plan(ROWS, target=">= 0.95")
    assert plan.false_now is None
    assert plan.false_at_target > 0
    assert plan.found[0].likely < 0.95


def test_what_cannot_be_drawn_is_not_planned(references: Any) -> None:
    """A column that the reference does not hold, and a metric of the clock, say why instead of a number."""
    plan = references.steady().plan(ROWS, metric="drift.psi", column="shape", target="<= 0.1")
    assert plan.standing == NOT_PLANNED
    assert "shape" in plan.sentence
    fresh = references.steady().plan(ROWS, metric="quality.freshness_hours", target="<= 2")
    assert fresh.standing == NOT_PLANNED


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        ({"metric": "quality.rows", "target": ">= 100"}, "rows a window are what a plan starts from"),
        ({"metric": "quality.freshness_hours", "target": "<= 2"}, "when rows arrive is not in the reference"),
        ({"metric": "drift.domain_classifier_auc", "target": "<= 0.6"}, "set target and tolerance by them"),
        ({"metric": "drift.share_of_drifted_features", "target": "<= 0.2"}, "objectives of their own"),
    ],
    ids=lambda one: str(one["metric"]) if isinstance(one, dict) else "",
)
def test_what_is_not_planned_says_why_and_what_to_do(references: Any, objective: dict[str, Any], why: str) -> None:
    """What the reference does not tell is said in words, with what helps instead."""
    plan = references.steady().plan(ROWS, **objective)
    assert plan.standing == NOT_PLANNED
    assert why in plan.sentence


SEVERAL = {
    "task": "multiclass",
    "positive_label": None,
    "log": {"source": "l.parquet", "timestamp": "at", "prediction": "p", "scores": {"c0": "a", "c1": "b", "c2": "c"}},
}


def planned_on(day: SegmentStatistics, objective: dict[str, Any], model: dict[str, Any], **reference: Any) -> Any:
    """The plan of an objective, of days that are all alike."""
    made = a_model(
        labels={"label": "y"},
        reference={"period": [date(2026, 1, 1), date(2026, 2, 1)]},
        objectives=[an_objective(**objective)],
        **model,
    )
    counted = None if (leaves := reference.pop("leaves", None)) is None else {ALL_ROWS: leaves}
    days = [Statistics(QualityCounts(day.rows), segments={ALL_ROWS: day}, leaves=counted)] * 12
    kept = {"classes": (), "error_exponent": 0, "loss_tree": None, **reference}
    whole = Reference("r", "f" * 64, (), label_center=0.0, statistics=merge(days), windows=tuple(days), **kept)
    volume = calendar_volume(day.rows, "as asked", Duration(1, "d"), Duration(1, "d"))
    return plan_objective(made, made.objectives[0], whole, volume, 30)


def three_classes() -> SegmentStatistics:
    """600 rows of three classes, whose scores come true."""
    random = np.random.default_rng(7)
    scores = random.dirichlet([2, 2, 2], 600)
    labels = (random.random(600)[:, None] > scores.cumsum(axis=1)).sum(axis=1)
    return Counting().classes(labels, scores.argmax(axis=1), 3, scores)


@pytest.mark.parametrize("metric", ["performance.roc_auc", "estimated.recall"])
def test_scores_of_one_class_are_planned_and_of_several_together_not(metric: str) -> None:
    """How the scores of several classes go together is not counted: the plan names the metric of one class instead."""
    classes = {"classes": ("c0", "c1", "c2")}
    one = planned_on(three_classes(), {"metric": f"{metric}(of=c1)", "target": ">= 0.3"}, SEVERAL, **classes)
    assert one.standing != NOT_PLANNED
    assert one.value > 0.4
    whole = planned_on(three_classes(), {"metric": metric, "target": ">= 0.3"}, SEVERAL, **classes)
    assert whole.standing == NOT_PLANNED
    assert f"such as {metric}(of=c0)" in whole.sentence


@pytest.mark.parametrize("metric", ["performance.log_loss", "estimated.brier", "performance.skill(of=brier)"])
def test_no_class_is_named_where_none_can_be_measured_alone(metric: str) -> None:
    """These metrics take no class, so the plan does not advise one."""
    plan = planned_on(three_classes(), {"metric": metric, "target": "<= 0.9"}, SEVERAL, classes=("c0", "c1", "c2"))
    assert plan.standing == NOT_PLANNED
    assert "set target and tolerance by them" in plan.sentence
    assert "of=c0" not in plan.sentence


def test_coverage_of_intervals_is_planned() -> None:
    """900 of 1,000 labels within their interval; at the found value two of three binomial windows fail with 80 %."""
    day = SegmentStatistics(1000, 1000, interval=IntervalCounts(900, 50, 50, 0))
    log = {"source": "l.parquet", "timestamp": "at", "prediction": "p", "interval": ["low", "high"]}
    model = {"task": "regression", "positive_label": None, "log": log}
    objective = {"metric": "performance.interval_coverage", "target": "between 0.85 and 0.97"}
    plan = planned_on(day, objective, model)
    assert plan.value == pytest.approx(0.9)
    low = plan.found[0].likely
    assert low < 0.85
    assert within(RULE, exact_failing(low, 1000, 0.85), 3) == pytest.approx(0.8, abs=0.08)


def test_an_estimate_of_errors_is_planned_from_the_leaves_of_its_tree() -> None:
    """Half of the rows in a leaf with errors of 1, half in one with 3: the estimate moves with the mix, and warns."""
    random = np.random.default_rng(8)
    x = np.repeat([0.0, 1.0], 2000)
    errors = random.choice([-1.0, 1.0], 4000) * (1 + 2 * x)
    tree = fit_loss_tree({"x": x}, errors, np.full(4000, 10.0))
    assert tree is not None
    leaves = np.bincount(tree.leaf({"x": x[::4]}, 1000), minlength=tree.size)
    part = SegmentStatistics(1000, 1000, errors=Counting().errors(10 + errors[::4], np.full(1000, 10.0)))
    model = {"task": "regression", "positive_label": None, "log": {"source": "l", "timestamp": "at", "prediction": "p"}}
    objective = {"metric": "estimated.mae", "target": "<= 2.2"}
    plan = planned_on(part, objective, model, error_exponent=-40, loss_tree=tree, leaves=leaves)
    assert plan.warns
    assert plan.value == pytest.approx(2.0, abs=0.05)
    # a share of 0.6 at the target; 1,000 rows of another mix warn with 80 % at 0.6 + 0.842 sqrt(0.24 / 1000)
    assert plan.found[0].likely == pytest.approx(1 + 2 * (0.6 + 0.842 * (0.24 / 1000) ** 0.5), abs=0.01)
    assert "An estimate opens no record" in plan.sentence


def test_the_same_inputs_give_the_same_plan(references: Any) -> None:
    """Draws are seeded by the objective."""
    assert references.steady().plan(ROWS) == references.steady().plan(ROWS)


def test_draws_vary_by_the_design_effect() -> None:
    """The variance of a share over windows is the multinomial one times the inflation."""
    random = np.random.default_rng(3)
    counts = draws(np.array([0.3, 0.5, 0.2]), 1000, 4.0, 4000, random)
    assert counts.sum(axis=1).tolist() == [1000] * 4000
    assert counts[:, 0].var() == pytest.approx(4.0 * 1000 * 0.3 * 0.7, rel=0.1)
    plain = draws(np.array([0.3, 0.5, 0.2]), 1000, 1.0, 4000, random)
    assert plain[:, 0].var() == pytest.approx(1000 * 0.3 * 0.7, rel=0.1)


@pytest.mark.parametrize("metric", ["performance.accuracy", "performance.recall", "performance.precision"])
def test_the_path_reaches_the_value_that_is_asked_for(references: Any, metric: str) -> None:
    """The tilted population has exactly the wanted value, worse and better than the reference."""
    power = references.steady().power(ROWS, metric=metric)
    for wanted in (0.6, 0.8, 0.95):
        strength = power.path.strength_of(wanted)
        assert power.path.value(strength) == pytest.approx(wanted, abs=1e-5)


def test_the_expected_window_is_the_reference(references: Any) -> None:
    """As many rows as the reference has give its own counts again."""
    case = references.steady()
    power = case.power(ROWS)
    whole = case.reference.statistics.all_rows
    found = power.base.statistics(power.base.expected(whole.rows)).all_rows
    assert replace(found.binary, predicted=0, selected=0) == pytest.approx(
        replace(whole.binary, predicted=0, selected=0)
    )
