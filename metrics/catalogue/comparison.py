"""Performance against something: against the reference, and against a model that knows nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.parameters import Parameter
from aimsight.metrics.intervals import mover_difference, mover_ratio
from aimsight.metrics.registry import ALL_TASKS, Needs, find, measured_by, metric
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.metrics.registry import Direction, Metric
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

ZOU = "Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008)"
DONNER = "Donner and Zou, Closed-form confidence intervals for functions of the normal mean, SMMR 21 (2012)"


def _as_the_other(made: Metric, arguments: Mapping[str, Argument]) -> Metric:
    """What the metric that changes decides about its change."""
    inner = measured_by(made)
    if inner.direction == "none":
        raise InvalidTextError(f"no direction of {inner.id} is better, so its change cannot be judged")
    low, high = inner.bounds
    width = None if low is None or high is None else high - low
    bounds, unit = (None if width is None else -width, width), inner.unit
    if arguments["relative"]:
        if inner.direction in ("higher", "lower") and (low is None or low < 0):
            raise InvalidTextError(f"{inner.id} can be below 0, so its change is no share of what it was")
        bounds, unit = ((-1.0, None) if inner.direction == "higher" else (None, 1.0)), "share of the reference's value"
    return replace(
        made,
        version=made.version + inner.version - 1,
        tasks=inner.tasks,
        unit=unit,
        bounds=bounds,
        needs=replace(inner.needs, reference=True),
        arguments=(("of", inner.text.removeprefix("performance.")), *made.arguments[1:]),
    )


@metric(
    id="performance.change",
    version=1,
    tasks=ALL_TASKS,
    kind="change",
    unit="unit of the other metric",
    bounds=(None, None),
    direction="higher",
    undefined_when=(
        "the other metric is undefined in the window or in the reference",
        "relative, and the reference's value cannot be told from 0 (or from the best value, where that is 0 or 1)",
    ),
    source=f"{ZOU}; relative: {DONNER}",
    needs=Needs(reference=True, labels=True),
    parameters=(
        Parameter("of", "metric", doc="another performance metric, such as roc_auc or recall(of=high)"),
        Parameter("relative", "bool", False, doc="as a share of the reference's value: -0.1 is 10 % worse"),
    ),
    core=False,
    specialise=_as_the_other,
)
def change(now: Value, then: Value, *, of: str, relative: bool = False) -> Result:
    """How much better another metric is than on the reference's own labelled rows.

    Where higher is better: window minus reference; where lower is better: reference minus window; where a value near 0
    (or 1) is best: by how much the distance from it shrank. 0: as in the reference; above 0: better, so that no
    improvement ever misses a target such as ``>= -0.02``; below 0: worse. Scores of both sides are read by their
    cells. With ``relative=true`` the same as a share of the reference's value (or of its distance from the best one).
    Interval: MOVER from the intervals of both (for a proportion, Newcombe's); relative: MOVER-R, none where the
    reference's interval reaches 0.
    """
    direction = find(f"performance.{of.removeprefix('performance.')}").direction
    first, second = (_oriented(one, direction) for one in (now, then))
    if relative:
        return _relative(first, second)
    value = first.value - second.value
    interval = None
    if first.interval is not None and second.interval is not None:
        low, high = mover_difference(*_sides(first.value, first.interval), *_sides(second.value, second.interval))
        interval = Interval(float(low[0]), float(high[0]), "MOVER").holding(value)
    return Value(value, now.n, interval, error_bound=now.error_bound + then.error_bound)


def _relative(now: Value, then: Value) -> Result:
    """What both sides, turned so that higher is better and neither of them crosses 0, differ by as a share of then."""
    size = abs(then.value)
    if size <= then.error_bound:
        return Undefined("the reference's value cannot be told from 0, of which nothing is a share", now.n)
    sign = math.copysign(1.0, then.value)
    value = (now.value - then.value) / size
    interval = None
    if now.interval is not None and then.interval is not None:
        first, second = (one.carried(lambda end: sign * end) for one in (now.interval, then.interval))
        low, high = mover_ratio(*_sides(abs(now.value), first), *_sides(size, second))
        if np.isfinite(high[0]):
            ratio = Interval(float(low[0]), float(high[0]), "MOVER-R")
            interval = ratio.carried(lambda end: sign * (end - 1)).holding(value)
    bound = (now.error_bound + abs(now.value) / size * then.error_bound) / (size - then.error_bound)
    return Value(value, now.n, interval, error_bound=bound)


def _sides(value: float, around: Interval) -> tuple[Floats, tuple[Floats, Floats]]:
    return np.array([value]), (np.array([around.low]), np.array([around.high]))


def _oriented(found: Value, direction: Direction) -> Value:
    """The same result turned so that higher is better."""
    if direction == "higher":
        return found
    best = {"zero": 0.0, "one": 1.0}.get(direction)
    around = found.interval
    if best is None:
        turned = around and around.carried(lambda end: -end)
        return replace(found, value=-found.value, interval=turned)
    if around is not None:
        ends = sorted((abs(around.low - best), abs(around.high - best)))
        nearest = 0.0 if around.low <= best <= around.high else ends[0]
        around = Interval(-ends[1], -nearest, around.method)
    return replace(found, value=-abs(found.value - best), interval=around)
