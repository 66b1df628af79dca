"""Performance that calibrated scores promise (CBPE), from merged statistics: value, interval, and when not to trust it.

The error of an estimate has parts that add up: the labels of these very rows are drawn by chance; the calibration was
learned from finitely many labels; scores that the reference has no labels of could mean anything; windows differ by
nature; and earlier estimates were as wrong as they turned out to be. So the interval is about the value that the labels
of the window will show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.parameters import canonical
from aimsight.metrics.confusion import one_against_rest
from aimsight.metrics.estimates.calibration import FEWEST_OF_A_CLASS, Calibration, by_score, calibrate
from aimsight.metrics.estimates.formulas import FORMULAS, Decided, expected
from aimsight.metrics.estimates.intervals import NONE, Variance, bounded
from aimsight.metrics.estimates.trust import OUT_OF_SUPPORT, excess, not_trusted, spread_out
from aimsight.metrics.values import ALL_ROWS, Cause, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from aimsight.configs.parameters import Argument
    from aimsight.metrics.estimates.formulas import Point, Rows
    from aimsight.metrics.estimates.trust import Circumstances
    from aimsight.metrics.plan import Reference
    from aimsight.metrics.registry import Metric
    from aimsight.metrics.statistics import ScoreCounts, SegmentStatistics, Statistics
    from aimsight.metrics.values import Result, Segment

    Floats = NDArray[np.float64]
    Arguments = Mapping[str, Argument]

OWN_ROWS, OWN_OF_A_CLASS = 1000, 100
"""A segment has a calibration of its own from so many labelled rows, and of each class, in the reference."""
MOST_WINDOWS = 40
"""Windows of the reference that estimates are tried on; of more, evenly spread ones."""
WHOLE_LABELS = 0.9
"""Those with fewer labels than this share say more about which labels came than about estimates."""
METHOD = "label noise and calibration"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One segment of a window, seen through the calibrations of its classes: what estimates are computed from.

    ``between`` gives the variance between windows of a metric, by its name and arguments.
    """

    rows: Rows
    calibrations: Mapping[str, Calibration]
    between: Callable[[str, Arguments], Variance]
    circumstances: Circumstances

    def estimate(self, name: str, **arguments: Argument) -> Result:
        """The estimate of ``performance.<name>``, or why there is none."""
        chances = {one: found.chance for one, found in self.calibrations.items()}
        point = expected(name, self.rows, chances, arguments)
        if isinstance(point, Undefined):
            return point
        worst = max(_share_of(self.rows[one], ~found.known) for one, found in self.calibrations.items())
        if worst > OUT_OF_SUPPORT:
            return not_trusted(f"{worst:.0%} of the rows have scores that the reference has no labels of", point.n)
        if self.circumstances.unknown_share > OUT_OF_SUPPORT:
            return not_trusted(self.circumstances.why, point.n)
        parts = [
            Variance(label_variance(name, self.rows, self.calibrations, chances, point)),
            calibration_variance(self.rows, self.calibrations, point),
            self._support(point),
            self.between(name, arguments),
        ]
        interval = bounded(point.value, point.ends, self.circumstances.widened(parts), METHOD)
        return Value(point.value, point.n, interval, error_bound=point.blur)

    def _support(self, point: Point) -> Variance:
        """Rows that the reference says nothing of could all be one or the other: a chance between 0 and 1, evenly."""
        reach = 0.0
        for one, found in self.calibrations.items():
            moved = np.abs(_by_cell(self.rows[one], point.gradients[one]))
            reach += float(moved[~found.known].sum()) + self.circumstances.unknown_share * float(moved.sum())
        return spread_out(reach)


def label_variance(
    name: str, rows: Rows, calibrations: Mapping[str, Calibration], chances: Rows, point: Point
) -> float:
    """Variance that the value has because every label is drawn by chance, the scores being what they are."""
    single = [
        float(_by_cell(part, np.square(point.gradients[one])) @ calibrations[one].noise) for one, part in rows.items()
    ]
    if len(single) == 1 or name == "accuracy":
        return sum(single)
    if not isinstance(FORMULAS[name], Decided):
        # classes share their rows; whatever their correlation, the spread of the mean is at most the mean of theirs
        return float(np.sum(np.sqrt(single)) ** 2)
    return _shared_variance(rows, chances, point)


def _shared_variance(rows: Rows, chances: Rows, point: Point) -> float:
    """The same of a mean over classes: one label moves the class that it is, within the rows decided for each class.

    How many rows decided for one class belong to another is not counted; it is put together from the expected labels
    of each class that were decided otherwise, in proportion to the wrong decisions for each.
    """
    names = list(rows)
    decided = np.array([float(rows[one][:, 1].sum()) for one in names])
    right = np.array([float(rows[one][:, 1] @ chances[one]) for one in names])
    missed = np.array([float(rows[one][:, 0] @ chances[one]) for one in names])
    wrong = np.repeat((decided - right)[:, None], len(names), axis=1)
    np.fill_diagonal(wrong, 0.0)
    columns = wrong.sum(axis=0)
    matrix = np.divide(wrong * missed, columns, out=np.zeros_like(wrong), where=columns > 0)
    np.fill_diagonal(matrix, right)
    sizes = matrix.sum(axis=1)
    shares = np.divide(matrix, sizes[:, None], out=np.zeros_like(matrix), where=sizes[:, None] > 0)
    moves = np.array([point.gradients[one][0, :2] for one in names])
    step = np.repeat(moves[:, 0][None, :], len(names), axis=0)
    np.fill_diagonal(step, moves[:, 1])
    mean = (shares * step).sum(axis=1)
    return float(decided @ ((shares * np.square(step)).sum(axis=1) - np.square(mean)))


def calibration_variance(rows: Rows, calibrations: Mapping[str, Calibration], point: Point) -> Variance:
    """Variance that the value has because the chances were learned: jackknife over the parts, or that of the blocks."""
    parts = min(found.without.shape[0] for found in calibrations.values())
    shifts, sampling = np.zeros(parts), 0.0
    for one, found in calibrations.items():
        moved = _by_cell(rows[one], point.gradients[one])
        shifts += found.without[:parts] @ moved
        sampling += float(np.square(np.bincount(found.block, weights=moved)) @ found.block_variance)
    jackknife = (parts - 1) / parts * float(np.square(shifts - shifts.mean()).sum())
    return Variance(jackknife, parts - 1) if jackknife > sampling else Variance(sampling)


def _share_of(rows: Floats, cells: NDArray[np.bool_]) -> float:
    total = float(rows.sum())
    return float(rows[cells].sum()) / total if total else 0.0


def _by_cell(rows: Floats, gradient: Floats) -> Floats:
    moved: Floats = np.einsum("ij,ij->i", rows, gradient)  # several times faster than a sum over so short an axis
    return moved


class ScoreBaseline:
    """The reference's side of estimates from scores, worked out once for all windows."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._calibrations: dict[Segment, dict[str, Calibration] | Undefined] = {}
        self._between: dict[tuple[Segment, str], Variance] = {}

    def scored(
        self, part: SegmentStatistics, segment: Segment, circumstances: Circumstances, one_class: str | None = None
    ) -> Scored | Undefined:
        """One segment of a window through the calibration of the reference; of several classes all, or one."""
        if not part.score_decisions:
            return Undefined("the rows are not counted by score and prediction", part.rows)
        if one_class is not None and one_class not in part.score_decisions:
            return Undefined(f'there is no class "{one_class}"', part.rows)
        found = self.calibrations(segment)
        if isinstance(found, Undefined):
            return found
        rows = _rows_of(part, one_class)
        missing = [one for one in rows if one not in found]
        if missing:
            return Undefined(f"the reference has no labels of class {missing[0]}", part.rows, Cause.TOO_FEW)
        kept = {one: found[one] for one in rows}
        return Scored(
            rows, kept, lambda name, arguments: self.between(segment, name, arguments, one_class), circumstances
        )

    def calibrations(self, segment: Segment) -> dict[str, Calibration] | Undefined:
        """The calibration of every class: the segment's own where the reference has enough labels of it."""
        if segment not in self._calibrations:
            self._calibrations[segment] = self._calibrated(segment)
        return self._calibrations[segment]

    def is_own(self, segment: Segment) -> bool:
        """Whether a segment has a calibration of its own, rather than that of all rows."""
        return segment == ALL_ROWS or self.calibrations(segment) is not self.calibrations(ALL_ROWS)

    def _calibrated(self, segment: Segment) -> dict[str, Calibration] | Undefined:
        whole = self._reference.statistics.segments.get(segment)
        scores = (whole.scores if whole is not None else None) or {}
        if segment != ALL_ROWS and not (scores and all(map(_has_enough, scores.values()))):
            return self.calibrations(ALL_ROWS)
        windows = [part.segments.get(segment) for part in self._reference.windows]
        found: dict[str, Calibration] = {}
        for one, counts in scores.items():
            own = [by_score((part.scores or {}).get(one) if part is not None else None) for part in windows]
            stacked = (np.array([n for n, _ in own]), np.array([p for _, p in own])) if own else None
            fitted = calibrate(*by_score(counts), stacked, fewest=FEWEST_OF_A_CLASS if one == "" else 0)
            if fitted is None:
                return Undefined("the reference has too few labels to calibrate scores", 0, Cause.TOO_FEW)
            found[one] = fitted
        return found or Undefined("the reference has no labelled row with a valid score", 0, Cause.TOO_FEW)

    def between(self, segment: Segment, name: str, arguments: Arguments, one_class: str | None = None) -> Variance:
        """What windows of the reference differ by beyond chance, when each is estimated without its own part of it."""
        unit = realised(name, arguments, one_class)
        key = (segment, unit.text)
        if key not in self._between:
            self._between[key] = self._tried(segment, name, arguments, unit)
        return self._between[key]

    def _tried(self, segment: Segment, name: str, arguments: Arguments, unit: Metric) -> Variance:
        found = self.calibrations(segment)
        windows = self._reference.windows
        if isinstance(found, Undefined) or not next(iter(found.values())).part.size:
            return NONE
        part = next(iter(found.values())).part
        usable = [place for place, window in enumerate(windows) if part[place] >= 0 and _is_whole(window, segment)]
        chosen = usable[:: max(-(-len(usable) // MOST_WINDOWS), 1)]
        errors = []
        for place in chosen:
            counted = windows[place].segments[segment]
            rows = _rows_of(counted, unit.one_class)
            if rows and all(one in found for one in rows):
                without = {one: replace(found[one], chance=found[one].without[int(part[place])]) for one in rows}
                shown = _realised(unit, counted, self._reference.classes)
                errors.append(_error(name, arguments, rows, without, shown))
        return excess([one for one in errors if one is not None])


def _error(
    name: str, arguments: Arguments, rows: Rows, calibrations: Mapping[str, Calibration], found: Result
) -> tuple[float, float] | None:
    """Estimate minus realised value of one window of the reference, and the variance that chance gives it."""
    chances = {one: calibration.chance for one, calibration in calibrations.items()}
    point = expected(name, rows, chances, arguments)
    if isinstance(point, Undefined) or not isinstance(found, Value):
        return None
    variance = label_variance(name, rows, calibrations, chances, point)
    return point.value - found.value, variance + calibration_variance(rows, calibrations, point).value


def realised(name: str, arguments: Arguments, one_class: str | None = None) -> Metric:
    """The metric that labels will show."""
    from aimsight.metrics.registry import METRICS, OF, find

    unit = METRICS[f"performance.{name}"]
    given = {**arguments, OF.name: one_class} if unit.per_class else arguments
    return find(canonical(unit.id, unit.parameters, given))


def _realised(unit: Metric, counted: SegmentStatistics, classes: tuple[str, ...]) -> Result:
    part = counted if unit.one_class is None else one_against_rest(counted, classes, unit.one_class)
    return unit.compute(part) if part is not None else Undefined("no such class")


def _rows_of(part: SegmentStatistics, one_class: str | None) -> dict[str, Floats]:
    """Rows by score and decision of every class, or of one."""
    counted = part.score_decisions or {}
    return {one: counts.astype(np.float64) for one, counts in counted.items() if one_class in (None, one)}


def _is_whole(window: Statistics, segment: Segment) -> bool:
    part = window.segments.get(segment)
    return part is not None and part.rows > 0 and part.labelled >= WHOLE_LABELS * part.rows


def _has_enough(counts: ScoreCounts) -> bool:
    return counts.rows >= OWN_ROWS and min(counts.ups, counts.downs) >= OWN_OF_A_CLASS
