"""The errors that a regression model is expected to make (direct loss estimation), from rows by leaf of a loss tree.

A window's mean loss is the mean of its leaves' losses, weighted by its rows in them. Its error has the same parts as
that of estimates from scores: the errors of these very rows, those that the leaves were learned from, rows that the
reference does not know, what windows differ by, and earlier estimates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.estimates.calibration import ENOUGH_WINDOWS
from aimsight.metrics.estimates.intervals import NONE, Variance, positive
from aimsight.metrics.estimates.loss_tree import LossTree
from aimsight.metrics.estimates.scored import MOST_WINDOWS, WHOLE_LABELS
from aimsight.metrics.estimates.trust import OUT_OF_SUPPORT, excess, not_trusted, spread_out
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from aimsight.metrics.estimates.trust import Circumstances
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result, Segment

METHOD = "errors within leaves"


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """One segment of a window by leaf of the reference's loss tree: what estimates of errors are computed from."""

    rows: NDArray[np.int64]
    tree: LossTree
    between: Callable[[str], Variance]
    circumstances: Circumstances

    def estimate(self, name: str) -> Result:
        """The estimate of ``performance.<name>``, ``mae`` or ``rmse``, or why there is none."""
        n = int(self.rows.sum())
        if n == 0:
            return Undefined("no rows")
        if self.circumstances.unknown_share > OUT_OF_SUPPORT:
            return not_trusted(self.circumstances.why, n)
        value, chance = expected(name, self.rows, self.tree)
        highest = self.tree.absolute if name == "mae" else np.sqrt(self.tree.square)
        parts = [
            chance,
            spread_out(self.circumstances.unknown_share * float(highest.max())),
            self.between(name),
        ]
        return Value(value, n, positive(value, self.circumstances.widened(parts), METHOD))


def expected(name: str, rows: NDArray[np.int64], tree: LossTree) -> tuple[float, Variance]:
    """The value that is to be expected of these rows, and what chance adds to its variance: theirs, and the leaves'."""
    weights = rows / rows.sum()
    mean, variance = (tree.absolute, tree.absolute_variance) if name == "mae" else (tree.square, tree.square_variance)
    value = float(weights @ mean)
    within = float(weights @ variance) / float(rows.sum())
    learned = float(np.square(weights) @ (variance / np.maximum(tree.rows, 1)))
    if name == "mae" or value <= 0:
        return math.sqrt(value) if name != "mae" else value, Variance(within + learned)
    return math.sqrt(value), Variance((within + learned) / (4 * value))


class LossBaseline:
    """The reference's side of estimates of errors, worked out once for all windows."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._between: dict[tuple[Segment, str], Variance] = {}

    def leaves(
        self, rows: NDArray[np.int64] | None, segment: Segment, circumstances: Circumstances
    ) -> Leaves | Undefined:
        """One segment of a window through the loss tree of the reference."""
        tree = self._reference.loss_tree
        if not isinstance(tree, LossTree):
            return Undefined("the reference has too few labels to learn the loss from", 0, Cause.TOO_FEW)
        if rows is None:
            return Undefined("the rows are not counted by leaf of the loss tree")
        return Leaves(rows, tree, lambda name: self.between(segment, name), circumstances)

    def between(self, segment: Segment, name: str) -> Variance:
        """What windows of the reference differ by beyond chance."""
        key = (segment, name)
        if key not in self._between:
            self._between[key] = self._tried(segment, name)
        return self._between[key]

    def _tried(self, segment: Segment, name: str) -> Variance:
        from aimsight.metrics.registry import METRICS

        tree, compute = self._reference.loss_tree, METRICS[f"performance.{name}"].compute
        usable = [
            (window.segments[segment], window.leaves[segment])
            for window in self._reference.windows
            if window.leaves is not None and segment in window.leaves and _is_whole(window.segments.get(segment))
        ]
        if not isinstance(tree, LossTree) or len(usable) < ENOUGH_WINDOWS:
            return NONE
        errors = []
        for part, rows in usable[:: max(-(-len(usable) // MOST_WINDOWS), 1)]:
            realised = compute(part.errors, 2.0**self._reference.error_exponent)
            if isinstance(realised, Value):
                value, chance = expected(name, rows, tree)
                errors.append((value - realised.value, chance.value))
        return excess(errors)


def _is_whole(part: SegmentStatistics | None) -> bool:
    return part is not None and part.errors is not None and 0 < WHOLE_LABELS * part.rows <= part.labelled
