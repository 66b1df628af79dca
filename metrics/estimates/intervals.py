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


def bounded(value: float, ends: tuple[float, float], parts: Sequence[Variance], method: str) -> Interval:
    """Interval of a value between two ends whose error has these variances: Wilson's, of its share of the way.

    Its rows are those whose share would vary as much: p (1 - p) / variance, and at the ends, where that is nothing,
    one over the standard error, as for the share of so many rows that are all alike. It reaches at least as far as the
    normal one: near an end few rows may well be all alike, where Wilson's, which is about what they are drawn from,
    stops short of that.
    """
    low, high = ends
    width = high - low
    if width <= 0:
        return Interval(value, value, method)
    share = min(max((value - low) / width, 0.0), 1.0)
    variance = max(sum(part.value for part in parts) / width**2, 1e-30)
    rows = max(share * (1 - share) / variance, 1 / math.sqrt(variance))
    z = quantile(parts)
    around, half = wilson(share * rows, rows, z, method), z * math.sqrt(variance)
    first, last = max(min(around.low, share - half), 0.0), min(max(around.high, share + half), 1.0)
    return Interval(min(low + width * first, value), max(low + width * last, value), method)


def mean(value: float, parts: Sequence[Variance], method: str) -> Interval:
    """Interval of a value without ends whose error has these variances."""
    error = quantile(parts) * math.sqrt(sum(part.value for part in parts))
    return Interval(value - error, value + error, method)


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
