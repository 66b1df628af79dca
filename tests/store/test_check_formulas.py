"""The formulas that auditors are given, against numbers computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from aimsight.store.check_formulas import FORMULAS, OF_ERRORS, OF_SCORES, Scores
from aimsight.store.statistics_tables import STATISTICS_SEGMENT


def segment(**known: Any) -> dict[str, Any]:
    """The statistics of a segment of which nothing else is known."""
    return {**dict.fromkeys(STATISTICS_SEGMENT.columns), **known}


def test_metrics_of_a_binary_model() -> None:
    """40 rows: 12 found, 4 false alarms, 8 missed, 16 rightly left alone."""
    row = segment(true_positive=12, false_positive=4, false_negative=8, true_negative=16, rows=50, labelled=40)
    wanted = {
        "performance.accuracy": 28 / 40,
        "performance.precision": 12 / 16,
        "performance.recall": 12 / 20,
        "performance.f1": 24 / 36,
        "performance.false_positive_rate": 4 / 20,
        "performance.false_negative_rate": 8 / 20,
        "performance.specificity": 16 / 20,
        "performance.balanced_accuracy": (12 / 20 + 16 / 20) / 2,
        "performance.mcc": (12 * 16 - 4 * 8) / (16 * 20 * 20 * 24) ** 0.5,
        "quality.rows": 50,
        "quality.label_coverage": 40 / 50,
    }
    assert {name: FORMULAS[name](row) for name in wanted} == pytest.approx(wanted)


def test_metrics_of_several_classes() -> None:
    """Two of three, one of two and one of one are right; MCC by Gorodkin: labels 3, 2, 1, predictions 2, 2, 2."""
    row = segment(class_matrix=[2, 1, 0, 0, 1, 1, 0, 0, 1])
    assert FORMULAS["performance.accuracy"](row) == pytest.approx(4 / 6)
    assert FORMULAS["performance.balanced_accuracy"](row) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert FORMULAS["performance.mcc"](row) == pytest.approx((4 * 6 - 12) / ((36 - 12) * (36 - 14)) ** 0.5)


def test_metrics_of_errors_are_in_the_labels_unit() -> None:
    """Labels 1, 2, 3, 6, predictions 2, 2, 5, 5: errors 1, 0, 2, -1, kept in halves."""
    row = segment(error_rows=4, error="4", error_absolute="8", error_square="24", label="24", label_square="200",
                  error_overflow=0)  # fmt: skip
    assert OF_ERRORS["performance.mean_error"](row, 0.5) == 0.5
    assert OF_ERRORS["performance.mae"](row, 0.5) == 1.0
    assert OF_ERRORS["performance.rmse"](row, 0.5) == pytest.approx(1.5**0.5)
    assert FORMULAS["performance.r2"](row) == pytest.approx(1 - 6 / 14)


@pytest.mark.parametrize("name", [*FORMULAS, *OF_ERRORS])
def test_what_is_not_known_has_no_value(name: str) -> None:
    """Nothing is computed from statistics that are not there, and nothing is divided by zero."""
    empty = segment(rows=0, labelled=0, true_positive=0, false_positive=0, false_negative=0, true_negative=0)
    for row in (segment(rows=0, labelled=0), empty, segment(rows=0, labelled=0, error_rows=0, error_overflow=1)):
        value = OF_ERRORS[name](row, 1.0) if name in OF_ERRORS else FORMULAS[name](row)
        assert value is None or (name, value) == ("quality.rows", 0.0)


def test_metrics_of_scores_by_hand() -> None:
    """Cell 200: one negative; cell 600: one of each; cell 900: one positive. Of 4 pairs 3 are won, 1 is open."""
    parts = [Scores([200, 600, 900], [1, 1, 0], [0, 1, 1])]
    assert OF_SCORES["performance.roc_auc"](parts) == (3 / 4, 1.0)
    assert OF_SCORES["performance.gini"](parts) == (1 / 2, 1.0)
    # the positive of cell 600 is second or third of the list, the other one first
    assert OF_SCORES["performance.average_precision"](parts) == pytest.approx(((1 + 2 / 3) / 2, 1.0))
    # bins 2, 6 and 9: distances 0.2005, |1 - 1.201| and |1 - 0.9005| over four rows, each known to half a thousandth
    gap = (0.2005 + 0.201 + 0.0995) / 4
    assert OF_SCORES["performance.ece"](parts) == pytest.approx((gap - 0.0005, gap + 0.0005))
    assert FORMULAS["performance.calibration_gap"](segment(scored=4, score_gap=str(2**50))) == 0.25


@pytest.mark.parametrize("name", sorted(OF_SCORES))
def test_scores_of_one_class_have_no_order(name: str) -> None:
    """Without rows of both kinds there is nothing to rank; how far scores are from labels is known all the same."""
    assert OF_SCORES[name]([]) is None
    assert (OF_SCORES[name]([Scores([500], [0], [7])]) is None) == (name != "performance.ece")


@pytest.mark.parametrize("seed", range(20))
def test_the_value_of_the_scores_themselves_lies_within_the_range(seed: int) -> None:
    """Scores drawn into few cells, so that cells hide much: scikit-learn on the scores, and the bins written out."""
    random = np.random.default_rng(seed)
    score = (random.integers(0, 12, 300) * 83 + random.random(300)) / 1000
    label = (random.random(300) < score).astype(int)
    cells, place = np.unique((score * 1000).astype(int), return_inverse=True)
    rows = [np.bincount(place, label == kind, cells.size).astype(int).tolist() for kind in (0, 1)]
    parts = [Scores(cells.tolist(), *rows)]
    bins = (score * 10).astype(int)
    ece = sum(abs(float((label - score)[bins == one].sum())) for one in range(10)) / 300
    for name, value in (
        ("performance.roc_auc", roc_auc_score(label, score)),
        ("performance.average_precision", average_precision_score(label, score)),
        ("performance.ece", ece),
    ):
        found = OF_SCORES[name](parts)
        assert found is not None
        assert found.low <= value <= found.high
    cell = (score * 1000).astype(int)  # within a cell the positives come first, or last: nothing lies beyond
    worst, best = (float(roc_auc_score(label, cell + sign * 0.5 * label)) for sign in (-1, 1))
    assert OF_SCORES["performance.roc_auc"](parts) == pytest.approx((worst, best))
    worst, best = (float(average_precision_score(label, cell + sign * 0.5 * label)) for sign in (-1, 1))
    ends = OF_SCORES["performance.average_precision"](parts)
    assert ends is not None
    assert ends.low <= worst
    assert ends.high == pytest.approx(best)
