"""Performance against something: against the reference, and against a model that knows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.errors import InvalidTextError
from aimsight.configs.parameters import Parameter
from aimsight.metrics.intervals import mover_difference
from aimsight.metrics.registry import ALL_TASKS, Needs, find, measured_by, metric
from aimsight.metrics.values import Interval, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.metrics.registry import Direction, Metric
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

ZOU = "Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008)"


def _as_the_other(made: Metric, _arguments: Mapping[str, Argument]) -> Metric:
    """What the metric that changes decides about its change."""
    inner = measured_by(made)
    if inner.direction == "none":
        raise InvalidTextError(f"no direction of {inner.id} is better, so its change cannot be judged")
    low, high = inner.bounds
    width = None if low is None or high is None else high - low
    return replace(
        made,
        version=made.version + inner.version - 1,
        tasks=inner.tasks,
        unit=inner.unit,
        bounds=(None if width is None else -width, width),
        needs=replace(inner.needs, reference=True),
        arguments=(("of", inner.text.removeprefix("performance.")),),
    )


@metric(
    id="performance.change",
    version=1,
    tasks=ALL_TASKS,
    kind="change",
    unit="unit of the other metric",
    bounds=(None, None),
    direction="higher",
    undefined_when=("the other metric is undefined in the window or in the reference",),
    source=ZOU,
    needs=Needs(reference=True, labels=True),
    parameters=(Parameter("of", "metric", doc="another performance metric, such as roc_auc or recall(of=high)"),),
    core=False,
    specialise=_as_the_other,
)
def change(now: Value, then: Value, *, of: str) -> Result:
    """How much better another metric is than on the reference's own labelled rows.

    Where higher is better: window minus reference; where lower is better: reference minus window; where a value near 0
    (or 1) is best: by how much the distance from it shrank. 0: as in the reference; above 0: better, so that no
    improvement ever misses a target such as ``>= -0.02``; below 0: worse. Scores of both sides are read by their
    cells. Interval: MOVER from the intervals of both (for a proportion, Newcombe's).
    """
    first, second = (
        _oriented(one, find(f"performance.{of.removeprefix('performance.')}").direction) for one in (now, then)
    )
    value = first.value - second.value
    interval = None
    if first.interval is not None and second.interval is not None:
        a, b, c, d, e, f = (
            np.array([x])
            for x in (
                first.value,
                first.interval.low,
                first.interval.high,
                second.value,
                second.interval.low,
                second.interval.high,
            )
        )
        low, high = mover_difference(a, (b, c), d, (e, f))
        interval = Interval(min(float(low[0]), value), max(float(high[0]), value), "MOVER")
    return Value(value, now.n, interval, error_bound=now.error_bound + then.error_bound)


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
