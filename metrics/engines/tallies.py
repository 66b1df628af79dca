"""Rows by window, leaf and cell, in bounded memory however many windows and leaves there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.engines.counting import tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TALLY_BYTES = 96_000_000
"""What one tally holds at most; the windows that do not fit are read in a further pass."""
_WIDTH = 8
"""Bytes of a count."""


@dataclass(slots=True)
class _Batch:
    """Codes in the order of their windows; ``starts`` has one entry more than ``windows``."""

    codes: NDArray[np.unsignedinteger]
    windows: NDArray[np.int64]
    starts: NDArray[np.int64]

    def part(self, window: int) -> NDArray[np.unsignedinteger]:
        """The codes of one window."""
        at = int(np.searchsorted(self.windows, window))
        if at == self.windows.size or self.windows[at] != window:
            return self.codes[:0]
        return self.codes[self.starts[at] : self.starts[at + 1]]

    def where(self, keep: NDArray[np.bool_]) -> _Batch:
        """The batch with these of its windows."""
        if keep.all():
            return self
        sizes = np.diff(self.starts)
        starts = np.concatenate([[0], np.cumsum(sizes[keep])])
        return _Batch(self.codes[np.repeat(keep, sizes)], self.windows[keep], starts)


class Tally:
    """Counts rows by group (window * leaves + leaf) and cell.

    A table of all of it, where that is small. Otherwise four bytes a row, until the rows of a window take more room
    than its table. When more than ``budget`` bytes would be held, the last windows are given up: ``deferred`` is the
    first of them.
    """

    def __init__(self, windows: int, leaves: int, size: int, *, budget: int = TALLY_BYTES) -> None:
        self._leaves = leaves
        self._size = size
        self._budget = budget
        self.deferred = windows
        fits = windows * leaves * size * _WIDTH <= budget
        self._table = np.zeros((windows * leaves, size), dtype=np.int64) if fits else None
        self._dtype = np.uint32 if leaves * size < 1 << 32 else np.uint64
        self._rows = np.zeros(windows, dtype=np.int64)
        self._batches: list[_Batch] = []
        self._tables: dict[int, NDArray[np.int64]] = {}

    def add(self, groups: NDArray[np.int64], only: int | None, cells: NDArray[np.int64]) -> None:
        """Count some rows, at least one; ``only`` is their group when it is the same for all."""
        if self._table is not None:
            tally(self._table, groups, only, cells)
            return
        codes = np.sort(groups * self._size + cells)
        span = self._leaves * self._size
        windows = np.arange(codes[0] // span, codes[-1] // span + 1)
        starts = np.searchsorted(codes, np.append(windows, windows[-1] + 1) * span)
        sizes = np.diff(starts)
        present = sizes > 0
        codes -= np.repeat(windows * span, sizes)
        starts = np.concatenate([[0], np.cumsum(sizes[present])])
        batch = _Batch(codes.astype(self._dtype), windows[present], starts)
        for window in batch.windows[np.isin(batch.windows, list(self._tables))]:
            self._tables[int(window)] += self._counted(batch.part(int(window)))
        batch = batch.where(self._keeps(batch.windows))
        self._rows[batch.windows] += np.diff(batch.starts)
        self._batches.append(batch)
        if self._held().sum() > self._budget:
            self._shrink()

    def _keeps(self, windows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the rows of these windows are held as rows."""
        keep: NDArray[np.bool_] = windows < self.deferred
        return keep & ~np.isin(windows, list(self._tables))

    def _held(self) -> NDArray[np.int64]:
        """Bytes held for every window."""
        held = self._rows * np.dtype(self._dtype).itemsize
        for window in self._tables:
            held[window] = self._leaves * self._size * _WIDTH
        return held

    def _counted(self, codes: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
        return np.bincount(codes.astype(np.int64), minlength=self._leaves * self._size)

    def _shrink(self) -> None:
        """Make tables of the windows whose rows take more room than that, then give up the last windows."""
        smaller = self._leaves * self._size * _WIDTH
        for window in np.flatnonzero(self._rows * np.dtype(self._dtype).itemsize > smaller):
            self._tables[int(window)] = self._counted(self._codes(int(window)))
            self._rows[window] = 0
        # a little more than needed, so that this is not done again for the next block
        over = np.flatnonzero(np.cumsum(self._held()) > self._budget * 3 // 4)
        if over.size:
            self.deferred = min(self.deferred, max(int(over[0]), 1))
            self._rows[self.deferred :] = 0
            self._tables = {window: table for window, table in self._tables.items() if window < self.deferred}
        self._batches = [
            kept for kept in (batch.where(self._keeps(batch.windows)) for batch in self._batches) if kept.codes.size
        ]

    def _codes(self, window: int) -> NDArray[np.unsignedinteger]:
        parts = [batch.part(window) for batch in self._batches]
        return np.concatenate(parts) if parts else np.empty(0, dtype=self._dtype)

    def window(self, window: int, members: Sequence[NDArray[np.int64]], merged: int = 1) -> list[NDArray[np.int64]]:
        """Rows of unions of leaves by cell: ``members`` holds the leaf numbers of each union.

        Each is of shape (size / merged,): so many neighbouring cells are taken as one.
        """
        table = self._tables.get(window)
        if self._table is not None:
            table = self._table[window * self._leaves : (window + 1) * self._leaves]
        if table is not None:
            table = _merged(table.reshape(self._leaves, self._size), merged)
            return [
                table[leaves[0]].astype(np.int64) if leaves.size == 1 else table[leaves].sum(axis=0)
                for leaves in members
            ]
        codes = np.sort(self._codes(window)).astype(np.int64)
        bounds = np.searchsorted(codes, np.arange(self._leaves + 1) * self._size)
        codes %= self._size
        if merged > 1:
            codes //= merged
        by_leaf = [codes[bounds[leaf] : bounds[leaf + 1]] for leaf in range(self._leaves)]
        return [
            np.bincount(
                by_leaf[leaves[0]] if leaves.size == 1 else np.concatenate([by_leaf[leaf] for leaf in leaves]),
                minlength=self._size // merged,
            )
            for leaves in members
        ]


def _merged(table: NDArray[np.int64], cells: int) -> NDArray[np.int64]:
    """The table with so many neighbouring cells added up."""
    parts = table.reshape(table.shape[0], table.shape[1] // cells, cells)
    total = parts[:, :, 0].copy()
    for place in range(1, cells):  # far faster than a sum over so short an axis
        total += parts[:, :, place]
    return total
