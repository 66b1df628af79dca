"""Whether the rows that have labels look like those that have none: which labels came is rarely left to chance.

From exact counts of all rows: by score, by decision, and by group. Where they differ, what is measured on labels is
about other rows than the window's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.estimates.calibration import by_score
from aimsight.metrics.estimates.scored import ScoreBaseline
from aimsight.metrics.evidence import change_p_value, q_values
from aimsight.metrics.values import ALL_ROWS, Undefined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.estimates.calibration import Calibration
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Segment

    Whole = NDArray[np.int64]

SCORE_GROUPS = 10
"""Scores are compared in groups of about a tenth of all rows."""
ALPHA = 0.05
"""False discovery rate over what is compared in a window."""
RARE, ODD = 0.001, 0.1
"""Labels that came early are odd when their classes are this improbable, and off by this share of them."""
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
            negatives, positives = by_score(scores.get(name))
            yield column, _by_score(decisions.sum(axis=1), negatives + positives)
    if model.log.prediction is None:
        return
    if part.binary is not None:
        c = part.binary
        labelled = np.array([c.false_negative + c.true_negative, c.true_positive + c.false_positive])
        yield model.log.prediction, _apart(np.array([c.predicted - c.selected, c.selected]), labelled)
    elif part.classes is not None:
        yield model.log.prediction, _apart(part.classes.predicted, part.classes.matrix.sum(axis=0))


def by_group(segments: Mapping[Segment, SegmentStatistics]) -> Iterator[tuple[str, LabelledRows]]:
    """The rows of all groups of every group-by, under the names of its columns; filters overlap and are none."""
    entries = dict.fromkeys(segment.columns for segment in segments if any(segment.columns))
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


def unexpected(part: SegmentStatistics, reference: Reference) -> str:
    """What is odd about the labels that came, by what the reference leads to expect of these rows; empty if nothing.

    The expected positives are the sum of the calibrated chances of the labelled rows; without a calibration, and in
    multiclass tasks, the reference's shares of the classes. Odd is what has a p-value below 0.001 and is off by a tenth
    of the labels: a change of the process looks the same, so this is a reason to wait and no more.
    """
    counted = _labels(part)
    if counted is None or not counted.any():
        return ""
    n = int(counted.sum())
    known = _labels(reference.statistics.segments[ALL_ROWS]) if ALL_ROWS in reference.statistics.segments else None
    if part.scores is not None and list(part.scores) == [""]:
        found = ScoreBaseline(reference).calibrations(ALL_ROWS)
        if not isinstance(found, Undefined):
            return _odd_by_score(*by_score(part.scores[""]), found[""])
    if known is None or known.size != counted.size or not known.any():
        return ""
    distance = float(np.abs(counted / n - known / known.sum()).sum()) / 2
    if change_p_value(known, counted) >= RARE or distance < ODD:
        return ""
    if counted.size == 2:
        return _too_many(int(counted[1]), n, n * float(known[1]) / float(known.sum()))
    return "their classes are not those that were to be expected"


def _odd_by_score(negatives: Whole, positives: Whole, found: Calibration) -> str:
    rows = (negatives + positives).astype(np.float64)
    n, ups = float(rows.sum()), float(positives.sum())
    if n == 0:
        return ""
    mean = float(rows @ found.chance)
    learned = np.square(np.bincount(found.block, weights=rows)) @ found.block_variance
    error = math.sqrt(float(rows @ found.noise) + float(learned))
    if abs(ups - mean) < ODD * n or math.erfc(abs(ups - mean) / error / math.sqrt(2)) >= RARE:
        return ""
    return _too_many(int(ups), int(n), mean)


def _too_many(ups: int, n: int, mean: float) -> str:
    return f"{ups} of the {n} labels are positive, about {round(mean)} were to be expected"


def _labels(part: SegmentStatistics) -> Whole | None:
    """Labelled rows by class, of those with a valid prediction."""
    if part.binary is not None:
        c = part.binary
        return np.array([c.true_negative + c.false_positive, c.true_positive + c.false_negative], dtype=np.int64)
    return None if part.classes is None else np.asarray(part.classes.matrix.sum(axis=1), dtype=np.int64)
