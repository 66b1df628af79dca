"""Quality of labels: how long they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.quality import EMPTY, ISO_MEASURES, of_rows
from aimsight.metrics.intervals import wilson
from aimsight.metrics.registry import Needs
from aimsight.metrics.statistics import DELAY_CELLS
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.inputs import RowFacts
    from aimsight.metrics.values import Result

HOUR = 3600.0
NONE_KNOWN = "it is not known when any label arrived"


@of_rows(
    id="quality.label_delay",
    unit="hours",
    bounds=(0.0, None),
    undefined_when=(EMPTY, NONE_KNOWN),
    source=f"{ISO_MEASURES}: timeliness of labels; Hahn and Meeker, Statistical Intervals (1991), ch. 5",
    needs=Needs(labels=True),
    parameters=(Parameter("quantile", "float", 0.5, low=0.0, high=1.0, doc="share of the labels that were as quick"),),
    core=False,
)
def label_delay(facts: RowFacts, *, quantile: float = 0.5) -> Result:
    """Hours from a decision to the arrival of its label: a quantile over the labels that have arrived.

    The least delay that at least this share of the arrived labels did not exceed, from cells at most 1/64 of the delay
    wide (the error bound). 0: labels are there at once. Labels that are still missing are not in it, so that a young
    window shows only its quick ones: the detail says how many rows are labelled. Interval: the order statistics at
    Wilson's bounds of the share.
    """
    rows = facts.quality.rows
    if not rows:
        return Undefined(EMPTY)
    delays = facts.quality.label_delays
    n = int(delays.cells.sum()) if delays is not None else 0
    if delays is None or not n:
        return Undefined(NONE_KNOWN, rows)
    reached, edges = np.cumsum(delays.cells), DELAY_CELLS.edges()

    def cell(share: float) -> int:
        return int(np.searchsorted(reached, max(share * n, 1.0) - 1e-9))

    around = wilson(quantile * n, n)
    low, at, high = cell(around.low), cell(quantile), cell(around.high)
    value = (edges[at] + edges[at + 1]) / 2 / HOUR
    interval = Interval(edges[low] / HOUR, edges[high + 1] / HOUR, "order statistics")
    bound = (edges[at + 1] - edges[at]) / 2 / HOUR
    detail = "" if n >= rows else f"labels for {n} of {rows} rows"
    return Value(float(value), n, interval, float(bound), detail=detail)
