"""Exact sums of integers by group: no floating point, no overflow, whatever the order of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

_LIMB = 30
_MASK = (1 << _LIMB) - 1


class Runs:
    """The rows of a block brought into the order of their groups.

    Parameters
    ----------
    groups
        Group number (0 or more) of each row, shape (n,), n >= 1.
    """

    def __init__(self, groups: NDArray[np.int64]) -> None:
        low, high = int(groups.min()), int(groups.max())
        self.order: NDArray[np.int64] | None = None
        """Row numbers in the order of their groups; ``None`` when they are in order already."""
        if low == high:
            self.groups = np.array([low])
            self.starts = np.array([0])
            return
        if (groups[1:] < groups[:-1]).any():
            # numpy sorts 16-bit integers by radix, several times faster than wider ones
            key = (groups - low).astype(np.uint16) if high - low < 1 << 16 else groups
            self.order = np.argsort(key, kind="stable")
            groups = groups[self.order]
        self.starts = np.concatenate([[0], np.flatnonzero(groups[1:] != groups[:-1]) + 1])
        self.groups = groups[self.starts]
        """The groups that occur, ascending, and in ``starts`` the position of each one's first row."""

    def sort(self, values: NDArray[T]) -> NDArray[T]:
        """The values of the rows in the order of the groups."""
        return values if self.order is None else values[self.order]

    def sums(self, values: NDArray[np.int64]) -> list[int]:
        """Exact sum over each group of ``groups``; ``values`` in sorted order, any int64, fewer than 2**33 rows."""
        high = np.add.reduceat(values >> _LIMB, self.starts)
        low = np.add.reduceat(values & _MASK, self.starts)
        return [(int(h) << _LIMB) + int(lo) for h, lo in zip(high, low, strict=True)]

    def product_sums(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> list[int]:
        """Exact sum of ``a * b`` over each group; both below 2**60 in size and in sorted order."""
        a1, a0, b1, b0 = a >> _LIMB, a & _MASK, b >> _LIMB, b & _MASK
        parts = zip(self.sums(a1 * b1), self.sums(a1 * b0), self.sums(a0 * b1), self.sums(a0 * b0), strict=True)
        return [(hh << 2 * _LIMB) + ((hl + lh) << _LIMB) + ll for hh, hl, lh, ll in parts]
