"""Rates and other statistics of a confusion matrix: of one class against the rest, averaged over classes, or whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from aimsight.configs.parameters import Parameter
from aimsight.metrics.bootstrap import interval_of
from aimsight.metrics.intervals import mean_of_shares, wilson
from aimsight.metrics.statistics import BinaryCounts
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Interval, Result

    Floats = NDArray[np.float64]

AVERAGE = Parameter(
    "average",
    "word",
    "macro",
    doc="mean over the classes that occur: each alike, all decisions together, or by their rows",
    choices=("macro", "micro", "weighted"),
    tasks=frozenset({"multiclass"}),
)
Average = Literal["macro", "micro", "weighted"]


@dataclass(frozen=True, slots=True)
class Against:
    """Decisions about a class against the rest; arrays of one shape, of rows or of shares of rows."""

    true_positive: Floats
    false_positive: Floats
    false_negative: Floats
    true_negative: Floats


Ratio = Callable[[Against], tuple["Floats", "Floats"]]
"""A rate as numerator and denominator; the rows of the numerator are among those of the denominator."""


def precision_of(c: Against) -> tuple[Floats, Floats]:
    """Right ones among the positive decisions."""
    return c.true_positive, c.true_positive + c.false_positive


def recall_of(c: Against) -> tuple[Floats, Floats]:
    """Those found among the positives."""
    return c.true_positive, c.true_positive + c.false_negative


def specificity_of(c: Against) -> tuple[Floats, Floats]:
    """Those left alone among the negatives."""
    return c.true_negative, c.true_negative + c.false_positive


def false_positive_rate_of(c: Against) -> tuple[Floats, Floats]:
    """Those selected among the negatives."""
    return c.false_positive, c.false_positive + c.true_negative


def false_negative_rate_of(c: Against) -> tuple[Floats, Floats]:
    """Those missed among the positives."""
    return c.false_negative, c.false_negative + c.true_positive


def f_of(beta: float) -> Ratio:
    """Harmonic mean of precision and recall, which counts ``beta`` times as much."""

    def ratio(c: Against) -> tuple[Floats, Floats]:
        hits = (1 + beta**2) * c.true_positive
        return hits, hits + beta**2 * c.false_negative + c.false_positive

    return ratio


def all_of(c: Against) -> Floats:
    """All decided rows."""
    return c.true_positive + c.false_positive + c.false_negative + c.true_negative


def cell_of(c: Against, label: str, decision: str) -> Floats:
    """The rows of this label and this decision, each "positive" or "negative"."""
    positive, negative = (
        (c.true_positive, c.false_negative) if label == "positive" else (c.false_positive, c.true_negative)
    )
    return positive if decision == "positive" else negative


def against_rest(matrix: Floats) -> Against:
    """Of every class (last axis) from matrices [..., true class, predicted class]."""
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    labels, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    rest = matrix.sum(axis=(-2, -1))[..., None] - labels - predicted + right
    return Against(right, predicted - right, labels - right, rest)


def matrix_of(s: SegmentStatistics) -> NDArray[np.int64]:
    """Rows by true and predicted class, int64; negative before positive in binary tasks; all 0 when there are none."""
    if s.classes is not None:
        return s.classes.matrix
    c = s.binary or BinaryCounts(0, 0, 0, 0, 0, 0)
    return np.array([[c.true_negative, c.false_positive], [c.false_negative, c.true_positive]], dtype=np.int64)


def no_decisions(s: SegmentStatistics) -> Undefined:
    """Why there is not a single row with both a label and a valid prediction."""
    if s.rows == 0:
        return Undefined("no rows")
    if s.labelled == 0:
        return Undefined(f"no labels: 0 of {s.rows} rows are labelled", s.rows, Cause.TOO_FEW)
    return Undefined("no labelled row has a valid prediction", s.rows)


def rate(s: SegmentStatistics, ratio: Ratio, nothing: str, average: Average) -> Result:
    """A rate of decisions.

    Binary: with Wilson's interval; undefined with the reason ``nothing`` when no row counts. Multiclass: averaged over
    the classes that occur among the labels, undefined when one of them has no row that counts.
    """
    if s.classes is None:
        return _binary(s, ratio, nothing)
    return averaged(s, ratio, mean_of_shares, average, nothing)


def _binary(s: SegmentStatistics, ratio: Ratio, nothing: str) -> Result:
    matrix = matrix_of(s)
    n = int(matrix.sum())
    if n == 0:
        return no_decisions(s)
    hits, of = (int(x[1]) for x in ratio(against_rest(matrix.astype(np.float64))))
    return Value(hits / of, of, wilson(hits, of)) if of else Undefined(nothing, n, Cause.TOO_FEW)


def averaged(
    s: SegmentStatistics,
    ratio: Ratio,
    macro: Callable[[Floats, Floats], Interval] | None,
    average: Average,
    nothing: str = "no row counts",
) -> Result:
    """The average of a ratio over the classes that occur among the labels of a multiclass model.

    ``macro`` makes the interval of the unweighted mean from numerators and denominators, where there is a closed form.
    """
    matrix = matrix_of(s)
    n = int(matrix.sum())
    if n == 0:
        return no_decisions(s)
    present = np.flatnonzero(matrix.sum(axis=1))

    def parts(shares: Floats) -> tuple[Floats, Floats, Floats]:
        hits, of = ratio(against_rest(shares))
        return hits[..., present], of[..., present], shares.sum(axis=-1)[..., present]

    hits, of, _ = parts(matrix.astype(np.float64))
    never = int((of == 0).sum())
    if never and average != "micro":
        return Undefined(f"{never} of the {of.size} classes among the labels: {nothing}", n, Cause.TOO_FEW)

    def mean(shares: Floats) -> Floats:
        hits, of, labels = parts(shares)
        if average == "micro":
            result: Floats = hits.sum(axis=-1) / of.sum(axis=-1)
        elif average == "weighted":
            result = (labels * hits / of).sum(axis=-1) / labels.sum(axis=-1)
        else:
            result = (hits / of).mean(axis=-1)
        return result

    if average == "micro" and of.sum() == 0:
        return Undefined(nothing, n, Cause.TOO_FEW)
    value = float(mean(matrix.astype(np.float64)))
    if average == "macro" and macro is not None:
        return Value(value, n, macro(hits, of))
    if average == "micro" and of.sum() == n:
        return Value(value, n, wilson(float(hits.sum()), n))
    return Value(value, n, interval_of(value, matrix, mean))


def occurring_classes(matrix: NDArray[np.int64]) -> NDArray[np.intp]:
    """Places of the classes that occur among labels or predictions."""
    return np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))


def occurring(s: SegmentStatistics) -> NDArray[np.int64]:
    """The matrix of the classes that occur among labels or predictions; both of a binary model."""
    matrix = matrix_of(s)
    there = occurring_classes(matrix)
    return matrix if s.classes is None else np.ascontiguousarray(matrix[np.ix_(there, there)])


def whole(s: SegmentStatistics, statistic: Callable[[Floats], Floats], undefined: Callable[[Floats], str]) -> Result:
    """A statistic of the whole matrix with a bootstrap of its counts; ``undefined`` says why it has no value, if so."""
    used = occurring(s)
    n = int(used.sum())
    if n == 0:
        return no_decisions(s)
    reason = undefined(used.astype(np.float64))
    if reason:
        return Undefined(reason, n, Cause.TOO_FEW)
    value = float(statistic(used.astype(np.float64)))
    return Value(value, n, interval_of(value, used, statistic))


def one_against_rest(s: SegmentStatistics, classes: tuple[str, ...], name: str) -> SegmentStatistics | None:
    """A multiclass model's statistics as those of a binary one: this class against all others.

    Sums of losses are not kept by class, and are left out. ``None`` when there is no such class.
    """
    names = classes or tuple(s.scores or ())
    if name not in names:
        return None
    binary = None
    if s.classes is not None:
        place, matrix = names.index(name), s.classes.matrix
        right, labels, predicted = int(matrix[place, place]), int(matrix[place].sum()), int(matrix[:, place].sum())
        binary = BinaryCounts(
            predicted=int(s.classes.predicted.sum()),
            selected=int(s.classes.predicted[place]),
            true_positive=right,
            false_positive=predicted - right,
            false_negative=labels - right,
            true_negative=int(matrix.sum()) - labels - predicted + right,
        )
    return replace(
        s,
        binary=binary,
        classes=None,
        score_sums=None,
        scores={"": s.scores[name]} if s.scores is not None and name in s.scores else None,
        score_decisions=(
            {"": s.score_decisions[name]} if s.score_decisions is not None and name in s.score_decisions else None
        ),
    )
