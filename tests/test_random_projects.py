"""Drawn projects from files to the store: every value against a slow computation on the rows, and again the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from scipy import stats

from aimsight.configs.load import load_project
from aimsight.metrics.registry import Kind, facts, find
from aimsight.monitors.run import run_due
from aimsight.store.database import Store
from aimsight.tests.random_projects import RandomProject, draw, with_objectives
from aimsight.tests.row_oracle import Oracle, comparable
from aimsight.tests.verdict_oracle import assert_follows

MEASURED = (
    "SELECT metric, column_name, segment, segment_columns, segment_values, window_start, window_end, value, n, ci_low, "
    "ci_high, p_value, q_value, undefined_reason, detail FROM measurements WHERE is_latest ORDER BY ALL"
)
FEWEST = 300
"""Values that are compared at least, so that the test cannot pass by comparing none."""
FEWEST_VERDICTS = 5
"""Different verdicts, of six, that are met at least."""


def measured(project: RandomProject, root: Path, *, turn: int = 0) -> list[dict[str, Any]]:
    """All measurements of the project after its first run; a second one finds nothing to do."""
    loaded = load_project(project.write(root, turn=turn), facts())
    store = Store(loaded.root / loaded.config.store)
    (first,) = run_due(loaded, store, now=project.now)
    assert {run.outcome for run in first.runs} == {"success"}
    (second,) = run_due(loaded, store, now=project.now)
    assert second.runs == []
    with store.read() as reader:
        return reader.rows(MEASURED)


@pytest.mark.parametrize("seed", [3, 4, 6, 8])
def test_every_value_is_that_of_the_rows(tmp_path: Path, seed: int) -> None:
    """Values, rows and intervals of a drawn project, and the same from the rows in another order and other files."""
    project = draw(seed)
    found = measured(project, tmp_path / "once")
    assert list(map(repr, measured(project, tmp_path / "again", turn=1))) == list(map(repr, found))
    oracle = Oracle(project, ((row["window_start"], row["window_end"]) for row in found))
    compared = Counter[str]()
    for row in found:
        why = row["undefined_reason"] or ""
        if not comparable(row["metric"], row["column_name"]) or why.startswith("not to be trusted"):
            continue
        expected = oracle.expected(row)
        where = {key: row[key] for key in ("metric", "column_name", "segment", "window_start", "undefined_reason")}
        if expected is None:
            assert row["value"] is None, where
            continue
        assert row["value"] == pytest.approx(expected.value, rel=1e-7, abs=expected.within), where
        assert expected.n in {None, row["n"]}, where
        if expected.interval is not None:
            assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected.interval, rel=1e-5, abs=1e-6), where
        compared[row["metric"]] += 1
    assert set(compared) == set(project.model["metrics"])
    assert compared.total() >= FEWEST
    assert_q_values(found)


def assert_q_values(found: list[dict[str, Any]]) -> None:
    """Benjamini and Hochberg's, over the columns of one metric in one window; no p-value without a value."""
    families = defaultdict[tuple[Any, ...], list[dict[str, Any]]](list)
    for row in found:
        if row["p_value"] is not None and row["metric"].startswith("drift."):
            families[row["metric"], row["window_start"]].append(row)
    assert max(map(len, families.values())) > 1
    for rows in families.values():
        expected = stats.false_discovery_control([row["p_value"] for row in rows])
        assert [row["q_value"] for row in rows] == pytest.approx(list(expected), rel=1e-12)


ALL = [f"{family}.*" for family in ("drift", "estimated", "fairness", "performance", "quality")]
IN_EVERY_TASK = set(get_args(Kind)) - {"segment", "errors", "estimate", "frame"}
"""Kinds of metrics that have values in every drawn project; a frame's are those of a sample of rows."""


@pytest.mark.parametrize(("seed", "turn"), [(6, 3), (7, 2), (8, 1)])
def test_neither_threads_nor_the_order_of_rows_change_a_metric(tmp_path: Path, seed: int, turn: int) -> None:
    """Every metric that applies to the task, of every kind, is bit by bit the same in another turn of writing."""
    model, (_, start, _) = (drawn := draw(seed)).model, drawn.bounds
    regression = model["task"] == "regression"
    changes = {
        "metrics": [*ALL, f"performance.change(of={'mae' if regression else 'accuracy'})"],
        "features": model["features"] | {"x": {"kind": "numeric", "importance": 0.7}},
        "monitor": model["monitor"] | {"window": "2d", "end": str((start + timedelta(days=2, hours=12)).date())},
    }
    project = replace(drawn, model=model | changes)
    first = measured(project, tmp_path / "once")
    assert list(map(repr, measured(project, tmp_path / "again", turn=turn))) == list(map(repr, first))
    kinds = {find(row["metric"]).kind for row in first if row["value"] is not None}
    assert kinds >= IN_EVERY_TASK | ({"errors", "estimate"} if regression else {"segment"})


@pytest.mark.parametrize("seed", [4, 6, 8])
def test_every_verdict_and_nonconformity_follows_from_the_measurements(tmp_path: Path, seed: int) -> None:
    """Objectives with drawn targets, two days without rows: verdicts, and what opens, by the written rules alone."""
    project = with_objectives(draw(seed))
    loaded = load_project(project.write(tmp_path / "project"), facts())
    store = Store(loaded.root / loaded.config.store)
    run_due(loaded, store, now=project.now)
    with store.read() as reader:
        verdicts = assert_follows(reader, project.model, project.now)
        kinds = {row["kind"] for row in reader.rows("SELECT kind FROM nonconformities")}
    assert len(verdicts) >= FEWEST_VERDICTS
    assert kinds >= {"monitoring not done", "performance"}
