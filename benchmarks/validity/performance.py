"""How often the 95 % intervals of performance metrics hold the truth: populations whose truth is known, many windows.

Prints a Markdown table with the least and the greatest coverage over the populations, for every metric and number of
rows. ``python benchmarks/validity/performance.py`` takes some minutes; ``--windows 300 --rows 300`` less than one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.registry import find
from aimsight.metrics.statistics import (
    COARSE_BITS,
    ERROR_CELL_BITS,
    ERROR_CELLS,
    LOG_BITS,
    LOSS_BITS,
    LOSS_SQUARE_BITS,
    RATIO_BITS,
    SCORE_CELLS,
    UNIT_BITS,
    BinaryCounts,
    ClassCounts,
    ErrorDetails,
    ErrorSums,
    Largest,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
)
from aimsight.metrics.values import Undefined, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.values import Result

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int64]

Draw = Callable[[int, np.random.Generator], "SegmentStatistics | ErrorSums"]
EXPONENT = -20
UNIT = 2.0**EXPONENT
REFERENCE = 5
"""The reference of a change has five times the rows of a window."""


@dataclass(frozen=True)
class Population:
    """What windows are drawn from, the truth of it (a huge window), and the metrics that apply."""

    name: str
    draw: Draw
    whole: SegmentStatistics | ErrorSums
    metrics: tuple[str, ...]


def decided(cells: Counts) -> SegmentStatistics:
    """Statistics of a binary model from TP, FP, FN and TN."""
    tp, fp, fn, tn = (int(x) for x in cells)
    n = tp + fp + fn + tn
    return SegmentStatistics(n, n, binary=BinaryCounts(n, tp + fp, tp, fp, fn, tn))


def of_classes(cells: Counts) -> SegmentStatistics:
    """Statistics of a multiclass model from its flattened matrix."""
    size = math.isqrt(cells.size)
    matrix = cells.reshape(size, size)
    n = int(matrix.sum())
    return SegmentStatistics(n, n, classes=ClassCounts(matrix, matrix.sum(axis=0)))


def scored(cells: Counts) -> SegmentStatistics:
    """Statistics of scores, each in the middle of its cell, from rows by cell and label."""
    negatives, positives = cells.reshape(2, SCORE_CELLS)
    s = (np.arange(SCORE_CELLS) + 0.5) / SCORE_CELLS
    n, there = int(cells.sum()), (negatives + positives) > 0

    def total(of_negative: Floats, of_positive: Floats, bits: int) -> int:
        return round(float(negatives @ of_negative + positives @ of_positive) * 2.0**bits)

    down, up = -np.log(1 - s), -np.log(s)
    sums = ScoreSums(
        n,
        total(-s, 1 - s, UNIT_BITS),
        total(s**2, (1 - s) ** 2, UNIT_BITS),
        total(s**4, (1 - s) ** 4, UNIT_BITS),
        total(down, up, LOSS_BITS),
        total(down**2, up**2, 2 * LOSS_SQUARE_BITS),
    )
    counts = ScoreCounts(np.flatnonzero(there).astype(float), negatives[there], positives[there], exact=False)
    return SegmentStatistics(n, n, score_sums=sums, scores={"": counts})


def erred(predicted: Floats, label: Floats, centre: float) -> ErrorSums:
    """Sums of the errors of a regression model; whole numbers of the fixed-point unit, added up as floats."""
    e, z = np.rint((predicted - label) / UNIT), np.rint((label - centre) / UNIT)
    coarse_e, coarse_z = e / 2**COARSE_BITS, z / 2**COARSE_BITS

    def total(x: Floats) -> int:
        return round(float(x.sum()))

    r = np.abs(predicted - label) / np.abs(label)
    s = 2 * np.abs(predicted - label) / (np.abs(label) + np.abs(predicted))
    logs = np.square(np.log1p(predicted) - np.log1p(label))
    size = np.abs(e)
    details = ErrorDetails(
        n=e.size,
        signed_square=total(e * size),
        largest=Largest(int(size.max())),
        relative_n=e.size,
        relative=total(r * 2**RATIO_BITS),
        relative_square=total(np.square(r * 2**RATIO_BITS)),
        zero_labels=0,
        relative_overflow=0,
        symmetric=total(s * 2.0**UNIT_BITS),
        symmetric_square=total(s**2 * 2.0**UNIT_BITS),
        log_n=e.size,
        log_square=total(logs * 2.0**LOG_BITS),
        log_fourth=total(np.square(logs * 2.0**LOG_BITS)),
        cells=np.bincount(ERROR_CELLS.index(size / 2**ERROR_CELL_BITS), minlength=ERROR_CELLS.size).astype(np.int64),
    )
    return ErrorSums(
        e.size,
        total(e),
        total(size),
        total(e**2),
        total(z),
        total(z**2),
        total(coarse_e**4),
        total(coarse_z**3),
        total(coarse_z**4),
        total(coarse_e**2 * coarse_z),
        total(coarse_e**2 * coarse_z**2),
        0,
        details,
    )


DECISIONS = (
    "accuracy balanced_accuracy precision recall specificity false_positive_rate f1 f_beta mcc cohen_kappa"
    " cost(fp=1,fn=20) skill(of=accuracy) skill(of=precision) skill(of=f1) change(of=f1)"
)
CLASSES = (
    "accuracy balanced_accuracy precision precision(average=weighted) recall f1 f1(average=weighted) f_beta mcc"
    " cohen_kappa specificity skill(of=accuracy)"
)
SCORES = (
    "roc_auc gini average_precision score_ks log_loss brier calibration_gap ece ece(binning=mass) brier_reliability"
    " brier_resolution brier_uncertainty calibration_slope calibration_intercept precision_at recall_at lift"
    " skill(of=log_loss) skill(of=brier) change(of=roc_auc) change(of=average_precision)"
)
ERRORS = (
    "mae rmse mean_error r2 mape smape rmsle pinball_loss(level=0.9) median_absolute_error skill(of=rmse)"
    " change(of=mae)"
)


def of_cells(name: str, shares: Floats, count: Callable[[Counts], SegmentStatistics], metrics: str) -> Population:
    """A population given by the shares of its cells."""
    size = 2_000_000_000
    return Population(
        name,
        lambda n, rng: count(drawn(n, shares, rng)),
        count(np.rint(shares * size).astype(np.int64)),
        tuple(f"performance.{metric}" for metric in metrics.split()),
    )


def drawn(n: int, shares: Floats, rng: np.random.Generator) -> Counts:
    """Rows by cell of a window of ``n`` independent rows."""
    if shares.size > 100:
        places = np.searchsorted(np.cumsum(shares), rng.random(n) * shares.sum(), side="right")
        return np.bincount(np.minimum(places, shares.size - 1), minlength=shares.size).astype(np.int64)
    return rng.multinomial(n, shares).astype(np.int64)


def scores(prevalence: float, distance: float, tilt: float) -> Floats:
    """Shares of rows by score cell and label: normal logits, ``distance`` apart, made too extreme by ``tilt``."""
    grid = np.linspace(-9, 9 + distance, 40_001)
    density = np.stack([(1 - prevalence) * np.exp(-(grid**2) / 2), prevalence * np.exp(-((grid - distance) ** 2) / 2)])
    logit = distance * grid - distance**2 / 2 + math.log(prevalence / (1 - prevalence))
    score = 1 / (1 + np.exp(-tilt * logit))
    cell = np.minimum((score * SCORE_CELLS).astype(np.int64), SCORE_CELLS - 1)
    shares: Floats = np.concatenate([np.bincount(cell, row, SCORE_CELLS) for row in density])
    shares /= shares.sum()
    return shares


def errors(name: str, noise: Callable[[np.random.Generator, int], Floats], size: int) -> Population:
    """Labels around 10 with errors that have a small bias."""

    def draw(n: int, rng: np.random.Generator) -> ErrorSums:
        label = 4 + rng.gamma(9, 2 / 3, n)
        return erred(np.maximum(label + 0.2 + noise(rng, n), 0.0), label, 10.0)

    whole = draw(size, np.random.default_rng(1))
    return Population(name, draw, whole, tuple(f"performance.{metric}" for metric in ERRORS.split()))


def populations(size: int = 4_000_000) -> Iterator[Population]:
    """Decisions, classes, scores and errors, easy and hard; ``size`` rows tell the truth about errors."""
    for name, shares in (
        ("common", (0.3, 0.1, 0.1, 0.5)),
        ("rare", (0.02, 0.02, 0.02, 0.94)),
        ("good", (0.45, 0.02, 0.02, 0.51)),
        ("no skill", (0.25, 0.25, 0.25, 0.25)),
    ):
        yield of_cells(f"decisions, {name}", np.array(shares), decided, DECISIONS)
    even = np.full((3, 3), 0.05) + np.diag([0.2, 0.2, 0.15])
    rare = np.array([[0.60, 0.05, 0.02], [0.05, 0.15, 0.02], [0.02, 0.02, 0.07]])
    for name, matrix in (("even", even), ("rare", rare)):
        yield of_cells(f"classes, {name}", matrix.ravel() / matrix.sum(), of_classes, CLASSES)
    for prevalence in (0.5, 0.1):
        for distance, tilt in ((0.6, 1.0), (1.5, 1.0), (1.5, 1.5), (3.0, 1.0)):
            name = f"scores, {prevalence:g} positive, {distance:g} apart, tilt {tilt:g}"
            yield of_cells(name, scores(prevalence, distance, tilt), scored, SCORES)
    yield errors("normal errors", lambda rng, n: rng.normal(0, 1, n), size)
    yield errors("heavy-tailed errors", lambda rng, n: 0.8 * rng.standard_t(5, n).clip(-8, 8), size)


def result(metric: str, *sides: SegmentStatistics | ErrorSums) -> Result:
    """A metric of a window, or of a window and its reference."""
    unit = find(metric)
    if unit.kind == "change":
        inner = find(f"performance.{dict(unit.arguments)['of']}")
        now, then = (result(inner.text, side) for side in sides)
        return now if isinstance(now, Undefined) else then if isinstance(then, Undefined) else unit.compute(now, then)
    return unit.compute(sides[0], UNIT) if unit.kind == "errors" else unit.compute(sides[0])


def covered(population: Population, n: int, windows: int, seed: int = 0) -> dict[str, float]:
    """Share of the intervals that hold the truth, by metric; windows without a value do not count."""
    rng = np.random.default_rng([seed, n])
    truths = {metric: result(metric, population.whole, population.whole) for metric in population.metrics}
    hits, defined = dict.fromkeys(truths, 0), dict.fromkeys(truths, 0)
    for _ in range(windows):
        now, then = population.draw(n, rng), population.draw(REFERENCE * n, rng)
        for metric, truth in truths.items():
            found = result(metric, now, then)
            if isinstance(found, Value) and isinstance(truth, Value) and found.interval is not None:
                defined[metric] += 1
                # scores are in the middle of their cells here, so that only quantiles of errors are off
                slack = 1e-9 + (found.error_bound + truth.error_bound if "median" in metric else 0.0)
                hits[metric] += found.interval.low - slack <= truth.value <= found.interval.high + slack
    return {metric: hits[metric] / count for metric, count in defined.items() if count >= windows / 2}


def table(rows: tuple[int, ...], windows: Callable[[int], int]) -> str:
    """Least and greatest coverage in per cent over the populations, as Markdown."""
    found: dict[str, dict[int, list[float]]] = {}
    for population in populations():
        for n in rows:
            for metric, share in covered(population, n, windows(n)).items():
                found.setdefault(metric, {}).setdefault(n, []).append(100 * share)
    lines = [f"| metric | {' | '.join(f'{n:,} rows' for n in rows)} |", f"| --- |{' --- |' * len(rows)}"]
    for metric, by_rows in found.items():
        cells = [f"{min(by_rows[n]):.0f}-{max(by_rows[n]):.0f} %" if n in by_rows else "too few" for n in rows]
        lines.append(f"| `{metric.removeprefix('performance.')}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[30, 300, 30_000])
    parser.add_argument("--windows", type=int, default=0, help="windows of each population; default 400, or 150")
    given = parser.parse_args()
    print(table(tuple(given.rows), lambda n: given.windows or (400 if n < 10_000 else 150)))


if __name__ == "__main__":
    main()
