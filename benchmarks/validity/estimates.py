"""How often the interval of an estimate holds the value that labels then show.

In every world a reference is drawn and a window estimated without its labels: the window is like the reference; its
scores are of another mix (covariate shift); windows differ by nature; and what a score means has changed (concept
drift), which no estimate can see. The first three also with three classes. Prints a table of coverage and mean error.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np

from aimsight.metrics.estimates.loss_tree import LossTree, fit_loss_tree
from aimsight.metrics.estimates.losses import LossBaseline
from aimsight.metrics.estimates.scored import ScoreBaseline
from aimsight.metrics.estimates.trust import Circumstances
from aimsight.metrics.plan import Reference
from aimsight.metrics.registry import find
from aimsight.metrics.statistics import (
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
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    merge,
)
from aimsight.metrics.values import ALL_ROWS, Value

UNIT = 2**50
SCORED = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "f_beta",
    "mcc",
    "cohen_kappa",
    "cost(fp=1, fn=5)",
    "confusion(label=positive, decision=negative)",
    "roc_auc",
    "gini",
    "average_precision",
    "precision_at",
    "recall_at",
    "lift",
    "brier",
    "log_loss",
)
SEVERAL = ("accuracy", "precision", "recall", "f1", "f1(average=weighted)", "mcc", "cohen_kappa", "roc_auc")
LOST = ("mae", "mse", "rmse", "mean_error", "mape", "smape", "msle", "rmsle", "pinball_loss(level=0.9)")
"""What is estimated of a binary model, of one with several classes, and of a regression model."""
CLASSES = ("a", "b", "c")


@dataclass(frozen=True)
class World:
    """What windows are drawn from: scores from a Beta distribution, labels from a miscalibrated curve of them.

    ``slope`` and ``level`` bend the curve on the logit scale, ``wobble`` is how much the level differs by nature from
    window to window.
    """

    a: float = 2.0
    b: float = 3.0
    level: float = -0.3
    slope: float = 1.4
    wobble: float = 0.0

    def draw(self, n: int, rng: np.random.Generator) -> Statistics:
        """A window of ``n`` labelled rows, decided at 0.5."""
        s = np.clip(rng.beta(self.a, self.b, n), 1e-6, 1 - 1e-6)
        logit = self.level + self.slope * np.log(s / (1 - s)) + rng.normal(0, self.wobble)
        return counted(rng.random(n) < 1 / (1 + np.exp(-logit)), s)


def counted(y: np.ndarray, s: np.ndarray, p: np.ndarray | None = None) -> Statistics:
    """Statistics of labelled rows of a binary model that decides at 0.5, or of one class and the decisions for it."""
    y, p = y.astype(bool), s >= 0.5 if p is None else p
    cell = np.minimum((s * SCORE_CELLS).astype(np.int64), SCORE_CELLS - 1)
    decisions = np.zeros((SCORE_CELLS, 3), dtype=np.int64)
    np.add.at(decisions, (cell, p.astype(np.int64)), 1)
    positions, place = np.unique(cell, return_inverse=True)
    ups = np.bincount(place, weights=y, minlength=positions.size).astype(np.int64)
    downs = np.bincount(place, minlength=positions.size) - ups
    squares, losses = np.square(s - y), -np.log(np.where(y, s, 1 - s))
    part = SegmentStatistics(
        rows=y.size,
        labelled=y.size,
        binary=BinaryCounts(
            y.size, int(p.sum()), int((p & y).sum()), int((p & ~y).sum()), int((~p & y).sum()), int((~p & ~y).sum())
        ),
        score_sums=ScoreSums(
            y.size,
            0,
            int(np.rint(squares * UNIT).sum()),
            int(np.rint(np.square(squares) * UNIT).sum()),
            round(float(losses.sum()) * 2**LOSS_BITS),
            round(float(np.square(losses).sum()) * 4**LOSS_SQUARE_BITS),
        ),
        scores={"": ScoreCounts(positions.astype(float), downs, ups, exact=False)},
        score_decisions={"": decisions},
    )
    return Statistics(QualityCounts(y.size), segments={ALL_ROWS: part})


@dataclass(frozen=True)
class SeveralClasses:
    """Three classes, of which the first is common; scores are less sure than they could be (``slope``).

    ``level`` moves the third class, scores and labels alike; ``wobble`` is how much more or less often than its scores
    say the first class comes, by nature, from window to window.
    """

    level: float = 0.0
    slope: float = 1.4
    wobble: float = 0.0

    def draw(self, n: int, rng: np.random.Generator) -> Statistics:
        """A window of ``n`` labelled rows, decided for the class with the highest score."""
        strength = rng.normal([0.8, 0.0, self.level], 1.2, (n, 3))
        scores = np.exp(strength) / np.exp(strength).sum(axis=1, keepdims=True)
        truth = self.slope * strength + rng.gumbel(size=(n, 3))
        truth[:, 0] += rng.normal(0, self.wobble)
        label, decision = truth.argmax(axis=1), scores.argmax(axis=1)
        matrix = np.zeros((3, 3), dtype=np.int64)
        np.add.at(matrix, (label, decision), 1)
        parts = [counted(label == one, scores[:, one], decision == one).all_rows for one in range(3)]
        part = SegmentStatistics(
            rows=n,
            labelled=n,
            scores={name: (one.scores or {})[""] for name, one in zip(CLASSES, parts, strict=True)},
            classes=ClassCounts(matrix, matrix.sum(axis=0)),
            score_decisions={name: (one.score_decisions or {})[""] for name, one in zip(CLASSES, parts, strict=True)},
        )
        return Statistics(QualityCounts(n), segments={ALL_ROWS: part})


def reference_of(windows: list[Statistics], *, own: bool = True, classes: tuple[str, ...] = ()) -> Reference:
    """A reference of these windows; ``own`` keeps them apart."""
    return Reference("simulated", "", (), classes, 0, 0.0, merge(windows), tuple(windows) if own else ())


def coverage(
    reference: World | SeveralClasses,
    window: World | SeveralClasses,
    *,
    n: int,
    rows: int = 1000,
    parts: int = 12,
    draws: int = 200,
    seed: int = 0,
    own: bool = True,
) -> dict[str, tuple[float, float, int]]:
    """Of each estimate: share of draws whose interval holds the realised value, mean error, and draws that had one."""
    rng = np.random.default_rng(seed)
    several = isinstance(reference, SeveralClasses)
    classes = CLASSES if several else ()
    found: dict[str, list[tuple[bool, float]]] = {name: [] for name in (SEVERAL if several else SCORED)}
    for _ in range(draws):
        windows = [reference.draw(rows, rng) for _ in range(parts)]
        baseline = ScoreBaseline(reference_of(windows, own=own, classes=classes))
        drawn = window.draw(n, rng).all_rows
        scored = baseline.scored(drawn, ALL_ROWS, Circumstances())
        for name, kept in found.items():
            estimate = find(f"estimated.{name}").compute(scored)
            realised = find(f"performance.{name}").compute(drawn)
            if isinstance(estimate, Value) and isinstance(realised, Value):
                low, high = estimate.interval.low, estimate.interval.high
                kept.append((low <= realised.value <= high, estimate.value - realised.value))
    return {
        name: (float(np.mean([hit for hit, _ in kept])), float(np.mean([error for _, error in kept])), len(kept))
        for name, kept in found.items()
        if kept
    }


def regression(n: int, rng: np.random.Generator, tree: LossTree | None, a: float = 2.0) -> Statistics:
    """A window of labelled rows of a regression model whose errors grow with its only feature, and its leaves."""
    x, labels, errors = drawn_errors(n, rng, a)
    part = SegmentStatistics(n, n, errors=sums_of(errors, labels))
    leaves = None if tree is None else {ALL_ROWS: np.bincount(tree.leaf({"x": x}, n), minlength=tree.size)}
    return Statistics(QualityCounts(n), segments={ALL_ROWS: part}, leaves=leaves)


def drawn_errors(n: int, rng: np.random.Generator, a: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feature, label and error: labels are larger, and errors larger and biased, where the feature is large."""
    x = rng.beta(a, 2, n)
    return x, 20 + 20 * x, rng.normal(x / 2, 0.2 + 2 * x)


def sums_of(errors: np.ndarray, labels: np.ndarray) -> ErrorSums:
    """The sums of these errors, by number in Python integers; those for intervals alone are left out."""
    n, whole, predictions = errors.size, np.rint(errors * 2.0**40).astype(object), labels + errors
    absolute = abs(whole)
    relative = np.rint(np.abs(errors / labels) * 2.0**RATIO_BITS).astype(object)
    symmetric = 2 * np.abs(errors) / (np.abs(labels) + np.abs(predictions))
    logs = np.square(np.log1p(predictions) - np.log1p(labels))
    details = ErrorDetails(
        n=n,
        signed_square=int((whole * absolute).sum()),
        largest=Largest(int(absolute.max())),
        relative_n=n,
        relative=int(relative.sum()),
        relative_square=int((relative * relative).sum()),
        zero_labels=0,
        relative_overflow=0,
        symmetric=int(np.rint(symmetric * 2.0**UNIT_BITS).sum()),
        symmetric_square=int(np.rint(np.square(symmetric) * 2.0**UNIT_BITS).sum()),
        log_n=n,
        log_square=int(np.rint(logs * 2.0**LOG_BITS).sum()),
        log_fourth=0,
        cells=np.zeros(ERROR_CELLS.size, dtype=np.int64),
    )
    squares = int((whole * whole).sum())
    return ErrorSums(n, int(whole.sum()), int(absolute.sum()), squares, *([0] * 8), details=details)


def regression_coverage(*, n: int, shift: float = 6.0, draws: int = 200, seed: int = 0) -> dict[str, float]:
    """Share of draws whose interval of each error holds the realised value, under a shift of the feature."""
    rng = np.random.default_rng(seed)
    hits: dict[str, list[bool]] = {name: [] for name in LOST}
    for _ in range(draws):
        x, labels, errors = drawn_errors(6000, rng)
        tree = fit_loss_tree({"x": x}, errors, labels)
        parts = [regression(500, rng, tree) for _ in range(12)]
        reference = replace(reference_of(parts), error_exponent=-40, loss_tree=tree)
        now = regression(n, rng, tree, shift)
        leaves = LossBaseline(reference).leaves((now.leaves or {})[ALL_ROWS], ALL_ROWS, Circumstances())
        for name, kept in hits.items():
            interval = find(f"estimated.{name}").compute(leaves).interval
            realised = find(f"performance.{name}").compute(now.all_rows.errors, 2.0**-40).value
            kept.append(interval.low <= realised <= interval.high)
    return {name: float(np.mean(kept)) for name, kept in hits.items()}


WORLDS = {
    "like the reference": (World(), World()),
    "covariate shift": (World(), World(a=3.0, b=2.0)),
    "windows differ": (World(wobble=0.3), World(wobble=0.3)),
    "concept drift": (World(), World(level=-1.3)),
    "three classes": (SeveralClasses(), SeveralClasses()),
    "three classes, shifted": (SeveralClasses(), SeveralClasses(level=1.0)),
    "three classes, windows differ": (SeveralClasses(wobble=0.3), SeveralClasses(wobble=0.3)),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--sizes", type=int, nargs="+", default=[300, 3000, 30000])
    options = parser.parse_args()
    for name, (reference, window) in WORLDS.items():
        for n in options.sizes:
            shown = coverage(reference, window, n=n, draws=options.draws)
            cells = "  ".join(f"{metric} {hit:5.1%} ({error:+.3f})" for metric, (hit, error, _) in shown.items())
            print(f"{name:30s} n={n:<6d} {cells}", flush=True)
    for n in options.sizes:
        found = regression_coverage(n=n, draws=options.draws)
        cells = "  ".join(f"{metric} {hit:5.1%}" for metric, hit in found.items())
        print(f"{'regression, shifted':30s} n={n:<6d} {cells}", flush=True)


if __name__ == "__main__":
    main()
