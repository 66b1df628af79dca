"""Drift of a whole window, label drift, seasons of the reference and the false discovery rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from aimsight.configs.errors import NotFoundError
from aimsight.metrics.evidence import q_values
from aimsight.metrics.inputs import FeatureDrift, FeatureDrifts
from aimsight.metrics.kinds.scope import DriftOptions
from aimsight.metrics.measure import measure
from aimsight.metrics.plan import Window
from aimsight.metrics.registry import METRICS, find
from aimsight.metrics.samples import SamplePair
from aimsight.metrics.seasons import Seasons, shortage
from aimsight.metrics.values import Cause, Interval, Measurement, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.statistics import Statistics
    from aimsight.tests.metrics.conftest import Counting

SHARE, WEIGHTED = "drift.share_of_drifted_features", "drift.importance_weighted"


def drift(column: str, value: float, q: float, importance: float | None = None) -> FeatureDrift:
    """A feature's drift with an interval of 0.05 on either side."""
    interval = Interval(max(value - 0.05, 0.0), value + 0.05, "delta")
    return FeatureDrift(column, Value(value, 500, interval, p_value=q), q, importance)


def value_of(metric: str, drifts: FeatureDrifts) -> Value:
    """Compute a metric that must have a value."""
    found = find(metric).compute(drifts)
    assert isinstance(found, Value), found
    return found


FOUR = FeatureDrifts(
    (drift("a", 0.40, 0.001, 3.0), drift("b", 0.12, 0.010, 1.0), drift("c", 0.12, 0.300), drift("d", 0.02, 0.001, 6.0)),
    ("e",),
    500,
)


def test_the_share_of_drifted_features_by_hand() -> None:
    """A and b are far and sure, c is not sure, d not far: 2 of 4; surely 1 (a), at most 3; e could not be measured."""
    found = value_of(SHARE, FOUR)
    assert (found.value, found.n) == (0.5, 500)
    assert found.interval == Interval(0.25, 0.75, "features' intervals")
    assert found.detail == "drifted: a (0.4), b (0.12); not measured: e"
    assert value_of(f"{SHARE}(threshold=0.2)", FOUR).value == 0.25
    assert value_of(f"{SHARE}(q=0.5)", FOUR).value == 0.75


def test_the_evidence_that_any_feature_changed_is_simes() -> None:
    """P = .001 .001 .01 .3: the least of 4 p / rank is .002."""
    assert value_of(SHARE, FOUR).p_value == pytest.approx(0.002)


def test_drift_weighted_by_importance_by_hand() -> None:
    """(3 * .4 + 1 * .12 + 6 * .02) / 10 = .144; first a (1.2), then b and d (.12 each); c has no importance."""
    found = value_of(WEIGHTED, FOUR)
    assert found.value == pytest.approx(0.144)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(((3 * 0.35 + 0.07) / 10, 0.194))
    assert found.detail == "first a (0.4 x 3), b (0.12 x 1), d (0.02 x 6); not measured: e"


def test_without_importance_or_features_it_is_undefined() -> None:
    """No declared importance, or nothing measured: the reason."""
    plain = FeatureDrifts((drift("a", 0.4, 0.1), drift("b", 0.4, 0.1, 0.0)), (), 500)
    assert find(WEIGHTED).compute(plain) == Undefined(
        "no feature with a drift value has a declared importance above 0", 500
    )
    for metric in (SHARE, WEIGHTED):
        assert find(metric).compute(FeatureDrifts((), ("a",), 9)) == Undefined("no feature has a drift value", 9)


class Case:
    """Three numbers of which one shifts, a prediction and a label."""

    def __init__(self, counting: Counting, *, shift: float = 0.0, **model: Any) -> None:
        rng = np.random.default_rng(51)
        self.counting = counting
        self.features = {"x": {"kind": "numeric", "importance": 2}, "y": "numeric", "z": "numeric"}
        before: dict[str, Any] = {name: rng.normal(size=3000) for name in "xyz"}
        before["label"] = [*rng.choice(["0", "1"], 2000), *[None] * 1000]
        self.plans = [
            *(counting.numeric(name, before[name]) for name in "xyz"),
            counting.category("label", ("0", "1"), role="label"),
        ]
        self.reference: Reference = counting.reference(self.plans, before, parts=6)
        self.now: dict[str, Any] = {name: rng.normal(shift if name == "x" else 0, 1, 500) for name in "xyz"}
        self.now["label"] = [*rng.choice(["0", "1"], 200), *[None] * 300]
        self.model = counting.model(features=self.features, labels={"label": "label"}, **model)

    def measured(self, *selected: str, **options: Any) -> list[Measurement]:
        """Measurements of the window."""
        plan = self.counting.plan(self.model, self.plans)
        statistics: Statistics = self.counting.window(self.plans, self.now)
        return measure(plan, statistics, self.reference, selected=selected, **options)


def test_the_features_are_measured_for_the_summary(counting: Counting) -> None:
    """A shifted column is one of three features; by another distance too; score and label are no features."""
    for by in ("drift.psi", "drift.hellinger", "drift.ks"):
        (found,) = Case(counting, shift=1.0).measured(f"{SHARE}(by={by}, threshold=0.15)")
        assert found.metric == f"{SHARE}(by={by}, threshold=0.15)" or by == "drift.psi"
        assert isinstance(found.result, Value)
        assert found.result.value == pytest.approx(1 / 3)
        assert found.detail.startswith("drifted: x (")
        assert found.reference == "period 2025"
    (weighted,) = Case(counting, shift=1.0).measured(WEIGHTED)
    assert weighted.detail.startswith("first x (")


def test_what_is_no_distance_cannot_summarise(counting: Counting) -> None:
    """A change of either sign, or a metric of something else, is refused with the reason; an unknown one by name."""
    for by in ("drift.missing_share_change", "performance.accuracy"):
        (found,) = Case(counting).measured(f"{SHARE}(by={by})")
        assert found.result == Undefined(f"{by} is no distance of drift", 500)
    with pytest.raises(NotFoundError, match=r"drift\.psi"):
        Case(counting).measured(f"{SHARE}(by=drift.psy)")


def test_labels_drift_by_those_that_are_there(counting: Counting) -> None:
    """A column of role label: rows without a label do not count, so fewer of them are no drift; awaited is a state."""
    case = Case(counting)
    (found,) = [one for one in case.measured("drift.psi") if one.column == "label"]
    assert isinstance(found.result, Value)
    assert found.result.n == 200
    assert (found.result.p_value or 0) > 0.05
    case.now["label"] = [*["1"] * 200, *[None] * 300]
    (changed,) = [one for one in case.measured("drift.psi") if one.column == "label"]
    assert isinstance(changed.result, Value)
    assert (changed.result.p_value or 1) < 0.01
    awaited = Undefined("awaiting labels: 200 of 500 rows have one", 200, Cause.AWAITING_LABELS)
    found_all = case.measured("drift.psi", "drift.missing_share_change", labels=awaited)
    assert [one.result for one in found_all if one.column == "label"] == [awaited]
    assert {one.column for one in found_all} == {"x", "y", "z", "label"}


def test_yekutieli_agrees_with_scipy() -> None:
    """Adjusted whatever the dependence: SciPy's "by"."""
    p = [0.04, 0.001, 0.2, 0.03, 0.9]
    assert q_values(p, dependent=True) == pytest.approx(list(stats.false_discovery_control(p, method="by")), abs=1e-12)


def test_the_false_discovery_rate_can_be_chosen(counting: Counting) -> None:
    """Four columns: Yekutieli's q-values are 1 + 1/2 + 1/3 + 1/4 times as large (or 1), also within the summary."""
    case = Case(counting, shift=0.2)
    plain, dependent = (case.measured("drift.psi", SHARE, drift=DriftOptions(fdr=fdr)) for fdr in ("bh", "by"))
    for one, other in zip(plain[:4], dependent[:4], strict=True):
        assert one.q_value is not None
        assert other.q_value == pytest.approx(min(one.q_value * 25 / 12, 1), rel=1e-9)


def days(start: datetime, count: int) -> list[Window]:
    """So many days."""
    return [Window(start + timedelta(days=i), start + timedelta(days=i + 1)) for i in range(count)]


def weekly(counting: Counting, level: float) -> tuple[Seasons, Any]:
    """Eight weeks of days whose weekends lie elsewhere, and what counts a day."""
    rng = np.random.default_rng(61)
    spans = days(datetime(2026, 3, 2, tzinfo=UTC), 56)
    everything = np.concatenate([rng.normal(size=4000), rng.normal(level, 1, 1600)])
    plan = counting.numeric("x", everything)

    def day(span: Window) -> Statistics:
        return counting.window([plan], {"x": rng.normal(level if span.start.weekday() >= 5 else 0, 1, 100)})

    parts = [day(span) for span in spans]
    whole = counting.reference([plan], {"x": everything})
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    reference = replace(whole, statistics=total, windows=tuple(parts))
    return Seasons(reference, spans, "weekday", "UTC"), day


def test_a_reference_too_short_for_seasons_is_told() -> None:
    """Nothing when every weekday is there three times; else which are not, or that none is."""
    start = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
    assert shortage(days(start, 21), "weekday", "UTC") == ""
    assert shortage(days(start, 19), "weekday", "UTC").startswith(
        "the reference has fewer than 3 windows of a Saturday,"
    )
    assert shortage(days(start, 14), "weekday", "UTC").startswith("no weekday has 3 of the reference's 14 windows")
    assert "February, March" in shortage(days(datetime(2026, 1, 1, tzinfo=UTC), 31), "month", "UTC")


def test_a_weekday_is_compared_with_its_own_kind(counting: Counting) -> None:
    """A Sunday among Sundays is no drift; a Sunday like a weekday is, which the whole reference cannot see."""
    seasons, day = weekly(counting, 1.5)
    monday, sunday = days(datetime(2026, 5, 4, tzinfo=UTC), 7)[0], days(datetime(2026, 5, 4, tzinfo=UTC), 7)[6]
    model = counting.model(features={"x": "numeric"})
    plan = counting.plan(model, seasons.reference.columns)

    def p_value(statistics: Statistics, of: Window, *, seasonal: bool) -> float:
        options = DriftOptions(counterpart=seasons.of(of)) if seasonal else DriftOptions()
        (found,) = measure(plan, statistics, seasons.reference, selected=["drift.ks"], drift=options)
        assert isinstance(found.result, Value)
        assert (found.detail != "") == seasonal
        return found.result.p_value or 0.0

    assert p_value(day(sunday), sunday, seasonal=True) > 0.05
    assert p_value(day(monday), sunday, seasonal=True) < 1e-6
    assert p_value(day(monday), sunday, seasonal=False) > 1e-3
    assert p_value(day(monday), monday, seasonal=True) > 0.05


def test_a_season_says_which_windows_it_is_of(counting: Counting) -> None:
    """The note names their number, kind and dates; the same season is made once."""
    seasons, _ = weekly(counting, 0.5)
    window = days(datetime(2026, 5, 10, tzinfo=UTC), 1)[0]
    found = seasons.of(window)
    assert found.note == "compared with 8 reference windows of a Sunday, 2026-03-08 to 2026-04-26"
    assert found.baseline is not None
    assert len(found.baseline.reference.windows) == 8
    assert found.baseline.reference.statistics.quality.rows == 800
    assert seasons.of(window) is found


def test_with_too_few_windows_of_a_season_the_whole_reference_counts(counting: Counting) -> None:
    """Eight weeks from March on hold no May: the note says what a window is compared with instead."""
    seasons, _ = weekly(counting, 0.0)
    months = replace(seasons, kind="month", _made={})
    found = months.of(days(datetime(2026, 5, 10, tzinfo=UTC), 1)[0])
    assert found.baseline is None
    assert found.note == "compared with the whole reference: it has 0 windows of a May, fewer than 3"
    assert months.of(days(datetime(2027, 3, 1, tzinfo=UTC), 1)[0]).note.startswith(
        "compared with 30 reference windows of a March"
    )


def test_the_calendar_is_that_of_the_time_zone(counting: Counting) -> None:
    """Sunday 23:00 UTC is a Monday in Berlin."""
    seasons, _ = weekly(counting, 0.0)
    berlin = replace(seasons, zone="Europe/Berlin", _made={})
    late = datetime(2026, 5, 10, 23, tzinfo=UTC)
    assert "of a Monday" in berlin.of(Window(late, late + timedelta(days=1))).note


def test_rows_are_sampled_once_and_only_when_needed(counting: Counting) -> None:
    """Two metrics of rows share one draw; none asks for it, and without a way to draw they are undefined."""
    case, draws = Case(counting), []
    rng = np.random.default_rng(1)

    def draw() -> SamplePair:
        draws.append(1)
        return SamplePair({"x": rng.normal(size=200)}, {"x": rng.normal(size=200)}, {"x": "numeric"})

    names = [unit.id for unit in METRICS.values() if unit.kind == "sample"]
    case.measured("drift.psi", drift=DriftOptions(samples=draw))
    assert draws == []
    found = case.measured(*names, drift=DriftOptions(samples=draw))
    assert [one.metric for one in found] == names
    assert draws == [1]
    assert all(isinstance(one.result, Undefined) for one in case.measured(*names))
    lost = Undefined("the rows cannot be read: gone")
    assert {one.result for one in case.measured(*names, drift=DriftOptions(samples=lambda: lost))} == {lost}
