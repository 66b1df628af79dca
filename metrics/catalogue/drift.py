"""Drift: how far a column's distribution in the window is from the reference's, and whether that could be chance.

Every distance carries its effect size (the value), an interval, and evidence (the p-value at the actual numbers of
rows, widened by the column's design effect). Missing, non-finite and unseen values are part of the compared
distribution of PSI and Jensen-Shannon: a column that loses its values has drifted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.evidence import area_p_value, chance_variance, change_p_value, kolmogorov_band, kolmogorov_p_value
from aimsight.metrics.intervals import Z, newcombe
from aimsight.metrics.registry import ALL_TASKS, Needs, metric
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.inputs import ColumnPair
    from aimsight.metrics.statistics import ValueCounts
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

ANY_COLUMN = Needs(reference=True)
NUMERIC = Needs(reference=True, column_kinds=frozenset({"numeric"}))
SMOOTHING = 0.5
"""Rows added to each compared group on both sides, so that PSI stays finite (Jeffreys' prior)."""
NO_ROWS = ("no rows in the reference", "no rows in the window")


def _no_rows(pair: ColumnPair) -> Undefined | None:
    if pair.n_window == 0:
        return Undefined("no rows in the window")
    return Undefined("no rows in the reference", pair.n_window) if pair.n_reference == 0 else None


def _nothing_to_compare(pair: ColumnPair) -> Undefined | None:
    missing = pair.base.alone[0]
    if int(pair.base.grouped[missing]) == pair.n_reference and int(pair.grouped[missing]) == pair.n_window:
        return Undefined("every value is missing, in the reference and in the window", pair.n_window)
    return _no_rows(pair)


def _noise(pair: ColumnPair) -> tuple[float, float, float]:
    """Variance factors of reference, window and their difference: 1/rows, with the design effect."""
    reference, window = pair.base.effects.groups.effective(pair.n_reference, pair.n_window)
    return 1 / reference, 1 / window, 1 / reference + 1 / window


def _spread(values: Floats, shares: Floats) -> float:
    """Variance of a quantity that takes these values with these shares."""
    centre = float(shares @ values)
    return float(shares @ np.square(values - centre))


def _information_interval(pair: ColumnPair, value: float, bias: float, noise: float, delta: float) -> Interval:
    """Interval of a quadratic-like distance that is biased upwards: corrected for its mean under no change.

    ``bias`` is that mean, ``noise`` what each degree of freedom adds to it, ``delta`` the first-order variance. The
    plain value stays inside, so the upper end is conservative.
    """
    effect = pair.base.effects.groups
    chance = chance_variance(bias, bias / noise, pair.n_reference, pair.n_window, effect)
    # the first-order variance is taken at a value that is too high by the bias, hence less, but never below chance
    half = Z * math.sqrt(max(delta - 2 * noise * bias, chance))
    centre = value - bias
    # the distribution is skewed upwards; on the square root's scale it is not, which lengthens the upper end
    skew = half * half / (4 * max(centre, half)) if half > 0 else 0.0
    return Interval(max(centre - half, 0.0), max(centre + half + skew, value), "delta, bias-corrected")


@metric(
    id="drift.psi",
    version=1,
    tasks=ALL_TASKS,
    kind="distribution",
    unit="nats",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=(*NO_ROWS, "every value is missing on both sides"),
    source="Siddiqi, Credit Risk Scorecards (2006), ch. 6; Lewis, Saunders and Westcott, Biometrika 71 (1984)",
    needs=ANY_COLUMN,
)
def psi(pair: ColumnPair) -> Result:
    """Population stability index of one column.

    ``sum over groups of (q - p) ln(q / p)``, p and q = shares of reference and window. Groups: tenths of the
    reference (repeated values on their own) or the categories, plus one for missing and one for non-finite or unseen
    values; groups empty on both sides are left out, and half a row is added to every other on both sides. 0: the same
    shares; rule of thumb: below 0.1 stable, above 0.25 shifted; unbounded above. It grows with noise: the interval is
    corrected by its mean under no change. Evidence: permutation chi-square of the groups.
    """
    trouble = _nothing_to_compare(pair)
    if trouble:
        return trouble
    occupied = (pair.base.grouped + pair.grouped) > 0
    x, y = pair.base.grouped[occupied].astype(np.float64), pair.grouped[occupied].astype(np.float64)
    p, q = _smoothed(x), _smoothed(y)
    log = np.log(q / p)
    value = float((q - p) @ log)
    reference, window, noise = _noise(pair)
    delta = _spread(log - p / q, q) * window + _spread(log + q / p, p) * reference
    bias = noise * float(_seen(x, y, SMOOTHING) @ (1 - (x + y) / (x.sum() + y.sum())))
    return Value(
        max(value, 0.0),
        pair.n_window,
        _information_interval(pair, max(value, 0.0), bias, noise, delta),
        p_value=pair.change_p_value,
    )


def _smoothed(counts: Floats) -> Floats:
    shares: Floats = (counts + SMOOTHING) / (counts.sum() + SMOOTHING * counts.size)
    return shares


def _seen(x: Floats, y: Floats, half: float) -> Floats:
    """How much of a group's noise a distance sees: e / (e + ``half``) where e rows are expected on the smaller side."""
    n, m = x.sum(), y.sum()
    expected = (x + y) * min(n, m) / (n + m)
    seen: Floats = expected / (expected + half)
    return seen


@metric(
    id="drift.jensen_shannon_distance",
    version=1,
    tasks=ALL_TASKS,
    kind="distribution",
    unit="square root of nats",
    bounds=(0.0, math.sqrt(math.log(2))),
    direction="lower",
    undefined_when=(*NO_ROWS, "every value is missing on both sides"),
    source="Lin, Divergence measures based on the Shannon entropy (1991); Endres and Schindelin (2003)",
    needs=ANY_COLUMN,
)
def jensen_shannon_distance(pair: ColumnPair) -> Result:
    """Square root of the Jensen-Shannon divergence of one column, natural logarithm.

    ``sqrt((KL(p | m) + KL(q | m)) / 2)``, m = (p + q) / 2, over the groups of PSI, without smoothing. 0: the same
    shares; 0.8326 = sqrt(ln 2): nothing in common. Interval: of the divergence, corrected by its mean under no
    change. Evidence: permutation chi-square of the groups.
    """
    trouble = _nothing_to_compare(pair)
    if trouble:
        return trouble
    occupied = (pair.base.grouped + pair.grouped) > 0
    x, y = pair.base.grouped[occupied].astype(np.float64), pair.grouped[occupied].astype(np.float64)
    p, q = x / x.sum(), y / y.sum()
    middle = (p + q) / 2
    left = np.log(np.divide(p, middle, out=np.ones_like(p), where=p > 0))
    right = np.log(np.divide(q, middle, out=np.ones_like(q), where=q > 0))
    value = min(max(float(p @ left + q @ right) / 2, 0.0), math.log(2))
    reference, window, noise = _noise(pair)
    bias = float((_seen(x, y, 0.25) / (p + q)) @ (p * (1 - q) * window + q * (1 - p) * reference)) / 4
    # for the variance, groups that were not seen may still be there
    p, q = _smoothed(x), _smoothed(y)
    delta = (_spread(np.log(2 * q / (p + q)), q) * window + _spread(np.log(2 * p / (p + q)), p) * reference) / 4
    around = _information_interval(pair, value, bias, noise / 8, delta)
    return Value(
        math.sqrt(value),
        pair.n_window,
        Interval(math.sqrt(around.low), math.sqrt(min(around.high, math.log(2))), around.method),
        p_value=pair.change_p_value,
    )


def _cumulative(pair: ColumnPair) -> tuple[Floats, Floats, tuple[int, int]] | Undefined:
    """Cumulative shares of finite values after each cell (or distinct value): reference, window; and their numbers."""
    if pair.values is not None and pair.base.values is not None:
        points = np.union1d(pair.base.values.values, pair.values.values)
        x, y = _at(pair.base.values, points), _at(pair.values, points)
    else:
        x, y = pair.finite
    sizes = int(x.sum()), int(y.sum())
    if not all(sizes):
        side = "window" if not sizes[1] else "reference"
        return Undefined(f"no finite values in the {side}", pair.n_window)
    return np.cumsum(x) / sizes[0], np.cumsum(y) / sizes[1], sizes


def _at(values: ValueCounts, points: Floats) -> NDArray[np.int64]:
    out = np.zeros(points.size, dtype=np.int64)
    out[np.searchsorted(points, values.values)] = values.counts
    return out


def _exact(pair: ColumnPair) -> bool:
    return pair.values is not None and pair.base.values is not None


@metric(
    id="drift.ks",
    version=1,
    tasks=ALL_TASKS,
    kind="distribution",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(*NO_ROWS, "no finite values in the reference", "no finite values in the window"),
    source="Kolmogorov (1933); Smirnov (1948); Stephens, J. Royal Statistical Society B 32 (1970)",
    needs=NUMERIC,
)
def ks(pair: ColumnPair) -> Result:
    """Kolmogorov-Smirnov distance of the finite values: the largest gap between cumulative shares.

    ``max |F(x) - G(x)|``. 0: the same distribution; 1: no overlap. From cells the gap is read at their edges, and the
    error bound is the largest gap that values within one cell could hide; exact on request. Interval: 95 % band of
    the difference of two empirical distributions (Kolmogorov). Evidence: Kolmogorov's law, conservative with ties.
    """
    trouble = _no_rows(pair)
    if trouble:
        return trouble
    found = _cumulative(pair)
    if isinstance(found, Undefined):
        return found
    f, g, (n, m) = found
    value = min(float(np.abs(f - g).max()), 1.0)
    bound = 0.0
    if not _exact(pair):
        before_f, before_g = np.concatenate([[0.0], f[:-1]]), np.concatenate([[0.0], g[:-1]])
        bound = max(float(np.maximum(f - before_g, g - before_f).max()) - value, 0.0)
    half = kolmogorov_band(n, m, pair.base.effects.curve.gap)
    return Value(
        value,
        m,
        Interval(max(value - half, 0.0), min(value + half, 1.0), "Kolmogorov band"),
        error_bound=bound,
        p_value=kolmogorov_p_value(value, n, m, pair.base.effects.curve.gap),
    )


@metric(
    id="drift.wasserstein_normed",
    version=1,
    tasks=ALL_TASKS,
    kind="distribution",
    unit="standard deviations of the reference",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=(
        *NO_ROWS,
        "no finite values in the reference",
        "no finite values in the window",
        "the reference's standard deviation is 0 or unknown",
        "a value lies beyond 2**60 cell widths (cells)",
    ),
    source="Kantorovich (1942); Vallender (1974); del Barrio, Giné and Matrán, Annals of Probability 27 (1999)",
    needs=NUMERIC,
)
def wasserstein_normed(pair: ColumnPair) -> Result:
    """Wasserstein distance (order 1) of the finite values, in standard deviations of the reference.

    ``integral |F(x) - G(x)| dx / sd``: how far values have to be moved on average. 0: the same distribution; 1: a
    shift by one standard deviation; unbounded above. From cells values stand in the middle of their cell, and the
    error bound is the mean half-width of the cells on both sides; exact on request. Interval: influence function, the
    mean under no change taken off the lower end. Evidence: moments of the area of a Brownian bridge, without the
    tails where fewer than five rows are expected: one far row makes a large distance but no evidence.
    """
    trouble = _no_rows(pair)
    if trouble:
        return trouble
    found = _cumulative(pair)
    if isinstance(found, Undefined):
        return found
    f, g, sizes = found
    deviation = pair.base.plan.reference_std
    if not deviation or not math.isfinite(deviation):
        return Undefined("the reference's standard deviation is 0 or unknown", sizes[1])
    bound = 0.0
    if pair.values is not None and pair.base.values is not None:
        widths = np.diff(np.union1d(pair.base.values.values, pair.values.values))
    else:
        x, y = pair.finite
        if x[0] or y[0] or x[-1] or y[-1]:
            return Undefined("a value lies beyond 2**60 cell widths; exact drift can take it", sizes[1])
        widths = pair.base.steps
        half_widths = np.diff(pair.base.edges) / 2
        bound = float((x / sizes[0] + y / sizes[1]) @ half_widths) / deviation
    f, g = f[:-1], g[:-1]
    used = (f + g > 0) & (f + g < 2)
    f, g, widths = f[used], g[used], widths[used] / deviation
    value = float(np.abs(f - g) @ widths)
    return Value(
        value,
        sizes[1],
        _area_interval(pair, value, f, g, widths, sizes),
        error_bound=bound,
        p_value=area_p_value(f, g, widths, sizes, pair.base.effects.curve.area),
    )


def _area_interval(
    pair: ColumnPair, value: float, f: Floats, g: Floats, widths: Floats, sizes: tuple[int, int]
) -> Interval:
    n, m = pair.base.effects.curve.area.effective(*sizes)
    pooled = (f * n + g * m) / (n + m)
    chance = math.sqrt(2 / math.pi * (1 / n + 1 / m)) * float(np.sqrt(pooled * (1 - pooled)) @ widths)
    # a row counts in every cumulative share at and above it: its influence is the signed width from there on
    influence = np.append(np.cumsum((np.sign(g - f) * widths)[::-1])[::-1], 0.0)
    scale = float(np.abs(influence).max()) or 1.0  # squares of very far values would overflow
    shares = (np.diff(side, prepend=0.0, append=1.0) for side in (f, g))
    variance = sum(_spread(influence / scale, share) / k for share, k in zip(shares, (n, m), strict=True))
    half = Z * math.sqrt(variance) * scale
    return Interval(max(value - chance - half, 0.0), value + half, "influence function")


@metric(
    id="drift.missing_share_change",
    version=1,
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

    0: no change; above 0: more values are missing than in the reference; 1: all are, and none was. Interval: Newcombe
    with effective rows. Evidence: permutation chi-square, or the exact conditional tail when missing values are rare.
    """
    trouble = _no_rows(pair)
    if trouble:
        return trouble
    n, m = pair.n_reference, pair.n_window
    x, y = int(pair.base.grouped[pair.base.alone[0]]), int(pair.grouped[pair.base.alone[0]])
    reference, window = pair.base.effects.missing.effective(n, m)
    change = y / m - x / n
    around = newcombe(y / m * window, window, x / n * reference, reference)
    evidence = change_p_value(np.array([n - x, x]), np.array([m - y, y]), pair.base.effects.missing, alone=(1,))
    interval = Interval(min(around.low, change), max(around.high, change), around.method)
    return Value(change, m, interval, p_value=evidence)
