"""Performance without labels: what the scores promise, in the light of what they meant in the reference.

Each is named after the metric of the family ``performance`` that labels will show, and its interval is about that value
for these very rows. A change of what scores mean (concept drift) cannot be seen by any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.metrics.registry import BINARY, CLASSIFICATION, REGRESSION, Needs, metric

if TYPE_CHECKING:
    from aimsight.metrics.estimates.losses import Leaves
    from aimsight.metrics.estimates.scored import Scored
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


@metric(
    id="estimated.accuracy",
    version=1,
    tasks=CLASSIFICATION,
    kind="estimate",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=("no row has a valid score and prediction", *NOT_TRUSTED),
    source=CBPE,
    needs=DECIDED,
)
def accuracy(e: Scored) -> Result:
    """Share of rows whose prediction is expected to be the label.

    With ``c(s)`` the chance of a positive label at score ``s``, learned on the reference: mean of ``c(s)`` over rows
    predicted positive and ``1 - c(s)`` over the others; multiclass: mean chance of the predicted class. 1: every
    decision is expected to be right; 0: none is. Interval: where the realised accuracy of these rows is to be expected,
    from label noise, the calibration's error, scores out of the reference's range, variation between windows, and the
    errors of earlier estimates; Wilson form.
    """
    return e.estimate("accuracy")


@metric(
    id="estimated.precision",
    version=1,
    tasks=CLASSIFICATION,
    kind="estimate",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(
        "no row has a valid score and prediction",
        "nothing was predicted positive (binary)",
        "a class that is expected was never predicted (multiclass)",
        *NOT_TRUSTED,
    ),
    source=CBPE,
    needs=DECIDED,
)
def precision(e: Scored) -> Result:
    """Share of positive decisions that are expected to be right.

    Mean of the calibrated chance over rows predicted positive; multiclass: unweighted mean over the classes that are
    expected to occur. 1: every positive decision is expected to be right; 0: none is. Interval as for
    ``estimated.accuracy``.
    """
    return e.estimate("precision")


@metric(
    id="estimated.recall",
    version=1,
    tasks=CLASSIFICATION,
    kind="estimate",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=("no row has a valid score and prediction", "no positive is expected", *NOT_TRUSTED),
    source=CBPE,
    needs=DECIDED,
)
def recall(e: Scored) -> Result:
    """Share of the expected positives that were selected.

    Sum of the calibrated chance over rows predicted positive, over its sum over all decided rows; multiclass:
    unweighted mean over the classes that are expected to occur. 1: all of them are found; 0: none is. Interval as for
    ``estimated.accuracy``.
    """
    return e.estimate("recall")


@metric(
    id="estimated.f1",
    version=1,
    tasks=CLASSIFICATION,
    kind="estimate",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(
        "no row has a valid score and prediction",
        "no positive is expected and nothing predicted positive",
        *NOT_TRUSTED,
    ),
    source=CBPE,
    needs=DECIDED,
)
def f1(e: Scored) -> Result:
    """F1 that is expected: ``2 TP / (positives + selected)`` of the expected counts.

    Multiclass: unweighted mean over the classes that are expected to occur. 1: every decision about the positives is
    expected to be right; 0: none of them is found. Interval as for ``estimated.accuracy``.
    """
    return e.estimate("f1")


@metric(
    id="estimated.roc_auc",
    version=1,
    tasks=CLASSIFICATION,
    kind="estimate",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=("no row has a valid score", "one class is expected only", *NOT_TRUSTED),
    source=CBPE,
    needs=RANKED,
)
def roc_auc(e: Scored) -> Result:
    """Probability that a positive row has a higher score than a negative one, as expected from the scores.

    Every row counts as positive with its calibrated chance and as negative with the rest; rows of one score cell are
    ties. 1: perfect ranking; 0.5: no better than chance. Multiclass: unweighted mean of the AUC of each class against
    the rest, over the classes that are expected to occur. Interval as for ``estimated.accuracy``.
    """
    return e.estimate("roc_auc")


@metric(
    id="estimated.brier",
    version=1,
    tasks=BINARY,
    kind="estimate",
    unit="squared probability",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=("no row has a valid score", *NOT_TRUSTED),
    source=CBPE,
    needs=RANKED,
)
def brier(e: Scored) -> Result:
    """Mean squared distance of the scores from the labels that are expected.

    Mean of ``c(s) (1 - s)**2 + (1 - c(s)) s**2``, with ``s`` the middle of the score's cell, at most 0.001 off. 0:
    certain and right, every time; 0.25: always one half. Interval as for ``estimated.accuracy``. (Log loss has no
    estimate: in the cells beside 0 and 1 it has no bound.)
    """
    return e.estimate("brier")


@metric(
    id="estimated.mae",
    version=1,
    tasks=REGRESSION,
    kind="estimate",
    unit="label units",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=(
        "fewer than 500 labelled rows in the reference",
        "more than 10 % of the rows have features that the reference has none of",
    ),
    source=DLE,
    needs=LOST,
)
def mae(e: Leaves) -> Result:
    """Mean absolute error that is to be expected from the features of the rows.

    A tree of at most 64 leaves, fitted to the absolute errors of the reference, says how large errors are for such
    rows: one half of its rows chose the splits, the other half the values. Mean over the rows of their leaf's mean
    ``|e|``. 0: no error is expected. Interval: where the realised value of these rows is to be expected, on the log
    scale.
    """
    return e.estimate("mae")


@metric(
    id="estimated.rmse",
    version=1,
    tasks=REGRESSION,
    kind="estimate",
    unit="label units",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=(
        "fewer than 500 labelled rows in the reference",
        "more than 10 % of the rows have features that the reference has none of",
    ),
    source=DLE,
    needs=LOST,
)
def rmse(e: Leaves) -> Result:
    """Root mean squared error that is to be expected from the features of the rows.

    Square root of the mean over the rows of their leaf's mean ``e**2``, leaves as for ``estimated.mae``. 0: no error is
    expected. Interval as for ``estimated.mae``.
    """
    return e.estimate("rmse")
