"""Intervals of performance metrics hold the truth as often as they promise: a quick run of the simulation."""

from __future__ import annotations

import pytest

from aimsight.benchmarks.validity import performance as simulation

CHANCE = 0.045
"""Three standard deviations of the share of 220 intervals that hold the truth, when 95 % of all do."""


@pytest.mark.parametrize("rows", [30, 300])
@pytest.mark.parametrize(
    "name",
    ["decisions, rare", "classes, even", "scores, 0.1 positive, 1.5 apart, tilt 1.5", "normal errors"],
)
def test_intervals_hold_the_truth(name: str, rows: int) -> None:
    """93 to 97 %, less what chance does to 220 windows; wider ones are no harm."""
    (population,) = [one for one in simulation.populations(size=400_000) if one.name == name]
    shares = simulation.covered(population, rows, 220, seed=7)
    assert rows < 300 or len(shares) == len(population.metrics)
    short = {metric: share for metric, share in shares.items() if share < 0.93 - CHANCE}
    assert not short
