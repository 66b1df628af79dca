"""Drawn projects from files to the store: values, verdicts and what may not matter, against slow computations."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from scipy import stats

from aimsight.configs.load import load_project
from aimsight.metrics.registry import Kind, facts, find
from aimsight.monitors.recompute import recompute
from aimsight.monitors.run import run_due
from aimsight.store.database import Store
from aimsight.tests.random_projects import CURVES, SHARES, RandomProject, draw, with_objectives
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
    """All measurements of the project after its first run; a second one finds nothing to do.

    Those that need no rows follow again from the statistics that the store keeps.
    """
    loaded = load_project(project.write(root, turn=turn), facts())
    store = Store(loaded.root / loaded.config.store)
    (first,) = run_due(loaded, store, now=project.now)
    assert {run.outcome for run in first.runs} == {"success"}
    (second,) = run_due(loaded, store, now=project.now)
    assert second.runs == []
    again = recompute(loaded, store, [project.model["model"]])
    assert again.compared > FEWEST / 2
    assert [str(one) for one in again.findings] == []
    with store.read() as reader:
        return reader.rows(MEASURED)


@pytest.mark.parametrize("seed", [3, 4, 6, 8])
def test_every_value_is_that_of_the_rows(tmp_path: Path, seed: int) -> None:
    """Values, rows and intervals of a drawn project, whose rows lie in a drawn number of files in a drawn order."""
    project = draw(seed)
    found = measured(project, tmp_path / "project")
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
        assert row["value"] == pytest.approx(expected.value, rel=1e-7, abs=1e-8), where
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


DRIFTS = [f"drift.{name}" for name in (*SHARES, *CURVES)]
FEW = ["performance.accuracy", "performance.roc_auc", "fairness.demographic_parity_difference", *DRIFTS]
DRAWN = draw(6)
BASE = replace(DRAWN, model=DRAWN.model | {"metrics": FEW})


def in_csv(project: RandomProject) -> RandomProject:
    """The same in files of another form."""
    text = json.dumps(project.model).replace(f".{project.form}", ".csv")
    return replace(project, form="csv", model=json.loads(text))


def elsewhere(project: RandomProject) -> RandomProject:
    """The same moments as they are written on the other side of the world."""
    return replace(project, rows=project.rows.assign(at=project.rows["at"].dt.tz_convert("Asia/Kathmandu")))


def larger(project: RandomProject) -> RandomProject:
    """Another unit of one feature: a power of two, so that nothing is rounded."""
    rows = project.rows.assign(x=project.rows["x"] * 4)
    return replace(project, rows=rows, model=project.model | {"filters": {"upper": "x > 1 and half = b"}})


def renamed(project: RandomProject) -> RandomProject:
    """Groups by other names, in another order."""
    names = {name: f"group {9 - place}" for place, name in enumerate(sorted(project.rows["group"].dropna().unique()))}
    return replace(project, rows=project.rows.assign(group=project.rows["group"].map(names)))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a few metrics of a drawn project are."""
    return measured(BASE, tmp_path_factory.mktemp("base") / "project")


@pytest.mark.parametrize("change", [in_csv, elsewhere, larger, renamed])
def test_what_must_not_matter_does_not(
    tmp_path: Path, base: list[dict[str, Any]], change: Callable[[RandomProject], RandomProject]
) -> None:
    """The form of files, the offset of times, the unit of a feature and the names of groups change no number."""
    found = measured(change(BASE), tmp_path / "project")
    about = ("metric", "column_name", "window_start", "value", "n", "ci_low", "ci_high", "p_value", "q_value")
    assert len({row["segment"] for row in found}) == len({row["segment"] for row in base})
    assert Counter(repr([row[name] for name in about]) for row in found) == Counter(
        repr([row[name] for name in about]) for row in base
    )


ALL = [f"{family}.*" for family in ("drift", "estimated", "fairness", "performance", "quality")]
IN_EVERY_TASK = set(get_args(Kind)) - {"segment", "errors", "estimate", "frame"}
"""Kinds of metrics that have values in every drawn project; a frame's are those of a sample of rows."""


@pytest.mark.parametrize(("seed", "turn"), [(6, 3), (7, 2), (8, 1)])
def test_neither_threads_nor_the_order_of_rows_change_a_metric(tmp_path: Path, seed: int, turn: int) -> None:
    """Every metric that applies to the task, of every kind, is bit by bit the same in another turn of writing."""
    model, (_, start, _) = (drawn := draw(seed)).model, drawn.bounds
    regression = model["task"] == "regression"
    changes = {
        "metrics": [*dict.fromkeys([*ALL, *model["metrics"]])],
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
