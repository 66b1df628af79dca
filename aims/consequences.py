"""What another target would have made of the past: stored measurements, judged again under the proposed version.

A new objective has no past verdicts; it is told which windows, run before, would get their first one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.aims.evaluation import judge
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import listed, plural
from aimsight.metrics.registry import find
from aimsight.metrics.values import Value
from aimsight.store.measurements import from_row, series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aimsight.metrics.values import Measurement
    from aimsight.store.database import Reader
    from aimsight.store.records import ObjectiveVersion


@dataclass(frozen=True, slots=True)
class Differing:
    """One past window whose verdict would have been another."""

    window_start: datetime
    window_end: datetime
    value: float | None
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True)
class First:
    """One window that was run before and gets its first verdict; ``None`` where it has to be measured first."""

    window_start: datetime
    window_end: datetime
    value: float | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Consequences:
    """How many past verdicts were judged again, and those that would differ; the past itself stays as it was judged.

    Parameters
    ----------
    first
        Of a new objective: the windows that were run before and get their first verdict.
    left_out
        Of a new objective: how many windows that were run before get none; ``None`` where the objective is not new.
    """

    compared: int
    differing: tuple[Differing, ...]
    first: tuple[First, ...] = ()
    left_out: int | None = None

    @property
    def sentence(self) -> str:
        """``Of 46 past verdicts 3 would have been others: 2 nonconforming instead of conforming, ...``."""
        if self.left_out is not None:
            return f"{self._first_verdicts()}{self._left_out()}"
        if not self.compared:
            return "There is no past verdict to compare with."
        if not self.differing:
            return f"None of {plural(self.compared, 'past verdict')} would have been another."
        kinds = Counter((one.before, one.after) for one in self.differing)
        told = [f"{count} {after} instead of {before}" for (before, after), count in sorted(kinds.items())]
        return (
            f"Of {plural(self.compared, 'past verdict')} {len(self.differing)} would have been "
            f"{'another' if len(self.differing) == 1 else 'others'}: {listed(told, most=20)}."
        )

    def _left_out(self) -> str:
        if not self.left_out:
            return ""
        return f" {plural(self.left_out, 'earlier window')} {'gets' if self.left_out == 1 else 'get'} none."

    def _first_verdicts(self) -> str:
        if not self.first:
            return "It judges windows that are run from its approval on."
        kinds = Counter(one.verdict for one in self.first if one.verdict is not None)
        told = [f"{count} {verdict}" for verdict, count in sorted(kinds.items(), key=lambda one: one[0].rank)]
        unknown = len(self.first) - kinds.total()
        told += [f"{unknown} still to be measured"] * bool(unknown)
        return (
            f"{plural(len(self.first), 'window')} that {'was' if len(self.first) == 1 else 'were'} run before the "
            f"approval {'is' if len(self.first) == 1 else 'are'} judged by the next run: {listed(told, most=20)}."
        )


def replay(reader: Reader, before: ObjectiveVersion, after: ObjectiveVersion) -> Consequences:
    """Judge the latest measurement of every window that has a verdict on the objective again, under ``after``.

    A window without a value keeps its verdict where both versions look at the same measurement: no target changes it.
    """
    past = reader.rows(
        "SELECT window_start, window_end, verdict FROM evaluations WHERE model = ? AND objective = ? AND is_latest "
        "ORDER BY window_start, window_end",
        [before.model, before.objective],
    )
    measured = _measured(reader, after)
    same = (before.metric, before.column_name, before.segment) == (after.metric, after.column_name, after.segment)
    bounds = find(after.metric).bounds
    differing = []
    for row in past:
        window = (row["window_start"], row["window_end"])
        then = Verdict(row["verdict"])
        measurement = measured.get(window)
        if same and (measurement is None or not isinstance(measurement.result, Value)):
            continue
        verdict = judge(after, measurement, bounds).verdict
        if verdict is not then:
            differing.append(Differing(*window, _value(measurement), then, verdict))
    return Consequences(len(past), tuple(differing))


def first_verdicts(
    reader: Reader, after: ObjectiveVersion, windows: Sequence[tuple[datetime, datetime]], left_out: int
) -> Consequences:
    """Judge windows that a new objective has not judged yet, as far as what it is about was measured in them."""
    measured = _measured(reader, after)
    bounds = find(after.metric).bounds
    first = []
    for window in windows:
        found = measured.get(window)
        verdict = None if found is None else judge(after, found, bounds).verdict
        first.append(First(*window, _value(found), verdict))
    return Consequences(0, (), tuple(first), left_out)


def _measured(reader: Reader, objective: ObjectiveVersion) -> dict[tuple[datetime, datetime], Measurement]:
    """By window: the latest measurement that an objective is about."""
    rows = series(reader, objective.model, objective.metric, objective.column_name, objective.segment)
    return {(row["window_start"], row["window_end"]): from_row(row) for row in rows}


def _value(measurement: Measurement | None) -> float | None:
    return measurement.result.value if measurement and isinstance(measurement.result, Value) else None
