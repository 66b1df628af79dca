"""Counting predictions of numbers against labels, by window and segment: sums of errors, error cells, intervals."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.engines.exact import Runs, Sums
from aimsight.metrics.engines.performance import STATES, USABLE, Decisions, Leaves, fixed
from aimsight.metrics.statistics import (
    COARSE_BITS,
    ERROR_BITS,
    ERROR_CELL_BITS,
    ERROR_CELLS,
    LOG_BITS,
    RATIO_BITS,
    UNIT_BITS,
    ErrorDetails,
    ErrorSums,
    IntervalCounts,
    Largest,
    SegmentStatistics,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.engines.counting import Block
    from aimsight.metrics.engines.scores import ScoreLimits

_SUMS = tuple(name for name in ErrorSums.__dataclass_fields__ if name != "details")
_DETAILS = tuple(name for name in ErrorDetails.__dataclass_fields__ if name not in {"n", "largest", "cells"})
_WITHIN, _BELOW, _ABOVE, _INVALID = 0, 1, 2, 3


class RegressionDecisions(Decisions):
    """A regression task.

    Columns of a block: ``state``, ``label`` and ``prediction`` (numbers; NaN = missing), ``low`` and ``high`` where
    prediction intervals are declared.
    """

    def __init__(
        self,
        windows: int,
        leaves: Leaves,
        *,
        error_exponent: int,
        label_center: float,
        has_interval: bool,
        limits: ScoreLimits,
    ) -> None:
        self._has_interval = has_interval
        super().__init__(windows, leaves, limits)
        self._exponent = error_exponent
        self._center = label_center
        groups = windows * leaves.size
        self._sums = Sums(groups, len(_SUMS))
        self._detail_sums = Sums(groups, len(_DETAILS))
        self._largest = np.zeros(groups, dtype=np.int64)
        self._cells_of_errors = self.tally(ERROR_CELLS.size)

    def _cells(self) -> int:
        return 8 if self._has_interval else 2  # prediction (valid, invalid) x label against interval

    def add(self, block: Block, leaf: NDArray[np.int64]) -> None:
        """Count one block."""
        prediction = block.columns["prediction"].astype(np.float64, copy=False)
        label = block.columns["label"].astype(np.float64, copy=False)
        valid = np.isfinite(prediction)
        kind = (~valid).astype(np.int64)
        if self._has_interval:
            kind = kind * 4 + _against_interval(label, block.columns["low"], block.columns["high"])
        groups = self._tally(block, leaf, kind)
        rows = np.flatnonzero(valid & (block.columns["state"] == USABLE))
        if rows.size == 0:
            return
        runs = Runs(groups[rows])
        rows = runs.sort(rows)
        y, p = label[rows], prediction[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            e = np.ldexp(p - y, -self._exponent)
            z = np.ldexp(y - self._center, -self._exponent)
        fits = (np.abs(e) < 2.0**ERROR_BITS) & (np.abs(z) < 2.0**ERROR_BITS)
        if not fits.all():
            e, z = np.where(fits, e, 0.0), np.where(fits, z, 0.0)
        error = np.rint(e).astype(np.int64)
        self._add_sums(runs, error, e, z, fits)
        if fits.all():
            self._add_details(runs, y, p, error)
        elif fits.any():  # the others make every error metric undefined, so they may stay out of the details
            self._add_details(Runs(groups[rows[fits]]), y[fits], p[fits], error[fits])

    def _add_sums(
        self,
        runs: Runs,
        error: NDArray[np.int64],
        e: NDArray[np.float64],
        z: NDArray[np.float64],
        fits: NDArray[np.bool_],
    ) -> None:
        centered = np.rint(z).astype(np.int64)
        coarse_e = np.rint(e * 2.0**-COARSE_BITS).astype(np.int64)
        coarse_z = np.rint(z * 2.0**-COARSE_BITS).astype(np.int64)
        e2, z2 = coarse_e * coarse_e, coarse_z * coarse_z
        sums = self._sums
        sums.add(runs, 0, fits.astype(np.int64))
        sums.add(runs, 1, error)
        sums.add(runs, 2, np.abs(error))
        sums.add_products(runs, 3, error, error)
        sums.add(runs, 4, centered)
        sums.add_products(runs, 5, centered, centered)
        sums.add_products(runs, 6, e2, e2)
        sums.add_products(runs, 7, z2, coarse_z)
        sums.add_products(runs, 8, z2, z2)
        sums.add_products(runs, 9, e2, coarse_z)
        sums.add_products(runs, 10, e2, z2)
        sums.add(runs, 11, (~fits).astype(np.int64))

    def _add_details(
        self, runs: Runs, y: NDArray[np.float64], p: NDArray[np.float64], error: NDArray[np.int64]
    ) -> None:
        """Add the fields of ``ErrorDetails``, all in the order of ``runs``."""
        size = np.abs(error)
        sums = self._detail_sums
        sums.add_products(runs, 0, error, size)
        np.maximum.at(self._largest, runs.groups, np.maximum.reduceat(size, runs.starts))
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            distance = np.abs(p - y)
            relative = distance / np.abs(y)
            # a half of each, so that the sum of two large numbers is not infinite
            symmetric = distance / (np.abs(y) / 2 + np.abs(p) / 2)
            logs = np.log1p(p) - np.log1p(y)
        nonzero = y != 0.0
        known = nonzero & (relative < 2.0**RATIO_BITS)
        ratio = fixed(np.where(known, relative, 0.0), RATIO_BITS)
        sums.add(runs, 1, known.astype(np.int64))
        sums.add(runs, 2, ratio)
        sums.add_products(runs, 3, ratio, ratio)
        sums.add(runs, 4, (~nonzero).astype(np.int64))
        sums.add(runs, 5, (nonzero & ~known).astype(np.int64))
        symmetric = np.where(distance == 0.0, 0.0, np.fmin(symmetric, 2.0))
        sums.add(runs, 6, fixed(symmetric, UNIT_BITS))
        sums.add(runs, 7, fixed(symmetric * symmetric, UNIT_BITS))
        has_log = (y > -1.0) & (p > -1.0)
        square = fixed(np.where(has_log, logs * logs, 0.0), LOG_BITS)
        sums.add(runs, 8, has_log.astype(np.int64))
        sums.add(runs, 9, square)
        sums.add_products(runs, 10, square, square)
        groups = np.repeat(runs.groups, np.diff(np.append(runs.starts, size.size)))
        only = int(runs.groups[0]) if runs.groups.size == 1 else None
        self._cells_of_errors.add(groups, only, ERROR_CELLS.index(size * 2.0**-ERROR_CELL_BITS))

    def _statistics(self, groups: list[NDArray[np.int64]], tables: NDArray[np.int64]) -> list[SegmentStatistics]:
        return [self._of_union(table, sums) for table, sums in zip(tables, self._sums.of(groups), strict=True)]

    def _of_union(self, table: NDArray[np.int64], sums: list[int]) -> SegmentStatistics:
        invalid = table.reshape(2, -1)[1]
        interval = None
        if self._has_interval:
            cube = table.reshape(2, 4, STATES).sum(axis=0)
            usable = cube[:, USABLE]
            interval = IntervalCounts(
                covered=int(usable[_WITHIN]),
                below=int(usable[_BELOW]),
                above=int(usable[_ABOVE]),
                invalid=int(cube[_INVALID].sum()),
            )
        return SegmentStatistics(
            int(table.sum()),
            int(table[:, USABLE].sum()),
            invalid_predictions=int(invalid.sum()),
            errors=_error_sums(sums),
            interval=interval,
        )

    def _complete(
        self, window: int, members: Sequence[NDArray[np.int64]], parts: list[SegmentStatistics]
    ) -> list[SegmentStatistics]:
        groups = self.groups_of(window, members)
        found = zip(
            parts, groups, self._detail_sums.of(groups), self._cells_of_errors.window(window, members), strict=True
        )
        return [
            replace(part, errors=replace(part.errors, details=self._details(part.errors, where, sums, cells)))
            for part, where, sums, cells in found
            if part.errors is not None
        ]

    def _details(
        self, errors: ErrorSums, groups: NDArray[np.int64], sums: list[int], cells: NDArray[np.int64]
    ) -> ErrorDetails:
        named = dict(zip(_DETAILS, sums, strict=True))
        return ErrorDetails(n=errors.n, largest=Largest(int(self._largest[groups].max())), cells=cells, **named)


def _error_sums(sums: list[int]) -> ErrorSums:
    return ErrorSums(**dict(zip(_SUMS, sums, strict=True)), details=None)


def _against_interval(
    label: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Where each label lies; rows without a label count as within, and are not looked at."""
    place = np.where(label < low, _BELOW, np.where(label > high, _ABOVE, _WITHIN))
    return np.where(low <= high, place, _INVALID)


def fixed_point(spread: float) -> int:
    """The exponent of a regression's fixed-point unit: 2**-34 of the label's standard deviation.

    Parameters
    ----------
    spread
        Standard deviation of the label in the reference; 0 (a constant label) counts as 1.
    """
    return math.frexp(spread)[1] - 34 if spread > 0 and math.isfinite(spread) else -34
