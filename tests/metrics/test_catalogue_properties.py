"""Properties of every metric of the catalogue; a new metric is covered by being registered."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimsight.configs.schema import ModelConfig
from aimsight.metrics.catalogue.skill import SKILLS
from aimsight.metrics.comparisons import Groups
from aimsight.metrics.estimates.intervals import Variance
from aimsight.metrics.estimates.loss_tree import LossTree, fit_loss_tree
from aimsight.metrics.estimates.losses import Leaves
from aimsight.metrics.estimates.scored import ScoreBaseline
from aimsight.metrics.estimates.selection import LabelledRows
from aimsight.metrics.estimates.trust import Circumstances
from aimsight.metrics.frames import Frame, FramePair
from aimsight.metrics.inputs import ColumnBaseline, ColumnCounts, ColumnPair, FeatureDrift, FeatureDrifts, RowFacts
from aimsight.metrics.plan import Reference
from aimsight.metrics.registry import METRICS, Kind, Metric, find
from aimsight.metrics.samples import SamplePair
from aimsight.metrics.schema import Schema
from aimsight.metrics.statistics import (
    QualityCounts,
    SegmentStatistics,
    Statistics,
)
from aimsight.metrics.values import ALL_ROWS, Result, Undefined, Value
from aimsight.metrics.volume import Expected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from aimsight.tests.metrics.conftest import Counting

BOUND = (
    "performance.cost(fp=1, fn=20)",
    'performance.cost_matrix(costs="c0 as c1: 5, c2 as c0: -1")',
    "performance.confusion(label=positive, decision=negative)",
    "estimated.cost(fp=1, fn=20)",
    "estimated.confusion(label=negative, decision=negative)",
    "performance.change(of=accuracy)",
    "performance.change(of=accuracy, relative=true)",
    *(f"performance.skill(of={of})" for of in SKILLS if not of.startswith("cost")),
    "performance.skill(of=cost(fp=1, fn=20))",
    "performance.skill(of=recall(average=weighted))",
    'performance.skill(of="cost_matrix(costs=\\"c0 as c1: 5\\")")',
)
"""Metrics that cannot be measured without arguments, with some."""
UNITS = [unit for unit in METRICS.values() if not any(one.required for one in unit.parameters)]
UNITS += [find(text) for text in BOUND]
ids = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.text)


@dataclass(frozen=True)
class Rows:
    """A window of rows for every kind of metric: labels, decisions, scores, groups, a number and a category."""

    y: NDArray[np.int64]
    p: NDArray[np.int64]
    s: NDArray[np.float64]
    g: NDArray[np.str_]
    x: NDArray[np.float64]
    z: NDArray[np.float64]

    @classmethod
    def drawn(cls, n: int, seed: int = 0, *, shift: float = 0.0) -> Rows:
        """Some rows."""
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, n)
        s = np.clip(0.3 * y + 0.7 * rng.random(n), 0, 1)
        x = rng.normal(shift, 1, n)
        x[rng.random(n) < 0.05] = math.nan
        return cls(y, (s > 0.5).astype(np.int64), s, rng.choice(["A", "B", "C"], n), x, np.abs(rng.normal(5, 2, n)))

    def __getitem__(self, rows: Any) -> Rows:
        return Rows(self.y[rows], self.p[rows], self.s[rows], self.g[rows], self.x[rows], self.z[rows])


def results(counting: Counting, unit: Metric, rows: Rows, reference: Rows | None = None) -> Iterator[Result]:
    """The results of one metric on some rows, for every task that it is defined for."""
    binary = counting.binary(rows.y, rows.p, rows.s)
    if unit.kind == "segment":
        named = [("c0", "c1", "c2")] if unit.needs.classes else []
        yield from (unit.compute(s, *named) for s in of_one_segment(counting, unit, rows))
    elif unit.kind == "errors":
        yield unit.compute(counting.errors(rows.z + rows.s, rows.z), 2.0**-40)
    elif unit.kind == "change":
        before = counting.binary(*((one.y, one.p, one.s) if (one := reference) else (rows.y, rows.p, rows.s)))
        sides = [METRICS["performance.accuracy"].compute(side) for side in (binary, before)]
        yield next((side for side in sides if isinstance(side, Undefined)), None) or unit.compute(*sides)
    elif unit.kind == "groups":
        yield from (unit.compute(groups) for groups in grouped(counting, unit, rows))
    elif unit.kind == "quality":
        yield unit.compute(row_facts(counting, rows, binary))
    elif unit.kind == "estimate":
        yield from estimates(counting, unit, rows)
    elif unit.kind == "frame":
        frame = Frame({"predicted": rows.z + rows.s}, rows.y.size, np.where(rows.y < 0, math.nan, rows.z))
        yield unit.compute(FramePair(frame, None), regression())
    elif unit.kind == "selection":
        labelled, groups = rows.s <= 0.5, np.searchsorted(["A", "B", "C"], rows.g)
        yield unit.compute(LabelledRows(*(counting.tally(groups[part], 3) for part in (labelled, ~labelled))))
    elif unit.kind in ("summary", "sample"):
        summary = unit.kind == "summary"
        yield unit.compute(feature_drifts(counting, rows, reference) if summary else samples(rows, reference))
    else:
        yield from of_columns(counting, unit, rows, reference)


@functools.cache
def regression() -> ModelConfig:
    """A regression model, for metrics that are computed on its rows."""
    return ModelConfig.model_validate(
        {
            "model": "m",
            "version": "1",
            "owner": "ann",
            "intended_use": "tests",
            "risk": "limited",
            "task": "regression",
            "log": {"source": "x.parquet", "timestamp": "at", "prediction": "predicted"},
            "labels": {"label": "z"},
            "features": {"x": "numeric"},
            "monitor": {"every": "1d", "window": "1d"},
        }
    )


def of_columns(counting: Counting, unit: Metric, rows: Rows, reference: Rows | None) -> Iterator[Result]:
    """The results of one metric of columns, for a number and a category."""
    n = rows.y.size
    base = reference if reference is not None else Rows.drawn(500, 99)
    for plan, was, now in (
        (counting.numeric("x", base.x), base.x, rows.x),
        (counting.category("g", ("A", "B", "C")), base.g, rows.g),
    ):
        kind = "numeric" if plan.name == "x" else "category"
        if kind not in unit.needs.column_kinds:
            continue
        counts = replace(counting.column(plan, now), out_of_range=min(n, 2))
        if unit.kind == "column_quality":
            yield unit.compute(ColumnCounts(plan.cells, counts))
        else:
            yield unit.compute(ColumnPair(ColumnBaseline.of(plan, counting.column(plan, was).counts), counts.counts))


def estimates(counting: Counting, unit: Metric, rows: Rows) -> Iterator[Result]:
    """Estimates of some rows without their labels, for every task that a metric is defined for."""
    if "regression" in unit.tasks:
        tree = loss_tree()
        leaves = tree.leaf({"x": rows.x, "g": rows.g.astype(object)}, rows.x.size)
        yield unit.compute(Leaves(counting.tally(leaves, tree.size), tree, lambda *_: Variance(0.0), Circumstances()))
        return
    for baseline, now in zip(score_baselines(counting), of_one_segment(counting, unit, rows), strict=False):
        scored = baseline.scored(now, ALL_ROWS, Circumstances())
        yield scored if isinstance(scored, Undefined) else unit.compute(scored)


@functools.cache
def loss_tree() -> LossTree:
    """A loss tree, fitted once."""
    before = Rows.drawn(1500, 98)
    tree = fit_loss_tree({"x": before.x, "g": before.g.astype(object)}, before.s, np.ones(before.s.size))
    assert tree is not None
    return tree


@functools.cache
def score_baselines(counting: Counting) -> list[ScoreBaseline]:
    """References of a binary and a multiclass model, calibrated once."""
    parts = of_one_segment(counting, METRICS["estimated.accuracy"], Rows.drawn(1500, 98))
    wholes = [Statistics(QualityCounts(1500), segments={ALL_ROWS: part}) for part in parts]
    return [ScoreBaseline(Reference("r", "", (), (), 0, 0.0, whole, ())) for whole in wholes]


def of_one_segment(counting: Counting, unit: Metric, rows: Rows) -> Iterator[SegmentStatistics]:
    """The statistics of some rows, for every task that a metric is defined for."""
    n = rows.y.size
    if "binary" in unit.tasks:
        yield counting.binary(rows.y, rows.p, rows.s)
    if "multiclass" in unit.tasks:
        yield counting.classes(rows.y, rows.p, 3, np.stack([1 - rows.s, rows.s * 0.8, rows.s * 0.2], axis=1))
    if "regression" in unit.tasks:
        yield SegmentStatistics(n, n, interval=counting.intervals(rows.z, rows.s + 4, rows.s + 8))


def row_facts(counting: Counting, rows: Rows, all_rows: SegmentStatistics) -> RowFacts:
    """What the metrics of whole windows are computed from."""
    n, at = rows.y.size, datetime(2026, 1, 1, tzinfo=UTC)
    plan = counting.numeric("x", Rows.drawn(500, 99).x)
    repeated = np.searchsorted([0.9, 0.97], rows.s)
    return RowFacts(
        counting.quality(repeated, rows.z > 9, rows.z * 1e5),
        all_rows,
        at if n else None,
        at,
        Expected(100.0, 0.2, "a test"),
        {"x": plan.cells},
        {"x": counting.column(plan, rows.x)},
        schema=Schema({"x": "number"}),
        reference_schema=Schema({"x": "text", "y": "number"}),
    )


def grouped(counting: Counting, unit: Metric, rows: Rows) -> Iterator[Groups]:
    """The groups of some rows, for every task that a metric is defined for."""
    parts = {str(name): rows[rows.g == name] for name in np.unique(rows.g)}
    if "binary" in unit.tasks:
        yield Groups({name: counting.binary(part.y, part.p, part.s) for name, part in parts.items()})
    if "multiclass" in unit.tasks:
        yield Groups(
            {
                name: counting.classes(part.y, part.p, 3, np.stack([1 - part.s, part.s * 0.8, part.s * 0.2], axis=1))
                for name, part in parts.items()
            }
        )
    if "regression" in unit.tasks:
        yield Groups(
            {
                name: SegmentStatistics(part.z.size, part.z.size, errors=counting.errors(part.z + part.s, part.z))
                for name, part in parts.items()
            },
            unit=2.0**-40,
        )


def feature_drifts(counting: Counting, rows: Rows, reference: Rows | None) -> FeatureDrifts:
    """The drift of a number and a category, by PSI, with importances."""
    found = list(results(counting, METRICS["drift.psi"], rows, reference))
    named = [(name, one) for name, one in zip("xg", found, strict=True) if isinstance(one, Value)]
    measured = tuple(FeatureDrift(name, value, value.p_value or 1.0, 0.5) for name, value in named)
    return FeatureDrifts(measured, tuple(set("xg") - {name for name, _ in named}), rows.y.size)


def samples(rows: Rows, reference: Rows | None) -> SamplePair:
    """Rows side by side, in an order that depends on their content alone, as the engine gives them."""
    sides = []
    for side in (reference if reference is not None else Rows.drawn(500, 99), rows):
        order = np.lexsort((side.g, side.x, side.z))
        sides.append({"x": side.x[order], "z": side.z[order], "g": side.g[order].astype(object)})
    before, now = sides
    kinds = {"x": "numeric", "z": "numeric", "g": "category"}
    return SamplePair(before, now, kinds, labelled=now["z"] <= 5)


def check(unit: Metric, result: Result) -> None:
    """A value is finite, within bounds, inside its interval, and has a p-value exactly if it is a distance."""
    if isinstance(result, Undefined):
        assert result.reason
        return
    low, high = unit.bounds
    numbers = [result.value, *([result.interval.low, result.interval.high] if result.interval else [])]
    for number in numbers:
        assert math.isfinite(number)
        assert low is None or number >= low - 1e-12
        assert high is None or number <= high + 1e-12
    if result.interval is not None:
        assert result.interval.low - 1e-12 <= result.value <= result.interval.high + 1e-12
    assert result.n >= 1
    assert result.error_bound >= 0
    assert math.isfinite(result.error_bound)
    assert (result.p_value is not None) == (unit.family == "drift" or unit.kind in ("selection", "sample"))
    assert result.p_value is None or 0 < result.p_value <= 1


def test_every_kind_and_every_metric_is_covered() -> None:
    """Nothing of the catalogue is left out, and no kind."""
    assert {unit.kind for unit in UNITS} == set(get_args(Kind))
    assert {unit.id for unit in UNITS} == set(METRICS)


@ids
@pytest.mark.parametrize("n", [1, 2, 7, 60, 600])
def test_values_are_finite_within_bounds_and_inside_their_interval(counting: Counting, unit: Metric, n: int) -> None:
    """Whatever the number of rows, also a single one."""
    rows = Rows.drawn(n, n)
    for result in results(counting, unit, rows):
        check(unit, result)
        if n == 600:
            assert isinstance(result, Value), result


@ids
def test_no_rows_is_undefined(counting: Counting, unit: Metric) -> None:
    """Empty is never a value."""
    found = list(results(counting, unit, Rows.drawn(0)))
    assert found
    for result in found:
        assert isinstance(result, Undefined), result


@ids
def test_the_order_of_rows_does_not_matter(counting: Counting, unit: Metric) -> None:
    """Shuffled rows give the same result, bit by bit."""
    rows = Rows.drawn(300, 1)
    shuffled = rows[np.random.default_rng(2).permutation(300)]
    assert list(results(counting, unit, rows)) == list(results(counting, unit, shuffled))


@ids
@settings(max_examples=25)
@given(data=st.data())
def test_degenerate_rows_never_break_a_metric(counting: Counting, unit: Metric, data: st.DataObject) -> None:
    """One class, one group, constant scores, all null or far values: a checked value or a reason, never an error."""
    n = data.draw(st.integers(1, 40), label="n")
    seed = data.draw(st.integers(0, 1000), label="seed")
    rows = Rows.drawn(n, seed)
    labels = data.draw(st.sampled_from(["mixed", "positive", "negative", "missing"]), label="labels")
    numbers = data.draw(st.sampled_from(["mixed", "null", "constant", "infinite", "huge"]), label="numbers")
    scores = data.draw(st.sampled_from(["mixed", "zero", "one", "invalid"]), label="scores")
    filler = {"positive": 1, "negative": 0, "missing": -1}
    if labels in filler:
        rows = replace(rows, y=np.full(n, filler[labels]))
    if unit.kind == "errors":
        rows = replace(rows, s=np.zeros(n) if scores == "zero" else rows.s)
    else:
        values = {"null": math.nan, "constant": 2.5, "infinite": math.inf, "huge": 1e150}
        if numbers in values:
            rows = replace(rows, x=np.full(n, values[numbers]))
        constant = {"zero": 0.0, "one": 1.0, "invalid": math.nan}
        only_binary = unit.tasks == {"binary"} or unit.kind not in ("segment", "groups", "estimate")
        if scores in constant and (scores != "invalid" or only_binary):
            rows = replace(rows, s=np.full(n, constant[scores]))
    for result in results(counting, unit, rows, rows if seed % 2 else None):
        check(unit, result)


@ids
def test_days_merge_to_the_week(counting: Counting, counting_by_days: Counting, unit: Metric) -> None:
    """Seven days, counted each on its own and added up, give every metric of the week, bit by bit."""
    week, before = Rows.drawn(700, 3), Rows.drawn(700, 4)
    whole = list(results(counting, unit, week, before))
    assert list(map(repr, results(counting_by_days, unit, week, before))) == list(map(repr, whole))
    assert any(isinstance(result, Value) for result in whole)
