"""How often intervals that hold between windows cover the mean of all windows, when windows vary by nature.

A metric's value is a level that varies from window to window, and is as it was before by some correlation, plus chance
with a known standard error. The variation is known from the reference's windows only; a window that is ``longer`` has
the rows, and the levels, of several of them.

Run: ``python benchmarks/validity/between.py`` (a minute).
"""

from __future__ import annotations

import argparse
import itertools
import math

import numpy as np

from aimsight.metrics.intervals import Z
from aimsight.metrics.kinds.between import between, widened
from aimsight.metrics.values import Interval, Value

ROWS = 1000
RATIOS = (0.0, 1.0, 2.0)
"""Standard deviations of the level over that of chance within one of the reference's windows."""


def result(value: float, longer: int) -> Value:
    """A value with its sampling error."""
    half = Z / math.sqrt(longer)
    return Value(value, ROWS * longer, Interval(value - half, value + half, "normal"))


def levels(number: int, memory: float, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Levels of so many windows, with variance 1, each with this correlation with the one before."""
    out = rng.normal(size=number)
    for place in range(1, number):
        out[place] = memory * out[place - 1] + math.sqrt(1 - memory**2) * out[place]
    return out


def holds(value: Value) -> bool:
    """Whether the interval holds the mean of all windows, which is 0."""
    return value.interval is not None and value.interval.low <= 0 <= value.interval.high


def coverage(windows: int, longer: int, memory: float, ratio: float, draws: int) -> tuple[float, float]:
    """Shares of intervals, plain and widened, that hold the mean of all windows."""
    rng = np.random.default_rng(windows * longer)
    plain = wide = 0
    for _ in range(draws):
        level = ratio * levels(windows + longer, memory, rng)
        found = between([result(float(one + rng.normal()), 1) for one in level[:windows]])
        value = result(float(level[windows:].mean() + rng.normal() / math.sqrt(longer)), longer)
        plain += holds(value)
        wide += holds(widened(value, found, (None, None)))
    return plain / draws, wide / draws


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000, help="windows a cell")
    draws = parser.parse_args().draws
    print(f"| widened (plain), % | {' | '.join(f'ratio {ratio:g}' for ratio in RATIOS)} |")
    print(f"| --- |{' ---: |' * len(RATIOS)}")
    for memory, windows, longer in itertools.product((0.0, 0.5), (4, 12, 30), (1, 4)):
        cells = [coverage(windows, longer, memory, ratio, draws) for ratio in RATIOS]
        shown = " | ".join(f"{100 * wide:.0f} ({100 * plain:.0f})" for plain, wide in cells)
        how = f", level remembers {memory:g}" if memory else ""
        print(f"| {windows} reference windows, window {longer} x as long{how} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
