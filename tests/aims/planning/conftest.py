"""A small reference whose counts are known, and the plan of an objective on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from aimsight.aims.objectives import version_of
from aimsight.aims.planning.plan import AN_EPOCH, plan_objective, power_of
from aimsight.aims.planning.volume import calendar_volume
from aimsight.configs.durations import Duration
from aimsight.configs.hashes import objective_hash
from aimsight.configs.schema import ModelConfig
from aimsight.metrics.cells import CategoryCells
from aimsight.metrics.plan import ColumnPlan, Reference
from aimsight.metrics.statistics import BinaryCounts, CellCounts, QualityCounts, SegmentStatistics, Statistics, merge
from aimsight.metrics.values import ALL_ROWS, Segment
from aimsight.tests.configurations import a_model, an_objective

if TYPE_CHECKING:
    from aimsight.aims.planning.plan import ObjectivePlan
    from aimsight.aims.planning.power import Power

DAY = Duration(1, "d")
COLOURS = ("red", "green", "blue")


def decisions(tp: int, fp: int, fn: int, tn: int) -> SegmentStatistics:
    """Labelled decisions of one segment."""
    rows = tp + fp + fn + tn
    return SegmentStatistics(rows, rows, binary=BinaryCounts(rows, tp + fp, tp, fp, fn, tn))


def window(tp: int, fp: int, fn: int, tn: int, colours: tuple[int, ...] = (3, 2, 1)) -> Statistics:
    """A day: its decisions, halved between women and men, and its colours."""
    whole = decisions(tp, fp, fn, tn)
    women = decisions(tp // 2, fp // 2, fn // 2, tn // 2)
    men = decisions(tp - tp // 2, fp - fp // 2, fn - fn // 2, tn - tn // 2)
    share = np.array([*colours, 0, 0], dtype=np.int64) * (whole.rows // sum(colours))
    segments = {ALL_ROWS: whole, Segment((("gender", "F"),)): women, Segment((("gender", "M"),)): men}
    return Statistics(QualityCounts(whole.rows), {"colour": CellCounts(share)}, segments)


@dataclass(frozen=True)
class Case:
    """A model with one objective, and what its plan is computed from."""

    windows: tuple[Statistics, ...]

    def model(self, **objective: Any) -> ModelConfig:
        """The model; ``objective`` replaces keys of its objective."""
        return a_model(
            labels={"label": "y"},
            features={"colour": "category"},
            protected=["gender"],
            reference={"period": [date(2026, 1, 1), date(2026, 2, 1)]},
            objectives=[an_objective(**{"target": ">= 0.8"} | objective)],
        )

    @property
    def reference(self) -> Reference:
        """The frozen reference: the windows together."""
        columns = (ColumnPlan("colour", "feature", CategoryCells(COLOURS)),)
        return Reference("period", "f" * 64, columns, (), 0, 0.0, merge(list(self.windows)), self.windows)

    def plan(self, rows: int, every: Duration = DAY, length: Duration = DAY, **objective: Any) -> ObjectivePlan:
        """The plan of the objective at so many rows a window."""
        model = self.model(**objective)
        volume = calendar_volume(rows, "as asked", length, every)
        return plan_objective(model, model.objectives[0], self.reference, volume, 30)

    def power(self, rows: int, **objective: Any) -> Power:
        """What the plan asks."""
        model = self.model(**objective)
        version = version_of("credit", model.objectives[0], 1, objective_hash(model.objectives[0]), AN_EPOCH)
        return power_of(model, version, self.reference, calendar_volume(rows, "as asked", DAY, DAY), 30)


class Makers:
    """Makers of references."""

    def steady(self, days: int = 12) -> Case:
        """Equal days of 1,200 rows, nine of ten decisions right: nothing differs between them."""
        return Case(tuple(window(540, 60, 60, 540) for _ in range(days)))

    def restless(self) -> Case:
        """Days whose accuracy swings between 0.85 and 0.95, far more than 1,200 rows do by chance."""
        return Case(tuple(window(600 - wrong, wrong, wrong, 600 - wrong) for wrong in (30, 90) * 6))


@pytest.fixture
def references() -> Makers:
    """Makers of references."""
    return Makers()
