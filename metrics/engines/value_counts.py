"""Rows per distinct value of numeric columns, for exact distances of drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.cells import NumericCells
from aimsight.metrics.engines.arrays import blocks
from aimsight.metrics.engines.counting import Block
from aimsight.metrics.engines.exact import Runs
from aimsight.metrics.engines.windows import WindowIndex
from aimsight.metrics.statistics import ValueCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.engines.log import Log
    from aimsight.metrics.plan import Plan

    Parts = list[list[NDArray[np.float64]]]

BLOCK_ROWS = 1 << 15
MOST_HELD = 4_000_000
"""Values that are held unsorted at once, unless one column has more."""


def distinct_values(log: Log, plan: Plan, rows: int) -> list[dict[str, ValueCounts]]:
    """Rows per distinct value of every numeric column but the label, by window.

    ``rows`` is how many the windows have: as many columns are read together as are held without taking much memory.
    """
    names = [
        column.name
        for column in plan.columns
        if isinstance(column.cells, NumericCells) and column.role != "label" and column.name not in log.errors
    ]
    found: list[dict[str, ValueCounts]] = [{} for _ in plan.windows]
    together = max(1, MOST_HELD // max(rows, 1))
    for first in range(0, len(names), together):
        some = names[first : first + together]
        for name, parts in zip(some, _values(log, plan, some), strict=True):
            for place, part in enumerate(parts):
                found[place][name] = ValueCounts.counted(np.concatenate(part or [np.empty(0)]))
                part.clear()
    return found


def _values(log: Log, plan: Plan, names: Sequence[str]) -> list[Parts]:
    """The values of every row, by column and window, in parts."""
    index = WindowIndex(plan.windows)
    found: list[Parts] = [[[] for _ in plan.windows] for _ in names]
    listed = "".join(f", {log.number(name)} AS c{i}" for i, name in enumerate(names))
    condition = log.within(plan.windows[0].start, plan.windows[-1].end)
    query = f"SELECT epoch_us({log.time}) AS t{listed} FROM {log.rows_of(names)} WHERE {condition}"
    for times, *columns in blocks(log.connection, query, BLOCK_ROWS):
        block = Block.of(dict(zip(names, columns, strict=True)), times, index)
        if block is None:
            continue
        runs = Runs(block.windows)
        for parts, values in zip(found, block.columns.values(), strict=True):
            for number, part in zip(runs.groups, np.split(runs.sort(values), runs.starts[1:]), strict=True):
                parts[number].append(part)
    return found
