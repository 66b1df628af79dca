"""What ranked scores say, with its variance, from the counts of positives and negatives at each score.

Everything is O(positions); rows at one position (one score, or one score cell) are ties.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import FEW_WRONG, LEVEL, clopper_pearson, newcombe, student_quantile
from aimsight.metrics.values import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import ScoreCounts

    Floats = NDArray[np.float64]

NEAR = 0.05
"""The share of rows around a threshold that tells how many are positive there."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its variance, and how far off it can be because rows of one score cell count as ties."""

    value: float
    variance: float
    error_bound: float = 0.0


def highest_first(counts: ScoreCounts) -> tuple[Floats, Floats]:
    """Positives and negatives from the highest score down, positions without rows left out."""
    up, down = counts.positives[::-1].astype(np.float64), counts.negatives[::-1].astype(np.float64)
    there = (up + down) > 0
    return up[there], down[there]


def average_precision(counts: ScoreCounts) -> Estimate:
    """Mean over the positives of the precision at their score; the variance is that of its influence function.

    One row more or less at a position changes the precision there and at every lower score, which one pass adds up.
    """
    # the precision of a position counts by its positives, so that positions without any need no looking at
    there = np.flatnonzero(counts.positives[::-1] > 0)
    up = counts.positives[::-1][there].astype(np.float64)
    if counts.untied:
        hits = np.arange(1.0, there.size + 1)
        seen = there + 1.0
        wrong = seen - hits
    else:
        hits = np.cumsum(up)
        wrong = np.cumsum(counts.negatives[::-1])[there].astype(np.float64)
        seen = hits + wrong
    positives = hits[-1]
    precision = hits / seen
    value = float(up @ precision / positives)
    weight = up / seen
    # of a row more: what it adds at and below its position when it is positive, and takes there when it is not
    loss = np.cumsum((weight * precision)[::-1])[::-1]
    gain = np.cumsum(weight[::-1])[::-1]
    gain -= loss
    gain += precision
    gain -= value
    # negatives down to a position, from the one with positives before it, all change what is at and below it
    between = np.diff(wrong, prepend=0.0)
    variance = float(up @ np.square(gain, out=gain) + between @ np.square(loss)) / positives**2
    if counts.exact:
        return Estimate(value, variance)
    above = seen - counts.negatives[::-1][there]
    best = float(up @ np.divide(hits, above, out=np.ones_like(hits), where=above > 0) / positives)
    worst = float(up @ ((hits - up + 1) / (seen - up + 1)) / positives)
    return Estimate(value, variance, max(best - value, value - worst, 0.0))


def average_precision_interval(value: float, variance: float, positives: int) -> Interval:
    """Student on the logit scale, the positives being what is averaged over; exact when few of them are missed.

    With fewer than 3 positives' worth of missing precision the variance is not estimated from the scores.
    """
    if positives < 2 or positives * (1 - value) < FEW_WRONG or variance <= 0:
        return clopper_pearson(value * positives, positives)
    spread = student_quantile(positives - 1) * math.sqrt(variance * positives / (positives - 1))
    spread /= value * (1 - value)
    centre = math.log(value / (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(centre + side * spread, -700.0), 700.0))) for side in (-1, 1))
    return Interval(min(low, value), max(high, value), "Student, logit")


@dataclass(frozen=True, slots=True)
class Separation:
    """Largest distance between the two classes' cumulative shares, and the rows above that threshold."""

    value: float
    positives: int
    negatives: int
    above_positives: int
    above_negatives: int
    error_bound: float

    @property
    def interval(self) -> Interval:
        """Newcombe's of the two shares at the threshold; from 0 unless the Kolmogorov-Smirnov test rejects "no skill".

        The largest distance is above 0 by chance alone, so that the plain interval would exclude 0 too often.
        """
        found = newcombe(self.above_positives, self.positives, self.above_negatives, self.negatives)
        rows = self.positives * self.negatives / (self.positives + self.negatives)
        chance = math.exp(-2 * rows * self.value**2)
        low = found.low if chance < (1 - LEVEL) / 2 else 0.0
        return Interval(max(min(low, self.value), 0.0), max(found.high, self.value), "Newcombe at the threshold")


def separation(counts: ScoreCounts) -> Separation:
    """See ``Separation``; both classes must occur."""
    up, down = highest_first(counts)
    hits, alarms = np.cumsum(up), np.cumsum(down)
    gaps = hits / hits[-1] - alarms / alarms[-1]
    place = int(gaps.argmax())
    value = float(gaps[place])
    if value <= 0:
        place, value = gaps.size - 1, 0.0
    bound = 0.0
    if not counts.exact:
        # within a cell the curve can rise by its positives before any of its negatives come, and no more
        bound = max(float((gaps + down / alarms[-1]).max()) - value, 0.0)
    return Separation(
        value, int(hits[-1]), int(alarms[-1]), round(float(hits[place])), round(float(alarms[place])), bound
    )


@dataclass(frozen=True, slots=True)
class Top:
    """The rows with the highest scores: how many, how many of them are positive, and how sure that is."""

    rows: float
    positives: float
    all_rows: int
    all_positives: int
    precision_variance: float
    recall_variance: float
    error_bound: float


def top(counts: ScoreCounts, share: float) -> Top:
    """The ``share`` of rows with the highest scores; rows tied at the threshold count in proportion.

    The variances allow for the threshold being estimated: a row more above it pushes out one that is positive with
    the probability of the rows near the threshold.
    """
    up, down = highest_first(counts)
    all_rows, all_positives = float(up.sum() + down.sum()), float(up.sum())
    rows = share * all_rows
    ends = np.cumsum(up + down)
    place = min(int(np.searchsorted(ends, rows * (1 - 1e-12))), ends.size - 1)
    tied = float(up[place] + down[place])
    part = (rows - float(ends[place]) + tied) / tied
    positives = float(up[:place].sum() + part * up[place])
    precision, prevalence = positives / rows, all_positives / all_rows
    at = _share_near(up, down, ends, rows)
    # moments of a = [above the threshold] (y - at), and of y
    square = share * (precision * (1 - at) ** 2 + (1 - precision) * at**2)
    first, cross = share * (precision - at), share * precision * (1 - at)
    recall = positives / all_positives if all_positives else 0.0
    of_recall = square - 2 * recall * cross + recall**2 * prevalence - (first - recall * prevalence) ** 2
    bound = 0.0 if counts.exact else min(part, 1 - part) * tied
    return Top(
        rows,
        positives,
        int(all_rows),
        int(all_positives),
        max(square - first**2, 0.0) / share**2 / all_rows,
        max(of_recall, 0.0) / prevalence**2 / all_rows if prevalence else 0.0,
        min(bound, float(min(up[place], down[place]))),
    )


def _share_near(up: Floats, down: Floats, ends: Floats, rows: float) -> float:
    """The share of positives among the rows closest to the threshold, drawn a little towards one half."""
    width = max(NEAR * float(ends[-1]), 20.0)
    starts = ends - up - down
    weight = np.clip(np.minimum(ends, rows + width / 2) - np.maximum(starts, rows - width / 2), 0.0, None)
    weight /= up + down
    return float((weight @ up + 0.5) / (weight @ (up + down) + 1.0))
