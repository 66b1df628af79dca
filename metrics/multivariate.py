"""Comparing all columns at once: how well a classifier tells two samples apart, and whether columns go together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.intervals import auc
from aimsight.metrics.statistics import ScoreCounts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.samples import SamplePair

    Floats = NDArray[np.float64]

FOLDS = 5
SHARED = 1.75
"""The fits of the folds share rows, so what chance makes them find they find together: simulated, for 4 to 20 columns
and 100 to 4,000 rows, the variance of the mean is 1.5 to 1.8 times that of independent folds."""
HALVES = 1.5
"""So are the two halves that components are fitted on: simulated, the variance is up to 1.5 times as large when columns
vary so much alike that chance decides which of them the components hold."""
SEED = 20_240_229


@dataclass(frozen=True, slots=True)
class Separation:
    """How well a classifier tells window from reference, on rows that it was not fitted on.

    ``auc`` is the mean over the folds, ``variance`` its DeLong variance and ``chance`` its variance were the classes
    alike, both times ``SHARED``; ``drivers`` are columns by how much the AUC falls when their values are shuffled, the
    largest first.
    """

    auc: float
    variance: float
    chance: float
    drivers: tuple[tuple[str, float], ...]


def separation(pair: SamplePair, names: list[str]) -> Separation:
    """Fit a classifier of window against reference and score every row by the fit that has not seen it.

    Gradient-boosted trees of scikit-learn, seeded, ``FOLDS`` folds that keep the classes' shares.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

    values, categorical = pair.coded
    n, m = pair.sizes
    side = np.repeat([0, 1], [n, m])
    rng = np.random.default_rng(SEED)
    found: list[tuple[float, float, float]] = []
    losses = np.zeros(len(names))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(values, side):
        model = HistGradientBoostingClassifier(
            max_iter=40,
            max_leaf_nodes=8,
            learning_rate=0.1,
            min_samples_leaf=max(20, train.size // 200),
            categorical_features=categorical,
            early_stopping=False,
            random_state=SEED,
        ).fit(values[train], side[train])
        value, variance, ups, downs = _auc(side[test], model.decision_function(values[test]))
        found.append((value, variance, (ups + downs + 1) / (12 * ups * downs)))
        for place in range(len(names)):
            shuffled = values[test].copy()
            shuffled[:, place] = rng.permutation(shuffled[:, place])
            losses[place] += (value - _auc(side[test], model.decision_function(shuffled))[0]) / FOLDS
    means = np.array(found).mean(axis=0)
    order = sorted(range(len(names)), key=lambda place: (-losses[place], place))
    drivers = tuple((names[place], float(losses[place])) for place in order)
    return Separation(float(means[0]), float(means[1]) * SHARED / FOLDS, float(means[2]) * SHARED / FOLDS, drivers)


def _auc(side: NDArray[np.int64], scores: Floats) -> tuple[float, float, int, int]:
    positions, inverse = np.unique(scores, return_inverse=True)
    ups = np.bincount(inverse, weights=side, minlength=positions.size).astype(np.int64)
    return auc(ScoreCounts(positions, np.bincount(inverse, minlength=positions.size) - ups, ups, exact=True))


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Mean distance of rows from the plane in which the reference's rows mostly lie.

    ``reference`` and ``window`` are mean distances, ``errors`` the variances of these means times ``HALVES``,
    ``components`` the dimensions of the plane; ``drivers`` are columns by how much their squared error rose, the
    largest first.
    """

    reference: float
    window: float
    errors: tuple[float, float]
    components: int
    drivers: tuple[tuple[str, float], ...]


def reconstruction(pair: SamplePair, names: list[str], variance: float) -> Reconstruction | None:
    """Reconstruction errors with as many principal components as hold this share of the reference's variance.

    The plane is fitted on one half of the reference and the other half is measured by it, and the other way round, so
    that the reference's own rows are as new to it as the window's. ``None`` when no dimension is left to err in.
    """
    reference, window, owners = pair.standardised
    half = np.arange(reference.shape[0]) % 2 == 0
    here, there, dimensions = [], [], []
    squares = np.zeros((2, reference.shape[1]))
    for fitted in (half, ~half):
        centre = reference[fitted].mean(axis=0)
        _, scales, axes = np.linalg.svd(reference[fitted] - centre, full_matrices=False)
        held = np.cumsum(np.square(scales))
        if held[-1] <= 0:
            return None
        kept = int(np.searchsorted(held / held[-1], variance - 1e-12)) + 1
        if kept >= reference.shape[1]:
            return None
        plane = axes[:kept]
        rest = [rows - centre - (rows - centre) @ plane.T @ plane for rows in (reference[~fitted], window)]
        here.append(np.sqrt(np.square(rest[0]).sum(axis=1)))
        there.append(np.sqrt(np.square(rest[1]).sum(axis=1)))
        squares += np.array([np.square(part).mean(axis=0) for part in rest]) / 2
        dimensions.append(kept)
    before, now = np.concatenate(here), (there[0] + there[1]) / 2
    if before.mean() <= 1e-9:
        return None
    rises = np.bincount(owners, weights=squares[1] - squares[0], minlength=len(names))
    order = sorted(range(len(names)), key=lambda place: (-rises[place], place))
    return Reconstruction(
        float(before.mean()),
        float(now.mean()),
        (HALVES * float(before.var(ddof=1)) / before.size, HALVES * float(now.var(ddof=1)) / now.size),
        max(dimensions),
        tuple((names[place], float(rises[place])) for place in order),
    )


def two_sided(z: float) -> float:
    """P-value of a standard normal statistic, in (0, 1]."""
    return max(math.erfc(abs(z) / math.sqrt(2)), 1e-300)
