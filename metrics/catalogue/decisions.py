"""Performance of decisions as rates: what a binary or multiclass model decided against what was true."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.parameters import Parameter
from aimsight.metrics.confusion import (
    AVERAGE,
    Against,
    against_rest,
    all_of,
    averaged,
    cell_of,
    f_of,
    false_negative_rate_of,
    false_positive_rate_of,
    matrix_of,
    no_decisions,
    precision_of,
    rate,
    recall_of,
    specificity_of,
)
from aimsight.metrics.intervals import UNKNOWN_ROWS, Z, mean_of_correlated, mean_of_shares, wilson
from aimsight.metrics.registry import BINARY, CLASSIFICATION, Needs, metric
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.confusion import Average
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]

DECISIONS = Needs(labels=True, prediction=True)
POWERS = "Powers, Evaluation: from precision, recall and F-measure to ROC, informedness, markedness (2011)"
RIJSBERGEN = "van Rijsbergen, Information Retrieval, 2nd ed. (1979), ch. 7"
of_decisions = functools.partial(
    metric, kind="segment", unit="share", bounds=(0.0, 1.0), needs=DECISIONS, per_class=True
)
"""Declares a share that is computed from decisions and labels."""
NO_DECISION = "no row has both a label and a valid prediction"
NO_POSITIVE, NO_NEGATIVE = "one class: no positive labels", "one class: no negative labels"
NOTHING_POSITIVE = "no positive labels and nothing predicted positive"


@of_decisions(
    id="performance.accuracy",
    version=1,
    tasks=CLASSIFICATION,
    direction="higher",
    undefined_when=(NO_DECISION,),
    source=POWERS,
)
def accuracy(s: SegmentStatistics) -> Result:
    """Share of labelled rows whose prediction is the label.

    Binary: ``(TP + TN) / n``; multiclass: ``trace(matrix) / n``, with n = rows that have a label and a valid
    prediction. 1: every decision is right; 0: none is. Interval: Wilson.
    """
    matrix = matrix_of(s)
    n, right = int(matrix.sum()), int(np.trace(matrix))
    return Value(right / n, n, wilson(right, n)) if n else no_decisions(s)


@of_decisions(
    id="performance.balanced_accuracy",
    version=2,
    tasks=CLASSIFICATION,
    direction="higher",
    undefined_when=(NO_DECISION, "one class only among the labels"),
    source="Brodersen, Ong, Stephan and Buhmann, The balanced accuracy and its posterior distribution, ICPR (2010)",
)
def balanced_accuracy(s: SegmentStatistics) -> Result:
    """Unweighted mean over the classes that occur of the share of their rows that are recognised.

    Binary: ``(recall + specificity) / 2``. 1: every row of every class is recognised; 0.5 (binary): no better than
    chance, however rare a class is; 0: none is. Interval: Price and Bonett over the classes.
    """
    matrix = matrix_of(s).astype(np.float64)
    n, labels = int(matrix.sum()), matrix.sum(axis=1)
    present = labels > 0
    if n == 0:
        return no_decisions(s)
    if present.sum() < 2:
        return Undefined("one class only among the labels", n, Cause.TOO_FEW)
    hits, of = np.diag(matrix)[present], labels[present]
    return Value(float((hits / of).mean()), n, mean_of_shares(hits, of))


@of_decisions(
    id="performance.precision",
    version=2,
    tasks=CLASSIFICATION,
    direction="higher",
    undefined_when=(
        NO_DECISION,
        "nothing labelled was predicted positive (binary)",
        "a class that occurs among the labels was never predicted (multiclass, not micro)",
    ),
    source=POWERS,
    parameters=(AVERAGE,),
)
def precision(s: SegmentStatistics, *, average: Average = "macro") -> Result:
    """Share of positive decisions that are right.

    Binary: ``TP / (TP + FP)``, interval: Wilson. Multiclass: averaged over the classes that occur among the labels of
    ``matrix[c, c] / sum_i matrix[i, c]``; interval: Price-Bonett (macro), bootstrap of counts (otherwise). 1: every
    positive decision is right; 0: none is.
    """
    return rate(s, precision_of, "nothing was predicted positive", average)


@of_decisions(
    id="performance.recall",
    version=2,
    tasks=CLASSIFICATION,
    direction="higher",
    undefined_when=(NO_DECISION, "no positive labels (binary)"),
    source=POWERS,
    parameters=(AVERAGE,),
)
def recall(s: SegmentStatistics, *, average: Average = "macro") -> Result:
    """Share of the positives that were found (true positive rate, sensitivity).

    Binary: ``TP / (TP + FN)``, interval: Wilson. Multiclass: averaged over the classes that occur among the labels of
    ``matrix[c, c] / sum_j matrix[c, j]``; interval: Price-Bonett (macro), Wilson (micro), bootstrap of counts
    (weighted). 1: every positive was found; 0: none was.
    """
    return rate(s, recall_of, NO_POSITIVE, average)


@of_decisions(
    id="performance.specificity",
    version=2,
    tasks=CLASSIFICATION,
    direction="higher",
    undefined_when=(NO_DECISION, "no negative labels (binary)", "a single class among the labels (multiclass)"),
    source=POWERS,
    parameters=(AVERAGE,),
    core=False,
)
def specificity(s: SegmentStatistics, *, average: Average = "macro") -> Result:
    """Share of the negatives that were left alone (true negative rate).

    ``TN / (TN + FP)``; multiclass: averaged over the classes that occur, each against the rest. 1: no negative was
    selected; 0: all were. Interval: Wilson; multiclass: Price-Bonett (macro), bootstrap of counts (otherwise).
    """
    return rate(s, specificity_of, NO_NEGATIVE, average)


@of_decisions(
    id="performance.false_positive_rate",
    version=1,
    tasks=BINARY,
    direction="lower",
    undefined_when=(NO_DECISION, "no negative labels"),
    source=POWERS,
)
def false_positive_rate(s: SegmentStatistics) -> Result:
    """Share of the negatives that were decided positively (fall-out).

    ``FP / (FP + TN)``. 0: no negative was selected; 1: all were. Interval: Wilson.
    """
    return rate(s, false_positive_rate_of, NO_NEGATIVE, "macro")


@of_decisions(
    id="performance.false_negative_rate",
    version=1,
    tasks=BINARY,
    direction="lower",
    undefined_when=(NO_DECISION, "no positive labels"),
    source=POWERS,
    core=False,
)
def false_negative_rate(s: SegmentStatistics) -> Result:
    """Share of the positives that were missed (miss rate).

    ``FN / (FN + TP)``. 0: every positive was found; 1: none was. Interval: Wilson.
    """
    return rate(s, false_negative_rate_of, NO_POSITIVE, "macro")


@of_decisions(
    id="performance.f1",
    version=3,
    tasks=CLASSIFICATION,
    direction="higher",
    undefined_when=(NO_DECISION, "no positive labels and nothing predicted positive (binary)"),
    source=RIJSBERGEN,
    parameters=(AVERAGE,),
)
def f1(s: SegmentStatistics, *, average: Average = "macro") -> Result:
    """Harmonic mean of precision and recall.

    Binary: ``2 TP / (2 TP + FP + FN)``. Interval in closed form: given ``t = TP + FP + FN``, TP is binomial with
    share J, and F1 = 2 J / (1 + J) rises with J, so Wilson's bounds of J are carried over. Multiclass: averaged over
    the classes that occur among the labels; interval of macro: MOVER from Agresti and Coull's intervals of each class
    and their correlations, otherwise a bootstrap of counts. 1: every decision about the positives is right; 0: no
    positive was found.
    """
    if s.classes is not None:
        return _multiclass(s, s.classes.matrix, 1.0, average)
    hits, twice = (int(x[1]) for x in f_of(1.0)(_against(s)))
    n, jaccard_of = int(matrix_of(s).sum()), twice - hits // 2
    if n == 0 or twice == 0:
        return Undefined(NOTHING_POSITIVE, n, Cause.TOO_FEW) if n else no_decisions(s)
    jaccard = wilson(hits // 2, jaccard_of)
    low, high = (2 * j / (1 + j) for j in (jaccard.low, jaccard.high))
    value = hits / twice
    return Value(value, n, Interval(min(low, value), max(high, value), "Wilson, carried over"))


def _against(s: SegmentStatistics) -> Against:
    return against_rest(matrix_of(s).astype(np.float64))


def _multiclass(s: SegmentStatistics, matrix: NDArray[np.int64], beta: float, average: Average) -> Result:
    if average != "macro":
        return averaged(s, f_of(beta), None, average)
    n = int(matrix.sum())
    if n == 0:
        return no_decisions(s)
    present = np.flatnonzero(matrix.sum(axis=1))
    scores = FScores.of(matrix, present, beta)
    unknown = UNKNOWN_ROWS / (scores.rows + 2 * UNKNOWN_ROWS)
    centre = scores.values * (1 - 2 * unknown) + unknown
    half = Z * np.sqrt(centre * (1 - centre) * unknown / UNKNOWN_ROWS)
    # two classes share the rows of one decided as the other; so their scores vary together
    confused = matrix[np.ix_(present, present)] * np.outer(scores.missed, scores.wrong)
    covariance = confused + confused.T
    np.fill_diagonal(covariance, scores.variances)
    around = mean_of_correlated(scores.values, centre - half, centre + half, covariance)
    return Value(float(scores.values.mean()), n, replace(around, method="MOVER-Agresti-Coull"))


@dataclass(frozen=True, slots=True)
class FScores:
    """F of some classes against the rest, by how much a missed and a wrong row moves each, and its variance."""

    values: Floats
    missed: Floats
    wrong: Floats
    variances: Floats
    rows: Floats
    """Rows whose plain share would vary as much."""

    @classmethod
    def of(cls, matrix: NDArray[np.int64], classes: NDArray[np.intp], beta: float) -> FScores:
        """From rows by true and predicted class."""
        counts = matrix.astype(np.float64)
        values, missed, wrong, variances = _moved(counts, classes, beta)
        # without an error, or without a right decision, both share and variance are 0: the limit of their ratio
        near, _, _, varied = _moved(counts + TINY, classes, beta)
        return cls(values, missed, wrong, variances, near * (1 - near) / varied)


def _moved(counts: Floats, classes: NDArray[np.intp], beta: float) -> tuple[Floats, Floats, Floats, Floats]:
    against = against_rest(counts)
    hits, of = (x[classes] for x in f_of(beta)(against))
    values = hits / of
    right, missed, wrong = (1 + beta**2) * (1 - values) / of, -(beta**2) * values / of, -values / of
    found, lost, taken = (x[classes] for x in (against.true_positive, against.false_negative, against.false_positive))
    return values, missed, wrong, right**2 * found + missed**2 * lost + wrong**2 * taken


TINY = 1e-4
"""Rows added to every cell where a limit is asked for."""


@of_decisions(
    id="performance.f_beta",
    version=3,
    tasks=CLASSIFICATION,
    direction="higher",
    undefined_when=(NO_DECISION, "no positive labels and nothing predicted positive (binary)"),
    source=RIJSBERGEN,
    parameters=(Parameter("beta", "float", 2.0, 0.01, 100.0, "how much more recall counts than precision"), AVERAGE),
    core=False,
)
def f_beta(s: SegmentStatistics, *, beta: float = 2.0, average: Average = "macro") -> Result:
    """Weighted harmonic mean of precision and recall, recall counting ``beta`` times as much.

    ``(1 + beta**2) TP / ((1 + beta**2) TP + beta**2 FN + FP)``; multiclass: averaged over the classes that occur among
    the labels. 1: every decision about the positives is right; 0: no positive was found. Interval: Wilson with the rows
    whose plain share would vary as much; macro: MOVER from Agresti and Coull's intervals of each class, with such rows,
    and their correlations; otherwise a bootstrap of counts.
    """
    if s.classes is not None:
        return _multiclass(s, s.classes.matrix, beta, average)
    matrix = matrix_of(s)
    n = int(matrix.sum())
    if n == 0 or matrix[0, 0] == n:
        return Undefined(NOTHING_POSITIVE, n, Cause.TOO_FEW) if n else no_decisions(s)
    scores = FScores.of(matrix, np.array([1]), beta)
    value, rows = float(scores.values[0]), float(scores.rows[0])
    return Value(value, n, wilson(value * rows, rows, method="Wilson, effective rows"))


LABEL, DECISION = (
    Parameter(name, "word", doc=f"the {name} that is counted", choices=("positive", "negative"))
    for name in ("label", "decision")
)


@of_decisions(
    id="performance.confusion",
    version=1,
    tasks=BINARY,
    direction="none",
    undefined_when=(NO_DECISION,),
    source=POWERS,
    parameters=(LABEL, DECISION),
    core=False,
)
def confusion(s: SegmentStatistics, *, label: str, decision: str) -> Result:
    """One element of the confusion matrix: the share of decided rows with this label and this decision.

    ``TP / n`` for ``label=positive, decision=positive``, ``FN / n`` for ``label=positive, decision=negative``, and so
    on; times the number of rows it is their count, and the four of them add up to 1. 0: no row is such; 1: all are. Of
    a multiclass model one class against the rest; how many rows of one class are taken for another is
    ``performance.cost_matrix(costs="A as B: 1", other=0)``. Interval: Wilson.
    """
    return rate(s, lambda c: (cell_of(c, label, decision), all_of(c)), "", "macro")


@metric(
    id="performance.selection_rate",
    version=1,
    tasks=BINARY,
    kind="segment",
    unit="share",
    bounds=(0.0, 1.0),
    direction="none",
    undefined_when=("no row has a valid prediction",),
    source="Barocas, Hardt and Narayanan, Fairness and Machine Learning (2023), ch. 3",
    needs=Needs(prediction=True),
    per_class=True,
)
def selection_rate(s: SegmentStatistics) -> Result:
    """Share of rows that the model decided positively, labelled or not.

    ``selected / predicted`` over rows with a valid prediction. 1: everybody is selected; 0: nobody. Interval: Wilson.
    """
    if s.binary is None or s.binary.predicted == 0:
        return Undefined("no row has a valid prediction", s.rows) if s.rows else Undefined("no rows")
    selected, n = s.binary.selected, s.binary.predicted
    return Value(selected / n, n, wilson(selected, n))
