"""Rows of reference and window side by side, encoded for metrics that look at all columns at once.

Everything is deterministic: samples come in an order that depends on their content alone, and every random choice is
seeded. Rows are features only, as NumPy arrays: numbers as float64 with NaN for missing, categories as objects with
``None`` for missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SAMPLE_ROWS = 5000
"""Rows of either side that are drawn."""
MOST_CODES = 100
"""Categories of a column that are told apart (the most frequent of both sides); the others are one."""
FARTHEST = 5.0
"""Standardised numbers are cut off here, so that a far row weighs no more than this."""


@dataclass(frozen=True, eq=False)
class SamplePair:
    """Samples of reference and window.

    Parameters
    ----------
    reference, window
        Values by column, all of the same length on a side.
    kinds
        ``numeric`` or ``category`` by column, in the order of the features.
    inflation
        Factor on the variance of a difference between reference and window: how much more than independent rows the
        reference's own windows vary, at these numbers of rows.
    labelled
        Which rows of the window have a usable label, bool of shape (m,); ``None`` where that was not asked for.
    """

    reference: Mapping[str, NDArray[Any]]
    window: Mapping[str, NDArray[Any]]
    kinds: Mapping[str, str]
    inflation: float = 1.0
    labelled: NDArray[np.bool_] | None = None

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Rows of reference and window."""
        first = next(iter(self.kinds))
        return len(self.reference[first]), len(self.window[first])

    @cached_property
    def coded(self) -> tuple[Floats, NDArray[np.bool_]]:
        """One column a feature, reference first, shape (n + m, features), and which of them are codes of categories.

        Numbers are as they are (NaN for missing, infinities at the ends of float64), categories codes by frequency.
        """
        columns = [self._codes(name) if self._is_category(name) else self._numbers(name) for name in self.kinds]
        return np.column_stack(columns), np.array([self._is_category(name) for name in self.kinds])

    @cached_property
    def standardised(self) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Encoded rows of reference and window, and the number of the feature that each encoded column is from.

        Numbers are centred and scaled by median and quartiles of the reference (its standard deviation where the
        quartiles meet), cut off at ``FARTHEST``, and 0 where missing; categories are indicators of the reference's
        categories and of any other, missing values of their own, scaled so that a feature's columns have a variance of
        1 together. Columns without any variation in the reference count by their plain values.
        """
        blocks = [self._indicators(name) if self._is_category(name) else self._scaled(name) for name in self.kinds]
        owners = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
        encoded = np.column_stack(blocks)
        return encoded[: self.sizes[0]], encoded[self.sizes[0] :], owners

    def _is_category(self, name: str) -> bool:
        return self.kinds[name] == "category"

    def _both(self, name: str) -> NDArray[Any]:
        return np.concatenate([self.reference[name], self.window[name]])

    def _numbers(self, name: str) -> Floats:
        values = self._both(name).astype(np.float64)
        return np.nan_to_num(values, nan=np.nan, posinf=np.finfo(np.float64).max, neginf=np.finfo(np.float64).min)

    def _codes(self, name: str) -> Floats:
        """Codes from the most frequent category on, ties by name; NaN for missing."""
        texts = self._both(name)
        missing = np.array([value is None for value in texts])
        names, inverse, counts = np.unique(texts[~missing].astype(str), return_inverse=True, return_counts=True)
        place = np.empty(names.size, dtype=np.float64)
        place[np.lexsort((names, -counts))] = np.minimum(np.arange(names.size), MOST_CODES)
        out = np.full(texts.size, np.nan)
        out[~missing] = place[inverse]
        return out

    def _scaled(self, name: str) -> Floats:
        values = self._both(name).astype(np.float64)
        missing = np.isnan(values)
        before = values[: self.sizes[0]]
        before = before[np.isfinite(before)]
        centre, scale = 0.0, 1.0
        if before.size:
            low, centre, high = (float(x) for x in np.quantile(before, [0.25, 0.5, 0.75]))
            scale = (high - low) / 1.349 or float(before.std()) or 1.0
        with np.errstate(over="ignore"):
            scaled = np.clip((np.where(missing, centre, values) - centre) / scale, -FARTHEST, FARTHEST)
        columns = [scaled]
        if missing.any():
            columns.append(_unit_variance(missing[:, None].astype(np.float64), self.sizes[0])[:, 0])
        return np.column_stack(columns)

    def _indicators(self, name: str) -> Floats:
        codes = np.nan_to_num(self._codes(name), nan=-1.0)
        known = np.unique(codes[: self.sizes[0]])
        columns = [codes == code for code in known]
        other = ~np.isin(codes, known)
        if other.any():
            columns.append(other)
        return _unit_variance(np.column_stack(columns).astype(np.float64), self.sizes[0])


def _unit_variance(indicators: Floats, n: int) -> Floats:
    """Indicators centred on the reference's shares, with a variance of 1 together where they vary there."""
    shares = indicators[:n].mean(axis=0)
    total = float((shares * (1 - shares)).sum())
    scaled: Floats = (indicators - shares) / np.sqrt(total if total > 1e-12 else 1.0)
    return scaled
