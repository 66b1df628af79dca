"""What the pass counts besides decisions and columns, against counts by pandas and exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from aimsight.metrics.cells import CategoryCells
from aimsight.metrics.engines.duckdb import DuckDBEngine
from aimsight.metrics.plan import ColumnPlan, Window
from aimsight.metrics.statistics import DELAY_CELLS, ERROR_CELLS, IntervalCounts, merge
from aimsight.metrics.values import ALL_ROWS, Segment
from aimsight.tests.metrics.engine import logs

if TYPE_CHECKING:
    from aimsight.metrics.statistics import ErrorDetails, Statistics

SEXES = {"F": "F", "M": "M", "(missing)": None}


def _decisions(rows: pd.DataFrame, this: Any, other: Any) -> list[list[int]]:
    """Rows with a valid score by score cell and by prediction (other, this, anything else)."""
    table = [[0, 0, 0] for _ in range(1000)]
    for score, decision in zip(rows["score"], rows["decision"], strict=True):
        if 0 <= score <= 1:
            cell = min(math.floor(score * 1000), 999)
            table[cell][0 if decision in other else 1 if decision == this else 2] += 1
    return table


def _of_sex(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows[rows["sex"].isna()] if name == "(missing)" else rows[rows["sex"] == name]


def test_all_scored_rows_by_score_and_decision(bench: Any) -> None:
    """Every row with a valid score is in its cell, labelled or not; rows without a decision are apart."""
    frame = logs.make_frame(3000)
    frame["decision"] = frame["decision"].astype(object)
    frame.loc[::7, "decision"] = None
    frame.loc[5, "score"] = -0.0
    bench.write(frame)
    found = bench.profile()
    frame["day"] = (frame["at"] - logs.START) // timedelta(days=1)
    for number, statistics in enumerate(found.values()):
        day = frame[frame["day"] == number]
        counted = statistics.all_rows.score_decisions
        assert counted is not None
        assert counted[""].tolist() == _decisions(day, 1, [0])
        assert counted[""].dtype == np.int64
        for name in SEXES:
            part = statistics.segments[Segment((("sex", name),))]
            assert part.score_decisions is not None
            assert part.score_decisions[""].tolist() == _decisions(_of_sex(day, name), 1, [0])


def test_labelled_rows_are_part_of_the_scored_rows(bench: Any) -> None:
    """The labelled rows of a score cell are never more than all of its rows, and both add up."""
    bench.write(logs.make_frame(3000))
    for statistics in bench.profile().values():
        for part in statistics.segments.values():
            labelled = part.scores[""].cells()
            table = part.score_decisions[""].sum(axis=1)
            assert (table[labelled.positions.astype(int)] >= labelled.negatives + labelled.positives).all()
            assert int(table.sum()) == part.rows - part.invalid_scores


def test_a_model_without_decisions_has_scored_rows(bench: Any) -> None:
    """Without a prediction every scored row is one without a decision; without a score there is nothing."""
    frame = logs.make_frame(300)
    bench.write(frame)
    log = {"source": "log.parquet", "id": "id", "timestamp": "at"}
    total = merge(bench.profile(bench.plan(logs.config(log=log | {"score": "score"}), columns=())))
    table = (total.all_rows.score_decisions or {})[""]
    assert table[:, :2].sum() == 0
    assert table[:, 2].sum() == frame["score"].between(0, 1).sum()
    total = merge(bench.profile(bench.plan(logs.config(log=log | {"prediction": "decision"}), columns=())))
    assert total.all_rows.score_decisions is None


def test_scored_rows_of_classes_are_one_against_the_rest(bench: Any) -> None:
    """Each class has its scores by "another class", "this class" and none that is known."""
    rng = np.random.default_rng(5)
    classes = ("cat", "dog", "owl")
    raw = rng.dirichlet([1, 1, 1], 400)
    decision = rng.choice(np.array([*classes, "yak", None], dtype=object), 400)
    frame = pd.DataFrame({"at": [logs.START + timedelta(minutes=i) for i in range(400)], "decision": decision})
    frame["truth"] = rng.choice(np.array([*classes, "emu", None], dtype=object), 400)
    frame["x"] = 1.0
    frame[["p_cat", "p_dog", "p_owl"]] = raw
    frame.loc[7, "p_dog"] = 1.25
    bench.write(frame)
    scores = {name: f"p_{name}" for name in ("owl", "cat", "dog")}
    log = {"source": "log.parquet", "timestamp": "at", "prediction": "decision", "scores": scores}
    model = logs.config(task="multiclass", log=log, features={"x": "numeric"}, protected=[], segments=[])
    part = bench.profile(bench.plan(model, columns=(), classes=classes))[logs.days(4)[0]].all_rows
    valid = frame.drop(index=7)
    for name in classes:
        rows = valid.rename(columns={f"p_{name}": "score"})
        assert part.score_decisions[name].tolist() == _decisions(rows, name, set(classes) - {name})
    few = bench.profile(bench.plan(model, columns=(), classes=classes), exact_rows=1)[logs.days(4)[0]].all_rows
    for name in classes:
        assert logs.plain(few.scores[name]) == logs.plain(part.scores[name].cells())


def _regression(bench: Any, rows: int = 600) -> tuple[pd.DataFrame, Any]:
    """A regression log over four days with odd labels, predictions and intervals, and its model."""
    rng = np.random.default_rng(8)
    label = np.round(rng.normal(5, 15, rows), 3)
    prediction = np.round(label + rng.normal(0, 5, rows), 3)
    label[:9] = [0.0, 0.0, -1.0, 1e-300, -3.5, -0.0, 7.0, np.nan, 2.0]
    prediction[:9] = [0.0, 2.0, 4.0, 1.0, -1.0, 0.0, np.nan, 3.0, 1e300]
    frame = pd.DataFrame(
        {
            "at": [logs.START + timedelta(minutes=int(m)) for m in np.sort(rng.integers(0, 4 * 1440, rows))],
            "sex": rng.choice(["F", "M"], rows),
            "x": rng.normal(0, 1, rows),
            "minutes": prediction,
            "truth": label,
            "low": prediction - 6.0,
            "high": prediction + 6.0,
        }
    )
    frame.loc[20:24, "low"] = [np.nan, -np.inf, np.inf, 1e9, 3.0]
    frame.loc[20:24, "high"] = [1.0, np.inf, 1.0, -1e9, np.nan]
    frame.loc[25, ["low", "high"]] = frame.loc[25, "truth"]
    bench.write(frame)
    log = {"source": "log.parquet", "timestamp": "at", "prediction": "minutes", "interval": ["low", "high"]}
    model = logs.config(task="regression", log=log, features={"x": "numeric"}, protected=["sex"], segments=[])
    return frame, model


def _check_details(found: ErrorDetails, rows: pd.DataFrame) -> None:
    """Every sum in exact rational arithmetic, row by row."""
    pairs = [
        (float(p), float(y))
        for p, y in zip(rows["minutes"], rows["truth"], strict=True)
        if math.isfinite(p) and math.isfinite(y) and abs(p) < 1e299
    ]
    es = [logs.fixed(p - y, 26) for p, y in pairs]
    assert found.n == len(pairs)
    assert found.signed_square == sum(e * abs(e) for e in es)
    assert found.largest.at == max(map(abs, es), default=0)
    ratios = [(abs(p - y) / abs(y)) for p, y in pairs if y != 0]
    kept = [logs.fixed(r, 30) for r in ratios if r < 2**30]
    assert (found.relative_n, found.relative, found.relative_square) == (len(kept), sum(kept), sum(r * r for r in kept))
    assert found.zero_labels == sum(y == 0 for _, y in pairs)
    assert found.relative_overflow == len(ratios) - len(kept)
    symmetric = [0.0 if p == y else 2 * abs(p - y) / (abs(y) + abs(p)) for p, y in pairs]
    assert found.symmetric == pytest.approx(sum(logs.fixed(s, 50) for s in symmetric), abs=2 * len(pairs))
    assert found.symmetric_square == pytest.approx(sum(logs.fixed(s * s, 50) for s in symmetric), abs=8 * len(pairs))
    distances = [math.log1p(p) - math.log1p(y) for p, y in pairs if p > -1 and y > -1]
    squares = [logs.fixed(v * v, 40) for v in distances]
    assert found.log_n == len(distances)
    assert found.log_square == pytest.approx(sum(squares), abs=len(distances))
    assert found.log_fourth == pytest.approx(sum(s * s for s in squares), rel=1e-9)
    edges = ERROR_CELLS.edges() * 2**14
    edges[-1] = math.inf
    assert found.cells.tolist() == np.histogram([abs(e) for e in es], edges)[0].tolist()


def test_details_of_errors_are_exact(bench: Any) -> None:
    """Relative, symmetric, logarithmic and signed sums, the largest error and error cells are those of a loop."""
    frame, model = _regression(bench)
    plan = bench.plan(model, columns=(), error_exponent=-26, label_center=5.0)
    day = (frame["at"] - logs.START) // timedelta(days=1)
    for number, statistics in enumerate(bench.profile(plan).values()):
        _check_details(statistics.all_rows.errors.details, frame[day == number])
        for sex in ("F", "M"):
            part = statistics.segments[Segment((("sex", sex),))]
            _check_details(part.errors.details, frame[(day == number) & (frame["sex"] == sex)])


def test_labels_against_their_intervals(bench: Any) -> None:
    """Labels within, below and above [low, high], ends included; intervals that are none are apart."""
    frame, model = _regression(bench)
    total = merge(bench.profile(bench.plan(model, columns=(), error_exponent=-26)))
    low, high, truth = frame["low"], frame["high"], frame["truth"]
    valid, usable = low <= high, truth.notna()
    expected = IntervalCounts(
        covered=int((valid & (low <= truth) & (truth <= high)).sum()),
        below=int((valid & usable & (truth < low)).sum()),
        above=int((valid & usable & (truth > high)).sum()),
        invalid=int((~valid).sum()),
    )
    assert total.all_rows.interval == expected
    assert expected.covered > 0 < expected.invalid
    assert expected.below > 0 < expected.above
    without = logs.config(
        task="regression",
        log={"source": "log.parquet", "timestamp": "at", "prediction": "minutes"},
        features={"x": "numeric"},
        protected=[],
        segments=[],
    )
    assert merge(bench.profile(bench.plan(without, columns=(), error_exponent=-26))).all_rows.interval is None


def test_rows_outside_the_declared_envelope(bench: Any) -> None:
    """A row counts once however many of its features are outside; nothing declared, nothing said."""
    frame = logs.make_frame(2000)
    bench.write(frame)
    x = frame["x"]
    outside = (np.isfinite(x) & ((x < 18) | (x > 99))) | frame["shop"].isin(["it's", "new"])
    day = (frame["at"] - logs.START) // timedelta(days=1)
    for number, statistics in enumerate(bench.profile().values()):
        assert statistics.quality.outside_envelope == int(outside[day == number].sum())
    plain = logs.config(features={"x": "numeric", "shop": "category"})
    assert merge(bench.profile(bench.plan(plain))).quality.outside_envelope is None
    bench.write(frame.drop(columns="shop"))
    assert merge(bench.profile()).quality.outside_envelope is None


@pytest.mark.parametrize("joined", [False, True])
def test_delays_of_labels(joined: bool, bench: Any) -> None:
    """Usable labels by how many seconds after the decision they arrived; early and late ones are not among them."""
    frame = logs.make_frame(800)
    rng = np.random.default_rng(9)
    delay = np.round(rng.lognormal(9, 3, 800), 3)
    delay[:5] = [-5.0, 0.0, 0.999, 63.0, 64.0]
    frame["known"] = frame["at"] + pd.to_timedelta(delay, unit="s")
    frame.loc[9, "known"] = pd.NaT
    as_of = logs.START + timedelta(days=30)
    if joined:
        bench.write(frame.drop(columns=["truth", "known"]))
        bench.write(frame[["id", "truth", "known"]].sample(frac=1, random_state=1), "labels.parquet")
        model = logs.config(labels={"source": "labels.parquet", "label": "truth", "arrived_at": "known"})
    else:
        bench.write(frame)
        model = logs.config(labels={"label": "truth", "arrived_at": "known"})
    found = bench.profile(bench.plan(model, as_of=as_of))
    used = frame["truth"].notna() & (delay >= 0) & (frame["known"] <= as_of)
    day = (frame["at"] - logs.START) // timedelta(days=1)
    edges = DELAY_CELLS.edges()
    for number, statistics in enumerate(found.values()):
        seconds = delay[used & (day == number)]
        assert statistics.quality.label_delays.cells.tolist() == np.histogram(seconds, edges)[0].tolist()
        assert int(statistics.quality.label_delays.cells.sum()) == statistics.all_rows.labelled
    bench.write(frame)
    assert merge(bench.profile()).quality.label_delays is None


@dataclass(frozen=True)
class _Tree:
    """Leaves by a number and a category, both of which may be missing."""

    size: int = 4
    columns: tuple[str, ...] = ("x", "shop")

    def sql(self, columns: Mapping[str, str]) -> str:
        return (
            f"CASE WHEN {columns['x']} IS NULL OR isnan({columns['x']}) THEN 3 WHEN {columns['x']} < 40 THEN 0 "
            f"WHEN {columns['shop']} = 'north' THEN 1 ELSE 2 END"
        )


@pytest.mark.parametrize("joined", [False, True])
def test_rows_by_leaf_of_a_tree(joined: bool, bench: Any) -> None:
    """Every row of every segment is in the leaf that the tree's expression gives, labelled or not."""
    frame = logs.make_frame(1500)
    model = logs.config()
    if joined:
        bench.write(frame.drop(columns="truth"))
        bench.write(frame[["id", "truth"]].dropna(), "labels.parquet")
        model = logs.config(labels={"source": "labels.parquet", "label": "truth"})
    else:
        bench.write(frame)
    x, north = frame["x"], frame["shop"] == "north"
    leaf = np.select([x.isna(), x < 40, north], [3, 0, 1], default=2)
    day = (frame["at"] - logs.START) // timedelta(days=1)
    for number, statistics in enumerate(bench.profile(bench.plan(model, loss_tree=_Tree())).values()):
        assert set(statistics.leaves) == set(statistics.segments)
        assert statistics.leaves[ALL_ROWS].tolist() == np.bincount(leaf[day == number], minlength=4).tolist()
        for sex, value in SEXES.items():
            chosen = (day == number) & (frame["sex"].isna() if value is None else frame["sex"] == value)
            counted = statistics.leaves[Segment((("sex", sex),))]
            assert counted.tolist() == np.bincount(leaf[chosen], minlength=4).tolist()
    bench.write(frame)
    assert merge(bench.profile()).leaves is None


def test_a_tree_over_a_missing_feature_counts_nothing(bench: Any) -> None:
    """When a feature of the tree is not in the log there are no leaves, and everything else is there."""
    bench.write(logs.make_frame(100).drop(columns="shop"))
    total = merge(bench.profile(bench.plan(loss_tree=_Tree())))
    assert total.leaves is None
    assert total.quality.rows == 100
    assert "shop" in total.column_errors


def _with_everything(bench: Any) -> Any:
    """A plan of a regression that counts all there is."""
    frame, model = _regression(bench, 2000)
    frame["known"] = frame["at"] + pd.to_timedelta(np.random.default_rng(1).exponential(90_000, 2000), unit="s")
    bench.write(frame)
    model = model.model_copy(update={"labels": logs.config(labels={"label": "truth", "arrived_at": "known"}).labels})
    columns = (ColumnPlan("sex", "feature", CategoryCells(("F",))),)

    @dataclass(frozen=True)
    class Tree:
        size: int = 2
        columns: tuple[str, ...] = ("x",)

        def sql(self, columns: Mapping[str, str]) -> str:
            return f"CAST({columns['x']} > 0 AS INTEGER)"

    return frame, bench.plan(model, columns=columns[:0], error_exponent=-26, label_center=5.0, loss_tree=Tree())


@pytest.mark.parametrize(("threads", "order"), [(1, "reversed"), (2, "shuffled"), (3, "sorted"), (4, "shuffled")])
def test_neither_threads_nor_row_order_change_the_details(threads: int, order: str, bench: Any) -> None:
    """Statistics of a regression are bit-equal for any number of threads and any order of the rows."""
    frame, plan = _with_everything(bench)
    expected = logs.plain(bench.profile(plan, threads=1))
    changed = {"sorted": frame, "reversed": frame.iloc[::-1], "shuffled": frame.sample(frac=1, random_state=3)}[order]
    bench.write(changed, row_group=37)
    assert logs.plain(bench.profile(plan, threads=threads)) == expected


@pytest.mark.parametrize("pieces", [2, 5, 96])
def test_details_merge_whatever_the_windows(pieces: int, bench: Any) -> None:
    """Windows of any length merge to what one long window counts, bit by bit."""
    from dataclasses import replace

    _, plan = _with_everything(bench)
    whole = Window(logs.START, logs.START + timedelta(days=4))
    step = (whole.end - whole.start) / pieces
    windows = tuple(Window(whole.start + i * step, whole.start + (i + 1) * step) for i in range(pieces))
    total = bench.profile(replace(plan, windows=(whole,)))[whole]
    assert logs.plain(merge(bench.profile(replace(plan, windows=windows)))) == logs.plain(total)


@pytest.mark.parametrize("budget", [1, 100_000, 1_000_000])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_windows_beyond_the_memory_are_read_again(budget: int, task: str, bench: Any) -> None:
    """However little the tallies may hold, the statistics are the same."""
    if task == "binary":
        frame, plan = logs.make_frame(3000), bench.plan()
    else:
        frame, plan = _with_everything(bench)
    bench.write(frame.sample(frac=1, random_state=2))
    expected: dict[Window, Statistics] = bench.profile(plan)
    profile = DuckDBEngine(tally_bytes=budget).profile(plan)
    for window in reversed(logs.days(4)):
        assert logs.plain(profile[window]) == logs.plain(expected[window])
    assert logs.plain(dict(profile)) == logs.plain(expected)
