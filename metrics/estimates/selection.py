"""Whether the rows that have labels look like those that have none: which labels came is rarely left to chance.

From exact counts of all rows: by score, by decision, and by group. Where they differ, what is measured on labels is
about other rows than the window's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.estimates.calibration import by_score
from aimsight.metrics.evidence import change_p_value, q_values
from aimsight.metrics.values import ALL_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Segment

    Whole = NDArray[np.int64]

SCORE_GROUPS = 10
"""Scores are compared in groups of about a tenth of all rows."""
ALPHA = 0.05
"""False discovery rate over what is compared in a window."""
MATERIAL = 0.02
"""A smaller distance between labelled rows and all rows changes no metric enough to be told."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """Rows by group of one thing that they are compared by: with labels and without, int64 of shape (groups,)."""

    labelled: Whole
    unlabelled: Whole

    @property
    def distance(self) -> float:
        """Total variation distance between the rows with labels and all rows; both must be there."""
        everything = self.labelled + self.unlabelled
        shares = self.labelled / self.labelled.sum() - everything / everything.sum()
        return float(np.abs(shares).sum()) / 2

    @property
    def p_value(self) -> float:
        """Evidence against labels being left to chance, in (0, 1]."""
        return change_p_value(self.labelled, self.unlabelled)


def by_column(part: SegmentStatistics, model: ModelConfig) -> Iterator[tuple[str, LabelledRows]]:
    """The rows of a segment with and without labels, by score and by decision, under the names of the columns."""
    scores = part.scores or {}
    for name, decisions in (part.score_decisions or {}).items():
        column = model.log.score if name == "" else (model.log.scores or {}).get(name)
        if column is not None:
            yield column, _by_score(decisions.sum(axis=1), sum(by_score(scores.get(name))))
    if model.log.prediction is None:
        return
    if part.binary is not None:
        c = part.binary
        labelled = np.array([c.false_negative + c.true_negative, c.true_positive + c.false_positive])
        yield model.log.prediction, _apart(np.array([c.predicted - c.selected, c.selected]), labelled)
    elif part.classes is not None:
        yield model.log.prediction, _apart(part.classes.predicted, part.classes.matrix.sum(axis=0))


def by_group(segments: Mapping[Segment, SegmentStatistics]) -> Iterator[tuple[str, LabelledRows]]:
    """The rows of all groups of every group-by, under the names of its columns."""
    entries = dict.fromkeys(segment.columns for segment in segments if segment.conditions)
    for columns in entries:
        parts = [part for segment, part in segments.items() if segment.columns == columns]
        rows = np.array([part.rows for part in parts], dtype=np.int64)
        yield " & ".join(columns), _apart(rows, np.array([part.labelled for part in parts], dtype=np.int64))


def _apart(everything: Whole, labelled: Whole) -> LabelledRows:
    return LabelledRows(labelled, everything - labelled)


def _by_score(everything: Whole, labelled: Whole) -> LabelledRows:
    """By groups of neighbouring score cells that hold about equal parts of all rows."""
    total = int(everything.sum())
    before = np.cumsum(everything) - everything
    group = np.minimum(before * SCORE_GROUPS // max(total, 1), SCORE_GROUPS - 1)
    sums = [np.bincount(group, weights=counts, minlength=SCORE_GROUPS) for counts in (everything, labelled)]
    return _apart(*(part.astype(np.int64) for part in sums))


def selective(segments: Mapping[Segment, SegmentStatistics], model: ModelConfig) -> str:
    """What the labelled rows of a window differ in, in words; empty when they look like the others.

    They differ when the evidence holds at a false discovery rate of 5 % over what is compared, and the distance is of
    some size.
    """
    if ALL_ROWS not in segments:
        return ""
    compared = [
        (name, rows)
        for name, rows in (*by_column(segments[ALL_ROWS], model), *by_group(segments))
        if rows.labelled.any() and rows.unlabelled.any()
    ]
    adjusted = q_values([rows.p_value for _, rows in compared])
    different = [
        name for (name, rows), q in zip(compared, adjusted, strict=True) if q <= ALPHA and rows.distance >= MATERIAL
    ]
    return ", ".join(dict.fromkeys(different))
