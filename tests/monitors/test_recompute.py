"""Measurements computed again from the stored statistics: equal as they are, and whatever was changed is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from aimsight.metrics import registry
from aimsight.metrics.values import Value
from aimsight.monitors.recompute import Recomputed, recompute
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Sandbox, binary_rows, class_rows, regression_rows

METRICS = ["performance.*", "fairness.*", "drift.*", "quality.*", "estimated.*"]


@pytest.fixture
def ran(sandbox: Sandbox) -> Sandbox:
    """A binary model with every metric of four families over three windows after its reference."""
    sandbox.model(metrics=METRICS, protected=["gender"])
    sandbox.days(*range(7))
    sandbox.run(7)
    return sandbox


def again(sandbox: Sandbox, **how: Any) -> Recomputed:
    """Everything computed again."""
    return recompute(sandbox.project, sandbox.store, list(sandbox.project.models), **how)


def change(sandbox: Sandbox, *statements: str) -> None:
    """Change the database behind the store's back."""
    with duckdb.connect(str(sandbox.store.path)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_nothing_changed_nothing_differs(ran: Sandbox) -> None:
    """Every run is computed again, and every measurement comes out as it is on record."""
    found = again(ran)
    assert found.findings == ()
    assert found.runs == 3
    (stored,) = ran.rows("SELECT count(*) AS n FROM measurement")
    left_out = sum(count for reason, count in found.left_out.items() if reason.startswith("measurements"))
    assert found.compared + left_out == stored["n"]
    assert found.compared > 50
    assert again(ran, latest=1).runs == 1


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_other_tasks_too(sandbox: Sandbox, task: str) -> None:
    """Regression with its loss tree, and several classes."""
    rows = regression_rows if task == "regression" else class_rows
    changes: dict[str, Any] = {"objectives": None} if task == "regression" else {}
    sandbox.model(task=task, metrics=METRICS, **changes)
    for day in range(7):
        sandbox.day(day, rows(day))
    sandbox.run(7)
    found = again(sandbox)
    assert (found.findings, found.runs) == ((), 3)


def test_a_changed_statistic_is_found(ran: Sandbox) -> None:
    """One decision more among the true positives of one window: the metrics that rest on it are named."""
    change(ran, "UPDATE statistics_segment SET true_positive = true_positive + 1 WHERE rowid = (SELECT min(s.rowid) "
                "FROM statistics_segment s JOIN run r ON r.run_id = s.statistics_id WHERE segment = '')")  # fmt: skip
    found = again(ran)
    named = {one.metric for one in found.findings}
    assert "performance.accuracy" in named
    assert len({one.run_id for one in found.findings}) == 1
    assert "stored" in str(found.findings[0])


def test_a_changed_value_is_found(ran: Sandbox) -> None:
    """A millionth added to a stored value, with the digest that would cover it made anew or not."""
    change(ran, "UPDATE measurement SET value = value + 1e-6 WHERE metric = 'performance.accuracy' AND segment = ''")
    assert {(one.metric, one.metric_version) for one in again(ran).findings} == {
        ("performance.accuracy", registry.METRICS["performance.accuracy"].version)
    }
    assert len(again(ran).findings) == 3


def test_a_changed_formula_is_found(ran: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric that computes something else under the same version is named; one with a new version is left out."""
    unit = registry.METRICS["performance.accuracy"]
    real = registry.find

    def other(*given: Any, **more: Any) -> Any:
        result = unit.compute(*given, **more)
        return replace(result, value=result.value / 2) if isinstance(result, Value) else result

    def put(changed: registry.Metric) -> None:
        catalogue = dict(registry.METRICS) | {unit.id: changed}
        monkeypatch.setattr("aimsight.metrics.measure.METRICS", catalogue)
        for place in ("aimsight.metrics.measure.find", "aimsight.monitors.recompute.find"):
            monkeypatch.setattr(place, lambda text: changed if text == unit.id else real(text))

    put(replace(unit, compute=other))
    found = again(ran)
    assert {one.metric for one in found.findings} == {"performance.accuracy"}
    assert found.data()["equal"] is False
    assert "measurements differ" in next(iter(found.lines()))
    put(replace(unit, compute=other, version=unit.version + 1))
    later = again(ran)
    assert later.findings == ()
    assert later.left_out["measurements: the metric has a new version since"] >= 3


def test_a_configuration_that_is_no_more_is_said(ran: Sandbox) -> None:
    """Other features: those runs are left out. Other objectives: the store knows what they were."""
    ran.clock.moment += timedelta(days=1)
    ran.model(metrics=METRICS, protected=["gender"], objectives=[an_objective(target=">= 0.6")])
    ran.days(7)
    ran.run(8)
    found = again(ran)
    (kept,) = ran.rows("SELECT count(*) AS n FROM run WHERE outcome = 'success'")
    assert (found.findings, found.runs) == ((), kept["n"])
    ran.model(metrics=METRICS, protected=["gender"], features={"x": "numeric"})
    gone = again(ran)
    assert (gone.runs, gone.findings) == (0, ())
    assert gone.left_out == {"runs: the configuration it was measured under is no more": kept["n"]}


def test_labels_that_came_late_are_those_of_the_run(sandbox: Sandbox) -> None:
    """A window measured before its labels and again after them: both revisions come out as recorded."""
    sandbox.model(metrics=METRICS, labels={"delay": "2d"})
    sandbox.days(0, 1, 2, 3)
    sandbox.day(4, binary_rows(4), labels=False)
    sandbox.run(5)
    sandbox.labels(4, binary_rows(4))
    sandbox.run(8)
    assert sandbox.outcomes()[4] == ["success", "success"]
    found = again(sandbox)
    assert (found.findings, found.runs) == ((), sum(len(one) for one in sandbox.outcomes().values()))
