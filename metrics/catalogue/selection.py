"""Which rows got labels: the bias that no metric on labels can see in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.registry import ALL_TASKS, Needs, metric
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.estimates.selection import LabelledRows
    from aimsight.metrics.values import Result


@metric(
    id="quality.label_selection",
    version=1,
    tasks=ALL_TASKS,
    kind="selection",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=("no row has a label",),
    source="Little and Rubin, Statistical Analysis with Missing Data, 3rd ed. (2019), ch. 1; total variation distance",
    needs=Needs(labels=True),
)
def label_selection(rows: LabelledRows) -> Result:
    """How far the labelled rows are from all rows, by score, by decision or over the groups of a protected column.

    Total variation distance between the distribution of the labelled rows and that of all rows, over tenths of the
    score, over predictions, or over groups. 0: every row is labelled, or those that are look like all; 1: they have
    nothing in common. A share measured on labels (accuracy, say) can be off by this much through selection by this
    column alone. It is exact for these rows, so there is no interval; the p-value is the evidence that labels do not
    come by chance: the permutation test of ``drift.chi_square`` between labelled and unlabelled rows. What labels
    depend on beyond score, decision and groups is not seen.
    """
    labelled, unlabelled = int(rows.labelled.sum()), int(rows.unlabelled.sum())
    if labelled == 0:
        return Undefined("no row has a label", unlabelled, Cause.TOO_FEW)
    if unlabelled == 0:
        return Value(0.0, labelled, p_value=1.0)
    return Value(min(rows.distance, 1.0), labelled + unlabelled, p_value=rows.p_value)
