"""Performance without labels: what the scores promise, in the light of what they meant in the reference.

Each is declared like the metric of the family ``performance`` that labels will show: its unit, bounds, direction, tasks
and parameters are those. Its interval is about that value for these very rows. A change of what scores mean (concept
drift) cannot be seen by any of them.

Without an estimate are, of the family ``performance``: measures of calibration, which an estimate takes from the
reference (``calibration_*``, ``ece``, ``brier_*``); ``score_ks``, which as the largest of many distances is raised by
chance; ``r2``, ``max_error``, ``median_absolute_error`` and ``interval_coverage``, which mean losses do not tell;
``cost_matrix``, since which class is taken for which other one is not counted by score; and ``selection_rate``, which
needs no labels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from inspect import cleandoc
from typing import TYPE_CHECKING

from aimsight.metrics.catalogue import agreement, decisions, errors, ranking, relative_errors, scores
from aimsight.metrics.estimates import formulas, losses
from aimsight.metrics.registry import Needs, declared, register

if TYPE_CHECKING:
    from aimsight.configs.parameters import Argument
    from aimsight.metrics.estimates.losses import Leaves
    from aimsight.metrics.estimates.scored import Scored
    from aimsight.metrics.values import Result

LIKE = (agreement, decisions, errors, ranking, relative_errors, scores)
"""Imported first: estimates are declared in the likeness of their metrics."""
CBPE = (
    "Isotonic calibration: Zadrozny and Elkan (2002), pooled as by Ayer et al. (1955); estimation from calibrated "
    "confidence: Garg et al., Leveraging unlabeled data to predict out-of-distribution performance (2022)"
)
DLE = (
    "Direct loss estimation; honest trees: Athey and Imbens, Recursive partitioning for causal effects, PNAS 113 (2016)"
)
DECIDED = Needs(reference=True, labels=True, score=True, prediction=True)
RANKED = Needs(reference=True, labels=True, score=True)
LOST = Needs(reference=True, labels=True, prediction=True)
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
CHANCE = "with ``c`` the chance of a positive label at the row's score, learned on the reference"
AS_ACCURACY = "Interval as for ``estimated.accuracy``."
AS_MAE = "leaves and interval as for ``estimated.mae``"
MACRO = "Multiclass: averaged over the classes that are expected to occur, each against the rest."


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimate, beyond what it has in common with the metric that labels will show.

    Parameters
    ----------
    name
        That metric's name in the family ``performance``.
    doc
        Definition, what particular values mean, interval.
    undefined
        A case without a value, beyond those in which none has one.
    core, version
        As of a metric.
    """

    name: str
    doc: str
    undefined: str = ""
    core: bool = False
    version: int = 1


ESTIMATES = (
    Estimate(
        "accuracy",
        f"""Share of rows whose prediction is expected to be the label.

        Mean of ``c`` over rows predicted positive and ``1 - c`` over the others, {CHANCE}; multiclass: mean chance of
        the predicted class. 1: every decision is expected to be right; 0: none is. Interval: where the realised value
        of these rows is to be expected, from label noise, the calibration's error, scores out of the reference's range,
        variation between windows, and the errors of earlier estimates; Wilson form between the metric's ends.
        """,
        core=True,
        version=2,
    ),
    Estimate(
        "balanced_accuracy",
        f"""Unweighted mean over the classes of the share of their expected rows that are recognised.

        Binary: ``(recall + specificity) / 2`` of the expected counts; multiclass: mean of the recall of the classes
        that are expected to occur. 1: all are recognised; 0.5 (binary): no better than chance. {AS_ACCURACY}
        """,
        "one class is expected only",
    ),
    Estimate(
        "precision",
        f"""Share of positive decisions that are expected to be right.

        Mean of ``c`` over rows predicted positive, {CHANCE}. {MACRO} 1: every positive decision is expected to be
        right; 0: none is. {AS_ACCURACY}
        """,
        "nothing was predicted positive (binary), or a class that is expected never was (multiclass, not micro)",
        core=True,
        version=2,
    ),
    Estimate(
        "recall",
        f"""Share of the expected positives that were selected.

        Sum of ``c`` over rows predicted positive, over its sum over all decided rows, {CHANCE}. {MACRO} 1: all of them
        are found; 0: none is. {AS_ACCURACY}
        """,
        "no positive is expected",
        core=True,
        version=2,
    ),
    Estimate(
        "specificity",
        f"""Share of the expected negatives that were not selected.

        Sum of ``1 - c`` over rows predicted negative, over its sum over all decided rows, {CHANCE}. {MACRO} 1: no
        negative is expected to be selected; 0: all are. {AS_ACCURACY}
        """,
        "no negative is expected",
        version=2,
    ),
    Estimate(
        "false_positive_rate",
        f"""Share of the expected negatives that were selected: ``1 - estimated.specificity``.

        0: no negative is expected to be selected; 1: all are. {AS_ACCURACY}
        """,
        "no negative is expected",
    ),
    Estimate(
        "false_negative_rate",
        f"""Share of the expected positives that were missed: ``1 - estimated.recall``.

        0: all of them are found; 1: none is. {AS_ACCURACY}
        """,
        "no positive is expected",
    ),
    Estimate(
        "f1",
        f"""F1 that is expected: ``2 TP / (positives + selected)`` of the expected counts.

        {MACRO} 1: every decision about the positives is expected to be right; 0: none of them is found. {AS_ACCURACY}
        """,
        "no positive is expected and nothing predicted positive",
        core=True,
        version=2,
    ),
    Estimate(
        "f_beta",
        f"""F-beta that is expected: ``(1 + beta**2) TP / ((1 + beta**2) TP + beta**2 FN + FP)`` of the expected counts.

        {MACRO} 1: every decision about the positives is expected to be right; 0: none of them is found. {AS_ACCURACY}
        """,
        "no positive is expected and nothing predicted positive",
    ),
    Estimate(
        "mcc",
        f"""Correlation of decisions and labels that is expected: the Matthews coefficient of the expected counts.

        Multiclass: Gorodkin's R_K, which rests on expected labels, decisions and right decisions by class. 1: every
        decision is expected to be right; 0: no better than chance; -1 (binary): every one wrong. {AS_ACCURACY}
        """,
        "one class is expected, or decided for, only",
    ),
    Estimate(
        "cohen_kappa",
        f"""Agreement beyond chance that is expected: ``(p_o - p_e) / (1 - p_e)`` of the expected counts.

        ``p_o`` is the estimated accuracy, ``p_e`` the agreement of labels and decisions drawn independently with their
        expected shares. 1: every decision is expected to be right; 0: no better than chance. {AS_ACCURACY}
        """,
        "one class is expected and decided for only",
    ),
    Estimate(
        "cost",
        f"""Mean cost of a decision that is expected (its business value, with the sign turned).

        ``(fp FP + fn FN + tp TP + tn TN) / n`` of the expected counts, in the unit of the costs. 0: nothing is lost on
        average; below 0: decisions bring more than they cost. {AS_ACCURACY}
        """,
    ),
    Estimate(
        "confusion",
        f"""One element of the confusion matrix that is expected: the share of rows with this label and decision.

        Sum of ``c`` (label positive) or ``1 - c`` (negative) over the rows with the decision, over all decided rows,
        {CHANCE}; times the number of rows it is the expected count. The four of them add up to 1. 0: no row is expected
        to be such; 1: all are. {AS_ACCURACY}
        """,
    ),
    Estimate(
        "roc_auc",
        f"""Probability that a positive row has a higher score than a negative one, as expected from the scores.

        Every row counts as positive with its calibrated chance and as negative with the rest; rows of one score cell
        are ties. {MACRO} 1: perfect ranking; 0.5: no better than chance. {AS_ACCURACY}
        """,
        "one class is expected only",
        core=True,
        version=2,
    ),
    Estimate(
        "gini",
        f"""Gini coefficient of the ranking that is expected: ``2 estimated.roc_auc - 1``.

        1: perfect ranking; 0: no better than chance; -1: perfectly wrong. {AS_ACCURACY}
        """,
        "one class is expected only",
    ),
    Estimate(
        "average_precision",
        f"""Mean over the expected positives of the precision at their score.

        Every row counts as positive with its calibrated chance; rows of one score cell are ties. {MACRO} 1: perfect
        ranking; the share of positives: no better than chance. {AS_ACCURACY}
        """,
        "no positive is expected",
        version=2,
    ),
    Estimate(
        "precision_at",
        f"""Share of positives that is expected among the share ``k`` of rows with the highest scores.

        Mean of ``c`` over them, {CHANCE}; rows of the cell at the threshold count in proportion. 1: all of them; the
        share of positives: no better than chance. {AS_ACCURACY}
        """,
        "the share of rows is less than one row",
    ),
    Estimate(
        "recall_at",
        f"""Share of all expected positives that are among the share ``k`` of rows with the highest scores.

        Sum of ``c`` over them, over its sum over all rows, {CHANCE}. 1: all are there; ``k``: no better than chance.
        {AS_ACCURACY}
        """,
        "no positive is expected, or the share of rows is less than one row",
    ),
    Estimate(
        "lift",
        f"""How many times more positives are expected in the share ``k`` with the highest scores than among all rows.

        ``estimated.recall_at / k``. 1: no better than chance; ``1 / k``: all are at the top; 0: none is. {AS_ACCURACY}
        """,
        "no positive is expected, or the share of rows is less than one row",
    ),
    Estimate(
        "brier",
        f"""Mean squared distance of the scores from the labels that are expected.

        Mean of ``c (1 - s)**2 + (1 - c) s**2``, {CHANCE} and ``s`` the middle of the score's cell, at most 0.001 off
        (0.002 of several classes); multiclass: its sum over the classes. 0: certain and right, every time; 0.25
        (binary): always one half. {AS_ACCURACY}
        """,
        version=3,
    ),
    Estimate(
        "log_loss",
        f"""Mean of ``-ln(probability given to the label)`` that is expected.

        Mean of ``-c ln(s) - (1 - c) ln(1 - s)``, {CHANCE} and ``s`` the middle of the score's cell; multiclass: sum of
        ``-c ln(s)`` over the classes. The error bound is by how much scores anywhere in their cells would change it,
        clipped as the metric clips them: large where labels are expected that have scores beside 0. 0: certain and
        right, every time; ln 2 = 0.693: a coin; unbounded above. {AS_ACCURACY}
        """,
    ),
    Estimate(
        "mae",
        """Mean absolute error that is to be expected from the features of the rows.

        A tree of at most 64 leaves, fitted to the errors of the reference, says how large errors are for such rows: one
        half of its rows chose the splits, the other half the values. Mean over the rows of their leaf's mean ``|e|``.
        0: no error is expected; unbounded above. Interval: where the realised value of these rows is to be expected, on
        the log scale, from the spread of errors within leaves, rows out of the reference's range, variation between
        windows, and the errors of earlier estimates.
        """,
        core=True,
        version=2,
    ),
    Estimate(
        "rmse",
        f"""Root mean squared error that is to be expected from the features of the rows.

        Square root of the mean over the rows of their leaf's mean ``e**2``; {AS_MAE}. 0: no error is expected;
        unbounded above.
        """,
        core=True,
        version=2,
    ),
    Estimate(
        "mse",
        f"""Mean squared error that is to be expected from the features of the rows.

        Mean over the rows of their leaf's mean ``e**2``; {AS_MAE}. 0: no error is expected; unbounded above.
        """,
    ),
    Estimate(
        "mean_error",
        """Mean error (bias) that is to be expected from the features of the rows, prediction minus label.

        Mean over the rows of their leaf's mean ``e``, leaves as for ``estimated.mae``. 0: right on average; above 0:
        predictions are expected to be too high; below 0: too low. Interval: its parts as for ``estimated.mae``,
        Student.
        """,
    ),
    Estimate(
        "mape",
        f"""Mean relative error that is to be expected from the features of the rows.

        Mean over the rows of their leaf's mean ``|e| / |label|``, a leaf counting by its share of labels other than 0;
        {AS_MAE}. 0: no error is expected; 0.1: off by a tenth of the label on average; unbounded above.
        """,
        "all labels of the reference are 0",
    ),
    Estimate(
        "smape",
        f"""Symmetric relative error that is to be expected from the features of the rows.

        Mean over the rows of their leaf's mean ``2 |e| / (|label| + |prediction|)``; {AS_MAE}. 0: no error is expected;
        2: label or prediction is always 0, or their signs differ.
        """,
    ),
    Estimate(
        "msle",
        f"""Mean squared log error that is to be expected from the features of the rows.

        Mean over the rows of their leaf's mean ``(ln(1 + prediction) - ln(1 + label))**2``; {AS_MAE}. 0: no error is
        expected; 0.01: off by a factor of about 1.1; unbounded above.
        """,
        "a label or prediction of the reference is -1 or less",
    ),
    Estimate(
        "rmsle",
        f"""Root mean squared log error that is to be expected from the features of the rows.

        Square root of ``estimated.msle``; {AS_MAE}. 0: no error is expected; 0.1: off by a factor of about 1.1;
        unbounded above.
        """,
        "a label or prediction of the reference is -1 or less",
    ),
    Estimate(
        "pinball_loss",
        f"""Loss of predicting a quantile that is to be expected from the features of the rows.

        Mean over the rows of their leaf's mean ``max(level (label - prediction), (1 - level) (prediction - label))``;
        {AS_MAE}. 0: no error is expected; at level 0.5 it is half the mean absolute error; unbounded above.
        """,
    ),
)
"""What is estimated without labels."""


def _estimate(name: str, found: Scored | Leaves, **arguments: Argument) -> Result:
    return found.estimate(name, **arguments)


def _declare(one: Estimate) -> None:
    by_tree = one.name in losses.FORMULAS
    decided = isinstance(formulas.FORMULAS.get(one.name), formulas.Decided)
    nothing = () if by_tree else (NO_DECISION,) if decided else (NO_SCORE,)
    unit = replace(
        declared(f"performance.{one.name}"),
        id=f"estimated.{one.name}",
        version=one.version,
        kind="estimate",
        undefined_when=(*nothing, *filter(None, [one.undefined]), *(NO_TREE if by_tree else NOT_TRUSTED)),
        source=DLE if by_tree else CBPE,
        needs=LOST if by_tree else DECIDED if decided else RANKED,
        compute=functools.partial(_estimate, one.name),
        doc=cleandoc(one.doc),
        core=one.core,
    )
    register(unit)


for _one in ESTIMATES:
    _declare(_one)
