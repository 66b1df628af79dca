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

from aimsight.aims.planning.errors import ErrorPool
from aimsight.metrics.cells import NumericCells
from aimsight.metrics.statistics import (
    LOSS_BITS,
    LOSS_SQUARE_BITS,
    SCORE_CELLS,
    UNIT_BITS,
    BinaryCounts,
    CellCounts,
    ClassCounts,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
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
COARSE = 24
"""Neighbouring cells are moved together, in so many groups of about equal mass."""
_EDGE = 2.0**-52


class UnplannableError(Exception):
    """The windows of a metric cannot be drawn from what the reference keeps, and why."""


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
    if unit.kind in {"distribution", "column_quality"}:
        return _of_column(reference, column, fine=unit.kind == "distribution")
    if unit.kind == "quality":
        return _of_rows(statistics)
    if unit.kind not in {"segment", "errors", "groups"}:
        source = SOURCES.get(unit.kind, f"from {unit.kind}")
        raise UnplannableError(f"it is measured {source}, which cannot be drawn from the reference's counts")
    wanted = [one for one in statistics.segments if " & ".join(one.columns) == column] if column else []
    if not column:
        wanted = [one for one in statistics.segments if str(one) == segment]
    if not wanted:
        raise UnplannableError(f"the reference holds no rows of {column or segment or 'any segment'}")
    return _of_segments(reference, unit, wanted)


SOURCES = {
    "frame": "on the rows themselves",
    "sample": "on samples of rows",
    "estimate": "by estimates",
    "change": "as a change against the reference",
    "selection": "by which rows have labels",
    "summary": "over several columns together",
}
"""What metrics of these kinds are measured from, in words."""


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
    by_cell = _by_mass(ordered) if isinstance(plan.cells, NumericCells) else used
    groups = _numbered(np.where(used < size, by_cell, used + COARSE))
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


@dataclass(frozen=True, eq=False)
class _Part:
    """The atoms of one segment: their rows in the reference, their groups, and its statistics from counts."""

    weights: Floats
    groups: NDArray[np.int64]
    make: Callable[[Counts], SegmentStatistics]


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


def _part(reference: Reference, unit: Metric, found: SegmentStatistics) -> _Part:
    if found.errors is not None:
        return _errors(reference, found)
    if unit.needs.score and found.scores is not None and list(found.scores) == [""]:
        return _scores(found, with_decisions=unit.needs.prediction)
    if found.binary is not None and not unit.needs.score:
        return _decisions(found, found.binary)
    if found.classes is not None and not unit.needs.score:
        return _class_decisions(found, found.classes)
    raise UnplannableError("the reference keeps no joint counts of what it is computed from")


def _decisions(found: SegmentStatistics, c: BinaryCounts) -> _Part:
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

    return _Part(_filled(weights, range(4)), np.arange(8), make)


def _filled(weights: Floats, possible: range) -> Floats:
    """The weights, the possible but empty atoms standing for half a row."""
    out = np.maximum(weights, 0.0)
    for place in possible:
        out[place] = out[place] or HALF_ROW
    return out


def _class_decisions(found: SegmentStatistics, c: ClassCounts) -> _Part:
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

    return _Part(_filled(weights, range(k * k)), np.arange(weights.size), make)


def _scores(found: SegmentStatistics, *, with_decisions: bool) -> _Part:
    """Score cell by label (1, 0, none), then rows without a valid score: labelled, and not."""
    if found.scores is None or found.score_sums is None or found.score_sums.n == 0:
        raise UnplannableError("the reference has no row with both a label and a valid score")
    counts = found.scores[""].cells()
    ups, downs = (np.zeros(SCORE_CELLS) for _ in range(2))
    places = counts.positions.astype(np.int64)
    ups[places], downs[places] = counts.positives, counts.negatives
    table = (found.score_decisions or {}).get("")
    decisions = np.zeros((SCORE_CELLS, 3)) if table is None else table.astype(np.float64)
    bare = np.maximum(decisions.sum(axis=1) - ups - downs, 0.0)
    scored = int(ups.sum() + downs.sum())
    unlabelled = found.rows - found.labelled
    lone = max(found.labelled - scored, 0)
    lump = max(unlabelled - bare.sum(), 0.0)
    cells = np.concatenate([np.flatnonzero(x) for x in (ups, downs, bare)])
    kinds = np.repeat([0, 1, 2], [np.count_nonzero(x) for x in (ups, downs, bare)])
    weights = np.concatenate([ups[ups > 0], downs[downs > 0], bare[bare > 0], [lone, lump]])
    groups = np.concatenate([*_grouped(ups, downs, bare), [0, 0]])
    groups[-2:] = int(groups.max()) + 1 + np.arange(2)
    atoms = _ScoreAtoms(cells, kinds, _decision_shares(decisions), with_decisions=with_decisions and table is not None)
    return _Part(weights, _numbered(groups), atoms.statistics)


def _grouped(*weights: Floats) -> list[NDArray[np.int64]]:
    out, offset = [], 0
    for one in weights:
        groups = _by_mass(one[one > 0]) + offset
        offset = int(groups.max()) + 1 if groups.size else offset
        out.append(groups)
    return out


def _decision_shares(decisions: Floats) -> Floats:
    """Share of each decision in every score cell; neighbours stand in where a cell has no row: (SCORE_CELLS, 3)."""
    total = decisions.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(decisions, total, out=np.zeros_like(decisions), where=total > 0))


@dataclass(frozen=True, eq=False)
class _ScoreAtoms:
    """Score cells by label; scores stand in the middle of their cell."""

    cells: NDArray[np.int64]
    kinds: NDArray[np.int64]
    decided: Floats
    with_decisions: bool

    def statistics(self, counts: Counts) -> SegmentStatistics:
        """The statistics of so many rows of each atom."""
        scored, (lone, lump) = counts[:-2], (int(x) for x in counts[-2:])
        ups, downs, bare = (
            np.bincount(self.cells, np.where(self.kinds == kind, scored, 0), SCORE_CELLS).astype(np.int64)
            for kind in range(3)
        )
        used = np.flatnonzero(ups + downs)
        middles = (used + 0.5) / SCORE_CELLS
        labelled = int(ups.sum() + downs.sum())
        rows = int(counts.sum())
        part = SegmentStatistics(
            rows,
            labelled + lone,
            invalid_scores=lone + lump if self.with_decisions else lone,
            score_sums=_score_sums(middles, ups[used], downs[used]),
            scores={"": ScoreCounts(middles, downs[used], ups[used], exact=True)},
        )
        return self._decided(part, ups, downs, bare) if self.with_decisions else part

    def _decided(self, part: SegmentStatistics, ups: Counts, downs: Counts, bare: Counts) -> SegmentStatistics:
        everyone = ups + downs + bare
        table = np.rint(everyone[:, None] * self.decided).astype(np.int64)
        table[:, 2] = np.maximum(everyone - table[:, 0] - table[:, 1], 0)
        tp, fn = (round(float(ups @ self.decided[:, one])) for one in (1, 0))
        fp, tn = (round(float(downs @ self.decided[:, one])) for one in (1, 0))
        predicted, selected = int(table[:, :2].sum()), int(table[:, 1].sum())
        binary = BinaryCounts(max(predicted, tp + fp + fn + tn), max(selected, tp + fp), tp, fp, fn, tn)
        return replace(part, binary=binary, score_decisions={"": table})


def _score_sums(scores: Floats, ups: Counts, downs: Counts) -> ScoreSums:
    likely, unlikely = (-np.log(np.clip(p, _EDGE, 1 - _EDGE)) for p in (scores, 1 - scores))

    def total(of_ups: Floats, of_downs: Floats, bits: int) -> int:
        return round(float(ups @ of_ups + downs @ of_downs) * 2.0**bits)

    return ScoreSums(
        n=int(ups.sum() + downs.sum()),
        gap=total(1 - scores, -scores, UNIT_BITS),
        brier=total((1 - scores) ** 2, scores**2, UNIT_BITS),
        brier_square=total((1 - scores) ** 4, scores**4, UNIT_BITS),
        loss=total(likely, unlikely, LOSS_BITS),
        loss_square=total(likely**2, unlikely**2, 2 * LOSS_SQUARE_BITS),
    )


def _errors(reference: Reference, found: SegmentStatistics) -> _Part:
    """Errors of a regression model as a pool of typical rows, then labelled and unlabelled rows without error."""
    if found.errors is None or found.errors.n == 0:
        raise UnplannableError("the reference has no row with both a label and a valid prediction")
    pool = ErrorPool.of(found.errors, 2.0**reference.error_exponent, reference.label_center)
    n = found.errors.n
    lone, bare = max(found.labelled - n, 0), found.rows - found.labelled
    weights = np.concatenate([pool.shares * n, [lone, bare]])
    size = pool.shares.size
    interval = found.interval
    covered = 0.0 if interval is None else interval.covered / max(interval.covered + interval.below + interval.above, 1)

    def make(counts: Counts) -> SegmentStatistics:
        rows = int(counts.sum())
        part = SegmentStatistics(
            rows, rows - int(counts[-1]), invalid_predictions=int(counts[-2]), errors=pool.sums(counts[:size])
        )
        if interval is None:
            return part
        inside = round(covered * int(counts[:size].sum()))
        below = (int(counts[:size].sum()) - inside) // 2
        above = int(counts[:size].sum()) - inside - below
        return replace(part, interval=replace(interval, covered=inside, below=below, above=above, invalid=0))

    groups = np.concatenate([pool.groups, [pool.groups.max() + 1, pool.groups.max() + 2]])
    return _Part(weights, _numbered(groups), make)


def _by_mass(weights: Floats) -> NDArray[np.int64]:
    """Group numbers of neighbours so that each group holds about one ``COARSE``-th of the mass."""
    if not weights.size:
        return np.empty(0, dtype=np.int64)
    middle = (np.cumsum(weights) - weights / 2) / weights.sum()
    return np.asarray(np.minimum((middle * COARSE).astype(np.int64), COARSE - 1))


def _numbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups with numbers from 0 on without gaps."""
    return np.asarray(np.unique(groups, return_inverse=True)[1], dtype=np.int64)
