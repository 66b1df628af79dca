"""Compares what the metrics give with the known answers, and their numbers with those of the same version before."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from aimsight.metrics.registry import METRICS, find
from aimsight.metrics.values import Undefined
from aimsight.metrics.verification.cases import measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aimsight.metrics.values import Measurement

DIGITS = 8
"""Significant digits that a digest looks at: machines may differ in later ones."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a metric gives in a case: the value, how far from it is still right, and by which means it was found.

    ``tolerance`` is relative to the value, or absolute where the value is below 1.
    """

    metric: str
    case: str
    column: str
    segment: str
    value: float
    tolerance: float
    by: str


@dataclass(frozen=True, slots=True)
class Check:
    """One answer compared: the deviation from it and what was allowed, its own error bound included."""

    answer: Answer
    version: int
    value: float | None
    deviation: float | None
    allowed: float | None
    reason: str

    @property
    def is_right(self) -> bool:
        """Whether the value is there and within what is allowed."""
        return self.deviation is not None and self.allowed is not None and self.deviation <= self.allowed


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of one metric (of all its arguments); ``digest`` is over every number of its measurements."""

    metric: str
    version: int
    checks: tuple[Check, ...]
    digest: str

    @property
    def passed(self) -> bool:
        """Whether there are answers and all of them are right."""
        return bool(self.checks) and all(check.is_right for check in self.checks)

    @property
    def worst(self) -> Check | None:
        """The check that is the farthest from right."""
        return max(self.checks, key=_badness, default=None)


def answers() -> list[Answer]:
    """The known answers, as committed."""
    return [
        Answer(
            row["metric"], row["case"], row["column"], row["segment"],
            float(row["value"]), float(row["tolerance"]), row["by"],
        )
        for row in _rows("answers.csv")
    ]  # fmt: skip


def known_digests() -> dict[tuple[str, int], str]:
    """The digests of the numbers of each version of each metric, as committed."""
    return {(row["metric"], int(row["version"])): row["digest"] for row in _rows("results.csv")}


def verify(
    known: Sequence[Answer] | None = None, tell: Callable[[str, int, int], None] | None = None
) -> list[Verification]:
    """Verify every metric of the catalogue, in its order; one without a known answer has no checks.

    Parameters
    ----------
    known
        The answers; by default the committed ones.
    tell
        Told which case is being measured, how many are done, and how many there are.
    """
    given = answers() if known is None else list(known)
    cases = list(dict.fromkeys(answer.case for answer in given))
    found: dict[str, list[tuple[Check, Measurement | None]]] = {name: [] for name in METRICS}
    for place, case in enumerate(cases):
        if tell is not None:
            tell("cases", place, len(cases))
        mine = [answer for answer in given if answer.case == case and answer.metric.partition("(")[0] in METRICS]
        everything = measured(case, list(dict.fromkeys(answer.metric for answer in mine)))
        table = {(one.metric, one.column, str(one.segment)): one for one in everything}
        for answer in mine:
            one = table.get((find(answer.metric).text, answer.column, answer.segment))
            found[answer.metric.partition("(")[0]].append((_check(answer, one), one))
    if tell is not None:
        tell("cases", len(cases), len(cases))
    return [
        Verification(name, METRICS[name].version, tuple(check for check, _ in pairs), _digest(pairs))
        for name, pairs in found.items()
    ]


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((files(__package__) / name).read_text(encoding="utf-8").splitlines()))


def _check(answer: Answer, one: Measurement | None) -> Check:
    if one is None:
        return Check(answer, 0, None, None, None, "it was not measured")
    result = one.result
    if isinstance(result, Undefined):
        return Check(answer, one.metric_version, None, None, None, result.reason)
    deviation = abs(result.value - answer.value)
    allowed = answer.tolerance * max(1.0, abs(answer.value)) + result.error_bound
    return Check(answer, one.metric_version, result.value, deviation, allowed, "")


def _badness(check: Check) -> float:
    if check.deviation is None or check.allowed is None:
        return float("inf")
    return check.deviation / check.allowed if check.allowed > 0 else float(check.deviation > 0)


def _digest(pairs: list[tuple[Check, Measurement | None]]) -> str:
    """SHA-256 (16 digits) over the numbers of a metric's measurements, to ``DIGITS`` significant digits."""
    lines = [
        "|".join([check.answer.metric, check.answer.case, check.answer.column, check.answer.segment, _numbers(one)])
        for check, one in pairs
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def _numbers(one: Measurement | None) -> str:
    if one is None or isinstance(one.result, Undefined):
        return "no value"
    value = one.result
    limits = (value.interval.low, value.interval.high) if value.interval else (None, None)
    numbers = (value.value, *limits, value.error_bound, value.p_value)
    texts = ["none" if number is None else f"{number:.{DIGITS}g}" for number in numbers]
    return " ".join([*texts, str(value.n)])
