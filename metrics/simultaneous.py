"""Largest differences and smallest ratios over groups, with intervals that allow for the choice of the most extreme.

The largest difference lies between the largest lower and the largest upper bound of an absolute difference, the
smallest ratio between the smallest lower and the smallest upper bound. That there is a gap may be chance in any of the
comparisons, so the ends that say so (lower of a difference, upper of a ratio) are at the Šidák (1967) level of all
comparisons of all families together. That no gap is larger errs only where the bound of the one that truly is the
largest errs, so the other ends are at the level of a single comparison (Berger 1982, intersection-union). Never the
bootstrap of max - min, which is biased upwards when groups are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aimsight.metrics.intervals import Z, mover_difference, mover_ratio, normal_quantile, wilson_bounds
from aimsight.metrics.values import Interval

Floats = NDArray[np.float64]
Bounds = Callable[[float], tuple[Floats, Floats]]
"""Lower and upper bounds of estimates at a two-sided normal quantile."""

ALL_ROWS = -1
"""The place of all rows, where a group is compared with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """One estimate a group, independent of each other, with the bounds of each at any level; shapes (k,)."""

    values: Floats
    bounds: Bounds
    method: str

    def take(self, places: NDArray[np.int64]) -> Estimates:
        """The estimates at these places, in this order."""

        def bounds(z: float) -> tuple[Floats, Floats]:
            low, high = self.bounds(z)
            return low[places], high[places]

        return Estimates(self.values[places], bounds, self.method)


def shares(x: Floats, n: Floats) -> Estimates:
    """Proportions x / n with Wilson bounds; n > 0."""
    return Estimates(x / n, lambda z: wilson_bounds(x, n, z), "Wilson")


def means(values: Floats, errors: Floats, freedoms: Floats) -> Estimates:
    """Means with their standard errors and degrees of freedom (at least 1): Student bounds."""

    def bounds(z: float) -> tuple[Floats, Floats]:
        half = student(freedoms, z) * errors
        return values - half, values + half

    return Estimates(values, bounds, "Student")


def positive_means(values: Floats, errors: Floats, freedoms: Floats) -> Estimates:
    """Means of quantities that are never negative: Student bounds on the log scale (delta method), 0 stays 0."""

    def bounds(z: float) -> tuple[Floats, Floats]:
        relative = np.divide(errors, values, out=np.zeros_like(values), where=values > 0)
        spread = np.exp(np.minimum(student(freedoms, z) * relative, 700.0))
        return values / spread, values * spread

    return Estimates(values, bounds, "Student, log")


def student(freedoms: Floats, z: float) -> Floats:
    """Quantiles of Student's t with the same tail probability as the standard normal quantile ``z``."""
    from scipy.special import ndtr, stdtrit

    # the lower tail keeps its precision where the upper one is too close to 1
    return np.asarray(-stdtrit(freedoms, ndtr(-z)), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Estimates side by side, shape (m,): each of ``first`` is compared with its ``second``.

    ``i`` and ``j`` are the places of the groups. Where a group is compared with all rows (``j`` is ALL_ROWS) and the
    second is the rest of the rows, ``share`` is the group's share of all rows; else it is 0. ``correlation`` is between
    the two estimates.
    """

    first: Estimates
    second: Estimates
    i: NDArray[np.int64]
    j: NDArray[np.int64]
    share: Floats
    correlation: Floats

    @property
    def size(self) -> int:
        """Number of comparisons."""
        return int(self.i.size)

    def differences(self, z: float) -> tuple[Floats, Floats]:
        """Bounds of the first less the second."""
        return mover_difference(
            self.first.values, self.first.bounds(z), self.second.values, self.second.bounds(z), self.correlation
        )

    def ratios(self, z: float) -> tuple[Floats, Floats]:
        """Bounds of the first over the second."""
        return mover_ratio(
            self.first.values, self.first.bounds(z), self.second.values, self.second.bounds(z), self.correlation
        )


def of_pairs(estimates: Estimates) -> Comparisons:
    """Every pair of groups."""
    i, j = np.triu_indices(estimates.values.size, 1)
    return _independent(estimates.take(i), estimates.take(j), i, j)


def with_one(estimates: Estimates, place: int) -> Comparisons:
    """Every other group with the group at this place."""
    i = np.delete(np.arange(estimates.values.size), place)
    j = np.full(i.size, place)
    return _independent(estimates.take(i), estimates.take(j), i, j)


def with_all_rows(estimates: Estimates, rest: Estimates, share: Floats) -> Comparisons:
    """Every group with all rows, by way of the rest of the rows, which is independent of the group.

    All rows are the mixture of a group (``share``) and its rest, so group - all = (1 - share) (group - rest).
    """
    i = np.arange(estimates.values.size)
    return Comparisons(estimates, rest, i, np.full(i.size, ALL_ROWS), share, np.zeros(i.size))


def with_correlated(estimates: Estimates, overall: Estimates, correlation: Floats) -> Comparisons:
    """Every group with an estimate over all rows that is no mixture, given the correlation of the two."""
    i = np.arange(estimates.values.size)
    return Comparisons(estimates, overall, i, np.full(i.size, ALL_ROWS), np.zeros(i.size), correlation)


def side_by_side(first: Estimates, second: Estimates) -> Comparisons:
    """Every estimate with the one at the same place of the other side."""
    i = np.arange(first.values.size)
    return _independent(first, second, i, i)


def _independent(first: Estimates, second: Estimates, i: NDArray[np.int64], j: NDArray[np.int64]) -> Comparisons:
    return Comparisons(first, second, i, j, np.zeros(i.size), np.zeros(i.size))


@dataclass(frozen=True, slots=True)
class Extreme:
    """The most extreme comparison: its value, the simultaneous interval, and which family and groups it is of."""

    value: float
    interval: Interval
    family: int
    i: int
    j: int


def largest_difference(families: Sequence[Comparisons]) -> Extreme:
    """The largest absolute difference over all comparisons of all families; at least one comparison is needed."""
    z = _quantile(families)
    found, low, high = [], 0.0, 0.0
    for family in families:
        scale = 1.0 - family.share
        found.append(np.abs(family.first.values - family.second.values) * scale)
        below, above = family.differences(z)
        low = max(low, float((np.maximum(below, -above) * scale).max()))
        below, above = family.differences(Z)
        high = max(high, float((np.maximum(np.abs(below), np.abs(above)) * scale).max()))
    place, at, value = _extreme([-sizes for sizes in found])
    interval = Interval(min(low, -value), max(high, -value), f"MOVER-{families[place].first.method}, Šidák")
    return Extreme(-value, interval, place, int(families[place].i[at]), int(families[place].j[at]))


def smallest_ratio(families: Sequence[Comparisons], *, folded: bool = True) -> Extreme | None:
    """The smallest ratio over all comparisons of all families, estimates being at least 0.

    ``folded``: the smaller of the two over the larger, so that no ratio exceeds 1 (one whose interval includes 1 may be
    equal). Otherwise the first over the second. A comparison of 0 with 0 says nothing and is left out. ``None`` when
    all are left out, or when an unfolded ratio has no finite upper bound: its denominator may be 0.
    """
    z = _quantile(families)
    found, low, high = [], np.inf, np.inf
    for family in families:
        first, second = family.first.values, family.second.values
        said = (first > 0) | (second > 0)
        if not said.any():
            found.append(np.full(first.size, np.inf))
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = _to_all_rows(first / second, family.share)[said]
        one, all_at_once = (
            [_to_all_rows(bound, family.share)[said] for bound in family.ratios(quantile)] for quantile in (Z, z)
        )
        if folded:
            ratio, one, all_at_once = _fold(ratio), _folded(*one), _folded(*all_at_once)
        sizes = np.full(first.size, np.inf)
        sizes[said] = ratio
        found.append(sizes)
        low, high = min(low, float(one[0].min())), min(high, float(all_at_once[1].min()))
    place, at, value = _extreme(found)
    if not (np.isfinite(value) and np.isfinite(high)):
        return None
    interval = Interval(min(low, value), max(high, value), f"MOVER-R-{families[place].first.method}, Šidák")
    return Extreme(value, interval, place, int(families[place].i[at]), int(families[place].j[at]))


def _quantile(families: Sequence[Comparisons]) -> float:
    return normal_quantile(sum(family.size for family in families))


def _extreme(found: Sequence[Floats]) -> tuple[int, int, float]:
    """Family, place and value of the smallest number; the first of equal ones."""
    places = [int(sizes.argmin()) for sizes in found]
    smallest = [float(sizes[at]) for sizes, at in zip(found, places, strict=True)]
    family = int(np.argmin(smallest))
    return family, places[family], smallest[family]


def _to_all_rows(ratio: Floats, share: Floats) -> Floats:
    """Group over all rows from group over rest: r / (share r + 1 - share), which rises with r."""
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = 1.0 / (share + (1.0 - share) / ratio)
    return np.where(ratio == 0, 0.0, whole)


def _fold(x: Floats) -> Floats:
    """The smaller over the larger."""
    with np.errstate(divide="ignore"):
        return np.minimum(x, 1.0 / x)


def _folded(low: Floats, high: Floats) -> list[Floats]:
    """Ends of min(r, 1 / r) over intervals of r."""
    at_low, at_high = _fold(low), _fold(high)
    top = np.where((low <= 1) & (high >= 1), 1.0, np.maximum(at_low, at_high))
    return [np.minimum(at_low, at_high), top]


def largest_magnitude(values: Floats, errors: Floats, freedoms: Floats) -> Interval:
    """Interval of the largest absolute value of independent means, one a group: Student, lower end at Šidák's level."""
    one, all_at_once = (student(freedoms, quantile) * errors for quantile in (Z, normal_quantile(values.size)))
    size = np.abs(values)
    low, high = np.maximum(size - all_at_once, 0.0).max(), (size + one).max()
    return Interval(float(low), float(high), "Student, Šidák over groups")
