"""Cells: how the values of a column are counted, fixed by the reference so that windows stay comparable."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CORE_CELLS = 1000
TAIL_CELLS_PER_OCTAVE = 8
TAIL_CELLS = 480


class Scratch:
    """Memory that counting uses again and again: asking for it anew takes longer than the arithmetic."""

    def __init__(self) -> None:
        self._numbers = np.empty(0)
        self._positions = np.empty(0, dtype=np.int32)
        self._flags = np.empty((2, 0), dtype=np.bool_)

    def arrays(self, size: int) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Four arrays of this size; their content is whatever was left there."""
        if self._numbers.size < size:
            self._numbers = np.empty(size)
            self._positions = np.empty(size, dtype=np.int32)
            self._flags = np.empty((2, size), dtype=np.bool_)
        return self._numbers[:size], self._positions[:size], self._flags[0, :size], self._flags[1, :size]


@dataclass(frozen=True, slots=True)
class NumericCells:
    """Equal-width cells between two robust quantiles of the reference, log-linear cells outside, open ends.

    ``CORE_CELLS`` cells of width ``w = (high - low) / CORE_CELLS`` cover [low, high). Each tail has ``TAIL_CELLS``
    cells: eight of width w, eight of 2 w, eight of 4 w, and so on past ``2 ** 60 w``; the outermost are open.

    Everything follows from t = (x - low) / w: a core value falls into cell floor(t). A tail value at distance d (in w)
    from the core has y = 1 + d / 8 = m 2**k with m in [1, 2) and falls into cell ``8 k + floor(8 (m - 1))`` of its
    tail, which needs no logarithm.

    Positions: 0 .. size-1 from smallest to largest values, then ``size`` for missing and ``size + 1`` for non-finite.
    """

    low: float
    high: float

    @property
    def size(self) -> int:
        """Number of ordered cells."""
        return CORE_CELLS + 2 * TAIL_CELLS

    @property
    def width(self) -> float:
        """Width of a core cell, in the column's unit."""
        return self.high / CORE_CELLS - self.low / CORE_CELLS

    def index(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Position of each value (shape (n,)); NaN means missing, infinities are non-finite."""
        core, rest = self.core(values)
        out = core.astype(np.int64)
        if rest.size:
            out[rest] = self.outside(values[rest])
        return out

    def core(
        self, values: NDArray[np.float64], scratch: Scratch | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Positions of the values in the core, and the numbers of the other rows (whose positions mean nothing).

        The positions lie in ``scratch``, where one is given, and last until its next use.
        """
        t, out, above, inside = (scratch or Scratch()).arrays(values.size)
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(values, self.low, out=t)
            np.divide(t, self.width, out=t)
            np.copyto(out, t, casting="unsafe")  # in the core, cutting off the fraction is rounding down
        # NaN is neither
        np.greater_equal(t, 0.0, out=above)
        np.less(t, CORE_CELLS, out=inside)
        inside &= above
        out += TAIL_CELLS
        return out, np.flatnonzero(np.logical_not(inside, out=inside))

    def outside(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Positions of values that are not in the core."""
        with np.errstate(over="ignore", invalid="ignore"):
            t = (values - self.low) / self.width
        below = t < 0.0
        distance = np.where(below, -t, t - CORE_CELLS)
        mantissa, exponent = np.frexp(np.fmin(1.0 + distance / TAIL_CELLS_PER_OCTAVE, _FAR))
        step = ((2.0 * mantissa - 1.0) * TAIL_CELLS_PER_OCTAVE).astype(np.int64)
        tail = np.minimum(TAIL_CELLS_PER_OCTAVE * (exponent.astype(np.int64) - 1) + step, TAIL_CELLS - 1)
        out: NDArray[np.int64] = np.where(below, TAIL_CELLS - 1 - tail, TAIL_CELLS + CORE_CELLS + tail)
        odd = ~np.isfinite(values)
        if odd.any():
            out[odd] = np.where(np.isnan(values[odd]), self.size, self.size + 1)
        return out

    def edges(self) -> NDArray[np.float64]:
        """The size + 1 edges; the first and last are the nominal ends of the open cells (finite)."""
        w = self.width
        octave, step = np.divmod(np.arange(1, TAIL_CELLS + 1), TAIL_CELLS_PER_OCTAVE)
        core = self.low + w * np.arange(CORE_CELLS + 1)
        core[-1] = self.high
        with np.errstate(over="ignore"):
            distance = w * ((TAIL_CELLS_PER_OCTAVE + step) * np.exp2(octave) - TAIL_CELLS_PER_OCTAVE)
            edges = np.concatenate([self.low - distance[::-1], core, self.high + distance])
        bounded: NDArray[np.float64] = np.clip(edges, -_LARGEST, _LARGEST)
        return bounded

    @classmethod
    def spanning(cls, low: float, high: float) -> NumericCells:
        """Cells whose core spans [low, high]; a single point is widened so that the width is never 0.

        Raises
        ------
        ValueError
            If the ends are not finite or not ordered.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(f"cells need finite ordered ends, not [{low}, {high}]")
        if high / 2 - low / 2 <= max(abs(low), abs(high)) * 1e-12 or high - low < _SMALLEST:
            pad = max(abs(low) * 1e-6, 1e-6)
            low, high = low - pad, high + pad
        return cls(max(low, -_FARTHEST), min(high, _FARTHEST))


_FAR = 2.0 ** (TAIL_CELLS // TAIL_CELLS_PER_OCTAVE)
_LARGEST = float(np.finfo(np.float64).max)
_FARTHEST = 4e307
"""Ends beyond it could not be subtracted from each other."""
_SMALLEST = 1e-290
"""A narrower core has no normal cell width."""


@dataclass(frozen=True, slots=True)
class CategoryCells:
    """One cell a category of the reference (largest first, ties by name); then missing, then unseen.

    Positions: 0 .. size-1 as in ``categories``, ``size`` for missing, ``size + 1`` for a category not in the list.
    """

    categories: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of known categories."""
        return len(self.categories)


Cells = NumericCells | CategoryCells


@dataclass(frozen=True, slots=True)
class LogCells:
    """Cells of amounts from 0 up, in units of a smallest width: equal ones first, then finer than 1/``per_octave``.

    The first ``per_octave`` cells have width 1, the next ``per_octave`` width 1 over [per_octave, 2 per_octave), the
    next width 2, then 4, and so on over ``octaves`` octaves; the last cell is open. From the second octave on a cell is
    at most 1/``per_octave`` of its lower edge wide, which bounds the error of a quantile read from the cells.

    Raises
    ------
    ValueError
        If ``per_octave`` is not a power of two: dividing by another number rounds, and would move amounts at an edge.
    """

    per_octave: int
    octaves: int

    def __post_init__(self) -> None:
        """Refuse what could not be exact."""
        if self.per_octave.bit_count() != 1:
            raise ValueError(f"per_octave must be a power of two, not {self.per_octave}")

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.per_octave * (self.octaves + 1)

    def index(self, amounts: NDArray[np.float64]) -> NDArray[np.int64]:
        """Position of each amount (finite, 0 or more, in units of the smallest width)."""
        # an amount beyond the last edge would cost exponent bits; it belongs to the open cell anyway
        bounded = np.minimum(amounts, self.per_octave * 2.0**self.octaves)
        mantissa, exponent = np.frexp(np.maximum(bounded / self.per_octave, 0.5))
        step = ((2.0 * mantissa - 1.0) * self.per_octave).astype(np.int64)
        far = self.per_octave * exponent.astype(np.int64) + step
        near = bounded.astype(np.int64)
        out: NDArray[np.int64] = np.where(bounded < self.per_octave, near, np.minimum(far, self.size - 1))
        return out

    def edges(self) -> NDArray[np.float64]:
        """The size + 1 edges in units of the smallest width; the last is the nominal end of the open cell."""
        octave, step = np.divmod(np.arange(self.per_octave * self.octaves + 1), self.per_octave)
        linear = np.arange(self.per_octave, dtype=np.float64)
        edges: NDArray[np.float64] = np.concatenate([linear, (self.per_octave + step) * np.exp2(octave)])
        return edges
