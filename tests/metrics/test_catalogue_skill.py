"""Skill against dummies of scikit-learn: every metric that has one, whichever way is better; against the reference."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.dummy import DummyClassifier, DummyRegressor

from aimsight.configs.errors import NotFoundError
from aimsight.metrics.catalogue.skill import SKILLS
from aimsight.metrics.frames import Frame, FramePair
from aimsight.metrics.registry import find
from aimsight.metrics.values import Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.tests.metrics.conftest import Counting

    Score = Callable[..., float]

CLASSES = ("c0", "c1", "c2")
NEGATIVE = partial(sk.recall_score, pos_label=0)


def of(name: str, *found: Any) -> float:
    """A skill, inside its interval."""
    result = find(f"performance.skill(of={name})").compute(*found)
    assert isinstance(result, Value), result
    assert result.interval is not None
    assert result.interval.low <= result.value <= result.interval.high
    return result.value


def guessed(score: Score, y: Any) -> float:
    """What a dummy expects that guesses each class as often as it occurs: all its guesses, weighted by their chance."""
    model = DummyClassifier(strategy="prior").fit(y[:, None], y)
    chances = model.predict_proba(y[:, None])
    kinds = np.tile(model.classes_, y.size)
    return score(np.repeat(y, model.classes_.size), kinds, sample_weight=chances.ravel())


def constant(score: Score, y: Any, one: Any) -> float:
    """What a dummy gets that always says one class."""
    model = DummyClassifier(strategy="constant", constant=one).fit(y[:, None], y)
    return score(y, model.predict(y[:, None]))


def cost(y: Any, p: Any, **options: Any) -> float:
    """Mean cost: 1 for a false positive, 4 for a false negative."""
    return float((sk.confusion_matrix(y, p, normalize="all", **options) * np.array([[0.0, 1.0], [4.0, 0.0]])).sum())


def binary() -> tuple[Any, Any, Any]:
    """Labels, decisions and scores; a third of the labels are positive."""
    rng = np.random.default_rng(61)
    y = (rng.random(600) < 0.33).astype(int)
    s = np.round(np.clip(0.35 * y + 0.65 * rng.random(600), 0, 1), 4)
    return y, (s > 0.45).astype(int), s


@pytest.mark.parametrize(
    ("name", "score", "dummy", "perfect"),
    [
        ("accuracy", sk.accuracy_score, "most_frequent", 1.0),
        ("balanced_accuracy", sk.balanced_accuracy_score, "guess", 1.0),
        ("precision", sk.precision_score, "guess", 1.0),
        ("recall", sk.recall_score, "guess", 1.0),
        ("specificity", NEGATIVE, "guess", 1.0),
        ("false_positive_rate", lambda y, p, **w: 1 - NEGATIVE(y, p, **w), "guess", 0.0),
        ("false_negative_rate", lambda y, p, **w: 1 - sk.recall_score(y, p, **w), "guess", 0.0),
        ("f1", sk.f1_score, "positive", 1.0),
        ("f_beta(beta=0.5)", partial(sk.fbeta_score, beta=0.5), "positive", 1.0),
        ("mcc", sk.matthews_corrcoef, "guess", 1.0),
        ("cohen_kappa", sk.cohen_kappa_score, "guess", 1.0),
        ("cost(fp=1, fn=4)", cost, "positive", 0.0),
    ],
)
def test_skill_of_decisions(counting: Counting, name: str, score: Score, dummy: str, perfect: float) -> None:
    """Against scikit-learn's metric of scikit-learn's dummy; also where lower is better."""
    y, p, s = binary()
    nothing = guessed(score, y) if dummy == "guess" else constant(score, y, int(dummy == "positive"))
    assert of(name, counting.binary(y, p, s)) == pytest.approx((score(y, p) - nothing) / (perfect - nothing), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("precision", partial(sk.precision_score, average="macro")),
        ("recall", partial(sk.recall_score, average="macro")),
        ("recall(average=weighted)", partial(sk.recall_score, average="weighted")),
        ("f1", partial(sk.f1_score, average="macro")),
        ("cohen_kappa", sk.cohen_kappa_score),
        ("mcc", sk.matthews_corrcoef),
    ],
)
def test_skill_of_decisions_between_classes(counting: Counting, name: str, score: Score) -> None:
    """Three classes against a guess of each as often as it occurs."""
    rng = np.random.default_rng(62)
    y = rng.choice(3, 500, p=[0.5, 0.3, 0.2])
    p = np.where(rng.random(500) < 0.6, y, rng.integers(0, 3, 500))
    nothing = guessed(score, y)
    assert of(name, counting.classes(y, p, 3), CLASSES) == pytest.approx((score(y, p) - nothing) / (1 - nothing))


def test_skill_of_one_class_and_of_a_matrix_of_costs(counting: Counting) -> None:
    """One class is compared as a binary model is; of costs the cheapest class is the dummy."""
    rng = np.random.default_rng(63)
    y = rng.choice(3, 500, p=[0.5, 0.3, 0.2])
    p = np.where(rng.random(500) < 0.6, y, rng.integers(0, 3, 500))
    found, own = counting.classes(y, p, 3), counting.binary((y == 2).astype(int), (p == 2).astype(int))
    assert of("recall(of=c2)", found, CLASSES) == pytest.approx(of("recall", own))
    prices = np.array([[0.0, 5.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    dummy = min(prices[y, one].mean() for one in range(3))
    value = of('"cost_matrix(costs=\\"c0 as c1: 5\\")"', found, CLASSES)
    assert value == pytest.approx(1 - prices[y, p].mean() / dummy)
    unknown = find("performance.skill(of=recall(of=c9))").compute(found, CLASSES)
    assert unknown == Undefined('there is no class "c9"', 500)


def test_skill_of_rankings(counting: Counting) -> None:
    """A random order finds the share of positives at any depth; the best one all that fit in."""
    y, _, s = binary()
    counts = counting.binary(y, scores=s)
    share = y.mean()
    order = np.argsort(-s, kind="stable")
    for k in (0.1, 0.5):
        rows = round(600 * k)
        precision, best = y[order][:rows].mean(), min(1.0, share / k)
        wanted = (precision - share) / (best - share)
        for name in ("precision_at", "recall_at", "lift"):
            assert of(f"{name}(k={k})", counts) == pytest.approx(wanted, abs=0.01), name
    dummy = DummyClassifier(strategy="prior").fit(s[:, None], y).predict_proba(s[:, None])[:, 1]
    for name, score in (("average_precision", sk.average_precision_score), ("roc_auc", sk.roc_auc_score)):
        nothing = score(y, dummy)
        assert of(name, counts) == pytest.approx((score(y, s) - nothing) / (1 - nothing))
    assert of("gini", counts) == pytest.approx(2 * sk.roc_auc_score(y, s) - 1)


@pytest.mark.parametrize(
    ("name", "score", "dummy"),
    [
        ("mape", sk.mean_absolute_percentage_error, DummyRegressor(strategy="median")),
        ("mae", sk.mean_absolute_error, DummyRegressor(strategy="median")),
        (
            "smape",
            lambda y, p: float((2 * np.abs(p - y) / (np.abs(p) + np.abs(y))).mean()),
            DummyRegressor(strategy="median"),
        ),
        ("pinball_loss", sk.mean_pinball_loss, DummyRegressor(strategy="median")),
        (
            "pinball_loss(level=0.9)",
            partial(sk.mean_pinball_loss, alpha=0.9),
            DummyRegressor(strategy="quantile", quantile=0.9),
        ),
    ],
)
def test_skill_of_errors_row_by_row(counting: Counting, name: str, score: Score, dummy: DummyRegressor) -> None:
    """Against scikit-learn's metric of its dummy regressor."""
    y, p = predicted()
    nothing = score(y, dummy.fit(y[:, None], y).predict(y[:, None]))
    assert on_rows(counting, name, p, y) == pytest.approx(1 - score(y, p) / nothing)


def test_skill_of_logarithms(counting: Counting) -> None:
    """The mean of the logarithms is the best constant; a label of -1 has none."""
    y, p = predicted()
    nothing = np.full_like(y, np.expm1(np.log1p(y).mean()))
    ratio = sk.mean_squared_log_error(y, p) / sk.mean_squared_log_error(y, nothing)
    assert on_rows(counting, "msle", p, y) == pytest.approx(1 - ratio)
    assert on_rows(counting, "rmsle", p, y) == pytest.approx(1 - np.sqrt(ratio))
    model = counting.model("regression")
    frame = Frame({str(model.log.prediction): np.array([1.0, 2.0])}, 2, np.array([-1.0, 2.0]))
    found = find("performance.skill(of=msle)").compute(FramePair(frame, None), model)
    assert found == Undefined("a label or prediction is -1 or less", 2)


def predicted() -> tuple[Any, Any]:
    """Labels of a skewed law, and predictions of them."""
    rng = np.random.default_rng(64)
    y = rng.lognormal(1, 0.6, 800)
    return y, y * rng.lognormal(0, 0.25, 800)


def on_rows(counting: Counting, name: str, p: Any, y: Any) -> float:
    """A skill on rows of a regression model."""
    model = counting.model("regression")
    return of(name, FramePair(Frame({str(model.log.prediction): p}, y.size, y), None), model)


def test_squares_are_compared_with_the_mean(counting: Counting) -> None:
    """The skill of MSE is R2, of R2 itself."""
    y, p = predicted()
    sums = counting.errors(p, y, centre=2.0)
    for name in ("mse", "r2"):
        assert of(name, sums, 2.0**-40) == pytest.approx(sk.r2_score(y, p), abs=1e-9)


def test_skill_against_the_reference(counting: Counting) -> None:
    """How much nearer to perfect than in the reference: the change of a skill."""
    y, p, s = binary()
    unit = find("performance.change(of=skill(of=false_positive_rate))")
    now, then = (
        find("performance.skill(of=false_positive_rate)").compute(counting.binary(*side))
        for side in ((y, y, s), (y, p, s))
    )
    assert isinstance(then, Value)
    found = unit.compute(now, then)
    assert isinstance(found, Value)
    assert found.value == pytest.approx(1 - then.value)
    assert found.value > 0


def test_every_metric_of_performance_has_a_dummy_or_says_why_not() -> None:
    """What is about calibration, one row, or neither way better, has none; the message lists those that do."""
    without = {"ece", "brier_reliability", "calibration_gap", "max_error", "median_absolute_error", "mean_error"}
    for name in sorted(without):
        with pytest.raises(NotFoundError, match="has no dummy to be compared with; these have: accuracy, average"):
            find(f"performance.skill(of={name})")
    assert not without & set(SKILLS)
