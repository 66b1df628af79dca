"""Losses of probabilities: their sums, and what rows that have not been seen yet could lose.

With few rows of a class the largest losses have often not been seen yet, so that an interval from the rows alone is
too short and too low. Beside the rows stand ``UNKNOWN_ROWS`` further ones, whose scores are those of the rows and whose
label may be any (docs/adr/0020-two-unknown-rows.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import UNKNOWN_ROWS, skewed
from aimsight.metrics.reliability import scores_of
from aimsight.metrics.statistics import LOSS_BITS, LOSS_SQUARE_BITS, UNIT_BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import ScoreCounts, ScoreSums, SegmentStatistics
    from aimsight.metrics.values import Interval

    Floats = NDArray[np.float64]

MANY = 10_000
"""Among so many rows the unknown ones say nothing any more."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Losses of ``n`` rows with a label and a score.

    ``total`` and ``squares`` are the sums of the losses and of their squares; ``further`` the mean loss and the mean
    squared loss that a row of unknown label would have by its label, shape (2, labels), with ``rows`` of them.
    """

    n: int
    total: float
    squares: float
    rows: float
    further: Floats

    @property
    def mean(self) -> float:
        """Mean loss of the rows seen."""
        return self.total / self.n

    def moments(self, weights: Floats | None = None) -> tuple[float, float]:
        """Mean and variance of the loss of one row, the unknown ones included; their labels have these weights."""
        loss, square = (self.further.mean(axis=1) if weights is None else self.further @ weights).tolist()
        count = self.n + self.rows
        mean = (self.total + self.rows * loss) / count
        return mean, max((self.squares + self.rows * square) / count - mean * mean, 0.0)

    def interval(self) -> Interval:
        """Interval of the mean loss; it may lie beyond the metric's bounds."""
        mean, variance = self.moments()
        return skewed(mean, variance / (self.n + self.rows + 1), "skewed, unknown rows")


@dataclass(frozen=True, slots=True)
class Gap:
    """Mean of label less score of the rows seen; and the mean, variance and number of these and the unknown ones."""

    value: float
    centre: float
    variance: float
    rows: float


def gap_of(total: float, losses: Losses) -> Gap:
    """From the sum of label less score, and the squares of that, which are the Brier losses of one class."""
    count = losses.n + losses.rows
    # a row of unknown label: the mean loss is that of both labels, so that 1 - 2 s is what they differ by
    negative, positive = losses.further[0]
    centre = (total + losses.rows * (positive - negative) / 2) / count
    square, _ = losses.moments()
    variance = max(square - centre * centre, 0.0) * count / max(count - 1, 1)
    return Gap(total / losses.n, centre, variance, count)


def log_losses(s: SegmentStatistics, sums: ScoreSums) -> Losses:
    """``-ln`` of the probability that was given to the label."""
    logs = [(weights, -np.log(given)) for weights, given in _given(s, sums.n)]
    further = np.array([[weights @ log, weights @ np.square(log)] for weights, log in logs])
    total, squares = sums.loss / 2**LOSS_BITS, sums.loss_square / 2 ** (2 * LOSS_SQUARE_BITS)
    return _losses(sums.n, total, squares, further)


def brier_losses(s: SegmentStatistics, sums: ScoreSums) -> Losses:
    """``(s - y)**2``; in multiclass tasks the sum of it over the classes."""
    given = _given(s, sums.n)
    if s.classes is None:
        further = np.array([[weights @ (1 - p) ** 2, weights @ (1 - p) ** 4] for weights, p in given])
    else:
        own = sum(float(weights @ np.square(p)) for weights, p in given)
        loss = np.array([1 + own - 2 * float(weights @ p) for weights, p in given])
        further = np.stack([loss, 2 * loss], axis=1)  # of probabilities that add up to 1 no loss is above 2
    return _losses(sums.n, sums.brier / 2**UNIT_BITS, sums.brier_square / 2**UNIT_BITS, further)


def class_losses(counts: ScoreCounts) -> Losses:
    """Brier losses of one class against the rest, by the scores that are kept of it."""
    score = scores_of(counts)
    loss = np.stack([np.square(score), np.square(1 - score)])
    total, squares = (float(counts.negatives @ power[0] + counts.positives @ power[1]) for power in (loss, loss**2))
    known = counts.rows > MANY
    weights = (counts.positives + counts.negatives) / counts.rows
    further = np.zeros((0, 2)) if known else np.stack([loss @ weights, loss**2 @ weights], axis=1)
    return _losses(counts.rows, total, squares, further)


def _losses(n: int, total: float, squares: float, further: Floats) -> Losses:
    if further.size == 0:
        return Losses(n, total, squares, 0.0, np.zeros((2, 2)))
    return Losses(n, total, squares, UNKNOWN_ROWS, further.T)


def _given(s: SegmentStatistics, n: int) -> list[tuple[Floats, Floats]]:
    """For every label, the probabilities that the rows give it, and the share of rows at each; nothing of many rows.

    By score cell, so that what is kept of the scores says the same as the scores themselves.
    """
    if n > MANY or not s.scores:
        return []
    found = []
    for counts in (one.cells() for one in s.scores.values()):
        rows = counts.positives + counts.negatives
        found.append((rows / max(int(rows.sum()), 1), scores_of(counts)))
    if list(s.scores) == [""]:
        weights, score = found[0]
        return [(weights, 1 - score), (weights, score)]
    return found
