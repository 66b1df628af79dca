"""One objective on one window's statistics: the metric itself, then the verdict itself, and how close it was."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from aimsight.aims.estimates import is_estimated
from aimsight.aims.evaluation import beyond_tolerance, judge
from aimsight.aims.objectives import measurement_of
from aimsight.aims.verdicts import Verdict
from aimsight.configs.targets import Target
from aimsight.metrics.measure import measure
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from aimsight.metrics.plan import Plan, Reference
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import Statistics
    from aimsight.metrics.values import Measurement
    from aimsight.store.records import ObjectiveVersion


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a window: its verdict, and the distance of its bound beyond the tolerance (``None``: no value).

    ``beyond`` above 0 means that the whole interval lies beyond target and tolerance. ``fails``: whether the window
    counts towards a record or, of an estimate, is a warning.
    """

    verdict: Verdict
    reason: str
    value: float | None = None
    n: int = 0
    beyond: float | None = None
    fails: bool = False


@dataclass(frozen=True, eq=False)
class Judging:
    """Measures and judges windows of one objective.

    ``tested`` is how many columns share the false discovery rate of its metric. An estimate ``warns`` as soon as its
    value lies beyond the target, and never does more.
    """

    objective: ObjectiveVersion
    unit: Metric
    plan: Plan
    reference: Reference
    min_group: int
    tested: int = 1

    @property
    def warns(self) -> bool:
        """Whether the metric is an estimate, which opens no record."""
        return is_estimated(self.objective.metric)

    @property
    def tolerance(self) -> float:
        """How far beyond the target a window may lie without failing."""
        return 0.0 if self.objective.zero_tolerance or self.warns else self.objective.tolerance

    @cached_property
    def floor(self) -> float:
        """The least that a bound can lie beyond the tolerance: where it stops, at the metric's best possible value."""
        target = Target.parse(self.objective.target)
        if target.low is not None and target.high is not None:
            return target.beyond((target.low + target.high) / 2.0) - self.tolerance
        best = self.unit.bounds[1 if target.low is not None else 0]
        return -math.inf if best is None else target.beyond(best) - self.tolerance

    def measurement(self, statistics: Statistics) -> Measurement | None:
        """The measurement of the objective's metric."""
        found = measure(
            self.plan, statistics, self.reference, selected=[self.objective.metric], min_group=self.min_group
        )
        one = measurement_of(self.objective, found)
        if one is None or not isinstance(one.result, Value) or one.result.p_value is None:
            return one
        return replace(one, q_value=min(1.0, one.result.p_value * self.tested))

    def value(self, statistics: Statistics) -> float | None:
        """The metric's value alone."""
        one = self.measurement(statistics)
        return one.result.value if one is not None and isinstance(one.result, Value) else None

    def judged(self, statistics: Statistics) -> Judged:
        """The window's verdict."""
        one = self.measurement(statistics)
        judgement = judge(self.objective, one, self.unit.bounds)
        if one is None or not isinstance(one.result, Value):
            return Judged(judgement.verdict, judgement.reason)
        if self.warns:
            beyond, failing = Target.parse(self.objective.target).beyond(one.result.value), Verdict.AT_RISK
        else:
            beyond, failing = beyond_tolerance(self.objective, one.result), Verdict.NONCONFORMING
        fails = judgement.verdict is failing
        return Judged(judgement.verdict, judgement.reason, one.result.value, one.result.n, beyond, fails)
