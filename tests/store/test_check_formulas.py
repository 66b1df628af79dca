"""The formulas that auditors are given, against numbers computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from aimsight.store.check_formulas import FORMULAS, OF_ERRORS
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
