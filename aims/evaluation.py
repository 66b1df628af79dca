"""Judging a measurement against the version of the objective in force: a pure function from interval to verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aimsight.aims.estimates import ONLY_WARNS
from aimsight.aims.verdicts import Verdict
from aimsight.configs.targets import Target
from aimsight.metrics.values import Cause, Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.store.records import ObjectiveVersion

SIGNIFICANT_Q = 0.05
"""A drift counts as established when its false-discovery-adjusted p-value is at most this."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the sentence that explains it."""

    verdict: Verdict
    reason: str


def judge(
    objective: ObjectiveVersion, measurement: Measurement | None, bounds: tuple[float | None, float | None]
) -> Judgement:
    """Judge one measurement.

    Parameters
    ----------
    objective
        The version of the objective in force.
    measurement
        The measurement of its metric in this window, or ``None`` when there is none.
    bounds
        The metric's lowest and highest possible value; ``None`` where unbounded.

    Returns
    -------
    Judgement
        *Nonconforming* when the whole 95 % interval lies beyond target and tolerance and, for a drift distance, the
        evidence is significant; *at risk* when the value lies beyond the target; *insufficient evidence* when the rows
        are fewer than the objective's minimum or the interval is too wide to tell; else *conforming*. A zero-tolerance
        objective reads the value alone. An estimate is *at risk* at most: it can warn, but establishes nothing. No
        value is *not measured*, *awaiting labels* or *insufficient evidence* by its cause: missing data never counts
        as conforming.

    Notes
    -----
    An interval is too wide when it reaches further than the decision width into both sides: beyond target and tolerance
    on the wrong side and beyond the target on the right side. The decision width is the tolerance or, where larger,
    half of the distance from the target to the metric's best value (for a corridor: half of its half-width). A metric
    without a best value has no decision width.
    """
    target = Target.parse(objective.target)
    if measurement is None:
        return Judgement(Verdict.NOT_MEASURED, "the metric was not measured in this window")
    result = measurement.result
    if isinstance(result, Undefined):
        return Judgement(_UNDEFINED[result.cause], result.reason)
    if result.n < objective.min_rows:
        return Judgement(
            Verdict.INSUFFICIENT, f"{result.n} rows, below the objective's minimum of {objective.min_rows}"
        )
    judged = (
        _judge_point(target, result)
        if objective.zero_tolerance
        else _judge_interval(objective, target, result, measurement.q_value, bounds)
    )
    if measurement.estimated and judged.verdict is Verdict.NONCONFORMING:
        judged = Judgement(Verdict.AT_RISK, f"{judged.reason}, but {ONLY_WARNS}")
    return replace(judged, reason="; ".join([judged.reason, *_on_labels(measurement)]))


def _on_labels(measurement: Measurement) -> list[str]:
    """What the measurement says of the labels that it rests on: how many there are, and whether they are selective."""
    return [note for note in measurement.detail.split("; ") if note.startswith("labels ")]


_UNDEFINED = {
    Cause.UNDEFINED: Verdict.NOT_MEASURED,
    Cause.TOO_FEW: Verdict.INSUFFICIENT,
    Cause.AWAITING_LABELS: Verdict.AWAITING_LABELS,
}


def _judge_point(target: Target, result: Value) -> Judgement:
    if target.beyond(result.value) > 0:
        return Judgement(Verdict.NONCONFORMING, "the value lies beyond the target (zero tolerance)")
    return Judgement(Verdict.CONFORMING, "the value meets the target (zero tolerance)")


def _judge_interval(
    objective: ObjectiveVersion,
    target: Target,
    result: Value,
    q_value: float | None,
    bounds: tuple[float | None, float | None],
) -> Judgement:
    low, high = _widened(result)
    nearest = _least_beyond(target, low, high)
    farthest = max(target.beyond(low), target.beyond(high))
    if nearest > objective.tolerance:
        if q_value is not None and q_value > SIGNIFICANT_Q:
            return Judgement(
                Verdict.AT_RISK, f"beyond the target, but an unchanged process can come that far (q = {q_value:.2g})"
            )
        return Judgement(Verdict.NONCONFORMING, "the whole interval lies beyond the target and its tolerance")
    width = max(objective.tolerance, _half_room(target, bounds))
    if farthest > objective.tolerance + width and nearest < -width:
        return Judgement(Verdict.INSUFFICIENT, f"{_widest(result)} too wide to tell conforming from nonconforming")
    if target.beyond(result.value) > 0:
        return Judgement(
            Verdict.AT_RISK, "the value lies beyond the target, the interval does not lie wholly beyond it"
        )
    return Judgement(Verdict.CONFORMING, "the value meets the target")


def beyond_tolerance(objective: ObjectiveVersion, result: Value) -> float:
    """How far the whole interval (of a zero-tolerance objective: the value) lies beyond target and tolerance.

    In the metric's unit. Above 0 the window is nonconforming, unless it has too few rows or no change is needed for it.
    """
    target = Target.parse(objective.target)
    if objective.zero_tolerance:
        return target.beyond(result.value)
    return _least_beyond(target, *_widened(result)) - objective.tolerance


def _widened(result: Value) -> tuple[float, float]:
    """The interval, widened by the error bound of a binned value; the value itself where there is no interval."""
    low, high = (result.interval.low, result.interval.high) if result.interval else (result.value, result.value)
    return low - result.error_bound, high + result.error_bound


def _widest(result: Value) -> str:
    """What makes up most of the interval as it is judged: chance, or the cells that values are counted in."""
    chance = result.interval.high - result.interval.low if result.interval else 0.0
    return "the interval is" if 2 * result.error_bound <= chance else "the cells that values are counted in are"


def _least_beyond(target: Target, low: float, high: float) -> float:
    """Distance of the best point of [low, high] from the target: positive when every point lies beyond it."""
    if target.low is not None and target.high is not None:
        return target.beyond(min(max((target.low + target.high) / 2.0, low), high))
    return min(target.beyond(low), target.beyond(high))


def _half_room(target: Target, bounds: tuple[float | None, float | None]) -> float:
    """Half of the distance from the target to the best possible value; infinite when that is unbounded."""
    lowest, highest = bounds
    if target.low is not None and target.high is not None:
        return (target.high - target.low) / 4.0
    if target.low is not None:
        return math.inf if highest is None else (highest - target.low) / 2.0
    if target.high is not None and lowest is not None:
        return (target.high - lowest) / 2.0
    return math.inf


@dataclass(frozen=True, slots=True)
class OpeningRule:
    """Open when ``failures`` of the last ``of`` windows failed."""

    failures: int
    of: int

    def due(self, verdicts: Sequence[Verdict], failing: Verdict) -> bool:
        """Whether the rule opens, given the verdicts of consecutive windows in time order, the newest last."""
        recent = verdicts[-self.of :]
        return bool(recent) and recent[-1] is failing and recent.count(failing) >= self.failures


ZERO_TOLERANCE_RULE = OpeningRule(1, 1)
NOT_MEASURED_RULE = OpeningRule(2, 2)
