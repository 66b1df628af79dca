"""What an estimate may do in the management system: open a warning, and nothing else.

An estimate never opens a nonconformity, never closes one, and is never evidence that an action was effective: it cannot
see that scores have come to mean something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims.words import metric_name, result_text
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimsight.metrics.values import Measurement
    from aimsight.store.records import ObjectiveVersion

FAMILY = "estimated"
ONLY_WARNS = "an estimate can only warn: labels have not confirmed it"


def is_estimated(metric: str) -> bool:
    """Whether a metric, by its text, is an estimate without labels; its verdicts close nothing."""
    return metric.partition(".")[0] == FAMILY


def estimate_of(objective: ObjectiveVersion, measurements: Sequence[Measurement]) -> Measurement | None:
    """The estimate of what an objective's metric will show, if there is one with a value."""
    family, _, name = objective.metric.partition(".")
    if family != "performance":
        return None
    return next(
        (
            one
            for one in measurements
            if one.estimated
            and one.metric == f"{FAMILY}.{name}"
            and str(one.segment) == objective.segment
            and isinstance(one.result, Value)
        ),
        None,
    )


def beside(objective: ObjectiveVersion, measurements: Sequence[Measurement]) -> str:
    """What is estimated while labels are awaited, in words; empty where nothing is."""
    found = estimate_of(objective, measurements)
    return "" if found is None else f"; meanwhile estimated: {metric_name(found.metric)} {result_text(found.result)}"
