"""Confidence intervals in closed form: proportions, gaps, ratios, means, moments and ROC AUC, all from counts and sums.

Counts may be fractions: an effective number of rows (rows divided by a design effect) is one.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.values import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from aimsight.metrics.statistics import ScoreCounts

    Floats = NDArray[np.float64]

LEVEL = 0.95
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
"""Standard normal quantile of a two-sided 95 % interval, 1.959964."""
FEW = 10
"""With fewer positives or negatives than this, the variance of an AUC is not estimated from the scores."""
FEW_WRONG = 3
"""Nor when fewer rows of the rarer class than this, on balance, are ranked against the rule."""
UNKNOWN_ROWS = 2.0
"""Rows of which nothing is known that stand beside those that were seen where few of these say little of the rest."""


def normal_quantile(comparisons: int = 1) -> float:
    """Two-sided 95 % quantile that holds for so many intervals at once (Šidák 1967): 1.96 for one."""
    return NormalDist().inv_cdf(0.5 + 0.5 * LEVEL ** (1.0 / comparisons))


def student_quantile(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t with ``freedom`` >= 1 degrees of freedom.

    Exact for 1 and 2, else the expansion 26.7.5 of Abramowitz and Stegun (1964): short by 0.12 % at 3, by 4e-6 of
    itself at 10 and by less than 2e-7 from 20 on.
    """
    p = 0.5 + LEVEL / 2
    if freedom == 1:
        return math.tan(math.pi * (p - 0.5))
    if freedom == 2:
        return (2 * p - 1) * math.sqrt(2 / (4 * p * (1 - p)))
    z, v = Z, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def wilson_bounds(successes: Floats, n: Floats, z: float = Z) -> tuple[Floats, Floats]:
    """Wilson (1927) score bounds of proportions, element by element; ``n`` > 0."""
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = np.where(successes <= 0, 0.0, np.clip((centre - half) / scale, 0.0, share))
    high = np.where(successes >= n, 1.0, np.clip((centre + half) / scale, share, 1.0))
    return low, high


def wilson(successes: float, n: float, z: float = Z, method: str = "Wilson") -> Interval:
    """Wilson score interval of one proportion; ``0 <= successes <= n``, ``n`` > 0. Exactly 0 or 1 at the ends."""
    share = successes / n
    scale = 1 + z * z / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes <= 0 else min(max((centre - half) / scale, 0.0), share)
    high = 1.0 if successes >= n else max(min((centre + half) / scale, 1.0), share)
    return Interval(low, high, method)


def clopper_pearson(successes: float, n: float, method: str = "Clopper-Pearson") -> Interval:
    """Clopper and Pearson's (1934) interval of a proportion, which holds at least as often as it says however few rows.

    ``0 <= successes <= n``, ``n`` > 0; both may be fractions.
    """
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return Interval(low, high, method).holding(successes / n)


def newcombe(x1: float, n1: float, x2: float, n2: float, z: float = Z) -> Interval:
    """Interval of the difference p1 - p2 of independent proportions (Newcombe 1998, method 10: MOVER-Wilson)."""
    first, second = wilson(x1, n1, z), wilson(x2, n2, z)
    p1, p2 = x1 / n1, x2 / n2
    low = p1 - p2 - math.hypot(p1 - first.low, second.high - p2)
    high = p1 - p2 + math.hypot(first.high - p1, p2 - second.low)
    return Interval(max(low, -1.0), min(high, 1.0), "Newcombe")


def ratio_bounds(x1: Floats, n1: Floats, x2: Floats, n2: Floats, z: float = Z) -> tuple[Floats, Floats]:
    """Bounds of the ratio p1 / p2 of independent proportions, element by element (MOVER-R from Wilson bounds)."""
    return mover_ratio(x1 / n1, wilson_bounds(x1, n1, z), x2 / n2, wilson_bounds(x2, n2, z))


def mover_difference(
    first: Floats,
    of_first: tuple[Floats, Floats],
    second: Floats,
    of_second: tuple[Floats, Floats],
    correlation: Floats | float = 0.0,
) -> tuple[Floats, Floats]:
    """Bounds of first - second from the bounds of each and their correlation, element by element (Zou 2007: MOVER)."""
    (low1, high1), (low2, high2) = of_first, of_second
    down, up = first - low1, high2 - second
    low = first - second - np.sqrt(np.maximum(down**2 + up**2 - 2 * correlation * down * up, 0.0))
    up, down = high1 - first, second - low2
    high = first - second + np.sqrt(np.maximum(up**2 + down**2 - 2 * correlation * up * down, 0.0))
    return low, high


def mover_ratio(
    first: Floats,
    of_first: tuple[Floats, Floats],
    second: Floats,
    of_second: tuple[Floats, Floats],
    correlation: Floats | float = 0.0,
) -> tuple[Floats, Floats]:
    """Bounds of first / second, both at least 0, from the bounds of each (Donner and Zou 2012: MOVER-R).

    The upper bound is infinite where the lower bound of the second is 0: the data do not exclude a denominator of 0.
    """
    (low1, high1), (low2, high2) = of_first, of_second
    # the textbook form (a - sqrt(a^2 - b c)) / c, turned around so that c may be 0 or negative
    product = first * second - correlation * (first - low1) * (high2 - second)
    b, c = low1 * (2 * first - low1), high2 * (2 * second - high2)
    root = product + np.sqrt(np.maximum(product**2 - b * c, 0.0))
    low = np.divide(b, root, out=np.zeros_like(root), where=root > 0)
    product = first * second - correlation * (high1 - first) * (second - low2)
    d, e = low2 * (2 * second - low2), high1 * (2 * first - high1)
    top = product + np.sqrt(np.maximum(product**2 - d * e, 0.0))
    high = np.divide(top, d, out=np.full_like(top, np.inf), where=d > 0)
    return low, high


def ratio(x1: float, n1: float, x2: float, n2: float, z: float = Z) -> Interval | None:
    """MOVER-R interval of p1 / p2, or ``None`` when the denominator's lower bound is 0."""
    first, of_first, second, of_second = (np.array([float(x)]) for x in (x1, n1, x2, n2))
    low, high = ratio_bounds(first, of_first, second, of_second, z)
    return Interval(float(low[0]), float(high[0]), "MOVER-R") if np.isfinite(high[0]) else None


def mean(value: float, variance: float, n: int) -> Interval | None:
    """Student interval of a mean of ``n`` rows whose sample variance is given; ``None`` for a single row."""
    if n < 2:
        return None
    half = student_quantile(n - 1) * math.sqrt(max(variance, 0.0) / n)
    return Interval(value - half, value + half, "Student")


def positive(value: float, error: float, n: int, method: str) -> Interval | None:
    """Interval of a positive quantity on the log scale from its standard error (delta method); ``None`` for one row."""
    if n < 2:
        return None
    if value <= 0:
        return Interval(0.0, 0.0, method)
    spread = min(student_quantile(n - 1) * error / value, 700.0)
    return Interval(value * math.exp(-spread), value * math.exp(spread), method)


def skewed(value: float, variance: float, method: str) -> Interval:
    """Interval of a quantity above 0, skewed as a Gamma law with this mean and variance (Wilson and Hilferty 1931).

    Of a ``value`` of 0 or a ``variance`` of 0 it is that value alone.
    """
    if value <= 0 or variance <= 0:
        return Interval(max(value, 0.0), max(value, 0.0), method)
    ninth = variance / (9 * value * value)
    low, high = (value * max(1 - ninth + side * Z * math.sqrt(ninth), 0.0) ** 3 for side in (-1, 1))
    return Interval(low, high, method)


def effective_rows(value: float, variance: float, n: float) -> float:
    """Rows whose plain share would vary as much as a quantity in [0, 1] with this variance, at least 1.

    With a variance of 0 (every row alike) the rows themselves.
    """
    effective = value * (1 - value) / variance if variance > 0 else n
    return max(effective, 1.0) if effective > 0 else n


def share_like(value: float, variance: float, n: float, method: str) -> Interval:
    """Interval of a quantity in [0, 1] that is no plain proportion: Wilson with its effective rows."""
    value = min(max(value, 0.0), 1.0)
    effective = effective_rows(value, variance, n)
    return wilson(value * effective, effective, method=method)


def mean_of_shares(successes: Floats, n: Floats) -> Interval:
    """Interval of the unweighted mean of independent proportions (Price and Bonett 2004).

    As Agresti and Coull's for one of them: four rows of which nothing is known, half of them successes, are divided
    evenly among the proportions.
    """
    added = 2 * UNKNOWN_ROWS / n.size
    shares = (successes + added / 2) / (n + added)
    centre = float(shares.mean())
    half = Z * math.sqrt(float((shares * (1 - shares) / (n + added)).sum())) / n.size
    interval = Interval(max(centre - half, 0.0), min(centre + half, 1.0), "Price-Bonett")
    return interval.holding(float((successes / n).mean()))


def mean_of_correlated(values: Floats, low: Floats, high: Floats, covariance: Floats) -> Interval:
    """Interval of the unweighted mean of shares from the interval of each and their correlations (MOVER, Zou 2007).

    ``covariance`` gives the correlations only; a share of variance 0 is taken as uncorrelated.
    """
    deviation = np.sqrt(np.diag(covariance))
    scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    correlation = covariance * np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    below, above = np.maximum(values - low, 0.0), np.maximum(high - values, 0.0)
    centre, k = float(values.mean()), values.size
    down = math.sqrt(max(float(below @ correlation @ below), 0.0)) / k
    up = math.sqrt(max(float(above @ correlation @ above), 0.0)) / k
    return Interval(max(centre - down, 0.0), min(centre + up, 1.0), "MOVER-Wilson")


def auc(counts: ScoreCounts) -> tuple[float, float, int, int]:
    """ROC AUC (ties count half), its DeLong variance (1988), and the numbers of positives and negatives; O(cells).

    Both classes must occur. The variance is NaN-free and 0 when a class has a single row.
    """
    p, n = counts.ups, counts.downs
    alone = counts.untied
    up, below = _passed(counts.positives, counts.negatives, alone=alone)
    value = float(np.dot(up, below)) / (2 * p * n)
    of_positives = _spread(up, below, value * 2 * n, p) / (2.0 * n) ** 2
    down, above = _passed(counts.negatives[::-1], counts.positives[::-1], alone=alone)
    of_negatives = _spread(down, above, value * 2 * p, n) / (2.0 * p) ** 2
    return value, of_positives / p + of_negatives / n, p, n


def _passed(rows: NDArray[np.int64], others: NDArray[np.int64], *, alone: bool) -> tuple[Floats, Floats]:
    """At every position with rows: how many, and twice the other rows before it plus those beside it.

    Doubled, a tie is a whole number, and whole numbers are exact as floats (below 2**53). Rows that are ``alone`` at
    their positions are counted by their ranks, without adding up arrays as long as the window.
    """
    there = np.flatnonzero(rows > 0)
    before = 2 * (there - np.arange(there.size)) if alone else (2 * np.cumsum(others) - others)[there]
    return rows[there].astype(np.float64), before.astype(np.float64)


def _spread(weights: Floats, values: Floats, mean: float, n: int) -> float:
    """Variance of weighted values around their mean (n - 1 below); the values are overwritten."""
    values -= mean
    values *= values
    return float(np.dot(weights, values)) / max(n - 1, 1)


def auc_error_bound(counts: ScoreCounts) -> float:
    """Largest distance of the AUC from cells to the one from the scores: half the share of pairs within one cell."""
    if counts.exact:
        return 0.0
    p, n = counts.ups, counts.downs
    return int(np.dot(counts.positives, counts.negatives)) / (2 * p * n)


def auc_interval(value: float, variance: float, positives: int, negatives: int, z: float = Z) -> Interval:
    """DeLong interval on the logit scale; Newcombe's (2006, method 5) for a rare class or near perfect rank."""
    rarer = min(positives, negatives)
    if rarer < FEW or rarer * min(value, 1 - value) < FEW_WRONG or variance <= 0:
        return _newcombe_auc(value, positives, negatives, z)
    centre = math.log(value / (1 - value))
    spread = z * math.sqrt(variance) / (value * (1 - value))
    return Interval(_logistic(centre - spread), _logistic(centre + spread), "DeLong, logit")


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _newcombe_auc(value: float, p: int, n: int, z: float) -> Interval:
    """Solve |value - t| = z sd(t) on both sides by bisection, with the Hanley-McNeil variance at t."""
    half = (p + n) / 2 - 1

    def excess(t: float) -> float:
        variance = t * (1 - t) * (1 + half * ((1 - t) / (2 - t) + t / (1 + t))) / (p * n)
        return abs(value - t) - z * math.sqrt(max(variance, 0.0))

    return Interval(_outermost(excess, value, 0.0), _outermost(excess, value, 1.0), "Newcombe, method 5")


def _outermost(excess: Callable[[float], float], inside: float, outside: float) -> float:
    if excess(outside) <= 0:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        if excess(middle) > 0:
            outside = middle
        else:
            inside = middle
    return outside
