"""Mean and standard deviation of floating-point numbers, the same whatever the order in which they come."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BIAS = 1200
_EXPONENTS = 2400
_HALF = 26


class ExactSum:
    """The exact sum of finite floating-point numbers: their 53-bit integers, added up by exponent."""

    def __init__(self) -> None:
        self._high = np.zeros(_EXPONENTS, dtype=np.int64)
        self._low = np.zeros(_EXPONENTS, dtype=np.int64)

    def add(self, values: NDArray[np.float64]) -> None:
        """Add finite values, at most 2**24 at a time and 2**35 in all."""
        mantissa, exponent = np.frexp(values)
        whole = np.ldexp(mantissa, 53).astype(np.int64)
        place = exponent.astype(np.int64) + _BIAS
        high, low = whole >> _HALF, whole & ((1 << _HALF) - 1)
        # weights below 2**27 add up exactly in double precision for any block
        self._high += np.bincount(place, weights=high, minlength=_EXPONENTS).astype(np.int64)
        self._low += np.bincount(place, weights=low, minlength=_EXPONENTS).astype(np.int64)

    def total(self) -> Fraction:
        """The sum, exact."""
        total = Fraction(0)
        for place in np.flatnonzero((self._high != 0) | (self._low != 0)):
            whole = (int(self._high[place]) << _HALF) + int(self._low[place])
            shift = int(place) - _BIAS - 53
            total += Fraction(whole * 2**shift) if shift >= 0 else Fraction(whole, 2**-shift)
        return total


class Moments:
    """Mean and population standard deviation of the finite values of a column.

    Parameters
    ----------
    center
        A number near the middle of the values: deviations from it are squared, so that nothing cancels.
    """

    def __init__(self, center: float) -> None:
        self._center = center
        self._n = 0
        self._extreme = 0
        self._sum = ExactSum()
        self._squares = ExactSum()

    def add(self, values: NDArray[np.float64]) -> None:
        """Add the finite ones of some values."""
        values = values[np.isfinite(values)]
        with np.errstate(over="ignore"):
            deviation = values - self._center
            square = deviation * deviation
        fits = np.isfinite(square)
        self._n += int(values.size)
        self._extreme += int(values.size - fits.sum())
        self._sum.add(deviation[fits])
        self._squares.add(square[fits])

    def result(self) -> tuple[float | None, float | None]:
        """Mean and standard deviation; ``None`` for both without values or with values too large to square."""
        if self._n == 0 or self._extreme:
            return None, None
        mean = self._sum.total() / self._n
        variance = self._squares.total() / self._n - mean * mean
        return float(Fraction(self._center) + mean), math.sqrt(max(variance, Fraction(0)))
