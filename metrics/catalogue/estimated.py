"""Performance without labels: what the scores promise, in the light of what they meant in the reference.

Each is named after the metric of the family ``performance`` that labels will show, and its interval is about that value
for these very rows. A change of what scores mean (concept drift) cannot be seen by any of them. One table has them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.metrics.registry import BINARY, CLASSIFICATION, REGRESSION, Needs, metric

if TYPE_CHECKING:
    from aimsight.configs.facts import Task
    from aimsight.metrics.estimates.losses import Leaves
    from aimsight.metrics.estimates.scored import Scored
    from aimsight.metrics.registry import Direction
    from aimsight.metrics.values import Result

DECIDED = Needs(reference=True, labels=True, score=True, prediction=True)
RANKED = Needs(reference=True, labels=True, score=True)
LOST = Needs(reference=True, labels=True, prediction=True)
CBPE = (
    "Isotonic calibration: Zadrozny and Elkan (2002), pooled as by Ayer et al. (1955); estimation from calibrated "
    "confidence: Garg et al., Leveraging unlabeled data to predict out-of-distribution performance (2022)"
)
DLE = (
    "Direct loss estimation; honest trees: Athey and Imbens, Recursive partitioning for causal effects, PNAS 113 (2016)"
)
NOT_TRUSTED = (
    "fewer than 200 labelled rows in the reference, or 20 of a class (binary)",
    "more than 10 % of the rows have scores or features that the reference has none of",
)
NO_TREE = (
    "fewer than 500 labelled rows in the reference",
    "more than 10 % of the rows have features that the reference has none of",
)
NO_DECISION = "no row has a valid score and prediction"
NO_SCORE = "no row has a valid score"
AS_ACCURACY = "Interval as for ``estimated.accuracy``."


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate.

    Parameters
    ----------
    name
        The metric of the family ``performance`` that it estimates.
    doc
        Its documentation.
    undefined_when
        The cases without a value, beyond those in which it is not trusted.
    needs, tasks, unit, bounds, direction, core
        As of a metric.
    """

    name: str
    doc: str
    undefined_when: tuple[str, ...]
    needs: Needs = DECIDED
    tasks: frozenset[Task] = CLASSIFICATION
    unit: str = "share"
    bounds: tuple[float | None, float | None] = (0.0, 1.0)
    direction: Direction = "higher"
    core: bool = True


ESTIMATES = (
    Estimate(
        "accuracy",
        """Share of rows whose prediction is expected to be the label.

        With ``c(s)`` the chance of a positive label at score ``s``, learned on the reference: mean of ``c(s)`` over
        rows predicted positive and ``1 - c(s)`` over the others; multiclass: mean chance of the predicted class. 1:
        every decision is expected to be right; 0: none is. Interval: where the realised accuracy of these rows is to be
        expected, from label noise, the calibration's error, scores out of the reference's range, variation between
        windows, and the errors of earlier estimates; Wilson form.
        """,
        (NO_DECISION,),
    ),
    Estimate(
        "precision",
        f"""Share of positive decisions that are expected to be right.

        Mean of the calibrated chance over rows predicted positive; multiclass: unweighted mean over the classes that
        are expected to occur. 1: every positive decision is expected to be right; 0: none is.
        {AS_ACCURACY}
        """,
        (
            NO_DECISION,
            "nothing was predicted positive (binary)",
            "a class that is expected was never predicted (multiclass)",
        ),
    ),
    Estimate(
        "recall",
        f"""Share of the expected positives that were selected.

        Sum of the calibrated chance over rows predicted positive, over its sum over all decided rows; multiclass:
        unweighted mean over the classes that are expected to occur. 1: all of them are found; 0: none is.
        {AS_ACCURACY}
        """,
        (NO_DECISION, "no positive is expected"),
    ),
    Estimate(
        "specificity",
        f"""Share of the expected negatives that were not selected.

        Sum of ``1 - c(s)`` over rows predicted negative, over its sum over all decided rows, with ``c(s)`` the
        calibrated chance of a positive label. 1: no negative is expected to be selected; 0: all are.
        {AS_ACCURACY}
        """,
        (NO_DECISION, "no negative is expected"),
        tasks=BINARY,
        core=False,
    ),
    Estimate(
        "f1",
        f"""F1 that is expected: ``2 TP / (positives + selected)`` of the expected counts.

        Multiclass: unweighted mean over the classes that are expected to occur. 1: every decision about the positives
        is expected to be right; 0: none of them is found. {AS_ACCURACY}
        """,
        (NO_DECISION, "no positive is expected and nothing predicted positive"),
    ),
    Estimate(
        "roc_auc",
        f"""Probability that a positive row has a higher score than a negative one, as expected from the scores.

        Every row counts as positive with its calibrated chance and as negative with the rest; rows of one score cell
        are ties. 1: perfect ranking; 0.5: no better than chance. Multiclass: unweighted mean of the AUC of each class
        against the rest, over the classes that are expected to occur. {AS_ACCURACY}
        """,
        (NO_SCORE, "one class is expected only"),
        RANKED,
    ),
    Estimate(
        "average_precision",
        f"""Mean over the expected positives of the precision at their score.

        Every row counts as positive with its calibrated chance; rows of one score cell are ties. 1: perfect ranking;
        the share of positives: no better than chance. {AS_ACCURACY}
        """,
        (NO_SCORE, "no positive is expected"),
        RANKED,
        BINARY,
        core=False,
    ),
    Estimate(
        "brier",
        f"""Mean squared distance of the scores from the labels that are expected.

        Mean of ``c(s) (1 - s)**2 + (1 - c(s)) s**2``, with ``s`` the middle of the score's cell, at most 0.001 off. 0:
        certain and right, every time; 0.25: always one half.
        {AS_ACCURACY} (Log loss has no estimate: in the cells beside 0 and 1 it has no bound.)
        """,
        (NO_SCORE,),
        RANKED,
        BINARY,
        unit="squared probability",
        direction="lower",
    ),
    Estimate(
        "mae",
        """Mean absolute error that is to be expected from the features of the rows.

        A tree of at most 64 leaves, fitted to the absolute errors of the reference, says how large errors are for such
        rows: one half of its rows chose the splits, the other half the values. Mean over the rows of their leaf's mean
        ``|e|``. 0: no error is expected. Interval: where the realised value of these rows is to be expected, on the log
        scale.
        """,
        (),
        LOST,
        REGRESSION,
        unit="label units",
        bounds=(0.0, None),
        direction="lower",
    ),
    Estimate(
        "rmse",
        """Root mean squared error that is to be expected from the features of the rows.

        Square root of the mean over the rows of their leaf's mean ``e**2``, leaves as for ``estimated.mae``. 0: no
        error is expected. Interval as for ``estimated.mae``.
        """,
        (),
        LOST,
        REGRESSION,
        unit="label units",
        bounds=(0.0, None),
        direction="lower",
    ),
)
"""What is estimated without labels."""


def _declare(one: Estimate) -> None:
    def estimate(found: Scored | Leaves) -> Result:
        return found.estimate(one.name)

    estimate.__doc__ = one.doc
    by_tree = one.tasks == REGRESSION
    metric(
        id=f"estimated.{one.name}",
        version=1,
        tasks=one.tasks,
        kind="estimate",
        unit=one.unit,
        bounds=one.bounds,
        direction=one.direction,
        undefined_when=(*one.undefined_when, *(NO_TREE if by_tree else NOT_TRUSTED)),
        source=DLE if by_tree else CBPE,
        needs=one.needs,
        core=one.core,
    )(estimate)


for _one in ESTIMATES:
    _declare(_one)
