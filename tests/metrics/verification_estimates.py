"""Known answers of estimates without labels, by scikit-learn and NumPy on the rows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression

Floats = NDArray[np.float64]
m: Any = sys.modules["verification_methods"]
"""The rows of the cases; it was loaded before, as it lies in no package."""


def chance(scores: Floats) -> Floats:
    """Chance of a positive label at these scores, by isotonic regression on the reference."""
    known = m.before("binary").where("y", "p")
    fitted = IsotonicRegression(out_of_bounds="clip").fit(known.number("p"), known.number("y"))
    return np.asarray(fitted.predict(scores))


def calibrated() -> tuple[Floats, Floats, Floats]:
    """Chance of a positive (isotonic regression on the reference), score and decision of the window's decided rows."""
    rows = m.now("binary").where("p", "yes")
    return chance(rows.number("p")), rows.number("p"), rows.number("yes")


def estimated(how: Callable[[Floats, Floats, Floats], float]) -> float:
    """An estimate of the binary case."""
    return float(how(*calibrated()))


def expected_ranking(score: Callable[..., float]) -> float:
    """A ranking metric in which every row of the window is a positive with its chance and a negative with the rest."""
    p = m.now("binary").where("p").number("p")
    c = chance(p)
    truth = np.concatenate([np.ones(p.size), np.zeros(p.size)])
    return float(score(truth, np.concatenate([p, p]), sample_weight=np.concatenate([c, 1 - c])))


def expected_brier() -> float:
    """Expected squared distance of the scores from the labels."""
    p = m.now("binary").where("p").number("p")
    c = chance(p)
    return float((c * (1 - p) ** 2 + (1 - c) * p**2).mean())


def expected_log_loss() -> float:
    """Expected negative log of the probability given to the label."""
    p = m.now("binary").where("p").number("p")
    return float(
        sk.log_loss(np.repeat([1, 0], p.size), np.tile(p, 2), sample_weight=np.append(chance(p), 1 - chance(p)))
    )


def expected_matrix(c: Floats, d: Floats) -> Floats:
    """The expected confusion matrix, by scikit-learn: every row twice, with its chance of either label as weight."""
    twice, both = np.repeat([1, 0], c.size), np.tile(d, 2)
    found: Floats = sk.confusion_matrix(twice, both, sample_weight=np.concatenate([c, 1 - c]))
    return found


def weighted(score: Callable[..., float]) -> Callable[[Floats, Floats, Floats], float]:
    """A metric of decisions in which every row is a positive with its chance and a negative with the rest."""

    def of(c: Floats, _: Floats, d: Floats) -> float:
        twice = np.repeat([1, 0], c.size)
        return score(twice, np.tile(d, 2), sample_weight=np.concatenate([c, 1 - c]))

    return of


def expected_at_top(k: float) -> tuple[float, float, float]:
    """Expected positives among the highest scores, rows there, and expected positives in all."""
    p = m.now("binary").where("p").number("p")
    c, at = chance(p), float(np.sort(p)[::-1][int(k * p.size)])
    part = np.where(p > at, 1.0, np.where(p == at, (k * p.size - (p > at).sum()) / (p == at).sum(), 0.0))
    return float(part @ c), k * p.size, float(c.sum())


DECIDED: list[tuple[str, Callable[[Floats, Floats, Floats], float]]] = [
    ("estimated.accuracy", lambda c, _, d: np.where(d == 1, c, 1 - c).mean()),
    ("estimated.balanced_accuracy", weighted(sk.balanced_accuracy_score)),
    ("estimated.cohen_kappa", weighted(sk.cohen_kappa_score)),
    ("estimated.mcc", weighted(sk.matthews_corrcoef)),
    ("estimated.f1", lambda c, _, d: 2 * (c * d).sum() / (c.sum() + d.sum())),
    ("estimated.f_beta", weighted(partial(sk.fbeta_score, beta=2.0))),
    ("estimated.precision", lambda c, _, d: c[d == 1].mean()),
    ("estimated.recall", lambda c, _, d: (c * d).sum() / c.sum()),
    ("estimated.specificity", lambda c, _, d: ((1 - c) * (1 - d)).sum() / (1 - c).sum()),
    ("estimated.false_positive_rate", lambda c, _, d: ((1 - c) * d).sum() / (1 - c).sum()),
    ("estimated.false_negative_rate", lambda c, _, d: (c * (1 - d)).sum() / c.sum()),
    (
        "estimated.cost(fp=5, fn=1)",
        lambda c, _, d: (expected_matrix(c, d) * np.array([[0.0, 5.0], [1.0, 0.0]])).sum() / c.size,
    ),
    (
        "estimated.confusion(label=positive, decision=negative)",
        lambda c, _, d: expected_matrix(c, d)[1, 0] / c.size,
    ),
]


def region_losses() -> Floats:
    """Absolute errors of the window's rows, which the region decides."""
    return np.array([{"north": 2.0, "south": 5.0, "east": 9.0}[one] for one in m.now("losses").text("region")])


def by_region(how: Callable[[Floats, Floats], float]) -> float:
    """What labels will show where the region decides label and prediction: what is to be expected as well."""
    rows = m.now("ratios")
    return float(how(rows.number("y"), rows.number("guess")))


RANKED: list[tuple[str, Callable[[], float]]] = [
    ("estimated.roc_auc", partial(expected_ranking, sk.roc_auc_score)),
    ("estimated.gini", lambda: 2 * expected_ranking(sk.roc_auc_score) - 1),
    ("estimated.average_precision", partial(expected_ranking, sk.average_precision_score)),
    ("estimated.brier", expected_brier),
    ("estimated.log_loss", expected_log_loss),
    ("estimated.precision_at", lambda: expected_at_top(0.1)[0] / expected_at_top(0.1)[1]),
    ("estimated.recall_at", lambda: expected_at_top(0.1)[0] / expected_at_top(0.1)[2]),
    ("estimated.lift", lambda: expected_at_top(0.1)[0] / expected_at_top(0.1)[2] / 0.1),
]
"""Estimates of scores."""
SCORED: list[tuple[str, Callable[[], float]]] = [*((name, partial(estimated, how)) for name, how in DECIDED), *RANKED]
LOST: list[tuple[str, str, Callable[[], float]]] = [
    ("estimated.mae", "losses", lambda: float(region_losses().mean())),
    ("estimated.rmse", "losses", lambda: float(np.sqrt(np.square(region_losses()).mean()))),
    ("estimated.mse", "losses", lambda: float(np.square(region_losses()).mean())),
    ("estimated.mean_error", "ratios", partial(by_region, lambda y, p: float((p - y).mean()))),
    ("estimated.mape", "ratios", partial(by_region, sk.mean_absolute_percentage_error)),
    ("estimated.smape", "ratios", partial(by_region, lambda y, p: float((2 * np.abs(p - y) / (y + p)).mean()))),
    ("estimated.msle", "ratios", partial(by_region, sk.mean_squared_log_error)),
    ("estimated.rmsle", "ratios", partial(by_region, sk.root_mean_squared_log_error)),
    ("estimated.pinball_loss(level=0.9)", "ratios", partial(by_region, partial(sk.mean_pinball_loss, alpha=0.9))),
]
"""Estimates of errors, where the region decides them."""
