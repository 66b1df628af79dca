"""Whether the labels of a window allow a verdict: there are enough of them, and they are not those that come first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.estimates.selection import selective, unexpected
from aimsight.metrics.values import Cause, Undefined
from aimsight.monitors.due import settled

if TYPE_CHECKING:
    from datetime import datetime

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.plan import Reference, Window
    from aimsight.metrics.statistics import Statistics


def label_state(
    model: ModelConfig, statistics: Statistics, window: Window, now: datetime, reference: Reference | None = None
) -> Undefined | None:
    """Why labels do not allow a verdict yet, or any more; ``None`` when they do.

    Labels are complete enough when they cover the configured share of rows. Below it they are awaited until the label
    delay has passed; after that the evidence is insufficient. Above it, too, they are awaited until then when those
    that came early are of another kind: their rows differ from the others, or so many of a class were not to be
    expected (a label such as "offended within two years" comes early only where it is positive).
    """
    if model.labels is None or statistics.quality.rows == 0:
        return None
    rows, labelled = statistics.all_rows.rows, statistics.all_rows.labelled
    share, delay = labelled / rows, model.labels.delay
    waiting = delay is None or not settled(model, window, now)
    there = f"awaiting labels: {labelled:,} of {rows:,} rows have one"
    if share >= model.labels.min_coverage:
        if delay is None or not waiting or labelled == rows:
            return None
        odd = _of_another_kind(model, statistics, reference)
        return Undefined(f"{there}, and {odd}", labelled, Cause.AWAITING_LABELS) if odd else None
    if waiting:
        return Undefined(there, labelled, Cause.AWAITING_LABELS)
    return Undefined(
        f"labels cover {share:.0%} of the rows, below the minimum of {model.labels.min_coverage:.0%}",
        labelled,
        Cause.TOO_FEW,
    )


def _of_another_kind(model: ModelConfig, statistics: Statistics, reference: Reference | None) -> str:
    """How the labels that came early differ from what is to come, in words; empty where they do not."""
    which = selective(statistics.segments, model)
    if which:
        return f"rows with labels differ in {which}"
    return unexpected(statistics.all_rows, reference) if reference is not None else ""
