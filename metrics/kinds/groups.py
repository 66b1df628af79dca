"""Metrics that compare groups: for every protected column and declared segment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from aimsight.metrics.comparisons import FEW, LARGEST, LARGEST_GAP, OVERALL, Groups
from aimsight.metrics.kinds.between import between_windows
from aimsight.metrics.kinds.scope import compute
from aimsight.metrics.values import MISSING, Cause, Measurement, Segment, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import SegmentStatistics, Statistics
    from aimsight.metrics.values import Result

EVIDENTLY_GONE = 2
"""A group has disappeared when fewer than min_group rows are there and this many times as many were to be expected."""


def of_groups(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement a group-by; groups that cannot be compared are listed in the detail."""
    trouble = scope.trouble(unit)
    model = scope.plan.model
    for columns in dict.fromkeys([*((name,) for name in model.protected), *model.segments]):
        result, detail = (trouble, "") if trouble else _of_group_by(scope, unit, tuple(columns))
        name = " & ".join(columns)
        result = between_windows(scope, unit, name, result, partial(_elsewhere, unit, tuple(columns)))
        yield Measurement(unit.text, unit.version, result, column=name, detail=detail)


def _elsewhere(unit: Metric, columns: tuple[str, ...], scope: Scope) -> Result:
    return _of_group_by(scope, unit, columns)[0]


def _of_group_by(scope: Scope, unit: Metric, columns: tuple[str, ...]) -> tuple[Result, str]:
    """The result over the groups of these columns, and what has to be said about them."""
    arguments = dict(unit.arguments)
    sifted = _sift(scope, unit, columns, int(arguments.get("pool") or 1))
    rows = scope.statistics.quality.rows
    if sifted.gone:
        return Undefined("; ".join(sifted.gone), rows, Cause.TOO_FEW), "; ".join(sifted.left_out)
    if len(sifted.kept) + len(sifted.pooled) < 2:
        return Undefined(FEW, rows, Cause.TOO_FEW), "; ".join(sifted.left_out)
    found = Groups(
        sifted.kept, sifted.pooled, scope.all_rows, 2.0**scope.plan.error_exponent, tuple(scope.plan.classes)
    )
    against = arguments.get("against", LARGEST_GAP)
    if isinstance(against, str) and against in sifted.small and against not in (LARGEST_GAP, LARGEST, OVERALL):
        return Undefined(f"{against} cannot be compared with: too few rows", rows, Cause.TOO_FEW), sifted.told()
    result = compute(unit, found)
    note = ""
    if isinstance(result, Value):
        note, result = result.detail, replace(result, detail="")
    parts = [note, scope.coverage(unit, scope.all_rows), sifted.told()]
    return result, "; ".join(part for part in parts if part)


@dataclass(slots=True)
class _Sifted:
    """The groups that are compared, alone or pooled over windows, and a note on each of the others, with its rows."""

    kept: dict[str, SegmentStatistics] = field(default_factory=dict)
    pooled: dict[str, SegmentStatistics] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    small: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)

    def told(self) -> str:
        """What has to be said about single groups."""
        return "; ".join([*self.notes, *self.left_out])


def _sift(scope: Scope, unit: Metric, columns: tuple[str, ...], pool: int) -> _Sifted:
    out = _Sifted()
    here = _groups(scope.statistics, columns)
    reference = scope.baseline.reference.statistics if scope.baseline is not None else None
    before = _groups(reference, columns) if reference is not None else {}
    names = {**here, **dict.fromkeys([*before, *_declared(scope, columns)])}
    for values in sorted(names):
        name, found = " & ".join(values), here.get(values)
        rows = found.rows if found is not None else 0
        if MISSING in values:
            if rows:
                out.left_out.append(f"{name} not compared: group not recorded (n={rows})")
            continue
        if found is not None and rows >= scope.min_group and _rests_on(unit, found):
            out.kept[name] = found
            continue
        gone = _gone(scope, unit, name, found, before.get(values))
        if gone and _is_vital(scope, columns, values):
            out.gone.append(gone)
        elif gone:
            out.left_out.append(gone)
        elif found is not None and rows >= scope.min_group:
            out.left_out.append(f"{name} not compared: too few rows that the rate is about (n={rows})")
        else:
            _pool(scope, unit, Segment(tuple(zip(columns, values, strict=True))), pool, out)
    return out


def _groups(statistics: Statistics, columns: tuple[str, ...]) -> Mapping[tuple[str, ...], SegmentStatistics]:
    """The groups of a group-by, by their values."""
    return {
        tuple(value for _, value in segment.conditions): found
        for segment, found in statistics.segments.items()
        if segment.columns == columns
    }


def _declared(scope: Scope, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The groups that the configuration declares by the values of a single column."""
    feature = scope.plan.model.features.get(columns[0]) if len(columns) == 1 else None
    return [(value,) for value in (feature.values if feature is not None and feature.values else ())]


def _is_vital(scope: Scope, columns: tuple[str, ...], values: tuple[str, ...]) -> bool:
    """Whether no gap may be given without this group: a protected one that the configuration has not given up.

    A group is given up by declaring the values of its column without it.
    """
    features = scope.plan.model.features
    declared = [features[column].values if column in features else None for column in columns]
    return set(columns) <= set(scope.plan.model.protected) and all(
        agreed is None or value in agreed for agreed, value in zip(declared, values, strict=True)
    )


def _rests_on(unit: Metric, found: SegmentStatistics) -> int:
    return unit.rests_on(found) if unit.rests_on is not None else found.rows


def _gone(
    scope: Scope, unit: Metric, name: str, found: SegmentStatistics | None, before: SegmentStatistics | None
) -> str:
    """What was expected of a group by its share of the reference, and is not there; ``''`` when nothing was.

    Without such a group the gap over the others would look fair: over protected groups it is not given.
    """
    whole = scope.baseline.reference.statistics.quality.rows if scope.baseline is not None else 0
    if before is None or not whole:
        return ""
    share = scope.statistics.quality.rows / whole
    rows = found.rows if found is not None else 0
    least = EVIDENTLY_GONE * scope.min_group
    if rows < scope.min_group and before.rows * share >= least:
        return f"group {name} has disappeared: {rows} rows, about {before.rows * share:.0f} expected by the reference"
    expected = _rests_on(unit, before) * share
    if rows >= scope.min_group and expected >= least:
        return f"group {name} has no rows that the rate is about, about {expected:.0f} expected by the reference"
    return ""


def _pool(scope: Scope, unit: Metric, segment: Segment, pool: int, out: _Sifted) -> None:
    """Judge a small group over the last windows, as many as it takes and ``pool`` allows, or note why it is not."""
    name = " & ".join(value for _, value in segment.conditions)
    total, windows = scope.statistics.segments.get(segment), 1
    alone = total.rows if total is not None else 0
    for earlier in scope.earlier(pool - 1) if pool > 1 else ():
        part = earlier.segments.get(segment)
        windows += 1
        if part is not None:
            total = part if total is None else total + part
        if total is not None and total.rows >= scope.min_group and _rests_on(unit, total):
            out.pooled[name] = total
            out.notes.append(f"{name} judged over the last {windows} windows (n={total.rows})")
            return
    out.small.add(name)
    over = f", over the last {windows} windows n={total.rows if total is not None else 0}" if windows > 1 else ""
    out.left_out.append(f"{name} not compared: fewer than {scope.min_group} rows (n={alone}{over})")
