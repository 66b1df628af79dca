"""Formulas of metrics, written a second time for auditors: what a measurement must be by its segment's statistics.

This file needs nothing but Python's standard library (3.8 or newer): it is a part of the program that auditors are
given with a bundle. Statistics keep sums of scores and errors as whole numbers in a unit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


def ratio(above: float, below: float) -> float | None:
    """The quotient, or None when there is nothing to divide by."""
    return above / below if below else None


def classes(row: dict[str, Any]) -> tuple[int, int] | None:
    """Right decisions and all decisions of a multiclass model."""
    matrix = row["class_matrix"]
    if not matrix:
        return None
    size = math.isqrt(len(matrix))
    return sum(matrix[i * size + i] for i in range(size)), sum(matrix)


def accuracy(row: dict[str, Any]) -> float | None:
    """Share of right decisions."""
    if row["true_positive"] is not None:
        right = row["true_positive"] + row["true_negative"]
        return ratio(right, right + row["false_positive"] + row["false_negative"])
    found = classes(row)
    return ratio(*found) if found else None


def of_binary(
    above: Callable[[dict[str, Any]], int], below: Callable[[dict[str, Any]], int]
) -> Callable[[dict[str, Any]], float | None]:
    """A ratio of counts of a binary model."""
    return lambda row: None if row["true_positive"] is None else ratio(above(row), below(row))


def of_scores(name: str, unit: float) -> Callable[[dict[str, Any]], float | None]:
    """The mean of a sum over scored rows, kept as an integer in a unit."""
    return lambda row: None if row[name] is None else ratio(int(row[name]) * unit, row["scored"])


def matrix(row: dict[str, Any]) -> list[list[int]]:
    """The decisions of a classifier: a row for each class of the label, a column for each prediction."""
    if row["true_positive"] is not None:
        return [[row["true_negative"], row["false_positive"]], [row["false_negative"], row["true_positive"]]]
    cells = row["class_matrix"] or []
    size = math.isqrt(len(cells))
    return [cells[i * size : (i + 1) * size] for i in range(size)]


def balanced_accuracy(row: dict[str, Any]) -> float | None:
    """Mean over the classes of the share of their rows that are recognised."""
    shares = [ratio(part[i], sum(part)) for i, part in enumerate(matrix(row))]
    found = [share for share in shares if share is not None]
    return math.fsum(found) / len(found) if found else None


def mcc(row: dict[str, Any]) -> float | None:
    """The correlation of label and prediction (Gorodkin's for more than two classes)."""
    cells = matrix(row)
    places = range(len(cells))
    labels, predictions = [sum(part) for part in cells], [sum(part[i] for part in cells) for i in places]
    n, right = sum(labels), sum(cells[i][i] for i in places)
    spread = (n * n - sum(one * one for one in predictions)) * (n * n - sum(one * one for one in labels))
    together = sum(labels[i] * predictions[i] for i in places)
    return ratio(right * n - together, math.sqrt(spread))


def of_errors(name: str, power: int) -> Callable[[dict[str, Any], float], float | None]:
    """The mean of a sum of errors to a power, in the label's unit."""

    def value(row: dict[str, Any], unit: float) -> float | None:
        if row[name] is None or row["error_overflow"] or not row["error_rows"]:
            return None
        mean = int(row[name]) / row["error_rows"]
        return (mean if power == 1 else math.sqrt(mean)) * unit

    return value


def r2(row: dict[str, Any]) -> float | None:
    """Share of the labels' variance that the predictions explain."""
    if row["error"] is None or row["error_overflow"]:
        return None
    n, label = row["error_rows"], int(row["label"])
    unexplained = ratio(n * int(row["error_square"]), n * int(row["label_square"]) - label * label)
    return None if unexplained is None else 1 - unexplained


class Scores(NamedTuple):
    """Labelled rows of one class by score: cells from the lowest score on, with the rows of others and of the class.

    A cell is a thousandth of the scores from 0 to 1. How the rows of one cell are ordered is not kept.
    """

    cells: list[int]
    negatives: list[int]
    positives: list[int]


CELLS = 1000


class Range(NamedTuple):
    """Lowest and highest value that the scores of these cells can have given."""

    low: float
    high: float


def both(parts: list[Scores]) -> list[Scores]:
    """The classes of which there are rows and rows of others."""
    return [part for part in parts if sum(part.positives) and sum(part.negatives)]


def mean_range(found: list[Range]) -> Range | None:
    """The range of an unweighted mean over classes."""
    if not found:
        return None
    return Range(math.fsum(one.low for one in found) / len(found), math.fsum(one.high for one in found) / len(found))


def auc(parts: list[Scores]) -> Range | None:
    """Share of the pairs of a positive and another row in which the positive scores higher, ties counting half."""
    found = []
    for part in both(parts):
        won = tied = below = 0
        for negatives, positives in zip(part.negatives, part.positives):
            won, tied, below = won + positives * below, tied + positives * negatives, below + negatives
        pairs = sum(part.positives) * sum(part.negatives)
        found.append(Range(won / pairs, (won + tied) / pairs))
    return mean_range(found)


def gini(parts: list[Scores]) -> Range | None:
    """Twice the AUC, less one."""
    found = auc(parts)
    return None if found is None else Range(2 * found.low - 1, 2 * found.high - 1)


def average_precision(parts: list[Scores]) -> Range | None:
    """Mean over the positives of the share of positives among the rows that score as high or higher.

    Within a cell precision rises from positive to positive, whatever lies before them: the first after all the others
    of its cell is the least that any of them has, the last before all of them the most.
    """
    found = []
    for part in both(parts):
        low = high = 0.0
        hits = seen = 0
        for negatives, positives in zip(reversed(part.negatives), reversed(part.positives)):
            if positives:
                low += positives * (hits + 1) / (seen + negatives + 1)
                high += positives * (hits + positives) / (seen + positives)
            hits, seen = hits + positives, seen + positives + negatives
        found.append(Range(low / hits, high / hits))
    return mean_range(found)


def ece(parts: list[Scores]) -> Range | None:
    """Mean distance, over ten bins of scores, of their share of positives from their mean score.

    A score is at most half a cell away from the middle of its cell.
    """
    found = []
    for part in parts:
        bins: dict[int, tuple[int, float]] = {}
        for cell, negatives, positives in zip(part.cells, part.negatives, part.positives):
            up, score = bins.get(cell * 10 // CELLS, (0, 0.0))
            bins[cell * 10 // CELLS] = up + positives, score + (negatives + positives) * (cell + 0.5) / CELLS
        rows = sum(part.negatives) + sum(part.positives)
        if rows:
            value = math.fsum(abs(up - score) for up, score in bins.values()) / rows
            found.append(Range(value - 0.5 / CELLS, value + 0.5 / CELLS))
    return mean_range(found)


OF_SCORES: dict[str, Callable[[list[Scores]], Range | None]] = {
    "performance.roc_auc": auc,
    "performance.gini": gini,
    "performance.average_precision": average_precision,
    "performance.ece": ece,
}
"""Metrics of the order and the size of scores, of which the statistics keep cells: each gives a range."""
OF_ERRORS: dict[str, Callable[[dict[str, Any], float], float | None]] = {
    "performance.mean_error": of_errors("error", 1),
    "performance.mae": of_errors("error_absolute", 1),
    "performance.rmse": of_errors("error_square", 2),
}
"""Metrics of errors, which are kept in a unit of the model: a power of two that its reference fixed."""
FORMULAS: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "performance.accuracy": accuracy,
    "performance.precision": of_binary(
        lambda r: r["true_positive"], lambda r: r["true_positive"] + r["false_positive"]
    ),
    "performance.recall": of_binary(lambda r: r["true_positive"], lambda r: r["true_positive"] + r["false_negative"]),
    "performance.f1": of_binary(
        lambda r: 2 * r["true_positive"], lambda r: 2 * r["true_positive"] + r["false_positive"] + r["false_negative"]
    ),
    "performance.false_positive_rate": of_binary(
        lambda r: r["false_positive"], lambda r: r["false_positive"] + r["true_negative"]
    ),
    "performance.false_negative_rate": of_binary(
        lambda r: r["false_negative"], lambda r: r["true_positive"] + r["false_negative"]
    ),
    "performance.specificity": of_binary(
        lambda r: r["true_negative"], lambda r: r["true_negative"] + r["false_positive"]
    ),
    "performance.selection_rate": of_binary(lambda r: r["binary_selected"], lambda r: r["binary_predicted"]),
    "performance.balanced_accuracy": balanced_accuracy,
    "performance.mcc": mcc,
    "performance.r2": r2,
    "performance.brier": of_scores("score_brier", 2.0**-50),
    "performance.log_loss": of_scores("score_loss", 2.0**-40),
    "performance.calibration_gap": of_scores("score_gap", 2.0**-50),
    "quality.rows": lambda row: float(row["rows"]),
    "quality.invalid_score_share": lambda row: ratio(row["invalid_scores"], row["rows"]),
    "quality.invalid_prediction_share": lambda row: ratio(row["invalid_predictions"], row["rows"]),
    "quality.label_coverage": lambda row: ratio(row["labelled"], row["rows"]),
}
