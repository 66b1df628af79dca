"""Metrics of a segment: for all rows and for every segment."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aimsight.metrics.confusion import one_against_rest
from aimsight.metrics.kinds.between import between_windows
from aimsight.metrics.kinds.frames import named_segments
from aimsight.metrics.kinds.scope import NO_ROWS, compute
from aimsight.metrics.values import ALL_ROWS, Cause, Measurement, Segment, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result


def of_segments(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement for all rows and one a segment, those without rows among them that an objective is about."""
    trouble = scope.trouble(unit)
    present = list(scope.statistics.segments) or [ALL_ROWS]
    for segment in dict.fromkeys([*present, *named_segments(scope.plan.model, unit.text)]):
        found = scope.statistics.segments.get(segment)
        result = trouble or of_segment(scope, unit, segment, found)
        result = between_windows(scope, unit, str(segment), result, partial(_elsewhere, unit, segment))
        detail = scope.coverage(unit, found) if isinstance(result, Value) else ""
        yield Measurement(unit.text, unit.version, result, segment=segment, detail=detail)


def _elsewhere(unit: Metric, segment: Segment, scope: Scope) -> Result:
    return of_segment(scope, unit, segment, scope.statistics.segments.get(segment))


def of_segment(scope: Scope, unit: Metric, segment: Segment, found: SegmentStatistics | None) -> Result:
    """The result of a metric of kind "segment" or "errors" from the statistics of one segment."""
    if found is None or found.rows == 0:
        # a part of the rows may be empty by nature (a season, a rare group): too little evidence, no failure to measure
        return Undefined("no rows in the segment", 0, Cause.TOO_FEW) if segment.conditions else Undefined(NO_ROWS)
    if few := scope.too_small(segment, found.rows):
        return few
    if unit.one_class is not None:
        part = one_against_rest(found, scope.plan.classes, unit.one_class)
        return compute(unit, part) if part else Undefined(f'there is no class "{unit.one_class}"', found.rows)
    if unit.kind == "segment":
        return compute(unit, found, scope.plan.classes) if unit.needs.classes else compute(unit, found)
    if found.labelled == 0:
        return Undefined(f"no labels: 0 of {found.rows} rows are labelled", found.rows, Cause.TOO_FEW)
    if found.errors is None:
        return Undefined("no labelled row has a valid prediction", found.rows)
    return compute(unit, found.errors, 2.0**scope.plan.error_exponent)


def in_cells(s: SegmentStatistics) -> SegmentStatistics:
    """The same statistics with scores by their cells only."""
    if s.scores is None:
        return s
    return replace(s, scores={name: counts.cells() for name, counts in s.scores.items()})
