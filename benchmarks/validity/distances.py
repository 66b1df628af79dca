"""How often the 95 % interval of a drift distance holds the true distance.

Normal values in the cells of a reference, independent rows; the truth is the distance of two huge windows. Prints a
Markdown table by rows of the reference and the window and by how many standard deviations the values moved.

Run: ``python benchmarks/validity/distances.py`` (a minute).
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from aimsight.metrics.cells import NumericCells
from aimsight.metrics.inputs import ColumnBaseline, ColumnPair
from aimsight.metrics.plan import ColumnPlan
from aimsight.metrics.registry import find
from aimsight.metrics.values import Value

DISTANCES = (
    "psi",
    "jensen_shannon_distance",
    "hellinger",
    "total_variation",
    "l_infinity",
    "ks",
    "wasserstein_normed",
    "energy_distance",
)
SHIFTS = (0.0, 0.1, 0.3, 1.0)
SIZES = ((1000, 50), (1000, 300), (5000, 5000), (100_000, 30_000))
CELLS = NumericCells.spanning(-2.326, 2.326)
PLAN = ColumnPlan("x", "feature", CELLS, 0.0, 1.0)
HUGE = 2_000_000_000


def shares(shift: float) -> NDArray[np.float64]:
    """Share of the rows in every cell."""
    edges = ndtr(CELLS.edges() - shift)
    edges[0], edges[-1] = 0.0, 1.0
    return np.diff(edges)


def pair(before: NDArray[np.int64], now: NDArray[np.int64]) -> ColumnPair:
    """Reference and window from counts by cell, nothing missing."""
    base = ColumnBaseline.of(PLAN, np.append(before, [0, 0]), [])
    return ColumnPair(base, np.append(now, [0, 0]))


def covered(sizes: tuple[int, int], shift: float, draws: int) -> dict[str, float]:
    """Share of intervals that hold the truth, by distance."""
    rng = np.random.default_rng(sizes)
    whole = pair(*(np.rint(shares(moved) * HUGE).astype(np.int64) for moved in (0.0, shift)))
    units = {name: find(f"drift.{name}").compute for name in DISTANCES}
    truths = {name: compute(whole) for name, compute in units.items()}
    hits = dict.fromkeys(DISTANCES, 0)
    for _ in range(draws):
        drawn = pair(*(rng.multinomial(n, shares(moved)) for n, moved in zip(sizes, (0.0, shift), strict=True)))
        for name, compute in units.items():
            found, truth = compute(drawn), truths[name]
            if isinstance(found, Value) and isinstance(truth, Value) and found.interval is not None:
                # the truth is read from the same cells, so that what these may hide is no matter here
                hits[name] += found.interval.low <= truth.value <= found.interval.high
    return {name: count / draws for name, count in hits.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Coverage of intervals of drift distances.")
    parser.add_argument("--draws", type=int, default=400, help="windows a line")
    draws = parser.parse_args().draws
    print(f"| interval holds the truth, % | {' | '.join(DISTANCES)} |\n| --- |{' ---: |' * len(DISTANCES)}")
    for sizes in SIZES:
        for shift in SHIFTS:
            found = covered(sizes, shift, draws)
            cells = " | ".join(f"{100 * found[name]:.0f}" for name in DISTANCES)
            how = f"moved by {shift:g}" if shift else "nothing moved"
            print(f"| {how}, {sizes[0]:,} / {sizes[1]:,} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
