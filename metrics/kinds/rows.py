"""Metrics of the rows of the whole window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.metrics.inputs import RowFacts
from aimsight.metrics.kinds.scope import compute
from aimsight.metrics.values import Measurement, Undefined, Value
from aimsight.metrics.volume import expected_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result


def of_rows(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement of the whole window."""
    if unit.needs.declared and not any(one.range or one.values for one in scope.plan.model.features.values()):
        return
    result: Result | None = scope.trouble(unit)
    if result is None and scope.all_rows is None:
        result = Undefined("not counted in the window", scope.statistics.quality.rows)
    elif result is None and scope.all_rows is not None:
        result = compute(unit, _facts(scope, unit, scope.all_rows))
    if result is not None:
        detail = result.detail if isinstance(result, Value) else ""
        told = replace(result, detail="") if isinstance(result, Value) else result
        reference = scope.baseline.reference.name if unit.needs.reference and scope.baseline is not None else ""
        yield Measurement(unit.text, unit.version, told, reference=reference, detail=detail)


def _facts(scope: Scope, unit: Metric, all_rows: SegmentStatistics) -> RowFacts:
    """The rows of the window, beside what the reference lets expect of them."""
    statistics, window = scope.statistics, scope.window
    latest = statistics.latest.at if statistics.latest is not None else None
    reference = scope.baseline.reference if scope.baseline is not None else None
    expected = None
    if reference is not None and window is not None and unit.needs.reference:
        expected = expected_rows(reference.windows, window, scope.plan.model.log.zone)
    return RowFacts(
        statistics.quality,
        all_rows,
        latest,
        _until(scope, latest),
        expected,
        {column.name: column.cells for column in scope.plan.columns if column.role == "feature"},
        statistics.columns,
        reference.statistics.columns if reference is not None else {},
        statistics.schema,
        reference.statistics.schema if reference is not None else None,
    )


def _until(scope: Scope, latest: datetime | None) -> datetime:
    """The moment to which events could have come: the window's end, or the run's moment before it."""
    ends = [scope.window.end] if scope.window is not None else []
    if not ends and latest is not None:
        ends = [w.end for w in scope.plan.windows if w.start <= latest < w.end]
    return min([scope.plan.as_of, *ends])
