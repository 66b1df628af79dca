"""Estimates without labels: for all rows and for every segment, whether their labels have come or not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aimsight.metrics.estimates.losses import LossBaseline
from aimsight.metrics.estimates.scored import ScoreBaseline
from aimsight.metrics.estimates.trust import Circumstances, unknown_features
from aimsight.metrics.kinds.scope import NO_ROWS, compute
from aimsight.metrics.values import ALL_ROWS, Measurement, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import Statistics
    from aimsight.metrics.values import Result, Segment


@dataclass
class _Prepared:
    """The reference's side of estimates, and what was last found out about the features of a window."""

    reference: Reference
    scores: ScoreBaseline
    losses: LossBaseline
    unknown: tuple[Statistics, float, str] | None = field(default=None)

    def unknown_features(self, statistics: Statistics) -> tuple[float, str]:
        """As ``unknown_features``, worked out once for all estimates of a window."""
        if self.unknown is None or self.unknown[0] is not statistics:
            self.unknown = (statistics, *unknown_features(statistics, self.reference))
        return self.unknown[1:]


_prepared: list[_Prepared] = []
"""Of the reference used last: a run estimates many windows by one reference."""


def of_estimates(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement for all rows and one a segment, marked as estimated."""
    if scope.baseline is None:
        return
    # an estimate is there for the time before labels come: that they are awaited is no trouble
    trouble = scope.trouble(replace(unit, needs=replace(unit.needs, labels=False)))
    prepared = _prepare(scope.baseline.reference)
    for segment in scope.statistics.segments or (ALL_ROWS,):
        result: Result = trouble or _too_small(scope, segment) or Undefined(NO_ROWS)
        detail = ""
        if trouble is None and _too_small(scope, segment) is None:
            share, column = prepared.unknown_features(scope.statistics)
            around = Circumstances(share, column, scope.past.get((unit.text, str(segment))))
            result = _estimate(scope, prepared, unit, segment, around)
            if isinstance(result, Value):
                detail = "; ".join([*_notes(prepared, unit, segment, around), *_too_long(scope, prepared.reference)])
        yield Measurement(
            unit.text,
            unit.version,
            result,
            segment=segment,
            reference=prepared.reference.name,
            estimated=True,
            detail=detail,
        )


def _prepare(reference: Reference) -> _Prepared:
    if not _prepared or _prepared[0].reference is not reference:
        _prepared[:] = [_Prepared(reference, ScoreBaseline(reference), LossBaseline(reference))]
    return _prepared[0]


def _too_small(scope: Scope, segment: Segment) -> Undefined | None:
    found = scope.statistics.segments.get(segment)
    if found is None or found.rows == 0:
        return Undefined("no rows in the segment" if segment.conditions else NO_ROWS)
    return scope.too_small(segment, found.rows)


def _estimate(scope: Scope, prepared: _Prepared, unit: Metric, segment: Segment, around: Circumstances) -> Result:
    if "regression" in unit.tasks:
        rows = (scope.statistics.leaves or {}).get(segment)
        leaves = prepared.losses.leaves(rows, segment, around)
        return leaves if isinstance(leaves, Undefined) else compute(unit, leaves)
    scored = prepared.scores.scored(scope.statistics.segments[segment], segment, around, unit.one_class)
    return scored if isinstance(scored, Undefined) else compute(unit, scored)


def _notes(prepared: _Prepared, unit: Metric, segment: Segment, around: Circumstances) -> list[str]:
    notes = []
    if "regression" not in unit.tasks and not prepared.scores.is_own(segment):
        notes.append("calibrated on all rows of the reference: it has too few labels of the segment")
    if around.unknown_share > 0:
        notes.append(f"{around.why}: the interval is wider")
    if around.past is not None and around.past.recent:
        notes.append(f"earlier estimates less realised values: {around.past.bias:+.3g} on average")
    return notes


LONG = 5
"""In windows with so many times the rows of the reference's, what windows differ by is more than chance lets see."""


def _too_long(scope: Scope, reference: Reference) -> list[str]:
    """That the reference's own windows are too short to tell by what windows like this one differ, if they are."""
    rows = scope.statistics.quality.rows
    sizes = [part.quality.rows for part in reference.windows if part.quality.rows]
    if not sizes or rows <= LONG * sum(sizes) / len(sizes):
        return []
    typical = round(sum(sizes) / len(sizes))
    unknown = f"what windows of {rows:,} differ by is not known from them, and the interval may be too narrow"
    return [f"the reference's windows have {typical:,} rows: {unknown}"]
