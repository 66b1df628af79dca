"""Windows of so many rows, cut from the times of a log: pure functions from counts by time to half-open intervals.

A window is an interval of event time like any other, so rows that arrive late are counted in the window their time
lies in; it ends right after the row that fills it. Rows of the very same time are never parted: a window may hold a
few more rows than asked for. What was cut once stays: the next cut goes on from the last one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.window_lengths import ChunkCount, RowCount
from aimsight.metrics.engines.windows import moment
from aimsight.metrics.plan import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    Times = Callable[[datetime, datetime], Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]]]
    """Distinct times of rows within [start, end) in ascending order, in microseconds since 1970, and the rows at each;
    in blocks of any size."""

TICK = timedelta(microseconds=1)


def row_windows(
    length: RowCount | ChunkCount,
    known: Sequence[Window],
    start: datetime,
    until: datetime,
    times: Times,
    *,
    closed: bool,
) -> list[Window]:
    """All windows that are over: those cut before, and those that the rows after them fill.

    Parameters
    ----------
    length
        Rows of a window, or the number of windows that a closed history is cut into.
    known
        The windows cut so far, which stay as they are.
    start
        Where monitoring starts.
    until
        Rows from here on do not count (yet): the present, or where monitoring ends.
    times
        Reads the times of the log.
    closed
        Whether ``until`` is the end of monitoring: then the rest is a window, however few rows it has.
    """
    found = sorted(known, key=lambda window: window.end)
    begin = max([start, *(window.end for window in found)])
    if begin >= until:
        return found
    if isinstance(length, ChunkCount):
        if found or not closed:
            return found
        rows = sum(int(counts.sum()) for _, counts in times(begin, until))
        cuts = _cut(times(begin, until), -(-rows // length.count)) if rows else iter(())
    else:
        cuts = _cut(times(begin, until), length.count)
    for last_row, full in cuts:
        if full:
            found.append(Window(begin, last_row + TICK))
            begin = last_row + TICK
        elif closed:
            found.append(Window(begin, until))
    return found


def _cut(blocks: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]], rows: int) -> Iterator[tuple[datetime, bool]]:
    """The time of the last row of every window, and whether it is full; only the last may not be."""
    held, last = 0, None
    for times, counts in blocks:
        total = held + np.cumsum(counts)
        used = 0
        while (place := int(np.searchsorted(total, used + rows))) < total.size:
            yield moment(int(times[place])), True
            used = int(total[place])
        held = int(total[-1]) - used if total.size else held
        last = int(times[-1]) if times.size else last
    if held and last is not None:
        yield moment(last), False
