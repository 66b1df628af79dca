"""Cells: how the values of a column are counted, fixed by the reference so that windows stay comparable."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CORE_CELLS = 1000
TAIL_CELLS_PER_OCTAVE = 8
TAIL_CELLS = 480


@dataclass(frozen=True, slots=True)
class NumericCells:
    """Equal-width cells between two robust quantiles of the reference, geometric cells outside, open ends.

    ``CORE_CELLS`` cells of width ``w = (high - low) / CORE_CELLS`` cover [low, high); each tail has ``TAIL_CELLS`` cells
    whose widths grow by ``2 ** (1 / 8)``, starting near ``0.7 w`` and reaching past ``2 ** 60 w``; the outermost are open.
    A value at distance d outside the core falls into tail cell ``floor(8 log2(1 + d / (8 w)))``.

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
        return (self.high - self.low) / CORE_CELLS

    def index(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Position of each value (shape (n,)); NaN means missing, infinities are non-finite."""
        out = np.empty(values.shape, dtype=np.int64)
        finite = np.isfinite(values)
        out[np.isnan(values)] = self.size
        out[np.isinf(values)] = self.size + 1
        x = values[finite]
        w = self.width
        core = np.clip(np.floor((x - self.low) / w), 0, CORE_CELLS - 1)
        with np.errstate(over="ignore", invalid="ignore"):
            below = np.floor(np.log2(1.0 + np.maximum(self.low - x, 0.0) / (8.0 * w)) * TAIL_CELLS_PER_OCTAVE)
            above = np.floor(np.log2(1.0 + np.maximum(x - self.high, 0.0) / (8.0 * w)) * TAIL_CELLS_PER_OCTAVE)
        left = TAIL_CELLS - 1 - np.minimum(below, TAIL_CELLS - 1)
        right = TAIL_CELLS + CORE_CELLS + np.minimum(above, TAIL_CELLS - 1)
        out[finite] = np.where(x < self.low, left, np.where(x >= self.high, right, TAIL_CELLS + core)).astype(np.int64)
        return out

    def edges(self) -> NDArray[np.float64]:
        """The size + 1 edges; the first and last are the nominal ends of the open cells (finite)."""
        w = self.width
        steps = np.exp2(np.arange(1, TAIL_CELLS + 1) / TAIL_CELLS_PER_OCTAVE) - 1.0
        core = self.low + w * np.arange(CORE_CELLS + 1)
        core[-1] = self.high
        return np.concatenate([self.low - 8.0 * w * steps[::-1], core, self.high + 8.0 * w * steps])

    @classmethod
    def spanning(cls, low: float, high: float) -> NumericCells:
        """Cells whose core spans [low, high]; a single point is widened so that the width is never 0."""
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise ValueError(f"cells need finite ordered ends, not [{low}, {high}]")
        if high - low <= abs(low) * 1e-12:
            pad = max(abs(low) * 1e-6, 1e-6)
            low, high = low - pad, low + pad
        return cls(low, high)


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
