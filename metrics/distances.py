"""What the drift metrics of the catalogue share: when there is nothing to compare, and intervals of distances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import Z
from aimsight.metrics.registry import Needs
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.inputs import ColumnPair, Curves, Shares

    Floats = NDArray[np.float64]

ANY_COLUMN = Needs(reference=True)
NUMERIC = Needs(reference=True, column_kinds=frozenset({"numeric"}))
NO_ROWS = ("no rows in the reference", "no rows in the window")
NO_SHARES = (*NO_ROWS, "every value is missing on both sides")
NO_CURVE = (*NO_ROWS, "no finite values in the reference", "no finite values in the window")


def no_rows(pair: ColumnPair) -> Undefined | None:
    """Why a column cannot be compared when a side has no rows."""
    if pair.n_window == 0:
        return Undefined("no rows in the window")
    return Undefined("no rows in the reference", pair.n_window) if pair.n_reference == 0 else None


def no_shares(pair: ColumnPair) -> Undefined | None:
    """Why the shares of a column cannot be compared."""
    missing = pair.base.alone[0]
    if int(pair.base.grouped[missing]) == pair.n_reference and int(pair.grouped[missing]) == pair.n_window:
        return no_rows(pair) or Undefined("every value is missing, in the reference and in the window", pair.n_window)
    return no_rows(pair)


def no_curves(pair: ColumnPair) -> Undefined:
    """Why the finite values of a column with rows cannot be compared."""
    in_window = int(pair.counts[: pair.base.plan.cells.size].sum())
    return Undefined(f"no finite values in the {'reference' if in_window else 'window'}", pair.n_window)


def spread(values: Floats, shares: Floats) -> float:
    """Variance of a quantity that takes these values with these shares."""
    return float(shares @ np.square(values - float(shares @ values)))


def biased_interval(value: float, bias: float, delta: float, chance: float, method: str) -> Interval:
    """Interval of a distance like a sum of squares, which noise makes larger: corrected for its mean under no change.

    Parameters
    ----------
    bias, chance
        Its mean and variance under no change, of independent rows.
    delta
        Its first-order variance at the shares seen, which lie too far apart by the noise.

    Notes
    -----
    The distance is about noncentral chi-square times a constant, and what is asked for is the noncentrality. The
    variance rises with it, so that the upper end is longer than the lower one: from the bias on it is that of the
    noncentral chi-square within a tenth, below it is longer. The lower end keeps to the variance at the distance seen,
    which is cautious.
    """
    centre = value - bias
    low = centre - Z * math.sqrt(max(delta - chance, chance))
    least = max(value, bias / 4)
    slope = delta / least if least > 0 else 0.0
    spread_there = chance + slope * (max(centre, 0.0) + math.sqrt(chance) / 2)
    high = centre + Z * Z * slope / 4 + Z * math.sqrt(spread_there)
    return Interval(min(max(low, 0.0), value), max(high, value), method)


def first_order(shares: Shares, by_p: Floats, by_q: Floats) -> float:
    """First-order variance of a distance with these derivatives by the shares of reference and window."""
    p, q = shares.smoothed
    return spread(by_p, p) / shares.sizes[0] + spread(by_q, q) / shares.sizes[1]


def divergence_interval(value: float, bias: float, noise: float, delta: float) -> Interval:
    """Interval of a divergence of shares.

    ``bias`` is its mean under no change, ``noise`` what each degree of freedom adds to that, ``delta`` the first-order
    variance at the shares seen.
    """
    # the variance of a chi-square with bias / noise degrees of freedom, in units of noise
    return biased_interval(value, bias, delta, 2 * noise * bias, "delta, bias-corrected")


def on_shares(pair: ColumnPair, value: float, interval: Interval) -> Value:
    """A distance of shares with its evidence, the same for all of them: permutation chi-square of the groups."""
    return Value(value, pair.n_window, interval, p_value=pair.change_p_value)


def largest_gaps(curves: Curves) -> Floats:
    """The largest gap that each cell can hide: all of one side's rows in it come before all of the other's."""
    f, g = np.append(curves.f, 1.0), np.append(curves.g, 1.0)
    n, m = curves.sizes
    gaps: Floats = np.maximum(f - (g - curves.y / m), g - (f - curves.x / n))
    return gaps
