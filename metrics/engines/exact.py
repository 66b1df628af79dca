"""Exact sums of integers by group: no floating point, no overflow, whatever the order of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

_LIMB = 30
_MASK = (1 << _LIMB) - 1
_LIMBS = 4


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


class Sums:
    """Exact sums of integers by group, ``columns`` of them each.

    Each summand is split into limbs of 30 bits that are added up apart in 64 bits, which holds for 2**33 rows a group
    as long as summands (or the factors' products) stay below 2**60 in size.
    """

    def __init__(self, groups: int, columns: int) -> None:
        self._limbs = np.zeros((columns, _LIMBS, groups), dtype=np.int64)

    def add(self, runs: Runs, column: int, values: NDArray[np.int64], *, shift: int = 0) -> None:
        """Add values, in the order of ``runs``, times 2**(30 shift)."""
        limbs = self._limbs[column]
        limbs[shift, runs.groups] += np.add.reduceat(values & _MASK, runs.starts)
        limbs[shift + 1, runs.groups] += np.add.reduceat(values >> _LIMB, runs.starts)

    def add_products(self, runs: Runs, column: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> None:
        """Add the products ``a * b``, both below 2**60 in size and in the order of ``runs``."""
        a1, a0, b1, b0 = a >> _LIMB, a & _MASK, b >> _LIMB, b & _MASK
        self.add(runs, column, a0 * b0)
        self.add(runs, column, a1 * b0 + a0 * b1, shift=1)
        self.add(runs, column, a1 * b1, shift=2)

    def of(self, unions: Sequence[NDArray[np.int64]]) -> list[list[int]]:
        """The sum of each column over the groups of every union; no union is empty unless all are."""
        if not any(union.size for union in unions):
            return [[0] * len(self._limbs) for _ in unions]
        starts = np.cumsum([0, *(union.size for union in unions)])[:-1]
        limbs = self._limbs[:, :, np.concatenate(unions)]
        # the limbs of many groups could overflow together: halves of them cannot
        halves = (np.add.reduceat(part, starts, axis=2) for part in (limbs >> _LIMB, limbs & _MASK))
        high, low = (part.transpose(2, 0, 1).tolist() for part in halves)
        return [
            [_whole(h, lo) for h, lo in zip(highs, lows, strict=True)] for highs, lows in zip(high, low, strict=True)
        ]


def _whole(high: list[int], low: list[int]) -> int:
    """The number with these halves of its four limbs."""
    (h0, h1, h2, h3), (l0, l1, l2, l3) = high, low
    upper = ((h1 + l2) << 2 * _LIMB) + ((h2 + l3) << 3 * _LIMB) + (h3 << 4 * _LIMB)
    return l0 + ((h0 + l1) << _LIMB) + upper
