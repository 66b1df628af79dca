"""What calibrated scores promise: against scikit-learn row by row, and sensitivities against small steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression

from aimsight.metrics.estimates.calibration import SCORES, calibrate, isotonic
from aimsight.metrics.estimates.formulas import FORMULAS, expected
from aimsight.metrics.statistics import SCORE_CELLS
from aimsight.metrics.values import Undefined

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting


def cell_of(s: Any) -> Any:
    """Score cells."""
    return np.minimum((np.asarray(s) * SCORE_CELLS).astype(int), SCORE_CELLS - 1)


def by_cell(s: Any, y: Any) -> tuple[Any, Any]:
    """Negatives and positives by score cell."""
    c, y = cell_of(s), np.asarray(y).astype(bool)
    return np.bincount(c[~y], minlength=SCORE_CELLS), np.bincount(c[y], minlength=SCORE_CELLS)


def drawn(n: int, seed: int, a: float = 2.0, b: float = 3.0) -> tuple[Any, Any]:
    """Scores and labels of a model that is too sure of itself."""
    rng = np.random.default_rng(seed)
    s = rng.beta(a, b, n)
    return s, (rng.random(n) < 0.2 + 0.6 * s).astype(int)


@pytest.mark.parametrize("seed", range(5))
def test_isotonic_is_that_of_scikit_learn(seed: int) -> None:
    """The chance of every cell is what isotonic regression of scikit-learn predicts for its middle."""
    s, y = drawn(50 * (seed + 1) ** 2, seed)
    oracle = IsotonicRegression(out_of_bounds="clip").fit((cell_of(s) + 0.5) / SCORE_CELLS, y)
    assert isotonic(*by_cell(s, y))[0] == pytest.approx(oracle.predict(SCORES), abs=1e-12)


def test_isotonic_by_hand() -> None:
    """Cells 10, 20, 30 with 1/2, 0/2, 2/2 positives: the first two are pooled to 1/4, and 25 lies half-way to 1."""
    negatives, positives = np.zeros(SCORE_CELLS, dtype=int), np.zeros(SCORE_CELLS, dtype=int)
    negatives[[10, 20]], positives[[10, 30]] = [1, 2], [1, 2]
    chance, block = isotonic(negatives, positives)
    assert chance[[0, 10, 20, 25, 30, 999]].tolist() == [0.25, 0.25, 0.25, 0.625, 1.0, 1.0]
    assert block[[0, 20, 999]].tolist() == [0, 0, 1]


ARGUMENTS: dict[str, dict[str, Any]] = {
    "cost": {"fp": 1.0, "fn": 5.0, "tp": -2.0},
    "confusion": {"label": "positive", "decision": "negative"},
    "f_beta": {"beta": 0.5},
    "lift": {"k": 0.23},
}
"""Arguments of those that need some, or are tried with others than their defaults."""


def value_of(name: str, rows: Any, chances: Any) -> float:
    """An expected value."""
    point = expected(name, rows, chances, ARGUMENTS.get(name))
    assert not isinstance(point, Undefined)
    return point.value


def test_estimates_are_those_of_every_row_weighted_by_its_chance(counting: Counting) -> None:
    """Each row counted twice, as positive and negative with its chance as weight, gives scikit-learn's values."""
    s, y = drawn(4000, 1)
    oracle = IsotonicRegression(out_of_bounds="clip").fit((cell_of(s) + 0.5) / SCORE_CELLS, y)
    now, _ = drawn(700, 2, 3.0, 2.0)
    middle = (cell_of(now) + 0.5) / SCORE_CELLS
    c, p = oracle.predict(middle), (now > 0.45).astype(int)
    twice, weights = np.repeat([1, 0], 700), np.concatenate([c, 1 - c])
    both, decided = np.tile(middle, 2), np.tile(p, 2)
    matrix = sk.confusion_matrix(twice, decided, sample_weight=weights)

    def top(k: float) -> Any:
        """How much of each row is at the top: all above the threshold, and their share of those at it."""
        at = np.sort(middle)[::-1][int(k * 700)]
        return np.where(
            middle > at, 1.0, np.where(middle == at, (k * 700 - (middle > at).sum()) / (middle == at).sum(), 0)
        )

    wanted = {
        "accuracy": sk.accuracy_score(twice, decided, sample_weight=weights),
        "balanced_accuracy": sk.balanced_accuracy_score(twice, decided, sample_weight=weights),
        "precision": sk.precision_score(twice, decided, sample_weight=weights),
        "recall": sk.recall_score(twice, decided, sample_weight=weights),
        "specificity": sk.recall_score(1 - twice, 1 - decided, sample_weight=weights),
        "false_positive_rate": 1 - sk.recall_score(1 - twice, 1 - decided, sample_weight=weights),
        "false_negative_rate": 1 - sk.recall_score(twice, decided, sample_weight=weights),
        "f1": sk.f1_score(twice, decided, sample_weight=weights),
        "f_beta": sk.fbeta_score(twice, decided, beta=0.5, sample_weight=weights),
        "mcc": sk.matthews_corrcoef(twice, decided, sample_weight=weights),
        "cohen_kappa": sk.cohen_kappa_score(twice, decided, sample_weight=weights),
        "cost": (matrix * np.array([[0.0, 1.0], [5.0, -2.0]])).sum() / 700,
        "confusion": matrix[1, 0] / 700,
        "roc_auc": sk.roc_auc_score(twice, both, sample_weight=weights),
        "gini": 2 * sk.roc_auc_score(twice, both, sample_weight=weights) - 1,
        "average_precision": sk.average_precision_score(twice, both, sample_weight=weights),
        "brier": sk.brier_score_loss(twice, both, sample_weight=weights),
        "log_loss": sk.log_loss(twice, both, sample_weight=weights),
        "precision_at": float((top(0.1) * c).sum() / 70),
        "recall_at": float((top(0.1) * c).sum() / c.sum()),
        "lift": float((top(0.23) * c).sum() / c.sum() / 0.23),
    }
    rows = {"": counting.score_decisions(now, p).astype(float)}
    chance, _ = isotonic(*by_cell(s, y))
    assert {name: value_of(name, rows, {"": chance}) for name in FORMULAS} == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("name", sorted(FORMULAS))
@pytest.mark.parametrize("classes", [1, 3])
def test_gradients_are_the_effect_of_a_label(name: str, classes: int, counting: Counting) -> None:
    """Raising the chance of one cell by a little changes the value by the gradient times the cell's rows."""
    rng = np.random.default_rng(3)
    rows, chances = {}, {}
    for place in range(classes):
        s = rng.choice(np.linspace(0.05, 0.95, 7), 300)
        rows[str(place)] = counting.score_decisions(s, rng.integers(-1, 2, 300)).astype(float)
        chances[str(place)] = 0.1 + (0.8 - 0.2 * place) * SCORES
    point = expected(name, rows, chances, ARGUMENTS.get(name))
    assert not isinstance(point, Undefined)
    single = name in ("cost", "confusion")  # of one class against the rest only
    for one in ["0"] if single else rows:
        for cell in np.unique(cell_of(np.linspace(0.05, 0.95, 7))):
            values = []
            for step in (1e-6, -1e-6):
                moved = chances[one].copy()
                moved[cell] += step
                values.append(value_of(name, rows, {**chances, one: moved}))
            slope = (values[0] - values[1]) / 2e-6
            assert slope == pytest.approx(float(rows[one][cell] @ point.gradients[one][cell]), abs=2e-6)


def test_multiclass_by_rows(counting: Counting) -> None:
    """Three classes: each value from what is expected of every class, put together by plain NumPy."""
    rng = np.random.default_rng(4)
    s = rng.dirichlet([2, 2, 2], 500)
    p = s.argmax(axis=1)
    decisions = counting.classes(np.full(500, -1), p, 3, s).score_decisions or {}
    rows = {name: part.astype(float) for name, part in decisions.items()}
    chances = dict.fromkeys(rows, SCORES)
    middle = (cell_of(s) + 0.5) / SCORE_CELLS
    chosen = np.eye(3)[p]
    right, labels, decided = (middle * chosen).sum(axis=0), middle.sum(axis=0), chosen.sum(axis=0)
    precision, recall = right / decided, right / labels
    negatives = 500 - labels
    shares = labels / labels.sum(), decided / 500
    chance = float((shares[0] * shares[1]).sum())
    accuracy = right.sum() / 500
    spread = float(np.sqrt((1 - (shares[0] ** 2).sum()) * (1 - (shares[1] ** 2).sum())))
    weighted = float(np.average(precision, weights=labels))
    found = expected("accuracy", rows, chances)
    assert not isinstance(found, Undefined)
    assert found.n == 500
    assert found.value == pytest.approx(accuracy)
    for name, wanted in {
        "precision": precision.mean(),
        "recall": recall.mean(),
        "balanced_accuracy": recall.mean(),
        "specificity": float(((negatives - decided + right) / negatives).mean()),
        "f1": float((2 * right / (labels + decided)).mean()),
        "cohen_kappa": (accuracy - chance) / (1 - chance),
        "mcc": (accuracy - chance) / spread,
        "brier": float((middle * (1 - middle) ** 2 + (1 - middle) * middle**2).sum(axis=1).mean()),
        "log_loss": float(-(middle * np.log(middle)).sum(axis=1).mean()),
    }.items():
        assert value_of(name, rows, chances) == pytest.approx(wanted), name
    for average, wanted in (("micro", right.sum() / 500), ("weighted", weighted)):
        point = expected("precision", rows, chances, {"average": average})
        assert not isinstance(point, Undefined)
        assert point.value == pytest.approx(wanted)


def of_three() -> tuple[dict[str, Any], dict[str, Any]]:
    """Six rows decided for a, whose classes have chances 0.7, 0.2 and 0.1, and four decided for b: 0.3, 0.6, 0.1."""
    rows, chances = {}, {}
    for name, (first, second), decided in (("a", (700, 300), 0), ("b", (200, 600), 1), ("c", (100, 100), 2)):
        rows[name], chances[name] = np.zeros((SCORE_CELLS, 3)), np.zeros(SCORE_CELLS)
        for place, (cell, size) in enumerate(((first, 6), (second, 4))):
            rows[name][cell, int(place == decided)] += size
            chances[name][cell] = cell / 1000
    return rows, chances


# expected labels 5.4, 3.6 and 1 of a, b and c; decisions 6, 4 and none, of which 4.2 and 2.4 are right
BY_HAND: dict[str, float] = {
    "accuracy": 0.66,
    "recall": (7 / 9 + 2 / 3 + 0) / 3,
    "balanced_accuracy": (7 / 9 + 2 / 3 + 0) / 3,
    "false_negative_rate": 1 - (7 / 9 + 2 / 3 + 0) / 3,
    "f1": (8.4 / 11.4 + 4.8 / 7.6 + 0) / 3,
    "specificity": (2.8 / 4.6 + 4.8 / 6.4 + 1) / 3,
    "false_positive_rate": (1.8 / 4.6 + 1.6 / 6.4 + 0) / 3,
    "cohen_kappa": (0.66 - (0.54 * 0.6 + 0.36 * 0.4)) / (1 - (0.54 * 0.6 + 0.36 * 0.4)),
    # a pair in order counts 1, within one cell 1/2: of a (4.2 * 2.8 + (4.2 * 1.8 + 1.2 * 2.8) / 2) / (5.4 * 4.6), ...
    "roc_auc": (17.22 / 24.84 + 16.32 / 23.04 + 0.5) / 3,
    # precision from each score on, by the positives there: of a (0.7 * 4.2 + 0.54 * 1.2) / 5.4, ...
    "average_precision": (3.588 / 5.4 + 1.872 / 3.6 + 0.1) / 3,
}


def test_three_classes_by_hand() -> None:
    """Ten rows whose expected counts are worked out on paper, averaged over classes and class by class."""
    rows, chances = of_three()
    assert {name: value_of(name, rows, chances) for name in BY_HAND} == pytest.approx(BY_HAND)
    undefined = expected("precision", rows, chances)  # c is expected and never predicted
    assert isinstance(undefined, Undefined)
    assert undefined.reason == "what is expected was never predicted"
    for name, average, wanted in (
        ("precision", "micro", 0.66),
        ("recall", "micro", 0.66),
        ("recall", "weighted", 0.66),
        ("f1", "weighted", 0.54 * 8.4 / 11.4 + 0.36 * 4.8 / 7.6),
    ):
        point = expected(name, rows, chances, {"average": average})
        assert not isinstance(point, Undefined)
        assert point.value == pytest.approx(wanted), (name, average)
    alone = {"accuracy": 0.7, "precision": 0.7, "recall": 7 / 9, "f1": 14 / 19, "specificity": 14 / 23}
    of_a = {"a": rows["a"]}, {"a": chances["a"]}
    assert {name: value_of(name, *of_a) for name in alone} == pytest.approx(alone)


@pytest.mark.parametrize("seed", range(3))
def test_ranking_of_classes_is_that_of_scikit_learn(seed: int, counting: Counting) -> None:
    """AUC, average precision and Brier score of each class against the rest, every row weighted by its chance."""
    rng = np.random.default_rng(seed)
    s = rng.dirichlet([1, 2, 3, 1], 400)
    decisions = counting.classes(np.full(400, -1), s.argmax(axis=1), 4, s).score_decisions or {}
    rows = {name: part.astype(float) for name, part in decisions.items()}
    chances = {name: 0.05 + (0.9 - 0.1 * place) * SCORES for place, name in enumerate(rows)}
    middle = (cell_of(s) + 0.5) / SCORE_CELLS
    twice = np.repeat([1, 0], 400)
    aucs, precisions, briers = [], [], []
    for place, name in enumerate(rows):
        c = chances[name][cell_of(s[:, place])]
        scored, weights = np.tile(middle[:, place], 2), np.concatenate([c, 1 - c])
        aucs.append(sk.roc_auc_score(twice, scored, sample_weight=weights))
        precisions.append(sk.average_precision_score(twice, scored, sample_weight=weights))
        briers.append(sk.brier_score_loss(twice, scored, sample_weight=weights))
        one = {name: rows[name]}, {name: chances[name]}
        assert value_of("roc_auc", *one) == pytest.approx(aucs[-1])
        assert value_of("average_precision", *one) == pytest.approx(precisions[-1])
    assert value_of("roc_auc", rows, chances) == pytest.approx(np.mean(aucs))
    assert value_of("average_precision", rows, chances) == pytest.approx(np.mean(precisions))
    assert value_of("brier", rows, chances) == pytest.approx(np.sum(briers))


def test_losses_are_off_by_no_more_than_their_blur() -> None:
    """Scores at the ends of their cells: ten rows at 0.5 and one at 0, which log loss clips, with a chance of 0.2."""
    rows = {"": np.zeros((SCORE_CELLS, 3))}
    rows[""][[0, 500], 0] = [1, 10]
    chance = np.full(SCORE_CELLS, 0.5)
    chance[0] = 0.2
    for name, wanted in {
        # ten rows anywhere in [0.5, 0.501), and -0.2 ln(2**-52) - 0.8 ln(1 - 2**-52) of the other one
        "log_loss": ((10 * 0.5 * -np.log(0.5 * 0.5)) / 11, (0.2 * 52 * np.log(2) + 0.8 * 2**-52) / 11),
        "brier": (10 * 0.25 / 11, 0.2 / 11),
    }.items():
        point = expected(name, rows, {"": chance})
        assert not isinstance(point, Undefined)
        assert point.value < sum(wanted) <= point.value + point.blur
        assert point.blur < (0.6 if name == "log_loss" else 0.001)


def test_nothing_to_divide_by_is_undefined(counting: Counting) -> None:
    """Without rows, without positive decisions or with one class expected only, there is no value."""
    none = {"": np.zeros((SCORE_CELLS, 3))}
    assert isinstance(expected("accuracy", none, {"": SCORES}), Undefined)
    rows = {"": counting.score_decisions([0.2, 0.3], [0, 0]).astype(float)}
    assert isinstance(expected("precision", rows, {"": SCORES}), Undefined)
    assert isinstance(expected("recall", rows, {"": np.zeros(SCORE_CELLS)}), Undefined)
    assert isinstance(expected("roc_auc", rows, {"": np.ones(SCORE_CELLS)}), Undefined)


def test_few_labels_calibrate_nothing() -> None:
    """199 labelled rows, or 19 of a class, are too few."""
    s, y = np.linspace(0.001, 0.999, 200), np.arange(200) % 2
    assert calibrate(*by_cell(s[:199], y[:199])) is None
    assert calibrate(*by_cell(s, np.arange(200) < 19)) is None
    assert calibrate(*by_cell(s, y)) is not None


def test_parts_are_the_windows_where_there_are_five() -> None:
    """Leaving out a window is fitting without its rows; four windows are too few, and the parts are random then."""
    s, y = drawn(1000, 5)
    negatives, positives = by_cell(s, y)
    cut = [by_cell(s[k::5], y[k::5]) for k in range(5)]
    windows = np.array([n for n, _ in cut]), np.array([p for _, p in cut])
    fitted = calibrate(negatives, positives, windows)
    assert fitted is not None
    assert fitted.part.tolist() == [0, 1, 2, 3, 4]
    rest = [isotonic(negatives - n, positives - p)[0] for n, p in cut]
    assert fitted.without.tolist() == np.array(rest).tolist()
    four = calibrate(negatives, positives, (windows[0][:4], windows[1][:4]))
    assert four is not None
    assert four.part.size == 0
    assert four.without.shape == (10, SCORE_CELLS)
