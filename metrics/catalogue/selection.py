"""Which rows got labels: the bias that no metric on labels can see in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.estimates.selected_features import by_feature
from aimsight.metrics.registry import ALL_TASKS, Needs, metric
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.estimates.selection import LabelledRows
    from aimsight.metrics.samples import SamplePair
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


FEWEST = 5
"""Rows with and without labels below which nothing is compared."""
NAMED = 5
"""Features that the detail names."""


@metric(
    id="quality.label_selection_features",
    version=1,
    tasks=ALL_TASKS,
    kind="sample",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=(
        f"fewer than {FEWEST} rows of the sample have a label, or fewer than {FEWEST} have none though some do not",
        "rows cannot be read any more",
    ),
    source="Little and Rubin, Statistical Analysis with Missing Data, 3rd ed. (2019), ch. 1; Smirnov (1948)",
    needs=Needs(labels=True),
    core=False,
)
def label_selection_features(pair: SamplePair) -> Result:
    """How far the labelled rows are from all rows in the feature in which they differ most.

    On a sample of the window's rows. Numbers: the largest gap between the cumulative shares of the labelled rows and
    of all rows, or the difference of their missing shares; categories: total variation distance, missing being one of
    them. 0: labels came alike whatever the features; 1: where labels are, nothing is as elsewhere. The p-value is the
    smallest over the features of labelled against unlabelled rows (Kolmogorov-Smirnov; chi-square with its permutation
    distribution), adjusted over all of them (Benjamini and Hochberg). The detail names the features that differ: with a
    false discovery rate of 5 % and a distance of 0.02. The value is the sample's own, so there is no interval.
    """
    usable = pair.labelled
    if usable is None or not usable.size:
        return Undefined("no rows in the window" if usable is not None else "labels were not sampled")
    labelled, unlabelled = int(usable.sum()), int((~usable).sum())
    if labelled and not unlabelled:
        return Value(0.0, labelled, p_value=1.0, detail="every row of the sample has a label")
    if min(labelled, unlabelled) < FEWEST:
        few = f"{labelled} rows of the sample have a label and {unlabelled} have none: fewer than {FEWEST}"
        return Undefined(few, usable.size, Cause.TOO_FEW)
    found = by_feature(pair, usable)
    different = sorted((one for one in found if one.differs), key=lambda one: (-one.distance, one.name))
    detail = f"none of {len(found)} features differs"
    if different:
        named = ", ".join(f"{one.name} ({one.distance:.2g})" for one in different[:NAMED])
        detail = f"{len(different)} of {len(found)} features differ: {named}"
    furthest = max(one.distance for one in found)
    return Value(min(furthest, 1.0), usable.size, p_value=min(one.q_value for one in found), detail=detail)
