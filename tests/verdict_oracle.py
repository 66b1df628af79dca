"""What every verdict and nonconformity has to be, from stored measurements and the YAML, by the written rules alone.

Written from docs/concepts.md, docs/configuration.md and docs/nonconformities.md; the metrics' bounds are those that
docs/metrics.md states. Holds for a store whose windows were all judged in one run, so that nothing was closed between.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from aimsight.store.database import Reader

Row = Mapping[str, Any]
Span = tuple[datetime, datetime]
METRICS_PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
NOT_MEASURED, AWAITING, INSUFFICIENT = "not measured", "awaiting labels", "insufficient evidence"
CONFORMING, AT_RISK, NONCONFORMING = "conforming", "at risk", "nonconforming"
MONITORING = "monitoring not done"
AT_MOST_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "mo": 31, "q": 92, "y": 366}
SIGNIFICANT = 0.05


class Opened(NamedTuple):
    """A nonconformity that has to be there: about an objective, or (``None``) about the monitoring of the model."""

    objective: str | None
    kind: str
    severity: str
    occurrences: int
    occurred_from: datetime


@cache
def bounds(metric: str) -> tuple[float, float]:
    """The lowest and highest value of a metric, infinite where there is none."""
    name = re.escape(metric.partition("(")[0])
    found = re.search(rf"(?ms)^### `{name}`$.*?^\| Bounds \| (\S+) to (\S+) \|$", METRICS_PAGE.read_text("utf-8"))
    assert found is not None, metric
    ends = [text.replace("\N{MINUS SIGN}", "-") for text in found.groups()]
    low, high = (
        none if end == "unbounded" else float(end) for none, end in zip((-math.inf, math.inf), ends, strict=True)
    )
    return low, high


@dataclass(frozen=True)
class Objective:
    """An objective as its YAML declares it, with the documented defaults."""

    declared: Mapping[str, Any]

    @cached_property
    def target(self) -> tuple[float, float]:
        """The corridor of good values, one end of it infinite where the target has one side."""
        words = self.declared["target"].split()
        if words[0] == "between":
            return float(words[1]), float(words[3])
        return (float(words[1]), math.inf) if words[0] == ">=" else (-math.inf, float(words[1]))

    @property
    def tolerance(self) -> float:
        """What the target may be missed by."""
        return float(self.declared.get("tolerance", 0))

    def beyond(self, value: float) -> float:
        """How far a value lies beyond the target; negative for good ones."""
        low, high = self.target
        return max(low - value, value - high)

    def verdict(self, measured: Row) -> str:
        """The verdict of a measurement that has a value."""
        value, rows = measured["value"], measured["n"]
        if rows < self.declared.get("min_rows", 30):
            return INSUFFICIENT
        if self.declared.get("zero_tolerance", False):
            found = NONCONFORMING if self.beyond(value) > 0 else CONFORMING
        else:
            found = self._by_interval(measured)
        return AT_RISK if measured["estimated"] and found == NONCONFORMING else found

    def _by_interval(self, measured: Row) -> str:
        value, error = measured["value"], measured["error_bound"] or 0
        low = (value if measured["ci_low"] is None else measured["ci_low"]) - error
        high = (value if measured["ci_high"] is None else measured["ci_high"]) + error
        best, worst = self._best_of(low, high), max(self.beyond(low), self.beyond(high))
        if best > self.tolerance:
            by_nature = measured["q_value"] is not None and measured["q_value"] > SIGNIFICANT
            return AT_RISK if by_nature else NONCONFORMING
        width = max(self.tolerance, self._half_of_the_way_to_best())
        if best < -width and worst > self.tolerance + width:
            return INSUFFICIENT
        return AT_RISK if self.beyond(value) > 0 else CONFORMING

    def _best_of(self, low: float, high: float) -> float:
        """How far that value of the interval lies beyond the target which lies least beyond it."""
        if math.isinf(sum(self.target)):
            return min(self.beyond(low), self.beyond(high))
        return self.beyond(min(max(sum(self.target) / 2, low), high))

    def _half_of_the_way_to_best(self) -> float:
        (low, high), (lowest, highest) = self.target, bounds(self.declared["metric"])
        if math.isinf(high):
            return (highest - low) / 2
        return (high - lowest) / 2 if math.isinf(low) else (high - low) / 4

    def opens(self, failing: str) -> tuple[int, int]:
        """How many failing windows of how many open a nonconformity."""
        if failing == NOT_MEASURED:
            return 2, 2
        rule = {"failures": 2, "of": 3} | self.declared.get("opens", {})
        return (1, 1) if self.declared.get("zero_tolerance", False) else (rule["failures"], rule["of"])


@dataclass(frozen=True)
class Judged:
    """One model of a store: its YAML, and the latest rows of the public views of it.

    ``now`` is when the run was that judged all windows.
    """

    model: Mapping[str, Any]
    now: datetime
    measurements: Sequence[Row]
    evaluations: Sequence[Row]
    runs: Sequence[Row]

    @cached_property
    def objectives(self) -> dict[str, Objective]:
        """The declared objectives by id."""
        return {declared["id"]: Objective(declared) for declared in self.model["objectives"]}

    @cached_property
    def windows(self) -> list[Span]:
        """All windows that were run, by their end."""
        return sorted({_span(run) for run in self.runs}, key=lambda span: (span[1], span[0]))

    @cached_property
    def silent(self) -> set[Span]:
        """Windows of which the model as a whole has no result: failed runs and such without rows."""
        return {_span(run) for run in self.runs if run["outcome"] == "error" or not run["rows_scanned"]}

    @cached_property
    def _measured(self) -> dict[tuple[Any, ...], Row]:
        return {_about(row): row for row in self.measurements}

    def possible(self, evaluation: Row) -> set[str]:
        """The verdicts that the rules allow: one; of a metric without a value for reasons of its own, two."""
        objective = self.objectives[evaluation["objective"]]
        measured = self._measured.get(_about({**evaluation, "metric": objective.declared["metric"]}))
        if measured is None:
            return {NOT_MEASURED}
        return {objective.verdict(measured)} if measured["value"] is not None else self._without_value(measured)

    @cached_property
    def _delay(self) -> timedelta:
        """How long labels may take after the end of a window."""
        found = re.fullmatch(r"(\d+)([a-z]+)", self.model.get("labels", {}).get("delay", "0d"))
        assert found is not None
        return timedelta(days=int(found[1]) * AT_MOST_DAYS[found[2]])

    def _without_value(self, measured: Row) -> set[str]:
        reason = measured["undefined_reason"]
        waits = self.now < measured["window_end"] + self._delay
        if reason.startswith("awaiting labels"):
            assert waits, reason
            return {AWAITING}
        if reason.startswith("labels cover"):
            assert not waits, reason
            return {INSUFFICIENT}
        return {NOT_MEASURED} if reason == "no rows in the window" else {NOT_MEASURED, INSUFFICIENT}

    def nonconformities(self) -> set[Opened]:
        """All that the verdicts and the runs have to have opened."""
        found = {self._opened(name, failing) for name in self.objectives for failing in (NONCONFORMING, NOT_MEASURED)}
        return {one for one in (*found, self._monitoring()) if one is not None}

    def _opened(self, name: str, failing: str) -> Opened | None:
        """By the objective's rule; from then on every failing window is an occurrence, silent ones are the model's."""
        objective = self.objectives[name]
        verdicts = {_span(row): row["verdict"] for row in self.evaluations if row["objective"] == name}
        needed, of = objective.opens(failing)
        occurrences: list[Span] = []
        for number, span in enumerate(self.windows):
            if verdicts[span] != failing or span in self.silent:
                continue
            last = [one for one in self.windows[max(0, number - of + 1) : number + 1] if verdicts[one] == failing]
            if occurrences:
                occurrences.append(span)
            elif len(last) >= needed:
                occurrences = last
        if not occurrences:
            return None
        family = objective.declared["metric"].partition(".")[0]
        kind, severity = (MONITORING, "major") if failing == NOT_MEASURED else (family, objective.declared["severity"])
        return Opened(name, kind, severity, len(occurrences), occurrences[0][0])

    def _monitoring(self) -> Opened | None:
        """Two silent windows in a row open one record, to which later ones are added."""
        pairs = [pair for pair in zip(self.windows, self.windows[1:], strict=False) if self.silent.issuperset(pair)]
        if not pairs:
            return None
        first = pairs[0][0]
        count = sum(span in self.silent for span in self.windows[self.windows.index(first) :])
        return Opened(None, MONITORING, "major", count, first[0])


def judged(reader: Reader, model: Mapping[str, Any], now: datetime) -> tuple[Judged, set[Opened]]:
    """A model of a store, and the nonconformities that monitoring really opened of it."""
    name = [model["model"]]
    measurements, evaluations, runs, opened = (
        reader.rows(f"SELECT * FROM {view} WHERE model = ? AND {condition}", name)
        for view, condition in (
            ("measurements", "is_latest"),
            ("evaluations", "is_latest"),
            ("runs", "outcome IN ('success', 'error')"),
            ("nonconformities", "source = 'monitoring'"),
        )
    )
    return Judged(model, now, measurements, evaluations, runs), {
        Opened(row["objective"], row["kind"], row["severity"], row["occurrences"], row["occurred_from"])
        for row in opened
    }


def assert_follows(reader: Reader, model: Mapping[str, Any], now: datetime) -> set[str]:
    """Compare all verdicts and nonconformities of a model; gives the kinds of verdicts that were there."""
    found, opened = judged(reader, model, now)
    assert len(found.evaluations) == len(found.objectives) * len(found.windows)
    for row in found.evaluations:
        assert row["verdict"] in found.possible(row), row
    assert found.nonconformities() == opened
    return {row["verdict"] for row in found.evaluations}


def _span(row: Row) -> Span:
    return row["window_start"], row["window_end"]


def _about(row: Row) -> tuple[Any, ...]:
    return row["metric"], row["column_name"], row["segment"], *_span(row)
