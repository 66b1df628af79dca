"""Drift of shares: how far the groups of a column are from their shares in the reference.

Groups are tenths of the reference (a repeated value is one of its own) or the categories, and two more: missing values,
and non-finite or unseen ones. So a column that loses its values, or gets new ones, has drifted by every distance. Each
has its effect size (the value), an interval and the same evidence, the permutation chi-square of the groups.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.distances import (
    ANY_COLUMN,
    NO_ROWS,
    NO_SHARES,
    divergence_interval,
    first_order,
    no_rows,
    no_shares,
    on_shares,
)
from aimsight.metrics.evidence import change_p_value
from aimsight.metrics.intervals import Z, newcombe
from aimsight.metrics.registry import ALL_TASKS, metric
from aimsight.metrics.simultaneous import largest_difference, side_by_side
from aimsight.metrics.simultaneous import shares as proportions
from aimsight.metrics.values import Interval, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from aimsight.metrics.inputs import ColumnPair, Shares
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

LN2 = math.log(2)
Distance = tuple[float, Interval]
"""A distance between the shares of the groups, and its interval."""


def distance(
    name: str, version: int, unit: str, bounds: tuple[float, float | None], source: str, *, core: bool = False
) -> Callable[[Callable[[Shares], Distance]], Callable[[Shares], Distance]]:
    """Declare a distance on shares as a metric; everything but its name is as of a metric."""

    def declare(of: Callable[[Shares], Distance]) -> Callable[[Shares], Distance]:
        def measured(pair: ColumnPair) -> Result:
            return no_shares(pair) or on_shares(pair, *of(pair.shares))

        measured.__doc__ = of.__doc__
        metric(
            id=f"drift.{name}",
            version=version,
            tasks=ALL_TASKS,
            kind="distribution",
            unit=unit,
            bounds=bounds,
            direction="lower",
            undefined_when=NO_SHARES,
            source=source,
            needs=ANY_COLUMN,
            core=core,
        )(measured)
        return of

    return declare


@distance(
    "psi",
    4,
    "nats",
    (0.0, None),
    "Siddiqi, Credit Risk Scorecards (2006), ch. 6; Lewis, Saunders and Westcott, Biometrika 71 (1984)",
    core=True,
)
def psi(shares: Shares) -> Distance:
    """Population stability index of one column.

    ``sum over groups of (q - p) ln(q / p)``, p and q = shares of reference and window. Groups: tenths of the
    reference (repeated values on their own) or the categories, plus one for missing and one for non-finite or unseen
    values; groups empty on both sides are left out, and half a row is added to every other on both sides. 0: the same
    shares; rule of thumb: below 0.1 stable, above 0.25 shifted; unbounded above. It grows with noise: the interval is
    corrected by its mean under no change. Evidence: permutation chi-square of the groups.
    """
    p, q = shares.smoothed
    ratio = q / p
    log = np.log(ratio)
    value = max(float((q - p) @ log), 0.0)
    bias = shares.noise * float(shares.seen(0.5) @ (1 - shares.pooled))
    delta = first_order(shares, log + ratio, log - 1 / ratio)
    return value, divergence_interval(value, bias, shares.noise, delta)


def _jensen_shannon(shares: Shares) -> Distance:
    """The divergence in nats and its interval."""
    from scipy.special import rel_entr

    p, q = shares.p, shares.q
    total = p + q
    middle = total / 2
    value = min(max(float(rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / 2, 0.0), LN2)
    noise = p * (1 - q) / shares.sizes[1] + q * (1 - p) / shares.sizes[0]
    bias = float((shares.seen(0.25) / total) @ noise) / 4
    # for the variance, groups that were not seen may still be there
    p, q = shares.smoothed
    total = p + q
    delta = first_order(shares, np.log(2 * p / total), np.log(2 * q / total)) / 4
    around = divergence_interval(value, bias, shares.noise / 8, delta)
    return value, around.within(0.0, LN2)


@distance(
    "jensen_shannon_distance",
    4,
    "square root of nats",
    (0.0, math.sqrt(LN2)),
    "Lin, Divergence measures based on the Shannon entropy (1991); Endres and Schindelin (2003)",
    core=True,
)
def jensen_shannon_distance(shares: Shares) -> Distance:
    """Square root of the Jensen-Shannon divergence of one column, natural logarithm.

    ``sqrt((KL(p | m) + KL(q | m)) / 2)``, m = (p + q) / 2, over the groups of PSI, without smoothing. 0: the same
    shares; 0.8326 = sqrt(ln 2): nothing in common. Interval: of the divergence, corrected by its mean under no
    change. Evidence: permutation chi-square of the groups.
    """
    value, around = _jensen_shannon(shares)
    return math.sqrt(value), around.carried(math.sqrt)


@distance(
    "jensen_shannon_divergence",
    4,
    "nats",
    (0.0, LN2),
    "Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37 (1991)",
)
def jensen_shannon_divergence(shares: Shares) -> Distance:
    """Jensen-Shannon divergence of one column, natural logarithm (divide by ln 2 = 0.6931 for bits).

    ``(KL(p | m) + KL(q | m)) / 2``, m = (p + q) / 2, over the groups of PSI, without smoothing: the square of
    ``drift.jensen_shannon_distance``. 0: the same shares; 0.6931 = ln 2: nothing in common. Interval: delta method,
    corrected by the mean under no change. Evidence: permutation chi-square of the groups.
    """
    return _jensen_shannon(shares)


@distance(
    "kl_divergence",
    4,
    "nats",
    (0.0, None),
    "Kullback and Leibler, On information and sufficiency, Annals of Mathematical Statistics 22 (1951)",
)
def kl_divergence(shares: Shares) -> Distance:
    """Kullback-Leibler divergence of the window from the reference, natural logarithm.

    ``KL(q | p) = sum over groups of q ln(q / p)``, p = shares of the reference, q = of the window: how much the window
    surprises whoever expects the reference. The groups are those of PSI, with half a row added to each on both sides,
    so that it stays finite. 0: the same shares; unbounded above; it is not symmetric, and PSI is the sum of both
    directions. Interval: delta method, corrected by the mean under no change. Evidence: permutation chi-square.
    """
    p, q = shares.smoothed
    ratio = q / p
    log = np.log(ratio)
    value = max(float(q @ log), 0.0)
    bias = shares.noise * float(shares.seen(0.5) @ (1 - shares.pooled)) / 2
    delta = first_order(shares, ratio, log)
    return value, divergence_interval(value, bias, shares.noise / 2, delta)


@distance(
    "hellinger",
    4,
    "distance",
    (0.0, 1.0),
    "Hellinger (1909); Le Cam and Yang, Asymptotics in Statistics, 2nd ed. (2000), ch. 3",
)
def hellinger(shares: Shares) -> Distance:
    """Hellinger distance of one column.

    ``sqrt(1 - sum over groups of sqrt(p q))`` over the groups of PSI, without smoothing. 0: the same shares; 1: nothing
    in common. Interval: of its square, delta method, corrected by the mean under no change. Evidence: permutation
    chi-square of the groups.
    """
    value = min(float(np.square(np.sqrt(shares.p) - np.sqrt(shares.q)).sum()) / 2, 1.0)
    p, q = shares.smoothed
    ratio = np.sqrt(q / p)
    bias = shares.noise * float(shares.seen(0.25) @ (1 - shares.pooled)) / 8
    delta = first_order(shares, ratio / 2, 0.5 / ratio)
    around = divergence_interval(value, bias, shares.noise / 8, delta)
    return math.sqrt(value), around.carried(lambda end: math.sqrt(min(end, 1.0)))


@distance(
    "cramers_v",
    4,
    "association",
    (0.0, 1.0),
    "Cramér, Mathematical Methods of Statistics (1946), ch. 21; Le Cam (1986), triangular discrimination",
)
def cramers_v(shares: Shares) -> Distance:
    """Cramér's V between group and side (reference or window), both sides weighing the same.

    ``sqrt(sum over groups of (q - p)^2 / (2 (p + q)))`` over the groups of PSI: what chi-square says of a table whose
    two rows have equally many rows, so that it depends on the shares alone and not on how many rows were seen. 0: the
    same shares; 1: nothing in common. Interval: of its square, delta method, corrected by the mean under no change.
    Evidence: permutation chi-square of the groups.
    """
    value = min(float((np.square(shares.q - shares.p) / (shares.p + shares.q)).sum()) / 2, 1.0)
    p, q = shares.smoothed
    relative = (q - p) / (p + q)
    bias = shares.noise * float(shares.seen(0.25) @ (1 - shares.pooled)) / 4
    delta = first_order(shares, -relative - np.square(relative) / 2, relative - np.square(relative) / 2)
    around = divergence_interval(value, bias, shares.noise / 4, delta)
    return math.sqrt(value), around.carried(lambda end: math.sqrt(min(end, 1.0)))


@distance(
    "total_variation", 3, "share", (0.0, 1.0), "Levin, Peres and Wilmer, Markov Chains and Mixing Times (2009), ch. 4"
)
def total_variation(shares: Shares) -> Distance:
    """Total variation distance of one column: the share of rows that would have to change their group.

    ``sum over groups of |q - p| / 2`` over the groups of PSI. 0: the same shares; 1: nothing in common. Interval: delta
    method, with the mean under no change taken off the lower end. Evidence: permutation chi-square of the groups.
    """
    difference = shares.q - shares.p
    value = min(float(np.abs(difference).sum()) / 2, 1.0)
    sign = np.sign(difference) / 2
    chance = float(np.sqrt(shares.pooled * (1 - shares.pooled)).sum()) * math.sqrt(shares.noise / (2 * math.pi))
    half = Z * math.sqrt(first_order(shares, sign, sign))
    interval = Interval(max(value - chance - half, 0.0), min(value + half, 1.0), "delta, bias-corrected")
    return value, interval


@distance(
    "l_infinity",
    4,
    "share",
    (0.0, 1.0),
    "Chebyshev distance of shares; Newcombe (1998), Šidák, J. American Statistical Association 62 (1967)",
)
def l_infinity(shares: Shares) -> Distance:
    """Largest change of the share of any one group.

    ``max over groups of |q - p|`` over the groups of PSI. 0: the same shares; 1: all rows were in one group and are in
    another. Interval: largest lower and largest upper bound of the groups' own (Newcombe), the lower end at the Šidák
    level of all of them. Evidence: permutation chi-square of the groups.
    """
    n, m = (np.full(shares.x.size, float(size)) for size in shares.sizes)
    found = largest_difference([side_by_side(proportions(shares.y, m), proportions(shares.x, n))])
    return found.value, found.interval


@metric(
    id="drift.missing_share_change",
    version=3,
    tasks=ALL_TASKS,
    kind="distribution",
    unit="share",
    bounds=(-1.0, 1.0),
    direction="zero",
    undefined_when=NO_ROWS,
    source="Newcombe, Interval estimation for the difference between independent proportions (1998)",
    needs=ANY_COLUMN,
)
def missing_share_change(pair: ColumnPair) -> Result:
    """Share of missing values in the window minus that in the reference.

    0: no change; above 0: more values are missing than in the reference; 1: all are, and none was. Interval: Newcombe.
    Evidence: permutation chi-square, or the exact conditional tail when missing values are rare.
    """
    trouble = no_rows(pair)
    if trouble:
        return trouble
    n, m = pair.n_reference, pair.n_window
    place, effect = pair.base.alone[0], pair.base.effects.missing
    x, y = int(pair.base.grouped[place]), int(pair.grouped[place])
    change = y / m - x / n
    around = newcombe(y, m, x, n)
    evidence = 1.0
    if x or y:
        evidence = change_p_value(np.array([n - x, x]), np.array([m - y, y]), effect, alone=(1,))
    return Value(change, m, around.holding(change), p_value=evidence)
