"""Metrics that compare another metric of a segment with that of the reference's own labelled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.kinds.scope import compute
from aimsight.metrics.kinds.segments import in_cells, of_segment
from aimsight.metrics.registry import measured_by
from aimsight.metrics.values import ALL_ROWS, Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric


def of_changes(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement for all rows and one a segment, each against the same segment of the reference."""
    baseline, inner = scope.baseline, measured_by(unit)
    if baseline is None:
        return
    trouble = scope.trouble(inner)
    for segment in scope.statistics.segments or (ALL_ROWS,):
        found = scope.statistics.segments.get(segment)
        before = baseline.reference.statistics.segments.get(segment)
        # the reference keeps scores by their cells: both sides are read alike
        now = trouble or of_segment(scope, inner, segment, None if found is None else in_cells(found))
        then = of_segment(scope, inner, segment, None if before is None else in_cells(before))
        if isinstance(now, Value) and isinstance(then, Undefined):
            then = Undefined(f"in the reference: {then.reason}", now.n, then.cause)
        result = (
            now if isinstance(now, Undefined) else then if isinstance(then, Undefined) else compute(unit, now, then)
        )
        detail = scope.coverage(inner, found) if isinstance(result, Value) else ""
        yield Measurement(
            unit.text, unit.version, result, segment=segment, reference=baseline.reference.name, detail=detail
        )
