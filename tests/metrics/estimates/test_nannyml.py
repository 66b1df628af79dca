"""Estimates beside those that nannyml 0.13.1 gave for the same data (recorded; see ``oracles/nannyml``)."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from aimsight.metrics.estimates.loss_tree import fit_loss_tree
from aimsight.metrics.estimates.losses import expected as expected_loss
from aimsight.metrics.estimates.scored import ScoreBaseline
from aimsight.metrics.estimates.trust import Circumstances
from aimsight.metrics.plan import Reference
from aimsight.metrics.statistics import QualityCounts, Statistics
from aimsight.metrics.values import ALL_ROWS, Undefined, Value

if TYPE_CHECKING:
    from aimsight.tests.metrics.conftest import Counting

FOLDER = Path(__file__).parents[1] / "oracles" / "nannyml"
RECORDED: dict[str, Any] = json.loads((FOLDER / "recorded.json").read_text("utf-8"))
DATA = runpy.run_path(str(FOLDER / "data.py"))
classified, regressed, sorted_out, priced = (DATA[name] for name in ("classified", "regressed", "sorted_out", "priced"))


@pytest.mark.parametrize("name", sorted(RECORDED["binary"]))
def test_cbpe_is_that_of_nannyml(name: str, counting: Counting) -> None:
    """Within 0.01: nannyml calibrates on single scores and a part of the reference, aimsight on score cells."""
    s, y = classified(5000, 0)
    whole = Statistics(QualityCounts(5000), segments={ALL_ROWS: counting.binary(y, s >= 0.5, s)})
    baseline = ScoreBaseline(Reference("r", "", (), (), 0, 0.0, whole, ()))
    now, _ = classified(2000, 1, shifted=True)
    part = counting.binary(np.full(2000, -1), (now >= 0.5).astype(int), now)
    scored = baseline.scored(part, ALL_ROWS, Circumstances())
    assert not isinstance(scored, Undefined)
    found = scored.estimate(name)
    assert isinstance(found, Value)
    assert found.value == pytest.approx(RECORDED["binary"][name], abs=0.01)


def test_confusion_and_cost_are_those_of_nannyml(counting: Counting) -> None:
    """Shares within 0.002, and the business value of 2,000 rows the cost with the sign turned, within 1 %."""
    s, y = classified(5000, 0)
    whole = Statistics(QualityCounts(5000), segments={ALL_ROWS: counting.binary(y, s >= 0.5, s)})
    now, _ = classified(2000, 1, shifted=True)
    part = counting.binary(np.full(2000, -1), (now >= 0.5).astype(int), now)
    scored = ScoreBaseline(Reference("r", "", (), (), 0, 0.0, whole, ())).scored(part, ALL_ROWS, Circumstances())
    assert not isinstance(scored, Undefined)
    theirs = RECORDED["decided"]
    for decision in ("positive", "negative"):
        for label in ("positive", "negative"):
            found = scored.estimate("confusion", label=label, decision=decision)
            assert isinstance(found, Value)
            right = "true" if label == decision else "false"
            assert found.value == pytest.approx(theirs[f"{right}_{decision}"], abs=0.002)
    cost = scored.estimate("cost", fp=1.0, fn=5.0)
    assert isinstance(cost, Value)
    assert -2000 * cost.value == pytest.approx(theirs["business_value"], rel=0.01)


def test_three_classes_are_those_of_nannyml(counting: Counting) -> None:
    """Within 0.01, and the right ones of every class as shares: nannyml makes the chances of a row add up to 1."""
    s, y = sorted_out(6000, 4)
    whole = Statistics(QualityCounts(6000), segments={ALL_ROWS: counting.classes(y, s.argmax(axis=1), 3, s)})
    baseline = ScoreBaseline(Reference("r", "", (), ("c0", "c1", "c2"), 0, 0.0, whole, ()))
    now, _ = sorted_out(3000, 5, shifted=True)
    part = counting.classes(np.full(3000, -1), now.argmax(axis=1), 3, now)
    scored = baseline.scored(part, ALL_ROWS, Circumstances())
    assert not isinstance(scored, Undefined)
    theirs = RECORDED["multiclass"]
    for name in ("roc_auc", "average_precision", "f1", "precision", "recall", "specificity", "accuracy"):
        found = scored.estimate(name)
        assert isinstance(found, Value)
        assert found.value == pytest.approx(theirs[name], abs=0.01), name
    for place in range(3):
        alone = baseline.scored(part, ALL_ROWS, Circumstances(), f"c{place}")
        assert not isinstance(alone, Undefined)
        right = alone.estimate("confusion", label="positive", decision="positive")
        assert isinstance(right, Value)
        assert right.value == pytest.approx(theirs[f"true_{place}_pred_{place}"], abs=0.005)


@pytest.mark.parametrize(
    ("data", "name"),
    [("regression", "mae"), ("regression", "rmse"), *(("priced", name) for name in ("mape", "mse", "msle", "rmsle"))],
)
def test_direct_loss_estimation_is_that_of_nannyml(data: str, name: str) -> None:
    """Within 5 % (squares: 10 %): nannyml boosts trees over features and prediction, aimsight has one honest tree."""
    drawn = {"regression": regressed, "priced": priced}[data]
    x, z, p, y = drawn(5000, 2)
    tree = fit_loss_tree({"x": x, "z": z}, p - y, y)
    assert tree is not None
    now = drawn(2000, 3, shifted=True)
    rows = np.bincount(tree.leaf({"x": now[0], "z": now[1]}, 2000), minlength=tree.size)
    found = expected_loss(name, rows, tree)
    assert not isinstance(found, Undefined)
    assert found.value == pytest.approx(RECORDED[data][name], rel=0.1 if name in {"mse", "msle"} else 0.05)
