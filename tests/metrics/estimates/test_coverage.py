"""A short version of the simulation of estimates: intervals hold what labels show, except where none can."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

SCRIPT: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[3] / "benchmarks" / "validity" / "estimates.py"), run_name="simulation"
)
WIDTH = {"lift": 10, "gini": 2, "mcc": 2, "cohen_kappa": 2, "cost(fp=1, fn=5)": 5}
"""How far the ends of those are apart that are no shares."""


@pytest.mark.parametrize("world", ["like the reference", "covariate shift"])
def test_intervals_hold_the_realised_value(world: str) -> None:
    """300 rows, 60 draws: a 95 % interval holds the realised value in 87 to 100 % of them."""
    reference, window = SCRIPT["WORLDS"][world]
    found = SCRIPT["coverage"](reference, window, n=300, draws=60)
    assert set(found) == set(SCRIPT["SCORED"])
    for name, (hit, error, draws) in found.items():
        assert draws == 60, name
        assert hit >= 0.87, name
        assert abs(error) < 0.02 * WIDTH.get(name, 1), name


def test_concept_drift_is_not_seen() -> None:
    """When a score has come to mean less, precision is estimated far too high, and its interval misses the truth."""
    found = SCRIPT["coverage"](*SCRIPT["WORLDS"]["concept drift"], n=3000, draws=10)
    hit, error, _ = found["precision"]
    assert hit == 0
    assert error > 0.15
