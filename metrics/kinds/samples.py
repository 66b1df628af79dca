"""Metrics of rows: on samples of the reference and the window, drawn only when such a metric is measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.metrics.kinds.scope import NO_ROWS, safely
from aimsight.metrics.values import Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.samples import SamplePair
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
        if isinstance(pair, Undefined):
            return pair
        return unit.compute(replace(pair, inflation=_inflation(scope, pair)))

    return safely(compare)


def _inflation(scope: Scope, pair: SamplePair) -> float:
    """How much more the most variable feature varies between the reference's windows than independent rows would."""
    baseline, (n, m) = scope.baseline, pair.sizes
    if baseline is None or not n or not m:
        return 1.0
    found = 1.0
    for name in pair.kinds:
        base = baseline.column(name)
        if base is not None and base.rows:
            effect = base.effects.groups
            found = max(found, 1.0 + effect.average(effect.by_nature(base.rows, m)) / (1 / n + 1 / m))
    return found
