"""Metrics that compare groups: for every protected column and declared segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.kinds.scope import compute
from aimsight.metrics.values import MISSING, Cause, Measurement, Undefined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result


def of_groups(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement a group-by; groups too small to compare are listed in the detail."""
    trouble = scope.trouble(unit)
    model = scope.plan.model
    for columns in dict.fromkeys([*((name,) for name in model.protected), *model.segments]):
        result: Result = trouble or Undefined(
            "fewer than two groups with enough rows", scope.statistics.quality.rows, Cause.TOO_FEW
        )
        detail = ""
        if trouble is None:
            kept, left_out = _split(scope, unit, tuple(columns))
            enough = len(kept) >= 2
            result = compute(unit, kept) if enough else result
            notes = [scope.coverage(unit, scope.all_rows) if enough else "", "; ".join(left_out)]
            detail = "; ".join(note for note in notes if note)
        yield Measurement(unit.text, unit.version, result, column=" & ".join(columns), detail=detail)


def _split(scope: Scope, unit: Metric, columns: tuple[str, ...]) -> tuple[dict[str, SegmentStatistics], list[str]]:
    """The groups that a gap is taken over, and a note on each group that is left out, with its rows."""
    kept: dict[str, SegmentStatistics] = {}
    left_out: list[str] = []
    for segment, found in scope.statistics.segments.items():
        if segment.columns != columns:
            continue
        name = " & ".join(value for _, value in segment.conditions)
        if any(value == MISSING for _, value in segment.conditions):
            left_out.append(f"{name} not compared: group not recorded (n={found.rows})")
        elif found.rows < scope.min_group:
            left_out.append(f"{name} not compared: fewer than {scope.min_group} rows (n={found.rows})")
        elif unit.rests_on is not None and unit.rests_on(found) == 0:
            left_out.append(f"{name} not compared: no row that the rate is about (n={found.rows})")
        else:
            kept[name] = found
    return kept, sorted(left_out)
