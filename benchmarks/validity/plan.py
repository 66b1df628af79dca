"""Whether plans come true: found deteriorations, as planned and as simulated window by window.

``python benchmarks/validity/plan.py [--paths 400]`` draws references of a binary model and plans objectives on them.
For each it draws windows at the planned deterioration, measures and judges every one, gives the verdicts to the opening
rule, and prints how often it opened.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from aimsight.aims.objectives import version_of
from aimsight.aims.planning.plan import AN_EPOCH, power_of
from aimsight.aims.planning.power import draws
from aimsight.aims.planning.volume import calendar_volume
from aimsight.aims.verdicts import Verdict
from aimsight.configs.durations import Duration
from aimsight.configs.hashes import objective_hash
from aimsight.configs.schema import ModelConfig
from aimsight.metrics.cells import CategoryCells
from aimsight.metrics.plan import ColumnPlan, Reference
from aimsight.metrics.statistics import (
    BinaryCounts,
    CellCounts,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    merge,
)
from aimsight.metrics.values import ALL_ROWS, Segment

if TYPE_CHECKING:
    from aimsight.aims.planning.power import Power

DAY = Duration(1, "d")
DAYS = 28
OBJECTIVES = (
    {"metric": "performance.accuracy", "target": ">= 0.75", "tolerance": 0.01},
    {"metric": "performance.recall", "target": ">= 0.65"},
    {"metric": "performance.roc_auc", "target": ">= 0.8", "tolerance": 0.01},
    {"metric": "fairness.equal_opportunity_difference", "over": "gender", "target": "<= 0.1"},
    {"metric": "drift.psi", "column": "colour", "target": "<= 0.1"},
)


@dataclass(frozen=True)
class World:
    """How the days of a reference are drawn: rows a day, and how much the rate of positives differs between days."""

    rows: int
    restless: float

    def day(self, random: np.random.Generator) -> Statistics:
        """One day: logistic labels, scores in cells, decisions at one half, two genders, three colours."""
        level = self.restless * random.standard_normal()
        strength = random.standard_normal(self.rows)
        score = 1 / (1 + np.exp(-1.6 * strength - level))
        truth = random.random(self.rows) < score
        cell = np.minimum((score * 1000).astype(int), 999)
        female = random.random(self.rows) < 0.5
        colours = random.choice(3, self.rows, p=[0.5, 0.3, 0.2])
        counts = np.array([*np.bincount(colours, minlength=3), 0, 0])
        segments = {
            ALL_ROWS: self._part(cell, truth),
            Segment((("gender", "F"),)): self._part(cell[female], truth[female]),
            Segment((("gender", "M"),)): self._part(cell[~female], truth[~female]),
        }
        return Statistics(QualityCounts(self.rows), {"colour": CellCounts(counts)}, segments)

    @staticmethod
    def _part(cell: np.ndarray, truth: np.ndarray) -> SegmentStatistics:  # type: ignore[type-arg]  # of any number
        yes = cell >= 500
        ups, downs = np.bincount(cell[truth], minlength=1000), np.bincount(cell[~truth], minlength=1000)
        used = np.flatnonzero(ups + downs)
        counts = [int((yes == a).__and__(truth == b).sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))]
        rows = cell.size
        return SegmentStatistics(
            rows,
            rows,
            binary=BinaryCounts(rows, int(yes.sum()), *counts),
            score_sums=ScoreSums(rows, 0, 0, 0, 0, 0),
            scores={"": ScoreCounts(used.astype(np.float64), downs[used], ups[used], exact=False)},
        )


def planned(world: World, objective: dict[str, object], seed: int) -> Power:
    """The plan of one objective on a drawn reference."""
    random = np.random.default_rng(seed)
    days = tuple(world.day(random) for _ in range(DAYS))
    columns = (ColumnPlan("colour", "feature", CategoryCells(("red", "green", "blue"))),)
    reference = Reference("period", "f" * 64, columns, (), 0, 0.0, merge(list(days)), days)
    model = ModelConfig.model_validate(
        {
            "model": "credit",
            "version": "1",
            "owner": "owner@example.org",
            "intended_use": "Benchmark.",
            "risk": "limited",
            "task": "binary",
            "log": {"source": "log.parquet", "timestamp": "at", "prediction": "yes", "score": "p"},
            "labels": {"label": "y"},
            "features": {"colour": "category"},
            "protected": ["gender"],
            "reference": {"period": [date(2026, 1, 1), date(2026, 2, 1)]},
            "monitor": {"every": "1d", "window": "1d"},
            "objectives": [
                {
                    "id": "OBJ-1",
                    "statement": "It holds.",
                    "rationale": "Benchmark.",
                    "owner": "owner@example.org",
                    "due": date(2026, 12, 31),
                    "severity": "minor",
                    **objective,
                }
            ],
        }
    )
    version = version_of("credit", model.objectives[0], 1, objective_hash(model.objectives[0]), AN_EPOCH)
    return power_of(model, version, reference, calendar_volume(world.rows, "as asked", DAY, DAY), 30)


def simulated(power: Power, value: float, windows: int, paths: int, seed: int) -> float:
    """How often the rule opens within so many windows of the population with this value."""
    strength = power.path.strength_of(value) if power.path is not None else None
    if power.path is None or strength is None:
        return float("nan")
    population, random = power.path.at(strength), np.random.default_rng(seed)
    effects = power.inflation(power.rows)
    opened = 0
    for path in range(paths):
        reference = population.rows / power.effect.mean if power.distance else None
        counts = draws(population.shares, power.rows, float(effects[path % effects.size]), windows, random, reference)
        verdicts = [power.judging.judged(population.statistics(one)).verdict for one in counts]
        opened += any(power.rule.due(verdicts[: place + 1], Verdict.NONCONFORMING) for place in range(windows))
    return opened / paths


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--paths", type=int, default=400)
    paths = arguments.parse_args().paths
    print("| rows a day | restless | objective | found with 80 % | simulated | with 95 % | simulated |")
    print("| ---: | ---: | --- | ---: | ---: | ---: | ---: |")
    for rows in (300, 3_000, 30_000):
        for restless in (0.0, 0.2):
            for objective in OBJECTIVES:
                power = planned(World(rows, restless), dict(objective), seed=rows)
                cells = []
                for wanted in (0.8, 0.95):
                    value = power.found(wanted, 3)
                    came = "" if value is None else f"{100 * simulated(power, value, 3, paths, 1):.0f} %"
                    cells += ["none" if value is None else f"{value:.3f}", came]
                print(f"| {rows:,} | {restless} | {objective['metric']} {objective['target']} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
