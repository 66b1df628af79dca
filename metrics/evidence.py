"""Evidence: how likely a drift as large as the one seen would be if nothing had changed.

A distance says how large a difference is; a p-value says whether a difference this large would appear anyway, at the
actual numbers of rows of reference and window. No draws are made: moments and tails are in closed form, so the same
counts always give the same p-value, in microseconds.

Real windows are not independent draws: weekdays, seasons and campaigns make their counts vary more than multinomial
ones. The **design effect** is estimated from the reference's own windows and widens both p-values and intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

T = TypeVar("T", float, "Floats")

QUANTILES = 16
"""Equally likely values that carry the uncertainty of a design effect."""
RARE = 1.0
"""A group whose expected rows on the smaller side are below this is rare: no chi-square tail describes it."""

FEW_THINGS = 2
"""What makes windows differ moves all groups together: so many independent things, such as level and spread."""


def _no_correlation() -> Floats:
    return np.zeros(1)


@dataclass(frozen=True, eq=False)
class DesignEffect:
    """How much more than multinomial a column's counts vary from window to window.

    ``values`` are equally likely values of the effect (float64, shape (QUANTILES,) or (1,), each at least 1) at
    windows of ``rows`` rows. The effect of a window grows with its rows, 1 + (effect - 1)(m - 1) / (rows - 1), since
    what varies by nature does not average out within a window, up to the rows of the reference's own windows: a window
    with the rows of several of them averages what they differ by.
    A window is often like the one before, and what resembles averages out less: ``correlations`` are how much like it,
    and ``memory`` how much more the mean of the reference's windows varies than if each were a draw of its own; of both
    one for each of ``values``, or one for all.
    """

    values: Floats
    rows: float
    memory: Floats | float = 1.0
    correlations: Floats = field(default_factory=_no_correlation)

    @cached_property
    def mean(self) -> float:
        """The expected effect."""
        return float(self.values.mean())

    def inflation(self, n_reference: int, n_window: int) -> Floats:
        """Factor on the variance of reference share minus window share, over the independent case; one per value."""
        by_excess = self.growth(n_window) / n_window + self.memory / n_reference
        return 1.0 + (self.values - 1.0) * (by_excess / (1.0 / n_window + 1.0 / n_reference))

    def mean_inflation(self, n_reference: int, n_window: int) -> float:
        """The expected value of ``inflation``."""
        return float(self.inflation(n_reference, n_window).mean())

    def growth(self, m: int) -> Floats:
        """What a window of m rows has of each value's excess: 1 for one with the rows of the reference's windows.

        Up to these it is in proportion to the rows. Beyond, it is the variance of the mean of several windows over what
        it would be were they alike in nothing: 1 without correlation.
        """
        if m <= self.rows:
            return np.full(self.values.size, (m - 1) / max(self.rows - 1.0, 1.0))
        return mean_of_alike(self.correlations, m / self.rows) * np.ones(self.values.size)

    def effects(self, m: int) -> Floats:
        """Equally likely values of the effect of a window of m rows."""
        return 1.0 + (self.values - 1.0) * self.growth(m)

    def effective(self, n_reference: int, n_window: int) -> tuple[float, float]:
        """Rows of reference and window that independent draws would need for the same precision."""
        reference = n_reference / float((1.0 + (self.values - 1.0) * self.memory).mean())
        return reference, n_window / float(self.effects(n_window).mean())


@dataclass(frozen=True, slots=True)
class Memory:
    """How much windows are like the one before, and what follows from it.

    ``mean`` is the variance of the mean of all windows over that of independent ones, for each of ``correlations``,
    equally likely values of the correlation of a window with the one before; ``spread`` is what the excess of a
    dispersion around this mean has to be multiplied by, ``freedom`` the share of its degrees of freedom that is left.
    """

    mean: Floats | float = 1.0
    spread: float = 1.0
    freedom: float = 1.0
    correlations: Floats = field(default_factory=_no_correlation)


def mean_of_alike(correlation: Floats, windows: float) -> Floats:
    """Variance of the mean of so many windows (1 or more, also in parts) over that of the mean of independent ones.

    Each has this correlation, from 0 to below 1, with the one before, and it fades geometrically: 1 + 2 sum (1 - j / k)
    r^j for j < k.
    """
    r = correlation
    result: Floats = 1 + 2 * r / (1 - r) * (1 - (1 - r**windows) / (windows * (1 - r)))
    return result


NO_MEMORY = Memory()
MEMORABLE = 8
"""With fewer windows a dispersion is not corrected for their memory."""
ALIKE = 0.5
"""How large correlations of a window with the one before are, before anything is known: their standard deviation."""
LONGEST = 0.9
"""A correlation with the window before that is larger could not be told from a trend."""


def memory_of(residuals: Floats, noise: float) -> Memory:
    """Memory of windows in time order from their residuals around the mean, shape (windows, dimensions).

    ``noise`` is the expected squared length of the residuals of one window of independent rows. The correlation of
    what exceeds it with the window before is corrected for the mean's being that of the same windows, and is taken to
    fade geometrically. It is carried with its error, as ``QUANTILES`` equally likely values, because a memory that few
    windows do not show can still be there. A dispersion is corrected for it from ``MEMORABLE`` windows on, where it is
    plain beside all that varies.
    """
    windows = residuals.shape[0]
    total = float(np.square(residuals).sum())
    excess = total - noise * (windows - 1)
    products = (residuals[1:] * residuals[:-1]).sum(axis=1)
    along, error = float(products.sum()) + total / windows, math.sqrt(float(np.square(products).sum()))
    if excess <= 0 or windows < 3:
        return NO_MEMORY
    correlations = _likely(along / excess, error / excess)
    means = mean_of_alike(correlations, windows)
    if windows < MEMORABLE or along <= total / math.sqrt(windows):
        return Memory(means, correlations=correlations)
    rho = min(along / excess, LONGEST)
    spread = 1 / (1 - (float(mean_of_alike(np.array(rho), windows)) - 1) / (windows - 1))
    return Memory(means, spread, (1 - rho * rho) / (1 + rho * rho), correlations)


def _likely(correlation: float, error: float) -> Floats:
    """Equally likely values of a correlation, none below 0 or above ``LONGEST``, in an order that is that of nothing.

    What was seen is weighed by its error against ``ALIKE``, so that windows that say nothing of it leave just that. The
    order is the radical inverse turned by half, so that large and small effects meet large and small correlations
    alike, and the largest a middle one.
    """
    from scipy.special import ndtri

    weight = ALIKE**2 / (ALIKE**2 + error**2)
    places = np.array([int(f"{place:04b}"[::-1], 2) ^ 8 for place in range(QUANTILES)])
    values: Floats = weight * correlation + math.sqrt(weight) * error * ndtri((places + 0.5) / QUANTILES)
    return np.clip(values, 0.0, LONGEST)


INDEPENDENT = DesignEffect(np.ones(1), 1.0)
"""Rows are taken as independent: nothing is known of the variation between windows."""


def design_effect(windows: NDArray[np.int64]) -> DesignEffect:
    """Design effect from the counts of the reference's own windows, shape (windows, groups).

    Pearson dispersion of the counts around the pooled shares (first-order correction of Rao and Scott 1981), at least
    1. Its own uncertainty is carried as ``QUANTILES`` equally likely values, dispersion * freedom / chi-square
    quantile, with (windows - 1)(groups - 1) degrees of freedom, or fewer when there is excess, since a few things make
    it. Groups with fewer than one row a window on average are put together. Fewer than two windows or groups:
    ``INDEPENDENT``.
    """
    counts = windows[windows.sum(axis=1) > 0].astype(np.float64)
    if counts.shape[0] < 2:
        return INDEPENDENT
    common = counts.mean(axis=0) >= RARE
    counts = np.column_stack([counts[:, common], counts[:, ~common].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return INDEPENDENT
    rows = counts.sum(axis=1)
    total = rows.sum()
    expected = np.outer(rows, counts.sum(axis=0) / total)
    windows_less_one, k = counts.shape[0] - 1, counts.shape[1] - 1
    pearson = float((np.square(counts - expected) / expected).sum())
    typical = (total - float(np.square(rows).sum()) / total) / windows_less_one
    memory = memory_of((counts - expected) / np.sqrt(expected), float(k))
    seen = pearson / (windows_less_one * k)
    dispersion = seen if seen <= 1 else 1 + (seen - 1) * memory.spread
    shape = inflated_shape(k / 2, max(dispersion, 1.0), min(k, FEW_THINGS))
    freedom = round(2 * windows_less_one * memory.freedom * shape, 3)
    values = dispersion * freedom / chi2_quantiles(freedom)
    return DesignEffect(np.maximum(values, 1.0), float(typical), memory.mean, memory.correlations)


def inflated_shape(shape: float, inflation: T, things: int = 1) -> T:
    """Gamma shape of a squared distance when ``inflation`` - 1 of it comes from so many things that vary.

    Relative to the independent mean the variance is (1 + 2 e) / shape + 2 e^2 / things with e = inflation - 1: that of
    a sum of chi-squares of which so many are enlarged.
    """
    excess = inflation - 1
    return inflation * inflation / ((1 + 2 * excess) / shape + 2 * excess * excess / things)


@lru_cache(maxsize=1024)
def chi2_quantiles(freedom: float) -> Floats:
    """Equally likely values of chi-square, as many as ``QUANTILES``, from the largest to the smallest."""
    from scipy.special import chdtri

    upper = (np.arange(QUANTILES) + 0.5) / QUANTILES
    quantiles: Floats = chdtri(freedom, upper)
    return quantiles


def change_p_value(
    reference: Counts, window: Counts, effect: DesignEffect = INDEPENDENT, alone: Sequence[int] = ()
) -> float:
    """Evidence against equal distributions of two rows of group counts, in (0, 1].

    Pearson's chi-square of the two-row table over its **permutation distribution**: exact mean and variance (Dawson
    1954, Lewis et al. 1984), Gamma tail. That keeps the promised rate where groups expect only a few rows. Groups that
    expect less than one row on the smaller side are put together; when even together they do, and for the groups in
    ``alone`` (missing, non-finite, unseen: a single one can be news), the tail is the exact conditional binomial one.
    Several parts: the smallest p times their number (Bonferroni). ``effect`` divides what was seen.
    """
    n, m = int(reference.sum()), int(window.sum())
    pooled = reference + window
    occupied = pooled > 0
    if n == 0 or m == 0 or int(occupied.sum()) < 2:
        return 1.0
    inflation = effect.inflation(n, m)
    share = m / (n + m)
    rare = occupied & (pooled * min(share, 1 - share) < RARE)
    parts = [_rare_p_value(int(window[g]), int(pooled[g]), share, inflation) for g in alone if rare[g]]
    together = rare.copy()
    together[list(alone)] = False
    common = occupied & ~rare
    x, y = reference[common], window[common]
    if together.any():
        seen, total = int(window[together].sum()), int(pooled[together].sum())
        if total * min(share, 1 - share) < RARE:
            parts.append(_rare_p_value(seen, total, share, inflation))
        else:
            x, y = np.append(x, total - seen), np.append(y, seen)
    if x.size > 1 and x.any() and y.any():
        parts.append(_permutation_p_value(x.astype(np.float64), y.astype(np.float64), inflation))
    return min(1.0, max(min(parts) * len(parts), 1e-300)) if parts else 1.0


def chance_variance(mean: float, freedom: float, n: int, m: int, effect: DesignEffect = INDEPENDENT) -> float:
    """Variance, under no change, of a distance that is like chi-square with so much freedom and has this mean."""
    if mean <= 0 or freedom <= 0:
        return 0.0
    things = min(FEW_THINGS, max(int(freedom), 1))
    return mean * mean / inflated_shape(freedom / 2, effect.mean_inflation(n, m), things)


def _permutation_p_value(x: Floats, y: Floats, inflation: Floats) -> float:
    from scipy.special import gammaincc

    n, m, column = float(x.sum()), float(y.sum()), x + y
    total, k = n + m, x.size
    statistic = float((np.square(x * m - y * n) / column).sum()) / (n * m)
    mean = total * (k - 1) / (total - 1)
    shape = mean * mean / _permutation_variance(n, m, column)
    inflated = inflated_shape(shape, inflation, min(k - 1, FEW_THINGS))
    return float(np.mean(gammaincc(inflated, inflated * statistic / (mean * inflation))))


def _permutation_variance(n: float, m: float, column: Floats) -> float:
    """Variance of Pearson's chi-square of a 2 x k table over all tables with its margins (Lewis et al. 1984)."""
    total, k = n + m, column.size
    if total <= 3:
        return 2.0 * (k - 1)
    v1, v2 = (total - 2) / (total - 1), (k - 1) * (total - k) / (total - 1)
    w1 = (total * (1 / n + 1 / m) - 4) / (total - 2)
    w2 = (total * float((1 / column).sum()) - k * k) / (total - 2)
    exact = 2 * total / (total - 3) * (v1 - w1) * (v2 - w2) + total * total / (total - 1) * w1 * w2
    return max(exact, 1e-12)


def _rare_p_value(seen: int, total: int, share: float, inflation: Floats) -> float:
    """Two-sided tail of ``seen`` of ``total`` rare rows in the window, given the window's share of all rows."""
    from scipy.special import betainc

    x, t = seen / inflation, total / inflation
    upper = np.where(seen > 0, betainc(np.maximum(x, 1e-12), t - x + 1, share), 1.0)
    lower = np.where(seen < total, betainc(np.maximum(t - x, 1e-12), x + 1, 1 - share), 1.0)
    return float(np.mean(np.minimum(1.0, 2 * np.minimum(upper, lower))))


def q_values(p_values: Sequence[float], *, dependent: bool = False) -> list[float]:
    """Adjusted p-values in the given order: the false discovery rate that finds each.

    Benjamini and Hochberg (1995), which also holds for tests that depend on each other positively; ``dependent``: as
    adjusted by Benjamini and Yekutieli (2001), which holds whatever the dependence, at a price of about ln(tests).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.size == 0:
        return []
    ranks = np.arange(1, p.size + 1)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / ranks * (float((1 / ranks).sum()) if dependent else 1.0)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    out = np.empty_like(p)
    out[order] = adjusted
    return [float(q) for q in out]
