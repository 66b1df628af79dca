"""What performance is to be expected of one class: value and sensitivity, from rows by score cell and prediction.

Every function takes ``rows``, float64 of shape (SCORE_CELLS, 3) as ``SegmentStatistics.score_decisions``, and
``chance``, the chance of a positive label in every cell, and gives the value that the expected counts have and its
**gradient**: how much one more positive label among the rows of a cell and prediction would change it, shape
(SCORE_CELLS, 3). The gradient carries every kind of error: of single labels, and of the chances themselves. ``None``
means that the value has no denominator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.estimates.calibration import SCORES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Expected = tuple[float, Floats] | None

TINY = 1e-9
"""Fewer expected rows than this are none."""


def accuracy(rows: Floats, chance: Floats) -> Expected:
    """Share of decided rows that are expected to be right."""
    decided = float(rows[:, :2].sum())
    if decided <= 0:
        return None
    right = float(rows[:, 1] @ chance + rows[:, 0] @ (1 - chance))
    return right / decided, _by_prediction(rows, -1 / decided, 1 / decided)


def precision(rows: Floats, chance: Floats) -> Expected:
    """Share of positive decisions that are expected to be right."""
    selected = float(rows[:, 1].sum())
    if selected <= 0:
        return None
    return float(rows[:, 1] @ chance) / selected, _by_prediction(rows, 0.0, 1 / selected)


def recall(rows: Floats, chance: Floats) -> Expected:
    """Share of the expected positives that were selected."""
    positives = float(rows[:, :2].sum(axis=1) @ chance)
    if positives <= TINY:
        return None
    value = float(rows[:, 1] @ chance) / positives
    return value, _by_prediction(rows, -value / positives, (1 - value) / positives)


def specificity(rows: Floats, chance: Floats) -> Expected:
    """Share of the expected negatives that were not selected."""
    negatives = float(rows[:, :2].sum(axis=1) @ (1 - chance))
    if negatives <= TINY:
        return None
    value = float(rows[:, 0] @ (1 - chance)) / negatives
    return value, _by_prediction(rows, -(1 - value) / negatives, value / negatives)


def f1(rows: Floats, chance: Floats) -> Expected:
    """Twice the expected true positives over positives and positive decisions."""
    positives = float(rows[:, :2].sum(axis=1) @ chance)
    both = positives + float(rows[:, 1].sum())
    if both <= TINY:
        return None
    value = 2 * float(rows[:, 1] @ chance) / both
    return value, _by_prediction(rows, -value / both, (2 - value) / both)


def roc_auc(rows: Floats, chance: Floats) -> Expected:
    """Chance that a positive row has the higher score, ties within a cell counting half."""
    ups, downs, positives, negatives = _split(rows, chance)
    if min(positives, negatives) <= TINY:
        return None
    below = np.cumsum(downs) - downs / 2
    above = positives - np.cumsum(ups) + ups / 2
    value = float(ups @ below) / (positives * negatives)
    gradient = (below / negatives - value) / positives - (above / positives - value) / negatives
    return value, np.repeat(gradient[:, None], 3, axis=1)


def average_precision(rows: Floats, chance: Floats) -> Expected:
    """Mean over the expected positives of the precision at their cell."""
    ups, downs, positives, _ = _split(rows, chance)
    if positives <= TINY:
        return None
    counted = np.cumsum((ups + downs)[::-1])[::-1]
    there = counted > 0
    per_row = np.divide(1.0, counted, out=np.zeros_like(counted), where=there)
    at = np.cumsum(ups[::-1])[::-1] * per_row
    value = float(ups @ at) / positives
    gradient = (at + np.cumsum(ups * per_row) - value) / positives
    return value, np.repeat(gradient[:, None], 3, axis=1)


def brier(rows: Floats, chance: Floats) -> Expected:
    """Mean squared distance of the score (the middle of its cell) from the label to be expected."""
    counted = rows.sum(axis=1)
    scored = float(counted.sum())
    if scored <= 0:
        return None
    loss = chance * np.square(1 - SCORES) + (1 - chance) * np.square(SCORES)
    return float(counted @ loss) / scored, np.repeat((1 - 2 * SCORES)[:, None] / scored, 3, axis=1)


def _by_prediction(rows: Floats, negative: float, positive: float) -> Floats:
    """The gradient of a value that only the prediction matters for; rows without one do not count."""
    return np.tile(np.array([negative, positive, 0.0]), (rows.shape[0], 1))


def _split(rows: Floats, chance: Floats) -> tuple[Floats, Floats, float, float]:
    counted = rows.sum(axis=1)
    ups = counted * chance
    downs = counted - ups
    return ups, downs, float(ups.sum()), float(downs.sum())


FORMULAS: dict[str, Callable[[Floats, Floats], Expected]] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "f1": f1,
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "brier": brier,
}
"""By the name that the value has in the family ``performance``."""
DECISIONS = frozenset({"accuracy", "precision", "recall", "specificity", "f1"})
"""Those about decisions: rows without a valid prediction do not count."""
