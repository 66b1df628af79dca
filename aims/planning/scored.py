"""Rows by score: their labels and decisions, or, for estimates, the decisions alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.aims.planning.atoms import Part, each_by_mass, numbered
from aimsight.aims.planning.unplanned import UnplannableError, of_several
from aimsight.metrics.statistics import (
    LOSS_BITS,
    LOSS_SQUARE_BITS,
    SCORE_CELLS,
    UNIT_BITS,
    BinaryCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aimsight.metrics.registry import Metric

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

_EDGE = 2.0**-52


def the_class(unit: Metric, counted: Mapping[str, object] | None) -> str:
    """Whose scores a metric is computed from: of a binary model ``''``, of several classes the one it names.

    Raises
    ------
    UnplannableError
        When it is computed from those of several classes together.
    """
    name = unit.one_class or ""
    if counted and name not in counted:
        raise of_several(unit, next(iter(counted)))
    return name


def mix_of_scores(unit: Metric, found: SegmentStatistics) -> Part:
    """Score cell by decision, whatever the label: what an estimate is computed from."""
    if not found.score_decisions:
        raise UnplannableError("the reference has no row with a valid score")
    name = the_class(unit, found.score_decisions)
    table = found.score_decisions[name].astype(np.float64)
    cells = [np.flatnonzero(column) for column in table.T]
    flat = np.concatenate([used * 3 + column for column, used in enumerate(cells)])
    without = max(found.rows - table.sum(), 0.0)
    groups = np.concatenate([*each_by_mass(*table.T), [0]])
    groups[-1] = int(groups.max()) + 1

    def make(counts: Counts) -> SegmentStatistics:
        decided = np.zeros(SCORE_CELLS * 3, dtype=np.int64)
        decided[flat] = counts[:-1]
        rows, bare = int(counts.sum()), int(counts[-1])
        return SegmentStatistics(rows, 0, invalid_scores=bare, score_decisions={name: decided.reshape(SCORE_CELLS, 3)})

    return Part(np.append(table.ravel()[flat], without), numbered(groups), make)


def labelled_scores(unit: Metric, found: SegmentStatistics) -> Part:
    """Score cell by label (1, 0, none), then rows without a valid score: labelled, and not."""
    if found.scores is None or found.score_sums is None or found.score_sums.n == 0:
        raise UnplannableError("the reference has no row with both a label and a valid score")
    name = the_class(unit, found.scores)
    counts = found.scores[name].cells()
    ups, downs = (np.zeros(SCORE_CELLS) for _ in range(2))
    places = counts.positions.astype(np.int64)
    ups[places], downs[places] = counts.positives, counts.negatives
    table = (found.score_decisions or {}).get(name)
    decisions = np.zeros((SCORE_CELLS, 3)) if table is None else table.astype(np.float64)
    bare = np.maximum(decisions.sum(axis=1) - ups - downs, 0.0)
    scored = int(ups.sum() + downs.sum())
    unlabelled = found.rows - found.labelled
    lone = max(found.labelled - scored, 0)
    lump = max(unlabelled - bare.sum(), 0.0)
    cells = np.concatenate([np.flatnonzero(x) for x in (ups, downs, bare)])
    kinds = np.repeat([0, 1, 2], [np.count_nonzero(x) for x in (ups, downs, bare)])
    weights = np.concatenate([ups[ups > 0], downs[downs > 0], bare[bare > 0], [lone, lump]])
    groups = np.concatenate([*each_by_mass(ups, downs, bare), [0, 0]])
    groups[-2:] = int(groups.max()) + 1 + np.arange(2)
    with_decisions = unit.needs.prediction and not name and table is not None
    atoms = _ScoreAtoms(name, cells, kinds, _decision_shares(decisions), with_decisions=with_decisions)
    return Part(weights, numbered(groups), atoms.statistics)


def _decision_shares(decisions: Floats) -> Floats:
    """Share of each decision in every score cell; neighbours stand in where a cell has no row: (SCORE_CELLS, 3)."""
    total = decisions.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(decisions, total, out=np.zeros_like(decisions), where=total > 0))


@dataclass(frozen=True, eq=False)
class _ScoreAtoms:
    """Score cells of a class (of a binary model: '') by label; scores stand in the middle of their cell."""

    name: str
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
            score_sums=_score_sums(ups, downs),
            scores={self.name: ScoreCounts(middles, downs[used], ups[used], exact=True)},
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


def _summed(which: int) -> Floats:
    """What a row adds to each sum if it is positive (0) or negative (1), by score cell: shape (5, SCORE_CELLS)."""
    scores = (np.arange(SCORE_CELLS) + 0.5) / SCORE_CELLS
    error = (1 - scores) if which == 0 else -scores
    loss = -np.log(np.clip(1 - np.abs(error), _EDGE, 1 - _EDGE))
    return np.array(
        [
            error * 2.0**UNIT_BITS,
            error**2 * 2.0**UNIT_BITS,
            error**4 * 2.0**UNIT_BITS,
            loss * 2.0**LOSS_BITS,
            loss**2 * 4.0**LOSS_SQUARE_BITS,
        ]
    )


_OF_POSITIVE, _OF_NEGATIVE = _summed(0), _summed(1)


def _score_sums(ups: Counts, downs: Counts) -> ScoreSums:
    n = int(ups.sum() + downs.sum())
    return ScoreSums(n, *(round(total) for total in (_OF_POSITIVE @ ups + _OF_NEGATIVE @ downs).tolist()))
