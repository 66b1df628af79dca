"""Estimates in runs: beside awaited labels, scored when labels come, and only ever a warning."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Row, Sandbox, binary_rows, regression_rows


def uncertain(day: int, n: int = 60) -> list[Row]:
    """Rows whose scores are chances: a label is drawn with the score as its chance."""
    rng = np.random.default_rng(day)
    rows = binary_rows(day, n=n)
    for row in rows:
        score = round(float(rng.random()), 4)
        row |= {"p": score, "yes": int(score >= 0.5), "y": int(rng.random() < score)}
    return rows


def test_estimates_stand_beside_awaited_labels_and_are_scored_by_them(sandbox: Sandbox) -> None:
    """While labels are awaited the verdict says what is estimated; when they come, the view says how far it was off.

    The estimate itself is the same before and after, and an objective on it is at risk where the other would fail.
    """
    sandbox.model(
        labels={"delay": "10d", "min_coverage": 0.5},
        metrics=["performance.accuracy", "estimated.accuracy"],
        objectives=[
            an_objective(target=">= 0.5"),
            an_objective("OBJ-2", metric="estimated.accuracy", target=">= 0.99"),
        ],
    )
    for day in range(4):
        sandbox.day(day, uncertain(day))
    rows = uncertain(4)
    sandbox.day(4, rows, labels=False)
    sandbox.run(5)
    sql = "SELECT objective, verdict, reason, value FROM evaluations WHERE is_latest ORDER BY objective"
    awaited, warned = sandbox.rows(sql)
    assert awaited["verdict"] == "awaiting labels"
    assert "; meanwhile estimated: Estimated accuracy 0.7" in awaited["reason"]
    assert warned["verdict"] == "at risk"
    assert warned["reason"].endswith("but an estimate can only warn: labels have not confirmed it")
    (before,) = sandbox.rows("SELECT * FROM estimates WHERE metric = 'estimated.accuracy' AND segment = ''")
    assert before["realised"] is None
    sandbox.labels(4, rows)
    sandbox.run(5)
    (after,) = sandbox.rows("SELECT * FROM estimates WHERE metric = 'estimated.accuracy' AND segment = ''")
    assert after["estimate"] == before["estimate"]
    assert after["realised"] == np.mean([row["yes"] == row["y"] for row in rows])
    assert after["error"] == pytest.approx(after["estimate"] - after["realised"])
    assert after["covered"] == (after["ci_low"] <= after["realised"] <= after["ci_high"])
    assert sandbox.rows("SELECT * FROM nonconformities") == []
    sandbox.check()


def test_errors_of_earlier_windows_widen_later_ones_whatever_is_run_together(sandbox: Sandbox) -> None:
    """Labels that are the opposite of what scores promise make later intervals wider, in one run as in day by day."""
    single = sandbox.at(sandbox.root.parent / "single")
    for project in (sandbox, single):
        project.model(metrics=["performance.accuracy", "estimated.accuracy"], objectives=[])
        for day in range(4):
            project.day(day, uncertain(day))
    for day in range(4, 11):
        rows = [row | {"y": 1 - int(row["y"])} for row in uncertain(day)]
        for project in (sandbox, single):
            project.day(day, rows)
        single.run(day + 1)
    sandbox.run(11)
    sql = (
        "SELECT window_start, estimate, ci_low, ci_high, detail FROM estimates "
        "WHERE metric = 'estimated.accuracy' AND segment = '' ORDER BY window_start"
    )
    together = sandbox.rows(sql)
    assert together == single.rows(sql)
    widths = [row["ci_high"] - row["ci_low"] for row in together]
    assert min(widths[5:]) > 1.5 * max(widths[:5])
    assert together[-1]["detail"].startswith("earlier estimates less realised values: +0.")


def test_errors_of_a_regression_are_estimated_from_its_features(sandbox: Sandbox) -> None:
    """Errors are 5 for large x and 1 for small: the tree frozen with the reference knows it, in a second run, too."""
    sandbox.model("credit", "regression", metrics=["performance.mae", "estimated.mae"], objectives=[])

    def rows(day: int, largest: int) -> list[Row]:
        made = regression_rows(day, n=200)
        for i, row in enumerate(made):
            error = (5.0 if i % largest >= 10 else 1.0) * (1 if i // largest % 2 else -1)
            row |= {"at": row["at"] - timedelta(minutes=13 * i), "x": float(i % largest), "minutes": row["y"] + error}
        return made

    for day in range(5):
        sandbox.day(day, rows(day, 20))
    sandbox.run(5)
    sandbox.day(5, rows(5, 10), labels=False)
    sandbox.run(6)
    first, second = sandbox.rows("SELECT * FROM estimates ORDER BY window_start")
    assert first["estimate"] == pytest.approx(3.0, abs=0.3)
    assert first["realised"] == pytest.approx(3.0)
    assert first["covered"]
    assert second["estimate"] == pytest.approx(1.0, abs=0.1)
    assert second["realised"] is None
    sandbox.check()
