"""Labelled rows against all rows: by score and decision of every segment, and over the groups of every group-by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.metrics.estimates.selection import by_column, by_group
from aimsight.metrics.kinds.scope import compute
from aimsight.metrics.values import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric


def of_selection(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement a column and segment, and one a group-by."""
    # that labels are awaited is no trouble here, but the very time to look which ones came
    trouble = scope.trouble(replace(unit, needs=replace(unit.needs, labels=False)))
    if trouble is not None:
        yield Measurement(unit.text, unit.version, trouble)
        return
    for segment, part in scope.statistics.segments.items():
        if segment.conditions and part.rows < scope.min_group:
            continue
        for column, rows in by_column(part, scope.plan.model):
            yield Measurement(unit.text, unit.version, compute(unit, rows), column=column, segment=segment)
    for columns, rows in by_group(scope.statistics.segments):
        yield Measurement(unit.text, unit.version, compute(unit, rows), column=columns)
