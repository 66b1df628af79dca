"""Metrics of a column against the reference: for every column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.inputs import Baseline, ColumnPair, compared
from aimsight.metrics.kinds.scope import NO_ROWS, compute, fits, planned_columns, safely
from aimsight.metrics.values import Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.plan import ColumnPlan, Role
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.values import Result

ROLES: tuple[Role, ...] = ("feature", "score", "prediction", "label")
NOT_OF_LABELS = frozenset({"drift.missing_share_change"})
"""A row without a label misses no value: its label may still come. ``quality.label_coverage`` counts such rows."""


def of_distributions(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement a column: features, score, prediction and label against the reference."""
    baseline, note = drift_baseline(scope)
    if baseline is None:
        return
    for column in planned_columns(scope.plan, unit, ROLES[:-1] if unit.id in NOT_OF_LABELS else ROLES):
        result = _of_distribution(scope, baseline, unit, column)
        details = [result.detail if isinstance(result, Value) else "", note]
        yield Measurement(
            unit.text,
            unit.version,
            result,
            column=column.name,
            reference=baseline.reference.name,
            detail="; ".join(detail for detail in details if detail),
        )


def drift_baseline(scope: Scope) -> tuple[Baseline | None, str]:
    """What drift is measured from: the frozen reference, unless it has seasons or moves; a note on it."""
    other = scope.counterpart
    return (scope.baseline, "") if other is None else (other.baseline or scope.baseline, other.note)


def _of_distribution(scope: Scope, baseline: Baseline, unit: Metric, column: ColumnPlan) -> Result:
    if scope.empty:
        return Undefined(NO_ROWS)
    if column.role == "label" and scope.labels is not None:
        return scope.labels
    if (unit.text, column.name) not in scope.distributions:
        # all metrics of a column at once: what they share is not kept, which for exact distances would be too much
        pair = safely(lambda: _pair(scope, baseline, column))
        asked = (other for other in scope.units if other.kind == unit.kind and scope.applies(other))
        for other in (unit, *(other for other in asked if other.text != unit.text)):
            if fits(other, column):
                scope.distributions[other.text, column.name] = _measured(other, pair)
    return scope.distributions[unit.text, column.name]


def _measured(unit: Metric, pair: ColumnPair | Undefined) -> Result:
    return pair if isinstance(pair, Undefined) else compute(unit, pair)


def _pair(scope: Scope, baseline: Baseline, column: ColumnPlan) -> ColumnPair | Undefined:
    rows, name = scope.statistics.quality.rows, column.name
    if name in scope.statistics.column_errors:
        return Undefined(scope.statistics.column_errors[name], rows)
    if name in baseline.reference.statistics.column_errors:
        return Undefined(f"in the reference: {baseline.reference.statistics.column_errors[name]}", rows)
    base, counted = baseline.column(name), scope.statistics.columns.get(name)
    if base is None or counted is None:
        return Undefined("not counted in the reference" if base is None else "not counted in the window", rows)
    if base.counts.shape != counted.counts.shape:
        return Undefined("counted with other cells than the reference", rows)
    values = scope.statistics.values.get(name) if scope.plan.exact_drift else None
    return ColumnPair(base, compared(column, counted.counts), values)
