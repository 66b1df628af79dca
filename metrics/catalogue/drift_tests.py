"""Two-sample tests under their names, with their own statistics; the design effect is applied to each.

The Kolmogorov-Smirnov and Cramér-von Mises tests are the p-values of ``drift.ks`` and ``drift.cramer_von_mises``. A
statistic grows with the rows: an objective's target is better about a distance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.catalogue.drift_curves import of_curves
from aimsight.metrics.curves import square_law
from aimsight.metrics.distances import (
    ANY_COLUMN,
    NO_SHARES,
    biased_interval,
    divergence_interval,
    first_order,
    largest_gaps,
    no_curves,
    no_rows,
    no_shares,
    spread,
)
from aimsight.metrics.registry import ALL_TASKS, metric
from aimsight.metrics.values import Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.inputs import ColumnPair, Curves
    from aimsight.metrics.values import Result


@metric(
    id="drift.chi_square",
    version=4,
    tasks=ALL_TASKS,
    kind="distribution",
    unit="chi-square",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=NO_SHARES,
    source="Pearson, Philosophical Magazine 50 (1900); Lewis, Saunders and Westcott, Biometrika 71 (1984)",
    needs=ANY_COLUMN,
    core=False,
)
def chi_square(pair: ColumnPair) -> Result:
    """Pearson's chi-square of the table of side (reference or window) by group.

    ``sum of (seen - expected)^2 / expected`` over the groups of PSI, missing and unseen values among them. 0: the same
    shares; without a change about the number of groups less one; unbounded above, and growing with the rows: use
    ``drift.cramers_v`` for the size of a change. Interval: delta method, corrected by the mean under no change.
    Evidence: the permutation distribution of the statistic, exact where groups are rare, with the design effect.
    """
    trouble = no_shares(pair)
    if trouble:
        return trouble
    shares = pair.shares
    n, m = shares.sizes
    scale = n * m / (n + m)
    pooled, difference = shares.pooled, shares.q - shares.p
    value = float((np.square(difference) / pooled).sum()) * scale
    relative = difference / pooled
    by_p = -2 * relative - np.square(relative) * (n / (n + m))
    by_q = 2 * relative - np.square(relative) * (m / (n + m))
    delta = first_order(shares, by_p, by_q)
    bias = shares.noise * float(shares.seen(0.25) @ (1 - pooled))
    around = divergence_interval(value / scale, bias, shares.noise, delta)
    interval = around.carried(lambda end: end * scale).holding(value)
    return Value(value, m, interval, p_value=pair.change_p_value)


@of_curves(
    id="drift.anderson_darling",
    version=4,
    unit="squared gap in standard errors",
    bounds=(0.0, None),
    source="Pettitt, Biometrika 63 (1976); Scholz and Stephens, J. American Statistical Association 82 (1987)",
    core=False,
)
def anderson_darling(pair: ColumnPair) -> Result:
    """Two-sample Anderson-Darling statistic of the finite values: squared gaps, those of the tails weighing more.

    ``n m / (n + m) integral (F - G)^2 / (H (1 - H)) dH``, H = the distribution of the rows of both sides together;
    with ties as they are (the version of Scholz and Stephens that is not midrank). 0: the same distribution; without a
    change about 1; unbounded above, and growing with the rows. From cells values within one are ties, and the error
    bound takes the largest and smallest gaps within a cell; exact on request. Interval: influence function, corrected
    by the mean under no change. Evidence: moments of the statistic under no change, ties included, with the design
    effect.
    """
    curves = no_rows(pair) or pair.curves or no_curves(pair)
    if isinstance(curves, Undefined):
        return curves
    n, m = curves.sizes
    scale = n * m / (n + m)
    level = curves.pooled
    weight = ((curves.x + curves.y)[:-1] / (n + m)) / (level * (1 - level))
    gaps = curves.g - curves.f
    square = float(np.square(gaps) @ weight)
    bound = 0.0
    if curves.span is not None:
        bound = _cell_error(curves, square) * scale
    counts, rows, below = pair.base.finite
    known = (below > 0) & (below < 1)
    weights = np.zeros(below.size)
    weights[known] = counts[known] / rows / (below[known] * (1 - below[known]))
    effect = pair.base.square_effect("anderson_darling", weights, known)
    law = square_law(level, weight)
    noise = 1 / n + 1 / m
    influence = np.append(np.cumsum((2 * gaps * weight)[::-1])[::-1], 0.0)
    variance = spread(influence, curves.x / n) / n + spread(influence, curves.y / m) / m
    bias = law.mean * noise
    chance = law.variance * noise**2
    around = biased_interval(square, bias, variance, chance, "influence function")
    interval = around.holding(square).carried(lambda end: end * scale)
    return Value(square * scale, m, interval, error_bound=bound, p_value=law.p_value(square, (n, m), effect))


def _cell_error(curves: Curves, square: float) -> float:
    """Largest difference that the order of the rows within the cells can make to the integral."""
    n, m = curves.sizes
    rows = curves.x + curves.y
    share = rows / (n + m)
    gaps = np.abs(np.append(curves.g - curves.f, 0.0))
    after = np.append(curves.pooled, 1.0)
    before = after - share
    most, least = largest_gaps(curves), np.maximum(gaps - np.maximum(curves.x / n, curves.y / m), 0.0)
    inner = (before > 0) & (after < 1)
    inner[[0, -1]] = False
    ends = [h * (1 - h) for h in (before[inner], after[inner])]
    upper = float(np.square(most[inner]) @ (share[inner] / np.minimum(*ends)))
    peak = np.where((before < 0.5) & (after > 0.5), 0.25, np.maximum(before * (1 - before), after * (1 - after)))
    lower = float(np.square(least[inner]) @ (share[inner] / peak[inner]))
    # within the first k rows, or the last, a gap after j of them is at most j / min(n, m)
    for place, outside in ((0, 1 - after[0]), (-1, before[-1])):
        k = int(rows[place])
        upper += k * k / (2 * min(n, m) ** 2 * max(outside, 1 / (n + m)))
    return max(upper - square, square - lower, 0.0)
