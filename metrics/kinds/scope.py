"""What one call measures, what applies to it, and how one metric is run so that its trouble stays its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.estimates.selection import selective
from aimsight.metrics.plan import ColumnPlan
from aimsight.metrics.values import ALL_ROWS, Cause, Undefined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aimsight.metrics.estimates.trust import PastErrors
    from aimsight.metrics.frames import FramePair
    from aimsight.metrics.inputs import Baseline, Counterpart
    from aimsight.metrics.plan import Plan, Window
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.samples import SamplePair
    from aimsight.metrics.statistics import SegmentStatistics, Statistics
    from aimsight.metrics.values import Result, Segment

T = TypeVar("T")

NO_ROWS = "no rows in the window"
Earlier = Callable[[int], "Sequence[Statistics]"]
"""Gives the statistics of so many windows before this one, the latest first, none of which overlap."""


def nothing_earlier(_windows: int) -> Sequence[Statistics]:
    """No earlier window is known."""
    return ()


Fdr = Literal["bh", "by"]
"""How q-values are adjusted: Benjamini-Hochberg or, whatever the dependence, Benjamini-Yekutieli."""


@dataclass(frozen=True, slots=True)
class DriftOptions:
    """How drift is measured.

    Parameters
    ----------
    counterpart
        What drift is measured from, when the reference has seasons or moves.
    samples
        Draws rows of reference and window; called once a window, and only when a metric needs them.
    fdr
        How q-values are adjusted: Benjamini-Hochberg or, whatever the dependence, Benjamini-Yekutieli.
    """

    counterpart: Counterpart | None = None
    samples: Callable[[], SamplePair | Undefined] | None = None
    fdr: Fdr = "bh"


PLAIN_DRIFT = DriftOptions()


@dataclass(frozen=True, slots=True)
class Scope:
    """What one call measures.

    ``counterpart`` is what drift is measured from, where that is not ``baseline``; ``samples`` and ``frames`` draw the
    rows of metrics that need some. ``past`` has the errors of earlier estimates by metric and segment, ``notes`` what
    is said of labels again. ``units`` are the metrics asked for, and ``distributions`` the results of drift so far, by
    metric and column.
    """

    plan: Plan
    statistics: Statistics
    baseline: Baseline | None
    min_group: int
    labels: Undefined | None
    window: Window | None
    counterpart: Counterpart | None = None
    samples: Callable[[], SamplePair | Undefined] | None = None
    frames: Callable[[], FramePair | Undefined] | None = None
    dependent: bool = False
    units: Sequence[Metric] = ()
    distributions: dict[tuple[str, str], Result] = field(default_factory=dict)
    earlier: Earlier = nothing_earlier
    past: Mapping[tuple[str, str], PastErrors] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether the window has no row."""
        return self.statistics.quality.rows == 0

    @property
    def all_rows(self) -> SegmentStatistics | None:
        """The statistics of every row of the window; ``None`` where there are none."""
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
            and (not needs.interval or model.log.interval is not None)
        )

    def too_small(self, segment: Segment, rows: int, where: str = "") -> Undefined | None:
        """Why a segment or filter of so many rows has no value, if they are too few for a group."""
        if not segment.conditions or rows >= self.min_group:
            return None
        reason = f"{rows} of the {self.min_group} rows{where} that a group needs (min_group)"
        return Undefined(reason, rows, Cause.TOO_FEW)

    def trouble(self, unit: Metric) -> Undefined | None:
        """Why no value of this metric can be had for any segment, if so."""
        if self.empty:
            return Undefined(NO_ROWS)
        model, needs, rows = self.plan.model, unit.needs, self.statistics.quality.rows
        columns = [
            *([model.log.prediction] if needs.prediction else []),
            *(model.log.interval or () if needs.interval else ()),
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
        found = f"labels for {segment.labelled} of {segment.rows} rows"
        if "selective" not in self.notes:
            self.notes["selective"] = selective(self.statistics.segments, self.plan.model)
        which = self.notes["selective"]
        return f"{found}; labels are selective: rows with labels differ in {which}" if which else found


def compute(unit: Metric, *inputs: object) -> Result:
    """Run one metric; a mistake in it is its own trouble only."""
    return safely(lambda: unit.compute(*inputs))


def safely(compute: Callable[[], T]) -> T | Undefined:
    """What the computation gives; a mistake in it is the reason why there is no value."""
    try:
        return compute()
    except Exception as error:  # noqa: BLE001  # whatever one metric raises must not lose the others
        return Undefined(f"error: {type(error).__name__}: {error}")


def planned_columns(plan: Plan, unit: Metric, roles: tuple[str, ...]) -> Iterator[ColumnPlan]:
    """The columns of these roles that a metric is defined for, counted or not."""
    for column in (*plan.columns, *_left_out(plan)):
        if column.role in roles and fits(unit, column):
            yield column


def fits(unit: Metric, column: ColumnPlan) -> bool:
    """Whether a metric is defined for columns of this kind."""
    return ("numeric" if isinstance(column.cells, NumericCells) else "category") in unit.needs.column_kinds


def _left_out(plan: Plan) -> Iterator[ColumnPlan]:
    """Features that are not counted, because the reference could not count them: they are told, not forgotten."""
    planned = {column.name for column in plan.columns}
    for name, feature in plan.model.features.items():
        if name not in planned:
            cells = NumericCells.spanning(0.0, 1.0) if feature.kind == "numeric" else CategoryCells(())
            yield ColumnPlan(name, "feature", cells)
