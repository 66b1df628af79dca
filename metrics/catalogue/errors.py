"""Performance of regression: errors ``e = prediction - label`` from exact fixed-point sums."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from aimsight.metrics.intervals import Z, mean, positive
from aimsight.metrics.registry import REGRESSION, Needs, metric
from aimsight.metrics.statistics import COARSE_BITS
from aimsight.metrics.values import Cause, Interval, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.statistics import ErrorDetails, ErrorSums
    from aimsight.metrics.values import Result

ERRORS = Needs(labels=True, prediction=True)
NEVER = (
    "no row has both a label and a valid prediction",
    "an error or label is too extreme for fixed point",
)
WILLMOTT = "Willmott and Matsuura, Advantages of the MAE over the RMSE, Climate Research 30 (2005)"
of_errors = functools.partial(
    metric,
    tasks=REGRESSION,
    kind="errors",
    unit="label units",
    bounds=(0.0, None),
    direction="lower",
    undefined_when=NEVER,
    needs=ERRORS,
)
"""Declares a metric of errors; what it does not say is as of the mean absolute error."""
COARSE = 2**COARSE_BITS
"""Unit of the fourth-order sums, in fixed-point units."""
FEW, KURTOSIS = 30, 4.0
"""Rows at which the observed fourth moment weighs as much as that of errors with this kurtosis, which is between that
of normal errors (3) and of Laplace errors (6)."""


def unusable(c: ErrorSums) -> Undefined | None:
    """Why no error metric can be given, if so."""
    if c.overflow:
        return Undefined(f"{c.overflow} rows are too extreme for fixed point", c.n + c.overflow)
    return None if c.n else Undefined("no row has both a label and a valid prediction")


def _variance(total: int, squares: int, n: int) -> float:
    """Sample variance from exact sums; one division."""
    return (n * squares - total * total) / (n * (n - 1)) if n > 1 else 0.0


def details(c: ErrorSums) -> ErrorDetails | Undefined:
    """The details of the errors, or why none of what needs them can be given."""
    trouble = unusable(c)
    if trouble:
        return trouble
    if c.details is None or c.details.n != c.n:
        return Undefined("counted by a version that did not keep this", c.n)
    return c.details


@of_errors(
    id="performance.mae",
    version=1,
    source=WILLMOTT,
)
def mae(c: ErrorSums, unit: float) -> Result:
    """Mean absolute error, ``mean(|prediction - label|)``.

    0: every prediction is exact; unbounded above. In the label's unit. Interval: Student.
    """
    trouble = unusable(c)
    if trouble:
        return trouble
    value = c.absolute / c.n * unit
    interval = mean(value, _variance(c.absolute, c.square, c.n) * unit * unit, c.n)
    return Value(value, c.n, interval and interval.within(0.0, math.inf))


@of_errors(
    id="performance.mean_error",
    version=1,
    bounds=(None, None),
    direction="zero",
    source=WILLMOTT,
)
def mean_error(c: ErrorSums, unit: float) -> Result:
    """Mean error (bias), ``mean(prediction - label)``.

    0: right on average; above 0: predictions are too high; below 0: too low. In the label's unit. Interval: Student.
    """
    trouble = unusable(c)
    if trouble:
        return trouble
    value = c.error / c.n * unit
    return Value(value, c.n, mean(value, _variance(c.error, c.square, c.n) * unit * unit, c.n))


@of_errors(
    id="performance.rmse",
    version=3,
    source=WILLMOTT,
)
def rmse(c: ErrorSums, unit: float) -> Result:
    """Root mean squared error, ``sqrt(mean((prediction - label)**2))``.

    0: every prediction is exact; unbounded above; never below the mean absolute error. In the label's unit. Interval:
    of the mean square on the log scale, its variance from the fourth moment (with few rows drawn towards that of
    heavier tails, factor of Bonett 2006), its upper end moved out for heavy tails (Hall 1992).
    """
    trouble = unusable(c)
    if trouble:
        return trouble
    square = c.square / c.n
    around = of_mean_square(square, c.error4 / c.n * COARSE**4, c.n)
    value = math.sqrt(square) * unit
    return Value(value, c.n, around and around.carried(lambda end: math.sqrt(end) * unit))


@of_errors(
    id="performance.mse",
    version=2,
    unit="square of label units",
    source=WILLMOTT,
    core=False,
)
def mse(c: ErrorSums, unit: float) -> Result:
    """Mean squared error, ``mean((prediction - label)**2)``: the square of ``performance.rmse``.

    0: every prediction is exact; unbounded above. Interval: that of ``performance.rmse``, squared.
    """
    trouble = unusable(c)
    if trouble:
        return trouble
    square = c.square / c.n
    around = of_mean_square(square, c.error4 / c.n * COARSE**4, c.n)
    size = unit * unit
    return Value(square * size, c.n, around and around.carried(lambda end: end * size))


@of_errors(
    id="performance.r2",
    version=2,
    unit="share of variance",
    bounds=(None, 1.0),
    direction="higher",
    undefined_when=(*NEVER, "fewer than two labels, or all labels are equal"),
    source="Kvålseth, Cautionary note about R2, American Statistician 39 (1985), R2 number 1",
)
def r2(c: ErrorSums, _unit: float) -> Result:
    """Share of the labels' variance that the predictions explain, ``1 - sum(e**2) / sum((y - mean(y))**2)``.

    1: every prediction is exact; 0: no better than the labels' own mean; below 0: worse. Interval: of the ratio on
    the log scale, by the delta method with the cross moments of error and label.
    """
    trouble = unusable(c)
    if trouble:
        return trouble
    spread = c.n * c.label_square - c.label * c.label
    if spread <= 0:
        return Undefined("all labels are equal" if c.n > 1 else "a single label", c.n, Cause.TOO_FEW)
    unexplained = c.n * c.square / spread
    value = 1 - unexplained
    around = positive(unexplained, _ratio_error(c, unexplained), c.n, "delta, log")
    return Value(value, c.n, around and around.carried(lambda end: 1 - end))


def of_mean_square(square: float, fourth: float, n: int) -> Interval | None:
    """Interval of a mean square from the mean fourth power, on the log scale.

    Of heavy-tailed errors the largest have often not been seen yet: the upper end is moved out by the skewness of the
    studentized mean (Hall 1992). That of squares with relative deviation d is taken as d (d^2 - 2) beyond what the
    logarithm removes: as for a log-normal law when d is large, and nothing for the squares of normal errors. The
    half-width at most doubles.
    """
    relative = max(_fourth_moment(fourth, square, n) / (square * square) - 1, 0.0) if square > 0 else 0.0
    error = small_sample(n) * math.sqrt(relative / max(n - 1, 1))
    around = positive(square, error * square, n, "moments, log")
    if around is None:
        return None
    further = min((2 * Z * Z + 1) / 6 * max(relative - 2, 0.0) * error, Z) * error
    return Interval(around.low, around.high * math.exp(further), around.method)


def _fourth_moment(fourth: float, square: float, n: int) -> float:
    """A fourth moment, drawn towards that of heavier tails while rows are few: few rows rarely show the tails."""
    return fourth + max(KURTOSIS * square * square - fourth, 0.0) * FEW / (n + FEW)


def small_sample(n: int) -> float:
    """Factor on the standard error of a logarithm of squares (Bonett 2006)."""
    return n / (n - Z) if n > 4 else 2.0


def _ratio_error(c: ErrorSums, unexplained: float) -> float:
    """Standard error of sum(e^2) / sum((z - mean z)^2): that of mean(e^2 - ratio (z - mean z)^2) / variance of z."""
    n = c.n
    e2, z2 = c.square / n / COARSE**2, c.label_square / n / COARSE**2
    e4, z3, z4 = _fourth_moment(c.error4 / n, e2, n), c.label3 / n, c.label4 / n
    centre = c.label / n / COARSE
    cross = c.error2_label2 / n - 2 * centre * (c.error2_label / n) + centre * centre * e2
    fourth = z4 - 4 * centre * z3 + 6 * centre**2 * z2 - 3 * centre**4
    variance = max(e4 - 2 * unexplained * cross + unexplained**2 * fourth, 0.0) / max(n - 1, 1)
    spread: int = n * c.label_square - c.label * c.label
    return float(small_sample(n) * math.sqrt(variance) / (spread / (n * n) / COARSE**2))
