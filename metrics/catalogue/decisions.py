"""Performance of decisions: what a binary or multiclass model decided against what was true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import mean_of_correlated, mean_of_shares, wilson, wilson_bounds
from aimsight.metrics.registry import BINARY, CLASSIFICATION, Needs, metric
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics
    from aimsight.metrics.values import Result

DECISIONS = Needs(labels=True, prediction=True)
POWERS = "Powers, Evaluation: from precision, recall and F-measure to ROC, informedness, markedness (2011)"


def no_decisions(s: SegmentStatistics) -> Undefined:
    """Why there is not a single row with both a label and a valid prediction."""
    if s.rows == 0:
        return Undefined("no rows")
    if s.labelled == 0:
        return Undefined(f"no labels: 0 of {s.rows} rows are labelled", s.rows, Cause.TOO_FEW)
    return Undefined("no labelled row has a valid prediction", s.rows)


def _share(successes: int, n: int) -> Value:
    return Value(successes / n, n, wilson(successes, n))


def decided(c: BinaryCounts) -> int:
    """Rows with a label and a valid prediction."""
    return c.true_positive + c.false_positive + c.false_negative + c.true_negative


@metric(
    id="performance.accuracy",
    version=1,
    tasks=CLASSIFICATION,
    kind="segment",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=("no row has both a label and a valid prediction",),
    source=POWERS,
    needs=DECISIONS,
)
def accuracy(s: SegmentStatistics) -> Result:
    """Share of labelled rows whose prediction is the label.

    Binary: ``(TP + TN) / n``; multiclass: ``trace(matrix) / n``, with n = rows that have a label and a valid
    prediction. 1: every decision is right; 0: none is. Interval: Wilson.
    """
    if s.classes is not None:
        n, right = int(s.classes.matrix.sum()), int(np.trace(s.classes.matrix))
    elif s.binary is not None:
        n, right = decided(s.binary), s.binary.true_positive + s.binary.true_negative
    else:
        n = right = 0
    return _share(right, n) if n else no_decisions(s)


@metric(
    id="performance.precision",
    version=1,
    tasks=CLASSIFICATION,
    kind="segment",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(
        "no row has both a label and a valid prediction",
        "nothing labelled was predicted positive (binary)",
        "a class that occurs among the labels was never predicted (multiclass)",
    ),
    source=POWERS,
    needs=DECISIONS,
)
def precision(s: SegmentStatistics) -> Result:
    """Share of positive decisions that are right.

    Binary: ``TP / (TP + FP)``, interval: Wilson. Multiclass: the unweighted mean over the classes that occur among
    the labels of ``matrix[c, c] / sum_i matrix[i, c]`` (macro), interval: MOVER-Wilson. 1: every positive decision is
    right; 0: none is.
    """
    if s.classes is not None:
        return _macro(s, s.classes.matrix, axis=0)
    c = s.binary
    if c is None or decided(c) == 0:
        return no_decisions(s)
    n = c.true_positive + c.false_positive
    return _share(c.true_positive, n) if n else Undefined("nothing was predicted positive", decided(c), Cause.TOO_FEW)


@metric(
    id="performance.recall",
    version=1,
    tasks=CLASSIFICATION,
    kind="segment",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=("no row has both a label and a valid prediction", "no positive labels (binary)"),
    source=POWERS,
    needs=DECISIONS,
)
def recall(s: SegmentStatistics) -> Result:
    """Share of the positives that were found (true positive rate, sensitivity).

    Binary: ``TP / (TP + FN)``, interval: Wilson. Multiclass: the unweighted mean over the classes that occur among
    the labels of ``matrix[c, c] / sum_j matrix[c, j]`` (macro), interval: MOVER-Wilson. 1: every positive was found;
    0: none was.
    """
    if s.classes is not None:
        return _macro(s, s.classes.matrix, axis=1)
    c = s.binary
    if c is None or decided(c) == 0:
        return no_decisions(s)
    n = c.true_positive + c.false_negative
    return _share(c.true_positive, n) if n else Undefined("one class: no positive labels", decided(c), Cause.TOO_FEW)


@metric(
    id="performance.f1",
    version=1,
    tasks=CLASSIFICATION,
    kind="segment",
    unit="share",
    bounds=(0.0, 1.0),
    direction="higher",
    undefined_when=(
        "no row has both a label and a valid prediction",
        "no positive labels and nothing predicted positive (binary)",
    ),
    source="van Rijsbergen, Information Retrieval, 2nd ed. (1979), ch. 7",
    needs=DECISIONS,
)
def f1(s: SegmentStatistics) -> Result:
    """Harmonic mean of precision and recall.

    Binary: ``2 TP / (2 TP + FP + FN)``. Interval in closed form: given ``t = TP + FP + FN``, TP is binomial with
    share J, and F1 = 2 J / (1 + J) rises with J, so Wilson's bounds of J are carried over. Multiclass: unweighted
    mean over the classes that occur among the labels (macro), MOVER from such intervals of each class and their
    correlations. 1: every decision about the positives is right; 0: no positive was found.
    """
    if s.classes is not None:
        return _macro_f1(s, s.classes.matrix)
    c = s.binary
    if c is None or decided(c) == 0:
        return no_decisions(s)
    t = c.true_positive + c.false_positive + c.false_negative
    if t == 0:
        return Undefined("no positive labels and nothing predicted positive", decided(c), Cause.TOO_FEW)
    jaccard = wilson(c.true_positive, t)
    low, high = (2 * j / (1 + j) for j in (jaccard.low, jaccard.high))
    value = 2 * c.true_positive / (2 * c.true_positive + c.false_positive + c.false_negative)
    return Value(value, decided(c), Interval(min(low, value), max(high, value), "Wilson, carried over"))


def _macro(s: SegmentStatistics, matrix: NDArray[np.int64], axis: int) -> Result:
    """Mean over the classes among the labels of right decisions by decisions (axis 0) or by labels (axis 1)."""
    n = int(matrix.sum())
    if n == 0:
        return no_decisions(s)
    present = matrix.sum(axis=1) > 0
    hits, of = (x[present].astype(np.float64) for x in (np.diag(matrix), matrix.sum(axis=axis)))
    never = int((of == 0).sum())
    if never:
        return Undefined(f"{never} of the {of.size} classes among the labels were never predicted", n, Cause.TOO_FEW)
    return Value(float((hits / of).mean()), n, mean_of_shares(hits, of))


def _macro_f1(s: SegmentStatistics, matrix: NDArray[np.int64]) -> Result:
    n = int(matrix.sum())
    if n == 0:
        return no_decisions(s)
    present = np.flatnonzero(matrix.sum(axis=1))
    hits = np.diag(matrix)[present].astype(np.float64)
    both = (matrix.sum(axis=0) + matrix.sum(axis=1))[present].astype(np.float64)
    per_class = 2 * hits / both
    low, high = (2 * j / (1 + j) for j in wilson_bounds(hits, both - hits))
    # two classes share the rows of one decided as the other; so their F1 vary together
    confused = (matrix + matrix.T)[np.ix_(present, present)]
    covariance = confused.astype(np.float64) * np.outer(per_class / both, per_class / both)
    variance = (4 * hits * np.square(1 - per_class) + (both - 2 * hits) * np.square(per_class)) / np.square(both)
    np.fill_diagonal(covariance, variance)
    return Value(float(per_class.mean()), n, mean_of_correlated(per_class, low, high, covariance))


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
)
def selection_rate(s: SegmentStatistics) -> Result:
    """Share of rows that the model decided positively, labelled or not.

    ``selected / predicted`` over rows with a valid prediction. 1: everybody is selected; 0: nobody. Interval: Wilson.
    """
    if s.binary is None or s.binary.predicted == 0:
        return Undefined("no row has a valid prediction", s.rows) if s.rows else Undefined("no rows")
    return _share(s.binary.selected, s.binary.predicted)


@metric(
    id="performance.false_positive_rate",
    version=1,
    tasks=BINARY,
    kind="segment",
    unit="share",
    bounds=(0.0, 1.0),
    direction="lower",
    undefined_when=("no row has both a label and a valid prediction", "no negative labels"),
    source=POWERS,
    needs=DECISIONS,
)
def false_positive_rate(s: SegmentStatistics) -> Result:
    """Share of the negatives that were decided positively (fall-out).

    ``FP / (FP + TN)``. 0: no negative was selected; 1: all were. Interval: Wilson.
    """
    c = s.binary
    if c is None or decided(c) == 0:
        return no_decisions(s)
    n = c.false_positive + c.true_negative
    return _share(c.false_positive, n) if n else Undefined("one class: no negative labels", decided(c), Cause.TOO_FEW)
