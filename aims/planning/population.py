"""Windows like those of the reference: what a row can be, how often it is that, and the statistics of drawn rows.

A population is a list of **atoms** (a decision and its label, a score cell and its label, a cell of a column ...) with
their shares. A window of m rows is a multinomial draw over the atoms; its statistics are exactly of the kind that the
engine counts, so the metric itself is computed on them. Kinds of outcome that the reference could hold but does not
(no wrong decision, no missing value) stand for half a row, so that a deterioration can reach them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.aims.planning.atoms import COARSE, Part, by_mass, numbered
from aimsight.aims.planning.errors import ErrorPool
from aimsight.aims.planning.scored import labelled_scores, mix_of_scores
from aimsight.aims.planning.unplanned import UnplannableError, refuse
from aimsight.metrics.cells import NumericCells
from aimsight.metrics.registry import measured_by
from aimsight.metrics.statistics import (
    BinaryCounts,
    CellCounts,
    ClassCounts,
    IntervalCounts,
    QualityCounts,
    SegmentStatistics,
    Statistics,
)
from aimsight.metrics.values import ALL_ROWS, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.plan import Reference
    from aimsight.metrics.registry import Metric

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

HALF_ROW = 0.5
"""What stands for a kind of row that the reference does not hold."""


@dataclass(frozen=True, eq=False)
class Population:
    """What rows can be.

    Attributes
    ----------
    shares
        Share of each atom, float64 of shape (atoms,), adding up to 1.
    groups
        Number of the group of each atom, int64 of shape (atoms,): the atoms of a group are moved together.
    statistics
        The statistics of so many rows of each atom (int64 of shape (atoms,)).
    rows
        Rows of the reference that the shares are from.
    missing
        Number of the group of missing values, where the atoms are the cells of a column.
    """

    shares: Floats
    groups: NDArray[np.int64]
    statistics: Callable[[Counts], Statistics]
    rows: int
    missing: int = -1

    def tilted(self, exponents: Floats) -> Population:
        """The population whose shares are multiplied by exp(exponent) and add up to 1 again."""
        logs = np.log(np.maximum(self.shares, 1e-300)) + exponents
        shares = np.exp(logs - logs.max())
        shares[self.shares <= 0] = 0.0
        return replace(self, shares=shares / shares.sum())

    def expected(self, rows: int) -> Counts:
        """The most typical counts of so many rows: shares times rows, rounded so that they add up."""
        exact = self.shares * rows
        counts = np.floor(exact).astype(np.int64)
        short = rows - int(counts.sum())
        counts[np.argsort(counts - exact, kind="stable")[:short]] += 1
        return counts


def population(reference: Reference, unit: Metric, column: str, segment: str) -> Population:
    """The population that windows of one objective are drawn from.

    Raises
    ------
    UnplannableError
        When the reference does not keep what the metric needs.
    """
    statistics = reference.statistics
    if statistics.quality.rows == 0:
        raise UnplannableError("the reference has no rows")
    refuse(unit)
    if unit.kind in {"distribution", "column_quality"}:
        return _of_column(reference, column, fine=unit.kind == "distribution")
    if unit.kind == "quality":
        return _of_rows(statistics)
    if unit.kind == "change":
        unit = measured_by(unit)
        refuse(unit)
    if column:
        wanted = [one for one in statistics.segments if " & ".join(one.columns) == column]
    else:
        wanted = [one for one in statistics.segments if str(one) == segment]
    if not wanted:
        raise UnplannableError(f"the reference holds no rows of {column or segment or 'any segment'}")
    if unit.kind == "estimate" and "regression" in unit.tasks:
        return _of_leaves(reference, wanted[0])
    return _of_segments(reference, unit, wanted)


def _normalised(weights: Floats, rows: int) -> Floats:
    """Shares of atoms; those that are empty stand for half a row."""
    filled = np.where(weights > 0, weights, HALF_ROW)
    return np.asarray(filled / filled.sum()) if rows else np.full(weights.size, 1.0 / weights.size)


# --- columns ---------------------------------------------------------------------------------------------------------


def _of_column(reference: Reference, column: str, *, fine: bool) -> Population:
    counted = reference.statistics.columns.get(column)
    plan = next((one for one in reference.columns if one.name == column), None)
    if counted is None or plan is None:
        why = reference.statistics.column_errors.get(column, "the reference does not count it")
        raise UnplannableError(f"{column}: {why}")
    size, rows = plan.cells.size, int(counted.counts.sum())
    if rows == 0:
        raise UnplannableError(f"{column}: the reference has no rows of it")
    if not fine:
        return _of_column_quality(column, counted, size)
    weights = counted.counts.astype(np.float64)
    weights[size] = max(weights[size], HALF_ROW)
    used = np.flatnonzero(weights)

    def statistics(counts: Counts) -> Statistics:
        cells = np.zeros(size + 2, dtype=np.int64)
        cells[used] = counts
        return _with_rows(int(counts.sum()), columns={column: CellCounts(cells)})

    ordered = weights[used]
    by_cell = by_mass(ordered) if isinstance(plan.cells, NumericCells) else used
    groups = numbered(np.where(used < size, by_cell, used + COARSE))
    missing = int(groups[np.searchsorted(used, size)])
    return Population(ordered / ordered.sum(), groups, statistics, rows, missing)


def _of_column_quality(column: str, counted: CellCounts, size: int) -> Population:
    """Rows of a column: valid, out of range, missing, non-finite or unseen."""
    finite, missing, odd = int(counted.counts[:size].sum()), int(counted.counts[size]), int(counted.counts[size + 1])
    outside = counted.out_of_range or 0
    weights = np.array([finite - outside, outside, missing, odd], dtype=np.float64)
    place = int(np.argmax(counted.counts[:size])) if size else 0

    def statistics(counts: Counts) -> Statistics:
        cells = np.zeros(size + 2, dtype=np.int64)
        cells[place] += counts[0] + counts[1]
        cells[size], cells[size + 1] = counts[2], counts[3]
        known = None if counted.out_of_range is None else int(counts[1])
        return _with_rows(int(counts.sum()), columns={column: CellCounts(cells, known)})

    rows = int(counted.counts.sum())
    return Population(_normalised(weights, rows), np.arange(4), statistics, rows)


def _with_rows(
    rows: int, columns: dict[str, CellCounts] | None = None, segments: dict[Segment, SegmentStatistics] | None = None
) -> Statistics:
    return Statistics(QualityCounts(rows), columns or {}, segments or {ALL_ROWS: SegmentStatistics(rows, 0)})


# --- rows ------------------------------------------------------------------------------------------------------------


def _of_rows(reference: Statistics) -> Population:
    """Rows by label, validity of score and prediction, envelope; and the repeated rows beside them."""
    quality, whole = reference.quality, reference.all_rows
    rows = quality.rows
    again = [quality.duplicate_rows, quality.conflicting_rows]
    flags = np.array([whole.labelled, whole.invalid_scores, whole.invalid_predictions, quality.outside_envelope or 0])
    held = np.clip(flags, HALF_ROW, rows - HALF_ROW) / rows
    kinds = (np.arange(16)[:, None] >> np.arange(4)) & 1
    weights = np.concatenate([np.where(kinds, held, 1 - held).prod(axis=1) * rows, [x or 0.0 for x in again]])

    def statistics(counts: Counts) -> Statistics:
        number = int(counts[:16].sum())
        labelled, scores, predictions, outside = (int(counts[:16] @ kinds[:, one]) for one in range(4))
        found = QualityCounts(
            number,
            duplicate_rows=None if quality.duplicate_rows is None else int(counts[16]),
            conflicting_rows=None if quality.conflicting_rows is None else int(counts[17]),
            early_labels=quality.early_labels and 0,
            late_labels=quality.late_labels and 0,
            outside_envelope=None if quality.outside_envelope is None else outside,
        )
        part = SegmentStatistics(number, labelled, scores, predictions)
        return Statistics(found, segments={ALL_ROWS: part})

    return Population(_normalised(weights, rows), np.arange(18), statistics, rows)


# --- segments --------------------------------------------------------------------------------------------------------


def _of_segments(reference: Reference, unit: Metric, wanted: Sequence[Segment]) -> Population:
    found = [reference.statistics.segments[segment] for segment in wanted]
    parts = [_part(reference, unit, one) for one in found]
    starts = np.cumsum([0, *(part.weights.size for part in parts)])
    offsets = np.cumsum([0, *(int(part.groups.max()) + 1 for part in parts)])

    def statistics(counts: Counts) -> Statistics:
        made = {
            segment: part.make(counts[start : start + part.weights.size])
            for segment, part, start in zip(wanted, parts, starts[:-1], strict=True)
        }
        return _with_rows(int(counts.sum()), segments=made)

    weights = np.concatenate([part.weights for part in parts])
    groups = np.concatenate([part.groups + offset for part, offset in zip(parts, offsets[:-1], strict=True)])
    return Population(weights / weights.sum(), groups, statistics, sum(one.rows for one in found))


def _part(reference: Reference, unit: Metric, found: SegmentStatistics) -> Part:
    if unit.kind == "estimate":
        return mix_of_scores(unit, found)
    if unit.needs.interval:
        return _intervals(found)
    if found.errors is not None:
        return _errors(reference, found)
    if unit.needs.score:
        return labelled_scores(unit, found)
    if found.binary is not None:
        return _decisions(found, found.binary)
    if found.classes is not None:
        return _class_decisions(found, found.classes)
    raise UnplannableError("the reference keeps no joint counts of what it is computed from")


def _decisions(found: SegmentStatistics, c: BinaryCounts) -> Part:
    """Decision and label: TP, FP, FN, TN, label without decision; without label: positive, negative, invalid."""
    decided = c.true_positive + c.false_positive + c.false_negative + c.true_negative
    weights = np.array(
        [
            c.true_positive,
            c.false_positive,
            c.false_negative,
            c.true_negative,
            found.labelled - decided,
            c.selected - c.true_positive - c.false_positive,
            c.predicted - c.selected - c.false_negative - c.true_negative,
            found.rows - c.predicted - (found.labelled - decided),
        ],
        dtype=np.float64,
    )

    def make(counts: Counts) -> SegmentStatistics:
        tp, fp, fn, tn, lone, positive, _negative, invalid = (int(x) for x in counts)
        rows = int(counts.sum())
        return SegmentStatistics(
            rows,
            tp + fp + fn + tn + lone,
            invalid_predictions=lone + invalid,
            binary=BinaryCounts(rows - lone - invalid, tp + fp + positive, tp, fp, fn, tn),
        )

    return Part(_filled(weights, range(4)), np.arange(8), make)


def _filled(weights: Floats, possible: range) -> Floats:
    """The weights, the possible but empty atoms standing for half a row."""
    out = np.maximum(weights, 0.0)
    for place in possible:
        out[place] = out[place] or HALF_ROW
    return out


def _class_decisions(found: SegmentStatistics, c: ClassCounts) -> Part:
    """Label and decision of a multiclass model; label without decision; decisions without label; neither."""
    k = c.predicted.size
    decided, predicted = int(c.matrix.sum()), int(c.predicted.sum())
    rest = [found.labelled - decided, *(c.predicted - c.matrix.sum(axis=0))]
    invalid = found.rows - predicted - (found.labelled - decided)
    weights = np.concatenate([c.matrix.ravel(), rest, [invalid]]).astype(np.float64)

    def make(counts: Counts) -> SegmentStatistics:
        matrix = counts[: k * k].reshape(k, k).astype(np.int64)
        lone, others = int(counts[k * k]), counts[k * k + 1 : k * k + 1 + k]
        return SegmentStatistics(
            int(counts.sum()),
            int(matrix.sum()) + lone,
            invalid_predictions=lone + int(counts[-1]),
            classes=ClassCounts(matrix, matrix.sum(axis=0) + others),
        )

    return Part(_filled(weights, range(k * k)), np.arange(weights.size), make)


def _errors(reference: Reference, found: SegmentStatistics) -> Part:
    """Errors of a regression model as a pool of typical rows, then labelled and unlabelled rows without error."""
    if found.errors is None or found.errors.n == 0:
        raise UnplannableError("the reference has no row with both a label and a valid prediction")
    pool = ErrorPool.of(found.errors, 2.0**reference.error_exponent, reference.label_center)
    n = found.errors.n
    lone, bare = max(found.labelled - n, 0), found.rows - found.labelled
    weights = np.concatenate([pool.shares * n, [lone, bare]])
    size = pool.shares.size

    def make(counts: Counts) -> SegmentStatistics:
        rows = int(counts.sum())
        return SegmentStatistics(
            rows, rows - int(counts[-1]), invalid_predictions=int(counts[-2]), errors=pool.sums(counts[:size])
        )

    groups = np.concatenate([pool.groups, [pool.groups.max() + 1, pool.groups.max() + 2]])
    return Part(weights, numbered(groups), make)


def _intervals(found: SegmentStatistics) -> Part:
    """Labels within their prediction interval, below and above it; rows without a valid interval or a label."""
    c = found.interval
    if c is None or c.covered + c.below + c.above == 0:
        raise UnplannableError("the reference has no labelled row with a valid prediction interval")
    told = [c.covered, c.below, c.above]
    weights = np.array([*told, c.invalid, max(found.rows - sum(told) - c.invalid, 0)], dtype=np.float64)

    def make(counts: Counts) -> SegmentStatistics:
        rows, bare = int(counts.sum()), int(counts[4])
        return SegmentStatistics(rows, rows - bare, interval=IntervalCounts(*(int(one) for one in counts[:4])))

    return Part(_filled(weights, range(3)), np.arange(5), make)


def _of_leaves(reference: Reference, segment: Segment) -> Population:
    """Rows of a segment by leaf of the reference's loss tree: what an estimate of errors is computed from."""
    counted = (reference.statistics.leaves or {}).get(segment)
    if counted is None or not counted.sum():
        raise UnplannableError("the reference has too few labels to learn the loss from")
    used = np.flatnonzero(counted)
    weights = counted[used].astype(np.float64)

    def statistics(counts: Counts) -> Statistics:
        leaves, rows = np.zeros_like(counted), int(counts.sum())
        leaves[used] = counts
        made = _with_rows(rows, segments={segment: SegmentStatistics(rows, 0)})
        return replace(made, leaves={segment: leaves})

    return Population(weights / weights.sum(), np.arange(used.size), statistics, int(counted.sum()))
