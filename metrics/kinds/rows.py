"""Metrics of the rows of the whole window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.inputs import RowFacts
from aimsight.metrics.kinds.scope import compute
from aimsight.metrics.values import Measurement, Undefined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from aimsight.metrics.kinds.scope import Scope
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.values import Result


def of_rows(scope: Scope, unit: Metric) -> Iterator[Measurement]:
    """One measurement of the whole window."""
    result: Result | None = scope.trouble(unit)
    if result is None and scope.all_rows is None:
        result = Undefined("not counted in the window", scope.statistics.quality.rows)
    elif result is None and scope.all_rows is not None:
        latest = scope.statistics.latest.at if scope.statistics.latest is not None else None
        facts = RowFacts(scope.statistics.quality, scope.all_rows, latest, _until(scope, latest))
        result = compute(unit, facts)
    if result is not None:
        yield Measurement(unit.text, unit.version, result)


def _until(scope: Scope, latest: datetime | None) -> datetime:
    """The moment to which events could have come: the window's end, or the run's moment before it."""
    ends = [scope.window.end] if scope.window is not None else []
    if not ends and latest is not None:
        ends = [w.end for w in scope.plan.windows if w.start <= latest < w.end]
    return min([scope.plan.as_of, *ends])
