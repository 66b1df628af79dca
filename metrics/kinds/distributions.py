"""Metrics of a column against the reference: for every column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.inputs import Baseline, ColumnPair
from aimsight.metrics.kinds.scope import NO_ROWS, planned_columns, safely
from aimsight.metrics.values import Measurement, Undefined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.values import Result


def of_distributions(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement a column: features, score and prediction against the reference."""
    baseline = scope.baseline
    if baseline is None:
        return
    for column in planned_columns(scope.plan, unit, roles=("feature", "score", "prediction")):
        yield Measurement(
            unit.text,
            unit.version,
            _of_distribution(scope, baseline, unit, column.name),
            column=column.name,
            reference=baseline.reference.name,
        )


def _of_distribution(scope: Scope, baseline: Baseline, unit: Metric, column: str) -> Result:
    if scope.empty:
        return Undefined(NO_ROWS)

    def compare() -> Result:
        pair = _pair(scope, baseline, column)
        return pair if isinstance(pair, Undefined) else unit.compute(pair)

    return safely(compare)


def _pair(scope: Scope, baseline: Baseline, column: str) -> ColumnPair | Undefined:
    rows = scope.statistics.quality.rows
    if column in scope.statistics.column_errors:
        return Undefined(scope.statistics.column_errors[column], rows)
    if column in baseline.reference.statistics.column_errors:
        return Undefined(f"in the reference: {baseline.reference.statistics.column_errors[column]}", rows)
    base, counted = baseline.column(column), scope.statistics.columns.get(column)
    if base is None or counted is None:
        return Undefined("not counted in the reference" if base is None else "not counted in the window", rows)
    if base.counts.shape != counted.counts.shape:
        return Undefined("counted with other cells than the reference", rows)
    values = scope.statistics.values.get(column) if scope.plan.exact_drift else None
    return ColumnPair(base, counted.counts, values)
