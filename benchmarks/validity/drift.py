"""How often a quiet window is called drifted, and how often a real change is found, by our evidence and peers' rules.

Columns are counted in the cells that a reference would get and drawn as counts of cells, so that a million rows cost as
little as fifty. Peers' rules are written out here from their documentation and work on the same counts:

- evidently (default): up to 1,000 reference rows the Kolmogorov-Smirnov test at 0.05, above that the Wasserstein
  distance in reference deviations at 0.1, whatever the size of the window;
- NannyML (default): Jensen-Shannon distance above its mean plus three standard deviations over ten chunks of the
  reference;
- whylogs: the Kolmogorov-Smirnov test at 0.05, on any number of rows;
- PSI above 0.1, as credit risk has it.

Run: ``python benchmarks/validity/drift.py`` (minutes); ``--draws 50`` for a first look.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import kstwobign

from aimsight.metrics.cells import NumericCells
from aimsight.metrics.inputs import ColumnBaseline, ColumnPair
from aimsight.metrics.plan import ColumnPlan
from aimsight.metrics.registry import METRICS
from aimsight.metrics.values import Value

Counts = NDArray[np.int64]
OURS = ("psi", "ks", "wasserstein_normed", "cramer_von_mises", "energy_distance", "anderson_darling")
PEERS = ("evidently", "NannyML", "KS p < 0.05", "PSI > 0.1")
PLAN = ColumnPlan("x", "feature", NumericCells.spanning(-2.326, 2.326), 0.0, 1.0)
EDGES = PLAN.cells.edges() if isinstance(PLAN.cells, NumericCells) else np.empty(0)
MIDDLES = np.clip((EDGES[1:] + EDGES[:-1]) / 2, -20, 20)
SIZES = (
    (50, 50),
    (1000, 50),
    (1000, 1000),
    (1001, 100),
    (5000, 50),
    (5000, 200),
    (5000, 5000),
    (100_000, 50),
    (100_000, 10_000),
    (1_000_000, 100),
    (1_000_000, 1_000_000),
)
"""Rows of the reference and of the window, all of them independent."""


@dataclass
class World:
    """Normal values whose level moves from window to window: by chance (``wobble``), and as it was (``memory``)."""

    rng: np.random.Generator
    wobble: float = 0.0
    memory: float = 0.0
    level: float = field(init=False)

    def __post_init__(self) -> None:
        """A level that has been moving for long."""
        self.level = self.wobble * self.rng.normal() if self.wobble else 0.0

    def window(self, rows: int, shift: float = 0.0) -> Counts:
        """Counts of one window by cell, missing and non-finite."""
        if self.wobble:
            news = self.wobble * math.sqrt(1 - self.memory**2) * self.rng.normal()
            self.level = self.memory * self.level + news
        edges = ndtr(EDGES - self.level - shift)
        edges[0], edges[-1] = 0.0, 1.0
        shares = np.diff(edges)
        return np.append(self.rng.multinomial(rows, shares / shares.sum()), [0, 0])


@dataclass(frozen=True)
class Scenario:
    """One line of the table: the reference's own windows and their rows, the window's rows, and what is drawn.

    A window that is ``longer`` has that many times these rows, and as many levels. ``trend`` is by how much each
    window of the reference lies above the one before; ``shift`` counts from the reference's mean.
    """

    name: str
    windows: int
    each: int
    rows: int
    wobble: float = 0.0
    memory: float = 0.0
    shift: float = 0.0
    longer: int = 1
    trend: float = 0.0

    def draw(self, rng: np.random.Generator) -> tuple[ColumnBaseline, Counts]:
        """A reference and the window after it."""
        world = World(rng, self.wobble, self.memory)
        middle = (self.windows - 1) / 2
        parts = [world.window(self.each, self.trend * (place - middle)) for place in range(self.windows)]
        known = parts if self.windows > 1 else []
        base = ColumnBaseline.of(PLAN, np.sum(parts, axis=0), known)
        now: Counts = np.sum([world.window(self.rows, self.shift) for _ in range(self.longer)], axis=0)
        return base, now


def quiet() -> Iterator[Scenario]:
    """Windows like the reference."""
    for n, m in SIZES:
        yield Scenario(f"independent, {n:,} / {m:,}", 1, n, m)
    for windows in (2, 3):
        yield Scenario(f"level varies by 0.3, {windows} x 1,000 / 1,000", windows, 1000, 1000, wobble=0.3)
    for windows in (4, 8, 12, 30):
        yield Scenario(f"level varies by 0.1, {windows} x 1,000 / 1,000", windows, 1000, 1000, wobble=0.1)
    yield Scenario("level varies by 0.1, 30 x 100,000 / 100,000", 30, 100_000, 100_000, wobble=0.1)
    yield Scenario("level varies by 0.3, 12 x 50 / 50", 12, 50, 50, wobble=0.3)
    yield Scenario("level remembers 0.5, 4 x 1,000 / 1,000", 4, 1000, 1000, wobble=0.1, memory=0.5)
    yield Scenario("level remembers 0.5, 30 x 1,000 / 1,000", 30, 1000, 1000, wobble=0.1, memory=0.5)
    yield Scenario("level remembers 0.5, 30 x 100,000 / 100,000", 30, 100_000, 100_000, wobble=0.1, memory=0.5)
    yield Scenario("level remembers 0.8, 30 x 1,000 / 1,000", 30, 1000, 1000, wobble=0.1, memory=0.8)
    yield Scenario("level remembers 0.8, 30 x 1,000 / 4 x 1,000", 30, 1000, 1000, wobble=0.1, memory=0.8, longer=4)
    for windows, memory in itertools.product((12, 30), (0.0, 0.5)):
        for longer in (2, 4, 12):
            how = f"remembers {memory}" if memory else "varies by 0.1"
            name = f"level {how}, {windows} x 1,000 / {longer} x 1,000"
            yield Scenario(name, windows, 1000, 1000, wobble=0.1, memory=memory, longer=longer)


def changed() -> Iterator[Scenario]:
    """Windows whose values moved, by parts of a standard deviation."""
    for shift, n, m in ((0.5, 5000, 50), (0.2, 5000, 500), (0.1, 5000, 5000), (0.05, 100_000, 10_000)):
        yield Scenario(f"moved by {shift}, {n:,} / {m:,}", 1, n, m, shift=shift)
    for windows, shift in ((2, 0.15), (4, 0.15), (12, 0.15), (30, 0.15)):
        yield Scenario(f"moved by {shift}, {windows} x 1,000 / 1,000", windows, 1000, 1000, shift=shift)
    for windows, shift in ((8, 0.5), (12, 0.5), (30, 0.3)):
        name = f"moved by {shift}, level varies by 0.1, {windows} x 1,000 / 1,000"
        yield Scenario(name, windows, 1000, 1000, wobble=0.1, shift=shift)
    name = "moved by 0.5, level remembers 0.5, 12 x 1,000 / 4 x 1,000"
    yield Scenario(name, 12, 1000, 1000, wobble=0.1, memory=0.5, shift=0.5, longer=4)
    for shift in (0.3, 0.5, 0.8):
        name = f"moved by {shift}, reference rises by 0.03 a window, 12 x 1,000 / 4 x 1,000"
        yield Scenario(name, 12, 1000, 1000, trend=0.03, shift=shift, longer=4)


SHIFTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Parts of a standard deviation that values move by in the power curves."""


def worlds() -> Iterator[Scenario]:
    """What the power curves are of; the shift is filled in."""
    yield Scenario("independent, 12,000 / 1,000", 1, 12_000, 1000)
    yield Scenario("independent, 12 x 1,000 / 1,000", 12, 1000, 1000)
    yield Scenario("level varies by 0.1, 12 x 1,000 / 1,000", 12, 1000, 1000, wobble=0.1)
    yield Scenario("level varies by 0.1, 30 x 1,000 / 1,000", 30, 1000, 1000, wobble=0.1)
    yield Scenario("level remembers 0.5, 12 x 1,000 / 1,000", 12, 1000, 1000, wobble=0.1, memory=0.5)
    yield Scenario("level remembers 0.5, 12 x 1,000 / 4 x 1,000", 12, 1000, 1000, wobble=0.1, memory=0.5, longer=4)
    yield Scenario("reference rises by 0.03, 12 x 1,000 / 1,000", 12, 1000, 1000, trend=0.03)


def rates(scenario: Scenario, draws: int, seed: int, ours: tuple[str, ...] = OURS) -> dict[str, float]:
    """Share of windows that each rule calls drifted."""
    rng = np.random.default_rng(seed)
    rules: dict[str, Callable[[ColumnBaseline, Counts], bool]] = {
        "evidently": evidently,
        "NannyML": lambda base, window: nannyml(base, window, rng),
        "KS p < 0.05": lambda base, window: ks_p_value(base, window) < 0.05,
        "PSI > 0.1": psi_above,
    }
    hits = dict.fromkeys((*ours, *PEERS), 0)
    for _ in range(draws):
        base, window = scenario.draw(rng)
        pair = ColumnPair(base, window)
        for name in ours:
            found = METRICS[f"drift.{name}"].compute(pair)
            hits[name] += isinstance(found, Value) and (found.p_value or 1.0) <= 0.05
        for name, rule in rules.items():
            hits[name] += rule(base, window)
    return {name: count / draws for name, count in hits.items()}


def _curves(base: ColumnBaseline, window: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = base.counts[:-2], window[:-2]
    return np.cumsum(x) / x.sum(), np.cumsum(y) / y.sum()


def ks_p_value(base: ColumnBaseline, window: Counts) -> float:
    """The plain test, as if rows were independent."""
    f, g = _curves(base, window)
    n, m = int(base.counts.sum()), int(window.sum())
    return float(kstwobign.sf(np.abs(f - g).max() * math.sqrt(n * m / (n + m))))


def evidently(base: ColumnBaseline, window: Counts) -> bool:
    """The default for a number with more than five values."""
    if int(base.counts.sum()) <= 1000:
        return ks_p_value(base, window) < 0.05
    f, g = _curves(base, window)
    shares = base.counts[:-2] / base.counts.sum()
    deviation = math.sqrt(float(shares @ np.square(MIDDLES - shares @ MIDDLES)))
    return float(np.abs(f - g)[:-1] @ np.diff(MIDDLES)) / deviation >= 0.1


def nannyml(base: ColumnBaseline, window: Counts, rng: np.random.Generator) -> bool:
    """Jensen-Shannon distance above mean plus three deviations over the reference's chunks (drawn where not kept)."""
    chunks = base.windows
    if not chunks:
        rest, found = base.counts.copy(), []
        for left in range(10, 0, -1):
            found.append(rng.multivariate_hypergeometric(rest, int(rest.sum()) // left, method="marginals"))
            rest = rest - found[-1]
        chunks = tuple(found)
    distances = [_jensen_shannon(base, chunk) for chunk in chunks]
    return _jensen_shannon(base, window) > float(np.mean(distances) + 3 * np.std(distances))


def _jensen_shannon(base: ColumnBaseline, window: Counts) -> float:
    p, q = base.grouped / base.grouped.sum(), ColumnPair(base, window).grouped / window.sum()
    middle = (p + q) / 2
    kl = [float(np.sum(side[side > 0] * np.log(side[side > 0] / middle[side > 0]))) for side in (p, q)]
    return math.sqrt(max(sum(kl) / 2, 0.0))


def psi_above(base: ColumnBaseline, window: Counts) -> bool:
    """The rule of thumb, whatever the numbers of rows."""
    found = METRICS["drift.psi"].compute(ColumnPair(base, window))
    return isinstance(found, Value) and found.value > 0.1


def table(title: str, scenarios: Iterator[Scenario], draws: int) -> str:
    """Rates as Markdown, in per cent."""
    names = [*OURS, *PEERS]
    lines = [f"| {title} | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for number, scenario in enumerate(scenarios):
        found = rates(scenario, draws, number)
        lines.append(f"| {scenario.name} | {' | '.join(f'{100 * found[name]:.0f}' for name in names)} |")
    return "\n".join(lines)


def power(draws: int) -> str:
    """Power curves as Markdown, in per cent: PSI / Wasserstein distance by shift."""
    ours = ("psi", "wasserstein_normed")
    lines = [f"| {ours[0]} / {ours[1]}, % | {' | '.join(map(str, SHIFTS))} |", f"| --- |{' ---: |' * len(SHIFTS)}"]
    for number, world in enumerate(worlds()):
        found = [rates(replace(world, shift=shift), draws, number, ours) for shift in SHIFTS]
        cells = [" / ".join(f"{100 * one[name]:.0f}" for name in ours) for one in found]
        lines.append(f"| {world.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="False alarms and power of drift evidence and of peers' rules.")
    parser.add_argument("--draws", type=int, default=500, help="windows a line")
    draws = parser.parse_args().draws
    print(table("False alarms, %: reference / window", quiet(), draws), flush=True)
    print()
    print(table("Found, %: reference / window", changed(), draws), flush=True)
    print()
    print(power(draws))


if __name__ == "__main__":
    main()
