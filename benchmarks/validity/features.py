"""How often all features together are called drifted: quiet windows, one feature moved, two that go together less.

Four normal features, of which the first two have a correlation of 0.9. Prints a Markdown table with the share of
windows whose p-value is at most 0.05.

Run: ``python benchmarks/validity/features.py`` (some minutes).
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from aimsight.metrics.registry import find
from aimsight.metrics.samples import SamplePair
from aimsight.metrics.values import Value

METRICS = ("domain_classifier_auc", "reconstruction_error_change")
NAMES = ("a", "b", "c", "d")
WORLDS = {
    "like the reference": (0.0, 0.9),
    "one feature moved by 0.3": (0.3, 0.9),
    "correlation 0.7 instead of 0.9": (0.0, 0.7),
}
"""By how much the third feature moves, and how much the first two go together, in the window."""
LINES = (*(((1000, 300), world) for world in WORLDS), ((150, 400), "like the reference"))
"""Rows of the reference and of the window, and the world."""


def rows(number: int, shift: float, correlation: float, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Values by feature."""
    values = rng.normal(size=(4, number))
    values[1] = correlation * values[0] + np.sqrt(1 - correlation**2) * values[1]
    values[2] += shift
    return dict(zip(NAMES, values, strict=True))


def found(sizes: tuple[int, int], world: tuple[float, float], draws: int) -> dict[str, float]:
    """Share of windows that each metric calls drifted."""
    rng = np.random.default_rng(sizes)
    hits = dict.fromkeys(METRICS, 0)
    for _ in range(draws):
        before = rows(sizes[0], *WORLDS["like the reference"], rng)
        pair = SamplePair(before, rows(sizes[1], *world, rng), dict.fromkeys(NAMES, "numeric"))
        for name in METRICS:
            result = find(f"drift.{name}").compute(pair)
            hits[name] += isinstance(result, Value) and (result.p_value or 1.0) <= 0.05
    return {name: count / draws for name, count in hits.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="False alarms and power of drift metrics of all features at once.")
    parser.add_argument("--draws", type=int, default=200, help="windows a line")
    draws = parser.parse_args().draws
    print(f"| called drifted, %: reference / window | {' | '.join(METRICS)} |\n| --- |{' ---: |' * len(METRICS)}")
    for sizes, name in LINES:
        shares = found(sizes, WORLDS[name], draws)
        cells = " | ".join(f"{100 * shares[metric]:.0f}" for metric in METRICS)
        print(f"| {name}, {sizes[0]:,} / {sizes[1]:,} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
