"""Measurements and verdicts of runs, worked out a second time for auditors.

This file needs nothing but Python's standard library (3.8 or newer): it is a part of the program that auditors are
given with a bundle.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from aimsight.store.check_comparisons import (
    OF_COLUMN_COUNTS,
    OF_COLUMNS,
    OF_GROUPS_VERSION,
    OF_VALUES,
    Column,
    dense,
    duplicates,
    groups_of,
    of_groups,
)
from aimsight.store.check_formulas import FORMULAS, OF_ERRORS, OF_SCORES, Scores, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = list[dict[str, Any]]

TOLERANCE = 1e-9
ESTIMATES = "estimates rest on a model of the reference and on windows before"
PARAMETERS = "metrics with parameters of their own"
VERSION = "of another version of the metric"
ELSEWHERE = "compared with the windows of a season, or with the windows before"
NO_REFERENCE = "the reference is not in the bundle"
EXACT = "distances of distinct values, of which the bundle holds the hash alone"
UNKNOWN = "no formula for them here"


class Reference(NamedTuple):
    """How the columns of a reference were counted (by name), and their counts in it."""

    columns: dict[str, dict[str, Any]]
    counts: dict[str, dict[str, Any]]


class NotComputedError(Exception):
    """Why a measurement is not computed again."""


class Again:
    """What came of working out measurements and verdicts again."""

    def __init__(
        self,
        references: dict[tuple[str, str], list[Reference]],
        objectives: dict[tuple[str, str, int], dict[str, Any]],
        units: dict[str, set[float]],
    ) -> None:
        """Nothing yet.

        ``references`` by model and name, ``objectives`` by model, id and version, ``units`` of errors by model.
        """
        self.references, self.objectives, self.units = references, objectives, units
        self.wrong: list[str] = []
        self.count = self.ranged = self.verdicts = 0
        self.left_out: dict[str, Counter[str]] = defaultdict(Counter)

    def see(self, run: str, rows: Callable[[str], Rows]) -> None:
        """Take up the rows of one run, given by table."""
        kept = Run(rows)
        measured = rows("measurement")
        for row in measured:
            if row["value"] is None:
                continue
            where = " ".join(filter(None, (row["metric"], "of run", run[:12], row["column_name"], row["segment"])))
            try:
                values = self.values(row, kept, where)
            except NotComputedError as reason:
                self.left_out[str(reason)][row["metric"].partition("(")[0]] += 1
                continue
            self.count += 1
            if not any(math.isclose(one, row["value"], rel_tol=TOLERANCE, abs_tol=TOLERANCE) for one in values):
                told = repr(values[0]) if values else "no value"
                self.wrong.append(f"{where}: {row['value']!r} is stored, its statistics give {told}")
        for evaluation in rows("evaluation"):
            self.judge(evaluation, measured)

    def values(self, row: dict[str, Any], run: Run, where: str) -> list[float]:
        """What a measurement can be by the statistics of its run: one value, or one for each way they were kept."""
        metric = row["metric"]
        if metric.startswith("estimated."):
            raise NotComputedError(ESTIMATES)
        if "(" in metric:
            raise NotComputedError(PARAMETERS)
        if metric in OF_COLUMNS:
            found = self.of_column(row, run)
        elif metric in OF_COLUMN_COUNTS and row["column_name"] in run.columns:
            found = [OF_COLUMN_COUNTS[metric](run.columns[row["column_name"]])]
        elif metric.startswith("fairness."):
            found = self.of_groups(row, run, where)
        elif metric in OF_WINDOW:
            found = [OF_WINDOW[metric](run)]
        elif row["column_name"] or row["segment"] not in run.segments:
            raise NotComputedError(UNKNOWN)
        else:
            found = self.of_segment(row, run)
        return [value for value in found if value is not None]

    def of_segment(self, row: dict[str, Any], run: Run) -> list[float | None]:
        """A metric of one segment."""
        metric, part = row["metric"], run.segments[row["segment"]]
        if metric in OF_SCORES:
            span = OF_SCORES[metric](run.scores.get(part["position"], []))
            self.ranged += span is not None
            found = [] if span is None else [min(max(row["value"], span.low), span.high)]  # the nearest that can be
        elif metric in OF_ERRORS:  # kept in a unit that the model's reference fixed
            formula = OF_ERRORS[metric]
            found = [formula(part, unit) for unit in self.units.get(row["model"], {1.0})]
        else:
            found = [FORMULAS[metric](part)] if metric in FORMULAS else []
        if found in ([], [None]):
            raise NotComputedError(UNKNOWN)
        return found

    def of_column(self, row: dict[str, Any], run: Run) -> list[float | None]:
        """A distance of a column from the reference."""
        metric, name = row["metric"], row["column_name"]
        versions, formula = OF_COLUMNS[metric]
        notes = row["detail"].split("; ")
        if row["metric_version"] not in versions:
            raise NotComputedError(VERSION)
        if metric in OF_VALUES and name in run.exact:
            raise NotComputedError(EXACT)
        if any(re.match("compared with (?!the (whole )?reference:)", note) for note in notes):
            raise NotComputedError(ELSEWHERE)
        references = self.references.get((row["model"], row["reference"]))
        if references is None:
            raise NotComputedError(NO_REFERENCE)
        found: list[float | None] = []
        for reference in references:
            column, before, now = reference.columns.get(name), reference.counts.get(name), run.columns.get(name)
            if column is None or before is None or now is None or before["size"] != now["size"]:
                continue
            at, then = (dense(part, of_labels=column["role"] == "label") for part in (now, before))
            found.append(formula(Column(then, at, column["low"], column["high"], column["std"])))
        return found

    def of_groups(self, row: dict[str, Any], run: Run, where: str) -> list[float | None]:
        """A gap or a ratio of groups."""
        segments = list(run.segments.values())
        groups, wrong = groups_of(segments, row["column_name"], row["detail"])
        self.wrong += [f"{where}: {what}" for what in wrong]
        units = self.units.get(row["model"], {1.0})
        found = [of_groups(row["metric"], groups, unit) for unit in units]
        if row["metric_version"] != OF_GROUPS_VERSION or found == [None] * len(found):
            raise NotComputedError(UNKNOWN)
        return found

    def judge(self, row: dict[str, Any], measured: Rows) -> None:
        """Hold a verdict against its objective and what was measured."""
        objective = self.objectives.get((row["model"], row["objective"], row["objective_version"]))
        if objective is None:
            self.wrong.append(
                f"{row['model']}/{row['objective']}: no entry declares version {row['objective_version']}"
            )
            return
        metric = objective["metric"].partition("(")[0]
        about = [
            one
            for one in measured
            if one["metric"].partition("(")[0] == metric
            and (one["column_name"], one["segment"]) == (row["column_name"], row["segment"])
        ]
        about.sort(key=lambda one: (one["metric"] != objective["metric"], one["value"] != row["value"]))
        trouble = objection(row, objective, about[0] if about else None)
        self.verdicts += not trouble
        if trouble:
            where = f"verdict of run {row['run_id'][:12]} on {row['model']}/{row['objective']}"
            self.wrong.append(f"{where}: {row['verdict']}, but {trouble}")


class Run:
    """The statistics of one run."""

    def __init__(self, rows: Callable[[str], Rows]) -> None:
        """Read them."""
        self.segments = {row["segment"]: row for row in rows("statistics_segment")}
        self.columns = {row["column_name"]: row for row in rows("statistics_column")}
        self.exact = {row["column_name"] for row in rows("statistics_distinct")}
        self.window = next(iter(rows("statistics_window")), None)
        self.quality = next(iter(rows("statistics_quality")), None)
        self.scores: dict[int, list[Scores]] = {}
        for row in rows("statistics_score"):
            counts = Scores(row["cells"], row["negatives"], row["positives"])
            self.scores.setdefault(row["segment_position"], []).append(counts)


def outside(run: Run) -> float | None:
    """Share of decisions outside the intended use."""
    if run.window is None or run.quality is None or run.quality["outside_envelope"] is None:
        return None
    return ratio(run.quality["outside_envelope"], run.window["rows"])


OF_WINDOW: dict[str, Callable[[Run], float | None]] = {
    "quality.duplicate_share": lambda run: None if run.window is None else duplicates(run.window),
    "quality.outside_intended_use_share": outside,
}
"""Metrics of the rows of the whole window."""


class Target(NamedTuple):
    """What an objective demands: at least ``low``, at most ``high``."""

    low: float | None
    high: float | None

    def beyond(self, value: float) -> float:
        """How far a value lies on the wrong side; below 0 on the right one."""
        sides = [self.low - value] if self.low is not None else []
        return max([*sides, value - self.high] if self.high is not None else sides)


def target_of(text: str) -> Target:
    """A target as objectives write it: ``>= 0.8``, ``<= 0.1``, ``between -1 and 1``."""
    numbers = [float(number) for number in re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text)]
    if len(numbers) > 1:
        return Target(numbers[0], numbers[1])
    return Target(numbers[0], None) if text.strip().startswith(">=") else Target(None, numbers[0])


def objection(evaluation: dict[str, Any], objective: dict[str, Any], measured: dict[str, Any] | None) -> str:
    """What contradicts the verdict of an evaluation; '' where nothing does."""
    verdict, value = evaluation["verdict"], evaluation["value"]
    tolerance = float(objective["tolerance"])  # the ledger writes fractions as text
    if (evaluation["target"], evaluation["tolerance"]) != (objective["target"], tolerance):
        return "its target is not that of the objective's version"
    if measured is None or any(measured[name] != evaluation[name] for name in ("value", "ci_low", "ci_high")):
        known = measured["value"] if measured is not None else None
        return "" if value is None and known is None else "it judges another value than the one measured"
    if value is None:
        return "" if verdict not in {"conforming", "nonconforming", "at risk"} else "there is no value to judge"
    if measured["n"] < objective["min_rows"]:
        return "" if verdict == "insufficient evidence" else "too few rows for the objective"
    target = target_of(objective["target"])
    bound = measured["error_bound"] or 0.0
    low = (value if measured["ci_low"] is None else measured["ci_low"]) - bound
    high = (value if measured["ci_high"] is None else measured["ci_high"]) + bound
    nearest = value
    if not objective["zero_tolerance"]:
        middle = None if None in target else ((target.low or 0.0) + (target.high or 0.0)) / 2
        nearest = min((low, high), key=target.beyond) if middle is None else min(max(middle, low), high)
    fails = target.beyond(nearest) > (0.0 if objective["zero_tolerance"] else tolerance)
    warns = measured["estimated"] or (not objective["zero_tolerance"] and (measured["q_value"] or 0.0) > 0.05)
    if fails and not warns:
        return "" if verdict == "nonconforming" else "the whole interval lies beyond the target and its tolerance"
    if verdict == "nonconforming":
        return "the interval does not lie wholly beyond the target and its tolerance, or the evidence is too weak"
    if (verdict == "conforming" and target.beyond(value) > 0) or (verdict == "at risk" and target.beyond(value) <= 0):
        return "the value lies on the other side of the target"
    return ""
