"""What metrics are computed from, beside the statistics themselves: one column against the reference, and rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.cells import Cells, NumericCells
from aimsight.metrics.evidence import (
    INDEPENDENT,
    INDEPENDENT_CURVE,
    CurveEffects,
    DesignEffect,
    change_p_value,
    curve_effects,
    design_effect,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.plan import ColumnPlan, Reference
    from aimsight.metrics.statistics import CellCounts, QualityCounts, SegmentStatistics, ValueCounts

    Counts = NDArray[np.int64]

GROUPS = 10
"""Groups of about equal reference mass that numeric columns are compared by."""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """The rows of one window: findings, statistics of all rows, and the latest event.

    ``until`` is the moment to which events could have come: the window's end, or the run's moment before it.
    """

    quality: QualityCounts
    all_rows: SegmentStatistics
    latest: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """The counts of one column of the window, read by its cells."""

    cells: Cells
    counts: CellCounts

    @property
    def rows(self) -> int:
        """Rows of the window."""
        return int(self.counts.counts.sum())

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int(self.counts.counts[self.cells.size])

    @property
    def odd(self) -> int:
        """Rows with a non-finite number or an unseen category."""
        return int(self.counts.counts[self.cells.size + 1])


def coarse_groups(cells: Cells, counts: Counts) -> NDArray[np.int64]:
    """Group number of every cell position, shape (cells.size + 2,): how a column is compared with the reference.

    Category: every category is a group. Numeric: neighbouring cells form groups of about a tenth of the reference's
    finite values; a cell that holds a tenth or more (a repeated value) is a group of its own, so that values beside
    it are seen even where the reference has none. The last two groups are missing, and non-finite or unseen.
    """
    size = cells.size
    if not isinstance(cells, NumericCells):
        return np.arange(size + 2)
    ordered = counts[:size]
    total = int(ordered.sum())
    cumulative = np.cumsum(ordered)
    steps = np.searchsorted(cumulative * GROUPS, np.arange(1, GROUPS) * total)
    atoms = np.flatnonzero((ordered * GROUPS >= total) & (ordered > 0))
    steps = steps[cumulative[np.minimum(steps, size - 1)] < total] if total else steps[:0]
    ends = np.unique(np.concatenate([steps, atoms - 1, atoms]))
    ends = ends[(ends >= 0) & (ends < size - 1)]
    groups = np.searchsorted(ends, np.arange(size + 2))
    groups[size:] = ends.size + 1, ends.size + 2
    return groups


@dataclass(frozen=True, slots=True)
class Effects:
    """Design effects of one column: of the shares of its groups, of its missing share, and of its cumulative shares."""

    groups: DesignEffect = INDEPENDENT
    missing: DesignEffect = INDEPENDENT
    curve: CurveEffects = INDEPENDENT_CURVE


@dataclass(frozen=True, eq=False)
class ColumnBaseline:
    """The reference's side of one column, worked out once for all windows.

    ``groups`` maps cell positions to groups, ``grouped`` are the reference's counts by group and ``alone`` the groups
    of missing and odd values, ``effects`` are the design effects from the reference's own windows.
    """

    plan: ColumnPlan
    counts: Counts
    groups: NDArray[np.int64]
    grouped: Counts
    effects: Effects = Effects()
    values: ValueCounts | None = None

    @property
    def alone(self) -> tuple[int, int]:
        """The groups of missing values, and of non-finite or unseen ones."""
        return self.grouped.size - 2, self.grouped.size - 1

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """Edges of a numeric column's cells."""
        cells = self.plan.cells
        return cells.edges() if isinstance(cells, NumericCells) else np.empty(0)

    @cached_property
    def steps(self) -> NDArray[np.float64]:
        """Distances between the middles of neighbouring cells of a numeric column."""
        return (self.edges[2:] - self.edges[:-2]) / 2

    @classmethod
    def of(
        cls, plan: ColumnPlan, counts: Counts, windows: Sequence[Counts] = (), values: ValueCounts | None = None
    ) -> ColumnBaseline:
        """Group the reference's counts and estimate the design effect from its windows."""
        groups = coarse_groups(plan.cells, counts)
        size = int(groups[-1]) + 1
        base = cls(plan, counts, groups, group_counts(groups, size, counts), Effects(), values)
        return replace(base, effects=base._effects(windows)) if windows else base

    def _effects(self, windows: Sequence[Counts]) -> Effects:
        size, cells = self.grouped.size, self.plan.cells.size
        grouped = np.array([group_counts(self.groups, size, window) for window in windows])
        missing = grouped[:, self.alone[0]]
        curve = INDEPENDENT_CURVE
        if isinstance(self.plan.cells, NumericCells):
            curve = curve_effects(np.array([window[:cells] for window in windows]), self.steps)
        return Effects(
            design_effect(grouped), design_effect(np.column_stack([grouped.sum(axis=1) - missing, missing])), curve
        )


def group_counts(groups: NDArray[np.int64], size: int, counts: Counts) -> Counts:
    """Counts of cells added up by group, exactly."""
    out = np.zeros(size, dtype=np.int64)
    np.add.at(out, groups, counts)
    return out


@dataclass(frozen=True, eq=False)
class ColumnPair:
    """One column of the reference and of the window."""

    base: ColumnBaseline
    counts: Counts
    values: ValueCounts | None = field(default=None)

    @cached_property
    def n_reference(self) -> int:
        """Rows of the reference, missing ones included."""
        return int(self.base.grouped.sum())

    @cached_property
    def n_window(self) -> int:
        """Rows of the window, missing ones included."""
        return int(self.counts.sum())

    @cached_property
    def grouped(self) -> Counts:
        """The window's counts by group."""
        return group_counts(self.base.groups, self.base.grouped.size, self.counts)

    @cached_property
    def finite(self) -> tuple[Counts, Counts]:
        """Counts in the ordered cells: reference, window."""
        size = self.base.plan.cells.size
        return self.base.counts[:size], self.counts[:size]

    @cached_property
    def change_p_value(self) -> float:
        """Evidence that the shares of the groups changed."""
        return change_p_value(self.base.grouped, self.grouped, self.base.effects.groups, self.base.alone)


@dataclass(frozen=True, eq=False)
class Baseline:
    """The reference, prepared for comparison: each column when it is first asked for, once for all windows."""

    reference: Reference
    _prepared: dict[str, ColumnBaseline] = field(default_factory=dict)

    def column(self, name: str) -> ColumnBaseline | None:
        """The reference's side of a column, or ``None`` when the reference has no counts of it."""
        if name not in self._prepared:
            plan = next((plan for plan in self.reference.columns if plan.name == name), None)
            counted = self.reference.statistics.columns.get(name)
            if plan is None or counted is None:
                return None
            parts = [part.columns[name].counts for part in self.reference.windows if name in part.columns]
            values = self.reference.statistics.values.get(name)
            self._prepared[name] = ColumnBaseline.of(plan, counted.counts, parts, values)
        return self._prepared[name]
