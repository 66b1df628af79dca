"""From interval to verdict: the table of validity, case by case."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from aimsight.aims.evaluation import NOT_MEASURED_RULE, ZERO_TOLERANCE_RULE, OpeningRule, judge
from aimsight.aims.verdicts import Verdict
from aimsight.metrics.values import Cause, Interval, Measurement, Undefined, Value
from aimsight.store.records import ObjectiveVersion

UNIT = (0.0, 1.0)
OPEN = (None, None)


def objective(target: str, tolerance: float = 0.0, *, zero_tolerance: bool = False) -> ObjectiveVersion:
    """An objective with this target."""
    return ObjectiveVersion(
        model="wage-band",
        objective="OBJ-01",
        version=1,
        statement="It stays good.",
        metric="performance.roc_auc",
        column_name="",
        segment="",
        target=target,
        tolerance=tolerance,
        zero_tolerance=zero_tolerance,
        min_rows=30,
        rationale="Agreed at release.",
        owner="owner@example.org",
        due=date(2030, 1, 1),
        severity="minor",
        opens_failures=2,
        opens_of=3,
        policy_ref=None,
        actions=(),
        resources=None,
        content_hash="0" * 64,
        effective_from=datetime(2026, 1, 1, tzinfo=UTC),
    )


def measured(value: float, low: float, high: float, n: int = 1000, q_value: float | None = None) -> Measurement:
    """A measurement with this interval."""
    return Measurement("performance.roc_auc", 1, Value(value, n, Interval(low, high, "test")), q_value=q_value)


@pytest.mark.parametrize(
    ("target", "tolerance", "value", "low", "high", "bounds", "verdict"),
    [
        pytest.param(">= 0.83", 0.01, 0.85, 0.84, 0.86, UNIT, Verdict.CONFORMING, id="above"),
        pytest.param(">= 0.83", 0.01, 0.83, 0.82, 0.84, UNIT, Verdict.CONFORMING, id="on the target"),
        pytest.param(">= 0.83", 0.01, 0.82, 0.80, 0.84, UNIT, Verdict.AT_RISK, id="below but not surely"),
        pytest.param(">= 0.83", 0.01, 0.80, 0.79, 0.815, UNIT, Verdict.NONCONFORMING, id="wholly below the tolerance"),
        pytest.param(">= 0.83", 0.01, 0.82, 0.815, 0.825, UNIT, Verdict.AT_RISK, id="wholly within the tolerance"),
        pytest.param(">= 0.83", 0.01, 0.80, 0.79, 0.821, UNIT, Verdict.AT_RISK, id="upper end within the tolerance"),
        pytest.param(">= 0.83", 0.01, 0.84, 0.60, 0.95, UNIT, Verdict.INSUFFICIENT, id="too wide"),
        pytest.param("<= 0.10", 0.0, 0.08, 0.02, 0.14, UNIT, Verdict.CONFORMING, id="lower is better"),
        pytest.param("<= 0.10", 0.0, 0.30, 0.20, 0.40, UNIT, Verdict.NONCONFORMING, id="a gap too large"),
        pytest.param(
            "<= 0.10", 0.0, 0.09, 0.00, 0.20, UNIT, Verdict.INSUFFICIENT, id="a gap that few rows cannot judge"
        ),
        pytest.param("between -1.5 and 1.5", 0.0, 0.2, -0.1, 0.5, OPEN, Verdict.CONFORMING, id="inside the corridor"),
        pytest.param("between -1.5 and 1.5", 0.0, 1.6, 1.4, 1.8, OPEN, Verdict.AT_RISK, id="over the corridor's edge"),
        pytest.param("between -1.5 and 1.5", 0.0, 2.3, 2.0, 2.6, OPEN, Verdict.NONCONFORMING, id="beyond the corridor"),
        pytest.param(
            "between -1.5 and 1.5", 0.0, -2.3, -2.6, -2.0, OPEN, Verdict.NONCONFORMING, id="below the corridor"
        ),
        pytest.param(
            "between -1.5 and 1.5", 0.0, 0.0, -4.0, 4.0, OPEN, Verdict.INSUFFICIENT, id="wider than the corridor"
        ),
        pytest.param("<= 10", 0.0, 9.0, 1.0, 90.0, OPEN, Verdict.CONFORMING, id="no best value, no width rule"),
    ],
)
def test_verdict_of_an_interval(
    target: str,
    tolerance: float,
    value: float,
    low: float,
    high: float,
    bounds: tuple[float | None, float | None],
    verdict: Verdict,
) -> None:
    """The verdict follows from where the interval lies."""
    assert judge(objective(target, tolerance), measured(value, low, high), bounds).verdict is verdict


def test_an_improvement_is_never_an_alarm() -> None:
    """An accuracy far above target conforms, however large the change (a peer's automatic test fails here)."""
    assert judge(objective(">= 0.59"), measured(0.948, 0.94, 0.955), UNIT).verdict is Verdict.CONFORMING


def test_drift_needs_evidence_beside_effect() -> None:
    """A distance wholly beyond its target is at risk only, as long as chance explains it."""
    assert judge(objective("<= 0.1"), measured(0.3, 0.2, 0.4, q_value=0.3), (0.0, None)).verdict is Verdict.AT_RISK
    assert (
        judge(objective("<= 0.1"), measured(0.3, 0.2, 0.4, q_value=0.01), (0.0, None)).verdict is Verdict.NONCONFORMING
    )


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        (Cause.UNDEFINED, Verdict.NOT_MEASURED),
        (Cause.TOO_FEW, Verdict.INSUFFICIENT),
        (Cause.AWAITING_LABELS, Verdict.AWAITING_LABELS),
    ],
)
def test_no_value_never_conforms(cause: Cause, verdict: Verdict) -> None:
    """Each cause of an undefined result has its verdict, and the reason is passed on."""
    result = judge(objective(">= 0.5"), Measurement("performance.roc_auc", 1, Undefined("one class", 5, cause)), UNIT)
    assert (result.verdict, result.reason) == (verdict, "one class")


def test_no_measurement_is_not_measured() -> None:
    """A metric that was not computed at all is not measured."""
    assert judge(objective(">= 0.5"), None, UNIT).verdict is Verdict.NOT_MEASURED


def test_fewer_rows_than_the_objective_asks_for() -> None:
    """29 rows are one below the default minimum of 30; 30 are enough."""
    assert judge(objective(">= 0.5"), measured(0.9, 0.8, 0.95, n=29), UNIT).verdict is Verdict.INSUFFICIENT
    assert judge(objective(">= 0.5"), measured(0.9, 0.8, 0.95, n=30), UNIT).verdict is Verdict.CONFORMING


def test_zero_tolerance_reads_the_point() -> None:
    """A zero-tolerance objective fails at the first value beyond the target, whatever the interval."""
    strict = objective(">= 0.83", zero_tolerance=True)
    assert judge(strict, measured(0.829, 0.7, 0.9), UNIT).verdict is Verdict.NONCONFORMING
    assert judge(strict, measured(0.83, 0.7, 0.9), UNIT).verdict is Verdict.CONFORMING


def test_a_binned_value_is_judged_with_its_error_bound() -> None:
    """An interval that clears the limit by less than the error bound does not clear it."""
    sure = Measurement("performance.roc_auc", 1, Value(0.80, 1000, Interval(0.79, 0.819, "test"), error_bound=0.0))
    unsure = Measurement("performance.roc_auc", 1, Value(0.80, 1000, Interval(0.79, 0.819, "test"), error_bound=0.002))
    assert judge(objective(">= 0.83", 0.01), sure, UNIT).verdict is Verdict.NONCONFORMING
    assert judge(objective(">= 0.83", 0.01), unsure, UNIT).verdict is Verdict.AT_RISK


@pytest.mark.parametrize(
    ("half", "bound", "what"), [(5.0, 0.1, "the interval is"), (0.1, 1e9, "the cells that values are counted in are")]
)
def test_what_is_too_wide_is_named(half: float, bound: float, what: str) -> None:
    """An error bound of anything, beside a narrow interval, is no want of rows."""
    slope = Measurement("x", 1, Value(1.0, 1000, Interval(1.0 - half, 1.0 + half, "test"), error_bound=bound))
    found = judge(objective("between 0.8 and 1.2"), slope, OPEN)
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.reason == f"{what} too wide to tell conforming from nonconforming"


NC, OK, RISK, NOT = Verdict.NONCONFORMING, Verdict.CONFORMING, Verdict.AT_RISK, Verdict.NOT_MEASURED


@pytest.mark.parametrize(
    ("verdicts", "opens"),
    [
        pytest.param([NC], False, id="first failure"),
        pytest.param([NC, NC], True, id="two in a row"),
        pytest.param([NC, OK, NC], True, id="two of three"),
        pytest.param([NC, OK, OK, NC], False, id="two of four"),
        pytest.param([NC, NC, OK], False, id="the newest does not fail"),
        pytest.param([NC, RISK, RISK], False, id="at risk is not failing"),
        pytest.param([], False, id="nothing yet"),
    ],
)
def test_two_of_three_windows_open(verdicts: list[Verdict], opens: bool) -> None:
    """The default rule, on short series with the newest window last."""
    assert OpeningRule(2, 3).due(verdicts, NC) is opens


def test_zero_tolerance_opens_at_once_and_silence_after_two() -> None:
    """One failure is enough for zero tolerance; two windows without a measurement are monitoring not done."""
    assert ZERO_TOLERANCE_RULE.due([NC], NC)
    assert not NOT_MEASURED_RULE.due([NOT], NOT)
    assert NOT_MEASURED_RULE.due([OK, NOT, NOT], NOT)
