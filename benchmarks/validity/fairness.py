"""How often the simultaneous intervals of fairness metrics hold the truth, and how often they claim a gap without one.

    python benchmarks/validity/fairness.py              # every case, 1,000 draws each
    python benchmarks/validity/fairness.py --draws 200

Groups are drawn with n rows each, in worlds where they are alike, where they differ, and where positives are rare. For
every metric the table says in which share of draws the 95 % interval held the true value and, where groups are alike,
in which share it excluded equality (a false alarm). The naive percentile bootstrap of max - min stands beside it.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.metrics.comparisons import Groups
from aimsight.metrics.registry import find
from aimsight.metrics.statistics import (
    SCORE_CELLS,
    UNIT_BITS,
    BinaryCounts,
    ErrorSums,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
)
from aimsight.metrics.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (30, 300, 30_000)
ROUNDS = 200
Z_OF_SCORES = 1.0
"""Distance of positive and negative scores in standard deviations: an AUC of 0.76."""
CHANCES = (np.arange(SCORE_CELLS) + 0.5) / SCORE_CELLS
"""Scores that are probabilities: the middle of every cell."""


@dataclass(frozen=True)
class World:
    """Groups by the share of positives and the true and false positive rate of each; ``shift`` moves AUC and errors."""

    name: str
    positives: tuple[float, ...]
    found: tuple[float, ...]
    wronged: tuple[float, ...]
    shift: tuple[float, ...]

    @property
    def alike(self) -> bool:
        """Whether there is no difference to be found."""
        return len(set(self.found)) == len(set(self.wronged)) == len(set(self.positives)) == 1

    def selected(self) -> np.ndarray:
        """Selection rate of each group."""
        p, t, f = (np.array(x) for x in (self.positives, self.found, self.wronged))
        return np.asarray(p * t + (1 - p) * f)

    def precision(self) -> np.ndarray:
        """Precision of each group."""
        return np.asarray(np.array(self.positives) * np.array(self.found) / self.selected())


WORLDS = (
    World("2 alike", (0.4,) * 2, (0.7,) * 2, (0.2,) * 2, (0.0,) * 2),
    World("2 differ", (0.4, 0.5), (0.7, 0.85), (0.2, 0.3), (0.0, 0.3)),
    World("2 alike, rare", (0.03,) * 2, (0.7,) * 2, (0.02,) * 2, (0.0,) * 2),
    World("2 differ, rare", (0.03, 0.06), (0.5, 0.7), (0.02, 0.05), (0.0, 0.3)),
    World("5 alike", (0.4,) * 5, (0.7,) * 5, (0.2,) * 5, (0.0,) * 5),
    World("5, one differs", (0.4,) * 5, (0.7,) * 4 + (0.5,), (0.2,) * 4 + (0.35,), (0.0,) * 4 + (0.5,)),
    World("20 alike", (0.4,) * 20, (0.7,) * 20, (0.2,) * 20, (0.0,) * 20),
)


def gap(rates: np.ndarray) -> float:
    """Largest difference."""
    return float(np.ptp(rates))


def ratio(rates: np.ndarray) -> float:
    """Smallest ratio."""
    return float(rates.min() / rates.max())


def truths(world: World) -> dict[str, float]:
    """The true value of every metric that is simulated."""
    from scipy.stats import norm

    found, wronged = np.array(world.found), np.array(world.wronged)
    auc = np.array([norm.cdf((Z_OF_SCORES + shift) / math.sqrt(2)) for shift in world.shift])
    size = math.sqrt(2 / math.pi) * (1 + np.array(world.shift))
    promised = np.array([drawn_cells(p) @ CHANCES for p in world.positives])
    return {
        "demographic_parity_difference": gap(world.selected()),
        "demographic_parity_ratio": ratio(world.selected()),
        "equal_opportunity_difference": gap(found),
        "equal_opportunity_ratio": ratio(found),
        "equalized_odds_difference": max(gap(found), gap(wronged)),
        "equalized_odds_ratio": min(ratio(found), ratio(wronged)),
        "predictive_parity_difference": gap(world.precision()),
        "predictive_parity_ratio": ratio(world.precision()),
        "auc_difference": gap(auc),
        "auc_ratio": ratio(auc),
        "mean_error_difference": 0.0 if world.alike else gap(np.array(world.shift)),
        "mae_difference": gap(size),
        "mae_ratio": ratio(size),
        "calibration_gap": float((promised * np.array(world.shift)).max()),
    }


def drawn(world: World, n: int, rng: np.random.Generator) -> Groups:
    """One window: decisions, scores and, for the metrics of errors, normal errors, of every group."""
    parts = {}
    for at, (p, t, f, shift) in enumerate(zip(world.positives, world.found, world.wronged, world.shift, strict=True)):
        ups = int(rng.binomial(n, p))
        tp, fp = int(rng.binomial(ups, t)), int(rng.binomial(n - ups, f))
        scores = np.concatenate([rng.normal(Z_OF_SCORES + shift, 1, ups), rng.normal(0, 1, n - ups)])
        order = np.argsort(scores)
        is_up = (order < ups).astype(np.int64)
        parts[f"g{at}"] = SegmentStatistics(
            n,
            n,
            binary=BinaryCounts(n, tp + fp, tp, fp, ups - tp, n - ups - fp),
            scores={"": ScoreCounts(scores[order], 1 - is_up, is_up, exact=True)},
        )
    return Groups(parts)


def erred(world: World, n: int, rng: np.random.Generator, *, biased: bool) -> Groups:
    """Groups of a regression: errors whose mean differs (``biased``), or whose spread does."""
    parts = {}
    for at, shift in enumerate(world.shift):
        e = rng.normal(shift if biased else 0.0, 1.0 if biased else 1.0 + shift, n)
        fixed = np.round(e * 2**20).astype(np.int64)  # far from the ends of 64 bits, also squared and added up
        sums = (n, int(fixed.sum()), int(np.abs(fixed).sum()), int((fixed * fixed).sum()))
        parts[f"g{at}"] = SegmentStatistics(n, n, errors=ErrorSums(*sums, 0, 0, 0, 0, 0, 0, 0, 0))
    return Groups(parts, unit=2.0**-20)


def drawn_cells(positives: float) -> np.ndarray:
    """Share of rows in every score cell: a Beta law whose mean is the share of positives."""
    from scipy.stats import beta

    share: np.ndarray = np.diff(beta(10 * positives, 10 * (1 - positives)).cdf(np.linspace(0, 1, SCORE_CELLS + 1)))
    return share


def promised(world: World, n: int, rng: np.random.Generator) -> Groups:
    """Groups whose scores are the chances of a positive, and too high by ``shift`` of themselves."""
    parts = {}
    for at, (positives, shift) in enumerate(zip(world.positives, world.shift, strict=True)):
        rows = rng.multinomial(n, drawn_cells(positives))
        ups = rng.binomial(rows, CHANCES * (1 - shift))
        downs = rows - ups
        gap, square, fourth = (
            round(float(ups @ ((1 - CHANCES) ** power) + downs @ ((-CHANCES) ** power)) * 2.0**UNIT_BITS)
            for power in (1, 2, 4)
        )
        there = rows > 0
        parts[f"g{at}"] = SegmentStatistics(
            n,
            n,
            score_sums=ScoreSums(n, gap, square, fourth, 0, 0),
            scores={"": ScoreCounts(np.flatnonzero(there).astype(float), downs[there], ups[there], exact=False)},
        )
    return Groups(parts)


def bootstrap(groups: Groups, rng: np.random.Generator) -> tuple[float, float]:
    """The naive percentile interval of the largest gap in selection rates."""
    counts = [(part.binary.selected, part.rows) for part in groups.parts.values() if part.binary is not None]
    draws = np.array([rng.binomial(n, x / n, ROUNDS) / n for x, n in counts])
    low, high = np.percentile(draws.max(axis=0) - draws.min(axis=0), [2.5, 97.5])
    return float(low), float(high)


def cases(world: World, n: int, draws: int) -> Iterator[tuple[str, int, int, int]]:
    """Of each metric: draws with a value, those whose interval held the truth, those that excluded equality."""
    rng, expected = np.random.default_rng(n), truths(world)
    counted = {name: [0, 0, 0] for name in [*expected, "bootstrap of demographic parity"]}
    units: dict[str, Any] = {name: find(f"fairness.{name}").compute for name in expected}
    for _ in range(draws):
        window = drawn(world, n, rng)
        others = {
            "mean_error": erred(world, n, rng, biased=True),
            "mae": erred(world, n, rng, biased=False),
            "calibration": promised(world, n, rng),
        }
        for name, compute in units.items():
            result = compute(next((groups for start, groups in others.items() if name.startswith(start)), window))
            if isinstance(result, Value) and result.interval is not None:
                equal = 1.0 if name.endswith("ratio") else 0.0
                inside = [result.interval.low <= x <= result.interval.high for x in (expected[name], equal)]
                counted[name] = [a + b for a, b in zip(counted[name], (1, inside[0], not inside[1]), strict=True)]
        low, high = bootstrap(window, rng)
        truth = expected["demographic_parity_difference"]
        kept = counted["bootstrap of demographic parity"]
        counted["bootstrap of demographic parity"] = [
            kept[0] + 1,
            kept[1] + (low <= truth <= high),
            kept[2] + (low > 0),
        ]
    for name, (defined, held, alarmed) in counted.items():
        yield name, defined, held, alarmed


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = parser.parse_args()
    for world in WORLDS:
        print(f"\n{world.name}")
        print(f"{'metric':34}" + "".join(f"{f'n = {n:,}':>26}" for n in options.sizes))
        columns = [list(cases(world, n, options.draws if n < 10_000 else options.draws // 3)) for n in options.sizes]
        for row in zip(*columns, strict=True):
            line = f"{row[0][0]:34}"
            for _, defined, held, alarmed in row:
                alarm = f"  alarm {alarmed / defined:5.1%}" if defined and world.alike else ""
                line += f"{f'{held / defined:6.1%}{alarm}' if defined else 'no value':>26}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
