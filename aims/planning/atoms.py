"""What populations are put together from: the atoms of one segment, and neighbours that are moved together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import SegmentStatistics

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]

COARSE = 24
"""Neighbouring cells are moved together, in so many groups of about equal mass."""


@dataclass(frozen=True, eq=False)
class Part:
    """The atoms of one segment: their rows in the reference, their groups, and its statistics from counts."""

    weights: Floats
    groups: NDArray[np.int64]
    make: Callable[[Counts], SegmentStatistics]


def by_mass(weights: Floats) -> NDArray[np.int64]:
    """Group numbers of neighbours so that each group holds about one ``COARSE``-th of the mass."""
    if not weights.size:
        return np.empty(0, dtype=np.int64)
    middle = (np.cumsum(weights) - weights / 2) / weights.sum()
    return np.asarray(np.minimum((middle * COARSE).astype(np.int64), COARSE - 1))


def each_by_mass(*weights: Floats) -> list[NDArray[np.int64]]:
    """The same of several rows of cells, of those that are not empty; no group is in two of them."""
    out, offset = [], 0
    for one in weights:
        groups = by_mass(one[one > 0]) + offset
        offset = int(groups.max()) + 1 if groups.size else offset
        out.append(groups)
    return out


def numbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups with numbers from 0 on without gaps."""
    return np.asarray(np.unique(groups, return_inverse=True)[1], dtype=np.int64)
