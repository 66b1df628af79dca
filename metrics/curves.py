"""Evidence from distances between cumulative shares: the largest gap, the area, and squared gaps.

Under no change the difference of two empirical distributions is a Brownian bridge over the pooled shares. The laws of
its distances are in closed form or by their moments, and the design effect of each widens it (see
``aimsight.metrics.design_effect``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.design_effect import INDEPENDENT, DesignEffect, inflated_shape, learned, typical_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVELS = 48
"""Steps of the pooled distribution that the moments of a distance are worked out on."""
TAIL_ROWS = 5.0
"""Where fewer rows than this are expected beyond a point on the smaller side, what is seen there is no evidence."""


@dataclass(frozen=True, slots=True)
class CurveEffects:
    """Design effects of the two distances between cumulative shares: the largest gap, and the area."""

    gap: DesignEffect = INDEPENDENT
    area: DesignEffect = INDEPENDENT


INDEPENDENT_CURVE = CurveEffects()


def curve_effects(windows: NDArray[np.int64], widths: Floats) -> CurveEffects:
    """Design effects of gap and area from the reference's own windows in time order, shape (windows, ordered cells).

    What varies between windows is often one thing, such as the column's level, to which these distances are more
    sensitive than groups are. So each has its own: the residuals point where the window's cumulative shares lie, and
    their squared lengths are the squares of the distance over what independent rows would give.
    """
    found = _gaps_of(windows)
    if found is None:
        return INDEPENDENT_CURVE
    rows, pooled, signed, chance = found
    typical = typical_rows(rows)
    directions = signed * np.sqrt(np.diff(pooled, prepend=0.0))
    gaps = np.abs(signed)
    gap = _learned(directions, np.square(gaps.max(axis=1)) / chance / _GAP_SQUARE, _GAP_SHAPE, typical)
    level = pooled[:-1]
    known = np.minimum(level, 1 - level) * typical >= TAIL_ROWS
    if not known.any():
        return CurveEffects(gap, gap)
    mean, square, _ = _area_moments(level[known], widths[known])
    areas = gaps[:, :-1][:, known] @ widths[known]
    return CurveEffects(
        gap, _learned(directions, np.square(areas) / chance / square, _nakagami_shape(mean, square), typical)
    )


def _gaps_of(windows: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats] | None:
    """Of windows with rows: their rows, pooled cumulative shares, signed gaps to these, and the gaps' scale by chance.

    ``None`` with fewer than two of them.
    """
    counts = windows[windows.sum(axis=1) > 0]
    if counts.shape[0] < 2:
        return None
    rows = counts.sum(axis=1).astype(np.float64)
    total = rows.sum()
    pooled = np.cumsum(counts.sum(axis=0)) / total
    return rows, pooled, np.cumsum(counts, axis=1) / rows[:, None] - pooled, 1 / rows - 1 / total


def _learned(directions: Floats, ratios: Floats, shape: float, rows: float) -> DesignEffect:
    """Design effect from residuals with these directions and squared lengths."""
    lengths = np.sqrt(np.square(directions).sum(axis=1))
    scales = np.sqrt(ratios * (1 - 1 / ratios.size)) / np.where(lengths > 0, lengths, 1.0)
    return learned(directions * scales[:, None], shape, rows)


_GAP_SQUARE = math.pi**2 / 12
"""Mean square of the largest absolute value of a Brownian bridge; its mean is sqrt(pi / 2) ln 2."""


def _nakagami_shape(mean: float, square: float) -> float:
    """Shape of the Nakagami law with this mean and second moment: 0.5 is half-normal, 1 is Rayleigh."""
    peak = min(mean * mean / square, 1.0)
    return 0.25 / max(1 - math.sqrt(max(2 * peak - 1, 0.0)), 1e-9)


_GAP_SHAPE = _nakagami_shape(math.sqrt(math.pi / 2) * math.log(2), _GAP_SQUARE)


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
        shape = inflated_shape(_GAP_SHAPE, inflation)
        tail = np.where(
            inflation > 1, np.maximum(tail, gammaincc(shape, shape * distance**2 / (chance * _GAP_SQUARE))), tail
        )
    return effect.p_value(tail)


def kolmogorov_band(n: int, m: int) -> float:
    """Half-width of the 95 % band around the difference of two empirical distributions of n and m rows."""
    return KOLMOGOROV * math.sqrt(1 / n + 1 / m)


KOLMOGOROV = 1.3581
"""95 % quantile of the largest absolute value of a Brownian bridge."""


_SIGNS = np.where(np.arange(1, 13) % 2, 1.0, -1.0)
_SQUARES = -2.0 * np.square(np.arange(1, 13))[:, None]
"""Twelve terms of Kolmogorov's series: from x = 0.3 on the next one is below 1e-13."""


def _kolmogorov_tail(x: Floats) -> Floats:
    tail: Floats = 2 * _SIGNS @ np.exp(_SQUARES * np.square(x))
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
    inflation = effect.inflation(n, m)
    spread = inflation * (1 / n + 1 / m)
    shape = inflated_shape(_nakagami_shape(mean, square), inflation)
    tail = gammaincc(shape, shape * area * area / (spread * square))
    floor = erfc(area / np.sqrt(2 * spread * signed))
    return effect.p_value(np.maximum(tail, floor))


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


@dataclass(frozen=True, slots=True)
class SquareLaw:
    """The law, under no change, of a weighted sum of squared gaps, in units of 1/n + 1/m.

    It is a sum of independent chi-squares with one degree of freedom and some scales; kept are ``mean``, the sum of
    the scales, and ``squares`` and ``cubes``, the sums of their squares and cubes over the mean's square and cube.
    """

    mean: float
    squares: float
    cubes: float

    @property
    def variance(self) -> float:
        """Variance of the sum."""
        return 2 * self.mean**2 * self.squares

    def p_value(self, value: float, sizes: tuple[int, int], effect: DesignEffect = INDEPENDENT) -> float:
        """Evidence against equal distributions from the sum, in (0, 1].

        Tail of a shifted and scaled chi-square with the same mean, variance and third moment (Pearson 1959). What a
        design effect adds comes from one thing that varies, as elsewhere: one scale is enlarged.
        """
        from scipy.special import gammaincc

        if value <= 0 or self.mean <= 0:
            return 1.0
        n, m = sizes
        mean = effect.inflation(n, m)
        excess = mean - 1
        variance = 2 * (self.squares * (1 + 2 * excess) + np.square(excess))
        third = 8 * (self.cubes * (1 + 3 * excess) + 3 * self.squares * np.square(excess) + excess**3)
        freedom = 8 * variance**3 / third**2
        scale = third / (4 * variance)
        x = value / (self.mean * (1 / n + 1 / m)) - (mean - scale * freedom)
        return effect.p_value(gammaincc(freedom / 2, np.maximum(x, 0.0) / (2 * scale)))


def square_law(level: Floats, weight: Floats) -> SquareLaw:
    """Law of sum ``weight`` (F - G)^2 at pooled cumulative shares ``level``, ascending and within (0, 1).

    With scales from the eigenvalues of the covariance min(s, t) - s t of the bridge, worked out on ``LEVELS`` runs of
    levels that carry equal parts of the mean.
    """
    level, weight = level[weight > 0], weight[weight > 0]
    mass = level * (1 - level) * weight
    mean = float(mass.sum())
    if mean <= 0:
        return SquareLaw(0.0, 0.0, 0.0)
    if mass.size > LEVELS:
        run = np.minimum((np.cumsum(mass) - mass / 2) / mean * LEVELS, LEVELS - 1).astype(np.int64)
        starts = np.flatnonzero(np.diff(run, prepend=-1))
        sums = np.add.reduceat(mass, starts)
        level, mass = np.add.reduceat(mass * level, starts) / sums, sums
    root = np.sqrt(mass / (level * (1 - level)) / mean)
    covariance = np.minimum(level[:, None], level) - level[:, None] * level
    scaled = root[:, None] * covariance * root
    square = scaled @ scaled
    return SquareLaw(mean, float(np.trace(square)), float((square * scaled).sum()))


def square_effect(windows: NDArray[np.int64], weight: Floats, known: NDArray[np.bool_]) -> DesignEffect:
    """Design effect of a weighted sum of squared gaps from the reference's own windows, shape (windows, cells).

    ``weight`` and ``known`` (where the sum is taken) are by cell; residuals are the weighted gaps themselves, so that
    their squared length is the sum over what independent rows would give.
    """
    found = _gaps_of(windows)
    if found is None:
        return INDEPENDENT
    rows, pooled, gaps, chance = found
    known = known & (pooled > 0) & (pooled < 1)
    if not known.any():
        return INDEPENDENT
    law = square_law(pooled[known], weight[known])
    ratios = np.square(gaps[:, known]) @ weight[known] / chance / law.mean
    return _learned(gaps[:, known] * np.sqrt(weight[known]), ratios, 0.5 / law.squares, typical_rows(rows))
