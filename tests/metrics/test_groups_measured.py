"""Which groups of a window are compared: small ones pooled, those that disappeared, those that nobody recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from aimsight.metrics.measure import measure
from aimsight.metrics.values import ALL_ROWS, Cause, Measurement, Segment, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.metrics.plan import Reference
    from aimsight.metrics.statistics import Statistics
    from aimsight.tests.metrics.conftest import Counting

PARITY = "fairness.demographic_parity_difference"
OPPORTUNITY = "fairness.equal_opportunity_difference"


@dataclass(frozen=True)
class Windows:
    """Windows of a binary model, each from its groups: name -> (rows, selected, positives among the selected)."""

    counting: Counting
    declared: dict[str, Any]

    def window(self, **groups: tuple[int, int]) -> Statistics:
        """Rows of each group, and how many of them are selected; labels alternate from positive on."""
        names, selected = [], []
        for name, (rows, chosen) in groups.items():
            names += [name.replace("_", " ")] * rows
            selected += [1] * chosen + [0] * (rows - chosen)
        y = np.arange(len(names)) % 2
        segments = self.counting.groups(names, "group", y=y, predicted=np.array(selected, dtype=int))
        plans = [self.counting.numeric("x", [0.0, 1.0])]
        return self.counting.window(plans, {"x": np.zeros(len(names))}, segments)

    def reference(self, **groups: tuple[int, int]) -> Reference:
        """A reference with these groups."""
        made = self.counting.reference([self.counting.numeric("x", [0.0, 1.0])], {"x": np.array([0.0, 1.0])})
        return replace(made, statistics=self.window(**groups))

    def measured(
        self,
        window: Statistics,
        metric: str = PARITY,
        reference: Reference | None = None,
        before: Sequence[Statistics] = (),
    ) -> Measurement:
        """The one measurement of the metric, ``before`` being the earlier windows, latest first."""
        features = {"x": "numeric", "group": {"kind": "category", **self.declared}}
        model = self.counting.model(features=features, protected=["group"])
        plan = self.counting.plan(model, [self.counting.numeric("x", [0.0, 1.0])])
        (found,) = measure(plan, window, reference, selected=[metric], earlier=lambda count: before[:count])
        return found


@pytest.fixture
def windows(counting: Counting) -> Windows:
    """Windows whose groups nobody declared."""
    return Windows(counting, {})


def value(measurement: Measurement) -> float:
    """Its value, which must be there."""
    assert isinstance(measurement.result, Value), measurement
    return measurement.result.value


def test_a_group_that_disappears_does_not_look_fair(windows: Windows) -> None:
    """B had 200 of 1000 reference rows and has 3 of 500, not about 100: the gap of A and C is not given."""
    reference = windows.reference(A=(500, 250), B=(200, 20), C=(300, 150))
    found = windows.measured(windows.window(A=(250, 125), B=(3, 0), C=(247, 124)), reference=reference)
    reason = "group B has disappeared: 3 rows, about 100 expected by the reference"
    assert found.result == Undefined(reason, 500, Cause.TOO_FEW)
    gone = windows.measured(windows.window(A=(250, 125), C=(250, 125)), reference=reference)
    assert gone.result == Undefined(reason.replace("3 rows", "0 rows"), 500, Cause.TOO_FEW)


def test_a_group_that_was_given_up_is_listed_only(counting: Counting) -> None:
    """B had a fifth of the reference and is no longer among the declared values: the gap of A and C is given."""
    windows = Windows(counting, {"values": ["A", "C"]})
    reference = windows.reference(A=(500, 250), B=(200, 20), C=(300, 150))
    found = windows.measured(windows.window(A=(250, 125), C=(250, 125)), reference=reference)
    assert value(found) == 0
    assert found.detail.endswith("group B has disappeared: 0 rows, about 100 expected by the reference")


def test_a_segment_that_ends_is_listed_only(counting: Counting) -> None:
    """Groups of a segment that is not protected, such as branches, may close: the others are compared."""
    windows = Windows(counting, {})
    reference = windows.reference(A=(500, 250), B=(200, 20), C=(300, 150))
    window = windows.window(A=(250, 125), C=(250, 125))
    features = {"x": "numeric", "group": "category"}
    model = counting.model(features=features, segments=["group"])
    plan = counting.plan(model, [counting.numeric("x", [0.0, 1.0])])
    (found,) = measure(plan, window, reference, selected=[PARITY])
    assert value(found) == 0
    assert "group B has disappeared" in found.detail


def test_a_rare_group_is_listed_and_keeps_no_verdict_back(windows: Windows) -> None:
    """B had 40 of 1000 rows: 20 were expected of 500, too few to judge anyway. It is listed, with n=0."""
    reference = windows.reference(A=(500, 250), B=(40, 4), C=(460, 230))
    found = windows.measured(windows.window(A=(250, 125), C=(250, 125)), reference=reference)
    assert value(found) == 0
    assert "B not compared: fewer than 30 rows (n=0)" in found.detail


def test_a_declared_group_without_rows_is_listed(counting: Counting) -> None:
    """The configuration says that there are A, B and C: C is listed with n=0 even without a reference."""
    windows = Windows(counting, {"values": ["A", "B", "C"]})
    found = windows.measured(windows.window(A=(100, 50), B=(100, 40)))
    assert value(found) == pytest.approx(0.1)
    assert found.detail.endswith("C not compared: fewer than 30 rows (n=0)")


def test_a_group_that_loses_its_positive_labels_does_not_look_fair(windows: Windows) -> None:
    """Equal opportunity rests on positive labels: B has 100 rows as expected, none of them positive."""
    reference = windows.reference(A=(400, 200), B=(400, 40), C=(200, 100))
    window = windows.window(A=(200, 100), B=(200, 20), C=(100, 50))
    b = Segment((("group", "B"),))
    counts = window.segments[b].binary
    assert counts is not None
    without = replace(counts, true_positive=0, false_negative=0)
    changed = replace(window, segments={**window.segments, b: replace(window.segments[b], binary=without)})
    found = windows.measured(changed, OPPORTUNITY, reference)
    assert isinstance(found.result, Undefined)
    assert found.result.cause == Cause.TOO_FEW
    assert found.result.reason == ("group B has no rows that the rate is about, about 100 expected by the reference")
    assert (
        "B not compared: too few rows that the rate is about (n=200)" in windows.measured(changed, OPPORTUNITY).detail
    )


def test_small_groups_are_pooled_until_they_can_be_judged(windows: Windows) -> None:
    """B has 12, 11, 10 and 90 rows: 33 over the last three, 9 of them selected; the fourth stays out."""
    before = [windows.window(A=(200, 0), B=(11, 4)), windows.window(A=(200, 0), B=(10, 2)), windows.window(B=(90, 90))]
    window = windows.window(A=(100, 50), B=(12, 3), C=(100, 60))
    found = windows.measured(window, f"{PARITY}(pool=12)", before=before)
    assert value(found) == pytest.approx(60 / 100 - 9 / 33)
    assert found.metric == f"{PARITY}(pool=12)"
    assert found.detail == ("largest gap between B (0.2727) and C (0.6); B judged over the last 3 windows (n=33)")


def test_groups_are_pooled_no_further_than_told(windows: Windows) -> None:
    """Over two windows B has 23 rows: still too few, which is said with both numbers."""
    before = [windows.window(A=(200, 0), B=(11, 4)), windows.window(A=(200, 0), B=(10, 2))]
    window = windows.window(A=(100, 50), B=(12, 3), C=(100, 60))
    found = windows.measured(window, f"{PARITY}(pool=2)", before=before)
    assert value(found) == pytest.approx(0.1)
    assert found.detail.endswith("B not compared: fewer than 30 rows (n=12, over the last 2 windows n=23)")
    alone = windows.measured(window, before=before)
    assert alone.detail.endswith("B not compared: fewer than 30 rows (n=12)")


def test_a_pooled_group_against_all_rows(windows: Windows) -> None:
    """All rows are those of this window: 113 of 212; B's pooled share is 9 of 33."""
    before = [windows.window(B=(21, 6))]
    window = windows.window(A=(100, 50), B=(12, 3), C=(100, 60))
    found = windows.measured(window, f"{PARITY}(against=overall, pool=2)", before=before)
    assert value(found) == pytest.approx(113 / 212 - 9 / 33)


def test_comparing_with_a_group_that_is_too_small(windows: Windows) -> None:
    """B is there with 12 rows: nothing can be compared with it now, which is no mistake of the configuration."""
    window = windows.window(A=(100, 50), B=(12, 3), C=(100, 60))
    found = windows.measured(window, f"{PARITY}(against=B)")
    assert found.result == Undefined("B cannot be compared with: too few rows", 212, Cause.TOO_FEW)
    unknown = windows.measured(window, f"{PARITY}(against=Q)").result
    assert isinstance(unknown, Undefined)
    assert unknown.cause == Cause.UNDEFINED


def test_trap_e1_rates_of_groups_come_from_their_own_rows(windows: Windows) -> None:
    """A is always selected, B never: the gap is 1, where a peer's grouping gives every group the value of all rows."""
    window = windows.window(A=(100, 100), B=(100, 0))
    assert value(windows.measured(window)) == 1
    assert value(windows.measured(window, f"{PARITY}(against=overall)")) == 0.5
    assert window.segments[ALL_ROWS].rows == 200
