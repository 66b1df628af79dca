"""What cannot be planned, why, and what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aimsight.metrics.registry import Metric


class UnplannableError(Exception):
    """The windows of a metric cannot be drawn from what the reference keeps: why, and what to do."""


MEASURED = "see how its values differ in the first windows, and set target and tolerance by them"
ROWS = "it is measured on rows themselves, of which the reference keeps counts only"
KINDS = {
    "frame": f"{ROWS}; {MEASURED}",
    "sample": f"{ROWS}; {MEASURED}",
    "selection": f"which rows will have labels is not in the reference; {MEASURED}",
    "summary": "the reference counts every column by itself, and not how they change together; plan single columns by "
    "objectives of their own",
}
"""By the kind of metric."""
METRICS = {
    "quality.rows": "rows a window are what a plan starts from; compare the target with those above",
    "quality.volume_ratio": "rows a window are what a plan starts from; compare them with those of earlier windows",
    "quality.freshness_hours": f"when rows arrive is not in the reference; {MEASURED}",
    "quality.label_delay": f"when labels will arrive is not in the reference; {MEASURED}",
    "quality.schema_changes": "columns change by decision and not by chance; no volume is needed to find it",
    "quality.constant_columns": "a column turns constant by a fault and not by chance; no volume is needed to find it",
    "performance.max_error": "it hangs on the largest error of a window alone; plan performance.rmse beside it",
}
"""By the metric."""
SEVERAL = "the reference counts the scores of every class by itself, and not how they go together"


def refuse(unit: Metric) -> None:
    """Stop where no window of this metric can be drawn.

    Raises
    ------
    UnplannableError
        With the reason, and what to do.
    """
    why = METRICS.get(unit.id) or KINDS.get(unit.kind)
    if why is not None:
        raise UnplannableError(why)


def of_several(unit: Metric, one: str) -> UnplannableError:
    """Why a metric of the scores of several classes cannot be planned, ``one`` of which may be planned alone."""
    alone = f"plan the metric of single classes, such as {unit.id}(of={one})" if unit.per_class else MEASURED
    return UnplannableError(f"{SEVERAL}; {alone}")
