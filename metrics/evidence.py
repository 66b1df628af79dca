"""Evidence: how likely a drift as large as the one seen would be if nothing had changed.

A distance says how large a difference is; a p-value says whether a difference this large would appear anyway, at the
actual numbers of rows of reference and window. No draws are made: moments and tails are in closed form, so the same
counts always give the same p-value, in microseconds.

Real windows are not independent draws: weekdays, seasons and campaigns make their counts vary more than multinomial
ones. The **design effect** is estimated from the reference's own windows and widens both p-values and intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

QUANTILES = 16
"""Equally likely values that carry the uncertainty of a design effect."""
RARE = 1.0
"""A group whose expected rows on the smaller side are below this is rare: no chi-square tail describes it."""

FEW_THINGS = 2
"""What makes windows differ moves all groups together: so many independent things, such as level and spread."""
LEVELS = 48
"""Steps of the pooled distribution that the variance of the area is worked out on."""
TAIL_ROWS = 5.0
"""Where fewer rows than this are expected beyond a point on the smaller side, the area there is no evidence."""


@dataclass(frozen=True, slots=True, eq=False)
class DesignEffect:
    """How much more than multinomial a column's counts vary from window to window.

    ``values`` are equally likely values of the effect (float64, shape (QUANTILES,) or (1,), each at least 1) at
    windows of ``rows`` rows. The effect of a window grows with its rows: 1 + (effect - 1)(m - 1) / (rows - 1), since
    what varies by nature does not average out within a window.
    """

    values: Floats
    rows: float

    def inflation(self, n_reference: int, n_window: int) -> Floats:
        """Factor on the variance of reference share minus window share, over the independent case; one per value."""
        excess = (self.values - 1.0) / max(self.rows - 1.0, 1.0)
        window = 1.0 + excess * (n_window - 1)
        return (window / n_window + self.values / n_reference) / (1.0 / n_window + 1.0 / n_reference)

    def effective(self, n_reference: int, n_window: int) -> tuple[float, float]:
        """Rows of reference and window that independent draws would need for the same precision."""
        effect = float(self.values.mean())
        excess = (effect - 1.0) / max(self.rows - 1.0, 1.0)
        return n_reference / effect, n_window / (1.0 + excess * (n_window - 1))


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
    dispersion = np.array([max(pearson / (windows_less_one * k), 1.0)])
    freedom = round(2 * windows_less_one * float(_inflated_shape(k / 2, dispersion, min(k, FEW_THINGS))[0]), 3)
    values = pearson / (windows_less_one * k) * freedom / _chi2_quantiles(freedom)
    return DesignEffect(np.maximum(values, 1.0), float(typical))


@dataclass(frozen=True, slots=True)
class CurveEffects:
    """Design effects of the two distances between cumulative shares: the largest gap, and the area."""

    gap: DesignEffect = INDEPENDENT
    area: DesignEffect = INDEPENDENT


INDEPENDENT_CURVE = CurveEffects()


def curve_effects(windows: NDArray[np.int64], widths: Floats) -> CurveEffects:
    """Design effects of gap and area from the reference's own windows, shape (windows, ordered cells).

    What varies between windows is often one thing, such as the column's level, to which these distances are more
    sensitive than groups are. So each has its own dispersion: the mean, over windows, of its square from the pooled
    reference over what independent rows would give, at least 1, with the freedom that the square's distribution leaves.
    """
    counts = windows[windows.sum(axis=1) > 0]
    if counts.shape[0] < 2:
        return INDEPENDENT_CURVE
    rows = counts.sum(axis=1).astype(np.float64)
    total = rows.sum()
    typical = (total - float(np.square(rows).sum()) / total) / (counts.shape[0] - 1)
    chance = 1 / rows - 1 / total
    pooled = np.cumsum(counts.sum(axis=0)) / total
    gaps = np.abs(np.cumsum(counts, axis=1) / rows[:, None] - pooled)
    gap = _dispersion(np.square(gaps.max(axis=1)) / chance / _GAP_SQUARE, _GAP_SHAPE, typical)
    level = pooled[:-1]
    known = np.minimum(level, 1 - level) * typical >= TAIL_ROWS
    if not known.any():
        return CurveEffects(gap, gap)
    mean, square, _ = _area_moments(level[known], widths[known])
    areas = gaps[:, :-1][:, known] @ widths[known]
    return CurveEffects(gap, _dispersion(np.square(areas) / chance / square, _nakagami_shape(mean, square), typical))


_GAP_SQUARE = math.pi**2 / 12
"""Mean square of the largest absolute value of a Brownian bridge; its mean is sqrt(pi / 2) ln 2."""


def _dispersion(ratios: Floats, shape: float, rows: float) -> DesignEffect:
    mean = float(ratios.mean())
    freedom = round(2 * float(_inflated_shape(shape, np.array([max(mean, 1.0)]))[0]) * (ratios.size - 1), 3)
    return DesignEffect(np.maximum(mean * freedom / _chi2_quantiles(freedom), 1.0), rows)


def _inflated_shape(shape: float, inflation: Floats, things: int = 1) -> Floats:
    """Gamma shape of a squared distance when ``inflation`` - 1 of it comes from so many things that vary.

    Relative to the independent mean the variance is (1 + 2 e) / shape + 2 e^2 / things with e = inflation - 1: that of
    a sum of chi-squares of which so many are enlarged.
    """
    excess = inflation - 1
    inflated: Floats = np.square(inflation) / ((1 + 2 * excess) / shape + 2 * np.square(excess) / things)
    return inflated


def _nakagami_shape(mean: float, square: float) -> float:
    """Shape of the Nakagami law with this mean and second moment: 0.5 is half-normal, 1 is Rayleigh."""
    peak = min(mean * mean / square, 1.0)
    return 0.25 / max(1 - math.sqrt(max(2 * peak - 1, 0.0)), 1e-9)


_GAP_SHAPE = _nakagami_shape(math.sqrt(math.pi / 2) * math.log(2), _GAP_SQUARE)


@lru_cache(maxsize=1024)
def _chi2_quantiles(freedom: float) -> Floats:
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
    inflation = np.array([float(effect.inflation(n, m).mean())])
    things = min(FEW_THINGS, max(int(freedom), 1))
    return float(mean * mean / _inflated_shape(freedom / 2, inflation, things)[0])


def _permutation_p_value(x: Floats, y: Floats, inflation: Floats) -> float:
    from scipy.special import gammaincc

    n, m, column = float(x.sum()), float(y.sum()), x + y
    total, k = n + m, x.size
    statistic = float((np.square(x * m - y * n) / column).sum()) / (n * m)
    mean = total * (k - 1) / (total - 1)
    shape = mean * mean / _permutation_variance(n, m, column)
    inflated = _inflated_shape(shape, inflation, min(k - 1, FEW_THINGS))
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


def kolmogorov_p_value(distance: float, n: int, m: int, effect: DesignEffect = INDEPENDENT) -> float:
    """Two-sample Kolmogorov-Smirnov evidence, in (0, 1]: Kolmogorov's series with Stephens' (1970) correction.

    Conservative when values are tied, as from cells or for whole numbers. With a design effect above 1 never below the
    tail of a law whose excess comes from one thing that varies, such as the level.
    """
    from scipy.special import gammaincc

    inflation = effect.inflation(n, m)
    chance = inflation * (1 / n + 1 / m)
    root = np.sqrt(1 / chance)
    tail = _kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)
    if inflation.max() > 1:
        shape = _inflated_shape(_GAP_SHAPE, inflation)
        tail = np.where(
            inflation > 1, np.maximum(tail, gammaincc(shape, shape * distance**2 / (chance * _GAP_SQUARE))), tail
        )
    return max(float(np.mean(tail)), 1e-300)


def kolmogorov_band(n: int, m: int, effect: DesignEffect = INDEPENDENT) -> float:
    """Half-width of the 95 % band around the difference of two empirical distributions of n and m rows."""
    from scipy.special import chdtri

    inflation = float(effect.inflation(n, m).mean())
    quantile = KOLMOGOROV
    if inflation > 1:
        freedom = 2 * float(_inflated_shape(_GAP_SHAPE, np.array([inflation]))[0])
        quantile = max(quantile, math.sqrt(_GAP_SQUARE * float(chdtri(freedom, 0.05)) / freedom))
    return quantile * math.sqrt(inflation * (1 / n + 1 / m))


KOLMOGOROV = 1.3581
"""95 % quantile of the largest absolute value of a Brownian bridge."""


def _kolmogorov_tail(x: Floats) -> Floats:
    k = np.arange(1, 21)[:, None]
    tail: Floats = 2 * np.sum(np.where(k % 2, 1.0, -1.0) * np.exp(-2 * np.square(k * x)), axis=0)
    return np.where(x < 0.3, 1.0, np.clip(tail, 0.0, 1.0))


def area_p_value(
    reference: Floats, window: Floats, widths: Floats, sizes: tuple[int, int], effect: DesignEffect = INDEPENDENT
) -> float:
    """Evidence against equal distributions from the area between their cumulative shares, in (0, 1].

    ``reference`` and ``window`` are the cumulative shares at the edges, ``widths`` the distances over which they
    hold, ``sizes`` the rows of both. Under no change the difference is a Brownian bridge B over the pooled shares,
    whose area has the moments E|B(s)| = sqrt(2 s(1-s) / pi) and, for correlation r, E|B(s)B(t)| = (2 / pi) sd(s)
    sd(t) (sqrt(1 - r^2) + r arcsin r). Its tail is the Nakagami law with these two moments, and never less than the
    half-normal tail of the signed area, which the area exceeds. Tails where ``TAIL_ROWS`` are not expected on the
    smaller side are left out of it: one far row is a large distance, but no evidence.
    """
    from scipy.special import erfc, gammaincc

    n, m = sizes
    pooled = (reference * n + window * m) / (n + m)
    known = np.minimum(pooled, 1 - pooled) * min(n, m) >= TAIL_ROWS
    level, width = pooled[known], widths[known]
    area = float(np.abs(reference[known] - window[known]) @ width)
    if area <= 0:
        return 1.0
    mean, square, signed = _area_moments(level, width)
    spread = effect.inflation(n, m) * (1 / n + 1 / m)
    shape = _inflated_shape(_nakagami_shape(mean, square), effect.inflation(n, m))
    tail = gammaincc(shape, shape * area * area / (spread * square))
    floor = erfc(area / np.sqrt(2 * spread * signed))
    return max(float(np.mean(np.maximum(tail, floor))), 1e-300)


def _area_moments(level: Floats, width: Floats) -> tuple[float, float, float]:
    """Mean and second moment of the area of |B|, and the variance of the signed area of B.

    The mean is exact; the others are worked out on ``LEVELS`` runs of edges that carry equal parts of the mean.
    """
    weight = np.sqrt(level * (1 - level)) * width
    total = float(weight.sum())
    if weight.size > LEVELS:
        run = np.minimum((np.cumsum(weight) - weight / 2) / total * LEVELS, LEVELS - 1).astype(np.int64)
        starts = np.flatnonzero(np.diff(run, prepend=-1))
        sums = np.add.reduceat(weight, starts)
        level, weight = np.add.reduceat(weight * level, starts) / sums, sums
    odds = np.sqrt(level / (1 - level))
    r = np.minimum(odds[:, None] / odds[None, :], odds[None, :] / odds[:, None])
    joint = np.sqrt(1 - np.square(r)) + r * np.arcsin(r)
    square = 2 / math.pi * float(weight @ joint @ weight)
    return math.sqrt(2 / math.pi) * total, square, float(weight @ r @ weight)


def q_values(p_values: Sequence[float]) -> list[float]:
    """Benjamini-Hochberg (1995) adjusted p-values in the given order: the false discovery rate that finds each."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.size == 0:
        return []
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    out = np.empty_like(p)
    out[order] = adjusted
    return [float(q) for q in out]
