"""The windows of one pass, each finished when it is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from aimsight.metrics.plan import Window
from aimsight.metrics.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aimsight.metrics.engines.passes import Counted
    from aimsight.metrics.plan import Plan
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Segment


class Profile(Mapping[Window, Statistics]):
    """Statistics by window, in the order of the plan.

    Looking a window up sorts its scores, while ``threads - 1`` further threads work ahead on the windows that follow;
    looking it up again sorts them again. Windows that did not fit into memory are read when they are reached, and those
    that were taken are read again.

    Parameters
    ----------
    plan
        The plan that was counted.
    read
        One pass over the source, for as many of the windows from a number on as fit into memory.
    threads
        Windows that are finished side by side.
    """

    def __init__(self, plan: Plan, read: Callable[[int], Counted], threads: int) -> None:
        self._numbers = {window: number for number, window in enumerate(plan.windows)}
        self._read = read
        self._threads = threads
        self._pool = ThreadPoolExecutor(max_workers=threads)
        self._ahead: dict[int, Future[dict[Segment, SegmentStatistics]]] = {}
        self._first = 0
        self._taken: set[int] = set()
        self._counted = read(0) if self._numbers else None
        self.repeats_ids = self._counted is not None and self._counted.repeats_ids
        """Whether an id occurs more than once in the windows of the plan; within one window it was counted once."""

    def __getitem__(self, window: Window) -> Statistics:
        """The statistics of one window of the plan."""
        number = self._numbers[window]
        counted = self._counted
        is_here = counted is not None and self._first <= number < self._first + counted.deferred
        if counted is None or not is_here or number in self._taken:
            self._ahead, self._taken = {}, set()
            counted = self._counted = None  # its scores make room for the others
            counted = self._counted = self._read(number)
            self._first = number
        place = number - self._first
        wanted = range(place, min(place + self._threads, counted.deferred))
        self._ahead = {n: self._ahead.get(n) or self._pool.submit(counted.decisions.result, n) for n in wanted}
        return counted.statistics(place, self._ahead.pop(place).result())

    def take(self, window: Window) -> Statistics:
        """The statistics of a window that is not looked up again: its scores make room for what comes next."""
        found = self[window]
        number = self._numbers[window]
        self._taken.add(number)
        if self._counted is not None:
            self._counted.decisions.forget(number - self._first)
        return found

    def __iter__(self) -> Iterator[Window]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
