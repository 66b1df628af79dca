"""Design effect: how much more than independent rows the windows of one process differ, and what evidence makes of it.

Rows of one window share what its days were like, so windows of an unchanged process differ by more than chance. The
reference's own windows show by how much. Each of these, in time order, has a residual: the vector of how far its shares
(or its cumulative shares) are from those of all, scaled so that its expected squared length is 1 for independent rows.
The model of these residuals r is chance plus a level that varies by nature and is often like the one before:

    E (r_i . r_j) = [i = j] + e rho^|i - j|

with the **design effect** 1 + e (Rao and Scott 1981) of a window with the rows of the reference's own, and the
correlation rho of a window's level with that of the window before.

Both are learned from the cosine transform of the residuals over time. It turns windows into waves, from slow to fast,
that are nearly independent of each other (Whittle 1953), and wave j has the expected power 1 + e w_j(rho): variation by
nature raises all waves, memory the slow ones more than the fast ones. The constant wave is the mean and is left out, as
in restricted maximum likelihood (Patterson and Thompson 1971).

Few windows leave e and rho open, so both are carried as a posterior on a grid. A priori the share of chance in a
window's standard deviation, 1 / sqrt(1 + e), is uniform from 0 to 1 (as Daniels 1999 has it for the variance), and so
is rho from 0 to 0.8: what windows remember for longer is a change and not a variation. Of two or three windows the
prior would decide; so theirs is that of no scale (Jeffreys 1946), with which the evidence is that of a t-test and
promises as much as one, but finds little. Evidence is averaged over the posterior (Rubin 1984), which lengthens its
tail the more, the less the windows say. docs/validity.md shows how often it errs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from aimsight.metrics.intervals import LEVEL, Z

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

T = TypeVar("T", float, "Floats")

STEP = 0.1
"""Distance of neighbouring values of the effect on the grid, on the logarithmic scale."""
CORRELATIONS = np.arange(9) / 10
"""Correlations of a window with the one before that are considered."""
FORGOTTEN = 100
"""After so many windows nothing is remembered: 0.8 to this power is 2e-10."""
LARGEST = 1e6
"""Design effect of errors beyond which nothing is considered."""
FEWEST = 4
"""Fewer windows than this say too little for a prior that expects little variation."""
NEGLIGIBLE = 1e-3
"""Points of the grid this much less likely than the likeliest are left out."""


@dataclass(frozen=True, eq=False)
class DesignEffect:
    """What the reference's own windows say of how windows differ by nature: a weighted sample of a posterior.

    Parameters
    ----------
    excess
        Values of the design effect less 1, each at least 0, shape (values,).
    correlations
        Of a window with the one before, 0 to below 1, one for each of them.
    weights
        How likely each is; they add up to 1.
    rows
        Rows of the reference's own windows.
    windows
        How many of them there are.
    """

    excess: Floats
    correlations: Floats
    weights: Floats
    rows: float
    windows: int

    @property
    def mean(self) -> float:
        """The expected effect of a window with the rows of the reference's own."""
        return 1.0 + self.average(self.excess)

    def deviation(self, variances: Floats) -> float:
        """The standard deviation of the normal law with the same 95 % interval as the mixture of normal laws around 0.

        ``variances``, at least 0, has one for each of the values.
        """
        from scipy.special import ndtr

        deviations = np.sqrt(variances)
        low, high = float(deviations.min()), float(deviations.max())
        for _ in range(40 if low < high else 0):
            middle = (low + high) / 2
            if self.average(ndtr(-Z * middle / np.maximum(deviations, 1e-300))) > (1 - LEVEL) / 2:
                low = middle
            else:
                high = middle
        return high

    def average(self, values: Floats) -> float:
        """The expected value of a quantity that is known for each of the values."""
        return float(self.weights @ values)

    def p_value(self, tails: Floats) -> float:
        """The expected value of a probability, in (0, 1] whatever rounding makes of it."""
        return min(max(self.average(tails), 1e-300), 1.0)

    def growth(self, m: int) -> Floats:
        """What a window of m rows has of each value's excess: 1 for one with the rows of the reference's windows.

        Up to these it is in proportion to the rows, as what varies by nature does not average out within a window. A
        longer one averages what several windows differ by, and less so the more each is like the one before.
        """
        if m <= self.rows:
            return np.full(self.excess.size, (m - 1) / max(self.rows - 1.0, 1.0))
        return mean_of_alike(self.correlations, m / self.rows)

    def effects(self, m: int) -> Floats:
        """The design effect of a window of m rows, one for each of the values."""
        return 1.0 + self.excess * self.growth(m)

    def by_nature(self, n: int, m: int) -> Floats:
        """Variance, beyond that of independent rows, of the share of n reference rows less that of m window rows.

        In units of share (1 - share), in which that of independent rows is 1/n + 1/m; one for each of the values.
        """
        return self.excess * (self._memory / n + self.growth(m) / m)

    def inflation(self, n: int, m: int) -> Floats:
        """Factor on the variance of a difference between reference and window, over the independent case."""
        return 1.0 + self.by_nature(n, m) / (1 / n + 1 / m)

    def strata(self, m: int, number: int) -> Floats:
        """Means of so many equally likely parts of the effects of a window of m rows, ascending."""
        effects = self.effects(m)
        order = np.argsort(effects)
        weights = self.weights[order]
        likely = np.append(0.0, np.cumsum(weights))
        sums = np.append(0.0, np.cumsum(weights * effects[order]))
        parts: Floats = number * np.diff(np.interp(np.arange(number + 1) / number * likely[-1], likely, sums))
        return parts

    @cached_property
    def _memory(self) -> Floats:
        """Variance of the mean of the reference's windows over that of as many independent ones."""
        return mean_of_alike(self.correlations, float(self.windows))


INDEPENDENT = DesignEffect(np.zeros(1), np.zeros(1), np.ones(1), 1.0, 1)
"""Rows are taken as independent: nothing is known of the variation between windows."""


def mean_of_alike(correlation: Floats, windows: float) -> Floats:
    """Variance of the mean of so many windows (1 or more, also in parts) over that of the mean of independent ones.

    Each has this correlation, from 0 to below 1, with the one before, and it fades geometrically: 1 + 2 sum (1 - j / k)
    r^j for j < k.
    """
    r = correlation
    result: Floats = 1 + 2 * r / (1 - r) * (1 - (1 - r**windows) / (windows * (1 - r)))
    return result


def learned(residuals: Floats, shape: float, rows: float) -> DesignEffect:
    """Design effect from the residuals of at least two windows in time order, shape (windows, dimensions).

    ``shape`` is the Gamma shape of the squared length of one residual of independent rows, ``rows`` the typical rows of
    a window.
    """
    from scipy.fft import dct

    windows = residuals.shape[0]
    seen = np.square(dct(residuals, axis=0, norm="ortho")[1:]).sum(axis=1)
    freedom = 2 * inflated_shape(shape, max(float(seen.mean()), 1.0))
    return _posterior(seen, _powers(windows), freedom, rows, windows)


def learned_from_errors(errors: Floats) -> DesignEffect:
    """Design effect from errors of at least two windows, over their standard errors; their mean counts as well.

    Nothing is asked about memory: an error that all windows share is one that the next will have, too.
    """
    return _posterior(np.square(errors), np.ones((1, errors.size)), 1.0, LARGEST, errors.size)


def _posterior(seen: Floats, powers: Floats, freedom: float, rows: float, windows: int) -> DesignEffect:
    """The posterior given the squared lengths of waves and the powers that a level of variance 1 gives them."""
    logarithms = np.arange(0.0, math.log(max(rows, 2.0)), STEP)  # from independent rows to rows that are all alike
    excess = np.expm1(logarithms)
    expected = 1.0 + excess[:, None, None] * powers
    likelihood = -freedom / 2 * (np.log(expected) + seen / expected).sum(axis=2)
    # the prior on the grid of logarithms: uniform in 1 / sqrt(1 + e), or without a scale
    posterior = likelihood - logarithms[:, None] / 2 if windows >= FEWEST else likelihood
    weights = np.exp(posterior - posterior.max())
    value, correlation = np.nonzero(weights > NEGLIGIBLE)
    kept = weights[value, correlation]
    return DesignEffect(excess[value], CORRELATIONS[correlation], kept / kept.sum(), rows, windows)


@lru_cache(maxsize=64)
def _powers(windows: int) -> Floats:
    """Expected power of the waves of so many windows whose level has variance 1, shape (correlations, windows - 1).

    The sum, over lags, of what a wave is like itself so many windows later times the correlation of levels at that lag.
    """
    lags = np.arange(1, min(windows, FORGOTTEN))
    angles = math.pi / windows * np.arange(1, windows)[:, None]
    alike = ((windows - lags) * np.cos(lags * angles) - np.sin(lags * angles) / np.sin(angles)) / windows
    powers: Floats = 1.0 + 2.0 * (CORRELATIONS[:, None] ** lags) @ alike.T
    return powers


def inflated_shape(shape: float, inflation: T) -> T:
    """Gamma shape of a squared distance when ``inflation`` - 1 of it comes from one thing that varies.

    Relative to the independent mean the variance is (1 + 2 e) / shape + 2 e^2 with e = inflation - 1: that of a sum of
    chi-squares of which one is enlarged. What makes windows differ, such as the column's level, moves all groups
    together; had it been several things, the shape would be larger and the evidence stronger.
    """
    excess = inflation - 1
    return inflation * inflation / ((1 + 2 * excess) / shape + 2 * excess * excess)


def typical_rows(rows: Floats) -> float:
    """Rows of a window, of windows of these rows, at which their dispersion is known (Rao and Scott 1981)."""
    total = float(rows.sum())
    return (total - float(np.square(rows).sum()) / total) / (rows.size - 1)
