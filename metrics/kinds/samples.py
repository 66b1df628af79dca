"""Metrics of rows: on samples of the reference and the window, drawn only when such a metric is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.kinds.scope import NO_ROWS, safely
from aimsight.metrics.values import Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.values import Result

NOT_DRAWN = "no rows were sampled: the metric needs the rows themselves"


def of_samples(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement of the whole window."""
    result = _of_sample(scope, unit)
    reference = scope.baseline.reference.name if scope.baseline is not None else ""
    detail = result.detail if isinstance(result, Value) else ""
    yield Measurement(unit.text, unit.version, result, reference=reference, detail=detail)


def _of_sample(scope: Scope, unit: Metric) -> Result:
    if scope.empty:
        return Undefined(NO_ROWS)
    draw = scope.samples
    if draw is None:
        return Undefined(NOT_DRAWN, scope.statistics.quality.rows)

    def compare() -> Result:
        pair = draw()
        return pair if isinstance(pair, Undefined) else unit.compute(pair)

    return safely(compare)
