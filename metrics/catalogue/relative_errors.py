"""Performance of regression, further measures: relative, logarithmic, asymmetric, typical and largest errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from aimsight.configs.parameters import Parameter
from aimsight.metrics.catalogue.errors import NEVER, details, of_errors, of_mean_square, small_sample
from aimsight.metrics.intervals import LEVEL, mean, positive, wilson
from aimsight.metrics.registry import REGRESSION, Needs, metric
from aimsight.metrics.statistics import ERROR_CELL_BITS, ERROR_CELLS, LOG_BITS, RATIO_BITS, UNIT_BITS
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import ErrorSums, SegmentStatistics
    from aimsight.metrics.values import Result

HYNDMAN = "Hyndman and Koehler, Another look at measures of forecast accuracy, Int. J. Forecasting 22 (2006)"
VARTIA = "Törnqvist, Vartia and Vartia, How should relative changes be measured? American Statistician 39 (1985)"


def _variance(total: float, squares: float, n: int) -> float:
    return max(squares - total * total / n, 0.0) / max(n - 1, 1)


@of_errors(
    id="performance.mape",
    version=1,
    unit="share of the label",
    undefined_when=(*NEVER, "every label is 0", "an error is more than 2**30 times its label"),
    source=HYNDMAN,
    core=False,
)
def mape(c: ErrorSums, _unit: float) -> Result:
    """Mean absolute error relative to the label, ``mean(|prediction - label| / |label|)`` over labels other than 0.

    0: every prediction is exact; 0.1: off by a tenth of the label on average; unbounded above. Rows with a label of 0
    have no relative error: they are left out, and n says how many rows are left. Interval: Student on the log scale.
    """
    d = details(c)
    if isinstance(d, Undefined):
        return d
    if d.relative_overflow:
        return Undefined(f"{d.relative_overflow} errors are too large beside their label", c.n)
    n = d.relative_n
    if n == 0:
        return Undefined(f"all {d.zero_labels} labels are 0", c.n)
    total, squares = d.relative / 2**RATIO_BITS, d.relative_square / 2 ** (2 * RATIO_BITS)
    error = math.sqrt(_variance(total, squares, n) / n)
    return Value(total / n, n, positive(total / n, error, n, "Student, log"))


@of_errors(
    id="performance.smape",
    version=1,
    unit="share of the mean of both",
    bounds=(0.0, 2.0),
    source=HYNDMAN,
    core=False,
)
def smape(c: ErrorSums, _unit: float) -> Result:
    """Symmetric relative error, ``mean(2 |prediction - label| / (|label| + |prediction|))``, 0 where both are 0.

    0: every prediction is exact; 2: label or prediction is always 0, or their signs differ. Interval: Student.
    """
    d = details(c)
    if isinstance(d, Undefined):
        return d
    total, squares = d.symmetric / 2**UNIT_BITS, d.symmetric_square / 2**UNIT_BITS
    interval = mean(total / c.n, _variance(total, squares, c.n), c.n)
    return Value(min(total / c.n, 2.0), c.n, interval and interval.within(0.0, 2.0))


@of_errors(
    id="performance.msle",
    version=2,
    unit="square of a log ratio",
    undefined_when=(*NEVER, "a label or prediction is -1 or less"),
    source=VARTIA,
    core=False,
)
def msle(c: ErrorSums, _unit: float) -> Result:
    """Mean squared log error, ``mean((ln(1 + prediction) - ln(1 + label))**2)``: the square of ``performance.rmsle``.

    0: every prediction is exact; unbounded above; 0.01: off by a factor of about 1.1. Interval: on the log scale, its
    variance from the fourth moment.
    """
    d = details(c)
    if isinstance(d, Undefined):
        return d
    if d.log_n < c.n:
        return Undefined(f"{c.n - d.log_n} rows have a label or prediction of -1 or less", c.n)
    square = d.log_square / 2**LOG_BITS / c.n
    return Value(square, c.n, of_mean_square(square, d.log_fourth / 2 ** (2 * LOG_BITS) / c.n, c.n))


@of_errors(
    id="performance.rmsle",
    version=3,
    unit="log ratio",
    undefined_when=(*NEVER, "a label or prediction is -1 or less"),
    source=VARTIA,
    core=False,
)
def rmsle(c: ErrorSums, unit: float) -> Result:
    """Root mean squared log error, ``sqrt(mean((ln(1 + prediction) - ln(1 + label))**2))``.

    0: every prediction is exact; unbounded above; 0.1: off by a factor of about 1.1. Interval: that of
    ``performance.msle``, its roots.
    """
    found = msle(c, unit)
    if isinstance(found, Undefined):
        return found
    return Value(math.sqrt(found.value), c.n, found.interval and found.interval.carried(math.sqrt))


@of_errors(
    id="performance.pinball_loss",
    version=2,
    source="Koenker and Bassett, Regression quantiles, Econometrica 46 (1978)",
    parameters=(Parameter("level", "float", 0.5, 0.001, 0.999, "level of the quantile that is predicted"),),
    core=False,
)
def pinball_loss(c: ErrorSums, unit: float, *, level: float = 0.5) -> Result:
    """Loss of predicting a quantile: ``mean(max(level (label - prediction), (1 - level) (prediction - label)))``.

    Least when the prediction is the quantile of this level. 0: every prediction is exact; at level 0.5 it is half the
    mean absolute error. In the label's unit. Interval: Student on the log scale, with the factor of Bonett (2006).
    """
    d = details(c)
    if isinstance(d, Undefined):
        return d
    tilt = 0.5 - level
    total = tilt * c.error + c.absolute / 2
    squares = (0.25 + tilt * tilt) * c.square + tilt * d.signed_square
    value = max(total / c.n * unit, 0.0)
    error = small_sample(c.n) * math.sqrt(_variance(total, squares, c.n) / c.n) * unit
    return Value(value, c.n, positive(value, error, c.n, "Student, log"))


@of_errors(
    id="performance.max_error",
    version=1,
    source="Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), ch. 6 (maximum norm)",
    core=False,
)
def max_error(c: ErrorSums, unit: float) -> Result:
    """Largest absolute error, ``max(|prediction - label|)``.

    0: every prediction is exact; unbounded above, and the more rows there are, the larger. In the label's unit. A plain
    fact about these rows: it has no interval.
    """
    d = details(c)
    return d if isinstance(d, Undefined) else Value(d.largest.at * unit, c.n)


@of_errors(
    id="performance.median_absolute_error",
    version=2,
    undefined_when=(*NEVER, "the quantile or its interval reaches into the open cell of the largest errors"),
    source="Rousseeuw and Leroy, Robust Regression and Outlier Detection (1987); Conover (1999) on order statistics",
    parameters=(Parameter("level", "float", 0.5, 0.01, 0.99, "level of the quantile, 0.5 for the median"),),
    core=False,
)
def median_absolute_error(c: ErrorSums, unit: float, *, level: float = 0.5) -> Result:
    """Median (or another quantile) of the absolute errors, ``median(|prediction - label|)``.

    0: at least half the predictions are exact; unbounded above; few large errors do not move it. In the label's unit.
    Read from cells at most 1/64 of their lower end wide, within which rows are taken as evenly spread; the error bound
    is the distance to the farther end of the cell. Interval: of order statistics, their ranks from Wilson's interval
    of the level; none while even the least and the greatest of the rows are less than 95 % sure to lie around it (fewer
    than 6 rows for the median).
    """
    d = details(c)
    if isinstance(d, Undefined):
        return d
    rank = level * (c.n - 1) + 1
    around = wilson(level * c.n, c.n)
    places = [math.floor(rank), math.ceil(rank), max(around.low * c.n, 1.0), min(around.high * c.n + 1, float(c.n))]
    read = [_amount(d.cells, place, unit * 2**ERROR_CELL_BITS) for place in places]
    if any(one is None for one in read):
        return Undefined("the quantile or its interval reaches into the open cell of the largest errors", c.n)
    (below, first), (above, second), (low, _), (high, _) = (one for one in read if one is not None)
    part = rank - math.floor(rank)
    value = (1 - part) * below + part * above
    bound = (1 - part) * first + part * second
    sure = 1 - level**c.n - (1 - level) ** c.n
    interval = Interval(low, high, "order statistics").holding(value) if sure >= LEVEL else None
    return Value(value, c.n, interval, error_bound=bound)


def _amount(cells: NDArray[np.int64], rank: float, width: float) -> tuple[float, float] | None:
    """The amount of a rank (from 1) by cells of this least width, and its error bound; ``None`` in the open cell."""
    ends = np.cumsum(cells)
    place = int(np.searchsorted(ends, math.ceil(rank)))
    if place >= ERROR_CELLS.size - 1:
        return None
    low, high = (float(edge) * width for edge in ERROR_CELLS.edges()[place : place + 2])
    part = (rank - 0.5 - float(ends[place] - cells[place])) / float(cells[place])
    part = min(max(part, 0.0), 1.0)
    return low + part * (high - low), max(part, 1 - part) * (high - low)


@metric(
    id="performance.interval_coverage",
    version=1,
    tasks=REGRESSION,
    kind="segment",
    unit="share",
    bounds=(0.0, 1.0),
    direction="none",
    undefined_when=("no labelled row has a valid prediction interval",),
    source="Gneiting and Raftery, Strictly proper scoring rules, prediction, and estimation, JASA 102 (2007)",
    needs=Needs(labels=True, interval=True),
)
def interval_coverage(s: SegmentStatistics) -> Result:
    """Share of labels that lie within the prediction interval of their row, ends included.

    ``covered / (covered + below + above)``. The level that the intervals promise is right; 1: always within, which
    with intervals for 90 % means that they are too wide; 0: never. Interval: Wilson.
    """
    c = s.interval
    n = 0 if c is None else c.covered + c.below + c.above
    if c is None or n == 0:
        if s.labelled == 0:
            return Undefined(f"no labels: 0 of {s.rows} rows are labelled", s.rows, Cause.TOO_FEW)
        return Undefined("no labelled row has a valid prediction interval", s.rows)
    return Value(c.covered / n, n, wilson(c.covered, n))
