"""Drift of curves: how far the cumulative shares of a number's finite values are from the reference's.

From cells (binned, the default) every distance states the largest error that the cells can make; exact on request.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.curves import TAIL_ROWS, area_p_value, kolmogorov_band, kolmogorov_p_value, square_law
from aimsight.metrics.distances import NO_CURVE, NUMERIC, biased_interval, largest_gaps, no_curves, no_rows, spread
from aimsight.metrics.intervals import Z
from aimsight.metrics.registry import ALL_TASKS, metric
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.inputs import ColumnPair, Curves
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

NO_LENGTH = (
    *NO_CURVE,
    "the reference's standard deviation is 0 or unknown",
    "a value lies beyond 2**60 cell widths (cells)",
)
FARTHEST = 1e140
"""Standard deviations whose squares can still be squared."""
of_curves = functools.partial(
    metric, tasks=ALL_TASKS, kind="distribution", direction="lower", undefined_when=NO_CURVE, needs=NUMERIC
)
"""Declares a distance between the distributions of a number."""


@of_curves(
    id="drift.ks",
    version=3,
    unit="share",
    bounds=(0.0, 1.0),
    source="Kolmogorov (1933); Smirnov (1948); Stephens, J. Royal Statistical Society B 32 (1970)",
)
def ks(pair: ColumnPair) -> Result:
    """Kolmogorov-Smirnov distance of the finite values: the largest gap between cumulative shares.

    ``max |F(x) - G(x)|``. 0: the same distribution; 1: no overlap. From cells the gap is read at their edges, and the
    error bound is the largest gap that values within one cell could hide; exact on request. Interval: 95 % band of
    the difference of two empirical distributions (Kolmogorov). Evidence: Kolmogorov's law, conservative with ties.
    """
    curves = no_rows(pair) or pair.curves or no_curves(pair)
    if isinstance(curves, Undefined):
        return curves
    n, m = curves.sizes
    value = min(float(np.abs(curves.f - curves.g).max(initial=0.0)), 1.0)
    bound = max(float(largest_gaps(curves).max()) - value, 0.0) if curves.span is not None else 0.0
    effect = pair.base.curve.gap
    half = kolmogorov_band(n, m)
    return Value(
        value,
        m,
        Interval(max(value - half, 0.0), min(value + half, 1.0), "Kolmogorov band"),
        error_bound=bound,
        p_value=kolmogorov_p_value(value, n, m, effect),
    )


def _lengths(pair: ColumnPair, curves: Curves) -> Floats | Undefined:
    """Distances between the points in standard deviations of the reference, or why there are none."""
    m, deviation, span = curves.sizes[1], pair.base.plan.reference_std, curves.span
    if not deviation or not math.isfinite(deviation):
        return Undefined("the reference's standard deviation is 0 or unknown", m)
    if span is not None and (span.start == 0 or span.stop == pair.base.plan.cells.size):
        return Undefined("a value lies beyond 2**60 cell widths; exact drift can take it", m)
    lengths: Floats = curves.widths / deviation
    return lengths


@of_curves(
    id="drift.wasserstein_normed",
    version=3,
    unit="standard deviations of the reference",
    bounds=(0.0, None),
    undefined_when=NO_LENGTH,
    source="Kantorovich (1942); Vallender (1974); del Barrio, Giné and Matrán, Annals of Probability 27 (1999)",
)
def wasserstein_normed(pair: ColumnPair) -> Result:
    """Wasserstein distance (order 1) of the finite values, in standard deviations of the reference.

    ``integral |F(x) - G(x)| dx / sd``: how far values have to be moved on average. 0: the same distribution; 1: a
    shift by one standard deviation; unbounded above. From cells values stand in the middle of their cell, and the
    error bound is the mean half-width of the cells on both sides; exact on request. Interval: influence function, the
    mean under no change taken off the lower end. Evidence: moments of the area of a Brownian bridge, without the
    tails where fewer than five rows are expected: one far row makes a large distance but no evidence.
    """
    curves = no_rows(pair) or pair.curves or no_curves(pair)
    if isinstance(curves, Undefined):
        return curves
    lengths = _lengths(pair, curves)
    if isinstance(lengths, Undefined):
        return lengths
    n, m = curves.sizes
    bound = 0.0
    if curves.span is not None:
        half_widths = pair.base.half_widths[curves.span]
        bound = float((curves.x / n + curves.y / m) @ half_widths) / (pair.base.plan.reference_std or 1.0)
    value = float(np.abs(curves.f - curves.g) @ lengths)
    return Value(
        value,
        m,
        _area_interval(value, curves, lengths),
        error_bound=bound,
        p_value=area_p_value(curves.f, curves.g, lengths, curves.sizes, pair.base.curve.area),
    )


def _area_interval(value: float, curves: Curves, lengths: Floats) -> Interval:
    n, m = curves.sizes
    pooled = curves.pooled
    chance = math.sqrt(2 / math.pi * (1 / n + 1 / m)) * float(np.sqrt(pooled * (1 - pooled)) @ lengths)
    # a row counts in every cumulative share at and above it: its influence is the signed length from there on
    influence = _from_here_on(np.sign(curves.g - curves.f) * lengths)
    scale = float(np.abs(influence).max()) or 1.0  # squares of very far values would overflow
    influence = influence / scale
    variance = spread(influence, curves.x / n) / n + spread(influence, curves.y / m) / m
    half = Z * math.sqrt(variance) * scale
    return Interval(max(value - chance - half, 0.0), value + half, "influence function")


def _from_here_on(steps: Floats) -> Floats:
    """The sum of the steps at and after each point; one point more than steps."""
    sums: Floats = np.append(np.cumsum(steps[::-1])[::-1], 0.0)
    return sums


@of_curves(
    id="drift.energy_distance",
    version=4,
    unit="square root of standard deviations of the reference",
    bounds=(0.0, None),
    undefined_when=(*NO_LENGTH, "a value lies more than 1e140 standard deviations away"),
    source="Székely and Rizzo, Energy statistics, J. Statistical Planning and Inference 143 (2013)",
    core=False,
)
def energy_distance(pair: ColumnPair) -> Result:
    """Energy distance of the finite values, counted in standard deviations of the reference.

    ``sqrt(2 integral (F(x) - G(x))^2 dx / sd)``. 0: the same distribution; unbounded above. From cells values stand in
    the middle of their cell; error bound: no cumulative share is off by more than its cell's share over half of its
    width. Interval: of the square, influence function, corrected by the mean under no change. Evidence: moments of the
    integral of a squared Brownian bridge, without the tails where fewer than five rows are expected.
    """
    curves = no_rows(pair) or pair.curves or no_curves(pair)
    if isinstance(curves, Undefined):
        return curves
    lengths = _lengths(pair, curves)
    if isinstance(lengths, Undefined):
        return lengths
    n, m = curves.sizes
    if float(lengths.max(initial=0.0)) > FARTHEST:
        return Undefined(f"a value lies more than {FARTHEST:g} standard deviations away", m)
    bound = 0.0
    if curves.span is not None:
        widths = pair.base.half_widths[curves.span] * (2 / (pair.base.plan.reference_std or 1.0))
        bound = sum(math.sqrt(float(np.square(rows / k) @ widths)) for rows, k in ((curves.x, n), (curves.y, m)))
    gaps = curves.g - curves.f
    pooled = curves.pooled
    known = np.minimum(pooled, 1 - pooled) * min(n, m) >= TAIL_ROWS
    effect = pair.base.square_effect("energy", *_energy_weights(pair, m))
    p_value = square_law(pooled[known], lengths[known]).p_value(
        float(np.square(gaps[known]) @ lengths[known]), (n, m), effect
    )
    whole = square_law(pooled, lengths)
    noise = 1 / n + 1 / m
    # squares of very far values would overflow
    scale = float(lengths.max(initial=0.0)) or 1.0
    influence = 2 * _from_here_on(gaps * (lengths / scale))
    variance = spread(influence, curves.x / n) / n + spread(influence, curves.y / m) / m
    square = float(np.square(gaps) @ lengths)
    bias = whole.mean * noise
    chance = whole.variance * noise**2
    around = biased_interval(square, bias, variance * scale * scale, chance, "influence function")
    return Value(
        math.sqrt(2 * square),
        m,
        around.carried(lambda end: math.sqrt(2 * end)),
        error_bound=bound,
        p_value=p_value,
    )


def _energy_weights(pair: ColumnPair, rows: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Weights of squared gaps by cell, and the cells beyond which windows of so many rows are known."""
    level = pair.base.finite[2]
    known = np.minimum(level, 1 - level) * rows >= TAIL_ROWS
    known[-1] = False
    return np.append(pair.base.steps, 0.0) / (pair.base.plan.reference_std or 1.0), known


@of_curves(
    id="drift.cramer_von_mises",
    version=4,
    unit="squared share",
    bounds=(0.0, 1.0),
    source="Anderson, The two-sample Cramér-von Mises criterion, Annals of Mathematical Statistics 33 (1962)",
    core=False,
)
def cramer_von_mises(pair: ColumnPair) -> Result:
    """Cramér-von Mises distance of the finite values: the mean squared gap between cumulative shares.

    ``integral (F - G)^2 dH``, H = the distribution of the rows of both sides together; the criterion T of tests is this
    times n m / (n + m). 0: the same distribution; 1/3: no overlap (more where a value holds a large share). From cells
    the gaps are read at their edges, with the largest and smallest gaps within a cell as error bound; exact on request.
    Interval: influence function, corrected by the mean under no change. Evidence: moments of the integral of a squared
    Brownian bridge over the pooled rows, ties included.
    """
    curves = no_rows(pair) or pair.curves or no_curves(pair)
    if isinstance(curves, Undefined):
        return curves
    n, m = curves.sizes
    share = (curves.x + curves.y) / (n + m)
    gaps = np.append(curves.g - curves.f, 0.0)
    squares = np.square(gaps)
    value = float(squares @ share)
    bound = 0.0
    if curves.span is not None:
        # between its edges a gap moves by no more than the cell's shares of both sides
        least = np.maximum(np.abs(gaps) - np.maximum(curves.x / n, curves.y / m), 0.0)
        most = largest_gaps(curves)
        bound = max(float(np.square(most) @ share) - value, value - float(np.square(least) @ share), 0.0)
    weights = pair.base.counts[: pair.base.plan.cells.size] / max(pair.base.finite[1], 1)
    effect = pair.base.square_effect("cramer_von_mises", weights, np.ones(weights.size, dtype=np.bool_))
    law = square_law(curves.pooled, share[:-1])
    noise = 1 / n + 1 / m
    influence = 2 * _from_here_on(gaps[:-1] * share[:-1])
    variance = (
        spread(squares * (n / (n + m)) - influence, curves.x / n) / n
        + spread(squares * (m / (n + m)) + influence, curves.y / m) / m
    )
    bias = law.mean * noise
    chance = law.variance * noise**2
    around = biased_interval(value, bias, variance, chance, "influence function")
    return Value(
        value,
        m,
        around.carried(lambda end: min(end, 1.0)),
        error_bound=bound,
        p_value=law.p_value(value, (n, m), effect),
    )
