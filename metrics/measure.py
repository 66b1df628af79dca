"""Measure a window: every metric that applies, for every column, group-by and segment, each on its own.

One metric that fails never loses the others: its measurement says what went wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.evidence import q_values
from aimsight.metrics.inputs import Baseline, ColumnCounts, ColumnPair, RowFacts
from aimsight.metrics.plan import ColumnPlan
from aimsight.metrics.registry import METRICS, Metric
from aimsight.metrics.values import ALL_ROWS, MISSING, Cause, Measurement, Segment, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from aimsight.metrics.plan import Plan, Reference, Window
    from aimsight.metrics.statistics import SegmentStatistics, Statistics
    from aimsight.metrics.values import Result

NO_ROWS = "no rows in the window"
_prepared: list[Baseline] = []
"""The reference prepared last: a run measures many windows against one reference."""


def measure(
    plan: Plan,
    statistics: Statistics,
    reference: Reference | None,
    *,
    selected: Collection[str] | None = None,
    min_group: int = 30,
    labels: Undefined | None = None,
    window: Window | None = None,
) -> list[Measurement]:
    """Measure one window.

    Parameters
    ----------
    plan
        What was counted, and the model's configuration.
    statistics
        Of the window.
    reference
        What the window is compared with; without one, metrics that need it are left out.
    selected
        Metric ids or globs (``drift.*``); ``None`` for every metric that applies.
    min_group
        Fewest rows of a segment or group that is judged on its own.
    labels
        Why the labels do not allow a verdict (awaited, or too few); every metric that needs labels then gives exactly
        this. ``None`` when they are complete enough.
    window
        The window that the statistics are of; by default the plan's window that holds the latest event.

    Returns
    -------
    list of Measurement
        In the order of the catalogue, then columns, groups and segments. Measurements of drift carry q-values over the
        columns of one metric.
    """
    scope = _Scope(plan, statistics, _baseline(reference), min_group, labels, window)
    out: list[Measurement] = []
    for unit in METRICS.values():
        if scope.applies(unit) and (selected is None or any(fnmatchcase(unit.id, pattern) for pattern in selected)):
            out.extend(_KINDS[unit.kind](scope, unit))
    return _with_q_values(out)


def _baseline(reference: Reference | None) -> Baseline | None:
    if reference is None:
        return None
    if not _prepared or _prepared[0].reference is not reference:
        _prepared[:] = [Baseline(reference)]
    return _prepared[0]


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one call measures."""

    plan: Plan
    statistics: Statistics
    baseline: Baseline | None
    min_group: int
    labels: Undefined | None
    window: Window | None

    @property
    def empty(self) -> bool:
        return self.statistics.quality.rows == 0

    @property
    def all_rows(self) -> SegmentStatistics | None:
        return self.statistics.segments.get(ALL_ROWS)

    def applies(self, unit: Metric) -> bool:
        """Whether the model has what the metric is about."""
        model, needs = self.plan.model, unit.needs
        return (
            model.task in unit.tasks
            and (not needs.reference or self.baseline is not None)
            and (not needs.labels or model.labels is not None)
            and (not needs.score or bool(model.log.score or model.log.scores))
            and (not needs.prediction or model.log.prediction is not None)
            and (not needs.id or model.log.id is not None)
        )

    def trouble(self, unit: Metric) -> Undefined | None:
        """Why no value of this metric can be had for any segment, if so."""
        if self.empty:
            return Undefined(NO_ROWS)
        model, needs, rows = self.plan.model, unit.needs, self.statistics.quality.rows
        columns = [
            *([model.log.prediction] if needs.prediction else []),
            *([model.log.score, *(model.log.scores or {}).values()] if needs.score else []),
            *([model.labels.label] if needs.labels and model.labels is not None else []),
        ]
        for column in columns:
            if column in self.statistics.column_errors:
                return Undefined(self.statistics.column_errors[column], rows)
        if needs.labels and self.labels is not None and unit.kind != "quality":
            return self.labels
        return None

    def coverage(self, unit: Metric, segment: SegmentStatistics | None) -> str:
        """What share of rows a metric on labels rests on, where it is not all of them."""
        if not unit.needs.labels or unit.kind == "quality" or segment is None or segment.labelled >= segment.rows:
            return ""
        return f"labels for {segment.labelled} of {segment.rows} rows"


def _compute(unit: Metric, *inputs: object) -> Result:
    """Run one metric; a mistake in it is its own trouble only."""
    return _safely(lambda: unit.compute(*inputs))


def _safely(compute: Callable[[], Result]) -> Result:
    try:
        return compute()
    except Exception as error:  # noqa: BLE001  # whatever one metric raises must not lose the others
        return Undefined(f"error: {type(error).__name__}: {error}")


def _of_segments(scope: _Scope, unit: Metric) -> Iterator[Measurement]:
    trouble = scope.trouble(unit)
    for segment in scope.statistics.segments or (ALL_ROWS,):
        found = scope.statistics.segments.get(segment)
        result = trouble or _of_segment(scope, unit, segment, found)
        detail = scope.coverage(unit, found) if isinstance(result, Value) else ""
        yield Measurement(unit.id, unit.version, result, segment=segment, detail=detail)


def _of_segment(scope: _Scope, unit: Metric, segment: Segment, found: SegmentStatistics | None) -> Result:
    if found is None or found.rows == 0:
        return Undefined("no rows in the segment" if segment.conditions else NO_ROWS)
    if segment.conditions and found.rows < scope.min_group:
        return Undefined(f"fewer than min_group rows: {found.rows} < {scope.min_group}", found.rows, Cause.TOO_FEW)
    if unit.kind == "segment":
        return _compute(unit, found)
    if found.labelled == 0:
        return Undefined(f"no labels: 0 of {found.rows} rows are labelled", found.rows, Cause.TOO_FEW)
    if found.errors is None:
        return Undefined("no labelled row has a valid prediction", found.rows)
    return _compute(unit, found.errors, 2.0**scope.plan.error_exponent)


def _of_distributions(scope: _Scope, unit: Metric) -> Iterator[Measurement]:
    baseline = scope.baseline
    if baseline is None:
        return
    for column in _columns(scope.plan, unit, roles=("feature", "score", "prediction")):
        yield Measurement(
            unit.id,
            unit.version,
            _of_distribution(scope, baseline, unit, column.name),
            column=column.name,
            reference=baseline.reference.name,
        )


def _of_distribution(scope: _Scope, baseline: Baseline, unit: Metric, column: str) -> Result:
    if scope.empty:
        return Undefined(NO_ROWS)

    def compare() -> Result:
        pair = _pair(scope, baseline, column)
        return pair if isinstance(pair, Undefined) else unit.compute(pair)

    return _safely(compare)


def _pair(scope: _Scope, baseline: Baseline, column: str) -> ColumnPair | Undefined:
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


def _columns(plan: Plan, unit: Metric, roles: tuple[str, ...]) -> Iterator[ColumnPlan]:
    for column in (*plan.columns, *_left_out(plan)):
        kind = "numeric" if isinstance(column.cells, NumericCells) else "category"
        if column.role in roles and kind in unit.needs.column_kinds:
            yield column


def _left_out(plan: Plan) -> Iterator[ColumnPlan]:
    """Features that are not counted, because the reference could not count them: they are told, not forgotten."""
    planned = {column.name for column in plan.columns}
    for name, feature in plan.model.features.items():
        if name not in planned:
            cells = NumericCells.spanning(0.0, 1.0) if feature.kind == "numeric" else CategoryCells(())
            yield ColumnPlan(name, "feature", cells)


def _of_groups(scope: _Scope, unit: Metric) -> Iterator[Measurement]:
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
            result = _compute(unit, kept) if enough else result
            notes = [scope.coverage(unit, scope.all_rows) if enough else "", "; ".join(left_out)]
            detail = "; ".join(note for note in notes if note)
        yield Measurement(unit.id, unit.version, result, column=" & ".join(columns), detail=detail)


def _split(scope: _Scope, unit: Metric, columns: tuple[str, ...]) -> tuple[dict[str, SegmentStatistics], list[str]]:
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


def _of_columns(scope: _Scope, unit: Metric) -> Iterator[Measurement]:
    for column in _columns(scope.plan, unit, roles=("feature",)):
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
            result = _compute(unit, ColumnCounts(column.cells, counted))
        yield Measurement(unit.id, unit.version, result, column=column.name)


def _why_not_counted(scope: _Scope, column: str) -> str:
    errors = scope.baseline.reference.statistics.column_errors if scope.baseline is not None else {}
    return f"in the reference: {errors[column]}" if column in errors else "not counted in the window"


def _of_rows(scope: _Scope, unit: Metric) -> Iterator[Measurement]:
    result: Result | None = scope.trouble(unit)
    if result is None and scope.all_rows is None:
        result = Undefined("not counted in the window", scope.statistics.quality.rows)
    elif result is None and scope.all_rows is not None:
        latest = scope.statistics.latest.at if scope.statistics.latest is not None else None
        facts = RowFacts(scope.statistics.quality, scope.all_rows, latest, _until(scope, latest))
        result = _compute(unit, facts)
    if result is not None:
        yield Measurement(unit.id, unit.version, result)


def _until(scope: _Scope, latest: datetime | None) -> datetime:
    """The moment to which events could have come: the window's end, or the run's moment before it."""
    ends = [scope.window.end] if scope.window is not None else []
    if not ends and latest is not None:
        ends = [w.end for w in scope.plan.windows if w.start <= latest < w.end]
    return min([scope.plan.as_of, *ends])


_KINDS: dict[str, Callable[[_Scope, Metric], Iterator[Measurement]]] = {
    "segment": _of_segments,
    "errors": _of_segments,
    "distribution": _of_distributions,
    "groups": _of_groups,
    "column_quality": _of_columns,
    "quality": _of_rows,
}


def _with_q_values(measurements: list[Measurement]) -> list[Measurement]:
    """The same measurements, p-values of one metric adjusted over its columns."""
    out = list(measurements)
    tests: dict[str, list[int]] = {}
    for place, one in enumerate(measurements):
        if isinstance(one.result, Value) and one.result.p_value is not None:
            tests.setdefault(one.metric, []).append(place)
    for places in tests.values():
        p_values = [_p_value(measurements[place]) for place in places]
        for place, q in zip(places, q_values(p_values), strict=True):
            out[place] = replace(measurements[place], q_value=q)
    return out


def _p_value(one: Measurement) -> float:
    return one.result.p_value or 1.0 if isinstance(one.result, Value) else 1.0
