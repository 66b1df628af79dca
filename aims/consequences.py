"""What another target would have made of the past: stored measurements, judged again under the proposed version."""

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
    from datetime import datetime

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
class Consequences:
    """How many past verdicts were judged again, and those that would differ; the past itself stays as it was judged."""

    compared: int
    differing: tuple[Differing, ...]

    @property
    def sentence(self) -> str:
        """``Of 46 past verdicts 3 would have been others: 2 nonconforming instead of conforming, ...``."""
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


def replay(reader: Reader, before: ObjectiveVersion, after: ObjectiveVersion) -> Consequences:
    """Judge the latest measurement of every window that has a verdict on the objective again, under ``after``.

    A window without a value keeps its verdict where both versions look at the same measurement: no target changes it.
    """
    past = reader.rows(
        "SELECT window_start, window_end, verdict FROM evaluations WHERE model = ? AND objective = ? AND is_latest "
        "ORDER BY window_start, window_end",
        [before.model, before.objective],
    )
    measured = {
        (row["window_start"], row["window_end"]): row
        for row in series(reader, after.model, after.metric, after.column_name, after.segment)
    }
    same = (before.metric, before.column_name, before.segment) == (after.metric, after.column_name, after.segment)
    bounds = find(after.metric).bounds
    differing = []
    for row in past:
        window = (row["window_start"], row["window_end"])
        then = Verdict(row["verdict"])
        measurement = from_row(measured[window]) if window in measured else None
        if same and (measurement is None or not isinstance(measurement.result, Value)):
            continue
        verdict = judge(after, measurement, bounds).verdict
        if verdict is not then:
            value = measurement.result.value if measurement and isinstance(measurement.result, Value) else None
            differing.append(Differing(*window, value, then, verdict))
    return Consequences(len(past), tuple(differing))
