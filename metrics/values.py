"""What a metric returns: a value with its uncertainty, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided 95 % confidence interval ``[low, high]`` in the metric's unit and the method that made it."""

    low: float
    high: float
    method: str

    def __post_init__(self) -> None:
        """Refuse an interval that is not finite or not ordered: a bug in the metric, never a result."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"not an interval: [{self.low}, {self.high}] by {self.method}")

    def carried(self, over: Callable[[float], float]) -> Interval:
        """The interval of a monotone function of the value."""
        low, high = sorted((over(self.low), over(self.high)))
        return Interval(low, high, self.method)

    def holding(self, value: float) -> Interval:
        """The interval, made to hold the value itself."""
        return Interval(min(self.low, value), max(self.high, value), self.method)

    def within(self, low: float, high: float) -> Interval:
        """The part within the metric's bounds, beyond which the truth cannot be."""
        return Interval(max(self.low, low), min(self.high, high), self.method)


@dataclass(frozen=True, slots=True)
class Value:
    """A finished value.

    Parameters
    ----------
    value
        Finite number in the metric's unit.
    n
        Rows (or decisions, or labelled rows) that the value rests on, at least 1.
    interval
        95 % confidence interval, or ``None`` for plain counts that have no sampling error.
    error_bound
        Largest absolute distance between this value and the exact one (0 when computed exactly; above 0 for
        values finished from binned statistics).
    p_value
        Evidence against "no change", in (0, 1], where the metric is a distance; else ``None``.
    detail
        What a person should know of it beyond the numbers, such as the columns that it comes from.
    """

    value: float
    n: int
    interval: Interval | None = None
    error_bound: float = 0.0
    p_value: float | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse what is not a number: NaN and infinity never leave a metric."""
        if not math.isfinite(self.value):
            raise ValueError(f"a metric may not return {self.value}; return Undefined(reason)")
        if self.n < 1:
            raise ValueError(f"a value rests on at least one row, not on {self.n}")


class Cause(StrEnum):
    """The kind of reason why there is no value; the verdict follows from it."""

    UNDEFINED = "undefined"
    TOO_FEW = "too few"
    AWAITING_LABELS = "awaiting labels"


@dataclass(frozen=True, slots=True)
class Undefined:
    """No value can be given, and why (a short phrase that a person understands), with the rows that were there.

    ``cause`` says which verdict it leads to: too few rows or labels is insufficient evidence, labels that may still
    come are awaited, and everything else is not measured.
    """

    reason: str
    n: int = 0
    cause: Cause = Cause.UNDEFINED


Result = Value | Undefined


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a window: every row (no conditions), the rows whose columns have these values, or those of a filter.

    ``conditions`` is an ordered tuple of (column, value text) pairs; missing values appear as ``(missing)``. A declared
    filter has one condition, with its name as the value of no column.
    """

    conditions: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that define the segment, in order."""
        return tuple(column for column, _ in self.conditions)

    def __str__(self) -> str:
        """``''`` for all rows, else ``gender=F & age_group=65+``, or the name of the filter."""
        return " & ".join(f"{column}={value}" if column else value for column, value in self.conditions)

    @classmethod
    def of_filter(cls, name: str) -> Segment:
        """The rows that fulfil a declared filter."""
        return cls((("", name),))


ALL_ROWS = Segment()
MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric's result for one column (or group-by, or '') and segment of one window.

    ``column`` is the feature of a drift or quality metric, the group-by (``gender`` or ``gender & age_group``) of a
    fairness metric, else ``''``. ``q_value`` is the p-value adjusted over the drift measurements of the run.
    """

    metric: str
    metric_version: int
    result: Result
    column: str = ""
    segment: Segment = field(default=ALL_ROWS)
    reference: str = ""
    estimated: bool = False
    q_value: float | None = None
    detail: str = ""
