"""Metrics of the quality of a column: for every feature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.inputs import ColumnCounts
from aimsight.metrics.kinds.scope import NO_ROWS, compute, planned_columns
from aimsight.metrics.values import Measurement, Undefined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.values import Result


def of_columns(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement a feature, from the counts of the window alone."""
    for column in planned_columns(scope.plan, unit, roles=("feature",)):
        counted = scope.statistics.columns.get(column.name)
        declared = scope.plan.model.features.get(column.name)
        if unit.needs.declared and (declared is None or (declared.range is None and declared.values is None)):
            continue
        result: Result
        if scope.empty:
            result = Undefined(NO_ROWS)
        elif column.name in scope.statistics.column_errors:
            result = Undefined(scope.statistics.column_errors[column.name], scope.statistics.quality.rows)
        elif counted is None:
            result = Undefined(_why_not_counted(scope, column.name), scope.statistics.quality.rows)
        else:
            result = compute(unit, ColumnCounts(column.cells, counted))
        yield Measurement(unit.text, unit.version, result, column=column.name)


def _why_not_counted(scope: Scope, column: str) -> str:
    errors = scope.baseline.reference.statistics.column_errors if scope.baseline is not None else {}
    return f"in the reference: {errors[column]}" if column in errors else "not counted in the window"
