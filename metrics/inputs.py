"""What metrics are computed from, beside the statistics themselves: one column against the reference, and rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.cells import Cells, NumericCells
from aimsight.metrics.curves import INDEPENDENT_CURVE, CurveEffects, curve_effects, square_effect
from aimsight.metrics.design_effect import INDEPENDENT, DesignEffect
from aimsight.metrics.evidence import change_p_value, effect_of_shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.kinds.between import Between
    from aimsight.metrics.plan import ColumnPlan, Reference
    from aimsight.metrics.schema import Schema
    from aimsight.metrics.statistics import CellCounts, QualityCounts, SegmentStatistics, ValueCounts
    from aimsight.metrics.values import Undefined, Value
    from aimsight.metrics.volume import Expected

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

GROUPS = 10
"""Groups of about equal reference mass that numeric columns are compared by."""
SMOOTHING = 0.5
"""Rows added to each compared group on both sides where a distance would else be infinite (Jeffreys' prior)."""


@dataclass(frozen=True, slots=True)
class RowFacts:
    """The rows of one window: findings, statistics of all rows, and the latest event.

    ``until`` is the moment to which events could have come: the window's end, or the run's moment before it.
    ``expected`` is what the reference lets expect of the number of rows. ``features`` are the cells of the features,
    whose counts are in ``counted`` and, of the reference, in ``counted_before``. ``schema`` and ``reference_schema``
    are the columns of the sources.
    """

    quality: QualityCounts
    all_rows: SegmentStatistics
    latest: datetime | None
    until: datetime
    expected: Expected | None = None
    features: Mapping[str, Cells] = field(default_factory=dict)
    counted: Mapping[str, CellCounts] = field(default_factory=dict)
    counted_before: Mapping[str, CellCounts] = field(default_factory=dict)
    schema: Schema | None = None
    reference_schema: Schema | None = None

    def column(self, name: str) -> ColumnCounts | None:
        """The counts of a feature in the window; ``None`` when it was not counted."""
        counts = self.counted.get(name)
        return ColumnCounts(self.features[name], counts) if counts is not None else None

    def column_before(self, name: str) -> ColumnCounts | None:
        """The counts of a feature in the reference; ``None`` when it was not counted."""
        counts = self.counted_before.get(name)
        return ColumnCounts(self.features[name], counts) if counts is not None else None


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

    @property
    def values(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def constant(self) -> bool:
        """Whether every row with a value has the same one (numbers: lies in one cell), and there is more than one."""
        return 1 < self.values == self.most_frequent

    @property
    def most_frequent(self) -> int:
        """Rows of the most frequent value: a category, or all numbers of one cell."""
        return int(self.counts.counts[: self.cells.size].max(initial=0))


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
    """Design effects of one column: of the shares of its groups, and of its missing share."""

    groups: DesignEffect = INDEPENDENT
    missing: DesignEffect = INDEPENDENT


@dataclass(frozen=True, eq=False)
class ColumnBaseline:
    """The reference's side of one column, worked out once for all windows.

    ``groups`` maps cell positions to groups, ``grouped`` are the reference's counts by group, and ``windows`` the
    counts of the reference's own windows, from which the design effects come.
    """

    plan: ColumnPlan
    counts: Counts
    groups: NDArray[np.int64]
    grouped: Counts
    windows: tuple[Counts, ...] = ()
    values: ValueCounts | None = None

    @property
    def alone(self) -> tuple[int, int]:
        """The groups of missing values, and of non-finite or unseen ones."""
        return self.grouped.size - 2, self.grouped.size - 1

    @cached_property
    def rows(self) -> int:
        """Rows of the reference, missing ones included."""
        return int(self.grouped.sum())

    @cached_property
    def edges(self) -> Floats:
        """Edges of a numeric column's cells."""
        cells = self.plan.cells
        return cells.edges() if isinstance(cells, NumericCells) else np.empty(0)

    @cached_property
    def steps(self) -> Floats:
        """Distances between the middles of neighbouring cells of a numeric column."""
        return (self.edges[2:] - self.edges[:-2]) / 2

    @cached_property
    def half_widths(self) -> Floats:
        """Half the width of every cell of a numeric column."""
        return np.diff(self.edges) / 2

    @cached_property
    def finite(self) -> tuple[Counts, int, Floats]:
        """The ordered cells: rows in each, rows in all, and the share at or below each."""
        counts = self.counts[: self.plan.cells.size]
        rows = int(counts.sum())
        return counts, rows, np.cumsum(counts) / max(rows, 1)

    @classmethod
    def of(
        cls, plan: ColumnPlan, counts: Counts, windows: Sequence[Counts] = (), values: ValueCounts | None = None
    ) -> ColumnBaseline:
        """Group the reference's counts."""
        counts = compared(plan, counts)
        groups = coarse_groups(plan.cells, counts)
        size = int(groups[-1]) + 1
        parts = tuple(compared(plan, window) for window in windows)
        return cls(plan, counts, groups, group_counts(groups, size, counts), parts, values)

    @cached_property
    def effects(self) -> Effects:
        """Design effects of the shares."""
        if not self.windows:
            return Effects()
        grouped = np.array([group_counts(self.groups, self.grouped.size, window) for window in self.windows])
        missing = grouped[:, self.alone[0]]
        there = np.column_stack([grouped.sum(axis=1) - missing, missing])
        return Effects(effect_of_shares(grouped), effect_of_shares(there))

    @cached_property
    def curve(self) -> CurveEffects:
        """Design effects of gap and area."""
        return curve_effects(self._ordered, self.steps) if self.windows else INDEPENDENT_CURVE

    @cached_property
    def _ordered(self) -> Counts:
        return np.array([window[: self.plan.cells.size] for window in self.windows])

    def square_effect(self, name: str, weight: Floats, known: NDArray[np.bool_]) -> DesignEffect:
        """Design effect of the sum of squared gaps of this name, with these weights by cell."""
        if name not in self._squares:
            self._squares[name] = square_effect(self._ordered, weight, known) if self.windows else INDEPENDENT
        return self._squares[name]

    @cached_property
    def _squares(self) -> dict[str, DesignEffect]:
        return {}


def compared(plan: ColumnPlan, counts: Counts) -> Counts:
    """The rows that are compared: all of them; of a label only those that have one, as the others may still get it."""
    if plan.role != "label":
        return counts
    out = counts.copy()
    out[plan.cells.size] = 0
    return out


def group_counts(groups: NDArray[np.int64], size: int, counts: Counts) -> Counts:
    """Counts of cells added up by group, exactly."""
    if size == counts.size:
        return counts.astype(np.int64)
    # the groups ascend, so a group's cells lie together
    return np.add.reduceat(counts, np.searchsorted(groups, np.arange(size)))


@dataclass(frozen=True, eq=False)
class Shares:
    """Reference and window by the groups that occur on either side; missing, non-finite and unseen are groups.

    ``x`` and ``y`` are rows, ``p`` and ``q`` their shares, of reference and window.
    """

    x: Floats
    y: Floats
    p: Floats
    q: Floats
    sizes: tuple[int, int]

    @property
    def noise(self) -> float:
        """Variance factor of the difference of both shares."""
        return 1 / self.sizes[0] + 1 / self.sizes[1]

    @cached_property
    def pooled(self) -> Floats:
        """Shares of both sides together."""
        shares: Floats = (self.x + self.y) / sum(self.sizes)
        return shares

    @cached_property
    def smoothed(self) -> tuple[Floats, Floats]:
        """Shares with half a row more in every group, so that none is 0."""
        extra = SMOOTHING * self.x.size
        return (self.x + SMOOTHING) / (self.sizes[0] + extra), (self.y + SMOOTHING) / (self.sizes[1] + extra)

    def seen(self, half: float) -> Floats:
        """How much of a group's noise a distance sees: e / (e + ``half``), e rows expected on the smaller side."""
        expected = self.pooled * min(self.sizes)
        seen: Floats = expected / (expected + half)
        return seen


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Cumulative shares of the finite values of reference and window where they may differ.

    ``f`` and ``g`` are the shares at or below each of the points but the last of all; ``widths`` the distance to the
    next point, in the column's unit; ``x`` and ``y`` the rows at each point (one more). ``span`` says which ordered
    cells the points are; ``None`` when they are the distinct values themselves (exact).
    """

    f: Floats
    g: Floats
    widths: Floats
    x: Counts
    y: Counts
    sizes: tuple[int, int]
    span: slice | None

    @property
    def pooled(self) -> Floats:
        """Cumulative shares of both sides together."""
        n, m = self.sizes
        shares: Floats = (self.f * n + self.g * m) / (n + m)
        return shares


@dataclass(frozen=True, eq=False)
class ColumnPair:
    """One column of the reference and of the window; what its metrics share is worked out once."""

    base: ColumnBaseline
    counts: Counts
    values: ValueCounts | None = field(default=None)

    @property
    def n_reference(self) -> int:
        """Rows of the reference, missing ones included."""
        return self.base.rows

    @cached_property
    def n_window(self) -> int:
        """Rows of the window, missing ones included."""
        return int(self.counts.sum())

    @property
    def exact(self) -> bool:
        """Whether distances come from the distinct values instead of cells."""
        return self.values is not None and self.base.values is not None

    @cached_property
    def grouped(self) -> Counts:
        """The window's counts by group."""
        return group_counts(self.base.groups, self.base.grouped.size, self.counts)

    @cached_property
    def shares(self) -> Shares:
        """The groups that occur; both sides must have rows."""
        occupied = (self.base.grouped + self.grouped) > 0
        x, y = self.base.grouped[occupied].astype(np.float64), self.grouped[occupied].astype(np.float64)
        sizes = self.n_reference, self.n_window
        return Shares(x, y, x / sizes[0], y / sizes[1], sizes)

    @cached_property
    def curves(self) -> Curves | None:
        """Cumulative shares; ``None`` when a side has no finite value."""
        if self.values is not None and self.base.values is not None:
            return _exact_curves(self.base.values, self.values)
        x, n, f = self.base.finite
        y = self.counts[: x.size]
        m = int(y.sum())
        if n == 0 or m == 0:
            return None
        g = np.cumsum(y) / m
        first = int(min(np.searchsorted(f, 0.0, side="right"), np.searchsorted(g, 0.0, side="right")))
        last = int(max(np.searchsorted(f, 1.0), np.searchsorted(g, 1.0)))
        inner, span = slice(first, last), slice(first, last + 1)
        return Curves(f[inner], g[inner], self.base.steps[inner], x[span], y[span], (n, m), span)

    @cached_property
    def change_p_value(self) -> float:
        """Evidence that the shares of the groups changed."""
        return change_p_value(self.base.grouped, self.grouped, self.base.effects.groups, self.base.alone)


def _exact_curves(reference: ValueCounts, window: ValueCounts) -> Curves | None:
    (before, x), (after, y) = reference.unpacked(), window.unpacked()
    n, m = int(x.sum()), int(y.sum())
    if n == 0 or m == 0:
        return None
    place = np.searchsorted(before, after)
    new = before[np.minimum(place, before.size - 1)] != after
    points = np.insert(before, place[new], after[new])
    in_reference, in_window = np.insert(x, place[new], 0), np.zeros(points.size, dtype=np.int64)
    in_window[place + np.cumsum(new) - new] = y
    f, g = np.cumsum(in_reference)[:-1] / n, np.cumsum(in_window)[:-1] / m
    return Curves(f, g, np.diff(points), in_reference, in_window, (n, m), None)


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """The drift of one feature, with its q-value over the columns of the window and its declared importance."""

    column: str
    value: Value
    q_value: float
    importance: float | None = None


@dataclass(frozen=True, slots=True)
class FeatureDrifts:
    """The drift of a window's features: those with a value, the names of those without, and the window's rows."""

    measured: tuple[FeatureDrift, ...]
    undefined: tuple[str, ...]
    rows: int
    problem: Undefined | None = None


@dataclass(frozen=True, eq=False)
class Baseline:
    """The reference, prepared for comparison: each column when it is first asked for, once for all windows.

    ``between`` keeps how much metrics vary between its windows, by metric and segment.
    """

    reference: Reference
    between: dict[tuple[str, str], Between | None] = field(default_factory=dict)
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


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What the drift of a window is measured from where that is not simply the frozen reference, and a note on it.

    ``baseline`` is ``None`` where it is the frozen reference after all; the note, which measurements carry, says why.
    """

    baseline: Baseline | None
    note: str
