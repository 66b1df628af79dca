"""The back-test of estimates: how far earlier ones were off once labels came, for the intervals of later ones.

A window's interval is widened by the errors of the windows before it alone, whatever windows happen to be run with it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING

from aimsight.metrics.estimates.trust import RECENT, PastErrors
from aimsight.metrics.plan import Window
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.metrics.values import Measurement
    from aimsight.store.database import Reader

_bounds = itemgetter(0, 1)
Series = tuple[str, str]
"""Metric and segment, as texts."""


class BackTest:
    """Errors of the estimates of one model, by series and window."""

    def __init__(self) -> None:
        self._errors: dict[Series, list[tuple[datetime, datetime, float]]] = {}

    @classmethod
    def of(cls, reader: Reader, model: str) -> BackTest:
        """What the store knows."""
        found = cls()
        for metric, segment, start, end, error in reader.tuples(
            "SELECT metric, segment, window_start, window_end, error FROM estimates "
            "WHERE model = ? AND error IS NOT NULL ORDER BY window_end, window_start",
            [model],
        ):
            found._put((metric, segment), Window(start, end), error)
        return found

    def before(self, window: Window) -> dict[Series, PastErrors]:
        """The latest errors of the windows that ended before this one began, oldest first."""
        ended = {
            series: bisect_right(errors, window.start, key=itemgetter(0)) for series, errors in self._errors.items()
        }
        return {
            series: PastErrors(tuple(error for _, _, error in self._errors[series][max(count - RECENT, 0) : count]))
            for series, count in ended.items()
            if count
        }

    def add(self, window: Window, measurements: Sequence[Measurement]) -> None:
        """Take in the results of a window; they replace what was known of it."""
        values = {
            (one.metric, str(one.segment)): one.result.value
            for one in measurements
            if isinstance(one.result, Value) and not one.column
        }
        for one in measurements:
            family, _, name = one.metric.partition(".")
            if family != "estimated":
                continue
            series = one.metric, str(one.segment)
            estimate, realised = values.get(series), values.get((f"performance.{name}", series[1]))
            self._put(series, window, None if estimate is None or realised is None else estimate - realised)

    def _put(self, series: Series, window: Window, error: float | None) -> None:
        errors, bounds = self._errors.setdefault(series, []), (window.end, window.start)
        known = slice(bisect_left(errors, bounds, key=_bounds), bisect_right(errors, bounds, key=_bounds))
        errors[known] = [] if error is None else [(*bounds, error)]
