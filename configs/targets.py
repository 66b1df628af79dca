"""Targets of objectives: ``>= 0.83``, ``<= 0.1``, ``between -1.5 and 1.5``.

Each operator is one declared unit in ``OPERATORS``; a new one needs its entry there and nothing else. There are no
strict operators (``>``, ``<``): a measured value equals a limit with probability zero, and two spellings of one promise
only make two versions of it.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Self

from aimsight.configs.errors import InvalidTextError

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to set a target: its form (with ``{low}`` and ``{high}`` for its numbers) and how it is said in words."""

    name: str
    form: str
    words: str

    @property
    def has_low(self) -> bool:
        """Whether the target bounds the metric from below."""
        return "{low}" in self.form

    @property
    def has_high(self) -> bool:
        """Whether the target bounds the metric from above."""
        return "{high}" in self.form

    def match(self, text: str) -> tuple[float | None, float | None] | None:
        """(low, high) when the text has this operator's form, else ``None``."""
        found = _pattern(self.form).fullmatch(text)
        if found is None:
            return None
        numbers = found.groupdict()
        return (
            float(numbers["low"]) if "low" in numbers else None,
            float(numbers["high"]) if "high" in numbers else None,
        )


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    """What texts of this form look like: spaces are free, numbers are named by their side."""
    pattern = re.escape(form).replace(r"\ ", r"\s*")
    for side in ("low", "high"):
        pattern = pattern.replace(re.escape(f"{{{side}}}"), f"(?P<{side}>{_NUMBER})")
    return re.compile(rf"\s*{pattern}\s*")


OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator(">=", ">= {low}", "at least {low}"),
        Operator("<=", "<= {high}", "at most {high}"),
        Operator("between", "between {low} and {high}", "from {low} to {high}"),
    )
}

_SPELLINGS = (
    (re.compile(r"≥|=>|\bat least\b|\bmin(?:imum)?\b"), ">="),
    (re.compile(r"≤|=<|\bat most\b|\bmax(?:imum)?\b"), "<="),
    (re.compile(r">(?!=)"), ">="),
    (re.compile(r"<(?!=)"), "<="),
)
_RANGE = re.compile(rf"\s*(?:from\s+)?\[?\s*({_NUMBER})\s*(?:\.\.|to|,|;|–|and)\s*({_NUMBER})\s*\]?\s*")
_DECIMAL_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9])")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


@dataclass(frozen=True, slots=True)
class Target:
    """What an objective promises of its metric: an operator and its finite numbers (in the metric's unit).

    ``low`` and ``high`` are inclusive limits, ``None`` where the operator has none.
    """

    operator: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """Refuse unknown operators, missing or superfluous or non-finite numbers, and empty ranges."""
        operator = OPERATORS.get(self.operator)
        if operator is None:
            raise InvalidTextError(f'"{self.operator}" is not an operator; operators are {", ".join(OPERATORS)}')
        if (self.low is not None) != operator.has_low or (self.high is not None) != operator.has_high:
            raise InvalidTextError(f'a target "{operator.name}" has the form "{operator.form}"')
        if any(limit is not None and not math.isfinite(limit) for limit in (self.low, self.high)):
            raise InvalidTextError("the numbers of a target are finite")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidTextError(
                f"no value is between {number_text(self.low)} and {number_text(self.high)}",
                f'"between {number_text(self.high)} and {number_text(self.low)}"',
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a target; spaces are free, everything else is as in ``OPERATORS``.

        Raises
        ------
        InvalidTextError
            When the text is anything else, with the likely intention.
        """
        for operator in OPERATORS.values():
            limits = operator.match(text)
            if limits is not None:
                return cls(operator.name, *limits)
        raise InvalidTextError(
            f'"{text}" is not a target; write ">= 0.83", "<= 0.1" or "between -1.5 and 1.5"', _intention(text)
        )

    def beyond(self, value: float) -> float:
        """Distance of ``value`` on the wrong side of the target, in the metric's unit; at most 0 when it conforms."""
        distances = []
        if self.low is not None:
            distances.append(self.low - value)
        if self.high is not None:
            distances.append(value - self.high)
        return max(distances)

    @property
    def limits(self) -> tuple[float, ...]:
        """The numbers of the target, low before high."""
        return tuple(limit for limit in (self.low, self.high) if limit is not None)

    @property
    def words(self) -> str:
        """The target as a person says it: ``at least 0.83``."""
        return self._filled(OPERATORS[self.operator].words)

    def __str__(self) -> str:
        """``>= 0.83``: what ``parse`` reads."""
        return self._filled(OPERATORS[self.operator].form)

    def _filled(self, form: str) -> str:
        low, high = (number_text(limit) if limit is not None else "" for limit in (self.low, self.high))
        return form.format(low=low, high=high)


def number_text(value: float) -> str:
    """Shortest decimal text that reads back as the same number, without a superfluous ``.0``."""
    return repr(value + 0.0).removesuffix(".0")


def _intention(text: str) -> str:
    """A valid target that the text may stand for, in quotes; ``''`` when unclear."""
    attempt = _DECIMAL_COMMA.sub(".", text.strip())
    attempt = _PERCENT.sub(lambda found: number_text(float(found[1]) / 100), attempt)
    for spelling, name in _SPELLINGS:
        attempt = spelling.sub(name, attempt)
    as_range = _RANGE.fullmatch(attempt)
    if as_range:
        attempt = f"between {as_range[1]} and {as_range[2]}"
    for operator in OPERATORS.values():
        limits = operator.match(attempt)
        if limits is not None and all(limit is None or math.isfinite(limit) for limit in limits):
            low, high = (number_text(limit) if limit is not None else "" for limit in limits)
            return f'"{operator.form.format(low=low, high=high)}"'
    return ""
