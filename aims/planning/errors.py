"""Errors of a regression model from their sums: a pool of typical rows whose sums are the reference's.

The sums say what errors are like, not which rows had them. The pool has the reference's distribution of |error| (its
cells; without them a Gamma law with the same mean and spread), the same mean error, and labels with the same mean and
spread that do not depend on the error. Amounts that depend on both (relative and logarithmic errors) are scaled to the
reference's means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.statistics import (
    COARSE_BITS,
    ERROR_CELL_BITS,
    ERROR_CELLS,
    LOG_BITS,
    RATIO_BITS,
    UNIT_BITS,
    ErrorDetails,
    ErrorSums,
    Largest,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

LEVELS = 48
"""Levels of |error| of about equal share; the largest of them keeps its cells apart, for its tail counts."""
LABELS = np.array([NormalDist().inv_cdf((i + 0.5) / 5) for i in range(5)])
LABELS = LABELS / LABELS.std()
"""Standardised labels that each level is paired with."""


@dataclass(frozen=True, eq=False)
class ErrorPool:
    """Typical rows: share, error and label (both in fixed-point units, the label from its centre), and scales.

    ``relative``, ``symmetric`` and ``log_square`` are those amounts of each row; NaN where a row has none.
    """

    shares: Floats
    groups: NDArray[np.int64]
    error: Floats
    label: Floats
    relative: Floats
    symmetric: Floats
    log_square: Floats
    with_details: bool

    @classmethod
    def of(cls, sums: ErrorSums, unit: float, centre: float) -> ErrorPool:
        """The pool of a reference's sums; ``unit`` is 2**error_exponent, ``centre`` the plan's label centre."""
        levels, level_shares = _levels(sums)
        mean = sums.absolute / sums.n
        lean = min(max((1.0 + (sums.error / sums.n / mean if mean > 0 else 0.0)) / 2.0, 0.0), 1.0)
        label_mean = sums.label / sums.n
        spread = math.sqrt(max(sums.label_square / sums.n - label_mean**2, 0.0))
        size = levels.size
        error = np.repeat(np.concatenate([levels, -levels]), LABELS.size)
        shares = np.repeat(np.concatenate([level_shares * lean, level_shares * (1 - lean)]), LABELS.size) / LABELS.size
        label = np.tile(label_mean + spread * LABELS, 2 * size)
        used = shares > 0
        error, shares, label = error[used], shares[used], label[used]
        groups = np.repeat(np.arange(2 * size), LABELS.size)[used]
        y, p = label * unit + centre, (label + error) * unit + centre
        amount = np.abs(error) * unit
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(y != 0, amount / np.abs(y), np.nan)
            total = np.abs(y) + np.abs(p)
            symmetric = np.where(total > 0, 2 * amount / total, 0.0)
            logs = np.where((y > -1) & (p > -1), np.square(np.log1p(p) - np.log1p(y)), np.nan)
        d = sums.details
        if d is not None:
            relative = _scaled(relative, shares, d.relative / 2**RATIO_BITS, d.relative_n)
            symmetric = np.minimum(_scaled(symmetric, shares, d.symmetric / 2**UNIT_BITS, d.n), 2.0)
            logs = _scaled(logs, shares, d.log_square / 2**LOG_BITS, d.log_n)
        return cls(shares / shares.sum(), groups, error, label, relative, symmetric, logs, d is not None)

    def sums(self, counts: Counts) -> ErrorSums:
        """The sums of so many of each row."""
        names = (
            *("error", "absolute", "square", "label", "label_square"),
            *("error4", "label3", "label4", "error2_label", "error2_label2"),
        )
        totals = {name: round(total) for name, total in zip(names, (self._amounts @ counts).tolist(), strict=True)}
        return ErrorSums(n=int(counts.sum()), overflow=0, details=self._details(counts), **totals)

    @cached_property
    def _amounts(self) -> Floats:
        """What a row adds to each sum: float64 of shape (10, rows)."""
        e, z = self.error, self.label
        big_e, big_z = e / 2**COARSE_BITS, z / 2**COARSE_BITS
        return np.array(
            [e, np.abs(e), e**2, z, z**2, big_e**4, big_z**3, big_z**4, big_e**2 * big_z, big_e**2 * big_z**2]
        )

    def _details(self, counts: Counts) -> ErrorDetails | None:
        if not self.with_details:
            return None
        n, seen = int(counts.sum()), np.abs(self.error[counts > 0])
        signed, relative, relatives, symmetric, symmetrics, logs, fourths = (
            round(total) for total in (self._more @ counts).tolist()
        )
        related = int(counts[np.isfinite(self.relative)].sum())
        return ErrorDetails(
            n=n,
            signed_square=signed,
            largest=Largest(round(float(seen.max())) if seen.size else 0),
            relative_n=related,
            relative=relative,
            relative_square=relatives,
            zero_labels=n - related,
            relative_overflow=0,
            symmetric=symmetric,
            symmetric_square=symmetrics,
            log_n=int(counts[np.isfinite(self.log_square)].sum()),
            log_square=logs,
            log_fourth=fourths,
            cells=np.bincount(self._cells, counts, ERROR_CELLS.size).astype(np.int64),
        )

    @cached_property
    def _cells(self) -> NDArray[np.int64]:
        return ERROR_CELLS.index(np.abs(self.error) / 2.0**ERROR_CELL_BITS)

    @cached_property
    def _more(self) -> Floats:
        """What a row adds to each further sum; a row that has no such amount adds nothing."""
        r, s, log = (np.nan_to_num(one, nan=0.0) for one in (self.relative, self.symmetric, self.log_square))
        return np.array(
            [
                self.error * np.abs(self.error),
                r * 2.0**RATIO_BITS,
                r**2 * 4.0**RATIO_BITS,
                s * 2.0**UNIT_BITS,
                s**2 * 2.0**UNIT_BITS,
                log * 2.0**LOG_BITS,
                log**2 * 4.0**LOG_BITS,
            ]
        )


def _scaled(amounts: Floats, shares: Floats, total: float, n: int) -> Floats:
    """The amounts with the mean total / n; NaN stays."""
    known = np.isfinite(amounts)
    mean = float(amounts[known] @ shares[known]) / float(shares[known].sum()) if known.any() else 0.0
    return amounts * (total / n / mean) if n and mean > 0 else amounts


def _levels(sums: ErrorSums) -> tuple[Floats, Floats]:
    """Levels of |error| (fixed-point units) and their shares, with the reference's mean."""
    mean = sums.absolute / sums.n
    if mean <= 0:
        return np.zeros(1), np.ones(1)
    levels, shares = _from_cells(sums.details.cells) if sums.details is not None else _from_gamma(sums)
    return levels * (mean / float(levels @ shares)), shares


def _from_cells(cells: Counts) -> tuple[Floats, Floats]:
    edges = ERROR_CELLS.edges()
    used = np.flatnonzero(cells)
    weights, middles = cells[used].astype(np.float64), (edges[used] + edges[used + 1]) / 2
    place = (np.cumsum(weights) - weights / 2) / weights.sum() * LEVELS
    group = np.where(place < LEVELS - 1, place.astype(np.int64), LEVELS + np.arange(used.size))
    _, number = np.unique(group, return_inverse=True)
    mass = np.bincount(number, weights)
    return np.bincount(number, weights * middles) / mass, mass / mass.sum()


def _from_gamma(sums: ErrorSums) -> tuple[Floats, Floats]:
    from scipy.special import gammaincinv

    mean = sums.absolute / sums.n
    variance = max(sums.square / sums.n - mean**2, 1e-6 * mean**2)
    shape = mean**2 / variance
    edges = np.concatenate([np.linspace(0.0, 0.98, LEVELS + 1), [0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1.0]])
    levels: Floats = gammaincinv(shape, (edges[:-1] + edges[1:]) / 2)
    return levels, np.diff(edges)
