"""Which window an event time belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aimsight.metrics.plan import Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(when: datetime) -> int:
    """Microseconds since 1970 (UTC), exact."""
    return (when - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The time that is so many microseconds after 1970, in UTC."""
    return _EPOCH + microseconds * _MICROSECOND


class WindowIndex:
    """Finds the number of the window of each event time; ``windows`` are disjoint, sorted and at least one."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.starts = np.array([micros(window.start) for window in windows], dtype=np.int64)
        self.ends = np.array([micros(window.end) for window in windows], dtype=np.int64)
        if (self.starts[1:] < self.ends[:-1]).any():
            raise ValueError("the windows of a plan must be disjoint and sorted")
        lengths = self.ends - self.starts
        adjacent = bool((self.starts[1:] == self.ends[:-1]).all())
        self._length = int(lengths[0]) if adjacent and (lengths == lengths[0]).all() else None

    def index(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of each time's window (shape of ``times``, microseconds since 1970), -1 where there is none."""
        first, last = int(times.min()), int(times.max())
        low, high = (int(np.searchsorted(self.starts, t, side="right")) - 1 for t in (first, last))
        if low == high and low >= 0 and last < self.ends[low]:  # logs are mostly sorted by time
            return np.full(times.shape, low, dtype=np.int64)
        if self._length is not None:
            number: NDArray[np.int64] = (times - self.starts[0]) // self._length
            number[(number < 0) | (number >= self.starts.size)] = -1
            return number
        number = np.searchsorted(self.starts, times, side="right") - 1
        number[times >= self.ends[number]] = -1
        return number
