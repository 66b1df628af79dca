"""Intervals of estimates: where the value that labels will show is to be expected, from the variances of its parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.metrics.intervals import Z, student_quantile, wilson
from aimsight.metrics.values import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

MANY = 200
"""From so many degrees of freedom on, Student's quantile is the normal one."""


@dataclass(frozen=True, slots=True)
class Variance:
    """A part of the variance of an error, and the degrees of freedom that it is known with (infinite: exactly)."""

    value: float
    freedom: float = math.inf


NONE = Variance(0.0)


def quantile(parts: Sequence[Variance]) -> float:
    """Two-sided 95 % quantile of Student's t at the degrees of freedom of the sum (Welch and Satterthwaite)."""
    total = sum(part.value for part in parts)
    unsure = sum(part.value**2 / part.freedom for part in parts)
    if unsure <= 0 or total * total >= MANY * unsure:
        return Z
    return student_quantile(max(int(total * total / unsure), 1))


def share(value: float, parts: Sequence[Variance], method: str) -> Interval:
    """Wilson interval of a value in [0, 1] whose error has these variances.

    Its rows are those whose share would vary as much: p (1 - p) / variance, and at the ends, where that is nothing,
    one over the standard error, as for the share of so many rows that are all alike.
    """
    variance = max(sum(part.value for part in parts), 1e-30)
    rows = max(value * (1 - value) / variance, 1 / math.sqrt(variance))
    return wilson(value * rows, rows, quantile(parts), method)


def positive(value: float, parts: Sequence[Variance], method: str) -> Interval:
    """Interval on the log scale of a value above 0 whose error has these variances; of 0 it is [0, 0] and more."""
    error = quantile(parts) * math.sqrt(sum(part.value for part in parts))
    if value <= 0:
        return Interval(0.0, error, method)
    spread = error / value
    if spread > _LARGE:
        return Interval(0.0, value + error, method)
    return Interval(value * math.exp(-spread), value * math.exp(spread), method)


_LARGE = 1.0
"""Where the error is larger than the value, a log scale says nothing."""
