"""How far probabilities are from what came true: bins of scores, their gaps, and logistic recalibration."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import Z
from aimsight.metrics.statistics import SCORE_CELLS
from aimsight.metrics.values import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from aimsight.metrics.statistics import ScoreCounts

    Floats = NDArray[np.float64]

ANYTHING = 1e9
"""An error bound of what may be any number."""
HALF_CELL = 0.5 / SCORE_CELLS
"""A score is at most this far from the middle of its cell."""
EXPECTED_ROWS = 5
"""As many rows that are as expected are added to a bin when its variance is estimated: few rows may be all alike."""
ITERATIONS = 60


def scores_of(counts: ScoreCounts) -> Floats:
    """The score at each position: itself, or the middle of its cell."""
    return counts.positions if counts.exact else (counts.positions + 0.5) / SCORE_CELLS


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of scores that hold rows: rows, mean score and share of positives of each.

    ``moved`` is the largest share of rows that may belong to another bin, because their score cell is cut by an edge
    between bins (0 when the scores themselves are known).
    """

    rows: Floats
    score: Floats
    share: Floats
    moved: float
    exact: bool

    @classmethod
    def of(cls, counts: ScoreCounts, number: int, binning: str) -> Bins:
        """``width``: bins of equal width on [0, 1]; ``mass``: of about as many rows each, ties kept together."""
        rows, score = counts.positives + counts.negatives, scores_of(counts)
        total = int(rows.sum())
        moved = 0.0
        # scores ascend, so that a bin's lie together and only their first has to be found
        if binning == "width":
            starts = np.array([bisect_left(score, place, key=partial(_bin_of, number)) for place in range(number)])
            if not counts.exact:
                cut = np.unique((np.arange(1, number) * SCORE_CELLS) // number)
                split = np.isin(counts.positions.astype(np.int64), cut[(cut * number) % SCORE_CELLS != 0])
                moved = float(rows[split].sum()) / total
        else:
            through = np.cumsum(rows)
            place = np.minimum(((through - rows / 2) * number / total).astype(np.int64), number - 1)
            starts = np.searchsorted(place, np.arange(number))
            if not counts.exact:  # the rows of a cell may lie in every bin that its share of the mass touches
                first, last = (through - rows) * number // total, -(-through * number // total) - 1
                moved = float(rows[first < last].sum()) / total
        starts = starts[np.diff(starts, append=rows.size) > 0]
        held = np.add.reduceat(rows, starts)
        share = np.add.reduceat(counts.positives, starts) / np.maximum(held, 1)
        mean = np.add.reduceat(score if total == rows.size else rows * score, starts) / np.maximum(held, 1)
        there = held > 0
        return cls(held[there].astype(np.float64), mean[there], share[there], moved, counts.exact)

    @property
    def weights(self) -> Floats:
        """Share of all rows in each bin."""
        weights: Floats = self.rows / self.rows.sum()
        return weights

    @property
    def gaps(self) -> Floats:
        """Share of positives minus mean score of each bin."""
        return self.share - self.score

    def variances(self, expected: Floats) -> Floats:
        """Variance of each bin's share of positives, drawn towards the expected share while its rows are few."""
        share = (self.share * self.rows + EXPECTED_ROWS * expected) / (self.rows + EXPECTED_ROWS)
        return share * (1 - share) / self.rows

    @property
    def gap_bound(self) -> float:
        """Largest error of a weighted mean of gaps, because scores are known by their cells only."""
        return 0.0 if self.exact else HALF_CELL + 2 * self.moved


def _bin_of(number: int, score: float) -> int:
    """The bin of equal width that a score is in."""
    # an edge belongs to the bin above it; products such as 0.3 * 10 must not fall short of a whole number
    return min(math.floor(score * number + 1e-9), number - 1)


def of_absolute(gaps: Floats, variances: Floats, rows: Floats) -> Interval:
    """Interval of the mean of ``|gaps|`` over rows, from observed gaps with chance errors of these variances.

    Chance alone makes the sum positive. The true gaps are taken as a multiple t of the observed ones; the interval
    holds the sums of all t whose expected sum, of folded normals, agrees with the observed one. It reaches 0 exactly
    when the observed sum is no larger than chance makes it.
    """
    deviations, total = np.sqrt(variances), float(rows.sum())
    weights, sizes = rows / total, np.abs(gaps)

    def moments(t: Floats) -> tuple[Floats, Floats]:
        x = t[:, None] * sizes
        z = np.divide(x, deviations, out=np.full_like(x, 40.0), where=deviations > 0)
        density = np.exp(-(np.minimum(z, 40.0) ** 2) / 2) / math.sqrt(2 * math.pi)
        folded = 2 * deviations * density + x * _erf(z / math.sqrt(2))
        spread = np.maximum(x**2 + variances - folded**2, 0.0)
        return folded @ weights, spread @ weights**2 + _between(weights, x) / total

    return _inverted(float(weights @ sizes), moments, "folded normal")


def of_squares(gaps: Floats, variances: Floats, rows: Floats) -> Interval:
    """Interval of the mean of ``gaps**2`` over rows; see ``of_absolute``."""
    total = float(rows.sum())
    weights = rows / total

    def moments(t: Floats) -> tuple[Floats, Floats]:
        x = (t[:, None] * gaps) ** 2
        spread = 2 * variances**2 + 4 * x * variances
        return (x + variances) @ weights, spread @ weights**2 + _between(weights, x) / total

    return _inverted(float(weights @ gaps**2), moments, "noncentral squares", power=2)


def _between(weights: Floats, values: Floats) -> Floats:
    """Variance of a value between rows: how many rows each bin holds is chance, too."""
    return np.maximum(values**2 @ weights - (values @ weights) ** 2, 0.0)


def _inverted(
    observed: float, moments: Callable[[Floats], tuple[Floats, Floats]], method: str, power: int = 1
) -> Interval:
    """All ``t**power * observed`` whose mean agrees with what was observed, by bisection for both ends at once."""
    sides = np.array([1.0, -1.0])

    def short(t: Floats) -> NDArray[np.bool_]:
        mean, variance = moments(t)
        return mean + sides * Z * np.sqrt(variance) - observed < 0

    if observed <= 0:
        mean, variance = moments(np.zeros(1))
        return Interval(0.0, float(mean[0] + Z * np.sqrt(variance[0])), method)
    low, high = np.zeros(2), np.ones(2)
    apart = short(low)
    while (growing := apart & (high < 1e6) & short(high)).any():
        low, high = np.where(growing, high, low), np.where(growing, 2 * high, high)
    for _ in range(22):
        middle = (low + high) / 2
        below = short(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    ends = np.where(apart, high, 0.0) ** power * observed
    return Interval(min(float(ends[0]), observed), max(float(ends[1]), observed), method)


def _erf(x: Floats) -> Floats:
    """The error function, to 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26); ``x`` at least 0."""
    t = 1 / (1 + 0.3275911 * x)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    result: Floats = 1 - series * np.exp(-(np.minimum(x, 26.0) ** 2))
    return result


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The intercept or the slope that makes scores right on the logit scale, its error, and its bound from cells."""

    value: float
    error: float
    bound: float


def recalibration(counts: ScoreCounts, *, slope: bool) -> Recalibration | None:
    """The slope of ``logit P(y = 1) = intercept + slope * logit(score)``, or the intercept where the slope is 1.

    By maximum likelihood; scores are taken to be within half a score cell of 0 and 1. ``None`` when there is no finite
    maximum: the scores part the classes (but for rows of one score cell), or all lie in one cell. Errors are from the
    observed information; with the slope held at 1, which the labels may not agree with, they are those of Huber (1967)
    and White (1982) where these are larger.
    """
    x = _logit(scores_of(counts))
    up, down = counts.positives.astype(np.float64), counts.negatives.astype(np.float64)
    # read by cells also where the scores are known, so that it is defined alike from what the store keeps
    if _parted(counts.cell_numbers, up, down, slope=slope):
        return None
    found = _maximum(x, up, up + down, slope=slope)
    if found is None:
        return None
    beta, inverse = found
    chance = _logistic(beta[0] + beta[1] * x)
    place = int(slope)
    variance = max(float(inverse[place, place]), 0.0)
    if not slope:
        variance *= max(1.0, variance * float(up @ np.square(1 - chance) + down @ np.square(chance)))
    bound = 0.0 if counts.exact else _hidden_by_cells(counts, x, beta, inverse[place], slope=slope)
    return Recalibration(float(beta[place]), math.sqrt(variance), bound)


def _hidden_by_cells(counts: ScoreCounts, x: Floats, beta: Floats, row: Floats, *, slope: bool) -> float:
    """How far the maximum moves when every row lies at that end of its cell which moves it furthest, either way.

    ``row`` is that of the inverse information which belongs to the parameter. Where the rows may then part the classes
    it can be anything.
    """
    ends = [np.tile(_logit((counts.positions + end) / SCORE_CELLS), 2) for end in (0, 1)]
    up = np.concatenate([counts.positives, np.zeros_like(counts.positives)]).astype(np.float64)
    down = np.concatenate([np.zeros_like(counts.negatives), counts.negatives]).astype(np.float64)
    there = np.repeat([1.0, 0.0], x.size)
    chance = np.tile(_logistic(beta[0] + beta[1] * x), 2)
    slopes = beta[1] * chance * (1 - chance)
    rises = row @ np.stack([-slopes, there - chance - slopes * np.tile(x, 2)]) > 0
    furthest = 0.0
    for high, low in (ends, ends[::-1]):
        at = np.where(rises, high, low)
        found = None if _parted(at, up, down, slope=slope) else _maximum(at, up, up + down, slope=slope)
        furthest = max(furthest, ANYTHING if found is None else abs(float((found[0] - beta)[int(slope)])))
    return furthest


def _logit(score: Floats) -> Floats:
    inside = np.clip(score, HALF_CELL, 1 - HALF_CELL)
    result: Floats = np.log(inside / (1 - inside))
    return result


def _logistic(x: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-np.clip(x, -700.0, 700.0)))
    return result


def _parted(x: NDArray[np.floating | np.integer], up: Floats, down: Floats, *, slope: bool) -> bool:
    """Whether the likelihood has no finite maximum: a threshold tells the classes apart, or all scores are equal."""
    if up.sum() == 0 or down.sum() == 0:
        return True
    if not slope:
        return False
    ups, downs = x[up > 0], x[down > 0]
    return bool(
        x[up + down > 0].min() == x[up + down > 0].max() or ups.min() >= downs.max() or downs.min() >= ups.max()
    )


def _maximum(x: Floats, up: Floats, rows: Floats, *, slope: bool) -> tuple[Floats, Floats] | None:
    """The maximum by Newton steps that never lower the likelihood, and the inverse of the information there."""
    beta = np.array([0.0, 1.0])
    free = 2 if slope else 1
    design = np.stack([np.ones_like(x), x])

    def likelihood(b: Floats) -> float:
        at = b @ design
        return float(up @ at - rows @ np.logaddexp(0.0, at))

    reached = likelihood(beta)
    inverse = np.zeros((2, 2))
    for _ in range(ITERATIONS):
        chance = _logistic(beta @ design)
        information = (design * (rows * chance * (1 - chance))) @ design.T
        if not slope:
            information[0, 1] = information[1, 0] = 0.0
        size = information[0, 0] * information[1, 1] - information[0, 1] ** 2
        if information[0, 0] <= 0 or (slope and size <= 1e-12 * information[0, 0] * information[1, 1]):
            return None
        inverse[:free, :free] = np.linalg.inv(information[:free, :free])
        step = inverse @ (design @ (up - rows * chance))
        for _ in range(30):
            gained = likelihood(beta + step)
            if gained >= reached - 1e-12 * abs(reached):
                break
            step = step / 2
        beta, reached = beta + step, gained
        if float(np.abs(step).max()) < 1e-10 * (1 + float(np.abs(beta).max())):
            return beta, inverse
    return None
