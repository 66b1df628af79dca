"""Metrics of frames: on rows of reference and window that are drawn only when such a metric is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.configs.segments import parse_segment
from aimsight.metrics.kinds.samples import NOT_DRAWN
from aimsight.metrics.kinds.scope import NO_ROWS, safely
from aimsight.metrics.values import ALL_ROWS, Cause, Measurement, Segment, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.values import Result


def of_frames(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement for all rows, and one for each segment that an objective names with this metric."""
    for segment in (ALL_ROWS, *named_segments(scope.plan.model, unit.text)):
        result = _of_frame(scope, unit, segment)
        detail = result.detail if isinstance(result, Value) else ""
        reference = scope.baseline.reference.name if scope.baseline is not None else ""
        yield Measurement(unit.text, unit.version, result, segment=segment, reference=reference, detail=detail)


def named_segments(model: ModelConfig, metric: str) -> list[Segment]:
    """The segments that the model's objectives on a metric are about."""
    columns = {*model.protected, *(name for entry in model.segments for name in entry)}
    texts = dict.fromkeys(
        objective.segment for objective in model.objectives if objective.metric == metric and objective.segment
    )
    return [
        Segment.of_filter(text) if text in model.filters else Segment(parse_segment(text, columns)) for text in texts
    ]


def _of_frame(scope: Scope, unit: Metric, segment: Segment) -> Result:
    if scope.empty:
        return Undefined(NO_ROWS)
    draw, rows = scope.frames, scope.statistics.quality.rows
    if draw is None:
        return Undefined(NOT_DRAWN, rows)

    def compute() -> Result:
        pair = draw()
        if isinstance(pair, Undefined):
            return pair
        part = pair.of(segment, scope.plan.model)
        if part.window.rows == 0:
            return Undefined("no rows in the segment", 0, Cause.TOO_FEW)
        if few := scope.too_small(segment, part.window.rows, " in the sample"):
            return few
        return unit.compute(part, scope.plan.model)

    return safely(compute)
