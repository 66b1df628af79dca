"""Objectives whose metric takes arguments, from the configuration to the stored verdict."""

from __future__ import annotations

import pytest

from aimsight.configs.errors import ConfigError
from aimsight.tests.monitors.sandbox import Sandbox, class_rows

OBJECTIVE = {
    "statement": "s",
    "rationale": "r",
    "owner": "owner@example.org",
    "due": "2026-12-31",
    "severity": "minor",
    "min_rows": 1,
}


def test_a_verdict_is_stored_under_the_canonical_text(sandbox: Sandbox) -> None:
    """However it is written: the objective, its measurement and its evaluation meet under one name."""
    objectives = [
        OBJECTIVE | {"id": "F", "metric": "performance.f_beta( beta = 0.50 )", "target": ">= 0.1"},
        OBJECTIVE | {"id": "D", "metric": "performance.f_beta(beta=2)", "target": ">= 0.1"},
        OBJECTIVE | {"id": "C", "metric": "performance.change(of=accuracy)", "target": ">= -0.5"},
    ]
    sandbox.model(metrics=None, objectives=objectives)
    sandbox.days(*range(8))
    sandbox.run(8)
    verdicts = sandbox.rows("SELECT DISTINCT objective, verdict FROM evaluations ORDER BY objective")
    assert [(row["objective"], row["verdict"]) for row in verdicts] == [
        ("C", "conforming"),
        ("D", "conforming"),
        ("F", "conforming"),
    ]
    metrics = {row["metric"] for row in sandbox.rows("SELECT DISTINCT metric FROM measurement")}
    assert {"performance.f_beta(beta=0.5)", "performance.f_beta", "performance.change(of=accuracy)"} <= metrics


def test_one_class_of_a_model_is_judged(sandbox: Sandbox) -> None:
    """Recall of one class is measured and judged, by the name of the class."""
    objectives = [OBJECTIVE | {"id": "R", "metric": "performance.recall(of=dog)", "target": ">= 0.5"}]
    sandbox.model("kinds", "multiclass", metrics=["quality.rows", "performance.recall(of=dog)"], objectives=objectives)
    for day in range(8):
        sandbox.day(day, class_rows(day), "kinds")
    sandbox.run(8)
    rows = sandbox.rows("SELECT DISTINCT metric, value FROM measurement WHERE metric LIKE 'performance.%'")
    assert [row["metric"] for row in rows] == ["performance.recall(of=dog)"]
    assert 0.5 < rows[0]["value"] < 1


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        ("performance.f_beta(bta=2)", "has no parameter bta; it takes beta, average, of; did you mean beta?"),
        ("performance.f_beta(beta=high)", "beta must be a number from 0.01 to 100, not high"),
        ("performance.change(of=mae)", "performance.change(of=mae) is defined for regression, not for task binary"),
        ("performance.change(of=auc)", "performance.change: no metric"),
        ("performance.cost(fp=1)", "performance.cost needs fn, a number from -1000000000 to 1000000000"),
        ("performance.interval_coverage", "is defined for regression"),
    ],
)
def test_a_mistake_is_told_with_its_line(sandbox: Sandbox, metric: str, problem: str) -> None:
    """File, line, key, what is wrong and what was meant."""
    sandbox.model(metrics=None, objectives=[OBJECTIVE | {"id": "F", "metric": metric, "target": ">= 0.1"}])
    with pytest.raises(ConfigError) as caught:
        _ = sandbox.project
    (found,) = caught.value.problems
    assert found.key == "objectives[0].metric"
    assert found.line > 0
    assert problem in str(found)
