"""Further estimates without labels, measured when they are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.catalogue.estimated import CBPE, DECIDED, NOT_TRUSTED, RANKED
from aimsight.metrics.registry import BINARY, metric

if TYPE_CHECKING:
    from aimsight.metrics.estimates.scored import Scored
    from aimsight.metrics.values import Result


@metric(
    id="estimated.specificity",
    version=1,
    tasks=BINARY,
    kind="estimate",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=("no row has a valid score and prediction", "no negative is expected", *NOT_TRUSTED),
    source=CBPE,
    needs=DECIDED,
    core=False,
)
def specificity(e: Scored) -> Result:
    """Share of the expected negatives that were not selected.

    Sum of ``1 - c(s)`` over rows predicted negative, over its sum over all decided rows, with ``c(s)`` the calibrated
    chance of a positive label. 1: no negative is expected to be selected; 0: all are. Interval as for
    ``estimated.accuracy``.
    """
    return e.estimate("specificity")


@metric(
    id="estimated.average_precision",
    version=1,
    tasks=BINARY,
    kind="estimate",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=("no row has a valid score", "no positive is expected", *NOT_TRUSTED),
    source=CBPE,
    needs=RANKED,
    core=False,
)
def average_precision(e: Scored) -> Result:
    """Mean over the expected positives of the precision at their score.

    Every row counts as positive with its calibrated chance; rows of one score cell are ties. 1: perfect ranking;
    the share of positives: no better than chance. Interval as for ``estimated.accuracy``.
    """
    return e.estimate("average_precision")
