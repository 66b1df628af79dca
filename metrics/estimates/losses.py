"""The errors that a regression model is expected to make (direct loss estimation), from rows by leaf of a loss tree.

A window's mean loss is the mean of its leaves' losses, weighted by its rows in them. Its error has the same parts as
that of estimates from scores: the errors of these very rows, those that the leaves were learned from, rows that the
reference does not know, what windows differ by, and earlier estimates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from aimsight.metrics.estimates.calibration import ENOUGH_WINDOWS
from aimsight.metrics.estimates.intervals import NONE, Variance, mean, positive
from aimsight.metrics.estimates.loss_tree import LeafLoss, LossTree
from aimsight.metrics.estimates.scored import MOST_WINDOWS, WHOLE_LABELS, realised
from aimsight.metrics.estimates.trust import OUT_OF_SUPPORT, excess, not_trusted, spread_out
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.metrics.estimates.trust import Circumstances
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result, Segment

METHOD = "errors within leaves"
Mean = Literal["loss", "root", "plain"]
"""Of a loss that is at least 0, of its root, or of a value that may have either sign."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that is a mean over rows: what it is the mean of, and the greatest it may be."""

    of: Callable[..., LeafLoss | None]
    mean: Mean = "loss"
    most: float = math.inf


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """One segment of a window by leaf of the reference's loss tree: what estimates of errors are computed from.

    ``between`` gives the variance between windows of a metric, by its name and arguments.
    """

    rows: NDArray[np.int64]
    tree: LossTree
    between: Callable[[str, Mapping[str, Argument]], Variance]
    circumstances: Circumstances

    def estimate(self, name: str, **arguments: Argument) -> Result:
        """The estimate of ``performance.<name>``, or why there is none."""
        n = int(self.rows.sum())
        if n == 0:
            return Undefined("no rows")
        point = expected(name, self.rows, self.tree, arguments)
        if isinstance(point, Undefined):
            return point
        if self.circumstances.unknown_share > OUT_OF_SUPPORT:
            return not_trusted(self.circumstances.why, n)
        around = self.circumstances.widened(
            [
                point.chance,
                spread_out(self.circumstances.unknown_share * point.reach),
                self.between(name, arguments),
            ]
        )
        formula = FORMULAS[name]
        if formula.mean == "plain":
            return Value(point.value, n, mean(point.value, around, METHOD))
        interval = positive(point.value, around, METHOD)
        return Value(point.value, n, replace(interval, high=max(min(interval.high, formula.most), point.value)))


@dataclass(frozen=True, slots=True)
class Point:
    """A value, what chance adds to its variance (these rows and the leaves'), and how far unknown rows reach."""

    value: float
    chance: Variance
    reach: float


def expected(
    name: str, rows: NDArray[np.int64], tree: LossTree, arguments: Mapping[str, Argument] | None = None
) -> Point | Undefined:
    """The value that is to be expected of these rows."""
    formula = FORMULAS[name]
    loss = formula.of(tree, **(arguments or {}))
    if loss is None:
        return Undefined(
            "the reference was frozen by a version that did not keep this, or no row of it has such a loss"
        )
    if name in LOGARITHMIC and (loss.rows < tree.rows).any():
        return Undefined(
            f"{int((tree.rows - loss.rows).sum())} rows of the reference have a label or prediction of -1 or less"
        )
    # rows without such a loss (a label of 0) are expected as often as among those of the leaf
    counted = rows * np.divide(loss.rows, tree.rows, out=np.ones(tree.size), where=tree.rows > 0)
    total = float(counted.sum())
    if total <= 0:
        return Undefined("no row is expected to have such a loss", int(rows.sum()), Cause.TOO_FEW)
    weights = counted / total
    value = float(weights @ loss.mean)
    variance = float(weights @ loss.variance) / total
    variance += float(np.square(weights) @ (loss.variance / np.maximum(loss.rows, 1)))
    reach = float(np.ptp(loss.mean) if formula.mean == "plain" else loss.mean.max())
    if formula.mean != "root":
        return Point(value, Variance(variance), reach)
    reach, value = math.sqrt(reach), max(value, 0.0)
    return Point(math.sqrt(value), Variance(variance / (4 * value) if value > 0 else variance), reach)


def _kept(name: str) -> Callable[..., LeafLoss | None]:
    def of(tree: LossTree) -> LeafLoss | None:
        return tree.losses.get(name)

    return of


def _pinball(tree: LossTree, *, level: float = 0.5) -> LeafLoss | None:
    """``(1/2 - t) e + |e| / 2``, and its square ``(1/4 + (1/2 - t)^2) e^2 + (1/2 - t) e |e|``."""
    if "signed_square" not in tree.losses:
        return None
    tilt, known = 0.5 - level, tree.losses
    loss = tilt * known["signed"].mean + known["absolute"].mean / 2
    square = (0.25 + tilt * tilt) * known["square"].mean + tilt * known["signed_square"].mean
    return LeafLoss(known["absolute"].rows, np.maximum(loss, 0.0), np.maximum(square - np.square(loss), 0.0))


LOGARITHMIC = ("msle", "rmsle")
FORMULAS: dict[str, Lost] = {
    "mae": Lost(_kept("absolute")),
    "mse": Lost(_kept("square")),
    "rmse": Lost(_kept("square"), "root"),
    "mean_error": Lost(_kept("signed"), "plain"),
    "mape": Lost(_kept("relative")),
    "smape": Lost(_kept("symmetric"), most=2.0),
    "msle": Lost(_kept("log_square")),
    "rmsle": Lost(_kept("log_square"), "root"),
    "pinball_loss": Lost(_pinball),
}
"""By the name that the value has in the family ``performance``."""


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
        return Leaves(rows, tree, lambda name, arguments: self.between(segment, name, arguments), circumstances)

    def between(self, segment: Segment, name: str, arguments: Mapping[str, Argument]) -> Variance:
        """What windows of the reference differ by beyond chance."""
        unit = realised(name, arguments)
        key = (segment, unit.text)
        if key not in self._between:
            self._between[key] = self._tried(segment, name, arguments, unit)
        return self._between[key]

    def _tried(self, segment: Segment, name: str, arguments: Mapping[str, Argument], unit: Metric) -> Variance:
        tree = self._reference.loss_tree
        usable = [
            (window.segments[segment], window.leaves[segment])
            for window in self._reference.windows
            if window.leaves is not None and segment in window.leaves and _is_whole(window.segments.get(segment))
        ]
        if not isinstance(tree, LossTree) or len(usable) < ENOUGH_WINDOWS:
            return NONE
        errors = []
        for part, rows in usable[:: max(-(-len(usable) // MOST_WINDOWS), 1)]:
            shown = unit.compute(part.errors, 2.0**self._reference.error_exponent)
            point = expected(name, rows, tree, arguments)
            if isinstance(shown, Value) and isinstance(point, Point):
                errors.append((point.value - shown.value, point.chance.value))
        return excess(errors)


def _is_whole(part: SegmentStatistics | None) -> bool:
    return part is not None and part.errors is not None and 0 < WHOLE_LABELS * part.rows <= part.labelled
