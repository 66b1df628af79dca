"""Rates and agreement of decisions: numbers worked out by hand, scikit-learn as oracle, every average, every class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from aimsight.configs.errors import NotFoundError
from aimsight.metrics.confusion import one_against_rest
from aimsight.metrics.registry import find
from aimsight.metrics.statistics import BinaryCounts, SegmentStatistics
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

# 10 decisions: TP 3, FP 1, FN 2, TN 4
BY_HAND = SegmentStatistics(
    rows=10,
    labelled=10,
    binary=BinaryCounts(predicted=10, selected=4, true_positive=3, false_positive=1, false_negative=2, true_negative=4),
)


def value_of(metric: str, *inputs: Any) -> Value:
    """Compute a metric that must have a value inside its interval."""
    result = find(metric).compute(*inputs)
    assert isinstance(result, Value), result
    assert result.interval is None or result.interval.low <= result.value <= result.interval.high
    return result


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("performance.balanced_accuracy", 0.7),  # (3 / 5 + 4 / 5) / 2
        ("performance.specificity", 0.8),  # 4 / (4 + 1)
        ("performance.false_negative_rate", 0.4),  # 2 / (2 + 3)
        ("performance.f_beta", 15 / 24),  # 5 * 3 / (5 * 3 + 4 * 2 + 1)
        ("performance.f_beta(beta=0.5)", 3.75 / 5.25),  # 1.25 * 3 / (1.25 * 3 + 0.25 * 2 + 1)
        ("performance.f_beta(beta=1)", 2 / 3),  # F1
        ("performance.mcc", 10 / math.sqrt(600)),  # (3 * 4 - 1 * 2) / sqrt(4 * 5 * 5 * 6)
        ("performance.cohen_kappa", 0.4),  # (0.7 - 0.5) / (1 - 0.5), expected 0.4 * 0.5 + 0.6 * 0.5
        ("performance.cost(fp=1, fn=5)", 1.1),  # (1 * 1 + 5 * 2) / 10
        ("performance.cost(fp=1, fn=5, tp=-2, tn=0.5)", 0.7),  # (1 + 10 - 6 + 2) / 10
    ],
)
def test_decisions_by_hand(metric: str, expected: float) -> None:
    """A confusion matrix of ten rows; the working stands beside each number."""
    found = value_of(metric, BY_HAND)
    assert found.value == pytest.approx(expected, abs=1e-12)
    assert found.interval is not None
    assert found.interval.low < expected < found.interval.high


def test_a_cost_matrix_by_hand(counting: Counting) -> None:
    """Five decisions between three classes of four: 7 for a cat as dog, 1 for any other error, a right dog brings 2."""
    labels, decisions = np.array([0, 0, 1, 1, 3]), np.array([0, 1, 1, 3, 0])
    metric = 'performance.cost_matrix(costs="cat as dog: 7, dog as dog: -2")'
    found = value_of(metric, counting.classes(labels, decisions, 4), ("cat", "dog", "eel", "fox"))
    assert found.value == pytest.approx((0 + 7 - 2 + 1 + 1) / 5)
    assert found.n == 5
    nobody = find('performance.cost_matrix(costs="cat as cow: 7")').compute(
        counting.classes(labels, decisions, 4), ("cat", "dog", "eel", "fox")
    )
    assert nobody == Undefined('there is no class "cow"', 5)


@pytest.mark.parametrize(
    ("costs", "problem"),
    [
        ("cat: 7", "LABEL as DECISION: COST"),
        ("cat as dog: much", "LABEL as DECISION: COST"),
        ("cat as dog: nan", "LABEL as DECISION: COST"),
        ("cat as dog: 1, cat as dog: 2", "cat as dog twice"),
    ],
)
def test_costs_that_cannot_be_read_are_refused(costs: str, problem: str) -> None:
    """When the metric is named, not when a window is measured."""
    with pytest.raises(NotFoundError, match=problem):
        find(f'performance.cost_matrix(costs="{costs}")')


def test_binary_agrees_with_scikit_learn(counting: Counting) -> None:
    """600 decisions about a rare class."""
    rng = np.random.default_rng(21)
    y = (rng.random(600) < 0.15).astype(int)
    p = np.where(rng.random(600) < 0.2, 1 - y, y)
    s = counting.binary(y, p)
    expected = {
        "balanced_accuracy": oracle.balanced_accuracy_score(y, p),
        "mcc": oracle.matthews_corrcoef(y, p),
        "cohen_kappa": oracle.cohen_kappa_score(y, p),
        "specificity": oracle.recall_score(1 - y, 1 - p),
        "false_negative_rate": 1 - oracle.recall_score(y, p),
        "f_beta": oracle.fbeta_score(y, p, beta=2),
        "f_beta(beta=0.3)": oracle.fbeta_score(y, p, beta=0.3),
    }
    for name, number in expected.items():
        assert value_of(f"performance.{name}", s).value == pytest.approx(number, abs=1e-12), name


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_averages_agree_with_scikit_learn(counting: Counting, average: str) -> None:
    """Precision, recall, F1 and F2 over four unequal classes."""
    rng = np.random.default_rng(22)
    y = rng.choice(4, 700, p=[0.5, 0.3, 0.15, 0.05])
    p = np.where(rng.random(700) < 0.3, rng.integers(0, 4, 700), y)
    s = counting.classes(y, p, 4)
    given = "" if average == "macro" else f"(average={average})"
    found = {
        f"performance.precision{given}": oracle.precision_score(y, p, average=average),
        f"performance.recall{given}": oracle.recall_score(y, p, average=average),
        f"performance.f1{given}": oracle.f1_score(y, p, average=average),
        f"performance.f_beta{given}": oracle.fbeta_score(y, p, beta=2, average=average),
    }
    for name, number in found.items():
        assert value_of(name, s).value == pytest.approx(number, abs=1e-12), name


def test_multiclass_agreement_agrees_with_scikit_learn(counting: Counting) -> None:
    """MCC, kappa and balanced accuracy of four classes, one of which is never predicted."""
    rng = np.random.default_rng(23)
    y = rng.choice(4, 500, p=[0.5, 0.3, 0.15, 0.05])
    p = np.where(rng.random(500) < 0.3, rng.integers(0, 3, 500), np.minimum(y, 2))
    s = counting.classes(y, p, 4)
    assert value_of("performance.mcc", s).value == pytest.approx(oracle.matthews_corrcoef(y, p), abs=1e-12)
    assert value_of("performance.cohen_kappa", s).value == pytest.approx(oracle.cohen_kappa_score(y, p), abs=1e-12)
    balanced = oracle.balanced_accuracy_score(y, p)
    assert value_of("performance.balanced_accuracy", s).value == pytest.approx(balanced, abs=1e-12)


def test_specificity_of_classes(counting: Counting) -> None:
    """Each class against the rest, by scikit-learn's own matrices."""
    rng = np.random.default_rng(24)
    y, p = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    tn, fp = (oracle.multilabel_confusion_matrix(y, p)[:, 0, column] for column in (0, 1))
    s = counting.classes(y, p, 3)
    each = tn / (tn + fp)
    assert value_of("performance.specificity", s).value == pytest.approx(each.mean())
    assert value_of("performance.specificity(average=micro)", s).value == pytest.approx(tn.sum() / (tn + fp).sum())
    weighted = np.average(each, weights=np.bincount(y))
    assert value_of("performance.specificity(average=weighted)", s).value == pytest.approx(weighted)


def test_one_class_against_the_rest(counting: Counting) -> None:
    """Decisions and scores of one class of three give what the binary metrics of that class give."""
    rng = np.random.default_rng(25)
    y = rng.integers(0, 3, 400)
    probabilities = rng.dirichlet([1, 1, 1], 400) + 0.7 * np.eye(3)[y]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    p = probabilities.argmax(axis=1)
    part = one_against_rest(counting.classes(y, p, 3, probabilities), ("c0", "c1", "c2"), "c1")
    assert part is not None
    yes, chosen = (y == 1).astype(int), (p == 1).astype(int)
    assert value_of("performance.precision", part).value == pytest.approx(oracle.precision_score(yes, chosen))
    assert value_of("performance.recall", part).value == pytest.approx(oracle.recall_score(yes, chosen))
    assert value_of("performance.mcc", part).value == pytest.approx(oracle.matthews_corrcoef(yes, chosen))
    assert value_of("performance.selection_rate", part).value == pytest.approx(chosen.mean())
    assert value_of("performance.roc_auc", part).value == pytest.approx(oracle.roc_auc_score(yes, probabilities[:, 1]))
    assert one_against_rest(counting.classes(y, p, 3), ("c0", "c1", "c2"), "c3") is None


def test_trap_one_class_is_undefined_not_zero(counting: Counting) -> None:
    """All labels of one class: scikit-learn gives an MCC of 0, a kappa of NaN; here they say why there is none."""
    s = counting.binary([0, 0, 0, 0], [0, 0, 0, 0])
    for name in ("mcc", "cohen_kappa", "balanced_accuracy", "f_beta", "false_negative_rate"):
        result = find(f"performance.{name}").compute(s)
        assert isinstance(result, Undefined), name
        assert result.cause is Cause.TOO_FEW
    assert value_of("performance.specificity", s).value == 1
    one_sided = find("performance.mcc").compute(counting.binary([0, 1, 0, 1], [1, 1, 1, 1]))
    assert one_sided == Undefined("all predictions are of one class", 4, Cause.TOO_FEW)


def test_perfect_decisions_leave_room_for_errors(counting: Counting) -> None:
    """20 right decisions of 20: the interval does not promise perfection, as a plain bootstrap would."""
    y = [0, 1] * 10
    for name in ("mcc", "cohen_kappa", "f_beta", "balanced_accuracy", "cost(fp=1, fn=1)"):
        found = value_of(f"performance.{name}", counting.binary(y, y))
        assert found.interval is not None
        assert found.interval.high - found.interval.low > 0.05, name


def test_no_decisions_is_said(counting: Counting) -> None:
    """No rows, no labels or no predictions: each has its reason."""
    nothing = SegmentStatistics(rows=0, labelled=0)
    for name in ("mcc", "cohen_kappa", "balanced_accuracy", "f_beta", "specificity", "cost(fp=1, fn=1)"):
        unit = find(f"performance.{name}")
        assert unit.compute(nothing) == Undefined("no rows")
        no_labels = unit.compute(counting.binary([-1, -1], [0, 1]))
        assert no_labels == Undefined("no labels: 0 of 2 rows are labelled", 2, Cause.TOO_FEW)
        assert unit.compute(counting.binary([0, 1], [-1, -1])) == Undefined("no labelled row has a valid prediction", 2)
