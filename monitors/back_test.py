"""The back-test of estimates: how far earlier ones were off once labels came, for the intervals of later ones.

A window's interval is widened by the errors of the windows before it alone, whatever windows happen to be run with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.estimates.trust import PastErrors
from aimsight.metrics.plan import Window
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.metrics.values import Measurement
    from aimsight.store.database import Reader

Series = tuple[str, str]
"""Metric and segment, as texts."""


class BackTest:
    """Errors of the estimates of one model, by series and window."""

    def __init__(self) -> None:
        self._errors: dict[Series, dict[Window, float]] = {}

    @classmethod
    def of(cls, reader: Reader, model: str) -> BackTest:
        """What the store knows."""
        found = cls()
        for metric, segment, start, end, error in reader.tuples(
            "SELECT metric, segment, window_start, window_end, error FROM estimates "
            "WHERE model = ? AND error IS NOT NULL",
            [model],
        ):
            found._errors.setdefault((metric, segment), {})[Window(start, end)] = error
        return found

    def before(self, window: Window) -> dict[Series, PastErrors]:
        """The errors of the windows that ended before this one began, oldest first."""
        found = {}
        for series, errors in self._errors.items():
            earlier = sorted((one.end, one.start, error) for one, error in errors.items() if one.end <= window.start)
            if earlier:
                found[series] = PastErrors(tuple(error for _, _, error in earlier))
        return found

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
            if estimate is not None and realised is not None:
                self._errors.setdefault(series, {})[window] = estimate - realised
            else:
                self._errors.get(series, {}).pop(window, None)
