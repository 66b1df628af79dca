"""Measuring whole windows: what applies, what is undefined and why, and that one failure never loses the rest."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from aimsight.metrics.measure import measure
from aimsight.metrics.plan import Window
from aimsight.metrics.registry import METRICS
from aimsight.metrics.schema import Schema
from aimsight.metrics.statistics import Latest, QualityCounts, SegmentStatistics, Statistics
from aimsight.metrics.values import ALL_ROWS, Cause, Measurement, Segment, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.plan import ColumnPlan, Plan, Reference
    from aimsight.tests.metrics.conftest import Counting

FEATURES = {"x": {"kind": "numeric", "range": [-5, 5]}, "k": "category"}
SCHEMA = Schema({"x": "number", "k": "text"})
NEEDS_WINDOWS = frozenset({"quality.volume_ratio"})
"""Undefined here, because the reference of these tests has no windows of its own."""
AWAITED = Undefined("awaiting labels: 3 of 400 rows have one", 3, Cause.AWAITING_LABELS)


class Case:
    """A binary model with two features, one protected column and 400 rows in its window."""

    def __init__(self, counting: Counting, *, parts: int = 0, shift: float = 0.0, rows: int = 400) -> None:
        rng = np.random.default_rng(41)
        self.counting = counting
        before: dict[str, Any] = {"x": rng.normal(size=2000), "k": rng.choice(["a", "b"], 2000)}
        self.plans: list[ColumnPlan] = [counting.numeric("x", before["x"]), counting.category("k", ("a", "b"))]
        made = counting.reference(self.plans, before, parts=parts)
        self.reference: Reference = replace(made, statistics=replace(made.statistics, schema=SCHEMA))
        self.y = rng.integers(0, 2, rows)
        self.s = np.clip(0.3 * self.y + 0.7 * rng.random(rows), 0, 1)
        self.p = (self.s > 0.5).astype(int)
        self.g: list[str | None] = list(rng.choice(["F", "M"], rows))
        self.now: dict[str, Any] = {"x": rng.normal(shift, size=rows), "k": rng.choice(["a", "b"], rows)}
        self.model = counting.model(features=FEATURES, protected=["gender"])
        self.plan: Plan = counting.plan(self.model, self.plans)

    @property
    def statistics(self) -> Statistics:
        """Statistics of the window."""
        segments = self.counting.groups(self.g, "gender", y=self.y, predicted=self.p, scores=self.s)
        counted = self.counting.window(self.plans, self.now, segments)
        return replace(
            counted,
            quality=replace(counted.quality, outside_envelope=0),
            schema=SCHEMA,
            columns=counted.columns | {"x": replace(counted.columns["x"], out_of_range=0)},
        )

    def measured(self, statistics: Statistics | None = None, **options: Any) -> list[Measurement]:
        """Every measurement of the window."""
        plan = options.pop("plan", self.plan)
        return measure(plan, statistics if statistics is not None else self.statistics, self.reference, **options)


def one(measurements: list[Measurement], metric: str, column: str = "", segment: Segment = ALL_ROWS) -> Measurement:
    """The only measurement of this metric, column and segment."""
    (found,) = [m for m in measurements if (m.metric, m.column, m.segment) == (metric, column, segment)]
    return found


def value(measurement: Measurement) -> float:
    """Its value, which must be there."""
    assert isinstance(measurement.result, Value), measurement
    return measurement.result.value


def test_every_applicable_metric_is_measured_once(counting: Counting) -> None:
    """Performance for all rows and two groups, drift per feature, fairness for the group-by, quality per kind."""
    measurements = Case(counting).measured()
    keys = [(m.metric, m.column, str(m.segment)) for m in measurements]
    assert len(keys) == len(set(keys))
    names = {m.metric for m in measurements}
    assert names == {name for name, unit in METRICS.items() if "binary" in unit.tasks and unit.core}
    assert sum(m.metric == "performance.accuracy" for m in measurements) == 3
    assert {m.column for m in measurements if m.metric == "drift.psi"} == {"x", "k"}
    assert {m.column for m in measurements if m.metric == "drift.ks"} == {"x"}
    assert {m.column for m in measurements if m.metric == "quality.unseen_category_share"} == {"k"}
    assert {m.column for m in measurements if m.metric == "quality.out_of_range_share"} == {"x"}
    assert {m.column for m in measurements if m.metric.startswith("fairness.")} == {"gender"}
    assert all(m.reference == "period 2025" for m in measurements if m.metric.startswith("drift."))
    assert all(m.metric_version == METRICS[m.metric].version for m in measurements)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_tasks_measure_what_is_defined_for_them(counting: Counting, task: str) -> None:
    """Multiclass and regression get their metrics and no others; without a reference there is no drift."""
    model = counting.model(task)
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 100)
    if task == "multiclass":
        found = counting.classes(y, y, 3, np.eye(3)[y] * 0.7 + 0.1)
    else:
        found = SegmentStatistics(rows=100, labelled=100, errors=counting.errors(y + 1.0, y))
    plan = counting.plan(model, [counting.numeric("x", y)], error_exponent=-40)
    statistics = counting.window(plan.columns, {"x": y}, {ALL_ROWS: found})
    measurements = measure(plan, statistics, None)
    expected = {name for name, unit in METRICS.items() if unit.core and task in unit.tasks and not unit.needs.reference}
    absent = {
        "quality.out_of_range_share",
        "quality.outside_intended_use_share",
        "performance.interval_coverage",
        *(["quality.label_selection"] if task == "regression" else []),  # nothing that rows are compared by
        *(name for name in expected if name.startswith("fairness.")),
    }
    assert {m.metric for m in measurements} == expected - absent
    assert all(isinstance(m.result, Value) for m in measurements)
    if task == "regression":
        assert value(one(measurements, "performance.mae")) == pytest.approx(1)


def test_trap_e1_groups_are_measured_on_their_own_rows(counting: Counting) -> None:
    """Group a is always right, group b never: peers report 0.5 and 0.5; the truth is 1 and 0."""
    case = Case(counting)
    case.g = ["a", "b"] * 200
    case.p = np.where(np.array(case.g) == "a", case.y, 1 - case.y)
    measurements = case.measured()
    accuracy = [one(measurements, "performance.accuracy", segment=Segment((("gender", g),))) for g in "ab"]
    assert [value(m) for m in accuracy] == [1.0, 0.0]
    assert value(one(measurements, "performance.accuracy")) == 0.5


def test_trap_e4_an_all_null_column_harms_no_other(counting: Counting) -> None:
    """One feature all null in reference and window: its drift is undefined, every other measurement is there."""
    case = Case(counting)
    null = np.full(400, math.nan)
    plans = [*case.plans, counting.numeric("empty", null)]
    before = {"x": case.now["x"], "k": case.now["k"], "empty": null}
    case.reference = counting.reference(plans, before)
    case.plan, case.plans, case.now = counting.plan(case.model, plans), plans, before
    measurements = case.measured()
    assert isinstance(one(measurements, "drift.psi", "empty").result, Undefined)
    assert value(one(measurements, "drift.psi", "x")) == 0
    assert value(one(measurements, "drift.missing_share_change", "empty")) == 0


def test_trap_e7_better_is_not_worse(counting: Counting) -> None:
    """Accuracy rises from 0.59 to 0.95: peers alarm; here each metric says which direction is better."""
    case = Case(counting)
    case.p = np.where(np.arange(400) < 380, case.y, 1 - case.y)
    assert value(one(case.measured(), "performance.accuracy")) == 0.95
    directions = {name: unit.direction for name, unit in METRICS.items()}
    assert directions["performance.accuracy"] == directions["performance.roc_auc"] == "higher"
    assert directions["performance.mae"] == directions["drift.psi"] == directions["quality.missing_share"] == "lower"
    assert directions["performance.mean_error"] == directions["performance.calibration_gap"] == "zero"
    assert directions["fairness.demographic_parity_ratio"] == "one"


def test_trap_e8_the_coverage_of_labels_is_reported(counting: Counting) -> None:
    """Half the labels are missing: the value says which rows it rests on, and coverage is a measurement of its own."""
    case = Case(counting)
    case.y = np.where(np.arange(400) % 2 == 0, case.y, -1)
    measurements = case.measured()
    accuracy = one(measurements, "performance.accuracy")
    assert isinstance(accuracy.result, Value)
    assert accuracy.result.n == 200
    assert accuracy.detail == "labels for 200 of 400 rows"
    assert "labels for 200 of 400 rows" in one(measurements, "fairness.equal_opportunity_difference", "gender").detail
    assert value(one(measurements, "quality.label_coverage")) == 0.5
    assert one(measurements, "performance.selection_rate").detail == ""


def test_trap_e9_no_labels_yet_is_a_state(counting: Counting) -> None:
    """All labels missing: what needs labels is undefined, the rest is measured; nothing crashes."""
    case = Case(counting)
    case.y = np.full(400, -1)
    for m in case.measured():
        needs = METRICS[m.metric].needs.labels and m.metric != "quality.label_coverage"
        assert isinstance(m.result, Undefined if needs or m.metric in NEEDS_WINDOWS else Value), m


def test_labels_that_are_awaited_are_said_to_be(counting: Counting) -> None:
    """The caller's reason stands in every metric that needs labels, fairness included; coverage is still measured."""
    measurements = Case(counting).measured(labels=AWAITED)
    for m in measurements:
        if m.estimated or m.metric == "quality.label_selection":
            assert m.result != AWAITED
        elif METRICS[m.metric].needs.labels and m.metric != "quality.label_coverage":
            assert m.result == AWAITED
        else:
            assert isinstance(m.result, Undefined if m.metric in NEEDS_WINDOWS else Value), m
    assert value(one(measurements, "quality.label_coverage")) == 1


def test_trap_e10_one_class_is_undefined(counting: Counting) -> None:
    """No positive label in the window: recall is undefined, not 0."""
    case = Case(counting)
    case.y = np.zeros(400, dtype=int)
    result = one(case.measured(), "performance.recall").result
    assert result == Undefined("one class: no positive labels", 400, Cause.TOO_FEW)


def test_an_empty_window_has_no_value_at_all(counting: Counting) -> None:
    """No rows: every measurement is undefined, quality.rows included, so that empty is never conforming."""
    case = Case(counting)
    segments = {ALL_ROWS: SegmentStatistics(rows=0, labelled=0)}
    nothing = counting.window(case.plans, {"x": np.array([]), "k": np.array([])}, segments)
    measurements = case.measured(replace(nothing, latest=None))
    assert {m.metric for m in measurements} == {
        name for name, unit in METRICS.items() if "binary" in unit.tasks and unit.core
    }
    assert {m.result for m in measurements} == {Undefined("no rows in the window")}


def test_small_segments_are_not_judged(counting: Counting) -> None:
    """12 rows of a group are fewer than 30: undefined in performance, left out of fairness and listed with n."""
    case = Case(counting)
    case.g = ["X"] * 12 + [None] * 40 + ["F", "M"] * 174
    measurements = case.measured()
    small = one(measurements, "performance.accuracy", segment=Segment((("gender", "X"),)))
    assert small.result == Undefined("12 of the 30 rows that a group needs (min_group)", 12, Cause.TOO_FEW)
    gap = one(measurements, "fairness.demographic_parity_difference", "gender")
    assert isinstance(gap.result, Value)
    assert gap.result.n == 348
    assert gap.detail.endswith(
        "(missing) not compared: group not recorded (n=40); X not compared: fewer than 30 rows (n=12)"
    )
    assert isinstance(one(case.measured(min_group=10), "performance.accuracy", segment=small.segment).result, Value)


def test_one_group_left_is_no_fairness(counting: Counting) -> None:
    """When all but one group are too small the gap is undefined and the detail says why."""
    case = Case(counting)
    case.g = [*["X"] * 12, *["M"] * 388]
    gap = one(case.measured(), "fairness.equalized_odds_difference", "gender")
    assert gap.result == Undefined("fewer than two groups with enough rows", 400, Cause.TOO_FEW)
    assert "X not compared" in gap.detail


def test_intersections_are_group_bys_of_their_own(counting: Counting) -> None:
    """A segment of two columns compares their intersections under the name of both."""
    case = Case(counting)
    case.model = counting.model(features=FEATURES, protected=["gender"], segments=[["gender", "k"]])
    case.plan = counting.plan(case.model, case.plans)
    statistics = case.statistics
    segments = dict(statistics.segments)
    for g in ("F", "M"):
        for k in ("a", "b"):
            rows = (np.array(case.g) == g) & (case.now["k"] == k)
            segments[Segment((("gender", g), ("k", k)))] = counting.binary(case.y[rows], case.p[rows], case.s[rows])
    measurements = case.measured(replace(statistics, segments=segments))
    gap = one(measurements, "fairness.demographic_parity_difference", "gender & k")
    rates = [case.p[(np.array(case.g) == g) & (case.now["k"] == k)].mean() for g in ("F", "M") for k in ("a", "b")]
    assert value(gap) == pytest.approx(max(rates) - min(rates))


def test_a_column_that_could_not_be_counted_says_why(counting: Counting) -> None:
    """The engine's reason stands in the measurements of that column, and in those that need it; no other is lost."""
    case = Case(counting)
    broken = replace(
        case.statistics,
        columns={"k": case.statistics.columns["k"]},
        column_errors={"x": "column x is missing", "p": "column p holds text"},
    )
    measurements = case.measured(broken)
    for metric in ("drift.psi", "drift.ks", "quality.missing_share"):
        assert one(measurements, metric, "x").result == Undefined("column x is missing", 400)
    assert one(measurements, "performance.roc_auc").result == Undefined("column p holds text", 400)
    assert isinstance(one(measurements, "performance.accuracy").result, Value)
    assert isinstance(one(measurements, "drift.psi", "k").result, Value)


def test_a_metric_that_raises_loses_no_other(counting: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in one metric becomes its own reason."""

    def broken(*_: object) -> Undefined:
        raise ZeroDivisionError("by hand")

    case = Case(counting)
    whole = case.measured()
    units = {name: replace(u, compute=broken) if name == "drift.psi" else u for name, u in METRICS.items()}
    monkeypatch.setattr("aimsight.metrics.measure.METRICS", units)
    measurements = case.measured()
    assert one(measurements, "drift.psi", "x").result == Undefined("error: ZeroDivisionError: by hand")
    assert [m for m in measurements if m.metric != "drift.psi"] == [m for m in whole if m.metric != "drift.psi"]


def test_q_values_adjust_over_the_columns_of_one_metric(counting: Counting) -> None:
    """Benjamini-Hochberg within each metric; only drift and the selection of labels have q-values."""
    measurements = Case(counting, shift=0.3).measured()
    for name in ("drift.psi", "drift.missing_share_change", "drift.ks"):
        mine = [m for m in measurements if m.metric == name]
        p = [m.result.p_value for m in mine if isinstance(m.result, Value)]
        assert [m.q_value for m in mine] == pytest.approx(list(stats.false_discovery_control(p)), abs=1e-12)
    tested = ("drift.", "quality.label_selection")
    assert all(m.q_value is None for m in measurements if not m.metric.startswith(tested))


def test_quiet_windows_of_many_columns_raise_few_findings(counting: Counting) -> None:
    """25 columns without any change, 20 windows: at most 15 % of windows show a q-value of 5 % anywhere."""
    rng = np.random.default_rng(8)
    before = {f"x{i}": rng.normal(size=1500) for i in range(25)}
    plans = [counting.numeric(name, values) for name, values in before.items()]
    reference = counting.reference(plans, before)
    plan = counting.plan(counting.model(features=dict.fromkeys(before, "numeric")), plans)
    findings = 0
    for _ in range(20):
        now = counting.window(plans, {name: rng.normal(size=120) for name in before})
        q = [m.q_value for m in measure(plan, now, reference, selected=["drift.psi"])]
        findings += min(x for x in q if x is not None) <= 0.05
    assert findings <= 3


def test_metrics_can_be_selected_by_id_and_glob(counting: Counting) -> None:
    """Ids and globs; nothing selected measures nothing."""
    case = Case(counting)
    selected = {m.metric for m in case.measured(selected=["performance.accuracy", "drift.*"])}
    assert selected == {"performance.accuracy", *(name for name in METRICS if name.startswith("drift."))}
    assert case.measured(selected=[]) == []


def test_what_the_model_does_not_have_is_not_measured(counting: Counting) -> None:
    """No labels, score, id or prediction configured: their metrics are left out rather than undefined."""
    case = Case(counting)
    log = {"source": "log.parquet", "timestamp": "at"}
    model = counting.model(features=FEATURES, log=log, labels=None)
    names = {m.metric for m in case.measured(plan=counting.plan(model, case.plans))}
    assert names == {
        name
        for name, unit in METRICS.items()
        if "binary" in unit.tasks
        and unit.core
        and not (unit.needs.labels or unit.needs.score or unit.needs.prediction or unit.needs.id)
    }


def test_columns_counted_with_other_cells_are_not_compared(counting: Counting) -> None:
    """Counts of other cells would be compared silently wrong: undefined instead."""
    case = Case(counting)
    other = counting.column(counting.category("k", ("a", "b", "c")), case.now["k"])
    mixed = replace(case.statistics, columns=case.statistics.columns | {"k": other})
    result = one(case.measured(mixed), "drift.psi", "k").result
    assert result == Undefined("counted with other cells than the reference", 400)


def test_freshness_is_measured_to_the_windows_end(counting: Counting) -> None:
    """From the latest event to the end of the window that is named, or to the run's moment when that comes first."""
    case = Case(counting)
    end = datetime(2026, 1, 12, tzinfo=UTC)
    statistics = replace(case.statistics, latest=Latest(end - timedelta(hours=5)))
    assert value(one(case.measured(statistics), "quality.freshness_hours")) == 5
    longer = Window(end - timedelta(days=7), end + timedelta(days=7))
    assert value(one(case.measured(statistics, window=longer), "quality.freshness_hours")) == 5 + 7 * 24
    early = replace(case.plan, as_of=end - timedelta(hours=3))
    assert value(one(case.measured(statistics, plan=early), "quality.freshness_hours")) == 2


def test_exact_drift_has_no_error_bound(counting: Counting) -> None:
    """With all values counted, KS equals SciPy's and states no error; binned it states one."""
    case = Case(counting, shift=0.2)
    before = {"x": np.random.default_rng(3).normal(size=2000), "k": ["a"] * 2000}
    case.reference = counting.reference(case.plans, before, exact=True)
    plan = counting.plan(case.model, case.plans, exact_drift=True)
    statistics = counting.window(case.plans, case.now, case.statistics.segments, exact=True)
    exact = one(case.measured(statistics, plan=plan), "drift.ks", "x").result
    assert isinstance(exact, Value)
    assert exact.value == pytest.approx(float(stats.ks_2samp(before["x"], case.now["x"]).statistic), abs=1e-12)
    assert exact.error_bound == 0
    binned = one(case.measured(statistics), "drift.ks", "x").result
    assert isinstance(binned, Value)
    assert binned.error_bound > 0


def test_the_references_own_windows_weaken_the_evidence(counting: Counting) -> None:
    """The same change is weaker evidence when the reference's own windows differ as much; its interval stays."""
    rng = np.random.default_rng(12)
    levels = np.repeat(rng.normal(size=12) * 0.3, 200)
    wandering = {"x": rng.normal(levels), "k": ["a"] * 2400}
    case = Case(counting, shift=0.3)
    case.reference = counting.reference(case.plans, wandering)
    sure = one(case.measured(), "drift.wasserstein_normed", "x").result
    case.reference = counting.reference(case.plans, wandering, parts=12)
    unsure = one(case.measured(), "drift.wasserstein_normed", "x").result
    assert isinstance(sure, Value)
    assert isinstance(unsure, Value)
    assert sure.value == unsure.value
    assert (sure.p_value or 1) < 0.01
    assert (unsure.p_value or 0) > 0.05
    assert unsure.interval == sure.interval


def test_a_log_without_ids_has_no_duplicates(counting: Counting) -> None:
    """Where the engine could not look for duplicates there is no share of them."""
    case = Case(counting)
    blind = replace(case.statistics, quality=QualityCounts(rows=400))
    assert one(case.measured(blind), "quality.duplicate_share").result == Undefined("the log has no id", 400)


def test_a_broken_reference_column_harms_no_other(counting: Counting) -> None:
    """Windows of the reference that disagree about a column's cells: only that column's drift is lost."""
    case = Case(counting, parts=4)
    first, *rest = case.reference.windows
    broken = replace(first, columns=first.columns | {"k": counting.column(counting.category("k", ()), ["a"])})
    case.reference = replace(case.reference, windows=(broken, *rest))
    measurements = case.measured()
    result = one(measurements, "drift.psi", "k").result
    assert isinstance(result, Undefined)
    assert result.reason.startswith("error: ")
    assert isinstance(one(measurements, "drift.psi", "x").result, Value)
