"""What an estimate may do: warn, and stand beside what awaits its labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from aimsight.aims.estimates import beside, estimate_of, is_estimated
from aimsight.aims.evaluation import judge
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import metric_name
from aimsight.metrics.values import Interval, Measurement, Segment, Undefined, Value
from aimsight.store.records import ObjectiveVersion

OBJECTIVE = ObjectiveVersion(
    model="wage-band",
    objective="OBJ-01",
    version=1,
    statement="It stays good.",
    metric="estimated.roc_auc",
    column_name="",
    segment="",
    target=">= 0.83",
    tolerance=0.01,
    zero_tolerance=False,
    min_rows=30,
    rationale="Agreed at release.",
    owner="owner@example.org",
    due=date(2027, 3, 31),
    severity="major",
    opens_failures=2,
    opens_of=3,
    policy_ref=None,
    actions=(),
    resources=None,
    content_hash="00",
    effective_from=datetime(2026, 1, 1, tzinfo=UTC),
)


def estimate(value: float, detail: str = "") -> Measurement:
    """An estimate with an interval of 0.02 either side."""
    result = Value(value, 1000, Interval(value - 0.02, value + 0.02, "test"))
    return Measurement("estimated.roc_auc", 1, result, estimated=True, detail=detail)


@pytest.mark.parametrize("zero_tolerance", [False, True])
def test_an_estimate_warns_at_most(*, zero_tolerance: bool) -> None:
    """Wholly beyond target and tolerance is nonconforming for a measurement, and at risk for an estimate."""
    objective = replace(OBJECTIVE, zero_tolerance=zero_tolerance)
    found = judge(objective, estimate(0.7), (0.0, 1.0))
    assert found.verdict is Verdict.AT_RISK
    assert found.reason.endswith(", but an estimate can only warn: labels have not confirmed it")
    measured = replace(estimate(0.7), metric="performance.roc_auc", estimated=False)
    assert judge(objective, measured, (0.0, 1.0)).verdict is Verdict.NONCONFORMING
    assert judge(objective, estimate(0.9), (0.0, 1.0)).verdict is Verdict.CONFORMING


def test_verdicts_carry_what_is_said_of_labels() -> None:
    """Coverage and selection stand in the reason; other notes do not."""
    detail = "labels for 50 of 100 rows; labels are selective: rows with labels differ in p; B not compared"
    found = judge(OBJECTIVE, estimate(0.9, detail=detail), (0.0, 1.0))
    assert found.reason == (
        "the value meets the target; labels for 50 of 100 rows; labels are selective: rows with labels differ in p"
    )


def test_the_estimate_of_an_objective_stands_beside_it() -> None:
    """The estimate of the same name and segment is the one; without a value, or for other families, there is none."""
    objective = replace(OBJECTIVE, metric="performance.roc_auc")
    other = estimate(0.5)
    other = replace(other, segment=Segment((("gender", "F"),)))
    assert estimate_of(objective, [other, estimate(0.8)]) == estimate(0.8)
    assert beside(objective, [estimate(0.8)]) == "; meanwhile estimated: Estimated AUC 0.800 (0.780–0.820), n = 1,000"
    assert beside(objective, [replace(estimate(0.8), result=Undefined("no rows"))]) == ""
    assert beside(replace(objective, metric="drift.psi"), [estimate(0.8)]) == ""


def test_estimates_are_known_by_their_metric() -> None:
    """By the family, arguments or not; and people read that it is an estimate."""
    assert is_estimated("estimated.roc_auc")
    assert not is_estimated("performance.roc_auc")
    assert metric_name("estimated.roc_auc") == "Estimated AUC"
    assert metric_name("estimated.average_precision") == "Estimated average precision"
