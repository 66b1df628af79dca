"""Counting blocks of rows into cells, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.cells import NumericCells, Scratch
from aimsight.metrics.statistics import CellCounts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.cells import Cells
    from aimsight.metrics.engines.windows import WindowIndex


Count = np.int32 | np.uint16
"""What cells are counted in, as long as they are few."""
LARGEST = 1 << 31
"""Rows from which counts take eight bytes instead of four."""
ENOUGH = 1 << 14
"""Values outside the core that are looked at together."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of the source, all of them in windows of the plan.

    ``windows`` is each row's window number and ``only`` that number when it is the same for all rows. ``columns`` maps
    the aliases of the query to arrays of shape (n,).
    """

    windows: NDArray[np.int64]
    only: int | None
    times: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, columns: dict[str, NDArray[Any]], times: NDArray[np.int64], index: WindowIndex) -> Block | None:
        """The rows that lie in a window; ``None`` when there are none."""
        if times.size == 0:
            return None
        windows = index.index(times)
        low, high = int(windows.min()), int(windows.max())
        if low < 0:
            inside = windows >= 0
            columns = {alias: column[inside] for alias, column in columns.items()}
            return cls.of(columns, times[inside], index)
        return cls(windows, low if low == high else None, times, columns)


def tally(
    table: NDArray[np.integer], groups: NDArray[np.int64], only: int | None, cells: NDArray[np.signedinteger]
) -> None:
    """Add the rows to ``table[group, cell]``; ``only`` is the group when all rows have the same."""
    size = table.shape[1]
    if only is not None:
        table[only] += np.bincount(cells, minlength=size).astype(table.dtype, copy=False)
        return
    low, high = int(groups.min()), int(groups.max())
    span = (high - low + 1) * size
    keys = (groups - low) * size + cells
    if span <= 4 * keys.size:
        table[low : high + 1] += np.bincount(keys, minlength=span).astype(table.dtype, copy=False).reshape(-1, size)
    else:  # few rows over many groups: counting them one by one is cheaper than a table of zeros
        # a one of another type would be cast row by row, forty times slower
        np.add.at(table[low : high + 1].reshape(-1), keys, table.dtype.type(1))


class CellCounter:
    """Counts one column into cells for every window.

    ``bounds`` are the declared least and greatest valid value of a numeric column. A column of categories comes as
    positions already (the query numbers them). ``scratch`` may be shared by the counters of one pass, whose blocks are
    counted one after the other. With ``present_only`` rows without a value are left out. ``count`` is the type of the
    counts: two bytes are enough where no window has more rows.
    """

    def __init__(
        self,
        cells: Cells,
        windows: int,
        bounds: tuple[float, float] | None = None,
        scratch: Scratch | None = None,
        *,
        present_only: bool = False,
        count: type[Count] = np.int32,
    ) -> None:
        self._cells = cells
        self._present_only = present_only
        self._scratch = scratch or Scratch()
        # the last column is a bin for rows that wait in _others
        self._counts: NDArray[np.integer] = np.zeros((windows, cells.size + 3), dtype=count)
        self._rows = 0
        self._others: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self._waiting = 0
        self._bounds = bounds
        self._outside = np.zeros((windows, 2), dtype=np.int64) if bounds is not None else None

    def add(self, block: Block, values: NDArray[np.generic]) -> None:
        """Count one block."""
        before = self._rows
        self._rows += block.windows.size
        if before < LARGEST <= self._rows:
            self._counts = self._counts.astype(np.int64)
        if isinstance(self._cells, NumericCells):
            numbers = values.astype(np.float64, copy=False)
            positions, rest = self._cells.core(numbers, self._scratch)
            if rest.size:
                positions[rest] = self._cells.size + 2
                self._wait(block.windows[rest], numbers[rest])
            if self._bounds is not None and self._outside is not None:
                low, high = self._bounds
                outside = np.isfinite(numbers) & ((numbers < low) | (numbers > high))
                tally(self._outside, block.windows, block.only, outside.astype(np.int64))
        else:
            positions = values.astype(np.int64)
        tally(self._counts, block.windows, block.only, positions)

    def _wait(self, windows: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Keep the few values outside the core until there are enough of them to be worth the calls."""
        self._others.append((windows, values))
        self._waiting += values.size
        if self._waiting >= ENOUGH:
            self._flush()

    def _flush(self) -> None:
        if isinstance(self._cells, NumericCells):
            windows, values = (np.concatenate(parts) for parts in zip(*self._others, strict=True))
            tally(self._counts, windows, None, self._cells.outside(values))
        self._others, self._waiting = [], 0

    def mark_outside(self, block: Block, outside: NDArray[np.generic]) -> None:
        """Count rows of a category outside its declared values (0 or 1 for each row)."""
        if self._outside is None:
            self._outside = np.zeros((self._counts.shape[0], 2), dtype=np.int64)
        tally(self._outside, block.windows, block.only, outside.astype(np.int64))

    def result(self, window: int) -> CellCounts:
        """The counts of one window."""
        if self._waiting:
            self._flush()
        outside = int(self._outside[window, 1]) if self._outside is not None else None
        counts = self._counts[window, :-1].astype(np.int64)
        if self._present_only:
            counts[self._cells.size] = 0
        return CellCounts(counts, outside)
